//! Recorded answers of the reference, replayed against this server.
//!
//! `http/replay.py` starts the program once per scenario and compares every answer. `passing.txt` lists the scenarios that
//! must pass; whoever makes another one pass adds it there. A scenario that passes without standing there is told, so that
//! the list does not fall behind. `differing.txt` lists those in which counted steps differ on purpose, with these steps.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use semaphore_tests::{program, project_root};

fn directory() -> PathBuf {
    project_root().join("tests/conformance")
}

/// Names in `passing.txt`: one a line, `#` begins a comment.
fn expected() -> BTreeSet<String> {
    let text = fs::read_to_string(directory().join("passing.txt")).unwrap();
    let names = text.lines().map(|l| l.split('#').next().unwrap().trim()).filter(|l| !l.is_empty());
    names.map(str::to_owned).collect()
}

/// Runs the scenarios and returns the names with PASS, FAIL or SKIP, and everything that was printed.
fn replay(names: &BTreeSet<String>) -> (Vec<(String, String)>, String) {
    let mut child = Command::new("python3")
        .arg(directory().join("http/replay.py"))
        .arg("--bin")
        .arg(program())
        .args(["--jobs", "4"])
        .args(names.iter().map(|n| directory().join(format!("http/open/{n}.json"))))
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .expect("python3 is needed for the conformance tests");
    let mut printed = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        printed.push_str(&line.unwrap());
        printed.push('\n');
    }
    child.wait().unwrap();
    let verdict = |line: &str| {
        let mut words = line.split_whitespace();
        let kind = words.next().filter(|k| matches!(*k, "PASS" | "FAIL" | "SKIP"))?;
        Some((words.next()?.to_owned(), kind.to_owned()))
    };
    (printed.lines().filter_map(verdict).collect(), printed)
}

#[test]
fn every_listed_scenario_exists() {
    let missing: Vec<_> =
        expected().into_iter().filter(|n| !directory().join(format!("http/open/{n}.json")).is_file()).collect();
    assert!(missing.is_empty(), "passing.txt names scenarios that are not there: {missing:?}");
}

#[test]
fn listed_scenarios_pass() {
    let expected = expected();
    assert!(!expected.is_empty(), "passing.txt is empty");
    let (verdicts, printed) = replay(&expected);
    let seen: BTreeSet<_> = verdicts.iter().map(|(name, _)| name.clone()).collect();
    let failed: Vec<_> = verdicts.iter().filter(|(_, kind)| kind == "FAIL").map(|(name, _)| name).collect();
    assert!(
        failed.is_empty() && seen == expected,
        "failed: {failed:?}, without a verdict: {:?}\n{printed}",
        expected.difference(&seen)
    );
}

/// Scenarios of `differing.txt` with the steps that differ.
fn differing() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(directory().join("differing.txt")).unwrap();
    let lines = text.lines().map(|l| l.split('#').next().unwrap().split_whitespace().map(str::to_owned));
    lines.filter_map(|mut words| Some((words.next()?, words.collect()))).collect()
}

#[test]
fn listed_differences_are_the_only_ones() {
    let expected = differing();
    let (verdicts, printed) = replay(&expected.keys().cloned().collect());
    assert_eq!(verdicts.len(), expected.len(), "{printed}");
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut scenario = String::new();
    for line in printed.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["PASS" | "FAIL", name, ..] => scenario = name.to_owned(),
            ["DIFF", step, ..] => {
                found.entry(scenario.clone()).or_default().insert(step.to_owned());
            }
            _ => {}
        }
    }
    assert_eq!(found, expected, "{printed}");
}

/// Not a failure: the list may lag behind the work of the day. `cargo test --test conformance -- --ignored --nocapture`.
#[test]
#[ignore = "shows which further scenarios pass by now"]
#[expect(clippy::print_stdout, reason = "its result is meant to be read")]
fn which_further_scenarios_pass() {
    let expected = expected();
    let all = fs::read_dir(directory().join("http/open")).unwrap();
    let names = all.filter_map(|e| Some(e.unwrap().file_name().to_str()?.strip_suffix(".json")?.to_owned()));
    let others: BTreeSet<_> = names.filter(|n| !expected.contains(n) && !differing().contains_key(n)).collect();
    let (verdicts, printed) = replay(&others);
    println!("{printed}");
    for (name, _) in verdicts.iter().filter(|(_, kind)| kind == "PASS") {
        println!("add to passing.txt: {name}");
    }
}

//! Recorded answers of the reference, replayed against this server.
//!
//! `http/replay.py` starts the program once per scenario and compares every answer. `passing.txt` lists the scenarios that
//! must pass, and no other may: whoever makes another one pass adds it there. `differing.txt` lists those in which counted
//! steps differ on purpose, with these steps. PARITY.md, the same facts route by route, and docs/differences-recorded.md, the
//! marked steps with our answers, are compared with what the replay says.

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

/// What the replay of all open scenarios found.
struct Replay {
    /// Names with PASS, FAIL or SKIP.
    verdicts: Vec<(String, String)>,
    /// Everything that was printed.
    printed: String,
    /// The table of routes that follows from it.
    table: String,
    /// The list of marked steps with our answers.
    marks: String,
}

fn replay() -> Replay {
    let table = tempfile::NamedTempFile::new().unwrap();
    let marks = tempfile::NamedTempFile::new().unwrap();
    let mut child = Command::new("python3")
        .arg(directory().join("parity.py"))
        .arg("--table")
        .arg(table.path())
        .arg("--marks")
        .arg(marks.path())
        .arg("--bin")
        .arg(program())
        .args(["--jobs", "4", "--ports", "12000-29999"])
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
    let verdicts = printed.lines().filter_map(verdict).collect();
    let [table, marks] = [table, marks].map(|file| fs::read_to_string(file.path()).unwrap());
    Replay { verdicts, printed, table, marks }
}

#[test]
fn every_listed_scenario_exists() {
    let missing: Vec<_> =
        expected().into_iter().filter(|n| !directory().join(format!("http/open/{n}.json")).is_file()).collect();
    assert!(missing.is_empty(), "passing.txt names scenarios that are not there: {missing:?}");
}

#[test]
fn the_listed_scenarios_pass_and_the_table_of_routes_says_so() {
    let expected = expected();
    assert!(!expected.is_empty(), "passing.txt is empty");
    let Replay { verdicts, printed, table, marks } = replay();
    let passed: BTreeSet<_> =
        verdicts.iter().filter(|(_, kind)| kind == "PASS").map(|(name, _)| name.clone()).collect();
    assert!(
        passed == expected,
        "listed, but did not pass: {:?}; passed, but not listed: {:?}\n{printed}",
        expected.difference(&passed),
        passed.difference(&expected)
    );
    assert_eq!(differences(&printed, &differing()), differing(), "{printed}");
    is_current("PARITY.md", &table);
    is_current("docs/differences-recorded.md", &marks);
}

/// A generated file is what the replay says.
#[track_caller]
fn is_current(file: &str, said: &str) {
    let committed = fs::read_to_string(project_root().join(file)).unwrap_or_default();
    let changed: Vec<_> = said.lines().filter(|line| !committed.lines().any(|other| other == *line)).collect();
    assert!(said == committed, "{file} is not what the replay says; run scripts/parity. New lines: {changed:#?}");
}

/// Scenarios with steps of theirs.
type Steps = BTreeMap<String, BTreeSet<String>>;

/// Scenarios of `differing.txt` with the steps that differ.
fn differing() -> Steps {
    let text = fs::read_to_string(directory().join("differing.txt")).unwrap();
    let lines = text.lines().map(|l| l.split('#').next().unwrap().split_whitespace().map(str::to_owned));
    lines.filter_map(|mut words| Some((words.next()?, words.collect()))).collect()
}

/// The steps in which these scenarios differed.
fn differences(printed: &str, wanted: &Steps) -> Steps {
    let mut found = Steps::new();
    let mut scenario = "";
    for line in printed.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["PASS" | "FAIL", name, ..] => scenario = name,
            ["DIFF", step, ..] if wanted.contains_key(scenario) => {
                found.entry(scenario.to_owned()).or_default().insert(step.to_owned());
            }
            _ => {}
        }
    }
    found
}

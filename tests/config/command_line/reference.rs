//! The recorded command line of the reference, entry by entry: commands with their flags, and transcripts.

use std::{collections::BTreeSet, fs};

use serde_json::Value;

use super::{Place, fixture, machine_has_config};

fn recorded() -> Value {
    serde_json::from_slice(&fs::read(fixture("cli.json")).unwrap()).unwrap()
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The line of a help about a flag.
fn flag_line<'a>(help: &'a str, flag: &str) -> Option<&'a str> {
    let flag = format!("--{flag}");
    help.lines().map(str::trim).find(|line| {
        line.split([' ', ',', '[']).take_while(|word| word.starts_with('-') || word.is_empty()).any(|word| word == flag)
    })
}

#[test]
fn every_command_is_there_with_its_aliases_and_flags() {
    let (place, recorded) = (Place::new(), recorded());
    let mut missing = Vec::new();
    for (name, command) in recorded["commands"].as_object().unwrap() {
        let words: Vec<&str> = name.split(' ').skip(1).collect();
        let help = place.run(&[&words[..], &["--help"]].concat()).expect(0);
        assert_eq!(help.stderr, "", "{name}");
        let help = help.stdout;
        for alias in texts(&command["aliases"]) {
            let mut words = words.clone();
            *words.last_mut().unwrap() = alias;
            place.run(&[&words[..], &["--help"]].concat()).expect(0);
        }
        for flag in command["flags"].as_array().unwrap() {
            let long = flag["flag"].as_str().unwrap();
            let Some(line) = flag_line(&help, long) else {
                missing.push(format!("{name} --{long}"));
                continue;
            };
            let takes_value = line.contains(&format!("--{long} <"));
            assert_eq!(takes_value, flag["type"] != "bool", "{name}: {line}");
            if let Some(short) = flag["short"].as_str() {
                assert!(line.starts_with(&format!("-{short}, ")), "{name}: {line}");
            }
            // All defaults of the reference are empty, zero or false, and none is announced.
            assert!(!line.contains("[default"), "{name}: {line}");
        }
        for global in texts(&command["global_flags"]) {
            assert!(flag_line(&help, global).is_some(), "{name} --{global}");
        }
        for below in command["subcommands"].as_object().unwrap().keys() {
            let known = help.lines().any(|line| line.split_whitespace().next() == Some(below));
            if !known {
                missing.push(format!("{name} {below}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Where the exit code is another one than the reference's, besides panics (2 there, 1 here); see docs/differences.md.
const OTHER_CODES: &[(&str, i32)] = &[
    // A command of ours, which shows its help.
    ("token", 0),
    // Nothing was imported.
    ("migrate --from-boltdb /nonexistent", 1),
    // The import before it left nothing, and there half a project.
    ("project export --project-name imported", 1),
    ("project export --project-id 1 --file <DIR>/out.json", 1),
];

/// Transcripts whose text on stdout is another one: helps, errors that are on stderr here, the second factor with its code.
fn has_other_text(line: &str, expected: &Value) -> bool {
    let recorded = expected["stdout"].as_str().unwrap_or_default();
    recorded.contains("Usage:")
        || expected["exit_code"] == 2
        || recorded.is_empty()
        || ["version", "token", "migrate", "user totp enable --login", "user totp show --login"]
            .iter()
            .any(|start| line.starts_with(start))
        || ["project export --project-name imported", "project export --project-id", "--config", "--no-config"]
            .iter()
            .any(|part| line.contains(part))
}

#[test]
fn transcripts_end_with_the_same_code_and_say_the_same() {
    let place = Place::with_config();
    let (directory, outside) = (place.0.path().to_str().unwrap().to_owned(), Place::new());
    fs::copy(fixture("backup/backup.alpha.restorable.json"), place.path("backup.json")).unwrap();
    fs::write(place.path("broken.json"), "{").unwrap();
    let recorded = recorded();
    let mut compared = BTreeSet::new();
    for transcript in recorded["transcripts"].as_array().unwrap() {
        let arguments: Vec<String> = texts(&transcript["args"])
            .into_iter()
            .map(|word| match word {
                "<a file that is not JSON>" => format!("{directory}/broken.json"),
                word => word.replace("<DIR>", &directory).replace("/srv/semfx", &directory),
            })
            .collect();
        let line = texts(&transcript["args"]).join(" ");
        let code = transcript["exit_code"].as_i64().unwrap();
        // The command without a configuration is recorded twice with the same words.
        let has_none = transcript["stdout"].as_str().unwrap_or_default().contains("Cannot Find configuration");
        if has_none && machine_has_config() {
            continue;
        }
        let environment: Vec<(String, String)> = transcript["env"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().replace("<DIR>", &directory)))
            .collect();
        let environment: Vec<_> = environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let place = if has_none { &outside } else { &place };
        let run = place.run_with(&arguments, transcript["stdin"].as_str().unwrap_or_default(), &environment);

        let other = OTHER_CODES.iter().find(|(other, _)| *other == line).map(|(_, code)| *code);
        let expected = other.unwrap_or(if code == 2 { 1 } else { code as i32 });
        assert_eq!(run.code, expected, "{line}: {run:#?}");
        assert!(!run.stderr.contains("panicked"), "{line}: {run:#?}");
        if expected == 0 {
            assert!(!run.stderr.contains("error:") && !run.stdout.is_empty(), "{line}: {run:#?}");
        } else {
            assert!(!run.stderr.is_empty() || run.stdout.lines().count() > 0, "{line} fails without a word: {run:#?}");
        }
        if !has_other_text(&line, transcript) && other.is_none() {
            let without_time = |text: &str| -> Vec<String> {
                text.lines().filter(|line| !line.starts_with("Created: ")).map(str::to_owned).collect()
            };
            let wanted = without_time(transcript["stdout"].as_str().unwrap());
            // Why an import failed, and that there is no configuration, stands on stderr.
            let ours: Vec<String> = without_time(&run.stdout);
            if has_none {
                assert!(run.stderr.contains(wanted.last().unwrap()), "{line}: {run:#?}");
            } else if line.contains("--project-id 99") {
                assert!(ours.last().unwrap().starts_with("Failed to create backup: "), "{line}: {run:#?}");
            } else {
                assert_eq!(ours, wanted, "{line}: {run:#?}");
            }
            compared.insert(line);
        }
    }
    assert!(compared.len() >= 20, "only {compared:#?} were compared word by word");
}

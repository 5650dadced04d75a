//! Lists for scripts, completions and manual pages.

use std::{fs, process::Command};

use serde_json::{Value, json};

use super::{Place, fixture, mode};

#[test]
fn lists_as_json_are_nothing_but_json_even_when_the_database_is_new() {
    let place = Place::with_config();
    let none = place.run(&["users", "list", "--json", "--log-level", "ERROR"]).expect(0);
    assert_eq!(none.json(), json!([]), "{none:#?}");
    assert!(none.stderr.contains("Migrations Finished"), "{none:#?}");
    place.add_admin();
    let users = place.run(&["user", "list", "--json"]).expect(0);
    assert_eq!(users.json()[0]["username"], "adm");
    assert!(!users.stdout.contains("$2"), "no hash: {users:#?}");
    let user = place.run(&["user", "get", "--login", "adm", "--json"]).expect(0).json();
    assert_eq!(
        (user["id"].as_i64(), &user["email"], &user["admin"]),
        (Some(1), &json!("adm@example.test"), &json!(true))
    );
    let unknown = place.run(&["user", "get", "--login", "nobody", "--json"]).expect(1);
    assert!(unknown.stdout.contains("not found"), "{unknown:#?}");
    assert_eq!(place.run(&["token", "list", "--login", "adm", "--json"]).expect(0).json(), json!([]));
    place.run(&["token", "list", "--login", "nobody"]).expect(1);
}

#[test]
fn a_login_and_an_address_of_two_people_name_nobody() {
    let place = Place::with_config();
    place.add_admin();
    let other = ["--login", "bob", "--name", "Bob", "--email", "bob@example.test", "--password", "a long password"];
    place.run(&[&["user", "add"][..], &other].concat()).expect(0);
    let both = ["--login", "bob", "--email", "adm@example.test"];
    let refused = place.run(&[&["user", "delete"][..], &both].concat()).expect(1);
    assert!(refused.stderr.contains("belong to two users"), "{refused:#?}");
    place.run(&[&["user", "get"][..], &both].concat()).expect(1);
    assert_eq!(place.run(&["users", "list", "--json"]).expect(0).json().as_array().unwrap().len(), 2);
    place.run(&["user", "delete", "--login", "bob", "--email", "bob@example.test"]).expect(0);
}

#[test]
fn shells_complete_every_command() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = place.done(&["completion", shell]);
        for word in ["change-by-email", "stdin-old-key", "non-interactive"] {
            assert!(script.contains(word), "{shell} does not know {word}");
        }
        let plain = place.done(&["completion", shell, "--no-descriptions"]);
        assert!(plain.contains("change-by-email") && !plain.contains("Re-encrypt the secrets"), "{shell}");
        fs::write(place.path(shell), script).unwrap();
    }
    let checked = Command::new("bash").arg("-n").arg(place.path("bash")).output().unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    // What bash proposes behind `semaphore vaults `.
    let ask = "source ./bash; COMP_WORDS=(semaphore vaults ''); COMP_CWORD=2; _semaphore semaphore '' vaults; echo \"${COMPREPLY[@]}\"";
    let proposed = Command::new("bash").args(["-c", ask]).current_dir(place.0.path()).output().unwrap();
    assert!(String::from_utf8_lossy(&proposed.stdout).contains("rekey"), "{proposed:?}");
    place.run(&["completion", "tcsh"]).expect(1);
}

#[test]
fn manual_pages_are_written_for_every_command() {
    let place = Place::new();
    place.done(&["man", "--dir", "pages/man1"]);
    for (page, word) in [
        ("semaphore.1", "users"),
        ("semaphore-setup.1", "admin"),
        ("semaphore-projects-import.1", "Override project name"),
        ("semaphore-vaults-rekey.1", "Old encryption key"),
    ] {
        let text = place.text(&format!("pages/man1/{page}"));
        assert!(text.starts_with(".ie") && text.contains(".TH") && text.contains(word), "{page}: {text}");
    }
    let pages = fs::read_dir(place.path("pages/man1")).unwrap().map(|page| page.unwrap().file_name());
    assert!(pages.into_iter().all(|page| !page.to_string_lossy().contains("help")), "a page says things twice");
    fs::write(place.path("file"), "").unwrap();
    let refused = place.run(&["man", "--dir", "file"]).expect(1);
    assert!(refused.stderr.contains("cannot write manual pages into file"), "{refused:#?}");
    assert!(place.done(&["man"]).contains(".TH"));
}

#[test]
fn a_task_is_exported_whole() {
    let place = Place::with_config();
    fs::copy(fixture("db/sqlite/database.sqlite"), place.path("database.sqlite")).unwrap();
    let export = ["task", "export", "--project-id", "1", "--id", "23"];
    let recorded: Value = serde_json::from_slice(&fs::read(fixture("db/sqlite/expected.json")).unwrap()).unwrap();
    let document = place.run(&export).expect(0).json();
    assert_eq!((&document["task"]["id"], &document["task"]["status"]), (&json!(23), &json!("success")));
    let lines = |list: &Value| -> Vec<(Value, Value)> {
        list.as_array().unwrap().iter().map(|line| (line["time"].clone(), line["output"].clone())).collect()
    };
    let expected = &recorded["admin"]["/api/project/1/tasks/23/output"]["body"];
    assert_eq!(lines(&document["output"]), lines(expected));

    place.done(&[&export[..], &["--file", "task.json"]].concat());
    assert_eq!((place.json("task.json"), mode(&place.path("task.json"))), (document, 0o600));
    fs::write(place.path("task.json"), "old").unwrap();
    let refused = place.run(&["task", "export", "--project-id", "2", "--id", "23", "--file", "task.json"]).expect(1);
    assert!(refused.stderr.contains("project 2 has no task 23"), "a task of another project: {refused:#?}");
    assert_eq!(place.text("task.json"), "old");
}

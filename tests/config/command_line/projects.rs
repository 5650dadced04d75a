//! `projects export` and `import`: files of the Go server come in, ours go round, and what fails leaves nothing.

use std::fs;

use serde_json::{Value, json};

use super::{Place, fixture, mode};

/// A document whose order within its lists does not count.
fn sorted(mut document: Value) -> Value {
    for list in document.as_object_mut().unwrap().values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(Value::to_string);
    }
    document
}

/// An installation with an administrator and the role that a template of the Go server's backup names.
fn installation() -> Place {
    let place = Place::with_config();
    place.add_admin();
    place
}

/// The Go server's backup without the role, which is one of its installation.
fn backup() -> Value {
    let text = fs::read(fixture("backup/backup.alpha.restorable.json")).unwrap();
    let mut backup: Value = serde_json::from_slice(&text).unwrap();
    for template in backup["templates"].as_array_mut().unwrap() {
        template["roles"] = json!([]);
    }
    backup
}

fn projects(place: &Place) -> Vec<String> {
    let ids = 1..6;
    let export = |id: i32| place.run(&["project", "export", "--file", "-", "--project-id", &id.to_string()]);
    let found = ids.map(export).filter(|run| run.code == 0);
    found.map(|run| run.json()["meta"]["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_backup_of_the_go_server_comes_in_and_goes_round() {
    let place = installation();
    fs::write(place.path("alpha.json"), backup().to_string()).unwrap();
    let imported = place.done(&["project", "import", "--file", "alpha.json", "--project-name", "First"]);
    assert!(imported.ends_with("Imported project from alpha.json\nProject(s) imported: 1/1\n"), "{imported}");
    let exported = place.done(&["projects", "export", "--project-name", "fiRST", "--file", "first.json"]);
    assert!(exported.ends_with("Project exported to first.json\n"), "{exported}");
    assert_eq!(mode(&place.path("first.json")), 0o600);
    let first = place.json("first.json");
    // What the Go server exported of the project that it had restored of the same file.
    let mut there: Value =
        serde_json::from_slice(&fs::read(fixture("backup/backup.alpha.restored.json")).unwrap()).unwrap();
    for template in there["templates"].as_array_mut().unwrap() {
        template["roles"] = json!([]);
    }
    there["meta"]["name"] = json!("First");
    for section in ["templates", "repositories", "environments", "inventories", "keys", "views", "schedules", "meta"] {
        let pick = |document: &Value| sorted(json!({section: document[section]}));
        assert_eq!(pick(&first), pick(&there), "{section}");
    }

    place.done(&["project", "import", "--file", "first.json", "--project-name", "Second"]);
    let to_stdout = place.run(&["project", "export", "--project-id", "2", "--file", "-"]).expect(0);
    let mut second = to_stdout.json();
    assert_eq!(second["meta"]["name"], "Second");
    second["meta"]["name"] = json!("First");
    // An address of an integration is in use already, and a role belongs to its project.
    let without_addresses = |mut document: Value| {
        document["integration_aliases"] = json!([]);
        for integration in document["integrations"].as_array_mut().unwrap() {
            integration["aliases"] = json!([]);
        }
        for role in document["roles"].as_array_mut().unwrap() {
            // The number of the project.
            role["project_id"].take();
        }
        sorted(document)
    };
    assert_eq!(without_addresses(second), without_addresses(first));
    // Without a file the lines of the reference stand before the document.
    let plain = place.done(&["project", "export", "--project-id", "2"]);
    assert_eq!(plain, format!("Loading config\nValidating config\n{}", to_stdout.stdout));
}

#[test]
fn an_import_that_fails_leaves_nothing() {
    let place = installation();
    let mut broken = backup();
    let last = broken["templates"].as_array().unwrap().len() - 1;
    broken["templates"][last]["repository"] = json!("nowhere");
    fs::create_dir_all(place.path("backups/below")).unwrap();
    fs::write(place.path("backups/a.JSON"), broken.to_string()).unwrap();
    fs::write(place.path("backups/b.bk"), "{").unwrap();
    fs::write(place.path("backups/c.txt"), backup().to_string()).unwrap();
    let run = place.run(&["project", "import", "--dir", "backups"]).expect(1);
    assert!(run.stderr.contains("failed to import backups/a.JSON") && run.stderr.contains("nowhere"), "{run:#?}");
    assert!(run.stderr.contains("this is no backup of a project"), "{run:#?}");
    assert_eq!(projects(&place), [""; 0]);

    fs::write(place.path("backups/below/d.backup"), backup().to_string()).unwrap();
    let run = place.run(&["project", "import", "--dir", "backups"]).expect(0);
    assert!(run.stdout.ends_with("Project(s) imported: 1/3\n"), "{run:#?}");
    let again = place.run(&["project", "import", "--file", "backups/below/d.backup"]).expect(1);
    assert!(again.stderr.contains("already exists"), "{again:#?}");
    assert_eq!(projects(&place), ["Alpha"]);

    // As over HTTP, nothing is the same as an empty list.
    let mut null = backup();
    null["templates"][0]["survey_vars"] = Value::Null;
    fs::write(place.path("null.json"), null.to_string()).unwrap();
    place.run(&["project", "import", "--file", "null.json", "--project-name", "Null"]).expect(0);
    assert_eq!(projects(&place), ["Alpha", "Null"]);
    // A document that is nothing is none.
    fs::write(place.path("nothing.json"), "null").unwrap();
    place.run(&["project", "import", "--file", "nothing.json", "--project-name", "Nothing"]).expect(1);
    // A file may stand in place of the directory.
    fs::remove_file(place.path("null.json")).unwrap();
    fs::write(place.path("single.json"), backup().to_string().replace("Alpha", "Single")).unwrap();
    place.run(&["project", "import", "--dir", "single.json"]).expect(0);
    assert_eq!(projects(&place), ["Alpha", "Null", "Single"]);
}

#[test]
fn an_export_that_fails_changes_no_file() {
    let place = installation();
    fs::write(place.path("old.json"), "old").unwrap();
    place.run(&["project", "export", "--project-id", "7", "--file", "old.json"]).expect(1);
    assert_eq!(place.text("old.json"), "old");
    for name in ["One", "Two"] {
        let mut backup = backup();
        backup["meta"]["name"] = json!(name);
        fs::write(place.path("in.json"), backup.to_string()).unwrap();
        place.done(&["project", "import", "--file", "in.json"]);
    }
    let refused = place.run(&["project", "export", "--project-id", "1", "--file", "no/such/directory.json"]).expect(1);
    assert!(refused.stderr.contains("Failed to write file no/such/directory.json"), "{refused:#?}");
    place.done(&["project", "export", "--project-name", "two", "--file", "old.json"]);
    assert_eq!(place.json("old.json")["meta"]["name"], "Two");
    assert_eq!(mode(&place.path("old.json")), 0o644, "the rights of a file stay");
}

#[test]
fn nobody_to_own_it_is_said() {
    let place = Place::with_config();
    fs::write(place.path("alpha.json"), backup().to_string()).unwrap();
    let run = place.run(&["project", "import", "--file", "alpha.json"]).expect(1);
    assert!(run.stderr.contains("there is no user who could own the project"), "{run:#?}");
}

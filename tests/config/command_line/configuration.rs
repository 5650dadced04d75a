//! `config check`, `config show`, `config docs`.

use std::fs;

use semaphore_tests::project_root;
use serde_json::{Value, json};

use super::{KEY, Place, fixture, machine_has_config};

#[test]
fn check_names_everything_that_is_wrong() {
    let place = Place::with_config();
    let good = place.run(&["config", "check"]).expect(0);
    assert!(good.stdout.contains("config.json: nothing wrong was found"), "{good:#?}");
    assert!(!place.path("database.sqlite").exists(), "a check changes nothing");

    let mut config = place.json("config.json");
    config["cookie_hsah"] = json!("hunter2");
    config["subscription_key"] = json!("x");
    config["ha"] = json!({"enabled": true});
    config["slack_alert"] = json!(true);
    fs::write(place.path("config.json"), config.to_string()).unwrap();
    let found = place.run(&["config", "check"]).expect(4);
    for line in [
        "warning: cookie_hsah is not a key of the configuration: did you mean cookie_hash?",
        "warning: subscription_key has no effect in this build",
        "warning: alerts that are asked for cannot be sent: slack_",
    ] {
        assert!(found.stdout.contains(line), "{line}: {found:#?}");
    }
    assert_eq!(found.stdout.lines().count(), 4, "an object that has no effect is named once: {found:#?}");
    assert!(!found.stdout.contains("hunter2"), "{found:#?}");

    config["port"] = json!("70000");
    config["cookie_hash"] = json!(5);
    config["env_vars"] = json!("TOKEN=hunter2");
    fs::write(place.path("config.json"), config.to_string()).unwrap();
    let environment = [("SEMAPHORE_MAX_PARALLEL_TASKS", "many")];
    let found = place.run_with(&["config", "check", "--json"], "", &environment).expect(1);
    assert!(!found.stdout.contains("hunter2"), "{found:#?}");
    let found = found.json();
    let errors: Vec<&str> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["level"] == "error")
        .filter_map(|finding| finding["key"].as_str())
        .collect();
    assert_eq!(
        errors,
        ["port", "cookie_hash", "max_parallel_tasks", "env_vars"],
        "all of them, not the first only: {found}"
    );

    fs::write(
        place.path("config.json"),
        json!({"dialect": "sqlite", "sqlite": {"host": "x"}, "access_key_encryption": "x"}).to_string(),
    )
    .unwrap();
    let found = place.run(&["config", "check"]).expect(1);
    assert!(found.stdout.contains("error: access_key_encryption: "), "{found:#?}");
    fs::write(place.path("config.json"), "{").unwrap();
    assert!(place.run(&["config", "check"]).expect(1).stdout.contains("not valid JSON"));
    assert!(
        machine_has_config()
            || Place::new().run(&["config", "check"]).expect(1).stdout.contains("Cannot Find configuration")
    );
}

#[test]
fn show_tells_where_each_value_comes_from_and_no_secret() {
    let place = Place::with_config();
    fs::copy(fixture("db/sqlite/database.sqlite"), place.path("database.sqlite")).unwrap();
    let before = fs::read(place.path("database.sqlite")).unwrap();
    let environment = [
        ("SEMAPHORE_MAX_PARALLEL_TASKS", "7"),
        ("SEMAPHORE_SLACK_URL", "https://hooks.example.test/hunter2"),
        ("SEMAPHORE_ENV_VARS", r#"{"TOKEN_OF_TASKS": "hunter2"}"#),
    ];
    let shown = place.run_with(&["config", "show", "--json"], "", &environment).expect(0);
    assert!(!shown.stdout.contains("hunter2") && !shown.stdout.contains(KEY), "{shown:#?}");
    let document = shown.json();
    let row = |key: &str| -> (Value, String) {
        let rows = document["settings"].as_array().unwrap();
        let row = rows.iter().find(|row| row["key"] == key).unwrap_or_else(|| panic!("no {key} in {document}"));
        (row["value"].clone(), row["source"].as_str().unwrap().to_owned())
    };
    assert_eq!(row("max_parallel_tasks"), (json!(7), "environment".to_owned()));
    assert_eq!(row("slack_url"), (json!("***"), "environment".to_owned()));
    assert_eq!(row("cookie_hash"), (json!("***"), "file".to_owned()));
    assert_eq!(row("env_vars"), (json!({"TOKEN_OF_TASKS": "***"}), "environment".to_owned()));
    assert_eq!(row("port"), (json!(":3000"), "default".to_owned()));
    let text = place.run_with(&["config", "show"], "", &environment).expect(0).stdout;
    assert!(text.contains("max_parallel_tasks = 7  (environment, SEMAPHORE_MAX_PARALLEL_TASKS)\n"), "{text}");
    assert!(text.contains("sqlite.host = ") && !text.contains("postgres."), "the chosen database only: {text}");
    assert!(!text.contains("ldap_server"), "keys without a value are left out: {text}");
    assert!(place.done(&["config", "show", "--all"]).contains("ldap_server = -  (unset)\n"));
    assert_eq!(fs::read(place.path("database.sqlite")).unwrap(), before, "the database is only looked at");
}

/// Python puts options into the database as the API would: a good one and a bad one.
const WRITE: &str = "import sqlite3\n\
    database = sqlite3.connect('database.sqlite')\n\
    database.executemany('insert into option (\"key\", value) values (?, ?)', [('teams.invite_type', 'both'), ('port', 'bad')])\n\
    database.commit()";

#[test]
fn show_knows_the_options_in_the_database() {
    let place = Place::with_config();
    let missing = place.run(&["config", "show"]).expect(0);
    assert!(missing.stderr.contains("options in the database are not shown"), "{missing:#?}");
    assert!(!place.path("database.sqlite").exists(), "no database is made");
    place.done(&["migrate"]);
    let written =
        std::process::Command::new("python3").args(["-c", WRITE]).current_dir(place.0.path()).output().unwrap();
    assert!(written.status.success(), "{written:?}");
    let shown = place.done(&["config", "show"]);
    assert!(shown.contains("teams.invite_type = \"both\"  (database)\n"), "{shown}");
    assert!(shown.contains("port = \":3000\"  (default)  # the option in the database is left out"), "{shown}");
    assert!(!place.done(&["config", "show", "--without-database"]).contains("(database)"));
}

/// `SEMAPHORE_WRITE_DOCS=1` writes the page instead.
#[test]
fn the_committed_page_about_the_keys_is_current() {
    let page = project_root().join("docs/reference/configuration.md");
    let place = Place::new();
    if std::env::var_os("SEMAPHORE_WRITE_DOCS").is_some() {
        place.done(&["config", "docs", "--file", page.to_str().unwrap()]);
    }
    let printed = place.done(&["config", "docs"]);
    assert!(
        fs::read_to_string(&page).unwrap_or_default() == printed,
        "docs/reference/configuration.md is not what `semaphore config docs` prints: write it with \
         SEMAPHORE_WRITE_DOCS=1 cargo test --workspace --test config -- the_committed_page"
    );
}

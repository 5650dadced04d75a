//! The doctor: finds what is wrong, changes nothing unless asked to, and then what can do no harm.

use std::{fs, os::unix::fs::PermissionsExt};

use semaphore_tests::Server;
use serde_json::{Value, json};

use crate::world::{Place, Said, World, stories};

stories!(faults_are_named_and_the_safe_ones_mended);

fn findings(said: &Said) -> Vec<Value> {
    let report: Value = serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}: {said:?}"));
    report["findings"].as_array().unwrap().clone()
}

/// The finding of this area and level whose message contains the text.
#[track_caller]
fn find<'a>(findings: &'a [Value], area: &str, level: &str, text: &str) -> &'a Value {
    let wanted = |finding: &&Value| {
        finding["area"] == area && finding["level"] == level && finding["message"].as_str().unwrap().contains(text)
    };
    findings.iter().find(wanted).unwrap_or_else(|| panic!("no {level} of {area} says {text:?}: {findings:#?}"))
}

fn faults_are_named_and_the_safe_ones_mended(world: &mut World) {
    let task = world.column("select min(id) from task")[0].clone();
    let template = world.column("select min(id) from project__template")[0].clone();
    let user =
        world.column("select id from `user` where username = 'carol'".replace('`', quote(world)).as_str())[0].clone();
    world.execute(&format!(
        "delete from {q}user{q} where id = {user}; update task set status = 'running' where id = {task}; \
         update project__template set view_id = 4711 where id = {template}; \
         update access_key set secret = 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=' where id = 8",
        q = quote(world)
    ));
    world.server.change_config(&json!({"cookie_hsah": "x", "subscription_key": "x"}));
    let members = || world.column(&format!("select count(*) from project__user where user_id = {user}"))[0].clone();
    assert_ne!(members(), "0");

    let said = world.run(&["doctor", "--json"], "");
    assert_eq!(said.code, Some(4), "{said:?}");
    let found = findings(&said);
    find(
        &found,
        "configuration",
        "warning",
        "cookie_hsah is not a key of the configuration: did you mean cookie_hash?",
    );
    find(&found, "configuration", "warning", "subscription_key has no effect");
    find(&found, "references", "problem", "rows of project__user refer by user_id to rows of user that are not there");
    find(&found, "references", "problem", "1 rows of project__template refer by view_id");
    find(&found, "secrets", "problem", "key `String secret` (id 8, project 1) cannot be read");
    find(&found, "tasks", "problem", &format!("task {task} of project 1 is `running`"));
    assert!(found.iter().all(|finding| finding["fixed"] == false));
    assert_ne!(members(), "0", "looking has changed something");

    let said = world.run(&["doctor", "--fix"], "");
    assert_eq!(said.code, Some(4), "the secret is left: {said:?}");
    for text in ["fixed    1 rows of project__template", &format!("fixed    task {task} of project 1")] {
        assert!(said.stdout.contains(text), "{text}: {}", said.stdout);
    }
    assert_eq!(members(), "0");
    let state =
        format!("select status from task where id = {task} and {}end{} is not null", quote(world), quote(world));
    assert_eq!(world.column(&state), ["error"]);
    assert_eq!(
        world.column(&format!("select count(*) from project__template where id = {template} and view_id is null")),
        ["1"]
    );
    let left = findings(&world.run(&["doctor", "--json"], ""));
    let problems: Vec<_> =
        left.iter().filter(|finding| finding["level"] == "problem" && finding["area"] != "tools").collect();
    assert!(problems.len() == 1 && problems[0]["area"] == "secrets", "{problems:#?}");
}

/// How the database quotes a name.
fn quote(world: &World) -> &'static str {
    use semaphore_test_machine::database::Kind;
    match &world.database {
        Some((database, _)) if database.kind() == Kind::Postgres => "\"",
        _ => "`",
    }
}

#[test]
fn a_sound_installation_is_left_as_it_is() {
    let server = Server::prepared(semaphore_tests::Options::default());
    let world = World { server, database: None };
    for path in [world.server.database(), world.server.config_path()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o604)).unwrap();
    }
    let before = fs::read(world.server.database()).unwrap();
    let said = world.run(&["doctor"], "");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("is open to every user of the machine (mode 604)"), "{}", said.stdout);
    assert!(said.stdout.ends_with("0 problems, 2 warnings, 0 fixed\n"), "{}", said.stdout);
    assert_eq!(fs::read(world.server.database()).unwrap(), before);
    let said = world.run(&["doctor", "--fix"], "");
    assert!(said.stdout.ends_with("0 problems, 0 warnings, 2 fixed\n"), "{}", said.stdout);
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(world.server.database()), mode(world.server.config_path())), (0o600, 0o600));
}

#[test]
fn tasks_of_a_running_server_are_left_alone() {
    let mut world = World::recorded(Place::Sqlite).unwrap();
    world.server.start_again();
    world.execute("update task set status = 'running' where id = 1");
    let found = findings(&world.run(&["doctor", "--fix", "--json"], ""));
    find(&found, "tasks", "note", "another program uses the database");
    assert_eq!(world.column("select status from task where id = 1"), ["running"]);
}

#[test]
fn what_cannot_be_opened_is_told() {
    let mut world = World::recorded(Place::Sqlite).unwrap();
    world.execute("insert into migrations (version) values ('2.99.1')");
    let said = world.run(&["doctor"], "");
    assert!(said.code == Some(3) && said.stdout.contains("2.99.1"), "{said:?}");

    let mut bytes = fs::read(world.server.database()).unwrap();
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0xa5);
    fs::write(world.server.database(), bytes).unwrap();
    let said = world.run(&["doctor"], "");
    assert!(said.code == Some(4) && said.stdout.contains("database      problem"), "{said:?}");

    world.server.change_config(&json!({"port": "seventy"}));
    let said = world.run(&["doctor"], "");
    assert!(
        said.code == Some(4) && said.stdout.contains("configuration problem") && said.stdout.contains("seventy"),
        "{said:?}"
    );
}

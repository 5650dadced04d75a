//! A rehearsal: the server on a copy, without any effect on the original or the outside.

use std::{
    fs,
    process::{Child, Command, Stdio},
    time::Duration,
};

use semaphore_tests::{Client, wait_until};
use serde_json::json;

use crate::world::{Place, World};

/// A running rehearsal; it is ended in order.
struct Rehearsal {
    child: Child,
    client: Client,
}

impl Rehearsal {
    fn start(world: &World, arguments: &[&str]) -> Self {
        let temporary = world.server.directory().join("temporary");
        fs::create_dir_all(&temporary).unwrap();
        let said = fs::File::create(world.server.directory().join("said")).unwrap();
        let mut command = world.server.command(&["server", "--rehearse"]);
        command.args(arguments).arg("--config").arg(world.server.config_path()).env("TMPDIR", temporary);
        let mut child = command.stdout(said.try_clone().unwrap()).stderr(said).stdin(Stdio::null()).spawn().unwrap();
        wait_until("the rehearsal listens", Duration::from_secs(30), || {
            assert!(child.try_wait().unwrap().is_none(), "it ended: {}", said_by(world));
            std::net::TcpStream::connect(("127.0.0.1", world.server.port())).ok()
        });
        let client = Client::new(world.server.port());
        client.login("admin", "Admin-pass-1");
        Self { child, client }
    }

    fn end(mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(asked.success());
        assert!(self.child.wait().unwrap().success());
    }
}

fn said_by(world: &World) -> String {
    fs::read_to_string(world.server.directory().join("said")).unwrap()
}

/// What every rehearsal must do and not do.
fn check(world: &World, arguments: &[&str]) {
    let rehearsal = Rehearsal::start(world, arguments);
    let client = &rehearsal.client;
    let said = said_by(world);
    for line in ["         4 users", "         2 projects"] {
        assert!(said.lines().any(|shown| shown == line), "{line:?}: {said}");
    }
    assert!(said.contains("key `String secret` (id 8, project 1) cannot be read"), "{said}");
    assert!(said.contains("cookie_hsah is not a key of the configuration"), "{said}");

    let page = client.get("/").expect(200).body;
    assert!(page.contains("<meta name=\"semaphore-notice\" content=\"this is a rehearsal on a copy"), "{page}");
    let refused = client.post("/api/project/1/tasks", &json!({"template_id": 1})).expect(409).json();
    assert!(refused["error"].as_str().unwrap().starts_with("no task is run here: this is a rehearsal"), "{refused}");
    client.post("/api/project/1/notifications/test", &json!({})).expect(409);
    client.post("/api/integrations/anything", &json!({})).expect(409);
    // A task that waits in the original is not taken up, and everything else works.
    assert_eq!(client.get("/api/project/1/tasks/1").expect(200).json()["status"], "waiting");
    client.post("/api/projects", &json!({"name": "Only here"})).expect(201);
    assert_eq!(client.get("/api/project/1/tasks/1").expect(200).json()["status"], "waiting");
    rehearsal.end();
    let left = fs::read_dir(world.server.directory().join("temporary")).unwrap().count();
    assert_eq!(left, 0, "the copy was not removed");
}

fn prepared(place: Place) -> Option<World> {
    let mut world = World::recorded(place)?;
    world.execute(
        "update task set status = 'waiting' where id = 1; \
         update access_key set secret = 'QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=' where id = 8",
    );
    world.server.change_config(&json!({"cookie_hsah": "x"}));
    Some(world)
}

#[test]
fn a_file_is_rehearsed_on_a_copy() {
    let world = prepared(Place::Sqlite).unwrap();
    let before = fs::read(world.server.database()).unwrap();
    check(&world, &[]);
    assert_eq!(fs::read(world.server.database()).unwrap(), before, "the original was changed");
    assert_eq!(
        fs::read_dir(world.server.directory())
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("database.sqlite-") })
            .count(),
        0
    );

    // The original under another name is refused.
    let alias = world.server.directory().join("alias.sqlite");
    std::os::unix::fs::symlink(world.server.database(), &alias).unwrap();
    let said = world.run(&["server", "--rehearse", "--rehearse-dsn", &format!("sqlite://{}", alias.display())], "");
    assert!(said.code == Some(1) && said.stderr.contains("name a copy of it"), "{said:?}");
    assert_eq!(fs::read(world.server.database()).unwrap(), before, "the original was changed");
}

#[test]
fn a_database_on_a_server_is_rehearsed_on_a_copy_that_is_named() {
    let Some(world) = prepared(Place::Postgres) else { return };
    let (database, name) = world.database.clone().unwrap();
    let said = world.run(&["server", "--rehearse"], "");
    assert!(said.code == Some(1) && said.stderr.contains("--rehearse-dsn"), "{said:?}");
    for alias in ["127.0.0.1", "localhost"] {
        let address = database.address().replace("127.0.0.1", alias);
        let dsn = format!("postgres://semaphore@{address}/{name}?sslmode=disable");
        let said = world.run(&["server", "--rehearse", "--rehearse-dsn", &dsn], "");
        assert!(said.code == Some(1) && said.stderr.contains("name a copy of it"), "{said:?}");
    }
    database.execute("postgres", &format!("create database {name}_copy template {name}"));
    check(&world, &["--rehearse-dsn", &format!("postgres://{}/{name}_copy", database.address())]);
    assert_eq!(world.column("select status from task where id = 1"), ["waiting"]);
    assert_eq!(world.column("select count(*) from project"), ["2"]);
}

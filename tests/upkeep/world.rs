//! Installations that the Go server made, on each of the three databases, with commands run on them.

use std::{
    collections::BTreeMap,
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Options, Server, project_root};
use serde_json::{Value, json};

/// Which database an installation is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Sqlite,
    Postgres,
    MariaDb,
}

/// An installation; its server is not running.
pub(crate) struct World {
    pub(crate) server: Server,
    /// The server of the database and the name there.
    pub(crate) database: Option<(Arc<Database>, String)>,
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn fixtures() -> PathBuf {
    project_root().join("tests/conformance/fixtures/db")
}

/// A recorded JSON file of the SQLite installation.
pub(crate) fn recorded(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixtures().join("sqlite").join(name)).unwrap()).unwrap()
}

impl World {
    /// A copy of the recorded installation; `None` if its database server is not installed.
    pub(crate) fn recorded(place: Place) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let go = recorded("config.json");
        let mut config: Value = ["cookie_hash", "cookie_encryption", "access_key_encryption"]
            .iter()
            .map(|key| ((*key).to_owned(), go[key].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into();
        let mut database = None;
        if place != Place::Sqlite {
            let (kind, dialect, dump) = match place {
                Place::Postgres => (Kind::Postgres, "postgres", "postgres/dump.postgres.sql"),
                _ => (Kind::MariaDb, "mysql", "mysql/dump.mysql.sql"),
            };
            let running = Database::shared(kind)?;
            let name = format!("upkeep_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
            running.load(&name, &fixtures().join(dump));
            config["dialect"] = json!(dialect);
            config[dialect] = json!({"host": running.address(), "user": running.user(), "name": name});
            if place == Place::Postgres {
                config[dialect]["options"] = json!({"sslmode": "disable"});
            }
            database = Some((running, name));
        }
        let server = Server::prepared(Options { config, ..Options::default() });
        fs::copy(fixtures().join("sqlite/database.sqlite"), server.database()).unwrap();
        Some(Self { server, database })
    }

    /// Runs a command of the program with this on its standard input.
    pub(crate) fn run(&self, arguments: &[&str], input: &str) -> Said {
        let mut child = self
            .server
            .command(arguments)
            .arg("--config")
            .arg(self.server.config_path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read is no failure.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let done = child.wait_with_output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Said { code: done.status.code(), stdout: text(done.stdout), stderr: text(done.stderr) }
    }

    /// Runs statements as somebody who does not care for foreign keys.
    pub(crate) fn execute(&self, statements: &str) {
        const RUN: &str = "import sqlite3, sys\n\
            database = sqlite3.connect(sys.argv[1], timeout=10)\n\
            database.executescript(sys.argv[2])";
        if let Some((database, name)) = &self.database {
            let without_checks = match database.kind() {
                Kind::Postgres => "set session_replication_role = replica",
                Kind::MariaDb => "set foreign_key_checks = 0",
            };
            database.execute(name, &format!("{without_checks}; {statements}"));
            return;
        }
        let done = Command::new("python3").args(["-c", RUN]).arg(self.server.database()).arg(statements).output();
        let done = done.expect("python3");
        assert!(done.status.success(), "{statements}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// The first column of a query as texts.
    pub(crate) fn column(&self, query: &str) -> Vec<String> {
        if let Some((database, name)) = &self.database {
            return database.execute(name, query);
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.server.sql(query).iter().map(|row| text(&row[0])).collect()
    }

    /// The stored secrets by id of the key, as they are stored.
    pub(crate) fn stored(&self) -> BTreeMap<String, String> {
        let ids = self.column("select id from access_key where secret is not null and secret <> '' order by id");
        let secrets =
            self.column("select secret from access_key where secret is not null and secret <> '' order by id");
        ids.into_iter().zip(secrets).collect()
    }
}

/// Tells each story on each database.
macro_rules! stories {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            use crate::world::{Place, World};

            #[test]
            fn sqlite() {
                super::$name(&mut World::recorded(Place::Sqlite).unwrap());
            }

            #[test]
            fn postgres() {
                if let Some(mut world) = World::recorded(Place::Postgres) {
                    super::$name(&mut world);
                }
            }

            #[test]
            fn mariadb() {
                if let Some(mut world) = World::recorded(Place::MariaDb) {
                    super::$name(&mut world);
                }
            }
        }
    )*};
}
pub(crate) use stories;

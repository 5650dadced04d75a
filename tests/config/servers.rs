//! Databases on servers: real PostgreSQL and MariaDB, reached as the configuration says.

use super::refused;
use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Options, PASSWORD, Project, Server, git_repository};
use serde_json::{Value, json};

const USER: &str = "operator";
const USER_PASSWORD: &str = "Pass word-1/@:?";

/// The part of the configuration that names a database of this server, with keys laid over it.
fn config(database: &Database, name: &str, keys: &[(&str, Value)]) -> Value {
    let dialect = dialect(database);
    let mut section = json!({"host": database.address(), "user": USER, "pass": USER_PASSWORD, "name": name});
    for (key, value) in keys {
        section[key] = value.clone();
    }
    json!({"dialect": dialect, dialect: section})
}

fn dialect(database: &Database) -> &'static str {
    match database.kind() {
        Kind::Postgres => "postgres",
        Kind::MariaDb => "mysql",
    }
}

/// A server with a user who needs a password.
fn database(kind: Kind) -> Option<Database> {
    let database = Database::start(kind)?;
    database.add_user(USER, USER_PASSWORD);
    Some(database)
}

/// A whole installation: the schema is made, a person logs in, a task runs, everything is there after a restart.
pub(crate) fn works_on(kind: Kind) {
    let Some(database) = database(kind) else { return };
    let mut server = Server::prepared(Options { config: config(&database, "installation", &[]), ..Options::default() });
    let arguments = ["user", "add", "--admin", "--login", "admin", "--name", "Admin", "--email", "admin@example.test"];
    let added =
        server.command(&arguments).args(["--password", PASSWORD, "--config"]).arg(server.config_path()).output();
    let added = added.unwrap();
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    server.start_again();
    let line = format!("{USER}@{} installation", database.address());
    assert!(server.log().lines().any(|shown| shown.ends_with(&line)), "{}", server.log());

    let repository = server.directory().join("repository");
    git_repository(&repository, &[("script.sh", "for i in $(seq 300); do echo line $i; done; echo 'ä \u{1f600}'")]);
    let project = Project::create(&server.admin(), &format!("file://{}", repository.display()));
    let (task, lines) = project.run(&server.admin(), "bash", "script.sh");
    assert_eq!(task["status"], "success", "{lines:?}");
    let printed: Vec<_> = lines.iter().filter(|line| line.starts_with("line ")).cloned().collect();
    assert_eq!(printed, (1..=300).map(|number| format!("line {number}")).collect::<Vec<_>>());
    assert!(lines.contains(&"ä \u{1f600}".to_owned()), "{lines:?}");

    server.restart();
    let path = format!("/api/project/{}/tasks/{}", project.id, task["id"]);
    assert_eq!(server.admin().get(&path).expect(200).json()["status"], "success");
    let stored = database.execute("installation", "select 'row' from task__output where output like 'line %'");
    assert_eq!(stored.len(), 300);
}

/// Without the right login nothing is served, and the password is not told.
pub(crate) fn wants(kind: Kind, key: &str) {
    let Some(database) = database(kind) else { return };
    let said = refused(config(&database, "installation", &[(key, json!("Wrong-secret-1"))]));
    assert!(said.contains("cannot open the database installation"), "{said}");
    assert!(!said.contains(USER_PASSWORD), "{said}");
    assert_eq!(said.contains("Wrong-secret-1"), key == "user", "{said}");
}

/// A database that is not there is made under its name.
pub(crate) fn makes(kind: Kind) {
    let Some(database) = database(kind) else { return };
    let server = Server::prepared(Options { config: config(&database, "made by name", &[]), ..Options::default() });
    let migrated = server.command(&["migrate", "--config"]).arg(server.config_path()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    let versions = database.execute("made by name", "select version from migrations");
    assert!(versions.contains(&"2.17.15".to_owned()), "{versions:?}");
}

/// The test's servers have no certificate that anybody knows: a connection that must be encrypted is refused.
pub(crate) fn takes_options(kind: Kind) {
    let Some(database) = database(kind) else { return };
    let (wanted, free) = match kind {
        Kind::Postgres => (json!({"sslmode": "require"}), json!({"sslmode": "disable"})),
        Kind::MariaDb => (json!({"tls": "true"}), json!({"tls": "false"})),
    };
    let said = refused(config(&database, "installation", &[("options", wanted)]));
    assert!(said.to_lowercase().contains("tls") || said.to_lowercase().contains("ssl"), "{said}");
    let config = config(&database, "installation", &[("options", free)]);
    let server = Server::prepared(Options { config, ..Options::default() });
    let migrated = server.command(&["migrate", "--config"]).arg(server.config_path()).output().unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
}

//! Which database the configuration names, and how it is reached.

use std::path::PathBuf;

use semaphore_store::{ServerKind, ServerOptions};

use super::{ConfigError, load::Values};

/// Connections to a database on a server. Reference: without a limit; enough for all requests that work at the same time here.
const CONNECTIONS: u32 = 20;

/// The database of an installation.
#[derive(Clone, Debug)]
pub enum Database {
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A Bolt file of an old installation, which is imported.
    Bolt(PathBuf),
    /// A database on a PostgreSQL or MySQL server.
    Server(ServerOptions),
}

/// Paths of the keys of one dialect.
struct Keys {
    host: &'static str,
    user: &'static str,
    pass: &'static str,
    name: &'static str,
    options: &'static str,
}

const POSTGRES: Keys = Keys {
    host: "postgres.host",
    user: "postgres.user",
    pass: "postgres.pass",
    name: "postgres.name",
    options: "postgres.options",
};

const MYSQL: Keys =
    Keys { host: "mysql.host", user: "mysql.user", pass: "mysql.pass", name: "mysql.name", options: "mysql.options" };

/// The database, and the line about it that is shown at start. Reference: `PrintDbInfo`.
pub(super) fn database(values: &Values) -> Result<(Database, String), ConfigError> {
    match values.text("dialect") {
        "sqlite" => {
            let Some(host) = values.set_text("sqlite.host") else {
                return Err(ConfigError::Value {
                    key: "sqlite.host",
                    shown: String::new(),
                    complaint: "is missing: it must be the path of the database file".to_owned(),
                });
            };
            let line = format!("SQLite {}@{host} {}", values.text("sqlite.user"), values.text("sqlite.name"));
            Ok((Database::Sqlite(host.into()), line))
        }
        "bolt" => {
            let Some(host) = values.set_text("bolt.host") else {
                return Err(ConfigError::NoDatabase);
            };
            Ok((Database::Bolt(host.into()), format!("BoltDB {host}")))
        }
        "postgres" => server(values, ServerKind::Postgres, "Postgres", &POSTGRES),
        "mysql" => server(values, ServerKind::MySql, "MySQL", &MYSQL),
        other => Err(ConfigError::Value {
            key: "dialect",
            shown: format!("{other:?}"),
            complaint: "must be sqlite, postgres, mysql or bolt".to_owned(),
        }),
    }
}

fn server(values: &Values, kind: ServerKind, title: &str, keys: &Keys) -> Result<(Database, String), ConfigError> {
    let options = ServerOptions {
        kind,
        host: values.text(keys.host).to_owned(),
        user: values.text(keys.user).to_owned(),
        password: values.text(keys.pass).into(),
        database: values.text(keys.name).to_owned(),
        options: values.decode(keys.options)?,
        connections: CONNECTIONS,
    };
    let line = format!("{title} {}@{} {}", options.user, options.host, options.database);
    Ok((Database::Server(options), line))
}

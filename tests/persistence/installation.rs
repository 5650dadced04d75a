//! An installation on one of the three databases, and its rows as another program sees them.

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::Server;
use serde_json::{Value, json};

use crate::{prepared, text};

/// An installation whose database is empty at first; its server is not running.
pub(crate) struct Installation {
    pub(crate) server: Server,
    database: Option<Database>,
}

const NAME: &str = "imported";

impl Installation {
    /// On SQLite without a kind; nothing if the database server is not installed.
    pub(crate) fn on(kind: Option<Kind>) -> Option<Self> {
        let database = match kind {
            Some(kind) => Some(Database::start(kind)?),
            None => None,
        };
        let section = database.as_ref().map_or(json!({}), |database| {
            let dialect = if database.kind() == Kind::Postgres { "postgres" } else { "mysql" };
            json!({"dialect": dialect, dialect: {"host": database.address(), "user": database.user(), "name": NAME}})
        });
        Some(Self { server: prepared(&section), database })
    }

    /// Which database server it is on.
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.database.as_ref().map(Database::kind)
    }

    /// The only column of a query as texts.
    pub(crate) fn rows(&self, query: &str) -> Vec<String> {
        if let Some(database) = &self.database {
            return database.execute(NAME, query);
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        self.server.sql(query).iter().map(|row| text(&row[0])).collect()
    }

    /// Changes rows as another program.
    pub(crate) fn execute(&self, statement: &str) {
        match &self.database {
            Some(database) => drop(database.execute(NAME, statement)),
            None => self.server.change_database(statement),
        }
    }

    /// Runs a command of the program, which must succeed.
    pub(crate) fn run(&self, arguments: &[&str]) {
        let mut command = self.server.command(arguments);
        let done = command.arg("--config").arg(self.server.config_path()).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", text(&done));
    }

    /// The id that an object of a project of a Bolt file has now.
    pub(crate) fn now(&self, table: &str, project: &Value, old: &Value) -> i64 {
        let query = format!(
            "select cast(new_id as char(20)) from rs_import_map where kind = '{table}' and scope = {project} and old_id = {old}"
        );
        self.rows(&query).first().map_or_else(|| old.as_i64().unwrap(), |id| id.trim().parse().unwrap())
    }
}

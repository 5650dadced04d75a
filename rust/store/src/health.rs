//! How the database is: whether it answers, and how busy its connections are.

use crate::db::{Db, params};
use crate::{Result, Store};

/// Connections of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Open ones.
    pub open: u32,
    /// Those of them that nobody uses at the moment.
    pub idle: u32,
}

impl Store {
    /// Asks the database the simplest question.
    pub async fn ping(&self) -> Result<()> {
        self.db().fetch_all("select 1 as alive", params![]).await.map(drop)
    }

    /// How busy the connections are.
    pub fn connections(&self) -> Connections {
        let count = |open: u32, idle: usize| Connections { open, idle: u32::try_from(idle).unwrap_or(open) };
        match self.db() {
            Db::Sqlite(db) => {
                let readers = count(db.readers.size(), db.readers.num_idle());
                let writer = count(db.writer.size(), db.writer.num_idle());
                Connections { open: readers.open + writer.open, idle: readers.idle + writer.idle }
            }
            Db::Postgres(pool) => count(pool.size(), pool.num_idle()),
            Db::MySql(pool) => count(pool.size(), pool.num_idle()),
        }
    }
}

//! The steps of databases on PostgreSQL and MySQL servers, and the way back on all three databases.
//!
//! Each step has the name the reference gives it and leaves the schema the reference leaves: columns, types, names of keys
//! and indexes. The statements are written once in the words of MySQL and SQLite; [`Statement::on`] says where they differ.
//! Not for the steps of SQLite, which begin at 2.15.1: those are the files `v*.sql`.

mod from_0;
mod from_2_14;
mod from_2_8;
mod from_2_9;
pub(super) mod undo;

use crate::sql::Dialect;

/// One step of the history.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Its name in the `migrations` table.
    pub(super) version: &'static str,
    pub(super) statements: &'static [Statement],
}

/// One statement and where it runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Statement {
    pub(super) on: On,
    pub(super) work: Work,
}

/// Where a statement runs.
#[derive(Clone, Copy, Debug)]
pub(super) enum On {
    Every,
    Only(Dialect),
}

/// What a statement does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// These words.
    Words(&'static str),
    /// These words, if what they take away is there.
    IfThere(&'static str),
    /// Drops the foreign keys of a column, whatever their names are: MySQL keeps a column that has one.
    DropReferences { table: &'static str, column: &'static str },
}

impl Statement {
    /// Whether the statement runs on this database.
    pub(super) fn runs_on(&self, dialect: Dialect) -> bool {
        match self.on {
            On::Every => true,
            On::Only(only) => only == dialect,
        }
    }
}

pub(super) const fn every(words: &'static str) -> Statement {
    Statement { on: On::Every, work: Work::Words(words) }
}

pub(super) const fn postgres(words: &'static str) -> Statement {
    Statement { on: On::Only(Dialect::Postgres), work: Work::Words(words) }
}

pub(super) const fn mysql(words: &'static str) -> Statement {
    Statement { on: On::Only(Dialect::MySql), work: Work::Words(words) }
}

pub(super) const fn sqlite(words: &'static str) -> Statement {
    Statement { on: On::Only(Dialect::Sqlite), work: Work::Words(words) }
}

pub(super) const fn mysql_if_there(words: &'static str) -> Statement {
    Statement { on: On::Only(Dialect::MySql), work: Work::IfThere(words) }
}

pub(super) const fn drop_references(table: &'static str, column: &'static str) -> Statement {
    Statement { on: On::Only(Dialect::MySql), work: Work::DropReferences { table, column } }
}

/// The history of databases on servers, oldest first.
pub(super) fn steps() -> impl DoubleEndedIterator<Item = &'static Step> + Clone {
    from_0::STEPS.iter().chain(from_2_8::STEPS).chain(from_2_9::STEPS).chain(from_2_14::STEPS)
}

/// The words of this database.
pub(super) fn adapt(words: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Sqlite => words.to_owned(),
        Dialect::MySql => words.replace("autoincrement", "auto_increment"),
        Dialect::Postgres => words
            .replace("integer primary key autoincrement", "serial primary key")
            .replace("longtext", "text")
            .replace("datetime", "timestamp")
            .replace('`', "\""),
    }
}

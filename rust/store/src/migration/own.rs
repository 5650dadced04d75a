//! Tables of our own (prefix `rs_`), with a history of their own in `rs_migration`.
//!
//! The reference does not know them: its history, its `migrate --undo-to` and its server work on as if they were not there.
//! They are made when a database is opened, and made again when somebody dropped them; what is in them may be lost at any time,
//! so nothing may lie there alone that a task or a request cannot do without (see `own_table.rs`). Secrets of waiting tasks and
//! hashed tokens have no other place: without them such a task ends with the reason, such a token is unknown.
//!
//! Rules for a new step: it belongs to one table; its statements do no harm to a table that has had them already; a changed
//! shape is a new table with a step that copies. The words are those that SQLite, PostgreSQL and MySQL share; the types
//! `longtext`, `longblob`, `datetime`, `bigint` and `integer primary key autoincrement` become those of the database ([`adapt`]). A column
//! has the type of what it refers to, and refers to it in a line of its own, `on delete cascade`: MySQL overlooks a reference
//! beside the column. Nothing of the reference refers to us. Rows that are left when the Go server deleted theirs without looking at foreign keys do no harm: ids are used once.

use crate::Result;
use crate::db::{Db, Durability, Transaction, params};
use crate::error::StoreError;
use crate::sql::Dialect;
use chrono::Utc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// One step of the history of one table.
pub(super) struct Step {
    /// Its name in `rs_migration`.
    pub(super) version: &'static str,
    pub(super) table: &'static str,
    pub(super) statements: &'static [&'static str],
}

/// The history, in order, begins here and goes on in `own_steps.rs` and `own_output.rs`.
const STEPS: &[Step] = &[
    Step {
        version: "1.task_problem",
        table: "rs_task_problem",
        statements: &["create table if not exists rs_task_problem (
            task_id integer not null,
            number integer not null,
            code varchar(64) not null,
            message longtext not null,
            time datetime not null,
            primary key (task_id, number),
            foreign key (task_id) references task(id) on delete cascade
        )"],
    },
    Step {
        version: "1.task_stage",
        table: "rs_task_stage",
        statements: &["create table if not exists rs_task_stage (
            task_id integer not null,
            number integer not null,
            stage varchar(64) not null,
            started datetime not null,
            ended datetime null,
            primary key (task_id, number),
            foreign key (task_id) references task(id) on delete cascade
        )"],
    },
    Step {
        version: "1.task_plan",
        table: "rs_task_plan",
        statements: &["create table if not exists rs_task_plan (
            task_id integer not null,
            number integer not null,
            to_add bigint not null,
            to_change bigint not null,
            to_destroy bigint not null,
            to_import bigint not null,
            primary key (task_id, number),
            foreign key (task_id) references task(id) on delete cascade
        )"],
    },
    Step {
        version: "1.task_output_part",
        table: "rs_task_output_part",
        statements: &["create table if not exists rs_task_output_part (
            output_id bigint not null primary key,
            foreign key (output_id) references task__output(id) on delete cascade
        )"],
    },
    Step {
        version: "1.host_key_policy",
        table: "rs_host_key_policy",
        statements: &["create table if not exists rs_host_key_policy (
            project_id integer not null primary key,
            mode varchar(16) not null,
            known_hosts longtext not null,
            foreign key (project_id) references project(id) on delete cascade
        )"],
    },
    Step {
        version: "1.transfer",
        table: "rs_transfer",
        statements: &["create table if not exists rs_transfer (
            step varchar(128) not null primary key,
            source varchar(255) not null,
            place longtext not null,
            copied bigint not null,
            is_done integer not null
        )"],
    },
    Step {
        version: "1.import_map",
        table: "rs_import_map",
        statements: &["create table if not exists rs_import_map (
            kind varchar(64) not null,
            scope bigint not null,
            old_id bigint not null,
            new_id bigint not null,
            primary key (kind, scope, old_id)
        )"],
    },
];

const CREATE_HISTORY: &str = "create table if not exists rs_migration (version varchar(64) not null primary key, \
     applied datetime not null)";

/// The statement with this database's names of the types. MySQL keeps whole seconds where nothing else is said.
fn adapt(statement: &'static str, dialect: Dialect) -> String {
    match dialect {
        // One name, so that the column of a number can be the row's own id.
        Dialect::Sqlite => statement.replace(" bigint ", " integer "),
        Dialect::Postgres => statement
            .replace(" longtext ", " text ")
            .replace(" longblob ", " bytea ")
            .replace(" datetime ", " timestamp ")
            .replace(" integer primary key autoincrement", " serial primary key"),
        Dialect::MySql => statement.replace(" datetime ", " datetime(6) ").replace(" autoincrement", " auto_increment"),
    }
}

/// Makes the tables that are not there and applies the steps that are not in their history, in one transaction.
pub(crate) async fn prepare(db: &Db, generation: &Arc<AtomicU64>) -> Result<()> {
    if missing_steps(db).await?.is_empty() {
        return Ok(());
    }
    let mut transaction = db.begin(Durability::Full, generation).await?;
    lock(&mut transaction).await?;
    let made = make_missing(db, &mut transaction).await;
    if db.dialect() == Dialect::MySql {
        // It belongs to the connection, not to the transaction. Whoever comes next waits for the rows that are not committed.
        transaction.fetch_all(format!("select release_lock({LOCK}) as released"), params![]).await?;
    }
    made?;
    transaction.commit().await
}

async fn make_missing(db: &Db, transaction: &mut Transaction) -> Result<()> {
    let missing = missing_steps(db).await?;
    tracing::info!(tables = missing.len(), "making tables of our own");
    transaction.execute_once(adapt(CREATE_HISTORY, db.dialect()), params![]).await?;
    for step in missing {
        tracing::debug!(version = step.version, table = step.table, "making a table of our own");
        apply(transaction, step).await?;
    }
    Ok(())
}

/// The name of MySQL's lock, which counts for the whole server, so that it has the name of the database in it.
const LOCK: &str = "concat('semaphore_own_', sha1(database()))";

/// Two servers that start at the same time: `if not exists` alone lets both of them make a table on PostgreSQL, and their
/// rows in the history lock each other out on MySQL. The second one waits, and finds everything there.
async fn lock(transaction: &mut Transaction) -> Result<()> {
    match transaction.dialect() {
        Dialect::Sqlite => {}
        Dialect::Postgres => {
            transaction.fetch_all("select 1 as locked from pg_advisory_xact_lock(7361687)", params![]).await?;
        }
        Dialect::MySql => {
            let text = format!("select coalesce(get_lock({LOCK}, 60), 0) as taken");
            let rows = transaction.fetch_all(text, params![]).await?;
            if rows.first().map_or(Ok(0), |row| row.long("taken"))? != 1 {
                let text = "another server has been making its tables for a minute";
                return Err(StoreError::Busy { source: sqlx::Error::Io(std::io::Error::other(text)) });
            }
        }
    }
    Ok(())
}

/// The steps that were never applied, and all those of a table that is not there (any more).
async fn missing_steps(db: &Db) -> Result<Vec<&'static Step>> {
    let tables = super::tables(db).await?;
    let mut applied = Vec::new();
    if tables.iter().any(|table| table == "rs_migration") {
        let rows = db.fetch_all("select version from rs_migration", params![]).await?;
        applied = rows.iter().map(|row| row.text("version")).collect::<Result<Vec<_>>>()?;
    }
    let is_missing = |step: &&Step| {
        !tables.iter().any(|table| table == step.table) || !applied.iter().any(|version| version == step.version)
    };
    Ok(STEPS.iter().chain(super::own_steps::STEPS).chain(super::own_output::STEPS).filter(is_missing).collect())
}

/// One step. MySQL commits each statement that makes a table; the history comes last, so that nothing is left out.
async fn apply(transaction: &mut Transaction, step: &'static Step) -> Result<()> {
    let dialect = transaction.dialect();
    for statement in step.statements {
        transaction.execute_once(adapt(statement, dialect), params![]).await?;
    }
    transaction.execute("delete from rs_migration where version = ?", params![step.version]).await?;
    let insert = "insert into rs_migration (version, applied) values (?, ?)";
    transaction.execute(insert, params![step.version, Utc::now()]).await.map(drop)
}

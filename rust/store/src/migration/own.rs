//! Tables of our own (prefix `rs_`), with a history of their own in `rs_migration`.
//!
//! The reference does not know them: its history, its `migrate --undo-to` and its server work on as if they were not there.
//! They are made when a database is opened, and made again when somebody dropped them; what is in them may be lost at any time,
//! so nothing may lie there alone that a task or a request cannot do without (see `own_table.rs`).
//!
//! Rules for a new step: it belongs to one table; its statements do no harm to a table that has had them already; a changed
//! shape is a new table with a step that copies. The words are those that SQLite, PostgreSQL and MySQL share, but for the type
//! `longtext`, which PostgreSQL calls `text`. References to rows of the reference are `on delete cascade`, never the reverse.
//! Rows that are left when the Go server deleted theirs without looking at foreign keys do no harm: ids are used once.

use crate::Result;
use crate::db::{fetch_rows, params};
use crate::db_time::DbTime;
use chrono::Utc;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

/// One step of the history of one table.
struct Step {
    /// Its name in `rs_migration`.
    version: &'static str,
    table: &'static str,
    statements: &'static [&'static str],
}

/// The history, in order.
const STEPS: &[Step] = &[
    Step {
        version: "1.task_problem",
        table: "rs_task_problem",
        statements: &["create table if not exists rs_task_problem (
            task_id integer not null references task(id) on delete cascade,
            number integer not null,
            code varchar(64) not null,
            message longtext not null,
            time datetime not null,
            primary key (task_id, number)
        )"],
    },
    Step {
        version: "1.task_stage",
        table: "rs_task_stage",
        statements: &["create table if not exists rs_task_stage (
            task_id integer not null references task(id) on delete cascade,
            number integer not null,
            stage varchar(64) not null,
            started datetime not null,
            ended datetime null,
            primary key (task_id, number)
        )"],
    },
    Step {
        version: "1.task_output_part",
        table: "rs_task_output_part",
        statements: &["create table if not exists rs_task_output_part (
            output_id integer not null primary key references task__output(id) on delete cascade
        )"],
    },
    Step {
        version: "1.host_key_policy",
        table: "rs_host_key_policy",
        statements: &["create table if not exists rs_host_key_policy (
            project_id integer not null primary key references project(id) on delete cascade,
            mode varchar(16) not null,
            known_hosts longtext not null
        )"],
    },
];

const CREATE_HISTORY: &str = "create table if not exists rs_migration (version varchar(64) not null primary key, \
     applied datetime not null)";

/// Makes the tables that are not there and applies the steps that are not in their history, each in a transaction.
pub(crate) async fn prepare(connection: &mut SqliteConnection) -> Result<()> {
    for step in missing_steps(connection).await? {
        tracing::info!(version = step.version, table = step.table, "making a table of our own");
        apply(connection, step).await?;
    }
    Ok(())
}

/// The steps that were never applied, and all those of a table that is not there (any more).
async fn missing_steps(connection: &mut SqliteConnection) -> Result<Vec<&'static Step>> {
    let tables = "select name from sqlite_master where type = 'table' and name like 'rs\\_%' escape '\\'";
    let rows = fetch_rows(connection, tables.into(), params![]).await?;
    let tables = rows.iter().map(|row| row.text("name")).collect::<Result<Vec<_>>>()?;
    let mut applied = Vec::new();
    if tables.iter().any(|table| table == "rs_migration") {
        let rows = fetch_rows(connection, "select version from rs_migration".into(), params![]).await?;
        applied = rows.iter().map(|row| row.text("version")).collect::<Result<Vec<_>>>()?;
    }
    let is_missing = |step: &&Step| {
        !tables.iter().any(|table| table == step.table) || !applied.iter().any(|version| version == step.version)
    };
    Ok(STEPS.iter().filter(is_missing).collect())
}

async fn apply(connection: &mut SqliteConnection, step: &'static Step) -> Result<()> {
    let mut transaction = connection.begin_with("begin immediate").await?;
    sqlx::query(CREATE_HISTORY).execute(&mut *transaction).await?;
    for statement in step.statements {
        sqlx::query(*statement).execute(&mut *transaction).await?;
    }
    sqlx::query("delete from rs_migration where version = ?").bind(step.version).execute(&mut *transaction).await?;
    sqlx::query("insert into rs_migration (version, applied) values (?, ?)")
        .bind(step.version)
        .bind(DbTime(Utc::now()).encode())
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

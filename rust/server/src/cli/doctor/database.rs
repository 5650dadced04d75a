//! The database: whether it can be opened, whether it is whole, and whether what is in it makes sense.

use std::path::Path;

use chrono::Utc;
use semaphore_engine::host;
use semaphore_model::{TaskOutput, TaskProblem, TaskStatus, error_chain};
use semaphore_service::{crypto::access_key::AccessKeyCipher, key::unreadable_secrets};
use semaphore_store::{Repair, SchemaState, SqliteOptions, Store, StoreError, TaskStep};

use super::Report;
use crate::{
    cli::{bolt_import::sqlite_file, sqlite_lock::other_users, start::is_foreign_database},
    config::{Config, Database},
};

const AREA: &str = "database";
const REFERENCES: &str = "references";
const SECRETS: &str = "secrets";
const TASKS: &str = "tasks";

/// Secrets that are named one by one; the rest are counted.
const NAMED: usize = 50;

/// Looks at the database, and with `fix` mends it. Answers the apps that its templates name.
pub(super) async fn check(config: &Config, fix: bool, report: &mut Report) -> Vec<String> {
    if let Some(path) = sqlite_file(&config.database)
        && !path.exists()
    {
        report.note(AREA, format!("{} is not there; the first start makes it", path.display()), "");
        return Vec::new();
    }
    let store = match inspect(&config.database).await {
        Ok(store) => store,
        Err(error) => {
            let message = format!("{} cannot be opened: {}", config.database_line, error_chain(&error));
            report.problem(AREA, message, "check address, rights and password in the configuration");
            return Vec::new();
        }
    };
    report.ok(AREA, format!("{} can be opened", config.database_line));
    let is_current = check_schema(&store, report).await;
    check_integrity(&store, report).await;
    let mut apps = Vec::new();
    if is_current {
        // Asked before there is a second connection of our own.
        let connected = is_used_by_others(&store, &config.database).await;
        let repairs = if fix { writable(&config.database, report).await } else { None };
        check_references(&store, repairs.as_ref(), report).await;
        check_secrets(&store, config, report).await;
        check_tasks(&store, connected, repairs.as_ref(), report).await;
        apps = used_apps(&store, report).await;
        if let Some(repairs) = repairs {
            repairs.close().await;
        }
    }
    store.close().await;
    apps
}

/// Opens a database only to look at it.
pub(in crate::cli) async fn inspect(database: &Database) -> Result<Store, StoreError> {
    match database {
        Database::Server(options) => Store::inspect_server(options).await,
        file => Store::inspect(&SqliteOptions::new(sqlite_file(file).unwrap_or_default())).await,
    }
}

/// The store for repairs; its schema is current already.
async fn writable(database: &Database, report: &mut Report) -> Option<Store> {
    let opened = match database {
        Database::Server(options) => Store::open_server(options).await,
        file => {
            let file = sqlite_file(file).unwrap_or_default();
            Store::open(SqliteOptions { migrate: false, ..SqliteOptions::new(file) }).await
        }
    };
    match opened {
        Ok(store) => Some(store),
        Err(error) => {
            failed(AREA, "opening the database for repairs", &error, report);
            None
        }
    }
}

fn failed(area: &'static str, doing: &str, error: &StoreError, report: &mut Report) {
    report.problem(area, format!("{doing} failed: {}", error_chain(error)), "");
}

async fn check_schema(store: &Store, report: &mut Report) -> bool {
    match store.schema_state().await {
        Ok(SchemaState::Current) => {
            report.ok(AREA, format!("schema {}", semaphore_store::migration::newest_version()));
            return true;
        }
        Ok(SchemaState::Outdated) => {
            report.warning(
                AREA,
                "the schema is older than this version",
                "run `semaphore migrate`; the start of a server does it, too",
            );
        }
        Ok(SchemaState::Empty) => report.note(AREA, "the database is empty; the first start makes its tables", ""),
        Err(error) => {
            report.foreign_database = is_foreign_database(&error);
            report.problem(AREA, error_chain(&error), "use the version of Semaphore that wrote this database");
        }
    }
    false
}

async fn check_integrity(store: &Store, report: &mut Report) {
    match store.check_integrity().await {
        Ok(complaints) if complaints.is_empty() => report.ok(AREA, "the database finds no fault with itself"),
        Ok(complaints) => {
            for complaint in complaints {
                report.problem(
                    AREA,
                    complaint,
                    "go back to a backup, or save what can be read with `sqlite3 .recover`",
                );
            }
        }
        Err(error) => failed(AREA, "the check of the pages", &error, report),
    }
}

async fn check_references(store: &Store, repairs: Option<&Store>, report: &mut Report) {
    let orphans = match store.list_orphans().await {
        Ok(orphans) => orphans,
        Err(error) => return failed(REFERENCES, "the check of references", &error, report),
    };
    if orphans.is_empty() {
        return report.ok(REFERENCES, "every row refers to something that is there");
    }
    for found in orphans {
        let rows = format!(
            "{} rows of {} refer by {} to rows of {} that are not there",
            found.count, found.table, found.column, found.missing
        );
        match found.repair {
            Repair::Delete => report.problem(REFERENCES, rows, "--fix deletes these rows: they belong to what is gone"),
            Repair::Forget => report.problem(REFERENCES, rows, "--fix empties the reference; the rows stay"),
            Repair::Report => report.problem(REFERENCES, rows, "choose another one in the page, or delete the objects"),
        }
        if let Some(repairs) = repairs
            && found.repair != Repair::Report
        {
            report.repaired(repairs.repair_orphans(&found).await.map(drop));
        }
    }
}

/// Names the secrets that the configured key does not open.
pub(in crate::cli) async fn check_secrets(store: &Store, config: &Config, report: &mut Report) {
    // A key that is no key was told already.
    let Ok(cipher) = AccessKeyCipher::new(config.access_key_encryption.expose()) else { return };
    let (count, unreadable) = match unreadable_secrets(store, &cipher).await {
        Ok(found) => found,
        Err(error) => return failed(SECRETS, "reading the secrets", &error, report),
    };
    let good = count - unreadable.len();
    if unreadable.is_empty() {
        return report.ok(SECRETS, format!("all {count} secrets can be read"));
    }
    report.note(SECRETS, format!("{good} of {count} secrets can be read"), "");
    let hint = "if access_key_encryption was changed, run `semaphore vaults rekey` with the old key";
    for secret in unreadable.iter().take(NAMED) {
        let message = format!("{} cannot be read: {}", secret.record, secret.reason);
        if secret.is_abandoned {
            report.warning(SECRETS, message, "nothing needs it any more");
        } else {
            report.problem(SECRETS, message, hint);
        }
    }
    if unreadable.len() > NAMED {
        report.problem(SECRETS, format!("{} more secrets cannot be read", unreadable.len() - NAMED), hint);
    }
}

/// The apps that templates name.
pub(in crate::cli) async fn used_apps(store: &Store, report: &mut Report) -> Vec<String> {
    match store.list_used_apps().await {
        Ok(apps) => apps,
        Err(error) => {
            failed(AREA, "reading the apps of templates", &error, report);
            Vec::new()
        }
    }
}

/// Whether another program uses the database; if that cannot be told, it may be so.
async fn is_used_by_others(store: &Store, database: &Database) -> Result<bool, StoreError> {
    match database {
        Database::Server(_) => Ok(store.count_other_connections().await?.is_none_or(|count| count > 0)),
        file => Ok(other_users(&sqlite_file(file).unwrap_or_default()).is_none_or(|users| users > 0)),
    }
}

/// Tasks that are not at their end although no server is connected that could bring them there.
async fn check_tasks(store: &Store, connected: Result<bool, StoreError>, repairs: Option<&Store>, report: &mut Report) {
    let tasks = match store.list_unfinished_tasks().await {
        Ok(tasks) if tasks.is_empty() => return report.ok(TASKS, "no task is left over"),
        Ok(tasks) => tasks,
        Err(error) => return failed(TASKS, "reading the tasks", &error, report),
    };
    match connected {
        Ok(false) => {}
        Ok(true) => {
            let count = tasks.len();
            let message = format!(
                "{count} tasks are not at their end; another program uses the database, so they may be running"
            );
            return report.note(TASKS, message, "");
        }
        Err(error) => return failed(TASKS, "asking for other clients of the database", &error, report),
    }
    for task in tasks {
        let name = format!("task {} of project {}", task.id, task.project_id);
        if task.status == TaskStatus::Waiting {
            report.note(
                TASKS,
                format!("{name} waits; the next start of this server takes it up"),
                "the Go server leaves it as it is",
            );
            continue;
        }
        if let Ok(Some(directory)) = store.find_task_host(task.id).await
            && host::attach(Path::new(&directory)).await.is_some()
        {
            let message = format!("{name} goes on in a process of its own; the next start of this server takes it up");
            report.note(TASKS, message, "the Go server leaves it as it is");
            continue;
        }
        if let Ok(Some(held)) = store.find_runner_of_task(task.id).await {
            let runner = held.runner_id;
            let message =
                format!("{name} is with the remote runner #{runner}; the next start of this server goes on with it");
            report.note(TASKS, message, "the Go server leaves it as it is");
            continue;
        }
        let message = format!("{name} is `{}`, but no server is there that runs it", task.status.as_str());
        report.problem(TASKS, message, "--fix ends it as `error`; the next start of this server does it, too");
        let Some(repairs) = repairs else { continue };
        let now = Utc::now();
        let reason = "the server was ended while the task ran";
        let line = TaskOutput { time: now, output: format!("Failed to run task: {reason}"), ..TaskOutput::default() };
        let problem = TaskProblem { code: "interrupted".to_owned(), message: reason.to_owned(), time: now };
        let description = format!("Task ID {} finished with status ERROR", task.id);
        let step = TaskStep {
            project_id: task.project_id,
            task_id: task.id,
            user_id: task.user_id,
            lines: &[line],
            first_line: None,
            status: Some((TaskStatus::Error, task.start, Some(now))),
            commit: None,
            event: Some(&description),
            stages: &[],
            problem: Some(&problem),
            owner: None,
            alerts: &[],
            host: None,
            is_left_to_runner: true,
        };
        report.repaired(repairs.store_task_step(&step).await);
    }
}

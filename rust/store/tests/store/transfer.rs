//! A Bolt file and databases of each kind become databases of the other kinds, without loss.

use crate::fixture::{Database, fixtures, stories};
use semaphore_model::{ProjectId, Session, SessionId, TaskId, UserId};
use semaphore_store::bolt::BoltFile;
use semaphore_store::transfer::{ImportOptions, Report, TransferError};
use semaphore_store::{Page, Store, TaskFilter};
use serde_json::json;

fn recorded() -> BoltFile {
    BoltFile::open(&fixtures().join("db/bolt/database.boltdb")).unwrap()
}

fn count(report: &Report, table: &str) -> u64 {
    report.tables.iter().find(|found| found.table == table).map_or(0, |found| found.sum.count)
}

async fn the_recorded_bolt_file_is_imported_once(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
    let expected = store.import_bolt(&recorded(), &dry, &mut |_| {}).await.unwrap();
    assert!(store.list_projects().await.unwrap().is_empty());

    let report = store.import_bolt(&recorded(), &ImportOptions::default(), &mut |_| {}).await.unwrap();
    assert_eq!(report, expected);
    for (table, rows) in [("task", 23), ("task__output", 759), ("runner", 4), ("user__token", 3), ("user__totp", 1)] {
        assert_eq!(count(&report, table), rows, "{table}");
    }
    assert_eq!((count(&report, "event"), count(&report, "project__invite"), count(&report, "session")), (153, 4, 3));
    let again = store.import_bolt(&recorded(), &ImportOptions::default(), &mut |_| {}).await.unwrap();
    assert!(again.was_done);
    let other = ImportOptions { without_output: true, ..ImportOptions::default() };
    let refused = store.import_bolt(&recorded(), &other, &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::OtherSource { is_done: true }), "{refused}");
    assert_eq!(store.list_projects().await.unwrap().len(), 2);
}

async fn all_of(store: &Store) -> serde_json::Value {
    let tasks = store.list_tasks(ProjectId(1), &TaskFilter::default(), Page::first(1000)).await.unwrap();
    let lines = store.list_task_output(ProjectId(1), TaskId(1), Page::default()).await.unwrap();
    let events = store.list_events_for_project(ProjectId(2), Page::default()).await.unwrap();
    let texts: Vec<_> = lines.iter().map(|line| (line.id, line.output.clone())).collect();
    let mut events: Vec<_> = events.iter().map(|event| (event.object_id, event.description.clone())).collect();
    // Times are equal where a database keeps whole seconds.
    events.sort();
    json!({
        "tasks": tasks.iter().map(|task| json!(task)["id"].clone()).collect::<Vec<_>>(),
        "lines": texts,
        "events": events,
        "views": store.list_views(ProjectId(1)).await.unwrap(),
    })
}

async fn a_sqlite_database_is_copied(database: Database) {
    let Some((target, _kept)) = database.empty().await else { return };
    let (source, kept) = Database::Sqlite.recorded().await.unwrap();
    // One of our rows with what it belongs to, and one that a server without us left behind.
    for task in [1, 9999] {
        let row = format!(
            "insert into rs_task_stage values ({task}, 1, 'run', '2026-01-02 03:04:05.5 +0000 UTC', null) returning stage"
        );
        kept.execute(&format!("pragma foreign_keys = off; {row}")).await;
    }
    let newest = source.insert_session(Session { user_id: UserId(1), ..Session::default() }).await.unwrap();
    kept.execute(&format!("delete from session where id = {} returning ip", newest.id)).await;

    let report = target.copy_from(&source, "the test's own", false, &mut |_| {}).await.unwrap();
    assert_eq!((count(&report, "task"), count(&report, "rs_task_stage")), (23, 1));
    let stages = report.tables.iter().find(|table| table.table == "rs_task_stage").unwrap();
    assert_eq!(stages.notes.values().sum::<u64>(), 1, "{stages:?}");
    assert_eq!(all_of(&target).await, all_of(&source).await);
    // Ids are used once, also those of rows that are gone.
    let next = target.insert_session(Session { user_id: UserId(1), ..Session::default() }).await.unwrap();
    assert_eq!(next.id, SessionId(newest.id.0 + 1));

    assert!(target.copy_from(&source, "the test's own", false, &mut |_| {}).await.unwrap().was_done);
    let refused = target.copy_from(&source, "another one", false, &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::OtherSource { .. }), "{refused}");
    let refused = source.copy_from(&target, "back", false, &mut |_| {}).await.unwrap_err();
    assert!(matches!(refused, TransferError::NotEmpty { .. }), "{refused}");
}

/// Somebody has removed rows with another program, which SQLite lets him do.
async fn what_needs_what_is_gone_is_left_out(database: Database) {
    let Some((target, _kept)) = database.empty().await else { return };
    let (source, kept) = Database::Sqlite.recorded().await.unwrap();
    kept.execute("pragma foreign_keys = off; delete from project where id = 1 returning name").await;
    let report = target.copy_from(&source, "the test's own", false, &mut |_| {}).await.unwrap();
    assert_eq!((count(&report, "project"), count(&report, "task"), count(&report, "task__output")), (1, 3, 66));
    let output = report.tables.iter().find(|table| table.table == "task__output").unwrap();
    assert_eq!(output.notes.values().sum::<u64>(), 759 - 66, "{output:?}");
    assert!(count(&report, "event") > 0 && count(&report, "user") > 0);
}

stories! {
    the_recorded_bolt_file_is_imported_once, a_sqlite_database_is_copied, what_needs_what_is_gone_is_left_out
}

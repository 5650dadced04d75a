//! Tables of our own: made at the start, made again when they were dropped, never needed.

use crate::fixture;
use crate::story::Project;
use chrono::{TimeZone, Utc};
use semaphore_model::{HostKeyMode, HostKeyPolicy, JobStage, TaskProblem};
use semaphore_store::{SqliteOptions, Store, StoreError};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::path::Path;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

async fn execute(path: &Path, statements: &[String]) {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

async fn own_tables(path: &Path) -> Vec<String> {
    let mut connection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let text = "select name from sqlite_master where type = 'table' and name like 'rs\\_%' escape '\\' order by name";
    let names = sqlx::query_scalar(text).fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    names
}

/// Another process drops everything that is ours, also what a later step will add.
async fn drop_own_tables(path: &Path) {
    let statements: Vec<String> = own_tables(path).await.iter().map(|table| format!("drop table {table}")).collect();
    assert!(!statements.is_empty());
    execute(path, &statements).await;
}

fn problem(code: &str) -> TaskProblem {
    let time = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    TaskProblem { code: code.to_owned(), message: format!("about {code}"), time }
}

fn stage(stage: &str, is_over: bool) -> JobStage {
    let time = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    JobStage { stage: stage.to_owned(), start: time, end: is_over.then_some(time) }
}

async fn set_policy(store: &Store, project: &Project, policy: &HostKeyPolicy) {
    let write = || async {
        let mut transaction = store.begin().await?;
        transaction.set_host_key_policy(project.id, policy).await?;
        transaction.commit().await
    };
    match write().await {
        Err(StoreError::OwnTableMissing { .. }) => {
            store.make_own_tables().await.unwrap();
            write().await.unwrap();
        }
        written => written.unwrap(),
    }
}

async fn set_stages(store: &Store, task: &semaphore_model::Task, stages: &[JobStage]) {
    let mut transaction = store.begin().await.unwrap();
    transaction.replace_job_stages(task.id, stages).await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn parts_of_a_line_are_known_and_become_lines_without_the_table() {
    let (store, directory) = fixture::empty().await;
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let line = |number: usize| semaphore_model::TaskOutput {
        time: Utc::now(),
        output: format!("line {number}"),
        continued: number.is_multiple_of(3),
        ..semaphore_model::TaskOutput::default()
    };
    // More than one statement, full ones and a rest.
    let lines: Vec<_> = (0..700).map(line).collect();
    store.append_task_output(task.id, &lines).await.unwrap();
    let read = async || {
        let mut found = Vec::new();
        let mut cursor = semaphore_store::OutputCursor::default();
        loop {
            let (piece, next) = store.read_task_output(task.id, cursor, 101).await.unwrap();
            if piece.is_empty() {
                return found;
            }
            found.extend(piece.into_iter().map(|line| (line.output, line.continued)));
            cursor = next;
        }
    };
    assert_eq!(read().await, lines.iter().map(|line| (line.output.clone(), line.continued)).collect::<Vec<_>>());

    drop_own_tables(&directory.path().join("database.sqlite")).await;
    store.append_task_output(task.id, &lines).await.unwrap();
    let found = read().await;
    assert_eq!(found.len(), 1400);
    assert!(found.iter().all(|(_, continued)| !continued));
}

#[tokio::test]
async fn what_is_told_of_a_task_is_kept_and_goes_with_it() {
    let (store, _directory) = fixture::empty().await;
    let project = Project::make(&store).await;
    let (task, other) = (project.start_task(&store).await, project.start_task(&store).await);
    store.insert_task_problem(task.id, &problem("tool_missing")).await.unwrap();
    store.insert_task_problem(task.id, &problem("host_key")).await.unwrap();
    store.insert_task_problem(other.id, &problem("machine")).await.unwrap();
    assert_eq!(store.list_task_problems(task.id).await.unwrap(), [problem("tool_missing"), problem("host_key")]);
    set_stages(&store, &task, &[stage("workspace", false)]).await;
    let stages = [stage("workspace", true), stage("run", false)];
    set_stages(&store, &task, &stages).await;
    assert_eq!(store.list_job_stages(task.id).await.unwrap(), stages);

    store.delete_task(project.id, task.id).await.unwrap();
    assert_eq!(store.list_task_problems(task.id).await.unwrap(), []);
    assert_eq!(store.list_job_stages(task.id).await.unwrap(), []);
    assert_eq!(store.list_task_problems(other.id).await.unwrap(), [problem("machine")]);
}

#[tokio::test]
async fn known_hosts_of_two_tasks_are_united() {
    let (store, _directory) = fixture::empty().await;
    let project = Project::make(&store).await;
    assert_eq!(store.get_host_key_policy(project.id).await.unwrap(), HostKeyPolicy::default());
    assert!(!store.merge_known_hosts(project.id, &format!("a {KEY}")).await.unwrap(), "the mode is off");
    let policy = |mode, known_hosts: String| HostKeyPolicy { mode, known_hosts };
    set_policy(&store, &project, &policy(HostKeyMode::AcceptNew, format!("a {KEY}"))).await;
    let merge = |host: u32| {
        let (store, project) = (store.clone(), project.id);
        tokio::spawn(async move { store.merge_known_hosts(project, &format!("a {KEY}\nh{host} {KEY}\n")).await })
    };
    let merges: Vec<_> = (0..16).map(merge).collect();
    for merge in merges {
        assert!(merge.await.unwrap().unwrap());
    }
    let known = store.get_host_key_policy(project.id).await.unwrap().known_hosts;
    let mut hosts: Vec<&str> = known.lines().filter_map(|line| line.strip_suffix(KEY)).map(str::trim).collect();
    hosts.sort_unstable();
    let mut expected: Vec<String> = (0..16).map(|host| format!("h{host}")).chain(["a".to_owned()]).collect();
    expected.sort_unstable();
    assert_eq!(hosts, expected);

    set_policy(&store, &project, &policy(HostKeyMode::Strict, String::new())).await;
    assert!(
        !store.merge_known_hosts(project.id, &format!("b {KEY}")).await.unwrap(),
        "a strict project learns nothing"
    );
    let strict = store.get_host_key_policy(project.id).await.unwrap();
    assert_eq!(strict, policy(HostKeyMode::Strict, String::new()));
}

#[tokio::test]
async fn dropped_tables_mean_that_nothing_is_known_and_are_made_again() {
    let (store, directory) = fixture::empty().await;
    let path = directory.path().join("database.sqlite");
    let all = own_tables(&path).await;
    assert_eq!(all, ["rs_host_key_policy", "rs_migration", "rs_task_output_part", "rs_task_problem", "rs_task_stage"]);
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let policy = HostKeyPolicy { mode: HostKeyMode::AcceptNew, known_hosts: format!("a {KEY}\n") };
    set_policy(&store, &project, &policy).await;
    store.insert_task_problem(task.id, &problem("machine")).await.unwrap();

    // Under a running server, whose connections have statements prepared for them.
    drop_own_tables(&path).await;
    assert_eq!(store.list_task_problems(task.id).await.unwrap(), []);
    assert_eq!(store.list_job_stages(task.id).await.unwrap(), []);
    assert_eq!(store.get_host_key_policy(project.id).await.unwrap(), HostKeyPolicy::default());
    assert!(!store.merge_known_hosts(project.id, &format!("b {KEY}")).await.unwrap());
    store.insert_task_problem(task.id, &problem("machine")).await.unwrap();
    set_stages(&store, &task, &[stage("run", true)]).await;
    store.delete_task(project.id, task.id).await.unwrap();
    assert!(matches!(store.get_task(project.id, task.id).await, Err(StoreError::NotFound)));

    // What somebody asked for is kept: the tables come back.
    set_policy(&store, &project, &policy).await;
    assert_eq!(store.get_host_key_policy(project.id).await.unwrap(), policy);
    assert_eq!(own_tables(&path).await, all);

    // Before the start: all of them, or one with the history left.
    for dropped in [None, Some("rs_task_problem")] {
        store.close().await;
        match dropped {
            None => drop_own_tables(&path).await,
            Some(table) => execute(&path, &[format!("drop table {table}")]).await,
        }
        let store = Store::open(SqliteOptions::new(&path)).await.unwrap();
        assert_eq!(own_tables(&path).await, all);
        let task = project.start_task(&store).await;
        store.insert_task_problem(task.id, &problem("machine")).await.unwrap();
        assert_eq!(store.list_task_problems(task.id).await.unwrap(), [problem("machine")]);
        store.close().await;
    }
}

#[tokio::test]
async fn without_migrating_nothing_is_made() {
    let (store, directory) = fixture::empty().await;
    let path = directory.path().join("database.sqlite");
    store.close().await;
    drop_own_tables(&path).await;
    let options = SqliteOptions { migrate: false, ..SqliteOptions::new(&path) };
    let store = Store::open(options).await.unwrap();
    assert_eq!(store.get_host_key_policy(semaphore_model::ProjectId(1)).await.unwrap(), HostKeyPolicy::default());
    store.close().await;
    assert_eq!(own_tables(&path).await, Vec::<String>::new());
}

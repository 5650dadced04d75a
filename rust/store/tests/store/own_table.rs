//! Tables of our own: made at the start, made again when they were dropped, never needed.

use crate::fixture::{Database, Kept, stories};
use crate::story::Project;
use chrono::{TimeZone, Utc};
use semaphore_model::{HostKeyMode, HostKeyPolicy, JobStage, PlanSummary, TaskId, TaskProblem};
use semaphore_store::{SqliteOptions, Store, StoreError};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

async fn own_tables(database: Database, kept: &Kept) -> Vec<String> {
    let text = match database {
        Database::Sqlite => "select name from sqlite_master where type = 'table' order by name",
        Database::Postgres | Database::MariaDb => {
            "select table_name from information_schema.tables where table_name like 'rs!_%' escape '!' \
             and table_schema in ('public', database()) order by table_name"
        }
    };
    let text = if database == Database::Postgres { text.replace(", database()", "") } else { text.to_owned() };
    let mut names = kept.execute(&text).await;
    names.retain(|name| name.starts_with("rs_"));
    names
}

/// Another process drops everything that is ours, also what a later step will add.
async fn drop_own_tables(database: Database, kept: &Kept) {
    let tables = own_tables(database, kept).await;
    assert!(!tables.is_empty());
    for table in tables {
        kept.execute(&format!("drop table {table}")).await;
    }
}

fn problem(code: &str) -> TaskProblem {
    let time = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    TaskProblem { code: code.to_owned(), message: format!("about {code}"), time }
}

fn stage(stage: &str, is_over: bool) -> JobStage {
    let time = Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).unwrap();
    JobStage { stage: stage.to_owned(), start: time, end: is_over.then_some(time), plan: None }
}

async fn add_problem(store: &Store, id: TaskId, problem: &TaskProblem) -> Result<(), StoreError> {
    let mut transaction = store.begin().await?;
    transaction.insert_task_problem(id, problem).await?;
    transaction.commit().await
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

async fn parts_of_a_line_are_known_and_become_lines_without_the_table(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
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

    drop_own_tables(database, &kept).await;
    store.append_task_output(task.id, &lines).await.unwrap();
    let found = read().await;
    assert_eq!(found.len(), 1400);
    assert!(found.iter().all(|(_, continued)| !continued));
}

async fn what_is_told_of_a_task_is_kept_and_goes_with_it(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let (task, other) = (project.start_task(&store).await, project.start_task(&store).await);
    add_problem(&store, task.id, &problem("tool_missing")).await.unwrap();
    add_problem(&store, task.id, &problem("host_key")).await.unwrap();
    add_problem(&store, other.id, &problem("machine")).await.unwrap();
    assert_eq!(store.list_task_problems(task.id).await.unwrap(), [problem("tool_missing"), problem("host_key")]);
    set_stages(&store, &task, &[stage("workspace", false)]).await;
    let plan = PlanSummary { add: 1, change: 2, destroy: u32::MAX, import: 0 };
    set_stages(&store, &task, &[stage("workspace", true), JobStage { plan: Some(plan), ..stage("run", true) }]).await;
    assert_eq!(store.list_job_stages(task.id).await.unwrap()[1].plan, Some(plan));
    let nothing = Some(PlanSummary::default());
    let stages = [JobStage { plan: nothing, ..stage("workspace", true) }, stage("run", false)];
    set_stages(&store, &task, &stages).await;
    assert_eq!(store.list_job_stages(task.id).await.unwrap(), stages);

    store.delete_task(project.id, task.id).await.unwrap();
    assert_eq!(store.list_task_problems(task.id).await.unwrap(), []);
    assert_eq!(store.list_job_stages(task.id).await.unwrap(), []);
    assert_eq!(store.list_task_problems(other.id).await.unwrap(), [problem("machine")]);
}

async fn known_hosts_of_two_tasks_are_united(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
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

async fn dropped_tables_mean_that_nothing_is_known_and_are_made_again(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let all = own_tables(database, &kept).await;
    // Those of a running server's daily work; the list in the source is longer and grows.
    for table in ["rs_host_key_policy", "rs_migration", "rs_task_output_part", "rs_task_plan", "rs_task_problem"] {
        assert!(all.iter().any(|name| name == table), "{table} is not among {all:?}");
    }
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let policy = HostKeyPolicy { mode: HostKeyMode::AcceptNew, known_hosts: format!("a {KEY}\n") };
    set_policy(&store, &project, &policy).await;
    add_problem(&store, task.id, &problem("machine")).await.unwrap();

    // Under a running server, whose connections have statements prepared for them.
    drop_own_tables(database, &kept).await;
    assert_eq!(store.list_task_problems(task.id).await.unwrap(), []);
    assert_eq!(store.list_job_stages(task.id).await.unwrap(), []);
    assert_eq!(store.get_host_key_policy(project.id).await.unwrap(), HostKeyPolicy::default());
    assert!(!store.merge_known_hosts(project.id, &format!("b {KEY}")).await.unwrap());
    add_problem(&store, task.id, &problem("machine")).await.unwrap();
    set_stages(&store, &task, &[stage("run", true)]).await;
    store.delete_task(project.id, task.id).await.unwrap();
    assert!(matches!(store.get_task(project.id, task.id).await, Err(StoreError::NotFound)));

    // What somebody asked for is kept: the tables come back.
    set_policy(&store, &project, &policy).await;
    assert_eq!(store.get_host_key_policy(project.id).await.unwrap(), policy);
    assert_eq!(own_tables(database, &kept).await, all);

    // Before the start: all of them, or one with the history left.
    for dropped in [None, Some("rs_task_problem")] {
        store.close().await;
        match dropped {
            None => drop_own_tables(database, &kept).await,
            Some(table) => {
                kept.execute(&format!("drop table {table}")).await;
            }
        }
        let store = database.reopen(&kept).await;
        assert_eq!(own_tables(database, &kept).await, all);
        let task = project.start_task(&store).await;
        add_problem(&store, task.id, &problem("machine")).await.unwrap();
        assert_eq!(store.list_task_problems(task.id).await.unwrap(), [problem("machine")]);
        store.close().await;
    }
}

#[tokio::test]
async fn without_migrating_nothing_is_made() {
    let database = Database::Sqlite;
    let (store, kept) = database.empty().await.unwrap();
    store.close().await;
    drop_own_tables(database, &kept).await;
    let Kept::Directory(directory) = &kept else { panic!("a SQLite database lies in a directory") };
    let options = SqliteOptions { migrate: false, ..SqliteOptions::new(directory.path().join("database.sqlite")) };
    let store = Store::open(options).await.unwrap();
    assert_eq!(store.get_host_key_policy(semaphore_model::ProjectId(1)).await.unwrap(), HostKeyPolicy::default());
    store.close().await;
    assert_eq!(own_tables(database, &kept).await, Vec::<String>::new());
}

async fn several_servers_start_and_write_at_once(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    drop_own_tables(database, &kept).await;
    let stores = futures_util::future::join_all((0..4).map(|_| database.reopen(&kept))).await;
    let writes = (0..16).map(|number| {
        let store = stores[number % stores.len()].clone();
        tokio::spawn(async move { add_problem(&store, task.id, &problem(&format!("code{number:02}"))).await })
    });
    for written in futures_util::future::join_all(writes).await {
        written.unwrap().unwrap();
    }
    let found = store.list_task_problems(task.id).await.unwrap();
    let mut codes: Vec<_> = found.into_iter().map(|problem| problem.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, (0..16).map(|number| format!("code{number:02}")).collect::<Vec<_>>());
}

/// A step of a task is stored whole, and so is what comes after the statement that found no table.
async fn a_step_is_stored_without_our_tables(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    drop_own_tables(database, &kept).await;
    let line = semaphore_model::TaskOutput {
        time: Utc::now(),
        output: "half a line".into(),
        continued: true,
        ..semaphore_model::TaskOutput::default()
    };
    let step = semaphore_store::TaskStep {
        project_id: project.id,
        task_id: task.id,
        user_id: Some(project.owner.id),
        lines: &[line],
        first_line: Some(1),
        status: Some((semaphore_model::TaskStatus::Success, None, None)),
        commit: None,
        event: Some("finished"),
        stages: &[stage("run", true)],
        problem: Some(&problem("tool_missing")),
        owner: None,
        alerts: &[],
        host: None,
        is_left_to_runner: false,
    };
    store.store_task_step(&step).await.unwrap();
    assert_eq!(store.get_task(project.id, task.id).await.unwrap().status, semaphore_model::TaskStatus::Success);
    let page = semaphore_store::Page::default();
    assert_eq!(store.list_task_output(project.id, task.id, page).await.unwrap().len(), 1);
    assert_eq!(store.list_events_for_project(project.id, page).await.unwrap().len(), 1);
}

stories! {
    parts_of_a_line_are_known_and_become_lines_without_the_table,
    what_is_told_of_a_task_is_kept_and_goes_with_it,
    known_hosts_of_two_tasks_are_united,
    dropped_tables_mean_that_nothing_is_known_and_are_made_again,
    several_servers_start_and_write_at_once,
    a_step_is_stored_without_our_tables,
}

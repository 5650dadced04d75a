//! Output of tasks: order, rates, and what a reader sees.

use crate::fixture::{Database, stories};
use crate::story::Project;
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{EventObject, ProjectId, TaskId, TaskOutput, TaskProblem, TaskStatus};
use semaphore_store::{OutputCursor, Page, TaskStep};
use std::time::Instant;

fn line(number: usize, time: DateTime<Utc>) -> TaskOutput {
    TaskOutput {
        time,
        output: format!("line {number} of the output of a task, long enough to count"),
        ..TaskOutput::default()
    }
}

async fn a_hundred_thousand_lines_keep_their_order_and_are_quick(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let start = Utc::now();
    // Several lines share one time, as lines read at once do.
    let lines: Vec<TaskOutput> =
        (0..100_000).map(|number| line(number, start + TimeDelta::microseconds(number as i64 / 7))).collect();
    let clock = Instant::now();
    for batch in lines.chunks(500) {
        store.append_task_output(task.id, batch).await.unwrap();
    }
    let elapsed = clock.elapsed();
    // Far above what it takes (SQLite 0.5 s in a debug build): a sanity check, not a benchmark.
    assert!(elapsed.as_secs() < 60, "{elapsed:?}");

    let mut cursor = OutputCursor::default();
    let mut number = 0;
    loop {
        let (page, next) = store.read_task_output(task.id, cursor.clone(), 9_999).await.unwrap();
        if page.is_empty() {
            break;
        }
        for found in page {
            assert_eq!(found.output, lines[number].output);
            assert_eq!(found.time, database.kept(lines[number].time));
            number += 1;
        }
        cursor = next;
    }
    assert_eq!(number, 100_000);
    let page = store.list_task_output(project.id, task.id, Page { count: 3, offset: 99_998 }).await.unwrap();
    assert_eq!(
        page.iter().map(|line| line.output.as_str()).collect::<Vec<_>>(),
        [lines[99_998].output.as_str(), lines[99_999].output.as_str()]
    );
}

async fn pieces_follow_time_where_the_order_of_insertion_does_not(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let start = Utc::now();
    // Rows as the Go server leaves them, which writes from several threads. Times of the lines in the order of insertion; two share one.
    let times = [0, 2, 1, 3, 3, 2].map(TimeDelta::seconds);
    let lines: Vec<TaskOutput> = times.iter().enumerate().map(|(number, time)| line(number, start + *time)).collect();
    for line in &lines {
        let zone = if database == Database::Sqlite { " +0000 UTC" } else { "" };
        let (time, text) = (line.time.format("%Y-%m-%d %H:%M:%S"), &line.output);
        let insert = "insert into task__output (task_id, time, output) values";
        kept.execute(&format!("{insert} ({}, '{time}{zone}', '{text}')", task.id)).await;
    }
    let expected: Vec<String> = [0, 2, 1, 5, 3, 4].map(|number| lines[number].output.clone()).to_vec();
    let texts = |lines: Vec<TaskOutput>| lines.into_iter().map(|line| line.output).collect::<Vec<_>>();
    assert_eq!(texts(store.list_task_output(project.id, task.id, Page::default()).await.unwrap()), expected);
    let mut cursor = OutputCursor::default();
    let mut found = Vec::new();
    for _ in 0..3 {
        let (page, next) = store.read_task_output(task.id, cursor, 2).await.unwrap();
        found.extend(texts(page));
        cursor = next;
    }
    assert_eq!(found, expected);
    assert!(store.read_task_output(task.id, cursor, 2).await.unwrap().0.is_empty());
}

async fn many_writers_and_readers_at_once_lose_nothing(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let mut tasks = Vec::new();
    for _ in 0..8 {
        tasks.push(project.start_task(&store).await.id);
    }
    let mut work = tokio::task::JoinSet::new();
    for id in tasks.clone() {
        let store = store.clone();
        let project_id = project.id;
        work.spawn(async move {
            for number in 0..50 {
                store.append_task_output(id, &[line(number, Utc::now())]).await.unwrap();
                let found = store.list_task_output(project_id, id, Page::default()).await.unwrap();
                assert_eq!(found.len(), number + 1);
            }
        });
    }
    while let Some(done) = work.join_next().await {
        done.unwrap();
    }
    for id in tasks {
        let found = store.list_task_output(project.id, id, Page::default()).await.unwrap();
        let numbers: Vec<usize> = (0..50).collect();
        assert_eq!(
            found.iter().map(|line| line.output.clone()).collect::<Vec<_>>(),
            numbers.iter().map(|number| line(*number, Utc::now()).output).collect::<Vec<_>>()
        );
    }
}

async fn output_belongs_to_a_task_of_the_project(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    store.append_task_output(task.id, &[line(1, Utc::now())]).await.unwrap();
    assert!(store.list_task_output(ProjectId(99), task.id, Page::default()).await.unwrap_err().is_not_found());
    assert!(store.append_task_output(TaskId(99), &[line(1, Utc::now())]).await.is_err());
    assert!(store.list_task_output(project.id, task.id, Page { count: 0, offset: 1 }).await.is_err());
}

async fn a_step_of_a_task_is_all_or_nothing(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let lines = [line(1, Utc::now()), line(2, Utc::now())];
    let end = database.kept(Utc::now());
    let problem =
        TaskProblem { code: "tool_missing".into(), message: "no tofu".into(), time: database.kept(Utc::now()) };
    let step = TaskStep {
        project_id: project.id,
        task_id: task.id,
        user_id: Some(project.owner.id),
        lines: &lines,
        first_line: None,
        status: Some((TaskStatus::Success, Some(end), Some(end))),
        commit: Some(("abc", "subject")),
        event: Some("finished"),
        stages: &[],
        problem: Some(&problem),
        owner: None,
        alerts: &[],
        host: None,
        is_left_to_runner: false,
    };
    store.store_task_step(&step).await.unwrap();
    let found = store.get_task(project.id, task.id).await.unwrap();
    assert_eq!((found.status, found.end, found.commit_hash.as_deref()), (TaskStatus::Success, Some(end), Some("abc")));
    assert_eq!(store.list_task_output(project.id, task.id, Page::default()).await.unwrap().len(), 2);
    let events = store.list_events_for_project(project.id, Page::default()).await.unwrap();
    assert_eq!((events.len(), events[0].object_id), (1, Some(task.id.0)));
    assert_eq!((events[0].user_id, events[0].object_type.clone()), (Some(project.owner.id), Some(EventObject::Task)));
    assert_eq!(events[0].description.as_deref(), Some("finished"));
    assert_eq!(store.list_task_problems(task.id).await.unwrap(), std::slice::from_ref(&problem));

    let broken = TaskStep { project_id: ProjectId(99), ..step };
    assert!(store.store_task_step(&broken).await.is_err());
    assert_eq!(store.list_task_output(project.id, task.id, Page::default()).await.unwrap().len(), 2);
    assert_eq!(store.list_task_problems(task.id).await.unwrap().len(), 1);
    let gone = TaskStep { task_id: TaskId(99), lines: &[], ..step };
    assert!(store.store_task_step(&gone).await.unwrap_err().is_not_found());
}

stories! {
    a_hundred_thousand_lines_keep_their_order_and_are_quick,
    pieces_follow_time_where_the_order_of_insertion_does_not,
    many_writers_and_readers_at_once_lose_nothing,
    output_belongs_to_a_task_of_the_project,
    a_step_of_a_task_is_all_or_nothing,
}

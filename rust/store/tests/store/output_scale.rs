//! Output that is given twice, out of time, in parts, and looked through.

use crate::fixture::{Database, Kept, stories};
use crate::story::Project;
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{TaskId, TaskOutput, TaskStatus};
use semaphore_store::{OutputHits, OutputRange, OutputSearch, Page, Store, TaskStep};

pub(crate) fn line(text: impl Into<String>, time: DateTime<Utc>) -> TaskOutput {
    TaskOutput { time, output: text.into(), ..TaskOutput::default() }
}

/// Lines `first..=last`, a microsecond apart.
fn lines(first: usize, last: usize) -> Vec<TaskOutput> {
    let start = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
    (first..=last)
        .map(|number| line(format!("line {number}"), start + TimeDelta::microseconds(number as i64)))
        .collect()
}

/// What the Go server reads: its own query.
pub(crate) async fn as_the_reference_reads(kept: &Kept, id: TaskId) -> Vec<String> {
    kept.execute(&format!("select output from task__output where task_id = {id} order by time, id")).await
}

fn texts(lines: &[TaskOutput]) -> Vec<String> {
    lines.iter().map(|line| line.output.clone()).collect()
}

async fn lines_that_are_given_twice_are_stored_once(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    assert_eq!(store.task_output_number(task.id).await.unwrap(), 0);
    let given = [(1, 3), (1, 3), (2, 5), (3, 4), (1, 400), (401, 900), (401, 900), (902, 903)];
    for (first, last) in given {
        let lines = lines(first, last);
        store.append_numbered_task_output(task.id, Some(first as i64), &lines).await.unwrap();
        assert!(store.task_output_number(task.id).await.unwrap() >= last as i64);
    }
    let mut expected = texts(&lines(1, 900));
    expected.extend(texts(&lines(902, 903)));
    assert_eq!(as_the_reference_reads(&kept, task.id).await, expected);

    // Lines of somebody who does not count are new, and nobody's number moves.
    store.append_task_output(task.id, &[line("by the way", Utc::now())]).await.unwrap();
    assert_eq!(store.task_output_number(task.id).await.unwrap(), 903);
    let reopened = database.reopen(&kept).await;
    assert_eq!(reopened.task_output_number(task.id).await.unwrap(), 903);
}

async fn a_step_that_was_stored_changes_nothing_when_it_comes_again(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let lines = lines(1, 2);
    let step = TaskStep {
        project_id: project.id,
        task_id: task.id,
        user_id: Some(project.owner.id),
        lines: &lines,
        first_line: Some(1),
        status: Some((TaskStatus::Starting, None, None)),
        commit: None,
        event: Some("starts"),
        stages: &[],
        problem: None,
        owner: None,
        alerts: &[],
        host: None,
        is_left_to_runner: false,
    };
    // The connection broke after the commit: whoever gave the step cannot know that it is stored.
    for _ in 0..3 {
        store.store_task_step(&step).await.unwrap();
    }
    assert_eq!(store.list_task_output(project.id, task.id, Page::default()).await.unwrap().len(), 2);
    assert_eq!(store.list_events_for_project(project.id, Page::default()).await.unwrap().len(), 1);
    assert_eq!(store.get_task(project.id, task.id).await.unwrap().status, TaskStatus::Starting);
}

async fn a_clock_that_steps_back_moves_no_line(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let now = Utc::now();
    let times = [0, 5, -3_600, 2, 6, -1];
    let lines: Vec<TaskOutput> = times
        .iter()
        .enumerate()
        .map(|(number, seconds)| line(format!("line {number}"), now + TimeDelta::seconds(*seconds)))
        .collect();
    for (number, line) in (1..).zip(&lines) {
        store.append_numbered_task_output(task.id, Some(number), std::slice::from_ref(line)).await.unwrap();
    }
    assert_eq!(as_the_reference_reads(&kept, task.id).await, texts(&lines));
    let found = store.list_task_output(project.id, task.id, Page::default()).await.unwrap();
    let seconds: Vec<i64> = found.iter().map(|line| (line.time - database.kept(now)).num_seconds()).collect();
    assert_eq!(seconds, [0, 5, 5, 5, 6, 6]);

    // Also behind lines of the Go server, which knows no numbers.
    let other = project.start_task(&store).await;
    let future = match database {
        Database::Sqlite => "2099-01-01 00:00:00.5 +0000 UTC",
        _ => "2099-01-01 00:00:00",
    };
    kept.execute(&format!("insert into task__output (task_id, time, output) values ({}, '{future}', 'old')", other.id))
        .await;
    store.append_numbered_task_output(other.id, Some(1), &[line("new", now)]).await.unwrap();
    assert_eq!(as_the_reference_reads(&kept, other.id).await, ["old", "new"]);
}

async fn part(store: &Store, id: TaskId, range: OutputRange) -> Vec<String> {
    texts(&store.list_task_output_range(id, range).await.unwrap())
}

/// Parts of 5000 lines by the side from which is counted.
pub(crate) async fn check_parts(store: &Store, id: TaskId, all: &[String]) {
    let whole =
        store.list_task_output_range(id, OutputRange { limit: 10_000, ..OutputRange::default() }).await.unwrap();
    assert_eq!(texts(&whole), all);
    assert!(whole.windows(2).all(|pair| pair[0].id != pair[1].id));
    for (offset, limit) in [(0, 1), (0, 500), (4_500, 500), (4_999, 500), (5_000, 5), (2_345, 7), (9_999, 1)] {
        let range = OutputRange { offset, limit, ..OutputRange::default() };
        let (first, last) = ((offset as usize).min(all.len()), ((offset + limit) as usize).min(all.len()));
        assert_eq!(part(store, id, range).await, all[first..last], "{range:?}");
        let range = OutputRange { from_end: true, ..range };
        assert_eq!(part(store, id, range).await, all[all.len() - last..all.len() - first], "{range:?}");
    }
    for number in [0, 1, 2_345, 4_999] {
        let since_id = Some(whole[number].id);
        let range = OutputRange { since_id, limit: 3, ..OutputRange::default() };
        assert_eq!(part(store, id, range).await, all[number + 1..(number + 4).min(all.len())], "{range:?}");
    }
}

async fn parts_of_the_output_are_read_from_either_end(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let (task, other) = (project.start_task(&store).await, project.start_task(&store).await);
    // Ids of two tasks that run at the same time lie between each other.
    let lines = lines(1, 5_000);
    for lines in lines.chunks(700) {
        store.append_task_output(task.id, lines).await.unwrap();
        store.append_task_output(other.id, &lines[..10]).await.unwrap();
    }
    check_parts(&store, task.id, &texts(&lines)).await;
    assert!(part(&store, TaskId(99), OutputRange { limit: 5, ..OutputRange::default() }).await.is_empty());

    // Long lines end a part, so that nobody's memory is filled.
    let long = project.start_task(&store).await;
    let lines: Vec<_> = (0..12).map(|number| line(number.to_string().repeat(1 << 20), Utc::now())).collect();
    for line in &lines {
        store.append_task_output(long.id, std::slice::from_ref(line)).await.unwrap();
    }
    let found = part(&store, long.id, OutputRange { limit: 100, from_end: true, ..OutputRange::default() }).await;
    // The last two have two megabytes each.
    assert_eq!(found.len(), 6);
    assert!(found == texts(&lines[6..]));
}

fn found_lines(hits: &OutputHits) -> Vec<i64> {
    hits.hits.iter().map(|hit| hit.line).collect()
}

async fn a_text_is_found_with_the_numbers_of_its_lines(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let mut lines = lines(1, 25_000);
    for number in [7, 12_345, 25_000] {
        lines[number - 1].output = format!("\u{1b}[31mFa\u{1b}[1mtal\u{1b}[0m: 100% of {number}");
    }
    for lines in lines.chunks(1_000) {
        store.append_task_output(task.id, lines).await.unwrap();
    }
    let search = OutputSearch { text: "Fatal: 100%".into(), limit: 10, ..OutputSearch::default() };
    let found = store.search_task_output(task.id, &search).await.unwrap();
    assert_eq!((found_lines(&found), found.last_line, found.complete), (vec![7, 12_345, 25_000], 25_000, true));
    assert_eq!(found.hits[1].output, "Fatal: 100% of 12345");
    let row =
        part(&store, task.id, OutputRange { since_id: Some(found.hits[0].id), limit: 1, ..OutputRange::default() });
    assert_eq!(row.await, ["line 8"]);

    // Cut off at the limit, and gone on with behind the last line that was looked at.
    let first = OutputSearch { text: "fatal".into(), ignore_case: true, limit: 2, ..search.clone() };
    let found = store.search_task_output(task.id, &first).await.unwrap();
    assert_eq!((found_lines(&found), found.last_line, found.complete), (vec![7, 12_345], 12_345, false));
    let next = OutputSearch { after_line: 12_345, ..first.clone() };
    let found = store.search_task_output(task.id, &next).await.unwrap();
    assert_eq!((found_lines(&found), found.complete), (vec![25_000], true));
    let beyond = OutputSearch { after_line: 99_999, ..first };
    let found = store.search_task_output(task.id, &beyond).await.unwrap();
    assert_eq!((found_lines(&found), found.complete), (vec![], true));
    let nothing = OutputSearch { text: "fatal".into(), limit: 10, ..OutputSearch::default() };
    assert!(store.search_task_output(task.id, &nothing).await.unwrap().hits.is_empty());
}

stories! {
    lines_that_are_given_twice_are_stored_once,
    a_step_that_was_stored_changes_nothing_when_it_comes_again,
    a_clock_that_steps_back_moves_no_line,
    parts_of_the_output_are_read_from_either_end,
    a_text_is_found_with_the_numbers_of_its_lines,
}

//! Output in an archive: the same answers, the same rows afterwards, and nothing lost when it is cut short.

use crate::fixture::{Database, Kept, stories};
use crate::output_scale::{as_the_reference_reads, check_parts, line};
use crate::story::Project;
use chrono::{TimeDelta, Utc};
use semaphore_model::{Task, TaskId, TaskOutput, TaskStageId, TaskStatus};
use semaphore_store::{Archived, OutputCursor, OutputSearch, Store};

const LINES: usize = 5_000;

/// Ids, times, texts and stages of all rows of a task, as they are in the table.
async fn rows(kept: &Kept, id: TaskId) -> Vec<String> {
    let mut all = Vec::new();
    for column in ["id", "time", "output", "coalesce(stage_id, 0)"] {
        let text =
            format!("select cast({column} as char(255)) from task__output where task_id = {id} order by time, id");
        all.extend(kept.execute(&text).await);
    }
    all
}

async fn count(kept: &Kept, condition: &str) -> String {
    kept.execute(&format!("select cast(count(*) as char(20)) from {condition}")).await[0].trim().to_owned()
}

async fn read(store: &Store, id: TaskId) -> Vec<TaskOutput> {
    let (mut all, mut place) = (Vec::new(), OutputCursor::default());
    loop {
        let (lines, next) = store.read_task_output(id, place, 999).await.unwrap();
        if lines.is_empty() {
            return all;
        }
        all.extend(lines);
        place = next;
    }
}

/// A finished task with lines of all kinds, between those of another one, which is the newest.
async fn finished_task(store: &Store, kept: &Kept, project: &Project) -> TaskId {
    let task = project.start_task(store).await;
    let other = project.start_task(store).await;
    let now = Utc::now();
    let stage = format!("insert into task__stage (task_id, type) values ({}, 'print_result')", task.id);
    kept.execute(&stage).await;
    let stage: i32 = kept
        .execute(&format!("select cast(max(id) as char(20)) from task__stage where task_id = {}", task.id))
        .await[0]
        .trim()
        .parse()
        .unwrap();
    let mut lines: Vec<TaskOutput> = (0..LINES)
        .map(|number| line(format!("line {number} ☃"), now + TimeDelta::microseconds(number as i64 / 3)))
        .collect();
    for number in [0, 1_234, LINES - 1] {
        lines[number].stage_id = Some(TaskStageId(stage));
    }
    for number in [10, 4_001] {
        lines[number].continued = true;
    }
    for lines in lines.chunks(800) {
        store.append_task_output(task.id, lines).await.unwrap();
        store.append_task_output(other.id, &[line("of another", now)]).await.unwrap();
    }
    let ended = Task { status: TaskStatus::Success, end: Some(now - TimeDelta::days(40)), ..task };
    store.update_task(&ended).await.unwrap();
    ended.id
}

async fn an_archive_answers_as_the_rows_did_and_becomes_them_again(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let id = finished_task(&store, &kept, &project).await;
    let before = (rows(&kept, id).await, read(&store, id).await);
    let reference = as_the_reference_reads(&kept, id).await;
    assert_eq!(before.1.iter().filter(|line| line.continued).count(), 2);
    let search = OutputSearch { text: "LINE 499".into(), ignore_case: true, limit: 100, ..OutputSearch::default() };
    let hits = store.search_task_output(id, &search).await.unwrap();
    assert_eq!(hits.hits.len(), 11);

    let month = Utc::now() - TimeDelta::days(30);
    assert!(store.list_tasks_to_archive(month - TimeDelta::days(30), TaskId(0), 10).await.unwrap().is_empty());
    assert_eq!(store.list_tasks_to_archive(month, TaskId(0), 10).await.unwrap(), [id]);
    // In the middle of a reader's way the rows go.
    let (first, place) = store.read_task_output(id, OutputCursor::default(), 700).await.unwrap();
    assert_eq!(store.archive_task_output(id).await.unwrap(), Archived::Yes { lines: LINES as i64 });
    let (next, _) = store.read_task_output(id, place, 700).await.unwrap();
    assert_eq!([first, next].concat(), before.1[..1_400]);

    assert_eq!(count(&kept, &format!("task__output where task_id = {id}")).await, "3", "those that a stage names");
    assert_eq!(count(&kept, "rs_task_output_part").await, "0");
    assert_eq!(read(&store, id).await, before.1);
    check_parts(&store, id, &reference).await;
    assert_eq!(store.search_task_output(id, &search).await.unwrap(), hits);
    let go_on = OutputSearch { after_line: 4_991, ..search.clone() };
    let rest = store.search_task_output(id, &go_on).await.unwrap();
    assert_eq!(rest.hits, hits.hits.iter().filter(|hit| hit.line > 4_991).cloned().collect::<Vec<_>>());
    assert_eq!(store.archive_task_output(id).await.unwrap(), Archived::No);
    assert!(store.list_tasks_to_archive(month, TaskId(0), 10).await.unwrap().is_empty());
    assert_eq!(store.list_archived_tasks().await.unwrap(), [id]);

    // Others go on writing meanwhile; the ids of the archived rows stay theirs.
    let other = project.start_task(&store).await;
    store.append_task_output(other.id, &[line("new", Utc::now())]).await.unwrap();
    assert_eq!(store.unarchive_task_output(id).await.unwrap(), Some(LINES as i64));
    assert_eq!((rows(&kept, id).await, read(&store, id).await), before);
    assert_eq!(as_the_reference_reads(&kept, id).await, reference);
    assert_eq!(store.unarchive_task_output(id).await.unwrap(), None);
    assert_eq!(count(&kept, "rs_task_archive_chunk").await, "0");
    assert_eq!(read(&store, other.id).await.len(), 1);
}

/// The states in which a crash can leave an archive, and worse: the next attempt comes to the same end.
async fn an_attempt_that_was_cut_short_is_gone_on_with(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let id = finished_task(&store, &kept, &project).await;
    let before = (rows(&kept, id).await, read(&store, id).await);
    // While the chunks were written: some are there, the rows count.
    store.archive_task_output(id).await.unwrap();
    let chunks = count(&kept, "rs_task_archive_chunk").await;
    store.unarchive_task_output(id).await.unwrap();
    let writing = "insert into rs_task_archive (task_id, state, number_of_lines, changed) values";
    kept.execute(&format!("{writing} ({id}, 'writing', 0, '2026-01-01 00:00:00')")).await;
    let half = "(task_id, number, first_line, number_of_lines, last_id, content)";
    kept.execute(&format!("insert into rs_task_archive_chunk {half} values ({id}, 1, 1, 100, 5, 'half')")).await;
    assert_eq!(read(&store, id).await, before.1);
    assert_eq!(store.unarchive_task_output(id).await.unwrap(), None);
    assert_eq!(count(&kept, "rs_task_archive_chunk").await, "0");
    kept.execute(&format!("{writing} ({id}, 'writing', 0, '2026-01-01 00:00:00')")).await;
    kept.execute(&format!("insert into rs_task_archive_chunk {half} values ({id}, 1, 1, 100, 5, 'half')")).await;
    assert_eq!(store.list_tasks_to_archive(Utc::now(), TaskId(0), 10).await.unwrap(), [id]);
    assert_eq!(store.archive_task_output(id).await.unwrap(), Archived::Yes { lines: LINES as i64 });
    assert_eq!(count(&kept, "rs_task_archive_chunk").await, chunks);
    assert_eq!(read(&store, id).await, before.1);

    // While rows came back: some are there, the chunks count.
    store.unarchive_task_output(id).await.unwrap();
    store.archive_task_output(id).await.unwrap();
    kept.execute(&format!("update rs_task_archive set state = 'restoring' where task_id = {id}")).await;
    assert_eq!(read(&store, id).await, before.1);
    assert_eq!(store.archive_task_output(id).await.unwrap(), Archived::No, "somebody wants it back");
    assert_eq!(store.unarchive_task_output(id).await.unwrap(), Some(LINES as i64));
    assert_eq!(rows(&kept, id).await, before.0);

    // While rows went: many are there, the chunks count.
    store.archive_task_output(id).await.unwrap();
    kept.execute(&format!("update rs_task_archive set state = 'clearing' where task_id = {id}")).await;
    let row = "insert into task__output (task_id, time, output) values";
    kept.execute(&format!("{row} ({id}, '2026-01-01 00:00:00', 'left over')")).await;
    // It is the newest row of all, so one more comes behind it.
    store.append_task_output(project.start_task(&store).await.id, &[line("newest", Utc::now())]).await.unwrap();
    assert_eq!(read(&store, id).await, before.1);
    assert_eq!(store.list_tasks_to_archive(Utc::now(), TaskId(0), 10).await.unwrap(), [id]);
    assert_eq!(store.archive_task_output(id).await.unwrap(), Archived::Yes { lines: LINES as i64 });
    assert_eq!(count(&kept, &format!("task__output where task_id = {id}")).await, "3");
    assert_eq!(store.unarchive_task_output(id).await.unwrap(), Some(LINES as i64));
    assert_eq!((rows(&kept, id).await, read(&store, id).await), before);
}

async fn only_finished_output_is_archived_and_it_goes_with_its_task(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let running = project.start_task(&store).await;
    store.append_task_output(running.id, &[line("still running", Utc::now())]).await.unwrap();
    let silent = project.start_task(&store).await;
    store.update_task(&Task { status: TaskStatus::Error, end: Some(Utc::now()), ..silent.clone() }).await.unwrap();
    for id in [running.id, silent.id, TaskId(99)] {
        assert_eq!(store.archive_task_output(id).await.unwrap(), Archived::No);
    }
    assert!(store.list_archived_tasks().await.unwrap().is_empty());

    let id = finished_task(&store, &kept, &project).await;
    store.archive_task_output(id).await.unwrap();
    store.delete_task(project.id, id).await.unwrap();
    assert_eq!(count(&kept, "rs_task_archive_chunk").await, "0");
    // The newest row of the table stays where it is.
    store.update_task(&Task { status: TaskStatus::Success, end: Some(Utc::now()), ..running.clone() }).await.unwrap();
    let newest = project.start_task(&store).await;
    store.append_task_output(newest.id, &[line("one", Utc::now()), line("two", Utc::now())]).await.unwrap();
    store.update_task(&Task { status: TaskStatus::Success, end: Some(Utc::now()), ..newest.clone() }).await.unwrap();
    store.archive_task_output(newest.id).await.unwrap();
    assert_eq!(as_the_reference_reads(&kept, newest.id).await, ["two"]);
    assert_eq!(read(&store, newest.id).await.len(), 2);
}

/// One that always fails stays in the list; those behind it are reached all the same.
async fn the_list_goes_on_behind_a_task_that_is_not_archived(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let now = Utc::now();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let task = project.start_task(&store).await;
        store.append_task_output(task.id, &[line("one", now), line("two", now)]).await.unwrap();
        ids.push(task.id);
        let ended = Task { status: TaskStatus::Success, end: Some(now - TimeDelta::days(40)), ..task };
        store.update_task(&ended).await.unwrap();
    }
    let list = async |after, count| store.list_tasks_to_archive(now, after, count).await.unwrap();
    assert_eq!(list(TaskId(0), 2).await, ids[..2]);
    store.archive_task_output(ids[1]).await.unwrap();
    assert_eq!(list(TaskId(0), 2).await, [ids[0], ids[2]], "the first one comes again");
    assert_eq!(list(ids[1], 2).await, ids[2..4]);
    assert_eq!(list(ids[3], 2).await, ids[4..], "the end");
    assert!(list(ids[4], 2).await.is_empty());
}

async fn damage_is_told_and_dropped_tables_do_no_harm(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let id = finished_task(&store, &kept, &project).await;
    store.archive_task_output(id).await.unwrap();
    kept.execute(&format!("update rs_task_archive_chunk set content = 'nonsense' where task_id = {id} and number = 2"))
        .await;
    let error = store.unarchive_task_output(id).await.unwrap_err();
    assert!(error.to_string().contains("chunk of archived output"), "{error}");
    assert!(store.read_task_output(id, OutputCursor::default(), 9_999).await.is_err(), "half an output is no output");
    kept.execute("drop table rs_task_archive").await;
    assert_eq!(read(&store, id).await.len(), 4_001, "what is left in rows");
}

stories! {
    an_archive_answers_as_the_rows_did_and_becomes_them_again,
    an_attempt_that_was_cut_short_is_gone_on_with,
    only_finished_output_is_archived_and_it_goes_with_its_task,
    the_list_goes_on_behind_a_task_that_is_not_archived,
    damage_is_told_and_dropped_tables_do_no_harm,
}

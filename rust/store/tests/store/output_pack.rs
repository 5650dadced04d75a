//! Lines of every kind come back as they were, however they are put together on their way.

use crate::fixture::{Database, Kept, stories};
use crate::output_scale::{as_the_reference_reads, line};
use crate::story::Project;
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{TaskId, TaskOutput};
use semaphore_store::{OutputCursor, Store};

async fn read_in_pieces(store: &Store, id: TaskId, count: u32) -> Vec<TaskOutput> {
    let (mut all, mut cursor) = (Vec::new(), OutputCursor::default());
    loop {
        let (lines, next) = store.read_task_output(id, cursor, count).await.unwrap();
        if lines.is_empty() {
            return all;
        }
        all.extend(lines);
        cursor = next;
    }
}

async fn kinds_of_values(kept: &Kept) -> Vec<String> {
    let text = "select distinct typeof(task_id) || ' ' || typeof(time) || ' ' || typeof(output) || ' ' || typeof(stage_id) \
         from task__output";
    kept.execute(text).await
}

async fn lines_of_every_kind_come_back_as_they_were(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let task = project.start_task(&store).await;
    let mut texts =
        vec![String::new(), "x".into(), "it's \"quoted\" \\ [1,2] {}\nand goes on".into(), "é 漢 😀".into()];
    texts.push("\u{1b}[31mred\u{1b}[0m\r\t".into());
    if database != Database::Postgres {
        texts.push("a\0b\0".into());
    }
    // Around the lengths at which one statement ends, and a line that no piece can take.
    let lengths: &[usize] =
        if database == Database::Sqlite { &[70_000, 1 << 20, (1 << 20) + 1, 17 << 20] } else { &[70_000, 1 << 20] };
    texts.extend(lengths.iter().map(|length| "y".repeat(*length)));
    texts.extend((0..300).map(|number| format!("line {number}")));
    let start = DateTime::from_timestamp(1_795_000_000, 999_999_000).unwrap();
    let lines: Vec<TaskOutput> = (0..)
        .zip(&texts)
        .map(|(number, text)| line(text.clone(), start + TimeDelta::nanoseconds(number / 3 * 1_000)))
        .collect();
    store.append_numbered_task_output(task.id, Some(1), &lines).await.unwrap();

    for count in [3, 10_000] {
        let found = read_in_pieces(&store, task.id, count).await;
        assert_eq!(found.len(), lines.len());
        for (found, line) in found.iter().zip(&lines) {
            assert!(found.output == line.output, "{} bytes, {} expected", found.output.len(), line.output.len());
            assert_eq!(found.time, database.kept(line.time));
        }
    }
    if database == Database::Sqlite {
        assert_eq!(kinds_of_values(&kept).await, ["integer text text null"]);
        assert!(as_the_reference_reads(&kept, task.id).await == texts);
    }
    assert_eq!(store.task_output_number(task.id).await.unwrap(), lines.len() as i64);

    // Rows of somebody else, with what is no text.
    let (bytes, time) = match database {
        Database::Sqlite => ("x'41ff00'", "2099-01-01 00:00:00.5 +0000 UTC"),
        _ => ("'A'", "2099-01-01 00:00:00"),
    };
    kept.execute(&format!("insert into task__output (task_id, time, output) values ({}, '{time}', {bytes})", task.id))
        .await;
    store.append_task_output(task.id, &[line("behind it", Utc::now())]).await.unwrap();
    let found = read_in_pieces(&store, task.id, 10_000).await;
    let expected = if database == Database::Sqlite { "A\u{fffd}\0" } else { "A" };
    let last: Vec<&str> = found[lines.len()..].iter().map(|line| line.output.as_str()).collect();
    assert_eq!(last, [expected, "behind it"]);
}

stories! {
    lines_of_every_kind_come_back_as_they_were,
}

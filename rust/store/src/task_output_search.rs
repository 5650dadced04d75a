//! Looking for a text in the output of a task: hits with the numbers of their lines.
//!
//! Lines are compared as people see them, without the codes that set colours. The output is read in pieces, so that dropping
//! the future ends the search at once and no connection is kept for long. Not for patterns.

use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{TaskId, ansi};
use std::borrow::Cow;

/// Lines that are read at a time.
const PIECE: u32 = 10_000;

/// Longest text of a hit, in bytes; of a longer line the part around the first place is told.
const HIT_BYTES: usize = 4096;

/// What is looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputSearch {
    /// The text; not empty.
    pub text: String,
    /// Capitals and small letters are the same.
    pub ignore_case: bool,
    /// Only lines with a greater number, counted from 1.
    pub after_line: u32,
    /// How many hits at most.
    pub limit: u32,
}

/// A line that has the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputHit {
    /// Number of the line in the output, counted from 1.
    pub line: i64,
    /// Id of its row.
    pub id: i64,
    /// When it was read.
    pub time: DateTime<Utc>,
    /// The line without colours, cut to 4 KiB around the text.
    pub output: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutputHits {
    /// In the order of the output.
    pub hits: Vec<OutputHit>,
    /// Number of the last line that was looked at.
    pub last_line: i64,
    /// Whether that was the end of the output.
    pub complete: bool,
}

impl Store {
    /// Looks for a text in the output of a task. The caller has checked that the task is one of the project.
    pub async fn search_task_output(&self, id: TaskId, search: &OutputSearch) -> Result<OutputHits> {
        let mut place = self.task_output_place(id, search.after_line.into()).await?;
        let wanted = if search.ignore_case { search.text.to_lowercase() } else { search.text.clone() };
        let mut found = OutputHits { last_line: search.after_line.into(), ..OutputHits::default() };
        loop {
            let first = place.lines + 1;
            let (lines, next) = self.read_output_piece(id, place, PIECE).await?;
            if lines.is_empty() {
                found.complete = true;
                return Ok(found);
            }
            for (number, line) in (first..).zip(lines) {
                found.last_line = number;
                let Some(output) = hit(&line.output, &wanted, search.ignore_case) else { continue };
                found.hits.push(OutputHit { line: number, id: line.id, time: line.time, output });
                if found.hits.len() >= search.limit as usize {
                    return Ok(found);
                }
            }
            place = next;
        }
    }
}

/// What is told of a line that has the text.
fn hit(line: &str, wanted: &str, ignore_case: bool) -> Option<String> {
    let shown: Cow<'_, str> = if line.contains('\u{1b}') {
        let mut plain = String::with_capacity(line.len());
        ansi::strip_into(&mut plain, line);
        plain.into()
    } else {
        line.into()
    };
    let place = if ignore_case { shown.to_lowercase().find(wanted)? } else { shown.find(wanted)? };
    if shown.len() <= HIT_BYTES {
        return Some(shown.into_owned());
    }
    // Small letters may have other lengths: the place is near enough then.
    let begin = shown.floor_char_boundary(place.saturating_sub(HIT_BYTES / 4).min(shown.len() - HIT_BYTES));
    let end = shown.floor_char_boundary(begin + HIT_BYTES);
    Some(shown[begin..end].to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lines_are_compared_as_people_see_them() {
        let table = [
            ("fatal: [host]: FAILED", "FAILED", false, Some("fatal: [host]: FAILED")),
            ("fatal: [host]: FAILED", "failed", false, None),
            ("fatal: [host]: FAILED", "failed", true, Some("fatal: [host]: FAILED")),
            ("\u{1b}[31mfa\u{1b}[1mtal\u{1b}[0m", "fatal", false, Some("fatal")),
            ("ÄRGER", "ärger", true, Some("ÄRGER")),
        ];
        for (line, wanted, ignore_case, expected) in table {
            assert_eq!(hit(line, wanted, ignore_case).as_deref(), expected, "{line}");
        }
        let long = format!("{}needle{}", "é".repeat(10_000), "x".repeat(10_000));
        let shown = hit(&long, "needle", false).unwrap();
        assert!(shown.len() <= HIT_BYTES && shown.contains("needle"));
        assert!(hit(&"İ".repeat(10_000), "i\u{307}", true).is_some());
    }
}

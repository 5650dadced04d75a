//! Lines and statuses of a task as they are sent to those who follow it: batches with the numbers of their lines.
//!
//! Not for the frames of the reference: `hub`.

use axum::extract::ws::Utf8Bytes;
use semaphore_model::{ProjectId, TaskId, TaskOutput, TaskStatus, TemplateId, time};
use semaphore_task::TaskState;
use serde::Serialize;

/// Most lines of a batch.
const BATCH_LINES: usize = 500;
/// Bytes of text after which a batch gets no further line.
const BATCH_BYTES: usize = 256 << 10;

/// Some lines in a row.
#[derive(Debug)]
pub(super) struct Batch {
    project: ProjectId,
    task: TaskId,
    /// Number of the first line.
    pub(super) first: i64,
    /// The lines; not empty.
    pub(super) lines: Vec<TaskOutput>,
    /// All of it as JSON.
    pub(super) text: Utf8Bytes,
}

/// A change of status.
#[derive(Debug)]
pub(super) struct Status {
    /// Number of the last line that was stored before it.
    pub(super) after: i64,
    /// It is the last one.
    pub(super) is_final: bool,
    /// JSON.
    pub(super) text: Utf8Bytes,
}

/// Keys are in alphabetical order, as in the other frames.
#[derive(Serialize)]
struct LinesFrame<'a> {
    first: i64,
    last: i64,
    lines: Vec<Line<'a>>,
    project_id: ProjectId,
    task_id: TaskId,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    continued: bool,
    output: &'a str,
    time: String,
}

impl<'a> Line<'a> {
    fn of(line: &'a TaskOutput) -> Self {
        Self { continued: line.continued, output: &line.output, time: time::format(&line.time) }
    }
}

/// The reference's frame with the number of the last line before it.
#[derive(Serialize)]
struct StatusFrame<'a> {
    end: Option<String>,
    line: i64,
    project_id: ProjectId,
    start: Option<String>,
    status: TaskStatus,
    task_id: TaskId,
    template_id: TemplateId,
    #[serde(rename = "type")]
    kind: &'static str,
    version: Option<&'a str>,
}

/// That a task which was asked for is not there, or may not be seen.
#[derive(Serialize)]
struct GoneFrame {
    task_id: TaskId,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// Texts, numbers and times have no form that JSON cannot write.
fn json(value: &impl Serialize) -> Utf8Bytes {
    serde_json::to_string(value)
        .unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a frame cannot be written as JSON");
            String::new()
        })
        .into()
}

/// The frame that tells that a task is not there for the client.
pub(super) fn gone(task: TaskId) -> Utf8Bytes {
    json(&GoneFrame { task_id: task, kind: "gone" })
}

/// A line as JSON, as it stands in a batch.
pub(super) fn line_text(line: &TaskOutput) -> Utf8Bytes {
    json(&Line::of(line))
}

/// Cuts lines into batches; `first` is the number of the first of them.
pub(super) fn batches(project: ProjectId, task: TaskId, mut first: i64, lines: Vec<TaskOutput>) -> Vec<Batch> {
    let mut batches = Vec::new();
    let mut piece: Vec<TaskOutput> = Vec::new();
    let mut bytes = 0;
    for line in lines {
        if piece.len() >= BATCH_LINES || (bytes + line.output.len() > BATCH_BYTES && !piece.is_empty()) {
            let batch = Batch::new(project, task, first, std::mem::take(&mut piece));
            (first, bytes) = (batch.last() + 1, 0);
            batches.push(batch);
        }
        bytes += line.output.len();
        piece.push(line);
    }
    if !piece.is_empty() {
        batches.push(Batch::new(project, task, first, piece));
    }
    batches
}

impl Batch {
    fn new(project: ProjectId, task: TaskId, first: i64, lines: Vec<TaskOutput>) -> Self {
        let mut batch = Self { project, task, first, lines, text: Utf8Bytes::default() };
        batch.text = json(&LinesFrame {
            first,
            last: batch.last(),
            lines: batch.lines.iter().map(Line::of).collect(),
            project_id: project,
            task_id: task,
            kind: "lines",
        });
        batch
    }

    /// Number of the last line.
    pub(super) fn last(&self) -> i64 {
        self.first + self.lines.len() as i64 - 1
    }

    /// The part from a line of the batch on.
    pub(super) fn tail(&self, line: i64) -> Self {
        let skipped = usize::try_from(line - self.first).unwrap_or(0);
        Self::new(self.project, self.task, line, self.lines.iter().skip(skipped).cloned().collect())
    }

    /// About what it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.text.len() + self.lines.iter().map(|line| line.output.len() + size_of::<TaskOutput>()).sum::<usize>()
    }
}

impl Status {
    /// The state of a task of whose lines so many were stored before.
    pub(super) fn new(task: &TaskState, after: i64) -> Self {
        let text = json(&StatusFrame {
            end: task.end.as_ref().map(time::format),
            line: after,
            project_id: task.project_id,
            start: task.start.as_ref().map(time::format),
            status: task.status,
            task_id: task.id,
            template_id: task.template_id,
            kind: "update",
            version: task.version.as_deref(),
        });
        Self { after, is_final: task.status.is_finished() && task.end.is_some(), text }
    }
}

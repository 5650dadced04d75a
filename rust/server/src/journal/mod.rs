//! Files with what people changed and what became of tasks: the event log, the task log and the log of how tasks ended.
//!
//! Not for what the server says of itself ([`crate::telemetry`]); the database has all of it, too. One thread writes, in the order in
//! which things were stored. Invariants: no request and no task waits for a file; what cannot be written is said once and
//! counted; what was stored before the server ends is written.

mod file;
mod record;
mod writer;

use semaphore_model::Event;
use semaphore_service::task::{TaskLog, TaskRecord};
use semaphore_store::EventListener;

use self::writer::Log;
pub use self::{
    file::FileSettings,
    record::RecordFormat,
    writer::{Journal, LostRecords},
};

/// Which files are written.
#[derive(Clone, Debug, Default)]
pub struct JournalSettings {
    /// Who changed what.
    pub events: Option<FileSettings>,
    /// How it is written.
    pub event_format: RecordFormat,
    /// What becomes of tasks.
    pub tasks: Option<FileSettings>,
    /// How tasks ended, in the form of `task_format`.
    pub results: Option<FileSettings>,
    /// How it is written.
    pub task_format: RecordFormat,
}

impl EventListener for Journal {
    /// Reference: what tasks do by themselves is in the task log only.
    fn stored(&self, event: &Event) {
        if let Some(fields) = record::of_event(event) {
            self.write(Log::Events, &fields);
        }
    }
}

impl TaskLog for Journal {
    fn reached(&self, task: TaskRecord) {
        self.write(Log::Tasks, &record::of_task(&task));
        if task.end.is_some() && task.status.is_finished() {
            self.write(Log::Results, &record::of_result(&task));
        }
    }
}

//! What an Ansible task did to each host.
//!
//! The output is read once, piece by piece, while it grows: who asks again costs only the lines that came since. Nothing of it
//! is stored, so a restart, or a report that was pushed out by others, costs one more reading.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use semaphore_engine::app::ansible::Report;
use semaphore_model::{ProjectId, TaskId, time};
use semaphore_store::OutputCursor;
use serde::Serialize;

use super::CHUNK;
use crate::{Result, Services};

/// Figures of one host. Reference: `db.AnsibleTaskHost`; its community edition answers `null`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AnsibleHost {
    /// Position in the recap, from 1: nothing is stored, so there is no row.
    pub id: usize,
    /// The task.
    pub task_id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Name of the host.
    pub host: String,
    /// Tasks that changed something.
    pub changed: u32,
    /// Tasks that failed.
    pub failed: u32,
    /// Failures that were ignored.
    pub ignored: u32,
    /// Tasks that went well.
    pub ok: u32,
    /// Failures that were rescued.
    pub rescued: u32,
    /// Tasks that were skipped.
    pub skipped: u32,
    /// Times the host was not reached.
    pub unreachable: u32,
    /// When the recap was printed.
    #[serde(with = "time::rfc3339")]
    #[schemars(with = "DateTime<Utc>")]
    pub created: DateTime<Utc>,
}

/// A failure on a host. Reference: `db.AnsibleTaskError`; its community edition answers `null`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AnsibleError {
    /// Position in the output, from 1.
    pub id: usize,
    /// The task.
    pub task_id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Name of the host.
    pub host: String,
    /// Name of the failed task of the playbook.
    pub task: String,
    /// What the module said.
    pub error: String,
    /// When it was printed.
    #[serde(with = "time::rfc3339")]
    #[schemars(with = "DateTime<Utc>")]
    pub created: DateTime<Utc>,
}

/// Reports that are kept; each is bounded itself.
const MOST_REPORTS: usize = 16;

/// What was read so far from the output of the tasks that were asked about last.
#[derive(Debug, Default)]
pub(crate) struct ReportCache {
    begun: Mutex<VecDeque<(TaskId, Arc<tokio::sync::Mutex<Begun>>)>>,
}

/// A report, and up to which line it was read. The runner stores lines in the order of their time, so nothing comes before the
/// place later on.
#[derive(Debug, Default)]
struct Begun {
    report: Report,
    place: OutputCursor,
}

impl ReportCache {
    /// Forgets all reports; they are read again from the output.
    pub(crate) fn forget(&self) {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The report of a task, which becomes the last one to be pushed out.
    fn of(&self, task: TaskId) -> Arc<tokio::sync::Mutex<Begun>> {
        let mut all = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let position = all.iter().position(|(id, _)| *id == task);
        let entry = position.and_then(|position| all.remove(position)).unwrap_or_else(|| (task, Arc::default()));
        let report = Arc::clone(&entry.1);
        all.push_back(entry);
        if all.len() > MOST_REPORTS {
            all.pop_front();
        }
        report
    }
}

impl Services {
    /// Hosts and failures of an Ansible task, read from its stored output as it stands now.
    pub async fn ansible_report(
        &self,
        project: ProjectId,
        task: TaskId,
    ) -> Result<(Vec<AnsibleHost>, Vec<AnsibleError>)> {
        let task = self.task(project, task).await?;
        let begun = self.ansible_reports.of(task.id);
        // Two who ask at once wait for each other instead of reading twice.
        let mut begun = begun.lock().await;
        loop {
            let (lines, next) = self.store.read_task_output(task.id, begun.place.clone(), CHUNK).await?;
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                begun.report.line(&line.output, line.time);
            }
            begun.place = next;
        }
        let report = begun.report.clone();
        drop(begun);
        let (hosts, failures) = report.finish();
        let hosts = hosts.into_iter().zip(1..).map(|(host, id)| AnsibleHost {
            id,
            task_id: task.id,
            project_id: project,
            host: host.host,
            changed: host.changed,
            failed: host.failed,
            ignored: host.ignored,
            ok: host.ok,
            rescued: host.rescued,
            skipped: host.skipped,
            unreachable: host.unreachable,
            created: host.time,
        });
        let failures = failures.into_iter().zip(1..).map(|(failure, id)| AnsibleError {
            id,
            task_id: task.id,
            project_id: project,
            host: failure.host,
            task: failure.task,
            error: failure.error,
            created: failure.time,
        });
        Ok((hosts.collect(), failures.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reports_that_were_asked_for_last_are_kept() {
        let cache = ReportCache::default();
        let first = cache.of(TaskId(1));
        assert!(Arc::ptr_eq(&first, &cache.of(TaskId(1))));
        for id in 2..=16 {
            cache.of(TaskId(id));
        }
        assert!(Arc::ptr_eq(&first, &cache.of(TaskId(1))), "it was asked for between the others");
        for id in 17..=32 {
            cache.of(TaskId(id));
        }
        assert!(!Arc::ptr_eq(&first, &cache.of(TaskId(1))));
        assert_eq!(cache.begun.lock().unwrap_or_else(PoisonError::into_inner).len(), MOST_REPORTS);
    }
}

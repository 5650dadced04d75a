//! What an Ansible task did to each host.

use chrono::{DateTime, Utc};
use semaphore_engine::app::ansible::Report;
use semaphore_model::{ProjectId, TaskId, time};
use semaphore_store::OutputCursor;
use serde::Serialize;

use super::CHUNK;
use crate::{Result, Services};

/// Figures of one host. Reference: `db.AnsibleTaskHost`; its community edition answers `null`.
#[derive(Clone, Debug, Serialize)]
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
    pub created: DateTime<Utc>,
}

/// A failure on a host. Reference: `db.AnsibleTaskError`; its community edition answers `null`.
#[derive(Clone, Debug, Serialize)]
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
    pub created: DateTime<Utc>,
}

impl Services {
    /// Hosts and failures of an Ansible task, read from its stored output as it stands now.
    pub async fn ansible_report(
        &self,
        project: ProjectId,
        task: TaskId,
    ) -> Result<(Vec<AnsibleHost>, Vec<AnsibleError>)> {
        let task = self.task(project, task).await?;
        let mut report = Report::default();
        let mut place = OutputCursor::default();
        loop {
            let (lines, next) = self.store.read_task_output(task.id, place, CHUNK).await?;
            if lines.is_empty() {
                break;
            }
            for line in &lines {
                report.line(&line.output, line.time);
            }
            place = next;
        }
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

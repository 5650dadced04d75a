//! What remote runners report: which tasks they mention, and the way of each report to the owner of its task.
//!
//! Any server takes a report: it gives it to the task here, or leaves it in the database for the one that has the task. Not for
//! what follows from a report (`semaphore_task`), nor for runners that say nothing (`runner_watch.rs`).

use std::{collections::HashSet, time::Duration};

use chrono::{TimeDelta, Utc};
use semaphore_engine::job::JobEvent;
use semaphore_model::{
    Runner, TaskId, TaskStatus,
    json::decode,
    remote::{JobProgress, Progress},
};
use semaphore_store::{RunnerStage, RunnerTask};
use semaphore_task::{NewLine, Reported, RunnerReport};

use super::TaskPorts;
use crate::{Error, Result};

/// How long a runner is told to stop a task that it does not mention. The reference's begins one task in five seconds, and does not
/// mention those that come later.
const UNMENTIONED: TimeDelta = TimeDelta::minutes(5);

/// How often it is noted that a runner mentioned a task.
const NOTED: TimeDelta = TimeDelta::seconds(10);

/// How long a report may take to be stored; after that the runner is asked to send it again. Shorter than a runner may be silent.
const STORING: Duration = Duration::from_secs(10);

/// Reports about a task that are read at a time.
const MAILS: usize = 20;

/// Characters that the columns of a task's row take.
const HASH_LENGTH: usize = 64;
const MESSAGE_LENGTH: usize = 100;
const STAGE_LENGTH: usize = 64;

impl TaskPorts {
    /// Takes the report of a runner; when this returns everything in it is stored.
    ///
    /// Tasks that nobody knows are passed over. 400 if one is another's; 503 if something could not be stored now: it is to be
    /// sent again. What is good in the report is taken in any case. Reference: the first 400 ends it, and an unknown status is one.
    pub async fn take_progress(&self, runner: &Runner, progress: Progress) -> Result<()> {
        let store = &self.services.store;
        let held = store.list_tasks_of_runner(runner.id).await?;
        self.note_mentioned(runner, &held, &progress).await?;
        // What came before to other servers comes first.
        let mut behind = HashSet::new();
        for task in store.list_reported_tasks(&self.services.server_id).await? {
            if progress.jobs.iter().any(|job| job.id == task) && !self.take_mail_about(task).await? {
                behind.insert(task);
            }
        }
        let mut is_unstored = false;
        let mut is_foreign = false;
        for mut job in progress.jobs {
            let id = job.id;
            match held.iter().find(|held| held.task_id == id) {
                None if self.pool()?.is_active(id) || store.find_task_owner(id).await?.is_some() => is_foreign = true,
                None => {}
                Some(held) if held.stage == RunnerStage::Left => {
                    // Until then it is told to stop.
                    let is_over = job.known_status().is_some_and(TaskStatus::is_finished);
                    if is_over {
                        store.forget_left_task(runner.id, id).await?;
                    }
                }
                Some(held) => {
                    // Reference: its runner tells of the commit each time.
                    job.commit = job.commit.filter(|commit| held.commit_hash.as_ref() != Some(&commit.hash));
                    if has_news(&job, held.status) {
                        is_unstored |= behind.contains(&id) || !self.deliver(job).await?;
                    }
                }
            }
        }
        if is_foreign {
            return Err(Error::invalid("Task not assigned to this runner"));
        }
        if is_unstored {
            return Err(unstored());
        }
        Ok(())
    }

    /// Gives a report to the owner of the task; answers whether it is stored, or of no use any more.
    async fn deliver(&self, job: JobProgress) -> Result<bool> {
        let task = job.id;
        let body = || serde_json::to_string(&job).map_err(|error| Error::internal("writing down a report", error));
        let reported = tokio::time::timeout(STORING, self.pool()?.report(task, report(job.clone()))).await;
        let reported = reported.unwrap_or(Reported::Unknown);
        if reported == Reported::Stored {
            return Ok(true);
        }
        let (store, own) = (&self.services.store, &self.services.server_id);
        // A server that has just lost the task may have stored the report: the one that has it is not given it again.
        if reported == Reported::NotHere && store.send_runner_report(own, task, &body()?).await? {
            return Ok(true);
        }
        // A task without an owner has ended.
        Ok(store.find_task_owner(task).await?.is_none())
    }

    /// Takes the reports that came to other servers. One that cannot be stored keeps the others about its task waiting, no more.
    pub(super) async fn take_mail(&self) -> Result<()> {
        for task in self.services.store.list_reported_tasks(&self.services.server_id).await? {
            self.take_mail_about(task).await?;
        }
        Ok(())
    }

    /// Takes the reports about one task; answers whether that is all of them.
    async fn take_mail_about(&self, task: TaskId) -> Result<bool> {
        let (store, own) = (&self.services.store, &self.services.server_id);
        // One at a time: they have an order.
        let _turn = self.runner_mail.lock().await;
        loop {
            let mails = store.list_runner_reports(own, task, MAILS).await?;
            let is_all = mails.len() < MAILS;
            for mail in mails {
                match decode::<JobProgress>(mail.body.as_bytes()) {
                    Ok(job) => {
                        let reported = tokio::time::timeout(STORING, self.pool()?.report(task, report(job))).await;
                        let is_stored = reported == Ok(Reported::Stored);
                        if !is_stored && store.find_task_owner(task).await?.is_some() {
                            return Ok(false);
                        }
                    }
                    Err(error) => {
                        tracing::error!(task.id = %task, %error, "a report of a remote runner cannot be read and is left out");
                    }
                }
                store.delete_runner_report(mail.id).await?;
            }
            if is_all {
                return Ok(true);
            }
        }
    }

    async fn note_mentioned(&self, runner: &Runner, held: &[RunnerTask], progress: &Progress) -> Result<()> {
        let now = Utc::now();
        let is_mentioned = |held: &RunnerTask| progress.jobs.iter().any(|job| job.id == held.task_id);
        let is_due = |held: &&RunnerTask| {
            // The clock may have been set back since, or have been another server's.
            let is_noted = held.heard.is_some_and(|heard| (now - heard).abs() < NOTED);
            held.stage < RunnerStage::Left && is_mentioned(held) && !(is_noted && held.stage == RunnerStage::Reported)
        };
        let due: Vec<_> = held.iter().filter(is_due).map(|held| held.task_id).collect();
        self.services.store.note_runner_reports(runner.id, &due, now).await?;
        // It has never heard of a task that ended, or was restarted.
        let is_over = |held: &&RunnerTask| {
            held.stage == RunnerStage::Left && !is_mentioned(held) && (now - held.changed).abs() > UNMENTIONED
        };
        for held in held.iter().filter(is_over) {
            self.services.store.forget_left_task(runner.id, held.task_id).await?;
        }
        Ok(())
    }
}

fn unstored() -> Error {
    Error::unavailable("not all of the report could be stored: send it again")
}

/// Whether there is anything in a report that is not known of its task.
fn has_news(job: &JobProgress, status: TaskStatus) -> bool {
    let has_events = job.rs.as_ref().is_some_and(|extras| !extras.events.is_empty());
    let is_new = |told: TaskStatus| told != status;
    has_events || !job.log_records.is_empty() || job.commit.is_some() || job.known_status().is_some_and(is_new)
}

/// A report as the pool takes it; texts that the database would refuse are cut.
fn report(job: JobProgress) -> RunnerReport {
    let status = job.known_status();
    let first = job.rs.as_ref().map(|extras| extras.first_record);
    let extras = job.rs.unwrap_or_default();
    let continued: HashSet<u32> = extras.continued.into_iter().collect();
    let lines = job.log_records.into_iter().enumerate();
    let line = |(place, record): (usize, semaphore_model::remote::RemoteRecord)| NewLine {
        time: record.time,
        text: record.message,
        continued: u32::try_from(place).is_ok_and(|place| continued.contains(&place)),
    };
    RunnerReport {
        first,
        lines: lines.map(line).collect(),
        commit: job.commit.map(|commit| (cut(commit.hash, HASH_LENGTH), cut(commit.message, MESSAGE_LENGTH))),
        status,
        // What this version does not know is passed over.
        events: extras.events.into_iter().filter_map(|event| serde_json::from_value(event).ok()).map(fitting).collect(),
    }
}

fn fitting(event: JobEvent) -> JobEvent {
    match event {
        JobEvent::Stage { stage, time } => JobEvent::Stage { stage: cut(stage, STAGE_LENGTH), time },
        event => event,
    }
}

fn cut(mut text: String, length: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(length) {
        text.truncate(end);
    }
    text
}

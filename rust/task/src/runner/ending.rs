//! The end of a task: what is stored and told with its final status, and what follows.

use std::{path::Path, sync::Arc};

use semaphore_engine::{
    host,
    job::{Outcome, Problem, ProblemCode, StopReason},
};
use semaphore_model::{TaskStatus, error_chain};

use super::Runner;
use crate::{pool::status_event, ports::TaskChange};

impl Runner {
    /// Stores the last line and the final status in one durable step, then starts what follows.
    pub(super) async fn finish(&mut self, outcome: Outcome) {
        if self.lost {
            tracing::warn!(task.id = %self.task.state.id, "a task was ended here: it belongs to another server");
            return;
        }
        let status = match &outcome {
            Outcome::Success => TaskStatus::Success,
            Outcome::Stopped(StopReason::Requested | StopReason::Forced) => TaskStatus::Stopped,
            // Nobody asked for a stop by the deadline: the task failed to end in time.
            Outcome::Stopped(StopReason::Deadline) | Outcome::Failed(_) => TaskStatus::Error,
            Outcome::Broken { stage, error } => {
                tracing::warn!(task.id = %self.task.state.id, stage, error, "a task could not be run");
                TaskStatus::Error
            }
        };
        let late = (outcome == Outcome::Stopped(StopReason::Deadline)).then(|| self.late());
        if let Some(message) = late.clone() {
            let problem = Problem { code: ProblemCode::TimeLimit, message };
            self.store(|| TaskChange { problem: Some(&problem), ..TaskChange::default() }).await;
        }
        let mut lines = self.look_after_host(&outcome).await;
        let reason = outcome.reference_text().map(str::to_owned).or(late);
        let reason = reason.map(|text| format!("Failed to run task: {text}"));
        lines.extend(reason.map(|text| self.line(text)));
        self.task.state.status = status;
        // Not before what it has said, whatever the clock says now.
        let end = self.now();
        self.task.state.end = Some(end);
        self.end_stage(end);
        let stages = std::mem::take(&mut self.stages);
        let state = self.task.state.clone();
        let event = Some(status_event(&self.task));
        let left = self.is_left_to_runner;
        self.store(|| TaskChange {
            lines: &lines,
            state: Some(&state),
            event: event.clone(),
            stages: &stages,
            is_left_to_runner: left,
            ..TaskChange::default()
        })
        .await;
        if self.lost || self.given_up {
            return;
        }
        if let Some(directory) = &self.host {
            // What its host left there is of no use any more.
            host::forget(Path::new(directory));
        }
        if let Some(told) = self.told_of_end.take() {
            let _ = told.send(());
        }
        if let Some(runner) = self.remote {
            self.leave_runner(runner);
        }
        self.shared.set_status(state.id, status);
        for stream in std::mem::take(&mut self.unfinished) {
            self.shared.observer.partial(&state, stream, "");
        }
        self.shared.observer.lines(&state, &lines);
        // Reference: the final status is sent twice, first without and then with its end.
        let mut without_end = state.clone();
        without_end.end = None;
        self.shared.observer.changed(&without_end);
        self.shared.observer.changed(&state);
        if status == TaskStatus::Success {
            self.follow_up().await;
        }
    }

    async fn follow_up(&mut self) {
        match self.shared.repository.follow_ups(&self.task.state).await {
            Ok(tasks) => {
                for task in tasks {
                    let pool = crate::Pool { shared: Arc::clone(&self.shared) };
                    if let Err(error) = pool.submit(task).await {
                        tracing::error!(error = error_chain(&error), "a task that follows another could not be queued");
                    }
                }
            }
            Err(error) => {
                tracing::error!(task.id = %self.task.state.id, error = error_chain(&error), "cannot start the tasks that follow");
                let line = self.line(format!("Running app failed: {}", error_chain(&error)));
                let lines = [line];
                self.store(|| TaskChange { lines: &lines, is_afterword: true, ..TaskChange::default() }).await;
                self.shared.observer.lines(&self.task.state, &lines);
            }
        }
    }

    fn late(&self) -> String {
        let seconds = self.shared.limits.max_task_duration.unwrap_or_default().as_secs();
        format!("it took longer than {seconds} s, the limit of this server (max_task_duration_sec)")
    }
}

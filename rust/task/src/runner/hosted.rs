//! Tasks whose job has a process of its own: going on with them, and what becomes of them when that process or this server goes.
//!
//! Not for what hosts are: that is `semaphore_engine::host`.

use std::{io, time::Duration};

use semaphore_engine::{
    host::{self, Attached, Hosted},
    job::{self, JobEvent, Outcome, Problem, ProblemCode, StopReason},
};
use semaphore_model::TaskStatus;

use super::Runner;
use crate::{
    execution::{Control, Events},
    ports::{NewLine, StoredProgress, TaskChange},
};

/// How long the server that has a task now may take to come for its host.
const SUCCESSOR_PATIENCE: Duration = Duration::from_secs(3);

impl Runner {
    /// Goes on with a task whose host was found again; the same promise as that of [`Runner::run`].
    pub(crate) async fn resume(mut self, attached: Attached, progress: StoredProgress) {
        let Attached { job: Hosted { events, control }, directory, history, is_asking, .. } = attached;
        tracing::info!(task.id = %self.task.state.id, "going on with a task that outlived its server");
        (self.stored_lines, self.known_problems) = (progress.lines, progress.problems);
        // The clock may have been set back meanwhile.
        self.last_time = progress.last_time;
        self.interruption = progress.interruption;
        self.host = directory.to_str().map(str::to_owned);
        for event in history {
            match event {
                JobEvent::Stage { stage, time } => self.begin_stage(stage, time),
                JobEvent::Plan(plan) => self.keep_plan(plan),
                _ => {}
            }
        }
        // What was stored and may not have reached the host.
        match self.task.state.status {
            TaskStatus::Stopping => control.stop_because(StopReason::Requested),
            TaskStatus::Confirmed if is_asking => control.confirm(true),
            TaskStatus::Rejected if is_asking => control.confirm(false),
            _ => {}
        }
        self.control = Some(Control::Hosted(control));
        if let Some(outcome) = self.follow(Events::Hosted(events)).await {
            self.finish(outcome).await;
        }
    }

    /// A name for the directory of the task's host, if it is to have one.
    pub(super) fn host_directory(&self) -> Option<String> {
        let task = self.task.state.id;
        let directory = self.shared.hosts.as_ref()?.directory(task.0).and_then(|path| {
            path.into_os_string().into_string().map_err(|_| io::Error::other("the path of tmp_path is no text"))
        });
        directory
            .inspect_err(|error| tracing::error!(task.id = %task, %error, "a task gets no process of its own"))
            .ok()
    }

    /// Whether the server before has stored this problem.
    pub(super) fn knows(&self, problem: &Problem) -> bool {
        self.known_problems.iter().any(|(code, message)| code == problem.code.as_str() && *message == problem.message)
    }

    /// Whether a question was answered that the job asks: the answer got lost with a server.
    pub(super) fn answer_again(&self) -> bool {
        let accepted = match self.task.state.status {
            TaskStatus::Confirmed => true,
            TaskStatus::Rejected => false,
            _ => return false,
        };
        if let Some(control) = &self.control {
            control.confirm(accepted);
        }
        true
    }

    /// The end of a job that could not be run to its own.
    pub(super) async fn broken(&mut self, code: ProblemCode, message: String) -> Outcome {
        let problem = Problem { code, message };
        self.store(|| TaskChange { problem: Some(&problem), ..TaskChange::default() }).await;
        Outcome::Broken { stage: "run".to_owned(), error: problem.message }
    }

    /// The end of a job whose own process was killed: what it had started is ended, too.
    pub(super) async fn host_is_gone(&mut self) -> Outcome {
        // If another server has the task, its process lives and is that one's: the store knows.
        self.store(TaskChange::default).await;
        let is_ours = !(self.lost || self.given_up);
        let is_ended = match &self.host {
            Some(directory) if is_ours => host::end(directory.as_ref()).await,
            _ => false,
        };
        let message = self.interruption.take().unwrap_or_else(|| {
            let rest =
                if is_ended { "what it had started was ended, too" } else { "what it had started may still run" };
            format!("the process that ran it (its task host) was killed; {rest}")
        });
        let outcome = self.broken(ProblemCode::Interrupted, message).await;
        let (project, task) = (self.task.state.project_id.0, self.task.state.id.0);
        // Files of a job that another server goes on with are in use.
        if is_ours && let Err(error) = job::remove_leftovers(&self.shared.engine, project, task).await {
            tracing::warn!(task.id = task, %error, "files of a task whose process was killed cannot be removed");
        }
        outcome
    }

    /// Ends what a stopped job has left, and says so if its memory was too small.
    pub(super) async fn look_after_host(&mut self, outcome: &Outcome) -> Vec<NewLine> {
        let Some(directory) = self.host.clone().filter(|_| !self.given_up) else { return Vec::new() };
        if matches!(outcome, Outcome::Stopped(_)) {
            host::end(directory.as_ref()).await;
            return Vec::new();
        }
        let message = host::out_of_memory(directory.as_ref()).filter(|_| *outcome != Outcome::Success);
        let Some(message) = message else { return Vec::new() };
        let problem = Problem { code: ProblemCode::MemoryLimit, message };
        self.store(|| TaskChange { problem: Some(&problem), ..TaskChange::default() }).await;
        vec![self.line(format!("error: {}", problem.message))]
    }

    /// Lets a job go that is not this server's any more: to the server that comes for it, or to its end if none does.
    pub(super) async fn let_go(&mut self, mut events: Events) {
        let Events::Hosted(hosted) = &mut events else { return };
        if self.given_up {
            return;
        }
        tracing::warn!(task.id = %self.task.state.id, "a task is let go here: it belongs to another server");
        if hosted.is_taken(SUCCESSOR_PATIENCE).await {
            return;
        }
        if let Some(control) = &self.control {
            control.stop_because(StopReason::Forced);
        }
        while hosted.next().await.is_some() {}
        if let Some(directory) = &self.host {
            host::forget(directory.as_ref());
        }
    }
}

//! One whole job.
//!
//! Not for its stages, which are `semaphore_engine::job`'s. The final status of the task is the host's to set: it comes with
//! the result.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use semaphore_engine::job::JobEvents;

use super::{
    Control, Finish, Operation,
    end::{Story, carry, job_end},
};
use crate::{code, failure::Failure, job_spec::PreparedJob, logger::Log, runtime::Runtime};

impl Operation {
    /// Starts a job with its events in a log.
    pub fn start_job(
        handle: u64,
        runtime: &Arc<Runtime>,
        log: &Arc<Log>,
        prepared: PreparedJob,
    ) -> Result<Arc<Self>, Failure> {
        runtime.check_open()?;
        let deadline = prepared.deadline;
        let started = prepared.start(runtime);
        let stop = started.control.clone();
        let opened = Self::open(handle, runtime, Some(log), Control::Job(started.control));
        // Refused: the job must not run on without anybody.
        let (operation, finish) = opened.inspect_err(|_| stop.stop(true))?;
        runtime.counts().jobs.fetch_add(1, Ordering::Relaxed);
        let run = Arc::clone(&operation).run_job(Arc::clone(log), started.events, deadline, finish);
        runtime.spawn_operation("job", run);
        Ok(operation)
    }

    async fn run_job(
        self: Arc<Self>,
        log: Arc<Log>,
        events: JobEvents,
        deadline: Option<Duration>,
        mut finish: Finish,
    ) {
        let Control::Job(control) = &self.control else { return };
        let mut story = Story::default();
        let outcome = tokio::select! {
            outcome = carry(events, control.over(), &log, &mut story) => outcome,
            () = self.watch(deadline, || {}) => return,
        };
        finish.ended = outcome.map(|outcome| job_end(&outcome, story));
    }

    /// Accepts or refuses what a job in the status `waiting_confirmation` wants to do.
    pub fn confirm(&self, accepted: bool) -> Result<(), Failure> {
        let is_waiting = match &self.control {
            Control::Job(control) => control.confirm(accepted),
            Control::Pooled(job) => job.confirm(accepted),
            Control::Program(_) | Control::Git(_) => return Err(Failure::handle("job")),
        };
        if is_waiting { Ok(()) } else { Err(Failure::state("the job does not wait for a confirmation")) }
    }

    /// As [`Operation::cancel`], for jobs only.
    pub fn stop_job(&self, mode: i32) -> Result<(), Failure> {
        match &self.control {
            Control::Job(_) | Control::Pooled(_) => self.cancel(mode),
            Control::Program(_) | Control::Git(_) => Err(Failure::handle("job")),
        }
    }
}

/// Whether a number is one of yes and no.
pub fn answer_from_number(yes: i32) -> Result<bool, Failure> {
    match yes {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Failure::new(code::SEMAPHORE_E_ARG, format!("{yes} is no answer: 1 accepts, 0 refuses"))),
    }
}

//! One job of a pool, from the queue to its end.
//!
//! Not for the limits, which are the pool's, nor for the job's stages, which are `semaphore_engine::job`'s.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use semaphore_engine::job::{JobControl, Outcome, StopReason};
use semaphore_model::TaskStatus;
use serde_json::json;

use super::{
    Control, Ended, Finish, Operation,
    end::{Story, carry, job_end},
};
use crate::{
    code,
    failure::Failure,
    job_spec::PreparedJob,
    logger::{InflowGuard, Log},
    pool::{Ask, Begin, Place, PooledJob},
    runtime::Runtime,
};

/// How a job of a pool ended, and what holds its log open until that is told.
type PooledEnd = (Option<Ended>, TaskStatus, Option<InflowGuard>);

impl Operation {
    /// Makes the operation of a job that waits in a pool.
    pub fn open_pooled(handle: u64, job: &Arc<PooledJob>) -> Result<Arc<Self>, Failure> {
        let runtime = job.pool().runtime();
        let (operation, finish) = Self::open(handle, runtime, None, Control::Pooled(Arc::clone(job)))?;
        runtime.spawn_operation("pool_job", run(Place::new(job), Arc::clone(job), finish));
        Ok(operation)
    }

    /// Hands over what a job of a pool is, when it is its turn.
    pub fn begin_pooled(
        &self,
        log: &Arc<Log>,
        prepare: impl FnOnce(&Runtime) -> Result<PreparedJob, Failure>,
    ) -> Result<(), Failure> {
        let Control::Pooled(job) = &self.control else { return Err(Failure::handle("job of a pool")) };
        if !Arc::ptr_eq(&self.runtime, log.runtime()) {
            return Err(Failure::argument("the log belongs to another runtime"));
        }
        job.begin(prepare(&self.runtime)?, log)
    }
}

/// The job's task. The place is given back behind the end: parameters are dropped in the order of the last to the first.
async fn run(mut place: Place, job: Arc<PooledJob>, mut finish: Finish) {
    let (ended, status, inflow) = tokio::select! {
        end = follow(&job) => end,
        () = end_with_runtime(&job) => return,
    };
    finish.ended = ended;
    finish.inflow = inflow;
    place.retire();
    job.tell(status, job.log().map(|(log, _)| (log.handle(), log.writer().next_seq())));
    drop(finish);
}

/// Obeys the host until the job is over.
async fn follow(job: &Arc<PooledJob>) -> PooledEnd {
    loop {
        match job.next().await {
            Ask::Begin(begin) => {
                let (outcome, story, inflow) = run_once(job, *begin).await;
                // A job that was faster than the wish to repeat it has done its work.
                if job.wants_again() && outcome != Some(Outcome::Success) {
                    drop(inflow);
                    job.go_back().await;
                    continue;
                }
                let status = match &outcome {
                    Some(Outcome::Success) => TaskStatus::Success,
                    Some(Outcome::Stopped(_)) => TaskStatus::Stopped,
                    _ => TaskStatus::Error,
                };
                return (outcome.map(|outcome| job_end(&outcome, story)), status, Some(inflow));
            }
            Ask::Again => job.go_back().await,
            Ask::Cancel(reason) => return (Some(cancelled(reason)), TaskStatus::Stopped, None),
            Ask::GiveBack => return (Some(given_back()), TaskStatus::Waiting, None),
        }
    }
}

/// One run of the job, as `semaphore_job_start` has it.
async fn run_once(job: &Arc<PooledJob>, begin: Begin) -> (Option<Outcome>, Story, InflowGuard) {
    let Begin { prepared, log, inflow } = begin;
    let runtime = job.pool().runtime();
    let deadline = prepared.deadline;
    let started = prepared.start(runtime);
    runtime.counts().jobs.fetch_add(1, Ordering::Relaxed);
    job.runs(&started.control);
    let told = Arc::clone(job);
    let mut story = Story::told(move |status| told.note_status(status));
    let stopping = async {
        job.is_stopping().await;
        job.note_status(TaskStatus::Stopping);
        std::future::pending::<()>().await;
    };
    let outcome = tokio::select! {
        outcome = carry(started.events, started.control.over(), &log, &mut story) => outcome,
        () = late(&started.control, deadline) => None,
        () = stopping => None,
    };
    // A program may be stopped before anybody has been told that it is to stop.
    if job.end_is_asked_for() && matches!(outcome, Some(Outcome::Stopped(_))) {
        job.note_status(TaskStatus::Stopping);
    }
    (outcome, story, inflow)
}

/// Asks for the stop when the deadline has passed; never returns.
async fn late(control: &JobControl, deadline: Option<Duration>) {
    if let Some(deadline) = deadline {
        tokio::time::sleep(deadline).await;
        control.stop_because(StopReason::Deadline);
    }
    std::future::pending::<()>().await;
}

/// Ends the job with its runtime; never returns.
async fn end_with_runtime(job: &PooledJob) {
    let runtime = job.pool().runtime();
    runtime.stopping().cancelled().await;
    job.give_back(Some(StopReason::Requested));
    runtime.killing().cancelled().await;
    job.give_back(Some(StopReason::Forced));
    std::future::pending::<()>().await;
}

fn cancelled(reason: StopReason) -> Ended {
    let message = "the job was cancelled before it was its turn: nothing of it was done";
    never_begun("stopped", "stopped", Some(reason), message)
}

fn given_back() -> Ended {
    let message = "the pool was closed before it was the job's turn: nothing of it was done, submit it again later";
    never_begun("waiting", "waiting", None, message)
}

fn never_begun(outcome: &str, status: &str, reason: Option<StopReason>, message: &str) -> Ended {
    let mut document = json!({"outcome": outcome, "status": status, "problems": [], "known_hosts": ""});
    if let Some(reason) = reason {
        document["reason"] = json!(reason);
    }
    Ended { failure: Some(Failure::new(code::SEMAPHORE_E_CANCELLED, message)), document }
}

//! One job of a pool: where it is, and what the host wants of it.
//!
//! Requests come from any thread and only leave a note; what changes its status happens in its task on the runtime's thread, so its
//! STATUS frames have one order.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use semaphore_engine::job::{JobControl, StopReason};
use semaphore_model::{Flavour, TaskStatus};
use semaphore_task::Claim;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::Pool;
use crate::{
    code,
    failure::Failure,
    job_spec::PreparedJob,
    logger::{InflowGuard, Log},
    queue::unix_ns_now,
    task_status,
};

/// A job of a pool.
pub struct PooledJob {
    /// The host's number for it.
    pub id: i64,
    /// What the limits look at.
    pub claim: Claim,
    operation: u64,
    pool: Arc<Pool>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    phase: Phase,
    status: TaskStatus,
    /// What the host handed over, until the job's task takes it.
    begin: Option<Box<Begin>>,
    /// It must not begin, or must end.
    end: Option<Ask>,
    /// It goes back into the queue, for at least this time.
    again: Option<Duration>,
    /// It waits until its delay is over.
    rests: bool,
    control: Option<JobControl>,
    log: Option<(Arc<Log>, u64)>,
    queued_ns: i64,
    began_ns: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// In the queue.
    Waiting,
    /// It has a place; the host was asked for what it is.
    Ready,
    /// It has begun.
    Running,
    /// Its end is being told.
    Over,
}

/// What a job is started with.
pub struct Begin {
    /// Specification and secrets.
    pub prepared: PreparedJob,
    /// Its log.
    pub log: Arc<Log>,
    /// Counted from the call on, so that a flush right after it waits for the output.
    pub inflow: InflowGuard,
}

/// What the host wants of a job.
pub enum Ask {
    /// Begin.
    Begin(Box<Begin>),
    /// Go back into the queue.
    Again,
    /// End without having begun; a stop that a person asked for.
    Cancel(StopReason),
    /// End without having begun; it may be submitted again later.
    GiveBack,
}

impl PooledJob {
    /// A job that waits.
    pub fn new(id: i64, operation: u64, claim: Claim, pool: &Arc<Pool>) -> Arc<Self> {
        let state = State {
            phase: Phase::Waiting,
            status: TaskStatus::Waiting,
            begin: None,
            end: None,
            again: None,
            rests: false,
            control: None,
            log: None,
            queued_ns: unix_ns_now(),
            began_ns: 0,
        };
        Arc::new(Self {
            id,
            claim,
            operation,
            pool: Arc::clone(pool),
            state: Mutex::new(state),
            changed: Notify::new(),
        })
    }

    /// The pool it belongs to.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what the job is, after READY.
    pub fn begin(&self, prepared: PreparedJob, log: &Arc<Log>) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.phase != Phase::Ready || state.begin.is_some() || state.end.is_some() || state.again.is_some() {
            return Err(Failure::state("it is not the job's turn: start it after its READY event, once"));
        }
        let inflow = log.count_inflow();
        state.log = Some((Arc::clone(log), log.writer().next_seq()));
        state.begin = Some(Box::new(Begin { prepared, log: Arc::clone(log), inflow }));
        drop(state);
        self.changed.notify_one();
        Ok(())
    }

    /// Its log and the number of its first record there, once it was handed over.
    pub fn log(&self) -> Option<(Arc<Log>, u64)> {
        self.lock().log.clone()
    }

    /// Answers a confirmation; `false` if none is waited for.
    pub fn confirm(&self, accepted: bool) -> bool {
        let control = self.lock().control.clone();
        control.is_some_and(|control| control.confirm(accepted))
    }

    /// Ends it, wherever it is.
    pub fn cancel(&self, reason: StopReason) {
        self.ask_for_end(Some(reason), Ask::Cancel(reason));
    }

    /// Ends it if it has not begun; otherwise stops it for the reason, if there is one.
    pub fn give_back(&self, reason: Option<StopReason>) {
        self.ask_for_end(reason, Ask::GiveBack);
    }

    fn ask_for_end(&self, reason: Option<StopReason>, ask: Ask) {
        let mut state = self.lock();
        if state.phase == Phase::Running && reason.is_none() {
            return;
        }
        state.end.get_or_insert(ask);
        let control = state.control.clone();
        drop(state);
        if let (Some(control), Some(reason)) = (control, reason) {
            control.stop_because(reason);
        }
        self.changed.notify_one();
    }

    /// Its pool takes nothing back.
    pub(super) fn refuse_again(&self) {
        self.lock().end.get_or_insert(Ask::GiveBack);
    }

    /// Sends it back into the queue; if it runs, it is stopped first.
    pub(super) fn ask_again(&self, delay: Duration) -> Result<(), Failure> {
        let mut state = self.lock();
        if state.end.is_some() || state.phase == Phase::Over {
            return Err(Failure::state("the job is ending: it cannot go back into the queue"));
        }
        if state.phase == Phase::Waiting {
            return Err(Failure::state("the job is in the queue"));
        }
        state.again = Some(delay);
        state.begin = None;
        let control = state.control.clone();
        drop(state);
        if let Some(control) = control {
            control.stop_because(StopReason::Requested);
        }
        self.changed.notify_one();
        Ok(())
    }

    /// Gives it a place if it waits for one.
    pub(super) fn make_ready(&self, now: i64) -> bool {
        let mut state = self.lock();
        let is_waiting = state.phase == Phase::Waiting && !state.rests && state.end.is_none();
        if is_waiting {
            state.phase = Phase::Ready;
            state.began_ns = now;
        }
        is_waiting
    }

    /// Whether it has a place.
    pub(super) fn has_place(&self) -> bool {
        matches!(self.lock().phase, Phase::Ready | Phase::Running)
    }

    pub(super) fn began_ns(&self) -> i64 {
        self.lock().began_ns
    }

    /// Tells the host that it is its turn.
    pub(super) fn tell_ready(&self) {
        self.tell(TaskStatus::Starting, None);
        let payload = self.id.to_le_bytes().to_vec();
        self.pool.runtime.queue().push_event(code::SEMAPHORE_FRAME_READY, 0, self.operation, payload, None);
    }

    /// An entry of the snapshot.
    pub(super) fn show(&self) -> Value {
        let state = self.lock();
        json!({
            "id": self.id,
            "project_id": self.claim.project,
            "template_id": self.claim.template,
            "status": state.status.as_str(),
            "queued_ns": state.queued_ns,
            "began_ns": (state.began_ns != 0).then_some(state.began_ns),
        })
    }

    /// Follows the job's own statuses, as far as the rule allows.
    pub fn note_status(&self, to: TaskStatus) {
        if self.lock().status.may_become(to, Flavour::Strict) {
            self.tell(to, None);
        }
    }

    /// Changes the status and tells it, behind the records of the log before this number.
    pub fn tell(&self, to: TaskStatus, after: Option<(u64, u64)>) {
        let from = std::mem::replace(&mut self.lock().status, to);
        if from == to {
            return;
        }
        let numbers = [task_status::number(to), task_status::number(from)];
        let payload = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.pool.runtime.queue().push_event(code::SEMAPHORE_FRAME_STATUS, 0, self.operation, payload, after);
    }

    /// Waits for what the host wants next.
    pub async fn next(&self) -> Ask {
        loop {
            {
                let mut state = self.lock();
                if let Some(end) = state.end.take() {
                    // Stays asked for, and what was handed over is wiped.
                    state.end = Some(Ask::GiveBack);
                    state.begin = None;
                    return end;
                }
                if state.again.is_some() {
                    return Ask::Again;
                }
                if let Some(begin) = state.begin.take() {
                    state.phase = Phase::Running;
                    return Ask::Begin(begin);
                }
            }
            self.changed.notified().await;
        }
    }

    /// The job runs: requests reach it from now on, those that came before at once.
    pub fn runs(&self, control: &JobControl) {
        let mut state = self.lock();
        let reason = match state.end {
            Some(Ask::Cancel(reason)) => Some(reason),
            Some(_) => Some(StopReason::Requested),
            None => state.again.map(|_| StopReason::Requested),
        };
        state.control = Some(control.clone());
        drop(state);
        if let Some(reason) = reason {
            control.stop_because(reason);
        }
    }

    /// Waits until the end is asked for while it runs.
    pub async fn is_stopping(&self) {
        loop {
            if self.end_is_asked_for() {
                return;
            }
            self.changed.notified().await;
        }
    }

    /// Whether it is to end, or to go back into the queue.
    pub fn end_is_asked_for(&self) -> bool {
        let state = self.lock();
        state.end.is_some() || state.again.is_some()
    }

    /// The job has run and is to run again: nothing of this run is left.
    pub fn wants_again(&self) -> bool {
        let mut state = self.lock();
        state.control = None;
        state.end.is_none() && state.again.is_some()
    }

    /// Back into the queue, where it rests for the time that was asked for.
    pub async fn go_back(self: &Arc<Self>) {
        let (delay, after) = {
            let mut state = self.lock();
            state.phase = Phase::Waiting;
            state.rests = true;
            state.queued_ns = unix_ns_now();
            state.began_ns = 0;
            let after = state.log.take().map(|(log, _)| (log.handle(), log.writer().next_seq()));
            (state.again.take().unwrap_or_default(), after)
        };
        self.pool.back_to_queue(self);
        self.tell(TaskStatus::Waiting, after);
        self.pool.changed.notify_one();
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = self.is_stopping() => {}
        }
        self.lock().rests = false;
        self.pool.changed.notify_one();
    }
}

/// Guards a job's place: given back when it is dropped, behind the job's OP_DONE.
pub struct Place {
    job: Arc<PooledJob>,
    /// Set when the job's number was given back.
    retired: Option<bool>,
}

impl Place {
    /// For the task of a job.
    pub fn new(job: &Arc<PooledJob>) -> Self {
        Self { job: Arc::clone(job), retired: None }
    }

    /// The job's number is free.
    pub fn retire(&mut self) {
        if self.retired.is_none() {
            let mut state = self.job.lock();
            let phase = std::mem::replace(&mut state.phase, Phase::Over);
            drop(state);
            self.retired = Some(matches!(phase, Phase::Ready | Phase::Running));
            self.job.pool.retire(&self.job);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.retire();
        self.job.pool.give_place_back(&self.job, self.retired == Some(true));
    }
}

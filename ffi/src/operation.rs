//! An operation: one program, job or piece of git's work, from its specification to its result.
//!
//! Not for what is done, which is the engine's; one file below this for each kind. Invariants: every operation that was started
//! ends with exactly one OP_DONE, whatever happens to it; its output precedes that frame in its log.

mod end;
mod git;
mod job;
mod pooled;
mod program;

pub(crate) use end::problem_number;
pub use job::answer_from_number;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use semaphore_engine::{
    job::{JobControl, StopReason},
    process::StopMode,
};

use self::program::ProgramControl;
use crate::{
    code,
    failure::Failure,
    logger::{InflowGuard, Log},
    pool::PooledJob,
    runtime::Runtime,
};

/// Something that was started, or will be in a moment, or has ended.
pub struct Operation {
    handle: u64,
    runtime: Arc<Runtime>,
    log: Option<Arc<Log>>,
    control: Control,
    ended: Mutex<Option<Ended>>,
    first_seq: u64,
}

/// How the host reaches what runs.
enum Control {
    Program(ProgramControl),
    Job(JobControl),
    Git(JobControl),
    Pooled(Arc<PooledJob>),
}

impl Control {
    fn stop(&self, reason: StopReason) {
        match self {
            Self::Program(program) => {
                program.stop.request(if reason == StopReason::Forced { StopMode::Forced } else { StopMode::Graceful });
            }
            Self::Job(job) | Self::Git(job) => job.stop_because(reason),
            Self::Pooled(job) => job.cancel(reason),
        }
    }
}

/// How it ended.
#[derive(Clone)]
struct Ended {
    failure: Option<Failure>,
    document: serde_json::Value,
}

impl Ended {
    /// Nothing is known but why it failed.
    fn failed(failure: Failure) -> Self {
        Self { document: serde_json::json!({"error": failure.message}), failure: Some(failure) }
    }
}

impl Operation {
    /// Makes the operation and the guard that tells its end.
    fn open(
        handle: u64,
        runtime: &Arc<Runtime>,
        log: Option<&Arc<Log>>,
        control: Control,
    ) -> Result<(Arc<Self>, Finish), Failure> {
        runtime.check_open()?;
        if log.is_some_and(|log| !Arc::ptr_eq(runtime, log.runtime())) {
            return Err(Failure::argument("the log belongs to another runtime"));
        }
        let operation = Arc::new(Self {
            handle,
            runtime: Arc::clone(runtime),
            log: log.cloned(),
            control,
            ended: Mutex::default(),
            first_seq: log.map_or(0, |log| log.writer().next_seq()),
        });
        runtime.counts().operations.fetch_add(1, Ordering::Relaxed);
        // Counted here, so that a flush right after the start waits for the output.
        let inflow = log.map(Log::count_inflow);
        Ok((Arc::clone(&operation), Finish { operation, inflow, ended: None }))
    }

    /// Asks for the stop when the deadline has passed (after `late`) or the runtime closes; never returns.
    async fn watch(&self, deadline: Option<Duration>, late: impl FnOnce()) {
        let passed = async {
            match deadline {
                Some(deadline) => tokio::time::sleep(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = passed => {
                late();
                self.control.stop(StopReason::Deadline);
            }
            () = self.runtime.stopping().cancelled() => self.control.stop(StopReason::Requested),
        }
        self.runtime.killing().cancelled().await;
        self.control.stop(StopReason::Forced);
        std::future::pending::<()>().await;
    }

    /// The log that it writes to, and the number of its first record there.
    fn written_log(&self) -> Option<(Arc<Log>, u64)> {
        match &self.control {
            Control::Pooled(job) => job.log(),
            _ => self.log.clone().map(|log| (log, self.first_seq)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Ended>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the end; repeating it changes nothing, a stronger mode wins.
    pub fn cancel(&self, mode: i32) -> Result<(), Failure> {
        self.control.stop(match mode {
            code::SEMAPHORE_CANCEL_GRACEFUL => StopReason::Requested,
            code::SEMAPHORE_CANCEL_NOW => StopReason::Forced,
            _ => return Err(Failure::argument(format!("{mode} is not a mode of cancelling"))),
        });
        Ok(())
    }

    /// Nobody waits for the result any more: what still runs is killed.
    pub fn abandon(&self) {
        self.control.stop(StopReason::Forced);
    }

    /// The result's document, and the failure if it is one; `None` before OP_DONE.
    pub fn result(&self) -> Option<(Vec<u8>, Option<Failure>)> {
        let ended = self.lock().clone()?;
        let mut failure = ended.failure;
        if let (Some(failure), Some((log, first_seq))) = (&mut failure, self.written_log())
            && failure.stderr_tail.is_empty()
            && failure.exit_code.or(failure.signal).is_some()
        {
            failure.stderr_tail = log.stderr_tail(first_seq);
        }
        Some((ended.document.to_string().into_bytes(), failure))
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.runtime.counts().operations.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells the end when it is dropped, so that no way out can forget it.
struct Finish {
    operation: Arc<Operation>,
    inflow: Option<InflowGuard>,
    ended: Option<Ended>,
}

impl Drop for Finish {
    fn drop(&mut self) {
        let operation = &self.operation;
        let ended =
            self.ended.take().unwrap_or_else(|| Ended::failed(operation.runtime.why_unfinished("the operation")));
        let failure = ended.failure.as_ref();
        let after = operation.written_log().map(|(log, _)| (log.handle(), log.writer().next_seq()));
        let payload = done_payload(failure, after.map_or(0, |(_, next_seq)| next_seq));
        if let Control::Program(program) = &operation.control {
            program.end();
        }
        // The result is there and the log counts the output as ended before the host can know.
        *operation.lock() = Some(ended);
        drop(self.inflow.take());
        operation.runtime.queue().push_event(code::SEMAPHORE_FRAME_OP_DONE, 0, operation.handle, payload, after);
    }
}

/// Payload of OP_DONE.
pub(crate) fn done_payload(failure: Option<&Failure>, next_seq: u64) -> Vec<u8> {
    let numbers = [
        failure.map_or(code::SEMAPHORE_OK, |failure| failure.code),
        failure.and_then(|failure| failure.exit_code).unwrap_or(0),
        failure.and_then(|failure| failure.signal).unwrap_or(0),
        0,
    ];
    let mut payload: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    payload.extend_from_slice(&next_seq.to_le_bytes());
    payload
}

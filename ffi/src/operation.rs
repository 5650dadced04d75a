//! An operation: one program from its specification to its result.
//!
//! Not for processes themselves, which are `semaphore_engine::process`'s. Invariants: every operation that was started ends
//! with exactly one OP_DONE, whatever happens to it; the child is reaped by then; its output precedes that frame in its log.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use semaphore_engine::process::{
    ChildControl, ControlError, Exit, Problem, ProcessSpec, SpawnError, StopHandle, StopMode, spawn,
};
use serde_json::json;

use crate::{code, exec_spec::Prepared, failure::Failure, logger::Log, runtime::Runtime};

/// A program that was started, or will be in a moment, or has ended.
pub struct Operation {
    handle: u64,
    runtime: Arc<Runtime>,
    log: Arc<Log>,
    stop: StopHandle,
    state: Mutex<State>,
    first_seq: u64,
}

enum State {
    /// Not started yet; what the host asked for meanwhile.
    Starting(Vec<Command>),
    Running(ChildControl),
    Done(Ended),
}

enum Command {
    Input(Vec<u8>),
    CloseInput,
    Signal(i32),
}

/// How it ended.
#[derive(Clone)]
struct Ended {
    failure: Option<Failure>,
    document: serde_json::Value,
}

impl Operation {
    /// Starts a program; its end, even before its start, is told by OP_DONE.
    pub fn start(
        handle: u64,
        runtime: &Arc<Runtime>,
        log: &Arc<Log>,
        prepared: Prepared,
    ) -> Result<Arc<Self>, Failure> {
        runtime.check_open()?;
        if !Arc::ptr_eq(runtime, log.runtime()) {
            return Err(Failure::argument("the log belongs to another runtime"));
        }
        let mut commands = Vec::new();
        commands.extend(prepared.first_input.map(|mut bytes| Command::Input(std::mem::take(&mut *bytes))));
        let operation = Arc::new(Self {
            handle,
            runtime: Arc::clone(runtime),
            log: Arc::clone(log),
            stop: StopHandle::new(),
            state: Mutex::new(State::Starting(commands)),
            first_seq: log.writer().next_seq(),
        });
        runtime.counts().operations.fetch_add(1, Ordering::Relaxed);
        // Counted here, so that a flush right after the start waits for the output.
        let finish = Finish { operation: Arc::clone(&operation), inflow: Some(log.count_inflow()), ended: None };
        runtime.spawn_operation("exec", Arc::clone(&operation).run(prepared.process, prepared.deadline, finish));
        Ok(operation)
    }

    async fn run(self: Arc<Self>, process: ProcessSpec, deadline: Option<Duration>, mut finish: Finish) {
        if self.stop.requested().is_some() || self.runtime.stopping().is_cancelled() {
            let failure =
                Failure::new(code::SEMAPHORE_E_CANCELLED, "the program was not started: it was cancelled before");
            finish.ended = Some(Ended::without_child(failure));
            return;
        }
        let child = match spawn(process) {
            Ok(child) => child,
            Err(error) => {
                finish.ended = Some(Ended::without_child(spawn_failure(&error)));
                return;
            }
        };
        let counted = ChildGuard::new(&self.runtime);
        let pid = child.pid();
        self.runtime.queue().push_event(
            code::SEMAPHORE_FRAME_CHILD_STARTED,
            0,
            self.handle,
            i64::from(pid).to_le_bytes().to_vec(),
            None,
        );
        self.child_runs(child.control());
        let mut is_late = false;
        let exit = tokio::select! {
            exit = child.supervise(self.log.writer(), self.stop.token()) => exit,
            () = self.watch(deadline, &mut is_late) => return,
        };
        drop(counted);
        self.report_remains(&exit, pid);
        finish.ended = Some(ended(&exit, pid, is_late));
    }

    /// Tells the host's log what is unusual about an end, besides the result.
    fn report_remains(&self, exit: &Exit, pid: i32) {
        let tell = |level, text: String| {
            self.runtime.queue().push_event(code::SEMAPHORE_FRAME_LIB_LOG, level, self.handle, text.into_bytes(), None);
        };
        if exit.stragglers {
            tell(
                code::SEMAPHORE_LEVEL_WARN,
                format!("processes that program {pid} left behind held its output; it was closed after a silence"),
            );
        }
        if let Some(problem) = &exit.problem {
            tell(code::SEMAPHORE_LEVEL_ERROR, format!("program {pid}: {problem}"));
        }
    }

    /// Asks for the stop when the deadline has passed or the runtime closes; never returns.
    async fn watch(&self, deadline: Option<Duration>, is_late: &mut bool) {
        let late = async {
            match deadline {
                Some(deadline) => tokio::time::sleep(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = late => *is_late = self.stop.requested().is_none(),
            () = self.runtime.stopping().cancelled() => {}
        }
        self.stop.request(StopMode::Graceful);
        self.runtime.killing().cancelled().await;
        self.stop.request(StopMode::Forced);
        std::future::pending::<()>().await;
    }

    /// Does what was asked for before the child ran.
    fn child_runs(&self, control: ChildControl) {
        let mut state = self.lock();
        if let State::Starting(commands) = &mut *state {
            for command in std::mem::take(commands) {
                // The child may have ended already, which its result will say.
                let _ = carry_out(&control, command);
            }
            *state = State::Running(control);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn command(&self, command: Command) -> Result<(), Failure> {
        match &mut *self.lock() {
            State::Starting(commands) => {
                commands.push(command);
                Ok(())
            }
            State::Running(control) => carry_out(control, command).map_err(|error| match error {
                ControlError::Ended => Failure::state(error.to_string()),
                ControlError::Signal { ref source, .. } => Failure::io(&error.to_string(), source),
            }),
            State::Done(_) => Err(Failure::state("the program has ended")),
        }
    }

    /// Sends a signal to the program's process group.
    pub fn signal(&self, signal: i32) -> Result<(), Failure> {
        if !(1..=64).contains(&signal) {
            return Err(Failure::argument(format!("{signal} is not the number of a signal")));
        }
        self.command(Command::Signal(signal))
    }

    /// Writes to the program's input, behind what was written before.
    pub fn answer(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.command(Command::Input(bytes.to_vec()))
    }

    /// Ends the program's input, behind what was written before.
    pub fn close_stdin(&self) -> Result<(), Failure> {
        self.command(Command::CloseInput)
    }

    /// Asks for the end; repeating it changes nothing, a stronger mode wins.
    pub fn cancel(&self, mode: i32) -> Result<(), Failure> {
        let mode = match mode {
            code::SEMAPHORE_CANCEL_GRACEFUL => StopMode::Graceful,
            code::SEMAPHORE_CANCEL_NOW => StopMode::Forced,
            _ => return Err(Failure::argument(format!("{mode} is not a mode of cancelling"))),
        };
        self.stop.request(mode);
        Ok(())
    }

    /// Nobody waits for the result any more: a program that still runs is killed.
    pub fn abandon(&self) {
        self.stop.request(StopMode::Forced);
    }

    /// The result's document, and the failure if it is one; `None` before OP_DONE.
    pub fn result(&self) -> Option<(Vec<u8>, Option<Failure>)> {
        let State::Done(ended) = &*self.lock() else { return None };
        let mut failure = ended.failure.clone();
        if let Some(failure) = &mut failure
            && failure.exit_code.or(failure.signal).is_some()
        {
            failure.stderr_tail = self.log.stderr_tail(self.first_seq);
        }
        Some((ended.document.to_string().into_bytes(), failure))
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.runtime.counts().operations.fetch_sub(1, Ordering::Relaxed);
    }
}

fn carry_out(control: &ChildControl, command: Command) -> Result<(), ControlError> {
    match command {
        Command::Input(bytes) => control.write_stdin(bytes),
        Command::CloseInput => control.close_stdin(),
        Command::Signal(signal) => control.signal(signal),
    }
}

/// Tells the end when it is dropped, so that no way out can forget it.
struct Finish {
    operation: Arc<Operation>,
    inflow: Option<crate::logger::InflowGuard>,
    ended: Option<Ended>,
}

impl Drop for Finish {
    fn drop(&mut self) {
        let operation = &self.operation;
        let ended = self.ended.take().unwrap_or_else(|| {
            Ended::without_child(Failure::new(
                code::SEMAPHORE_E_PANIC,
                "a defect of the library ended the operation; the program was killed",
            ))
        });
        let failure = ended.failure.as_ref();
        let mut payload = Vec::with_capacity(24);
        payload.extend_from_slice(&failure.map_or(code::SEMAPHORE_OK, |failure| failure.code).to_le_bytes());
        payload.extend_from_slice(&failure.and_then(|failure| failure.exit_code).unwrap_or(0).to_le_bytes());
        payload.extend_from_slice(&failure.and_then(|failure| failure.signal).unwrap_or(0).to_le_bytes());
        payload.extend_from_slice(&0_i32.to_le_bytes());
        let next_seq = operation.log.writer().next_seq();
        payload.extend_from_slice(&next_seq.to_le_bytes());
        // The result is there and the log counts the output as ended before the host can know.
        *operation.lock() = State::Done(ended);
        drop(self.inflow.take());
        let after = Some((operation.log.handle(), next_seq));
        operation.runtime.queue().push_event(code::SEMAPHORE_FRAME_OP_DONE, 0, operation.handle, payload, after);
    }
}

struct ChildGuard<'a>(&'a Runtime);

impl<'a> ChildGuard<'a> {
    fn new(runtime: &'a Runtime) -> Self {
        runtime.counts().children.fetch_add(1, Ordering::Relaxed);
        Self(runtime)
    }
}

impl Drop for ChildGuard<'_> {
    fn drop(&mut self) {
        self.0.counts().children.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Ended {
    fn without_child(failure: Failure) -> Self {
        Self { document: json!({"error": failure.message}), failure: Some(failure) }
    }
}

fn spawn_failure(error: &SpawnError) -> Failure {
    let mut failure = Failure::new(code::SEMAPHORE_E_SPAWN, error.to_string());
    if let Some(source) = std::error::Error::source(error) {
        failure = failure.because(source);
    }
    let source = match error {
        SpawnError::Directory { source, .. }
        | SpawnError::Descriptor { source, .. }
        | SpawnError::System { source, .. } => Some(source),
        _ => None,
    };
    failure.os_errno = match error {
        SpawnError::NotFound { .. }
        | SpawnError::NoPath { .. }
        | SpawnError::Missing { .. }
        | SpawnError::Interpreter { .. } => libc::ENOENT,
        SpawnError::NotExecutable { .. } => libc::EACCES,
        SpawnError::NotADirectory { .. } => libc::ENOTDIR,
        SpawnError::TooLong { .. } => libc::E2BIG,
        _ => source.and_then(std::io::Error::raw_os_error).unwrap_or(0),
    };
    failure.retryable = matches!(failure.os_errno, libc::EAGAIN | libc::EMFILE | libc::ENFILE | libc::ENOMEM);
    failure
}

fn ended(exit: &Exit, pid: i32, is_late: bool) -> Ended {
    let stopped = exit.stopped.map(|mode| match mode {
        StopMode::Graceful => "graceful",
        StopMode::Forced => "forced",
    });
    let document = json!({
        "pid": pid,
        "text": exit.to_string(),
        "exit_code": exit.code,
        "signal": exit.signal,
        "core_dumped": exit.core_dumped,
        "stopped": stopped,
        "deadline": is_late,
        "stragglers": exit.stragglers,
        "problem": exit.problem.as_ref().map(ToString::to_string),
    });
    Ended { failure: exit_failure(exit, is_late), document }
}

fn exit_failure(exit: &Exit, is_late: bool) -> Option<Failure> {
    let mut failure = if let Some(Problem::PromptRepeated { .. }) = exit.problem {
        Failure::new(code::SEMAPHORE_E_AUTH, exit.problem.as_ref()?.to_string())
    } else if is_late {
        Failure::new(code::SEMAPHORE_E_TIMEOUT, format!("the program was stopped at its deadline: {exit}"))
    } else if exit.stopped.is_some() {
        Failure::new(code::SEMAPHORE_E_CANCELLED, format!("the program was stopped: {exit}"))
    } else if exit.code.is_some() || exit.signal.is_some() {
        if exit.success() {
            return None;
        }
        Failure::new(code::SEMAPHORE_E_EXIT, exit.to_string())
    } else {
        let problem = exit.problem.as_ref().map_or_else(|| exit.to_string(), ToString::to_string);
        Failure::new(code::SEMAPHORE_E_IO, problem)
    };
    failure.exit_code = exit.code;
    failure.signal = exit.signal;
    if let Some(problem) = &exit.problem {
        failure = failure.because(problem);
    }
    Some(failure)
}

//! One program, from its specification to its end.
//!
//! Not for processes themselves, which are `semaphore_engine::process`'s. Invariant: the child is reaped before the end is told.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use semaphore_engine::process::{
    ChildControl, ControlError, Exit, Problem, ProcessSpec, SpawnError, StopHandle, StopMode, spawn,
};
use serde_json::json;

use super::{Control, Ended, Finish, Operation};
use crate::{code, exec_spec::Prepared, failure::Failure, logger::Log, runtime::Runtime};

/// How the host reaches a program.
pub(super) struct ProgramControl {
    pub(super) stop: StopHandle,
    state: Mutex<State>,
}

enum State {
    /// Not started yet; what the host asked for meanwhile.
    Starting(Vec<Command>),
    Running(ChildControl),
    Over,
}

enum Command {
    Input(Vec<u8>),
    CloseInput,
    Signal(i32),
}

impl ProgramControl {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Nothing is carried out any more.
    pub(super) fn end(&self) {
        *self.lock() = State::Over;
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
            State::Over => Err(Failure::state("the program has ended")),
        }
    }
}

fn carry_out(control: &ChildControl, command: Command) -> Result<(), ControlError> {
    match command {
        Command::Input(bytes) => control.write_stdin(bytes),
        Command::CloseInput => control.close_stdin(),
        Command::Signal(signal) => control.signal(signal),
    }
}

impl Operation {
    /// Starts a program; its end, even before its start, is told by OP_DONE.
    pub fn start_program(
        handle: u64,
        runtime: &Arc<Runtime>,
        log: &Arc<Log>,
        prepared: Prepared,
    ) -> Result<Arc<Self>, Failure> {
        let mut commands = Vec::new();
        commands.extend(prepared.first_input.map(|mut bytes| Command::Input(std::mem::take(&mut *bytes))));
        let control = ProgramControl { stop: StopHandle::new(), state: Mutex::new(State::Starting(commands)) };
        let (operation, finish) = Self::open(handle, runtime, Some(log), Control::Program(control))?;
        runtime.counts().programs.fetch_add(1, Ordering::Relaxed);
        let run = Arc::clone(&operation).run_program(Arc::clone(log), prepared.process, prepared.deadline, finish);
        runtime.spawn_operation("exec", run);
        Ok(operation)
    }

    fn program(&self) -> Result<&ProgramControl, Failure> {
        match &self.control {
            Control::Program(program) => Ok(program),
            Control::Job(_) | Control::Git(_) | Control::Pooled(_) => Err(Failure::handle("program")),
        }
    }

    async fn run_program(
        self: Arc<Self>,
        log: Arc<Log>,
        process: ProcessSpec,
        deadline: Option<Duration>,
        mut finish: Finish,
    ) {
        let Ok(program) = self.program() else { return };
        if program.stop.requested().is_some() || self.runtime.stopping().is_cancelled() {
            let failure =
                Failure::new(code::SEMAPHORE_E_CANCELLED, "the program was not started: it was cancelled before");
            finish.ended = Some(Ended::failed(failure));
            return;
        }
        let child = match spawn(process) {
            Ok(child) => child,
            Err(error) => {
                finish.ended = Some(Ended::failed(spawn_failure(&error)));
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
        program.child_runs(child.control());
        let mut is_late = false;
        let exit = tokio::select! {
            exit = child.supervise(log.writer(), program.stop.token()) => exit,
            () = self.watch(deadline, || is_late = program.stop.requested().is_none()) => return,
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

    /// Sends a signal to the program's process group.
    pub fn signal(&self, signal: i32) -> Result<(), Failure> {
        if !(1..=64).contains(&signal) {
            return Err(Failure::argument(format!("{signal} is not the number of a signal")));
        }
        self.program()?.command(Command::Signal(signal))
    }

    /// Writes to the program's input, behind what was written before.
    pub fn answer(&self, bytes: &[u8]) -> Result<(), Failure> {
        self.program()?.command(Command::Input(bytes.to_vec()))
    }

    /// Ends the program's input, behind what was written before.
    pub fn close_stdin(&self) -> Result<(), Failure> {
        self.program()?.command(Command::CloseInput)
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

/// Why a program could not be started.
pub(super) fn spawn_failure(error: &SpawnError) -> Failure {
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

//! A running child and its supervision.

use std::{
    fmt, io,
    os::fd::OwnedFd,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use zeroize::Zeroizing;

use super::{
    Exit, OutputEnd, Problem, StopMode, StopToken,
    input::{self, InputCommand, InputEnd},
    leader::{Leader, Watched},
    output::{self, Activity, Phase, Sink},
    stop::{self, Ending},
    system::RawExit,
};
use crate::log::{LogWriter, Stream};

/// What is told of a question that nobody answered.
const LONGEST_TOLD_BYTES: usize = 200;

/// A program that was started. Dropping it, or the future of its supervision, kills its session and reaps it.
pub struct Child {
    watched: Watched,
    stdout: OwnedFd,
    stderr: OwnedFd,
    input: InputEnd,
    commands: mpsc::UnboundedReceiver<InputCommand>,
    stop: Ending,
    control: ChildControl,
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Child").field("pid", &self.pid()).field("stop", &self.stop).finish_non_exhaustive()
    }
}

impl Child {
    pub(super) fn new(watched: Watched, stdout: OwnedFd, stderr: OwnedFd, input: InputEnd, stop: Ending) -> Self {
        let (sender, commands) = mpsc::unbounded_channel();
        let control = ChildControl { leader: Arc::clone(&watched), input: sender };
        Self { watched, stdout, stderr, input, commands, stop, control }
    }

    /// Process id; also the id of its group and session.
    pub fn pid(&self) -> i32 {
        self.watched.pid()
    }

    /// A handle for signals and input, to be taken before the supervision begins. A `Stdin::Pipe` is closed when the last one
    /// is dropped.
    pub fn control(&self) -> ChildControl {
        self.control.clone()
    }

    /// Runs the child to its end: output into the log, input, stop plan, reaping. All its output is in the log when this returns.
    ///
    /// Must run in a tokio runtime with IO and time. Returns soon after the leader's end even if the log is full; output of a
    /// process left behind is read until it has been silent for 500 ms. A normal end kills nothing. Reference: so does the Go
    /// server's, but it waits for pipes that are held without end.
    pub async fn supervise<M: Send>(self, log: &LogWriter<M>, stop: StopToken) -> Exit {
        let (mut stdout, mut stderr) = (log.lines(Stream::Stdout), log.lines(Stream::Stderr));
        let terminal = log.partials(Stream::Terminal);
        let shown = AtomicBool::new(false);
        let show = |text: &[u8]| {
            shown.store(!text.is_empty(), Ordering::Relaxed);
            terminal.show(text);
        };
        let mut exit = self.run(&mut stdout, &mut stderr, &show, &stop).await;
        if shown.into_inner() {
            // The terminal has gone with its question.
            terminal.show(b"");
        }
        if let Some(Problem::WaitsForInput { prompt, .. }) = &mut exit.problem {
            let asked = log.redactor().redact(std::mem::take(prompt).into());
            // Cut only now: the rest of a secret that was cut would not be recognised.
            let asked = String::from_utf8_lossy(&asked);
            let from = asked.ceil_char_boundary(asked.len().saturating_sub(LONGEST_TOLD_BYTES));
            asked[from..].clone_into(prompt);
        }
        exit
    }

    /// `terminal` is told what stands unfinished on the child's terminal.
    pub(super) async fn run<S: Sink>(
        self,
        out: &mut S,
        err: &mut S,
        terminal: &(dyn Fn(&[u8]) + Send + Sync),
        token: &StopToken,
    ) -> Exit {
        let Self { mut watched, stdout, stderr, input, commands, stop: ending, control } = self;
        // Only handles that were given away keep a pipe to the input open.
        drop(control);
        watched.register();
        let (phase, phases) = watch::channel(Phase::Running);
        let (drained, mut is_drained) = watch::channel(false);
        let (troubled, mut trouble) = mpsc::channel(1);

        let activity = Activity::new();
        let draining = async {
            let ends = tokio::join!(
                output::drain(stdout, out, phases.clone(), &activity),
                output::drain(stderr, err, phases.clone(), &activity)
            );
            drained.send_replace(true);
            ends
        };
        let feeding = async {
            let mut over = phases.clone();
            tokio::select! {
                fed = input::feed(input, commands, terminal) => if let Err(problem) = fed {
                    // There is room for the one problem that is ever sent.
                    let _ = troubled.try_send(problem);
                },
                _ = over.wait_for(|phase| *phase != Phase::Running) => {}
            }
        };
        let living = async {
            let mut problem = None;
            let mut stopped = tokio::select! {
                biased;
                // First: the terminal is closed with it, and the hang-up may end the program before anything else does.
                Some(found) = trouble.recv() => {
                    problem = Some(found);
                    None
                }
                () = watched.exited() => None,
                mode = token.wait_for(StopMode::Graceful) => Some(mode),
            };
            if stopped.is_none() && problem.is_none() {
                phase.send_replace(Phase::exited());
                // What it left behind may hold the pipes, and can still be stopped.
                stopped = tokio::select! {
                    biased;
                    _ = is_drained.wait_for(|drained| *drained) => None,
                    mode = token.wait_for(StopMode::Graceful) => Some(mode),
                };
            }
            if stopped.is_some() || problem.is_some() {
                stop::carry_out(ending, &watched, token, stopped == Some(StopMode::Forced)).await;
                stopped = token.requested();
                phase.send_replace(Phase::Killed { at: Instant::now() });
            }
            (stopped, problem)
        };
        let (ends, (), (stopped, problem)) = tokio::join!(draining, feeding, living);
        exit(watched.reap(), stopped, problem, [("output", ends.0), ("error output", ends.1)])
    }
}

fn exit(
    raw: Option<RawExit>,
    stopped: Option<StopMode>,
    problem: Option<Problem>,
    ends: [(&'static str, OutputEnd); 2],
) -> Exit {
    let mut exit = Exit { stopped, problem, ..Exit::default() };
    match raw {
        Some(RawExit::Code(code)) => exit.code = Some(code),
        Some(RawExit::Signal { number, core_dumped }) => {
            exit.signal = Some(number);
            exit.core_dumped = core_dumped;
        }
        None => exit.problem = exit.problem.or(Some(Problem::StatusLost)),
    }
    for (stream, end) in ends {
        match end {
            OutputEnd::Closed => {}
            OutputEnd::Straggler => exit.stragglers = true,
            OutputEnd::Failed(error) => {
                exit.problem = exit.problem.or_else(|| Some(Problem::Stream { stream, error: error.to_string() }));
            }
        }
    }
    exit
}

/// Signals and input for a running child, from any thread, without async.
#[derive(Clone)]
pub struct ChildControl {
    leader: Arc<Leader>,
    input: mpsc::UnboundedSender<InputCommand>,
}

impl fmt::Debug for ChildControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildControl").field("pid", &self.leader.pid()).finish_non_exhaustive()
    }
}

/// Why a child could not be controlled.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It has ended, or (for input) never reads or has had its input closed.
    #[error("the program has ended or takes no input")]
    Ended,
    /// The system refused the signal.
    #[error("cannot send signal {signal}")]
    Signal {
        /// Number.
        signal: i32,
        /// Why.
        source: io::Error,
    },
}

impl ChildControl {
    /// Process id, for messages; the process may have ended.
    pub fn pid(&self) -> i32 {
        self.leader.pid()
    }

    /// Sends a signal to the whole process group; never to a stranger, because the leader is reaped under the same lock.
    pub fn signal(&self, signal: i32) -> Result<(), ControlError> {
        self.leader.signal_group(signal).map_err(|source| match source.raw_os_error() {
            Some(libc::ESRCH) => ControlError::Ended,
            _ => ControlError::Signal { signal, source },
        })
    }

    /// Queues bytes for a `Stdin::Pipe`, or types them on a `Stdin::Pty`; zeroized when written.
    pub fn write_stdin(&self, bytes: Vec<u8>) -> Result<(), ControlError> {
        self.input.send(InputCommand::Write(Zeroizing::new(bytes))).map_err(|_| ControlError::Ended)
    }

    /// Ends the input behind everything queued: closes the pipe, or types the end of file on a terminal.
    pub fn close_stdin(&self) -> Result<(), ControlError> {
        self.input.send(InputCommand::Close).map_err(|_| ControlError::Ended)
    }
}

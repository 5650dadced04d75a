//! How a child ended.

use std::fmt;

use super::StopMode;

/// The end of a child. Its `Display` is the text of Go's `os.ProcessState`: `exit status 2`, `signal: killed`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, if it ended by itself.
    pub code: Option<i32>,
    /// Number of the signal that ended it.
    pub signal: Option<i32>,
    /// The signal left a core dump.
    pub core_dumped: bool,
    /// A stop was asked for while it (or what it left in its session) was running, and how.
    pub stopped: Option<StopMode>,
    /// Somebody else still held its output when it had ended, and the pipe was closed after a silence.
    pub stragglers: bool,
    /// Something besides the program's own end that a person should be told.
    pub problem: Option<Problem>,
}

/// What went wrong around a child.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// An answer was not accepted; the child was stopped, because it would ask for ever.
    #[error("`{prompt}` was asked again after it had been answered: the stored password is wrong")]
    PromptRepeated {
        /// The beginning of the prompt, as in [`super::Prompt::starts_with`].
        prompt: String,
    },
    /// A question on the terminal stood for longer than [`super::ProcessSpec::prompt_timeout`]; the child was stopped.
    #[error("waits for input: nobody answered `{prompt}` within {seconds} s")]
    WaitsForInput {
        /// What was asked, without the secrets of the log; at most 200 bytes of its end.
        prompt: String,
        /// How long was waited.
        seconds: u64,
    },
    /// Somebody else in this process waited for the child, so its exit status is not known.
    #[error("the exit status was taken by another part of the process (a wait for any child, or SIGCHLD ignored)")]
    StatusLost,
    /// A pipe or terminal of the child failed.
    #[error("{stream} of the program failed: {error}")]
    Stream {
        /// `output`, `error output`, `input` or `terminal`.
        stream: &'static str,
        /// Text of the system.
        error: String,
    },
}

impl Exit {
    /// Exit code 0.
    pub fn success(&self) -> bool {
        self.code == Some(0)
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.code, self.signal) {
            (Some(code), _) => write!(f, "exit status {code}"),
            (None, Some(signal)) => {
                match signal_name(signal) {
                    Some(name) => write!(f, "signal: {name}")?,
                    None => write!(f, "signal: signal {signal}")?,
                }
                if self.core_dumped { f.write_str(" (core dumped)") } else { Ok(()) }
            }
            (None, None) => f.write_str("exit status unknown"),
        }
    }
}

/// Go's words for Linux signals. Reference: `syscall.Signal.String`.
fn signal_name(signal: i32) -> Option<&'static str> {
    Some(match signal {
        libc::SIGHUP => "hangup",
        libc::SIGINT => "interrupt",
        libc::SIGQUIT => "quit",
        libc::SIGILL => "illegal instruction",
        libc::SIGTRAP => "trace/breakpoint trap",
        libc::SIGABRT => "aborted",
        libc::SIGBUS => "bus error",
        libc::SIGFPE => "floating point exception",
        libc::SIGKILL => "killed",
        libc::SIGUSR1 => "user defined signal 1",
        libc::SIGSEGV => "segmentation fault",
        libc::SIGUSR2 => "user defined signal 2",
        libc::SIGPIPE => "broken pipe",
        libc::SIGALRM => "alarm clock",
        libc::SIGTERM => "terminated",
        libc::SIGSTKFLT => "stack fault",
        libc::SIGCHLD => "child exited",
        libc::SIGCONT => "continued",
        libc::SIGSTOP => "stopped (signal)",
        libc::SIGTSTP => "stopped",
        libc::SIGTTIN => "stopped (tty input)",
        libc::SIGTTOU => "stopped (tty output)",
        libc::SIGURG => "urgent I/O condition",
        libc::SIGXCPU => "CPU time limit exceeded",
        libc::SIGXFSZ => "file size limit exceeded",
        libc::SIGVTALRM => "virtual timer expired",
        libc::SIGPROF => "profiling timer expired",
        libc::SIGWINCH => "window changed",
        libc::SIGIO => "I/O possible",
        libc::SIGPWR => "power failure",
        libc::SIGSYS => "bad system call",
        _ => return None,
    })
}

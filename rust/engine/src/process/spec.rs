//! What to start: the complete description of one child process.

use std::{ffi::OsString, fmt, os::fd::OwnedFd, path::PathBuf, sync::Arc, time::Duration};

use zeroize::Zeroizing;

use super::{Identity, Sandbox, StopPlan};

/// Everything about a child process; nothing is inherited or looked up elsewhere.
#[derive(Clone)]
pub struct ProcessSpec {
    /// Path, or a bare name that is looked for in `search_path` and then in the `PATH` of `env`.
    pub program: OsString,
    /// Arguments after the program's name.
    pub args: Vec<OsString>,
    /// The whole environment; of two entries with one name the later wins.
    pub env: Vec<(OsString, OsString)>,
    /// Where a bare name is looked for first, as a value of `PATH`.
    pub search_path: Option<OsString>,
    /// Working directory; also what a relative `program` with a slash is relative to.
    pub dir: PathBuf,
    /// Standard input.
    pub stdin: Stdin,
    /// How it is ended on request.
    pub stop: StopPlan,
    /// How long each polite signal of the plan has, where the plan says 1.5 s; `None` = that.
    pub grace: Option<Duration>,
    /// As whom and below which root it runs; `None` = as this process.
    pub identity: Option<Identity>,
    /// What it may reach of this machine; `None` = what its user may.
    pub sandbox: Option<Sandbox>,
    /// Soft limit of open files, cut to the hard limit and set right after the start; `None` = that of this process.
    pub nofile: Option<u64>,
    /// How long a question on the terminal that nobody answers may stand there before the child is stopped; `None` = for ever.
    pub prompt_timeout: Option<Duration>,
    /// A descriptor above 2 that the child and what it starts keep open, and never use: a lock that must live as long as they do.
    pub kept: Option<Arc<OwnedFd>>,
}

impl ProcessSpec {
    /// A program in a directory: no arguments, empty environment, empty input, the stop plan of shells.
    pub fn new(program: impl Into<OsString>, dir: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: Vec::new(),
            search_path: None,
            dir: dir.into(),
            stdin: Stdin::Null,
            stop: StopPlan::Shell,
            grace: None,
            identity: None,
            sandbox: None,
            nofile: None,
            prompt_timeout: None,
            kept: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: Into<OsString>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Adds variables.
    #[must_use]
    pub fn envs<N: Into<OsString>, V: Into<OsString>>(mut self, env: impl IntoIterator<Item = (N, V)>) -> Self {
        self.env.extend(env.into_iter().map(|(name, value)| (name.into(), value.into())));
        self
    }

    /// Sets the input.
    #[must_use]
    pub fn stdin(mut self, stdin: Stdin) -> Self {
        self.stdin = stdin;
        self
    }

    /// Sets the stop plan.
    #[must_use]
    pub fn stop(mut self, stop: StopPlan) -> Self {
        self.stop = stop;
        self
    }

    /// Sets how long a polite signal has.
    #[must_use]
    pub fn grace(mut self, grace: Option<Duration>) -> Self {
        self.grace = grace;
        self
    }

    /// Sets the identity.
    #[must_use]
    pub fn identity(mut self, identity: Option<Identity>) -> Self {
        self.identity = identity;
        self
    }

    /// Sets what it may reach.
    #[must_use]
    pub fn sandbox(mut self, sandbox: Option<Sandbox>) -> Self {
        self.sandbox = sandbox;
        self
    }

    /// Sets the soft limit of open files.
    #[must_use]
    pub fn nofile(mut self, nofile: Option<u64>) -> Self {
        self.nofile = nofile;
        self
    }

    /// Sets where a bare name is looked for first.
    #[must_use]
    pub fn search_path(mut self, path: impl Into<OsString>) -> Self {
        self.search_path = Some(path.into());
        self
    }

    /// Sets how long an unanswered question may stand.
    #[must_use]
    pub fn prompt_timeout(mut self, prompt_timeout: Option<Duration>) -> Self {
        self.prompt_timeout = prompt_timeout;
        self
    }

    /// Sets the descriptor that is kept open.
    #[must_use]
    pub fn kept(mut self, kept: Option<Arc<OwnedFd>>) -> Self {
        self.kept = kept;
        self
    }
}

/// Shows names and counts only: arguments and values of variables may be secret.
impl fmt::Debug for ProcessSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessSpec")
            .field("program", &self.program)
            .field("args", &self.args.len())
            .field("env", &self.env.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("dir", &self.dir)
            .field("stdin", &self.stdin)
            .field("stop", &self.stop)
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

/// Standard input of a child. Output and errors are always pipes.
#[derive(Clone, Default)]
pub enum Stdin {
    /// `/dev/null`.
    #[default]
    Null,
    /// A pipe that gives these bytes and then the end.
    Bytes(Zeroizing<Vec<u8>>),
    /// A pipe that [`super::ChildControl::write_stdin`] fills and [`super::ChildControl::close_stdin`] ends.
    Pipe,
    /// A pseudo terminal, which is the controlling terminal too; prompts on it are answered from this table.
    Pty {
        /// Which prompt gets which answer.
        prompts: Vec<Prompt>,
    },
}

impl Stdin {
    /// A pipe that gives these bytes and then the end.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Bytes(Zeroizing::new(bytes.into()))
    }
}

impl fmt::Debug for Stdin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("Null"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Pipe => f.write_str("Pipe"),
            Self::Pty { prompts } => f.debug_struct("Pty").field("prompts", prompts).finish(),
        }
    }
}

/// A question on the terminal and its answer.
///
/// Reference: the Go server types an answer whenever one read of the terminal begins with the text, again and again for a
/// wrong password; here the whole prompt is awaited, and answered once.
#[derive(Clone)]
pub struct Prompt {
    /// How the prompt's line begins (white space before it does not count), for example `BECOME password`; the line must
    /// also end with a colon. Of several that fit the longest counts.
    pub starts_with: String,
    /// What is typed, without the line feed.
    pub answer: Zeroizing<Vec<u8>>,
}

impl Prompt {
    /// A prompt and its answer.
    pub fn new(starts_with: impl Into<String>, answer: impl Into<Vec<u8>>) -> Self {
        Self { starts_with: starts_with.into(), answer: Zeroizing::new(answer.into()) }
    }
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({:?})", self.starts_with)
    }
}

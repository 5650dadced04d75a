//! What git and the apps stand on: child processes whose output belongs to the job and which end when the job is stopped.
//!
//! Not for what is run or why it is stopped. Uses nothing of git and the apps.

mod control;
mod question;
mod started;

use std::{
    collections::VecDeque,
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bytes::Bytes;
use semaphore_model::TaskStatus;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

pub(crate) use control::{Confirmation, StopRequest};
pub use started::StartedProgram;

use super::{JobEvent, StopReason};
use crate::{
    EngineConfig,
    config::SandboxMode,
    key::{AgentPlace, SocketOwner},
    log::{self, Batch, LogRecord, LogWriter, Stream},
    process::{
        self, Child, Exit, Identity, IdentityError, Problem, ProcessSpec, Sandbox, SandboxError, SpawnError, StopMode,
    },
};

/// Lines that are kept of a program's output to tell why it failed.
const TAIL_LINES: usize = 20;

/// Longest output of a program that is asked something: room for the branches of a very large repository.
const OUTPUT_BYTES: usize = 16 * 1024 * 1024;

/// How a program ended that nobody stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProgramEnd {
    /// Exit code 0.
    Success,
    /// Its end in Go's words: `exit status 2`.
    Failed(String),
}

/// Why there is no end to tell.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// It could not be started.
    #[error(transparent)]
    Start(#[from] SpawnError),
    /// The job was stopped while it ran or before.
    #[error("stopped")]
    Stopped(StopReason),
    /// There is nobody as whom it may run.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// It belongs into a sandbox, and none was made yet.
    #[error("internal error: a program was to run outside of its sandbox; please report it")]
    Unconfined,
    /// There are no limits to be had for it.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// Something around it went wrong: a password was refused, ...
    #[error(transparent)]
    Problem(Problem),
}

/// The sandbox of a job's programs.
#[derive(Debug)]
pub(crate) struct Confinement {
    /// The limits.
    pub(crate) sandbox: Sandbox,
    /// TMPDIR: what others have in `/tmp` is none of the job's business.
    pub(crate) temporary: PathBuf,
}

/// Runs the programs of one job, one after another; cheap to clone.
///
/// All of them run as what `process` of the configuration says. Its root directory is for the apps and what they install:
/// git runs outside of it, see [`Programs::outside_root`].
#[derive(Clone, Debug)]
pub struct Programs {
    config: Arc<EngineConfig>,
    log: LogWriter<JobEvent>,
    stop: StopRequest,
    confirmation: Confirmation,
    /// Looked up once; `None` = as this process.
    identity: Arc<OnceLock<Result<Option<Identity>, IdentityError>>>,
    outside_root: bool,
    /// What the programs of the app run in, once it is made.
    sandbox: Arc<OnceLock<Confinement>>,
    held: Option<Arc<OwnedFd>>,
    /// Whether the host wants to know what is started.
    told: bool,
}

impl Programs {
    pub(crate) fn new(
        config: Arc<EngineConfig>,
        log: LogWriter<JobEvent>,
        stop: StopRequest,
        confirmation: Confirmation,
    ) -> Self {
        Self {
            config,
            log,
            stop,
            confirmation,
            identity: Arc::default(),
            outside_root: false,
            sandbox: Arc::default(),
            held: None,
            told: false,
        }
    }

    /// Programs without a job: their output is thrown away, and nobody stops them but who drops the call.
    pub fn detached(config: Arc<EngineConfig>) -> Self {
        let (log, _) = log::channel(log::LogOptions::default());
        Self::new(config, log, StopRequest::default(), Confirmation::default())
    }

    /// The same for a host that wants to know what is started: each program that is run is told before as [`JobEvent::Program`].
    #[must_use]
    pub(crate) fn telling(self, told: bool) -> Self {
        Self { told, ..self }
    }

    /// The same for programs that run outside of `process.chroot`: git, whose clone is made before an app sees it. The
    /// sandbox of the app is not theirs; git has its own.
    #[must_use]
    pub fn outside_root(self) -> Self {
        Self { outside_root: true, ..self }
    }

    /// The same for programs that hold a lock: it is theirs too, also when this process was killed and they live on.
    #[must_use]
    pub(crate) fn holding(self, held: Option<Arc<OwnedFd>>) -> Self {
        Self { held, ..self }
    }

    /// From now on the programs of the app run in this. Only the first call counts.
    pub(crate) fn confine(&self, confinement: Confinement) {
        let _ = self.sandbox.set(confinement);
    }

    /// As whom the programs run; `None` = as this process.
    pub(crate) fn identity(&self) -> Result<Option<&Identity>, IdentityError> {
        let wanted = &self.config.process;
        let resolve = || {
            let identity = Identity::resolve(wanted.user.as_deref(), wanted.uid, wanted.gid, wanted.chroot.clone())?;
            Ok((!identity.is_current()).then_some(identity))
        };
        self.identity.get_or_init(resolve).as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// Makes a file or directory the own of whom the programs run as.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        let identity = self.identity().map_err(io::Error::other)?;
        identity.map_or(Ok(()), |identity| identity.give(path))
    }

    /// The same for a directory that was opened by its place only.
    pub(crate) fn give_opened(&self, directory: &OwnedFd) -> io::Result<()> {
        let identity = self.identity().map_err(io::Error::other)?;
        identity.map_or(Ok(()), |identity| identity.give_opened(directory))
    }

    /// Where an agent for these programs makes its directory, whose name begins with `name`: in the project's directory.
    ///
    /// # Errors
    /// If there is nobody as whom the programs may run.
    pub fn agent_place(&self, project_id: i32, name: impl Into<String>) -> Result<AgentPlace, IdentityError> {
        let identity = self.identity()?;
        Ok(AgentPlace {
            parent: self.config.project_dir(project_id),
            name: name.into(),
            owner: identity
                .map_or_else(SocketOwner::default, |identity| SocketOwner { uid: identity.uid, gid: identity.gid }),
            short_path_allowed: identity.is_none_or(|identity| identity.chroot.is_none()),
        })
    }

    /// A program with what holds for all of them.
    fn prepared(&self, program: ProcessSpec) -> Result<ProcessSpec, ProgramError> {
        let identity = self.identity()?;
        let identity = identity.map(|identity| if self.outside_root { identity.outside() } else { identity.clone() });
        // Reference: a program is looked for in the server's PATH, whatever PATH it is given itself.
        let program = program.search_path(&self.config.path).nofile(self.config.child_nofile);
        let program = match self.sandbox.get() {
            _ if self.outside_root || self.config.process.sandbox == SandboxMode::Off => program,
            Some(own) => program.sandbox(Some(own.sandbox.clone())).env("TMPDIR", &own.temporary),
            None => return Err(ProgramError::Unconfined),
        };
        Ok(program.identity(identity).kept(self.held.clone()))
    }

    /// The machine.
    pub fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// Writes one line of the engine into the job's log; secrets are redacted.
    pub fn log_line(&self, line: impl Into<String>) {
        self.log.line(Stream::System, Bytes::from(line.into()));
    }

    /// Looks for these texts in what programs print from now on. Only the first call counts.
    pub(crate) fn watch(&self, texts: &[&str]) {
        if let Some(watch) = log::Watch::new(texts) {
            self.log.watch(watch);
        }
    }

    /// Whether the text with this position in the watched list was seen.
    pub(crate) fn has_seen(&self, position: usize) -> bool {
        self.log.watched().is_some_and(|watch| watch.has_seen(position))
    }

    /// A text without the secrets of the job.
    pub(crate) fn redacted(&self, text: &str) -> String {
        redacted(&self.log, text)
    }

    /// Tells the host; texts of others must have been redacted.
    pub(crate) fn event(&self, event: JobEvent) {
        self.log.marker(event);
    }

    /// An error if the job was stopped.
    pub(crate) fn check_stop(&self) -> Result<(), ProgramError> {
        self.stop.check()
    }

    /// Waits until the job is stopped.
    pub(crate) async fn stopped(&self) -> ProgramError {
        self.stop.token().wait_for(StopMode::Graceful).await;
        ProgramError::Stopped(self.stop.reason().unwrap_or(StopReason::Requested))
    }

    /// Waits for a person's answer, with the status `waiting_confirmation` meanwhile; `true` = accepted.
    ///
    /// # Errors
    /// [`ProgramError::Stopped`] if the job is stopped first.
    pub async fn confirmation(&self) -> Result<bool, ProgramError> {
        self.check_stop()?;
        let answer = self.confirmation.ask();
        self.event(JobEvent::Status(TaskStatus::WaitingConfirmation));
        let token = self.stop.token();
        let accepted = tokio::select! {
            answer = answer => answer.unwrap_or(false),
            _ = token.wait_for(StopMode::Graceful) => {
                self.check_stop()?;
                false
            }
        };
        self.event(JobEvent::Status(if accepted { TaskStatus::Confirmed } else { TaskStatus::Rejected }));
        if accepted {
            self.event(JobEvent::Status(TaskStatus::Running));
        }
        Ok(accepted)
    }

    /// Runs a program with its output in the job's log; every line is in the log when this returns.
    ///
    /// # Errors
    /// If it cannot be started, or the job is stopped: then everything of the program's session has ended.
    pub async fn run(&self, program: ProcessSpec) -> Result<ProgramEnd, ProgramError> {
        self.check_stop()?;
        let child = self.spawn(program)?;
        let exit = child.supervise(&self.log, self.stop.token()).await;
        self.end(&exit)
    }

    /// As [`Programs::run`]; also gives the last lines of the program, `edit` says what of a line goes to the log, and `unfinished`
    /// sees the lines that have no end yet.
    pub(crate) async fn run_watched(
        &self,
        program: ProcessSpec,
        mut edit: impl FnMut(Bytes) -> Option<Bytes> + Send,
        unfinished: impl FnMut(&str) + Send,
    ) -> Result<(ProgramEnd, Vec<u8>), ProgramError> {
        let mut tail: VecDeque<Bytes> = VecDeque::new();
        let pass = |record: LogRecord| {
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(record.text.clone());
            edit(record.text).map(|text| LogRecord { text, ..record })
        };
        self.check_stop()?;
        let child = self.spawn(program)?;
        let exit = self.supervise_passing(child, pass, unfinished).await;
        let end = self.end(&exit)?;
        Ok((end, tail.make_contiguous().join(&b'\n')))
    }

    /// As [`Programs::run`]; each record of the program is shown to `seen` before it is in the log.
    pub(crate) async fn run_seen(
        &self,
        program: ProcessSpec,
        mut seen: impl FnMut(&LogRecord) + Send,
    ) -> Result<ProgramEnd, ProgramError> {
        let pass = |record| {
            seen(&record);
            Some(record)
        };
        self.run_passed(program, pass).await
    }

    /// `unfinished` sees the lines that have no end yet.
    async fn supervise_seen(
        &self,
        child: Child,
        mut seen: impl FnMut(&LogRecord) + Send,
        unfinished: impl FnMut(&str) + Send,
    ) -> Exit {
        let pass = |record| {
            seen(&record);
            Some(record)
        };
        self.supervise_passing(child, pass, unfinished).await
    }

    /// As [`Programs::run`]; `pass` says what of each record goes to the log.
    async fn run_passed(
        &self,
        program: ProcessSpec,
        pass: impl FnMut(LogRecord) -> Option<LogRecord> + Send,
    ) -> Result<ProgramEnd, ProgramError> {
        self.check_stop()?;
        let child = self.spawn(program)?;
        let exit = self.supervise_passing(child, pass, |_| {}).await;
        self.end(&exit)
    }

    async fn supervise_passing(
        &self,
        child: Child,
        mut pass: impl FnMut(LogRecord) -> Option<LogRecord> + Send,
        mut unfinished: impl FnMut(&str) + Send,
    ) -> Exit {
        // The secrets are hidden here already: a line over 1 MiB arrives in parts, and a secret may lie across two of them.
        let options = log::LogOptions { redactor: self.log.redactor(), ..log::LogOptions::default() };
        let (writer, mut reader) = log::channel(options);
        writer.show_partials(|stream, text| (stream, text));
        let over = CancellationToken::new();
        let supervision = async {
            let exit = child.supervise(&writer, self.stop.token()).await;
            writer.close();
            over.cancel();
            exit
        };
        let mut asks = false;
        let forward = async {
            while let Some(batch) = reader.next_batch().await {
                let records = match batch {
                    Batch::Records(records) => records,
                    Batch::Marker((stream, text)) => {
                        if stream == Stream::Terminal {
                            asks = !text.is_empty();
                        }
                        unfinished(&text);
                        self.log.partial(stream, text);
                        continue;
                    }
                };
                // A full log slows the program down, but does not keep its end from being seen.
                tokio::select! {
                    () = self.log.ready() => {}
                    () = over.cancelled() => {}
                }
                for record in records {
                    if let Some(record) = pass(record) {
                        self.log.forward(record);
                    }
                }
            }
        };
        let (exit, ()) = tokio::join!(supervision, forward);
        if asks {
            // A closed log does not tell that the question has gone with its program.
            self.log.partial(Stream::Terminal, String::new());
        }
        exit
    }

    fn spawn(&self, program: ProcessSpec) -> Result<Child, ProgramError> {
        let program = self.prepared(program)?.prompt_timeout(self.config.prompt_timeout);
        if self.told {
            self.event(JobEvent::Program(StartedProgram::of(&program, &self.config.tmp_path, |text| {
                self.redacted(text)
            })));
        }
        Ok(process::spawn(program)?)
    }

    /// Runs a program and gives its end, output and errors; nothing goes to the log.
    pub(crate) async fn output(&self, program: ProcessSpec) -> Result<(ProgramEnd, Vec<u8>, Vec<u8>), ProgramError> {
        self.check_stop()?;
        let program = self.prepared(program)?;
        let captured = process::output(program, OUTPUT_BYTES, self.stop.token()).await?;
        let stderr = self.log.redactor().redact(captured.stderr.into());
        Ok((self.end(&captured.exit)?, captured.stdout, stderr.into()))
    }

    fn end(&self, exit: &Exit) -> Result<ProgramEnd, ProgramError> {
        if exit.stopped.is_some() {
            self.check_stop()?;
        }
        if exit.stragglers {
            self.log_line(
                "warning: a background process still holds the output of the program; what it prints from now on is not logged",
            );
        }
        match &exit.problem {
            Some(problem @ Problem::Stream { .. }) => self.log_line(format!("warning: {problem}")),
            Some(problem) => return Err(ProgramError::Problem(problem.clone())),
            None => {}
        }
        Ok(if exit.success() { ProgramEnd::Success } else { ProgramEnd::Failed(exit.to_string()) })
    }
}

/// A text without the secrets of the job whose log this is.
pub(crate) fn redacted(log: &LogWriter<JobEvent>, text: &str) -> String {
    String::from_utf8_lossy(&log.redactor().redact(Bytes::copy_from_slice(text.as_bytes()))).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use super::*;
    use crate::log::LogOptions;

    fn programs() -> (Programs, log::LogReader<JobEvent>) {
        let (log, reader) = log::channel(LogOptions::default());
        log.show_partials(|stream, text| JobEvent::Partial { stream, text });
        let programs = Programs::new(Arc::default(), log, StopRequest::default(), Confirmation::default());
        (programs, reader)
    }

    /// The way over the tail takes nothing from a record: parts of a long line, unfinished lines and redaction are as without it.
    #[tokio::test]
    async fn a_program_with_a_tail_is_logged_as_any_other() {
        let script = "head -c 2500000 /dev/zero | tr '\\0' x; echo; printf 'is hunter2 '; sleep 0.4; echo end";
        for with_tail in [true, false] {
            let (programs, mut reader) = programs();
            programs.log.set_redactor(log::Redactor::new([b"hunter2".as_slice()]).unwrap());
            let program = ProcessSpec::new("sh", "/").args(["-c", script]).env("PATH", "/usr/bin:/bin");
            let run = async {
                if with_tail {
                    let (end, tail) = programs.run_watched(program, Some, |_| {}).await.unwrap();
                    assert!(tail.ends_with(b"\nis *** end"));
                    assert_eq!(end, ProgramEnd::Success);
                } else {
                    assert_eq!(programs.run(program).await.unwrap(), ProgramEnd::Success);
                }
                programs.log.close();
            };
            let read = async {
                let (mut records, mut partials) = (Vec::new(), Vec::new());
                while let Some(batch) = reader.next_batch().await {
                    match batch {
                        Batch::Records(more) => records.extend(more),
                        Batch::Marker(JobEvent::Partial { text, .. }) => partials.push(text),
                        Batch::Marker(other) => panic!("{other:?}"),
                    }
                }
                (records, partials)
            };
            let ((), (records, partials)) = tokio::join!(run, read);
            let seen: Vec<_> = records.iter().map(|record| (record.continued, record.text.len())).collect();
            let part = log::LONGEST_LINE_BYTES;
            // What could be the beginning of the secret waits for the next part: none of it is `x`.
            let text: usize = seen[..3].iter().map(|(_, length)| length).sum();
            assert_eq!(text, 2_500_000);
            assert_eq!(seen.iter().map(|(continued, _)| *continued).collect::<Vec<_>>(), [true, true, false, false]);
            assert!(seen.iter().all(|(_, length)| *length <= part + 64));
            assert_eq!(records[3].lossy(), "is *** end");
            assert!(partials.iter().any(|text| text == "is *** "), "{partials:?}");
        }
    }
}

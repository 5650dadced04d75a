//! The server's side: starts hosts, finds them again, hears what they tell.
//!
//! Not for storing it. Asking for the next event says that the one before is stored.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufReader, Read as _},
    os::{
        fd::{AsFd as _, AsRawFd as _},
        unix::{
            fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
            net::UnixStream as StdUnixStream,
        },
    },
    path::{self, Path, PathBuf},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use rsa::rand_core::{OsRng, RngCore as _};
use tokio::{
    io::AsyncWriteExt as _,
    net::{UnixStream, unix::OwnedWriteHalf},
    sync::mpsc,
};

use super::{
    COMMAND, OUTCOME, SOCKET,
    frame::{self, EVENT, Frame, LINES, ORDER, PASSING, Start, StateAddress, VERSION, WELCOME, WISH, Welcome, Wish},
    left::{end, forget},
    link::{self, Incoming},
    order,
    spool::{REST, SPOOL},
};
use crate::{
    EngineConfig,
    job::{JobEvent, JobSpec, OWN_DIRECTORY, Outcome, SecretSet, StopReason},
    process::{Detached, Groups, detach},
};

/// How long a host that was started may take to answer.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// How long a host that is found again and lives may take to answer, on a machine that has much to do; then it is ended.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a host of which everything is stored may take to end.
const END_PATIENCE: Duration = Duration::from_secs(5);

/// Where hosts are started, and with what.
#[derive(Clone, Debug)]
pub struct Hosts {
    program: PathBuf,
    pub(super) root: PathBuf,
    /// On whose behalf.
    pub(super) owner: String,
    /// Where each gets a control group.
    pub(super) groups: Option<Groups>,
}

/// A job in a process of its own.
#[derive(Debug)]
pub struct Hosted {
    /// What happens, and what was not stored yet.
    pub events: HostEvents,
    /// How to influence it.
    pub control: HostControl,
}

/// A host that was found again.
pub struct Attached {
    /// Its job.
    pub job: Hosted,
    /// Where it is.
    pub directory: PathBuf,
    /// What is stored of the job and a server has to know: its stages and plans.
    pub history: Vec<JobEvent>,
    /// Whether it waits for the answer to a question that is stored.
    pub is_asking: bool,
    /// Where the job reaches its state.
    pub state_address: Option<StateAddress>,
    /// Whether it was killed before the job was over: its programs were ended, and the events are what it had kept on disk.
    pub is_killed: bool,
}

impl Hosts {
    /// Hosts are this program with [`COMMAND`], and have their directories below `tmp_path`.
    ///
    /// # Errors
    /// If `tmp_path` is relative to a directory that cannot be found.
    pub fn new(program: impl Into<PathBuf>, tmp_path: &Path) -> io::Result<Self> {
        Self::within(program, &tmp_path.join(OWN_DIRECTORY).join("hosts"))
    }

    /// The same with their directories right below `root`: for hosts that nobody else must find.
    ///
    /// # Errors
    /// If `root` is relative to a directory that cannot be found.
    pub fn within(program: impl Into<PathBuf>, root: &Path) -> io::Result<Self> {
        Ok(Self { program: program.into(), root: path::absolute(root)?, owner: String::new(), groups: None })
    }

    /// Says on whose behalf hosts run: what a database is called, so that several can have one `tmp_path`.
    #[must_use]
    pub fn owned_by(self, owner: impl Into<String>) -> Self {
        Self { owner: owner.into(), ..self }
    }

    /// Gives each host a control group of its own.
    #[must_use]
    pub fn grouped(self, groups: Option<Groups>) -> Self {
        Self { groups, ..self }
    }

    /// The directories that hosts have, or have left, with the tasks that they run.
    ///
    /// # Errors
    /// If the directories cannot be listed.
    pub fn found(&self) -> io::Result<Vec<(i32, PathBuf)>> {
        let entries = match fs::read_dir(&self.root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let task = name.to_str().and_then(|name| name.split_once('_')?.0.parse().ok());
            found.extend(task.map(|task| (task, entry.path())));
        }
        Ok(found)
    }

    /// A directory that no host has; it is made by [`Hosts::start`].
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn directory(&self, task_id: i32) -> io::Result<PathBuf> {
        let mut random = [0; 8];
        OsRng.try_fill_bytes(&mut random).map_err(io::Error::other)?;
        Ok(self.root.join(format!("{task_id}_{:016x}", u64::from_ne_bytes(random))))
    }

    /// Starts a host for a job in its new directory.
    ///
    /// # Errors
    /// If it cannot be started or does not answer: the job does not run then.
    pub async fn start(
        &self,
        directory: &Path,
        config: EngineConfig,
        spec: &JobSpec,
        secrets: SecretSet,
    ) -> io::Result<Hosted> {
        let config = EngineConfig { tmp_path: path::absolute(&config.tmp_path)?, ..config };
        let order = order::write(&config, spec, &secrets)?;
        drop(secrets);
        let mut builder = DirBuilder::new();
        builder.mode(0o700).recursive(true).create(&self.root)?;
        builder.recursive(false).create(directory)?;
        self.mark(directory)?;
        let (ours, theirs) = StdUnixStream::pair()?;
        let arguments = ["semaphore".as_ref(), COMMAND.as_ref(), directory.as_os_str()];
        let mut process = detach(&self.program, &arguments, directory, theirs.as_fd())?;
        drop(theirs);
        tracing::debug!(task.id = spec.task_id, process = process.pid(), "a task host was started");
        let begun = async {
            // Before it has an order it starts nothing.
            self.enclose(directory, process.pid())?;
            let mut stream = link::stream(ours)?;
            stream.write_all(&frame::header(ORDER, order.len())?).await?;
            stream.write_all(&order).await?;
            greeted(directory, stream, START_PATIENCE).await
        };
        let begun = begun.await;
        drop(order);
        match begun {
            Ok(mut attached) => {
                attached.job.events.process = Some(process);
                Ok(attached.job)
            }
            Err(error) => {
                process.kill();
                end(directory).await;
                forget(directory);
                Err(error)
            }
        }
    }
}

/// Finds the host that works in this directory, or what one has left there: when its job was over, or when it was killed. `None`
/// if there is nothing of it; then nothing runs of it, either.
pub async fn attach(directory: &Path) -> Option<Attached> {
    let flags = nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW;
    let opened = OpenOptions::new().read(true).custom_flags(flags).open(directory).ok()?;
    let found = opened.metadata().ok()?;
    if found.uid() != nix::unistd::geteuid().as_raw() || found.mode() & 0o077 != 0 {
        tracing::warn!(directory = %directory.display(), "the directory of a task host belongs to somebody else");
        return None;
    }
    // The path itself may be too long for a socket.
    let here = Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string());
    let socket = here.join(SOCKET);
    let error = match connect(directory, &socket).await {
        Ok(attached) => return Some(attached),
        Err(error) => error,
    };
    tracing::debug!(directory = %directory.display(), %error, "no task host answers here");
    let outcome: Option<Outcome> =
        fs::read(here.join(OUTCOME)).ok().and_then(|left| serde_json::from_slice(&left).ok());
    let is_killed = outcome.is_none();
    // In order it removes its socket before it ends, and what it had started may live on then.
    let has_gone = error.kind() == io::ErrorKind::ConnectionRefused || !socket.exists();
    if is_killed || !has_gone {
        // It may live and not answer.
        end(directory).await;
    }
    // Killed after its job was over, it has left what it had kept so far.
    let rest = [REST, SPOOL].iter().find_map(|name| File::open(here.join(name)).ok()).map(BufReader::new);
    if is_killed && rest.is_none() {
        return None;
    }
    // Nobody listens to a host that has ended.
    let (sender, _) = mpsc::unbounded_channel();
    let events =
        HostEvents { source: Source::Left { rest, outcome }, sender: sender.clone(), unstored: None, process: None };
    let job = Hosted { events, control: HostControl { sender } };
    let directory = directory.to_owned();
    Some(Attached { job, directory, history: Vec::new(), is_asking: false, state_address: None, is_killed })
}

async fn connect(directory: &Path, socket: &Path) -> io::Result<Attached> {
    let stream = UnixStream::connect(socket).await?;
    link::check_peer(&stream)?;
    let attached = greeted(directory, stream, PATIENCE).await?;
    attached.job.control.wish(&Wish::Hello(VERSION));
    Ok(attached)
}

/// Waits for the first word of a host.
async fn greeted(directory: &Path, stream: UnixStream, patience: Duration) -> io::Result<Attached> {
    let (reader, writer) = stream.into_split();
    let mut incoming = Incoming::new(reader);
    let first = tokio::time::timeout(patience, incoming.next()).await??;
    let Some(first) = first.filter(|first| first.kind == WELCOME) else {
        return Err(io::Error::other("the process that was to run the task has ended at once"));
    };
    let welcome: Welcome = first.json()?;
    if welcome.version > VERSION {
        return Err(io::Error::other(format!("the task host is of a newer version ({})", welcome.version)));
    }
    let (sender, messages) = mpsc::unbounded_channel();
    tokio::spawn(send(writer, messages));
    let events = HostEvents { source: Source::Host(incoming), sender: sender.clone(), unstored: None, process: None };
    let Welcome { history, is_asking, state_address, .. } = welcome;
    let job = Hosted { events, control: HostControl { sender } };
    let directory = directory.to_owned();
    Ok(Attached { job, directory, history, is_asking, state_address, is_killed: false })
}

/// Sends what there is to say, so that nobody waits for it who stores an event; ends with the last who could say something.
async fn send(mut writer: OwnedWriteHalf, mut messages: mpsc::UnboundedReceiver<Bytes>) {
    while let Some(message) = messages.recv().await {
        // That the host has gone is seen by whoever reads.
        if writer.write_all(&message).await.is_err() {
            return;
        }
    }
}

impl Attached {
    /// Ends a job that nobody wants any more, and what was left of it; nothing of it is stored.
    pub async fn end(mut self) {
        self.job.control.stop_because(StopReason::Forced);
        while self.job.events.next().await.is_some() {}
        forget(&self.directory);
    }
}

#[derive(Debug)]
enum Source {
    Host(Incoming),
    /// What a host left: what was not stored, and its outcome unless it was killed.
    Left {
        rest: Option<BufReader<File>>,
        outcome: Option<Outcome>,
    },
}

/// The events of one hosted job.
#[derive(Debug)]
pub struct HostEvents {
    source: Source,
    sender: mpsc::UnboundedSender<Bytes>,
    /// Number of the event that was given last.
    unstored: Option<u64>,
    /// If it is our child.
    process: Option<Detached>,
}

impl HostEvents {
    /// Waits for the next event, and says that the one before is stored; `None` if the host has gone: after
    /// [`JobEvent::Done`] as it should, before it because it was killed or another server has it now. Safe to cancel.
    pub async fn next(&mut self) -> Option<JobEvent> {
        self.acknowledge();
        self.ahead().await
    }

    /// The same, but nothing is said about what was given before: for whoever stores several events at once. A host tells about
    /// 1 MiB ahead of what is stored, so nobody may wait here without an end. Safe to cancel.
    pub async fn ahead(&mut self) -> Option<JobEvent> {
        loop {
            let frame = match &mut self.source {
                Source::Host(incoming) => incoming.next().await,
                Source::Left { rest, outcome } => match left(rest.as_mut()) {
                    Ok(None) => return outcome.take().map(JobEvent::Done),
                    frame => frame,
                },
            };
            let told = match frame {
                Ok(Some(frame)) if [EVENT, LINES, PASSING].contains(&frame.kind) => frame.event(),
                Ok(Some(_)) => continue,
                Ok(None) => return None,
                Err(error) => Err(error),
            };
            match told {
                Ok((number, event)) => {
                    let is_alone = self.unstored.is_none();
                    // What is only passing has no number.
                    self.unstored = (number > 0).then_some(number).or(self.unstored);
                    if let (Some(JobEvent::Done(_)), Source::Left { outcome, .. }) = (&event, &mut self.source) {
                        *outcome = None;
                    }
                    if event.is_some() {
                        return event;
                    }
                    // What is not understood is as good as stored, but nothing before it is.
                    if is_alone {
                        self.acknowledge();
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "a task host cannot be understood");
                    return None;
                }
            }
        }
    }

    fn acknowledge(&mut self) {
        if let Some(frame) = self.unstored.take().and_then(|number| frame::stored(number).ok()) {
            let _ = self.sender.send(frame);
        }
    }

    /// Stores nothing more: waits until another server has come for the job, for this time at most, and answers whether it has.
    pub async fn is_taken(&mut self, patience: Duration) -> bool {
        self.unstored = None;
        let Source::Host(incoming) = &mut self.source else { return false };
        let taken = async { while let Ok(Some(_)) = incoming.next().await {} };
        tokio::time::timeout(patience, taken).await.is_ok()
    }

    /// Says that everything is stored, and waits until the host has ended by that.
    pub async fn finish(&mut self) {
        let ending = async {
            while self.next().await.is_some() {}
            if let Some(process) = &mut self.process {
                process.ended().await;
            }
        };
        if tokio::time::timeout(END_PATIENCE, ending).await.is_err() {
            tracing::warn!("a task host does not end although its job is over");
        }
    }
}

/// The next frame of a file; a host that was killed may have left half a frame at the end.
fn left(rest: Option<&mut BufReader<File>>) -> io::Result<Option<Frame>> {
    let Some(rest) = rest else { return Ok(None) };
    let mut start = Start::default();
    match rest.read_exact(&mut start) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let mut whole = BytesMut::zeroed(frame::whole_length(start)?);
    let (first, content) = whole.split_at_mut(start.len());
    first.copy_from_slice(&start);
    match rest.read_exact(content) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    frame::take(&mut whole)
}

/// Stops a hosted job or answers its question; cheap to clone. A host that has gone hears nothing.
#[derive(Clone, Debug)]
pub struct HostControl {
    sender: mpsc::UnboundedSender<Bytes>,
}

impl HostControl {
    /// As [`crate::job::JobControl::stop_because`].
    pub fn stop_because(&self, reason: StopReason) {
        self.wish(&Wish::Stop(reason));
    }

    /// Accepts or refuses what the job asks for; nothing happens if it does not ask.
    pub fn confirm(&self, accepted: bool) {
        self.wish(&Wish::Confirm(accepted));
    }

    /// As [`crate::job::JobControl::say`].
    pub fn say(&self, line: impl Into<String>) {
        self.wish(&Wish::Say(line.into()));
    }

    fn wish(&self, wish: &Wish) {
        if let Ok(frame) = frame::json(WISH, wish) {
            let _ = self.sender.send(frame);
        }
    }
}

//! Reads the output of a child until its end, or until whoever still holds it has been silent.

use std::{
    future::Future,
    io,
    os::fd::OwnedFd,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use chrono::Utc;
use nix::errno::Errno;
use tokio::{
    net::unix::pipe,
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::starting::Starting;
use crate::log::LineWriter;

/// Silence after which a pipe that outlived the leader is closed.
const SILENCE: Duration = Duration::from_millis(500);
/// The same after a stop, when everything of the session is dead.
const SILENCE_AFTER_KILL: Duration = Duration::from_millis(100);
/// A stop ends the reading after this time even if somebody outside the session keeps writing.
const LONGEST_AFTER_KILL: Duration = Duration::from_millis(300);
/// Pause before another look whether the processes that are being started have all executed their programs.
const START_POLL: Duration = Duration::from_millis(20);
/// What is read after the leader's end although the queue is full: the most a pipe can hold. So its end can be told, and the
/// leader reaped, however slow the reader of the queue is.
const READ_AFTER_EXIT_BYTES: usize = 1024 * 1024;

/// Pause of the reader when a program writes in small pieces without end; 64 KiB, which the pipe holds, are far more than these.
const PAUSE: Duration = Duration::from_millis(1);
const SMALL_READ_BYTES: usize = 8 * 1024;
/// Small reads one upon the other before the first pause: short programs never meet one.
const HASTY_READS: u32 = 16;
/// How long a line stays unfinished before it is shown so, and the shortest time between two looks at it.
pub(super) const UNFINISHED: Duration = Duration::from_millis(100);

/// What has become of the session; the readers adapt to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    Running,
    /// The leader has ended by itself; what it left behind may hold its pipes.
    Exited {
        at: Instant,
        silence: Duration,
    },
    /// Nothing of the session is left.
    Killed {
        at: Instant,
    },
}

impl Phase {
    pub(super) fn exited() -> Self {
        Self::Exited { at: Instant::now(), silence: SILENCE }
    }
}

/// When a child was last heard, over all its pipes: one that writes to one of them has not gone silent on the other.
pub(super) struct Activity {
    state: Mutex<ActivityState>,
}

struct ActivityState {
    last: Instant,
    /// Pipes that are not read because the queue is full; nobody knows whether they are silent.
    held_back: usize,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(ActivityState { last: Instant::now(), held_back: 0 }) }
    }

    fn change(&self, change: impl FnOnce(&mut ActivityState)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.last = Instant::now();
        change(&mut state);
    }

    fn heard(&self) {
        self.change(|_| ());
    }

    fn hold_back(&self) -> HeldBack<'_> {
        self.change(|state| state.held_back += 1);
        HeldBack(self)
    }

    /// Waits until nothing was heard since `begin` for a whole `silence`.
    async fn silent(&self, begin: Instant, silence: Duration) {
        loop {
            let (last, held_back) = {
                let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                (state.last, state.held_back > 0)
            };
            let until = if held_back { Instant::now() } else { begin.max(last) } + silence;
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }
}

struct HeldBack<'a>(&'a Activity);

impl Drop for HeldBack<'_> {
    fn drop(&mut self) {
        self.0.change(|state| state.held_back -= 1);
    }
}

/// Why no more is read.
#[derive(Debug)]
pub enum OutputEnd {
    /// All holders have closed it.
    Closed,
    /// Somebody held it in silence.
    Straggler,
    /// It could not be read.
    Failed(io::Error),
}

/// Where output goes.
pub(super) trait Sink: Send {
    /// Waits for room.
    fn ready(&self) -> impl Future<Output = ()> + Send;
    /// Where to read into.
    fn buffer(&mut self) -> &mut BytesMut;
    /// Something was read.
    fn received(&mut self);
    /// Bytes of a line that has no end yet; 0 if nobody wants to see them.
    fn unfinished(&self) -> usize {
        0
    }
    /// Shows them.
    fn show_unfinished(&self) {}
    /// Nothing more comes.
    fn finish(&mut self);
}

impl<M: Send> Sink for LineWriter<M> {
    fn ready(&self) -> impl Future<Output = ()> + Send {
        Self::ready(self)
    }

    fn buffer(&mut self) -> &mut BytesMut {
        Self::buffer(self)
    }

    fn received(&mut self) {
        Self::received(self, Utc::now());
    }

    fn unfinished(&self) -> usize {
        Self::unfinished(self)
    }

    fn show_unfinished(&self) {
        self.show_partial();
    }

    fn finish(&mut self) {
        self.flush();
    }
}

/// Reads to the end; everything has been given to the sink when this returns.
pub(super) async fn drain<S: Sink>(
    fd: OwnedFd,
    sink: &mut S,
    phase: watch::Receiver<Phase>,
    activity: &Activity,
) -> OutputEnd {
    let end = match pipe::Receiver::from_owned_fd_unchecked(fd) {
        Ok(receiver) => read_all(&receiver, sink, phase, activity).await,
        Err(error) => OutputEnd::Failed(error),
    };
    sink.finish();
    end
}

async fn read_all<S: Sink>(
    receiver: &pipe::Receiver,
    sink: &mut S,
    mut phase: watch::Receiver<Phase>,
    activity: &Activity,
) -> OutputEnd {
    let mut after_exit = READ_AFTER_EXIT_BYTES;
    let mut pace = Pace { last: Instant::now(), hasty: 0 };
    // When the unfinished line is to be shown.
    let mut show_at: Option<Instant> = None;
    // Later starts find our copy of the writer's end closed.
    let starts = Starting::next();
    loop {
        if show_at.is_some_and(|at| at <= Instant::now()) {
            show_at = None;
            sink.show_unfinished();
        }
        let now = *phase.borrow_and_update();
        let is_running = now == Phase::Running;
        // A pipe is read only when the queue has room.
        if is_running || after_exit == 0 {
            let held_back = activity.hold_back();
            tokio::select! {
                biased;
                () = sink.ready() => {}
                Ok(()) = phase.changed() => continue,
                () = deadline(now) => return OutputEnd::Straggler,
            }
            drop(held_back);
        }
        tokio::select! {
            biased;
            () = deadline(now) => return OutputEnd::Straggler,
            ready = receiver.readable() => if let Err(error) = ready {
                return OutputEnd::Failed(error);
            },
            Ok(()) = phase.changed() => continue,
            () = silence(now, activity) => match look_once_more(receiver) {
                // Nobody may have told us yet on a busy machine.
                Some(Ok(bytes)) if bytes.is_empty() => return OutputEnd::Closed,
                Some(Ok(bytes)) => {
                    after_exit = after_exit.saturating_sub(bytes.len());
                    activity.heard();
                    sink.buffer().extend_from_slice(&bytes);
                    sink.received();
                    continue;
                }
                Some(Err(error)) => return OutputEnd::Failed(error),
                // A process that has not executed its program yet holds the pipe of everybody.
                None if Starting::is_under_way_before(starts) => {
                    sleep(START_POLL).await;
                    continue;
                }
                None => return OutputEnd::Straggler,
            },
            () = sleep_until(show_at.unwrap_or_else(Instant::now)), if show_at.is_some() => continue,
        }
        match receiver.try_read_buf(sink.buffer()) {
            Ok(0) => return OutputEnd::Closed,
            Ok(count) => {
                if !is_running {
                    after_exit = after_exit.saturating_sub(count);
                }
                activity.heard();
                sink.received();
                show_at = match sink.unfinished() {
                    0 => None,
                    // It began with this read.
                    rest if rest < count => Some(Instant::now() + UNFINISHED),
                    _ => show_at.or_else(|| Some(Instant::now() + UNFINISHED)),
                };
                if is_running && pace.is_hasty(count) {
                    tokio::select! {
                        Ok(()) = phase.changed() => {}
                        () = sleep(PAUSE) => {}
                    }
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // A terminal says so when its last user has gone.
            Err(error) if error.raw_os_error() == Some(libc::EIO) => return OutputEnd::Closed,
            Err(error) => return OutputEnd::Failed(error),
        }
    }
}

/// Reads without asking the runtime, which learns of what has come with a delay; `None` if nothing has.
fn look_once_more(receiver: &pipe::Receiver) -> Option<io::Result<Vec<u8>>> {
    let mut bytes = vec![0; SMALL_READ_BYTES];
    loop {
        match nix::unistd::read(receiver, &mut bytes) {
            Ok(count) => {
                bytes.truncate(count);
                return Some(Ok(bytes));
            }
            Err(Errno::EAGAIN) => return None,
            Err(Errno::EINTR) => {}
            Err(Errno::EIO) => return Some(Ok(Vec::new())),
            Err(error) => return Some(Err(error.into())),
        }
    }
}

/// Notices a program that makes a write of every line: read one by one, each line would cost everybody after us a wake-up.
struct Pace {
    last: Instant,
    hasty: u32,
}

impl Pace {
    /// Whether a short pause before the next read is worth it: many small reads have followed one another at once.
    fn is_hasty(&mut self, count: usize) -> bool {
        let now = Instant::now();
        let hasty = count < SMALL_READ_BYTES && now - self.last < PAUSE * 4;
        self.last = now;
        self.hasty = if hasty { self.hasty + 1 } else { 0 };
        self.hasty > HASTY_READS
    }
}

/// The moment after which nothing is read even if something comes.
async fn deadline(phase: Phase) {
    match phase {
        Phase::Killed { at } => sleep_until(at + LONGEST_AFTER_KILL).await,
        Phase::Running | Phase::Exited { .. } => std::future::pending().await,
    }
}

/// The moment when it is believed that nothing comes any more.
async fn silence(phase: Phase, activity: &Activity) {
    match phase {
        Phase::Running => std::future::pending().await,
        Phase::Exited { at, silence } => activity.silent(at, silence).await,
        Phase::Killed { at } => activity.silent(at, SILENCE_AFTER_KILL).await,
    }
}

/// Reads a descriptor that belongs to a child of somebody else into a job's log: a pipe, socket or terminal, non-blocking.
///
/// Takes the descriptor and closes it at the end. The future must be run by a tokio runtime; it ends at the end of the
/// descriptor, or after [`FlushHandle::flush`] at the first silence.
pub fn attach<M: Send>(fd: OwnedFd, mut lines: LineWriter<M>) -> (FlushHandle, impl Future<Output = OutputEnd> + Send) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (FlushHandle { sender }, async move { drain(fd, &mut lines, receiver, &Activity::new()).await })
}

/// Says that the writers of an attached descriptor are believed to be gone.
#[derive(Clone, Debug)]
pub struct FlushHandle {
    sender: watch::Sender<Phase>,
}

impl FlushHandle {
    /// Ends the reading at the first `silence` from now on (at the end of the descriptor in any case).
    pub fn flush(&self, silence: Duration) {
        self.sender.send_replace(Phase::Exited { at: Instant::now(), silence });
    }
}

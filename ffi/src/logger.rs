//! A task's log behind a handle: the engine's log queue, the status of the task, and pipes that the host gave away.
//!
//! Not for splitting, redaction or numbering, which are `semaphore_engine::log`'s.
//!
//! Invariants: everything of one log leaves in one order; a final status and a flush mark leave after the output of the
//! pipes that were attached before; records of the host are never refused while the log is open.

use std::{
    os::fd::{AsRawFd, OwnedFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use semaphore_engine::{
    log::{Chunk as LogChunk, Limits, LogOptions, LogReader, LogWriter, Stream, channel},
    process::OutputEnd,
};
use semaphore_model::TaskStatus;
use serde::Deserialize;
use tokio::{sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

use crate::{
    code,
    failure::Failure,
    log_frame::{Mark, StderrTail, batches, batches_of_lines, mark_frame, stream_from_number},
    runtime::Runtime,
    task_status::{self, Rule},
};

/// How long a final status waits for silent pipes.
const STRAGGLER: Duration = Duration::from_millis(500);
/// A flush ends at the latest after this many times its straggler time, however much the pipes still print.
const LONGEST_FLUSH: u32 = 10;
/// How often a flush looks whether records still come.
const FLUSH_LOOK: Duration = Duration::from_millis(20);
/// More records than any pipe holds (its largest size is 1 MiB by default, and each line takes a byte).
const PIPE_RECORDS: u64 = 1 << 20;
/// Numbers behind it would run out before any log ends.
const HIGHEST_FIRST_SEQ: u64 = i64::MAX as u64;
/// Longest hash and message of a commit.
const LONGEST_COMMIT_BYTES: usize = 64 * 1024;

/// The document of `semaphore_log_open`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenOptions {
    /// Number of the rule of statuses.
    pub flavour: i32,
    /// Number of the task's status at the start.
    pub status: i32,
    /// Number of the first record.
    pub first_seq: u64,
}

/// A task's log.
pub struct Log {
    handle: u64,
    runtime: Arc<Runtime>,
    writer: LogWriter<Mark>,
    rule: Rule,
    status: Mutex<TaskStatus>,
    closing: CancellationToken,
    inflow: Inflow,
    stderr: Mutex<StderrTail>,
}

/// What still writes into a log by itself.
#[derive(Default)]
struct Inflow {
    /// Attached pipes and outputs of operations.
    open: AtomicUsize,
    /// Attached pipes only.
    pipes: AtomicUsize,
    /// Marks that wait for the rest; a closing log waits for them.
    marks: AtomicUsize,
    /// Held by the mark that is the next.
    turn: tokio::sync::Mutex<()>,
    changed: Notify,
}

impl Log {
    /// Opens a log and starts its way to the event queue.
    pub fn open(handle: u64, runtime: &Arc<Runtime>, options: &OpenOptions) -> Result<Arc<Self>, Failure> {
        runtime.check_open()?;
        let rule = Rule::from_number(options.flavour)?;
        let status = task_status::from_number(options.status)?;
        if options.first_seq > HIGHEST_FIRST_SEQ {
            return Err(Failure::argument(format!("first_seq must not be above {HIGHEST_FIRST_SEQ}")));
        }
        runtime.queue().open_source(handle, options.first_seq).map_err(|_| Failure::state("the runtime is closed"))?;
        let limits = Limits { bytes: runtime.options().queue_bytes, ..Limits::default() };
        let (writer, reader) = channel(LogOptions { first_seq: options.first_seq, limits, ..LogOptions::default() });
        let log = Arc::new(Self {
            handle,
            runtime: Arc::clone(runtime),
            writer,
            rule,
            status: Mutex::new(status),
            closing: runtime.ending().child_token(),
            inflow: Inflow::default(),
            stderr: Mutex::default(),
        });
        runtime.counts().logs.fetch_add(1, Ordering::Relaxed);
        runtime.spawn_for_log("log_forward", Arc::clone(&log).forward(reader, options.first_seq));
        runtime.spawn_for_log("log_close", Arc::clone(&log).end());
        Ok(log)
    }

    /// Its own handle.
    pub fn handle(&self) -> u64 {
        self.handle
    }

    /// Where operations write.
    pub fn writer(&self) -> &LogWriter<Mark> {
        &self.writer
    }

    /// Its runtime.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    /// No more records are taken; what is there is handed out without credit, attached pipes are closed.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Waits for the close, lets the pipes write their last line, and ends the queue.
    async fn end(self: Arc<Self>) {
        self.closing.cancelled().await;
        self.runtime.queue().release_source(self.handle);
        self.wait_until_zero(&self.inflow.pipes).await;
        self.wait_until_zero(&self.inflow.marks).await;
        self.writer.close();
        self.runtime.counts().logs.fetch_sub(1, Ordering::Relaxed);
    }

    fn check_open(&self) -> Result<(), Failure> {
        if self.closing.is_cancelled() { Err(Failure::state("the log is closed")) } else { Ok(()) }
    }

    /// Writes bytes of the host: split into lines, or as one record. The end of the bytes ends the last line.
    pub fn write(&self, stream: i32, unix_ns: i64, bytes: &[u8]) -> Result<(), Failure> {
        self.check_open()?;
        let time = if unix_ns == 0 { Utc::now() } else { DateTime::from_timestamp_nanos(unix_ns) };
        let whole = stream & code::SEMAPHORE_STREAM_WHOLE != 0;
        let stream = stream_from_number(stream & !code::SEMAPHORE_STREAM_WHOLE)?;
        if whole {
            self.writer.line_at(time, stream, Bytes::copy_from_slice(bytes));
        } else {
            let mut lines = self.writer.lines(stream);
            lines.write_at(time, bytes);
            if !bytes.is_empty() && !bytes.ends_with(b"\n") {
                lines.write_at(time, b"\n");
            }
        }
        Ok(())
    }

    /// The status of the task.
    pub fn status(&self) -> Result<TaskStatus, Failure> {
        Ok(*self.status.lock().map_err(|_| poisoned())?)
    }

    /// Changes the status if the rule allows it, and says whether it did. A final status is marked in the log after the
    /// output of attached pipes.
    pub fn set_status(self: &Arc<Self>, to: TaskStatus) -> Result<bool, Failure> {
        self.check_open()?;
        // Held to the end, so that the marks of two changes come in the order of the changes.
        let mut status = self.status.lock().map_err(|_| poisoned())?;
        if !self.rule.allows(*status, to) {
            return Ok(false);
        }
        let from = std::mem::replace(&mut *status, to);
        self.mark(Mark::Status { to, from, by_host: true }, to.is_finished().then_some(STRAGGLER));
        Ok(true)
    }

    /// A job has reached this status: noted if the log's rule allows it and the log works.
    pub fn note_status(&self, to: TaskStatus) {
        let Ok(mut status) = self.status.lock() else { return };
        if self.rule.allows(*status, to) {
            let from = std::mem::replace(&mut *status, to);
            self.writer.marker(Mark::Status { to, from, by_host: false });
        }
    }

    /// Waits until the log has room for more.
    pub async fn ready(&self) {
        self.writer.ready().await;
        self.runtime.queue().wait_for_room(self.handle).await;
    }

    /// Notes the commit that was checked out.
    pub fn set_commit(&self, hash: &[u8], message: &[u8]) -> Result<(), Failure> {
        self.check_open()?;
        if hash.len() + message.len() > LONGEST_COMMIT_BYTES {
            return Err(Failure::new(
                code::SEMAPHORE_E_LIMIT,
                format!("hash and message of a commit are limited to {LONGEST_COMMIT_BYTES} bytes"),
            ));
        }
        self.writer.marker(Mark::Commit { hash: hash.to_vec(), message: message.to_vec() });
        Ok(())
    }

    /// Puts a FLUSHED mark behind the output of all attached pipes and operations, see `semaphore_log_flush`.
    pub fn flush(self: &Arc<Self>, straggler: Duration) -> Result<(), Failure> {
        self.check_open()?;
        self.mark(Mark::Flushed, Some(straggler));
        Ok(())
    }

    /// Puts a mark into the log behind the marks before it and, with `straggler`, behind what still flows in.
    fn mark(self: &Arc<Self>, mark: Mark, straggler: Option<Duration>) {
        let straggler = straggler.filter(|_| self.inflow.open.load(Ordering::Acquire) > 0);
        if straggler.is_none() && self.inflow.marks.load(Ordering::Acquire) == 0 {
            self.writer.marker(mark);
            return;
        }
        let waiting = MarkGuard::new(self);
        self.runtime.spawn_for_log("log_flush", async move {
            let log = &waiting.0;
            let dry = async {
                let Some(straggler) = straggler else { return };
                tokio::select! {
                    () = log.dried_up(straggler) => {}
                    () = log.closing.cancelled() => log.wait_until_zero(&log.inflow.pipes).await,
                }
            };
            // Turns are given in the order in which they are asked for, which is that of the marks.
            let (_turn, ()) = tokio::join!(log.inflow.turn.lock(), dry);
            log.writer.marker(mark);
        });
    }

    /// Waits until a count of the inflow has come down to nothing.
    async fn wait_until_zero(&self, count: &AtomicUsize) {
        loop {
            let changed = self.inflow.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if count.load(Ordering::Acquire) == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Reads a pipe into the log until its end, or until the log is closed, and closes it. On failure the descriptor is
    /// given back to the caller.
    pub fn attach(self: &Arc<Self>, descriptor: OwnedFd, stream: i32) -> Result<(), (Failure, OwnedFd)> {
        let prepared = self.check_open().and_then(|()| {
            let stream = stream_from_number(stream)?;
            prepare_descriptor(&descriptor)?;
            Ok(stream)
        });
        let stream = match prepared {
            Ok(stream) => stream,
            Err(failure) => return Err((failure, descriptor)),
        };
        let guard = PipeGuard::new(self);
        let log = Arc::clone(self);
        self.runtime.spawn_for_log("log_attach_fd", async move {
            let _guard = guard;
            let (_, reading) = semaphore_engine::process::attach(descriptor, log.writer.lines(stream));
            // Dropping the reading closes the pipe and writes its unterminated line, before the guard says so.
            tokio::select! {
                end = reading => if let OutputEnd::Failed(error) = end {
                    log.writer.line(Stream::System, format!("the output of the program cannot be read any more: {error}"));
                },
                () = log.closing.cancelled() => {}
            }
        });
        Ok(())
    }

    /// Waits until nothing writes by itself any more. Pipes that somebody still holds count as dry when no record came for
    /// `straggler` while the host had taken everything; a holder that never pauses is given up after ten times that, or when
    /// more records came than pipes can have held at the call.
    async fn dried_up(&self, straggler: Duration) {
        let called = Instant::now();
        let first = self.writer.next_seq();
        let (mut seen, mut since) = (first, called);
        loop {
            let changed = self.inflow.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let open = self.inflow.open.load(Ordering::Acquire);
            if open == 0 {
                return;
            }
            let (now, next) = (Instant::now(), self.writer.next_seq());
            let taken = self.runtime.queue().has_delivered(self.handle, next);
            if next != seen || !taken {
                (seen, since) = (next, now);
            }
            if now - since >= straggler
                || (taken && now - called >= straggler * LONGEST_FLUSH)
                || next - first > PIPE_RECORDS * open as u64
            {
                return;
            }
            tokio::select! {
                () = changed => {}
                () = tokio::time::sleep(FLUSH_LOOK.min(straggler)) => {}
            }
        }
    }

    /// Carries the records from the engine's queue to the host's, as fast as the host takes them.
    async fn forward(self: Arc<Self>, mut reader: LogReader<Mark>, mut next_seq: u64) {
        let queue = self.runtime.queue();
        loop {
            queue.wait_for_room(self.handle).await;
            let carried = match reader.next_chunk().await {
                None => break,
                Some(LogChunk::Lines(lines)) => {
                    next_seq = lines.first_seq() + lines.len() as u64;
                    self.lock_stderr().keep_lines(&lines);
                    batches_of_lines(lines).into_iter().try_for_each(|batch| queue.push_records(self.handle, batch))
                }
                Some(LogChunk::Records(records)) => {
                    next_seq = records.last().map_or(next_seq, |last| last.seq + 1);
                    self.lock_stderr().keep(&records);
                    batches(&records).into_iter().try_for_each(|batch| queue.push_records(self.handle, batch))
                }
                Some(LogChunk::Marker(mark)) => {
                    let (kind, flags, payload) = mark_frame(&mark);
                    queue.push_in_order(self.handle, kind, flags, next_seq, payload)
                }
            };
            if carried.is_err() {
                break;
            }
        }
        queue.end_source(self.handle);
    }

    fn lock_stderr(&self) -> MutexGuard<'_, StderrTail> {
        self.stderr.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines of standard error from a record on, for error messages.
    pub fn stderr_tail(&self, first_seq: u64) -> String {
        self.lock_stderr().text(first_seq)
    }

    /// Counts something that writes into the log by itself until the guard is dropped.
    pub fn count_inflow(self: &Arc<Self>) -> InflowGuard {
        self.inflow.open.fetch_add(1, Ordering::AcqRel);
        InflowGuard { log: Arc::clone(self) }
    }
}

/// Something writes into a log while this lives.
pub struct InflowGuard {
    log: Arc<Log>,
}

impl Drop for InflowGuard {
    fn drop(&mut self) {
        self.log.inflow.open.fetch_sub(1, Ordering::AcqRel);
        self.log.inflow.changed.notify_waiters();
    }
}

/// A mark waits for its place while this lives.
struct MarkGuard(Arc<Log>);

impl MarkGuard {
    fn new(log: &Arc<Log>) -> Self {
        log.inflow.marks.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(log))
    }
}

impl Drop for MarkGuard {
    fn drop(&mut self) {
        self.0.inflow.marks.fetch_sub(1, Ordering::AcqRel);
        self.0.inflow.changed.notify_waiters();
    }
}

/// An attached pipe is open while this lives.
struct PipeGuard {
    inflow: InflowGuard,
}

impl PipeGuard {
    fn new(log: &Arc<Log>) -> Self {
        log.inflow.pipes.fetch_add(1, Ordering::AcqRel);
        log.runtime.counts().attached.fetch_add(1, Ordering::Relaxed);
        log.runtime.counts().pumps.fetch_add(1, Ordering::Relaxed);
        Self { inflow: log.count_inflow() }
    }
}

impl Drop for PipeGuard {
    fn drop(&mut self) {
        // The guard inside is dropped after this, and tells those who wait.
        self.inflow.log.inflow.pipes.fetch_sub(1, Ordering::AcqRel);
        self.inflow.log.runtime.counts().attached.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Refuses what cannot be waited for, and makes the rest non-blocking.
fn prepare_descriptor(descriptor: &OwnedFd) -> Result<(), Failure> {
    use nix::{
        fcntl::{FcntlArg, OFlag, fcntl},
        sys::stat::{SFlag, fstat},
    };
    let failed = |error: nix::Error| Failure::io(&format!("descriptor {}", descriptor.as_raw_fd()), &error.into());
    let kind = SFlag::from_bits_truncate(fstat(descriptor).map_err(failed)?.st_mode) & SFlag::S_IFMT;
    if ![SFlag::S_IFIFO, SFlag::S_IFSOCK, SFlag::S_IFCHR].contains(&kind) {
        return Err(Failure::new(
            code::SEMAPHORE_E_UNSUPPORTED,
            "only pipes, sockets and terminals can be attached, not files or directories",
        ));
    }
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL).map_err(failed)?) | OFlag::O_NONBLOCK;
    fcntl(descriptor, FcntlArg::F_SETFL(flags)).map_err(failed)?;
    Ok(())
}

fn poisoned() -> Failure {
    Failure::new(code::SEMAPHORE_E_PANIC, "the log was damaged by an earlier defect and can only be closed")
}

//! The event queue of a runtime: bounded queues per log, a queue of single events, and a descriptor that becomes readable.
//!
//! Invariants: records of one log leave in the order of their sequence numbers and none is dropped; a log hands out at most
//! one credit window (and the rest of one frame) beyond what its reader credited, and stops nobody else when it may not; an
//! event that waits for records of a log leaves before them only if that log may hand out nothing; RT_CLOSED is last.

mod state;

use std::{
    collections::VecDeque,
    os::fd::{AsRawFd, OwnedFd, RawFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::Notify;

use crate::{code::SEMAPHORE_FRAME_LOG, frame::Head};

use self::state::{Chunk, Event, Source, State};

/// Records are gathered into frames up to this many bytes.
const BATCH_BYTES: usize = 64 * 1024;

/// Why nothing was queued: the runtime or the log has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is closed")]
pub struct Closed;

/// The buffer is smaller than the next frame; its size is inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the next frame needs a buffer of {0} bytes")]
pub struct TooSmall(pub usize);

/// Called when events arrive in an empty queue.
pub type Wakeup = Arc<dyn Fn() + Send + Sync>;

/// Events of one runtime on their way to the host.
pub struct EventQueue {
    state: Mutex<State>,
    arrived: Condvar,
    descriptor: OwnedFd,
    bound: usize,
}

/// Records with the same stream, flags and time, already in the form of a LOG payload.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Flags of the frame.
    pub flags: u16,
    /// When the records were read.
    pub unix_ns: i64,
    /// `u32 length, bytes`, repeated.
    pub payload: Vec<u8>,
    /// Number of records.
    pub records: u64,
    /// Number of the first record; the others follow without a gap.
    pub first_seq: u64,
}

/// Figures for `semaphore_stats`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Logs that are open or still hold records.
    pub sources: usize,
    /// Frames that wait.
    pub frames: usize,
    /// Bytes of payload that wait.
    pub bytes: usize,
    /// Logs whose bound is reached.
    pub full: usize,
    /// Logs that may hand out nothing before they get credit.
    pub without_credit: usize,
}

impl EventQueue {
    /// An empty queue. `descriptor` is a non-blocking eventfd; `bound` is the size of a log's queue in bytes.
    pub fn new(descriptor: OwnedFd, bound: usize) -> Self {
        Self { state: Mutex::default(), arrived: Condvar::new(), descriptor, bound }
    }

    /// The descriptor that is readable while the queue holds something.
    pub fn descriptor(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes room for a log whose first record has this number.
    pub fn open_source(&self, source: u64, first_seq: u64) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed || state.draining {
            return Err(Closed);
        }
        state.sources.insert(
            source,
            Source {
                chunks: VecDeque::new(),
                queued_bytes: 0,
                outstanding_bytes: 0,
                delivered_seq: first_seq,
                listed: false,
                full: false,
                released: false,
                ended: false,
                space: Arc::new(Notify::new()),
            },
        );
        Ok(())
    }

    /// The host gives a log no credit any more: what it holds and still gets is handed out without.
    pub fn release_source(&self, source: u64) {
        let mut state = self.lock();
        if let Some(found) = state.sources.get_mut(&source) {
            found.released = true;
            found.space.notify_waiters();
            state.list(source);
            self.announce(state);
        }
    }

    /// Nothing is written to a log any more.
    pub fn end_source(&self, source: u64) {
        let mut state = self.lock();
        if let Some(found) = state.sources.get_mut(&source) {
            found.ended = true;
            found.released = true;
            found.space.notify_waiters();
            if found.chunks.is_empty() {
                state.sources.remove(&source);
            } else {
                state.list(source);
            }
            self.announce(state);
        }
    }

    /// Appends records to a log. Never refused for want of room: a writer that can wait asks [`Self::wait_for_room`] first.
    pub fn push_records(&self, source: u64, batch: Batch) -> Result<(), Closed> {
        if batch.records == 0 {
            return Ok(());
        }
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        let found = state.sources.get_mut(&source).filter(|source| !source.ended).ok_or(Closed)?;
        found.queued_bytes += batch.payload.len();
        found.full |= found.queued_bytes >= self.bound;
        match found.chunks.back_mut() {
            Some(last) if last.takes(&batch) => {
                last.records += batch.records;
                last.payload.extend_from_slice(&batch.payload);
            }
            _ => found.chunks.push_back(Chunk {
                kind: SEMAPHORE_FRAME_LOG,
                flags: batch.flags,
                unix_ns: batch.unix_ns,
                first_seq: batch.first_seq,
                records: batch.records,
                payload: batch.payload,
            }),
        }
        state.list(source);
        self.announce(state);
        Ok(())
    }

    /// Appends an event that keeps its place among the records of a log, before the record `seq`.
    pub fn push_in_order(&self, source: u64, kind: u16, flags: u16, seq: u64, payload: Vec<u8>) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed {
            return Err(Closed);
        }
        let found = state.sources.get_mut(&source).filter(|source| !source.ended).ok_or(Closed)?;
        found.queued_bytes += payload.len();
        found.chunks.push_back(Chunk { kind, flags, unix_ns: unix_ns_now(), first_seq: seq, records: 0, payload });
        state.list(source);
        self.announce(state);
        Ok(())
    }

    /// Appends a single event. With `after`, it leaves when the records of that log below that number have left, or when that
    /// log may hand out nothing.
    pub fn push_event(&self, kind: u16, flags: u16, source: u64, payload: Vec<u8>, after: Option<(u64, u64)>) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let head = Head { kind, flags, source, seq: 0, unix_ns: unix_ns_now() };
        state.events.push_back(Event { head, payload, after, last: false });
        self.announce(state);
    }

    /// Appends a single event that leaves after every event before it, also those that wait for records.
    pub fn push_last_event(&self, kind: u16, source: u64) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        let head = Head { kind, flags: 0, source, seq: 0, unix_ns: unix_ns_now() };
        state.events.push_back(Event { head, payload: Vec::new(), after: None, last: true });
        self.announce(state);
    }

    /// Whether every record of a log below this number has been handed out, or the log has ended.
    pub fn has_delivered(&self, source: u64, seq: u64) -> bool {
        self.lock().sources.get(&source).is_none_or(|source| source.delivered_seq >= seq)
    }

    /// Whether a log's queue has reached its bound.
    pub fn is_full(&self, source: u64) -> bool {
        self.lock().sources.get(&source).is_some_and(|source| source.full && !source.released)
    }

    /// Waits until a log's queue has room; at once if nobody reads it slowly any more.
    pub async fn wait_for_room(&self, source: u64) {
        loop {
            let space = match self.lock().sources.get(&source) {
                Some(found) if found.full && !found.released => Arc::clone(&found.space),
                _ => return,
            };
            let notified = space.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if !self.is_full(source) {
                return;
            }
            notified.await;
        }
    }

    /// Gives a log back bytes of its window. More than was handed out is the same as all of it.
    pub fn credit(&self, source: u64, bytes: usize) -> Result<(), Closed> {
        let mut state = self.lock();
        let found = state.sources.get_mut(&source).ok_or(Closed)?;
        found.outstanding_bytes = found.outstanding_bytes.saturating_sub(bytes);
        state.list(source);
        self.announce(state);
        Ok(())
    }

    /// Writes whole frames into `out` and returns the bytes used. 0 means empty, and the descriptor is armed.
    pub fn poll(&self, out: &mut [u8]) -> Result<usize, TooSmall> {
        let mut state = self.lock();
        self.poll_locked(&mut state, out)
    }

    fn poll_locked(&self, state: &mut State, out: &mut [u8]) -> Result<usize, TooSmall> {
        let used = state.hand_out(out, self.bound)?;
        if used == 0 && !state.armed {
            let mut counter = [0_u8; 8];
            // Empty is an answer too: somebody else may have read the counter.
            let _ = nix::unistd::read(&self.descriptor, &mut counter);
            state.armed = true;
        }
        Ok(used)
    }

    /// As [`Self::poll`], but waits for something; `None` waits for ever. 0 after the time is over.
    pub fn wait(&self, out: &mut [u8], timeout: Option<Duration>) -> Result<usize, TooSmall> {
        let deadline = timeout.map(|timeout| Instant::now() + timeout);
        let mut state = self.lock();
        loop {
            let used = self.poll_locked(&mut state, out)?;
            if used > 0 || (state.closed && state.last.is_none()) {
                return Ok(used);
            }
            state = match deadline {
                None => self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    if left.is_zero() {
                        return Ok(0);
                    }
                    self.arrived.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
    }

    /// Ends the queue: everything that is in it leaves without credit, then RT_CLOSED; nothing is accepted any more.
    pub fn finish(&self, runtime: u64) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        state.draining = true;
        state.closed = true;
        state.last = Some(runtime);
        let sources: Vec<u64> = state.sources.keys().copied().collect();
        for source in sources {
            state.list(source);
        }
        self.announce(state);
    }

    /// Replaces the function that is called when events arrive in an empty queue.
    pub fn set_wakeup(&self, wakeup: Option<Wakeup>) -> Option<Wakeup> {
        std::mem::replace(&mut self.lock().wakeup, wakeup)
    }

    /// What waits.
    pub fn depth(&self) -> Depth {
        let state = self.lock();
        let mut depth = Depth { sources: state.sources.len(), frames: state.events.len(), ..Depth::default() };
        for source in state.sources.values() {
            depth.frames += source.chunks.len();
            depth.bytes += source.queued_bytes;
            depth.full += usize::from(source.full);
            depth.without_credit += usize::from(!source.may_hand_out(state.draining));
        }
        depth
    }

    /// Wakes the host if it waits and there is something for it. Takes the lock so that the callback runs without it.
    fn announce(&self, mut state: MutexGuard<'_, State>) {
        if !state.has_something() {
            return;
        }
        self.arrived.notify_all();
        if state.armed {
            state.armed = false;
            // Cannot fail: the counter is far from its limit, and a full counter is readable anyway.
            let _ = nix::unistd::write(&self.descriptor, &1_u64.to_ne_bytes());
            let wakeup = state.wakeup.clone();
            drop(state);
            if let Some(wakeup) = wakeup {
                wakeup();
            }
        }
    }
}

/// Now, in nanoseconds since 1970, UTC.
pub fn unix_ns_now() -> i64 {
    chrono::Utc::now().timestamp_nanos_opt().unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;

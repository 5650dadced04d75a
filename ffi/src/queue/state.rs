//! What waits in the queue, and the rules by which it leaves. All of it is used with the queue's lock held.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use tokio::sync::Notify;

use super::{BATCH_BYTES, Batch, TooSmall, Wakeup, unix_ns_now};
use crate::{
    code::{SEMAPHORE_CREDIT_WINDOW, SEMAPHORE_FRAME_LOG, SEMAPHORE_FRAME_RT_CLOSED},
    frame::{self, Head},
};

#[derive(Default)]
pub(super) struct State {
    pub(super) sources: HashMap<u64, Source>,
    /// Sources that have something to hand out and may; each is listed once.
    pub(super) ready: VecDeque<u64>,
    pub(super) events: VecDeque<Event>,
    /// The host has seen an empty queue and waits for the descriptor.
    pub(super) armed: bool,
    /// No credit is asked for any more, the runtime goes down.
    pub(super) draining: bool,
    /// Owner of the RT_CLOSED frame, once it is due; `None` again after it left.
    pub(super) last: Option<u64>,
    pub(super) closed: bool,
    pub(super) wakeup: Option<Wakeup>,
}

pub(super) struct Source {
    pub(super) chunks: VecDeque<Chunk>,
    pub(super) queued_bytes: usize,
    /// Bytes handed out and not credited yet.
    pub(super) outstanding_bytes: usize,
    /// Every record below this number has left.
    pub(super) delivered_seq: u64,
    pub(super) listed: bool,
    pub(super) full: bool,
    /// Its reader is gone: no credit is asked for.
    pub(super) released: bool,
    /// Its writer is gone: it is removed when it is empty.
    pub(super) ended: bool,
    pub(super) space: Arc<Notify>,
}

pub(super) struct Chunk {
    pub(super) kind: u16,
    pub(super) flags: u16,
    pub(super) unix_ns: i64,
    pub(super) first_seq: u64,
    pub(super) records: u64,
    pub(super) payload: Vec<u8>,
}

pub(super) struct Event {
    pub(super) head: Head,
    pub(super) payload: Vec<u8>,
    /// Log and sequence number before which every record must have left.
    pub(super) after: Option<(u64, u64)>,
    /// Leaves after every event before it.
    pub(super) last: bool,
}

impl State {
    /// Lists a source as ready if it has something and may hand it out.
    pub(super) fn list(&mut self, number: u64) {
        if let Some(source) = self.sources.get_mut(&number)
            && !source.listed
            && !source.chunks.is_empty()
            && source.may_hand_out(self.draining)
        {
            source.listed = true;
            self.ready.push_back(number);
        }
    }

    pub(super) fn has_something(&self) -> bool {
        let mut events = self.events.iter().enumerate();
        !self.ready.is_empty()
            || self.last.is_some()
            || events.any(|(before, event)| (before == 0 || !event.last) && self.may_leave(event))
    }

    /// Whether an event has waited for its records, or would wait in vain.
    pub(super) fn may_leave(&self, event: &Event) -> bool {
        let Some((number, seq)) = event.after else { return true };
        self.sources
            .get(&number)
            .is_none_or(|source| source.delivered_seq >= seq || !source.may_hand_out(self.draining))
    }

    pub(super) fn hand_out(&mut self, out: &mut [u8], bound: usize) -> Result<usize, TooSmall> {
        let mut used = 0;
        // Events first, so that a chatty log cannot keep them back; again after the records they may have waited for.
        let mut fits = self.hand_out_events(out, &mut used)?;
        while fits && let Some(number) = self.ready.pop_front() {
            let draining = self.draining;
            let Some(source) = self.sources.get_mut(&number) else { continue };
            source.listed = false;
            if !source.may_hand_out(draining) {
                continue;
            }
            let Some(chunk) = source.chunks.front() else { continue };
            let head = Head {
                kind: chunk.kind,
                flags: chunk.flags,
                source: number,
                seq: chunk.first_seq,
                unix_ns: chunk.unix_ns,
            };
            let Some(written) = frame::write(&mut out[used..], &head, &chunk.payload) else {
                let needed = frame::size(chunk.payload.len());
                source.listed = true;
                self.ready.push_front(number);
                if used == 0 {
                    return Err(TooSmall(needed));
                }
                fits = false;
                continue;
            };
            used += written;
            source.take_front(bound);
            if source.ended && source.chunks.is_empty() {
                self.sources.remove(&number);
            } else {
                self.list(number);
            }
        }
        if fits && self.hand_out_events(out, &mut used)? && self.ready.is_empty() && self.events.is_empty() {
            self.hand_out_last(out, &mut used)?;
        }
        Ok(used)
    }

    /// Hands out the events that may leave, in order; `false` if the buffer was full before the end.
    pub(super) fn hand_out_events(&mut self, out: &mut [u8], used: &mut usize) -> Result<bool, TooSmall> {
        let mut index = 0;
        while let Some(event) = self.events.get(index) {
            if !self.may_leave(event) || (event.last && index > 0) {
                index += 1;
                continue;
            }
            let Some(written) = frame::write(&mut out[*used..], &event.head, &event.payload) else {
                return if *used == 0 { Err(TooSmall(frame::size(event.payload.len()))) } else { Ok(false) };
            };
            *used += written;
            self.events.remove(index);
        }
        Ok(true)
    }

    pub(super) fn hand_out_last(&mut self, out: &mut [u8], used: &mut usize) -> Result<(), TooSmall> {
        let Some(runtime) = self.last else { return Ok(()) };
        let head = Head { kind: SEMAPHORE_FRAME_RT_CLOSED, flags: 0, source: runtime, seq: 0, unix_ns: unix_ns_now() };
        match frame::write(&mut out[*used..], &head, &[]) {
            Some(written) => {
                *used += written;
                self.last = None;
                Ok(())
            }
            None if *used == 0 => Err(TooSmall(frame::size(0))),
            None => Ok(()),
        }
    }
}

impl Source {
    pub(super) fn may_hand_out(&self, draining: bool) -> bool {
        self.released || draining || self.outstanding_bytes < SEMAPHORE_CREDIT_WINDOW
    }

    /// Removes the chunk that was handed out and lets writers go on.
    pub(super) fn take_front(&mut self, bound: usize) {
        let Some(chunk) = self.chunks.pop_front() else { return };
        self.delivered_seq = chunk.first_seq + chunk.records;
        self.queued_bytes -= chunk.payload.len();
        self.outstanding_bytes += frame::size(chunk.payload.len());
        // Half the bound between stop and go, so that a writer is not woken for every frame.
        if self.full && self.queued_bytes <= bound / 2 {
            self.full = false;
            self.space.notify_waiters();
        }
    }
}

impl Chunk {
    pub(super) fn takes(&self, batch: &Batch) -> bool {
        self.kind == SEMAPHORE_FRAME_LOG
            && self.first_seq + self.records == batch.first_seq
            && self.flags == batch.flags
            && self.unix_ns == batch.unix_ns
            && self.payload.len() + batch.payload.len() <= BATCH_BYTES
    }
}

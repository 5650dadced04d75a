//! Who hears of events: told after the commit that stored them, so that nobody hears of what was taken back.
//!
//! Not for what is done with them. Invariant: listening costs a transaction nothing when nobody listens.

use crate::Store;
use semaphore_model::Event;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// Somebody who hears of events that this process stored.
pub trait EventListener: Send + Sync + 'static {
    /// It is stored. Must not block: the caller is a request.
    fn stored(&self, event: &Event);
}

/// Who listens to the events of a store.
#[derive(Default)]
pub(crate) struct EventListeners {
    listener: OnceLock<Arc<dyn EventListener>>,
    is_audited: AtomicBool,
}

/// The events of one transaction.
#[derive(Default)]
pub(crate) struct EventTap {
    listener: Option<Arc<dyn EventListener>>,
    is_audited: bool,
    noted: Vec<Event>,
}

impl EventTap {
    pub(crate) fn of(listeners: &EventListeners) -> Self {
        let is_audited = listeners.is_audited.load(Ordering::Relaxed);
        Self { listener: listeners.listener.get().cloned(), is_audited, noted: Vec::new() }
    }

    pub(crate) const fn is_audited(&self) -> bool {
        self.is_audited
    }

    pub(crate) fn note(&mut self, event: &Event) {
        if self.listener.is_some() {
            self.noted.push(event.clone());
        }
    }

    pub(crate) fn tell(self) {
        let Some(listener) = self.listener else { return };
        for event in &self.noted {
            listener.stored(event);
        }
    }
}

impl Store {
    /// Tells somebody of each event from now on. Only the first call counts.
    pub fn listen_to_events(&self, listener: Arc<dyn EventListener>) {
        let _ = self.event_listeners().listener.set(listener);
    }

    /// Keeps a copy of each event from now on until it was delivered; see [`Store::next_audit_records`].
    pub fn keep_for_audit(&self) {
        self.event_listeners().is_audited.store(true, Ordering::Relaxed);
    }
}

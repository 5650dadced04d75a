//! The body of a request as it arrives, from a client that may not pause for ever.
//!
//! Not for the size of a body: whoever reads it limits that.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// Longest time for a whole body, in pauses: whoever sends a byte before each pause ends does not go on for ever either.
const MOST_PAUSES: u32 = 20;

/// A body that fails when nothing of it comes for a while.
#[derive(Debug)]
pub(super) struct PatientBody {
    body: Incoming,
    pause: Duration,
    /// When the client was waited for first.
    begun: Option<Instant>,
    /// Runs while the client is waited for.
    waiting: Option<Pin<Box<Sleep>>>,
}

/// The client has not sent what it announced.
#[derive(Debug, thiserror::Error)]
#[error("the client stopped sending")]
pub(super) struct Stalled;

impl PatientBody {
    /// A body whose client may pause for so long.
    pub(super) const fn new(body: Incoming, pause: Duration) -> Self {
        Self { body, pause, begun: None, waiting: None }
    }

    /// When the client has been waited for long enough.
    fn deadline(&mut self) -> Instant {
        let now = Instant::now();
        let begun = *self.begun.get_or_insert(now);
        (now + self.pause).min(begun + self.pause * MOST_PAUSES)
    }
}

impl HttpBody for PatientBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let mut waiting = match self.waiting.take() {
            Some(waiting) => waiting,
            None => Box::pin(sleep_until(self.deadline())),
        };
        if waiting.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err(Stalled.into())));
        }
        self.waiting = Some(waiting);
        Poll::Pending
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

//! What others want of a running job: that it ends, or that it goes on with what it asked about.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::ProgramError;
use crate::{
    job::StopReason,
    process::{StopHandle, StopMode, StopToken},
};

/// The request to stop a job: the processes see its force, the job its reason.
#[derive(Clone, Debug, Default)]
pub(crate) struct StopRequest {
    handle: StopHandle,
    reason: Arc<Mutex<Option<StopReason>>>,
}

impl StopRequest {
    /// Asks for the end. A forced stop wins over everything before; otherwise the first reason counts.
    pub(crate) fn stop(&self, reason: StopReason) {
        {
            let mut now = self.reason.lock().unwrap_or_else(PoisonError::into_inner);
            if now.is_none() || reason == StopReason::Forced {
                *now = Some(reason);
            }
        }
        self.handle.request(if reason == StopReason::Forced { StopMode::Forced } else { StopMode::Graceful });
    }

    /// What the processes of the job look at.
    pub(super) fn token(&self) -> StopToken {
        self.handle.token()
    }

    pub(crate) fn reason(&self) -> Option<StopReason> {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An error if the job was stopped.
    pub(crate) fn check(&self) -> Result<(), ProgramError> {
        self.reason().map_or(Ok(()), |reason| Err(ProgramError::Stopped(reason)))
    }
}

/// Whether a person accepts what the job asks for; see [`Programs::confirmation`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Confirmation {
    waiting: Arc<Mutex<Option<oneshot::Sender<bool>>>>,
}

impl Confirmation {
    /// Answers; `false` if nobody waits for an answer.
    pub(crate) fn answer(&self, accepted: bool) -> bool {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        waiting.is_some_and(|waiting| waiting.send(accepted).is_ok())
    }

    /// Waits for the answer from now on.
    pub(super) fn ask(&self) -> oneshot::Receiver<bool> {
        let (sender, receiver) = oneshot::channel();
        *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}

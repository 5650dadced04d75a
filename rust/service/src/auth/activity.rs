//! When sessions were used since it was last written down.
//!
//! Not for deciding who may log in. Invariant: a use is in memory until it is written, a minute at most.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use semaphore_model::{SessionId, UserId};
use semaphore_store::SessionActivity;

/// Uses that are not written yet, one per session.
#[derive(Debug, Default)]
pub(crate) struct Activities(Mutex<HashMap<SessionId, (UserId, DateTime<Utc>)>>);

impl Activities {
    /// Notes a use.
    pub(crate) fn note(&self, user: UserId, session: SessionId, at: DateTime<Utc>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(session, (user, at));
    }

    /// Takes all uses that are not written yet.
    pub(crate) fn take(&self) -> Vec<SessionActivity> {
        let noted = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let activity = |(session_id, (user_id, last_active))| SessionActivity { user_id, session_id, last_active };
        noted.into_iter().map(activity).collect()
    }

    /// Puts back what could not be written; a later use stays.
    pub(crate) fn put_back(&self, activities: &[SessionActivity]) {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for activity in activities {
            noted.entry(activity.session_id).or_insert((activity.user_id, activity.last_active));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_use_wins_and_is_taken_once() {
        let activities = Activities::default();
        let time = |second| DateTime::from_timestamp(second, 0).unwrap_or_default();
        activities.note(UserId(1), SessionId(7), time(1));
        activities.note(UserId(1), SessionId(7), time(2));
        let taken = activities.take();
        assert_eq!(taken.iter().map(|activity| activity.last_active).collect::<Vec<_>>(), [time(2)]);
        assert!(activities.take().is_empty());

        activities.note(UserId(1), SessionId(7), time(9));
        activities.put_back(&taken);
        assert_eq!(activities.take().first().map(|activity| activity.last_active), Some(time(9)));
    }
}

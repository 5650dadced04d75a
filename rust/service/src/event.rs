//! Events: who did what, for people to read.
//!
//! Use cases write their event in the transaction of the change it tells about. Invariant: the texts and kinds are the
//! reference's, because people search for them.

use semaphore_model::{Event, EventObject, ProjectId, UserId};
use semaphore_store::Page;

use crate::{error::Result, services::Services};

/// How many events the `last` routes answer. Reference: `getLastEvents`.
const LAST_EVENTS: u32 = 200;

/// How many events are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventRange {
    /// All there are.
    All,
    /// The newest 200.
    Last,
}

impl EventRange {
    fn page(self) -> Page {
        match self {
            Self::All => Page::default(),
            Self::Last => Page::first(LAST_EVENTS),
        }
    }
}

impl Services {
    /// Events of the user's projects and of no project, newest first. Reference: also for administrators only of those.
    pub async fn user_events(&self, user: UserId, range: EventRange) -> Result<Vec<Event>> {
        Ok(self.store.list_events_for_user(user, range.page()).await?)
    }

    /// Events of a project, newest first.
    pub async fn project_events(&self, project: ProjectId, range: EventRange) -> Result<Vec<Event>> {
        Ok(self.store.list_events_for_project(project, range.page()).await?)
    }
}

/// What an event says was done: `create`, `update` or `delete`; none for what tasks do by themselves. Reference: named beside the
/// text and not stored; here the text, whose last words are fixed, says it.
pub fn action(event: &Event) -> Option<&'static str> {
    if event.object_type == Some(EventObject::Task) {
        return None;
    }
    let text = event.description.as_deref().unwrap_or_default();
    let ends_with = |ends: &[&str]| ends.iter().any(|end| text.ends_with(end));
    Some(if ends_with(&[" created", " added to team"]) {
        "create"
    } else if ends_with(&[" deleted", " removed from team"]) {
        "delete"
    } else {
        "update"
    })
}

/// An event about an object of a project, to be stored with the change itself.
pub(crate) fn event(
    user: UserId,
    project: ProjectId,
    object_type: EventObject,
    object: impl Into<i32>,
    description: String,
) -> Event {
    Event {
        user_id: Some(user),
        project_id: Some(project),
        object_id: Some(object.into()),
        object_type: Some(object_type),
        description: Some(description),
        ..Event::default()
    }
}

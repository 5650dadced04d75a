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

/// The text of an event as it may leave the server: an address in it loses its login, which may be a token.
pub fn told_description(event: &Event) -> Option<String> {
    let mut rest = event.description.as_deref()?;
    let mut told = String::with_capacity(rest.len());
    while let Some(place) = rest.find("://") {
        let (before, address) = rest.split_at(place + 3);
        told.push_str(before);
        let end = address.find(|letter: char| letter == '/' || letter.is_whitespace()).unwrap_or(address.len());
        let (host, after) = address.split_at(end);
        match host.rsplit_once('@') {
            // The name alone is how everybody logs in there, mostly `git`.
            Some((login, host)) if login.contains(':') || !before.ends_with("ssh://") => {
                told.push_str("***@");
                told.push_str(host);
            }
            _ => told.push_str(host),
        }
        rest = after;
    }
    told.push_str(rest);
    Some(told)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn no_login_of_an_address_leaves_the_server() {
        let check = |text: &str, told: &str| {
            let event = Event { description: Some(text.to_owned()), ..Event::default() };
            assert_eq!(told_description(&event).unwrap(), told);
        };
        check("View first created", "View first created");
        check("Repository https://u:secret@host:8/x.git created", "Repository https://***@host:8/x.git created");
        check("Repository https://token@host created", "Repository https://***@host created");
        check("Repository https://u:p@ss@host/a@b updated", "Repository https://***@host/a@b updated");
        check("Repository ssh://git@host/x.git deleted", "Repository ssh://git@host/x.git deleted");
        check("Repository ssh://git:secret@host/x.git deleted", "Repository ssh://***@host/x.git deleted");
        check("Repository git@host:x.git created", "Repository git@host:x.git created");
    }

    #[test]
    fn what_was_done_is_what_the_text_ends_with() {
        let check = |kind: EventObject, text: &str, done: Option<&str>| {
            let event = Event { object_type: Some(kind), description: Some(text.to_owned()), ..Event::default() };
            assert_eq!(action(&event), done, "{text}");
        };
        check(EventObject::View, "View deleted created", Some("create"));
        check(EventObject::View, "View created updated", Some("update"));
        check(EventObject::Key, "Access Key x deleted", Some("delete"));
        check(EventObject::User, "User ID 2 added to team", Some("create"));
        check(EventObject::User, "User ID 2 removed from team", Some("delete"));
        check(EventObject::User, "Changed role for User ID 2", Some("update"));
        check(EventObject::Task, "Task ID 1 (x) finished with status ERROR", None);
    }
}

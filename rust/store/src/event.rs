//! Events.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::Page;
use crate::{Result, Store};
use chrono::Utc;
use semaphore_model::{Event, EventObject, ProjectId, UserId};

/// Events with the names that go with them. The name of an object is a task's own playbook, while the task exists.
const SELECT: &str = "select e.*, p.name as project_name, u.username as username, t.playbook as task_playbook from event e \
     left join project p on p.id = e.project_id left join `user` u on u.id = e.user_id \
     left join task t on e.object_type = 'task' and t.id = e.object_id and t.project_id = e.project_id";

impl FromRow for Event {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            user_id: row.optional_id("user_id")?,
            project_id: row.optional_id("project_id")?,
            integration_id: None,
            object_id: row.optional_id("object_id")?,
            object_type: row.optional_text("object_type")?.map(EventObject::from),
            description: row.optional_text("description")?,
            created: row.time("created")?,
            object_name: row.text("task_playbook")?,
            project_name: row.optional_text("project_name")?,
            username: row.optional_text("username")?,
        })
    }
}

impl Store {
    /// Events of the projects a user is a member of, and those of no project, newest first.
    pub async fn list_events_for_user(&self, user_id: UserId, page: Page) -> Result<Vec<Event>> {
        let text = format!(
            "{SELECT} left join project__user pu on pu.project_id = p.id and pu.user_id = ? \
             where p.id is null or pu.user_id is not null order by e.id desc{}",
            page.clause()?
        );
        self.fetch(text, params![user_id]).await
    }

    /// Events of a project, newest first.
    pub async fn list_events_for_project(&self, project_id: ProjectId, page: Page) -> Result<Vec<Event>> {
        let text = format!("{SELECT} where e.project_id = ? order by e.id desc{}", page.clause()?);
        self.fetch(text, params![project_id]).await
    }

    /// All events, newest first.
    pub async fn list_events(&self, page: Page) -> Result<Vec<Event>> {
        self.fetch(format!("{SELECT} order by e.id desc{}", page.clause()?), Vec::new()).await
    }
}

writes! {
    /// Adds an event, with now as its time.
    insert_event(event: Event) -> Event;
}

impl Transaction {
    /// Adds an event, with now as its time.
    pub async fn insert_event(&mut self, mut event: Event) -> Result<Event> {
        event.created = Utc::now();
        let text = "insert into event (user_id, project_id, object_id, object_type, description, created) \
             values (?, ?, ?, ?, ?, ?)";
        let values = params![
            event.user_id,
            event.project_id,
            event.object_id,
            event.object_type.as_ref().map(EventObject::as_str),
            event.description.as_deref(),
            event.created
        ];
        event.id = self.insert(text, values).await?;
        if self.events.is_audited() {
            self.insert_audit_record(&event).await?;
        }
        self.events.note(&event);
        Ok(event)
    }
}

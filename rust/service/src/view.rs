//! Views: tabs over the list of templates.
//!
//! Invariant: a view stays in its project. The reference takes the project from the body and so moves views anywhere.

use std::collections::BTreeMap;

use semaphore_model::{EventObject, ProjectId, UserId, View, ViewId};

use crate::{
    error::{Error, Result},
    event::event,
    owned::{Owned, other_project},
    services::Services,
};

impl Services {
    /// Views of a project by position.
    pub async fn views(&self, project: ProjectId) -> Result<Vec<View>> {
        Ok(self.store.list_views(project).await?)
    }

    /// Adds a view. Reference: a filter is answered but not stored.
    pub async fn create_view(&self, user: UserId, project: ProjectId, view: View) -> Result<View> {
        if view.project_id != project {
            return Err(other_project());
        }
        view.validate()?;
        let mut transaction = self.store.begin().await?;
        let view = transaction.insert_view(view).await?;
        let description = format!("View {} created", view.title);
        transaction.insert_event(event(user, project, EventObject::View, view.id, description)).await?;
        transaction.commit().await?;
        Ok(view)
    }

    /// Changes a view. A body with another project is refused, where the reference moves the view.
    pub async fn update_view(&self, user: UserId, old: &Owned<View>, view: View) -> Result<()> {
        if view.id != old.id {
            return Err(Error::invalid("View ID in URL and in body must be the same"));
        }
        view.validate()?;
        if view.project_id != old.project_id {
            return Err(other_project().bare());
        }
        let mut transaction = self.store.begin().await?;
        transaction.update_view(&view).await?;
        let description = format!("View {} updated", view.title);
        transaction.insert_event(event(user, old.project_id, EventObject::View, old.id, description)).await?;
        Ok(transaction.commit().await?)
    }

    /// Sets the positions of views; ids that are not views of the project are passed over.
    ///
    /// `positions` maps the texts of ids to positions; a text that is no number is refused with 400.
    pub async fn set_view_positions(
        &self,
        project: ProjectId,
        positions: &BTreeMap<String, Option<i32>>,
    ) -> Result<()> {
        let positions = positions
            .iter()
            .map(|(id, position)| Ok((ViewId(id.parse()?), position.unwrap_or_default())))
            .collect::<Result<Vec<_>, std::num::ParseIntError>>()
            .map_err(|error| Error::invalid("the ids of views must be numbers").bare().with_source(error))?;
        Ok(self.store.update_view_positions(project, &positions).await?)
    }

    /// Removes a view; its templates stay, in no view.
    pub async fn delete_view(&self, user: UserId, view: &Owned<View>) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        transaction.delete_view(view.project_id, view.id).await?;
        let description = format!("View {} deleted", view.title);
        transaction.insert_event(event(user, view.project_id, EventObject::View, view.id, description)).await?;
        Ok(transaction.commit().await?)
    }
}

//! Views.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::{Result, Store};
use semaphore_model::{ProjectId, View, ViewId};

impl FromRow for View {
    fn from_row(row: &Row) -> Result<Self> {
        let filter = row.json("filter")?;
        Ok(Self {
            id: row.id("id")?,
            project_id: row.id("project_id")?,
            title: row.text("title")?,
            position: row.int("position")?,
            r#type: row.word("type")?,
            hidden: row.boolean("hidden")?,
            filter: (!filter.is_empty()).then_some(filter),
            sort_column: row.optional_text("sort_column")?,
            sort_reverse: row.boolean("sort_reverse")?,
        })
    }
}

impl Store {
    /// The view of the project.
    pub async fn get_view(&self, project_id: ProjectId, id: ViewId) -> Result<View> {
        self.fetch_one("select * from project__view where id = ? and project_id = ?", params![id, project_id]).await
    }

    /// Views of the project by position.
    pub async fn list_views(&self, project_id: ProjectId) -> Result<Vec<View>> {
        self.fetch("select * from project__view where project_id = ? order by position, id", params![project_id]).await
    }
}

writes! {
    /// Adds a view. Reference: `filter` is not stored.
    insert_view(view: View) -> View;
    /// Changes a view of its project. Reference: `filter` is not stored.
    update_view(view: &View) -> ();
    /// Sets the positions of views of the project; views of other projects are passed over.
    update_view_positions(project_id: ProjectId, positions: &[(ViewId, i32)]) -> ();
    /// Removes a view; its templates stay, in no view.
    delete_view(project_id: ProjectId, id: ViewId) -> ();
}

impl Transaction {
    /// Adds a view.
    pub async fn insert_view(&mut self, mut view: View) -> Result<View> {
        let text = "insert into project__view (project_id, title, position, type, sort_column, sort_reverse, hidden) \
             values (?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            view.project_id,
            &view.title,
            view.position,
            view.r#type.as_str(),
            view.sort_column.as_deref(),
            view.sort_reverse,
            view.hidden
        ];
        view.id = self.insert(text, values).await?;
        Ok(view)
    }

    /// Changes a view of its project.
    pub async fn update_view(&mut self, view: &View) -> Result<()> {
        let text = "update project__view set title = ?, position = ?, type = ?, sort_column = ?, sort_reverse = ?, hidden = ? \
             where id = ? and project_id = ?";
        let values = params![
            &view.title,
            view.position,
            view.r#type.as_str(),
            view.sort_column.as_deref(),
            view.sort_reverse,
            view.hidden,
            view.id,
            view.project_id
        ];
        self.change(text, values).await
    }

    /// Sets the positions of views of the project.
    pub async fn update_view_positions(&mut self, project_id: ProjectId, positions: &[(ViewId, i32)]) -> Result<()> {
        for (id, position) in positions {
            let text = "update project__view set position = ? where project_id = ? and id = ?";
            self.execute(text, params![*position, project_id, *id]).await?;
        }
        Ok(())
    }

    /// Removes a view.
    pub async fn delete_view(&mut self, project_id: ProjectId, id: ViewId) -> Result<()> {
        self.change("delete from project__view where id = ? and project_id = ?", params![id, project_id]).await
    }
}

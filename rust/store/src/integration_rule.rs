//! What requests of an integration must contain, and what is taken from them.
//!
//! These rows have no project of their own: every statement goes through the integration and its project (the reference
//! looks them up by their own id alone, so that one project can read and change those of another).

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::list::ListOptions;
use crate::{Result, Store};
use semaphore_model::{
    IntegrationExtractValue, IntegrationExtractValueId, IntegrationId, IntegrationMatcher, IntegrationMatcherId,
    ProjectId,
};

const OF_PROJECT: &str = "integration_id in (select id from project__integration where id = ? and project_id = ?)";

impl FromRow for IntegrationMatcher {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            integration_id: row.id("integration_id")?,
            name: row.text("name")?,
            match_type: row.word("match_type")?,
            method: row.word("method")?,
            body_data_type: row.word("body_data_type")?,
            key: row.text("key")?,
            value: row.text("value")?,
        })
    }
}

impl FromRow for IntegrationExtractValue {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            integration_id: row.id("integration_id")?,
            name: row.text("name")?,
            value_source: row.word("value_source")?,
            body_data_type: row.word("body_data_type")?,
            key: row.text("key")?,
            variable: row.text("variable")?,
            variable_type: row.word("variable_type")?,
        })
    }
}

impl Store {
    /// What requests of the integration must contain, by id.
    pub async fn list_integration_matchers(
        &self,
        project_id: ProjectId,
        id: IntegrationId,
    ) -> Result<Vec<IntegrationMatcher>> {
        let text = format!("select * from project__integration_matcher where {OF_PROJECT} order by id");
        self.fetch(text, params![id, project_id]).await
    }

    /// One of them.
    pub async fn get_integration_matcher(
        &self,
        project_id: ProjectId,
        integration_id: IntegrationId,
        id: IntegrationMatcherId,
    ) -> Result<IntegrationMatcher> {
        let text = format!("select * from project__integration_matcher where {OF_PROJECT} and id = ?");
        self.fetch_one(text, params![integration_id, project_id, id]).await
    }

    /// What is taken from requests of the integration, sortable by name.
    pub async fn list_integration_values(
        &self,
        project_id: ProjectId,
        id: IntegrationId,
        options: &ListOptions,
    ) -> Result<Vec<IntegrationExtractValue>> {
        let order = options.order(&[("name", "name")], "name")?;
        let page = options.page.clause()?;
        let text = format!("select * from project__integration_extract_value where {OF_PROJECT}{order}{page}");
        self.fetch(text, params![id, project_id]).await
    }

    /// One of them.
    pub async fn get_integration_value(
        &self,
        project_id: ProjectId,
        integration_id: IntegrationId,
        id: IntegrationExtractValueId,
    ) -> Result<IntegrationExtractValue> {
        let text = format!("select * from project__integration_extract_value where {OF_PROJECT} and id = ?");
        self.fetch_one(text, params![integration_id, project_id, id]).await
    }
}

writes! {
    /// Adds a matcher to its integration, which must be one of the project.
    insert_integration_matcher(project_id: ProjectId, matcher: IntegrationMatcher) -> IntegrationMatcher;
    /// Changes a matcher of its integration.
    update_integration_matcher(project_id: ProjectId, matcher: &IntegrationMatcher) -> ();
    /// Removes a matcher.
    delete_integration_matcher(project_id: ProjectId, integration_id: IntegrationId, id: IntegrationMatcherId) -> ();
    /// Adds a value to its integration, which must be one of the project.
    insert_integration_value(project_id: ProjectId, value: IntegrationExtractValue) -> IntegrationExtractValue;
    /// Changes a value of its integration.
    update_integration_value(project_id: ProjectId, value: &IntegrationExtractValue) -> ();
    /// Removes a value.
    delete_integration_value(project_id: ProjectId, integration_id: IntegrationId, id: IntegrationExtractValueId) -> ();
}

impl Transaction {
    /// Adds a matcher to its integration.
    pub async fn insert_integration_matcher(
        &mut self,
        project_id: ProjectId,
        mut matcher: IntegrationMatcher,
    ) -> Result<IntegrationMatcher> {
        matcher.validate()?;
        self.require_integration(project_id, matcher.integration_id).await?;
        let text = "insert into project__integration_matcher (match_type, method, body_data_type, `key`, value, name, \
             integration_id) values (?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            matcher.match_type.as_str(),
            matcher.method.as_str(),
            matcher.body_data_type.as_str(),
            &matcher.key,
            &matcher.value,
            &matcher.name,
            matcher.integration_id
        ];
        matcher.id = self.insert(text, values).await?;
        Ok(matcher)
    }

    /// Changes a matcher of its integration.
    pub async fn update_integration_matcher(
        &mut self,
        project_id: ProjectId,
        matcher: &IntegrationMatcher,
    ) -> Result<()> {
        matcher.validate()?;
        let text = format!(
            "update project__integration_matcher set match_type = ?, method = ?, body_data_type = ?, `key` = ?, value = ?, \
             name = ? where {OF_PROJECT} and id = ?"
        );
        let values = params![
            matcher.match_type.as_str(),
            matcher.method.as_str(),
            matcher.body_data_type.as_str(),
            &matcher.key,
            &matcher.value,
            &matcher.name,
            matcher.integration_id,
            project_id,
            matcher.id
        ];
        self.change(text, values).await
    }

    /// Removes a matcher.
    pub async fn delete_integration_matcher(
        &mut self,
        project_id: ProjectId,
        integration_id: IntegrationId,
        id: IntegrationMatcherId,
    ) -> Result<()> {
        let text = format!("delete from project__integration_matcher where {OF_PROJECT} and id = ?");
        self.change(text, params![integration_id, project_id, id]).await
    }

    /// Adds a value to its integration.
    pub async fn insert_integration_value(
        &mut self,
        project_id: ProjectId,
        mut value: IntegrationExtractValue,
    ) -> Result<IntegrationExtractValue> {
        value.validate()?;
        self.require_integration(project_id, value.integration_id).await?;
        let text = "insert into project__integration_extract_value (value_source, body_data_type, `key`, variable, name, \
             variable_type, integration_id) values (?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            value.value_source.as_str(),
            value.body_data_type.as_str(),
            &value.key,
            &value.variable,
            &value.name,
            value.variable_type.as_str(),
            value.integration_id
        ];
        value.id = self.insert(text, values).await?;
        Ok(value)
    }

    /// Changes a value of its integration.
    pub async fn update_integration_value(
        &mut self,
        project_id: ProjectId,
        value: &IntegrationExtractValue,
    ) -> Result<()> {
        value.validate()?;
        let text = format!(
            "update project__integration_extract_value set value_source = ?, body_data_type = ?, `key` = ?, variable = ?, \
             name = ?, variable_type = ? where {OF_PROJECT} and id = ?"
        );
        let values = params![
            value.value_source.as_str(),
            value.body_data_type.as_str(),
            &value.key,
            &value.variable,
            &value.name,
            value.variable_type.as_str(),
            value.integration_id,
            project_id,
            value.id
        ];
        self.change(text, values).await
    }

    /// Removes a value.
    pub async fn delete_integration_value(
        &mut self,
        project_id: ProjectId,
        integration_id: IntegrationId,
        id: IntegrationExtractValueId,
    ) -> Result<()> {
        let text = format!("delete from project__integration_extract_value where {OF_PROJECT} and id = ?");
        self.change(text, params![integration_id, project_id, id]).await
    }

    async fn require_integration(&mut self, project_id: ProjectId, id: IntegrationId) -> Result<()> {
        let text = "select id from project__integration where id = ? and project_id = ?";
        let found = self.fetch_optional(text, params![id, project_id]).await?;
        found.map(drop).ok_or(crate::StoreError::NotFound)
    }
}

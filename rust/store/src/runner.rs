//! Remote runners.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{ProjectId, Runner, RunnerId, RunnerTag, Secret};

impl FromRow for Runner {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            token: Secret::from(row.text("token")?),
            project_id: row.optional_id("project_id")?,
            webhook: row.text("webhook")?,
            max_parallel_tasks: row.int("max_parallel_tasks")?,
            active: row.boolean("active")?,
            name: row.text("name")?,
            tag: row.text("tag")?,
            touched: row.optional_time("touched")?,
            cleaning_requested: row.optional_time("cleaning_requested")?,
            public_key: row.optional_text("public_key")?,
        })
    }
}

impl Store {
    /// A runner, of whichever project or of none.
    pub async fn get_runner(&self, id: RunnerId) -> Result<Runner> {
        self.fetch_one("select * from runner where id = ?", params![id]).await
    }

    /// A runner of the project.
    pub async fn get_project_runner(&self, project_id: ProjectId, id: RunnerId) -> Result<Runner> {
        self.fetch_one("select * from runner where id = ? and project_id = ?", params![id, project_id]).await
    }

    /// The runner with this token.
    pub async fn get_runner_by_token(&self, token: &Secret) -> Result<Runner> {
        self.fetch_one("select * from runner where token = ?", params![token]).await
    }

    /// All runners, the newest first.
    pub async fn list_runners(&self) -> Result<Vec<Runner>> {
        self.fetch("select * from runner order by id desc", Vec::new()).await
    }

    /// Runners of the project, the newest first.
    pub async fn list_project_runners(&self, project_id: ProjectId) -> Result<Vec<Runner>> {
        self.fetch("select * from runner where project_id = ? order by id desc", params![project_id]).await
    }

    /// Tags of the project's runners, by tag.
    pub async fn list_runner_tags(&self, project_id: ProjectId) -> Result<Vec<RunnerTag>> {
        let text =
            "select tag, count(*) as runners from runner where project_id = ? and tag <> '' group by tag order by tag";
        let rows = self.db().fetch_all(text, params![project_id]).await?;
        rows.iter()
            .map(|row| Ok(RunnerTag { tag: row.text("tag")?, number_of_runners: row.long("runners")? }))
            .collect()
    }
}

writes! {
    /// Adds a runner with its token.
    insert_runner(runner: Runner) -> Runner;
    /// Changes name, activity, webhook, limit and tag of a runner.
    update_runner(runner: &Runner) -> ();
    /// Notes that a runner was heard of.
    touch_runner(id: RunnerId, time: DateTime<Utc>) -> ();
    /// Notes that somebody asked a runner to empty its caches.
    request_runner_cleaning(id: RunnerId, time: DateTime<Utc>) -> ();
    /// Removes a runner.
    delete_runner(id: RunnerId) -> ();
}

impl Transaction {
    /// Adds a runner with its token.
    pub async fn insert_runner(&mut self, mut runner: Runner) -> Result<Runner> {
        let text = "insert into runner (project_id, token, webhook, max_parallel_tasks, name, active, public_key, tag) \
             values (?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            runner.project_id,
            &runner.token,
            &runner.webhook,
            runner.max_parallel_tasks,
            &runner.name,
            runner.active,
            runner.public_key.as_deref(),
            &runner.tag
        ];
        runner.id = self.insert(text, values).await?;
        Ok(runner)
    }

    /// Changes name, activity, webhook, limit and tag of a runner.
    pub async fn update_runner(&mut self, runner: &Runner) -> Result<()> {
        let text = "update runner set name = ?, active = ?, webhook = ?, max_parallel_tasks = ?, tag = ? where id = ?";
        let values =
            params![&runner.name, runner.active, &runner.webhook, runner.max_parallel_tasks, &runner.tag, runner.id];
        self.change(text, values).await
    }

    /// Notes that a runner was heard of.
    pub async fn touch_runner(&mut self, id: RunnerId, time: DateTime<Utc>) -> Result<()> {
        self.change("update runner set touched = ? where id = ?", params![time, id]).await
    }

    /// Notes that somebody asked a runner to empty its caches.
    pub async fn request_runner_cleaning(&mut self, id: RunnerId, time: DateTime<Utc>) -> Result<()> {
        self.change("update runner set cleaning_requested = ? where id = ?", params![time, id]).await
    }

    /// Removes a runner.
    pub async fn delete_runner(&mut self, id: RunnerId) -> Result<()> {
        self.forget_runner(id).await?;
        self.change("delete from runner where id = ?", params![id]).await
    }
}

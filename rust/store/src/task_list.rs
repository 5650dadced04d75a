//! Lists of tasks with what they show of template, user and build: two queries, however many tasks there are.

use crate::db::{FromRow, Param, Row, params};
use crate::list::Page;
use crate::sql::and_in;
use crate::{Result, Store};
use semaphore_model::{ProjectId, Task, TaskId, TaskStatus, TaskWithTemplate, Template, TemplateId};
use std::collections::HashMap;

/// Which tasks of a project are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskFilter {
    /// Those of a template.
    pub template_id: Option<TemplateId>,
    /// Those in one of these statuses; empty for all.
    pub statuses: Vec<TaskStatus>,
}

const SELECT: &str = "select t.*, tpl.playbook as tpl_playbook, tpl.name as tpl_alias, tpl.type as tpl_type, \
     tpl.app as tpl_app, u.name as user_name from task t join project__template tpl on tpl.id = t.template_id \
     left join `user` u on u.id = t.user_id where tpl.project_id = ?";

impl FromRow for TaskWithTemplate {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            task: Task::from_row(row)?,
            tpl_playbook: row.text("tpl_playbook")?,
            tpl_alias: row.text("tpl_alias")?,
            tpl_type: row.word("tpl_type")?,
            tpl_app: row.word("tpl_app")?,
            user_name: row.optional_text("user_name")?,
            build_task: None,
        })
    }
}

impl Store {
    /// Tasks of the project, newest first.
    pub async fn list_tasks(
        &self,
        project_id: ProjectId,
        filter: &TaskFilter,
        page: Page,
    ) -> Result<Vec<TaskWithTemplate>> {
        let mut text = SELECT.to_owned();
        let mut values = params![project_id];
        if let Some(id) = filter.template_id {
            text.push_str(" and t.template_id = ?");
            values.push(id.into());
        }
        if !filter.statuses.is_empty() {
            text.push_str(&and_in("t.status", filter.statuses.len()));
            values.extend(filter.statuses.iter().map(|status| Param::from(status.as_str())));
        }
        let tasks = self.fetch(format!("{text} order by t.id desc{}", page.clause()?), values).await?;
        self.with_builds(project_id, tasks).await
    }

    /// The tasks of these templates of the project with these ids, by id; tasks of other templates are left out.
    pub(crate) async fn list_tasks_of_templates(
        &self,
        project_id: ProjectId,
        templates: &HashMap<TemplateId, &Template>,
        ids: &[TaskId],
    ) -> Result<HashMap<TaskId, TaskWithTemplate>> {
        let mut tasks = Vec::with_capacity(ids.len());
        for ids in ids.chunks(self.db().dialect().parameter_limit() / 2) {
            let condition = and_in("t.id", ids.len());
            // Without the templates: SQLite would begin with them and try every id for each.
            let text = format!(
                "select t.*, u.name as user_name from task t left join `user` u on u.id = t.user_id where {}",
                condition.trim_start_matches(" and ")
            );
            let values = ids.iter().copied().map(Param::from).collect();
            for row in self.db().fetch_all(text, values).await? {
                let task = Task::from_row(&row)?;
                if let Some(template) = templates.get(&task.template_id) {
                    tasks.push(TaskWithTemplate {
                        task,
                        tpl_playbook: template.playbook.clone(),
                        tpl_alias: template.name.clone(),
                        tpl_type: template.r#type.clone(),
                        tpl_app: template.app.clone(),
                        user_name: row.optional_text("user_name")?,
                        build_task: None,
                    });
                }
            }
        }
        let tasks = self.with_builds(project_id, tasks).await?;
        Ok(tasks.into_iter().map(|task| (task.task.id, task)).collect())
    }

    /// Tasks of all projects that have not ended, oldest first. Rows that cannot be read are logged and left out, so that
    /// one of them does not keep a server from starting.
    pub async fn list_unfinished_tasks(&self) -> Result<Vec<Task>> {
        let text = "select * from task where status not in ('success', 'error', 'stopped') order by id";
        let mut tasks = Vec::new();
        for row in self.db().fetch_all(text, Vec::new()).await? {
            match Task::from_row(&row) {
                Ok(task) => tasks.push(task),
                Err(error) => {
                    let task_id = row.long("id")?;
                    tracing::error!(task_id, %error, "an unfinished task cannot be read and is left out");
                }
            }
        }
        Ok(tasks)
    }

    async fn with_builds(
        &self,
        project_id: ProjectId,
        mut tasks: Vec<TaskWithTemplate>,
    ) -> Result<Vec<TaskWithTemplate>> {
        let mut ids: Vec<TaskId> = tasks.iter().filter_map(|task| task.task.build_task_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut builds: HashMap<TaskId, Task> = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(self.db().dialect().parameter_limit() / 2) {
            let text = format!(
                "select t.* from task t join project__template tpl on tpl.id = t.template_id where tpl.project_id = ?{}",
                and_in("t.id", ids.len())
            );
            let mut values = params![project_id];
            values.extend(ids.iter().copied().map(Param::from));
            builds.extend(self.fetch::<Task>(text, values).await?.into_iter().map(|build| (build.id, build)));
        }
        for task in &mut tasks {
            task.build_task = task.task.build_task_id.and_then(|id| builds.get(&id)).cloned().map(Box::new);
        }
        Ok(tasks)
    }
}

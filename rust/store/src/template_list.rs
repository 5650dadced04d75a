//! Lists of templates with their newest tasks: three queries, however many templates there are.

use crate::db::{Param, params};
use crate::list::ListOptions;
use crate::sql::Dialect;
use crate::{Result, Store};
use semaphore_model::{
    Permissions, ProjectId, TaskId, Template, TemplateApp, TemplateId, TemplateWithPermissions, UserId, ViewId,
    ViewType,
};

/// Which templates of a project are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateFilter {
    /// Those of a view; the view's own sorting counts unless the caller sorts. A view of all templates keeps all.
    pub view_id: Option<ViewId>,
    /// Those that deploy the builds of a template.
    pub build_template_id: Option<TemplateId>,
    /// With `build_template_id`: only those a finished build starts.
    pub autorun_only: bool,
    /// Those of one program.
    pub app: Option<TemplateApp>,
}

/// The expression of a template's newest task, and the join it needs. Its index on the templates of tasks lets SQLite find each
/// at once; the servers plan better what is one walk over the tasks.
const fn newest_tasks(dialect: Dialect) -> (&'static str, &'static str) {
    match dialect {
        Dialect::Sqlite => ("(select max(t.id) from task t where t.template_id = pt.id)", ""),
        Dialect::Postgres | Dialect::MySql => (
            "newest.task_id",
            " left join (select template_id, max(id) as task_id from task where template_id in \
             (select id from project__template where project_id = ?) group by template_id) newest \
             on newest.template_id = pt.id",
        ),
    }
}

const SORTABLE: [(&str, &str); 5] = [
    ("name", "pt.name"),
    ("playbook", "pt.playbook"),
    ("inventory", "pi.name"),
    ("environment", "pe.name"),
    ("repository", "pr.name"),
];

impl Store {
    /// Templates of the project with their newest tasks and what `user_id`'s role adds on each.
    ///
    /// Reference: this list leaves out vaults, `autorun` and `suppress_success_alerts`. Sortable by name, playbook,
    /// inventory, environment and repository.
    pub async fn list_templates(
        &self,
        project_id: ProjectId,
        user_id: UserId,
        filter: &TemplateFilter,
        options: &ListOptions,
    ) -> Result<Vec<TemplateWithPermissions>> {
        let mut options = options.clone();
        let mut condition = String::new();
        let mut values: Vec<Param> = params![user_id, project_id];
        if let Some(app) = &filter.app {
            condition.push_str(" and pt.app = ?");
            values.push(app.as_str().into());
        }
        if let Some(id) = filter.view_id {
            let view = self.get_view(project_id, id).await?;
            if view.r#type == ViewType::Custom {
                condition.push_str(" and pt.view_id = ?");
                values.push(id.into());
            }
            if options.sort.as_deref().is_none_or(str::is_empty) {
                // The sort column of a view was not checked when it was stored.
                options.sort = view.sort_column.filter(|column| SORTABLE.iter().any(|(name, _)| name == column));
                if options.sort.is_some() {
                    options.descending = view.sort_reverse;
                }
            }
        }
        if let Some(id) = filter.build_template_id {
            condition.push_str(" and pt.build_template_id = ?");
            values.push(id.into());
            if filter.autorun_only {
                condition.push_str(" and pt.autorun");
            }
        }
        // Reference: without a column the list always goes upwards.
        if options.sort.as_deref().is_none_or(str::is_empty) {
            options.descending = false;
        }
        let order = options.order(&SORTABLE, "pt.name")?;
        let (newest, joined) = newest_tasks(self.db().dialect());
        if !joined.is_empty() {
            values.insert(1, project_id.into());
        }
        let text = format!(
            "select pt.*, ptr.permissions as role_permissions, {newest} as last_task_id from project__template pt \
             left join project__user pu on pu.project_id = pt.project_id and pu.user_id = ? \
             left join project__template_role ptr on ptr.template_id = pt.id and ptr.role_slug = pu.role \
             left join project__inventory pi on pi.id = pt.inventory_id \
             left join project__environment pe on pe.id = pt.environment_id \
             left join project__repository pr on pr.id = pt.repository_id{joined} where pt.project_id = ?{condition}{order}"
        );
        let mut templates = Vec::new();
        let mut last_tasks: Vec<Option<TaskId>> = Vec::new();
        for row in self.db().fetch_all(text, values).await? {
            let mut template = <Template as crate::db::FromRow>::from_row(&row)?;
            template.autorun = false;
            template.suppress_success_alerts = false;
            let permissions = row.optional_long("role_permissions")?.map(Permissions);
            templates.push(TemplateWithPermissions { template, permissions });
            last_tasks.push(row.optional_id("last_task_id")?);
        }
        let ids: Vec<TaskId> = last_tasks.iter().flatten().copied().collect();
        let known = templates.iter().map(|listed| (listed.template.id, &listed.template)).collect();
        let mut tasks = self.list_tasks_of_templates(project_id, &known, &ids).await?;
        for (template, id) in templates.iter_mut().zip(last_tasks) {
            template.template.last_task = id.and_then(|id| tasks.remove(&id)).map(Box::new);
        }
        Ok(templates)
    }

    /// Templates a finished build of `build_template_id` starts, in full but without tasks.
    pub async fn list_autorun_templates(
        &self,
        project_id: ProjectId,
        build_template_id: TemplateId,
    ) -> Result<Vec<Template>> {
        let text = "select * from project__template where project_id = ? and build_template_id = ? and autorun \
             order by name";
        self.fetch(text, params![project_id, build_template_id]).await
    }
}

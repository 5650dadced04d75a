//! Schedules.

use crate::db::{FromRow, Row, Transaction, params, writes};
use crate::task_params::ParamsOwner;
use crate::{Result, Store};
use semaphore_model::{ProjectId, Schedule, ScheduleId, ScheduleWithTemplate, TaskParamsId, TemplateId};

/// A row, and which parameters it refers to.
struct Stored {
    schedule: Schedule,
    params: Option<TaskParamsId>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        let schedule = Schedule {
            id: row.id("id")?,
            project_id: row.id("project_id")?,
            template_id: row.id("template_id")?,
            cron_format: row.text("cron_format")?,
            name: row.text("name")?,
            active: row.boolean("active")?,
            r#type: row.word("type")?,
            delete_after_run: row.boolean("delete_after_run")?,
            last_commit_hash: row.optional_text("last_commit_hash")?,
            repository_id: row.optional_id("repository_id")?,
            run_at: row.optional_time("run_at")?,
            task_params: None,
        };
        Ok(Self { schedule, params: row.optional_id("task_params_id")? })
    }
}

impl Store {
    /// The schedule of the project, with the parameters of its tasks.
    pub async fn get_schedule(&self, project_id: ProjectId, id: ScheduleId) -> Result<Schedule> {
        let text = "select * from project__schedule where project_id = ? and id = ?";
        let Stored { mut schedule, params } = self.fetch_one(text, params![project_id, id]).await?;
        schedule.task_params = self.get_task_params(project_id, params).await?;
        Ok(schedule)
    }

    /// Schedules of the project with the names of their templates, by id. Those that wait for a commit are left out.
    ///
    /// Reference: the order is left to the database, and the parameters are not in the list.
    pub async fn list_schedules(&self, project_id: ProjectId) -> Result<Vec<ScheduleWithTemplate>> {
        let text = "select s.*, t.name as tpl_name from project__schedule s \
             join project__template t on t.id = s.template_id \
             where s.repository_id is null and s.project_id = ? order by s.id";
        let rows = self.db().fetch_all(text, params![project_id]).await?;
        rows.iter()
            .map(|row| {
                let schedule = Stored::from_row(row)?.schedule;
                Ok(ScheduleWithTemplate { schedule, tpl_name: row.text("tpl_name")? })
            })
            .collect()
    }

    /// Schedules of a template that wait for a commit, by id; without parameters, as in the reference.
    pub async fn list_commit_schedules(&self, project_id: ProjectId, id: TemplateId) -> Result<Vec<Schedule>> {
        let text = "select * from project__schedule where project_id = ? and template_id = ? \
             and repository_id is not null order by id";
        let found: Vec<Stored> = self.fetch(text, params![project_id, id]).await?;
        Ok(found.into_iter().map(|stored| stored.schedule).collect())
    }

    /// Schedules of all projects that have a time, by id; without parameters, which are read when they run.
    pub async fn list_all_schedules(&self) -> Result<Vec<Schedule>> {
        let text = "select * from project__schedule where cron_format <> '' or run_at is not null order by id";
        let found: Vec<Stored> = self.fetch(text, Vec::new()).await?;
        Ok(found.into_iter().map(|stored| stored.schedule).collect())
    }

    /// All schedules of the project with the parameters of their tasks, by id.
    pub async fn list_schedules_with_params(&self, project_id: ProjectId) -> Result<Vec<Schedule>> {
        let text = "select * from project__schedule where project_id = ? order by id";
        let found: Vec<Stored> = self.fetch(text, params![project_id]).await?;
        let mut known = self.map_task_params(ParamsOwner::Schedule, project_id).await?;
        let with_params =
            |Stored { schedule, params }| Schedule { task_params: params.and_then(|id| known.remove(&id)), ..schedule };
        Ok(found.into_iter().map(with_params).collect())
    }
}

writes! {
    /// Adds a schedule with its parameters.
    insert_schedule(schedule: Schedule) -> Schedule;
    /// Changes a schedule of its project and its parameters; the commit it ran last is forgotten, as in the reference.
    update_schedule(schedule: &Schedule) -> ();
    /// Switches a schedule of the project on or off.
    set_schedule_active(project_id: ProjectId, id: ScheduleId, active: bool) -> ();
    /// Removes a schedule with its parameters; its tasks stay.
    delete_schedule(project_id: ProjectId, id: ScheduleId) -> ();
}

impl Transaction {
    /// Adds a schedule with its parameters.
    pub async fn insert_schedule(&mut self, mut schedule: Schedule) -> Result<Schedule> {
        let wanted = schedule.task_params.as_ref();
        let params = self.replace_task_params(schedule.project_id, None, wanted).await?;
        let text = "insert into project__schedule (project_id, template_id, cron_format, repository_id, name, active, run_at, \
             type, task_params_id, delete_after_run) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            schedule.project_id,
            schedule.template_id,
            &schedule.cron_format,
            schedule.repository_id,
            &schedule.name,
            schedule.active,
            schedule.run_at,
            schedule.r#type.as_str(),
            params,
            schedule.delete_after_run
        ];
        schedule.id = self.insert(text, values).await?;
        Ok(schedule)
    }

    /// Changes a schedule of its project and its parameters.
    pub async fn update_schedule(&mut self, schedule: &Schedule) -> Result<()> {
        let project_id = schedule.project_id;
        let current = self.current_task_params(ParamsOwner::Schedule, project_id, schedule.id.0).await?;
        let params = self.replace_task_params(project_id, current, schedule.task_params.as_ref()).await?;
        let text = "update project__schedule set cron_format = ?, repository_id = ?, template_id = ?, name = ?, active = ?, \
             run_at = ?, type = ?, last_commit_hash = null, task_params_id = ?, delete_after_run = ? \
             where project_id = ? and id = ?";
        let values = params![
            &schedule.cron_format,
            schedule.repository_id,
            schedule.template_id,
            &schedule.name,
            schedule.active,
            schedule.run_at,
            schedule.r#type.as_str(),
            params,
            schedule.delete_after_run,
            project_id,
            schedule.id
        ];
        self.change(text, values).await?;
        self.forget_fires(schedule.id).await?;
        self.delete_task_params(project_id, current.filter(|_| params.is_none())).await
    }

    /// Switches a schedule of the project on or off.
    pub async fn set_schedule_active(&mut self, project_id: ProjectId, id: ScheduleId, active: bool) -> Result<()> {
        let text = "update project__schedule set active = ? where project_id = ? and id = ?";
        self.change(text, params![active, project_id, id]).await?;
        // A single time that is over stays known: another server may be about to fire it. What passes while a schedule is off
        // is forgotten when it is switched on.
        if active { self.forget_fires(id).await } else { Ok(()) }
    }

    /// Removes a schedule with its parameters.
    pub async fn delete_schedule(&mut self, project_id: ProjectId, id: ScheduleId) -> Result<()> {
        let current = self.current_task_params(ParamsOwner::Schedule, project_id, id.0).await?;
        self.change("delete from project__schedule where project_id = ? and id = ?", params![project_id, id]).await?;
        self.delete_task_params(project_id, current).await
    }
}

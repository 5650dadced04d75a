//! Schedules: when a template runs by itself.
//!
//! Not for firing: that is [`scheduler`], which is told of every change made here. Invariants: template, repository and
//! inventory belong to the schedule's project; a stored expression can be read.

mod policy;
mod scheduler;

use chrono::Utc;
use semaphore_model::{
    EventObject, Inventory, ProjectId, Repository, Schedule, ScheduleId, ScheduleType, ScheduleWithTemplate, Template,
    UserId,
};
use semaphore_store::Transaction;
use semaphore_task::Cron;

pub use self::scheduler::{Scheduler, ZoneError};
use crate::{
    error::{Error, Result},
    event::event,
    owned::Owned,
    services::Services,
};

impl Services {
    /// Schedules of a project with the names of their templates. Reference: those that wait for a commit are left out.
    pub async fn schedules(&self, project: ProjectId) -> Result<Vec<ScheduleWithTemplate>> {
        Ok(self.store.list_schedules(project).await?)
    }

    /// Schedules of a template. Reference: only those that wait for a commit.
    pub async fn template_schedules(&self, template: &Owned<Template>) -> Result<Vec<Schedule>> {
        Ok(self.store.list_commit_schedules(template.project_id, template.id).await?)
    }

    /// Whether an expression of cron can be read; 400 with the reason.
    pub fn check_cron(&self, expression: &str) -> Result<()> {
        Cron::parse(expression).map(drop).map_err(|error| Error::invalid(format!("Cron: {error}")))
    }

    /// Adds a schedule. Reference: the project of the body does not count.
    pub async fn create_schedule(&self, user: UserId, project: ProjectId, body: Schedule) -> Result<Schedule> {
        let body = Schedule { id: ScheduleId::default(), project_id: project, last_commit_hash: None, ..body };
        let schedule = self.checked_schedule(body).await?;
        let mut transaction = self.store.begin().await?;
        let schedule = transaction.insert_schedule(schedule).await?;
        told(&mut transaction, user, &schedule, "created").await?;
        transaction.commit().await?;
        self.schedules_changed.notify_one();
        Ok(schedule)
    }

    /// Changes a schedule; the commit it ran last is forgotten.
    pub async fn update_schedule(&self, user: UserId, old: &Owned<Schedule>, schedule: Schedule) -> Result<()> {
        if schedule.id != old.id {
            return Err(Error::invalid("schedule id in URL and in body must be the same"));
        }
        if schedule.project_id != old.project_id {
            return Err(Error::invalid("You can not move schedule to other project"));
        }
        let schedule = self.checked_schedule(schedule).await?;
        let mut transaction = self.store.begin().await?;
        transaction.update_schedule(&schedule).await?;
        told(&mut transaction, user, &schedule, "updated").await?;
        transaction.commit().await?;
        self.schedules_changed.notify_one();
        Ok(())
    }

    /// Switches a schedule on or off.
    pub async fn set_schedule_active(&self, user: UserId, schedule: &Owned<Schedule>, active: bool) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        transaction.set_schedule_active(schedule.project_id, schedule.id, active).await?;
        told(&mut transaction, user, schedule, "updated").await?;
        transaction.commit().await?;
        self.schedules_changed.notify_one();
        Ok(())
    }

    /// Removes a schedule; its tasks stay.
    pub async fn delete_schedule(&self, user: UserId, schedule: &Owned<Schedule>) -> Result<()> {
        let mut transaction = self.store.begin().await?;
        transaction.delete_schedule(schedule.project_id, schedule.id).await?;
        told(&mut transaction, user, schedule, "deleted").await?;
        transaction.commit().await?;
        self.schedules_changed.notify_one();
        Ok(())
    }

    /// Checks what a schedule says, in the reference's order; what does not belong to its type is dropped.
    async fn checked_schedule(&self, mut schedule: Schedule) -> Result<Schedule> {
        match schedule.r#type {
            ScheduleType::RunAt => {
                let Some(time) = schedule.run_at else {
                    return Err(Error::invalid("run_at must be provided for run_at schedules"));
                };
                if time < Utc::now() {
                    return Err(Error::invalid("run_at must be in the future"));
                }
                schedule.cron_format = String::new();
            }
            ScheduleType::Cron => {
                schedule.run_at = None;
                self.check_cron(&schedule.cron_format)?;
            }
            ScheduleType::Other(_) => return Err(Error::invalid("invalid schedule type")),
        }
        let project = schedule.project_id;
        self.check_reference::<Template>(project, Some(schedule.template_id)).await?;
        self.check_reference::<Repository>(project, schedule.repository_id).await?;
        let inventory = schedule.task_params.as_ref().and_then(|params| params.inventory_id);
        self.check_reference::<Inventory>(project, inventory).await?;
        Ok(schedule)
    }
}

async fn told(transaction: &mut Transaction, user: UserId, schedule: &Schedule, what: &str) -> Result<()> {
    let description = format!("Schedule ID {} {what}", schedule.id);
    let event = event(user, schedule.project_id, EventObject::Schedule, schedule.id, description);
    transaction.insert_event(event).await?;
    Ok(())
}

//! Tasks that remote runners have: giving them, and what the runners are told.
//!
//! Any server answers a runner, from the database. Not for the choice of the runner (`placement.rs`), what it reports
//! (`runner_report.rs`), watching over it (`runner_watch.rs`), nor for the protocol around tasks (`runner_protocol`).

use chrono::{TimeDelta, Utc};
use semaphore_model::{
    Runner, RunnerId, TaskStatus, error_chain,
    json::decode,
    remote::{JobData, JobProgress, JobState, RunnerState},
};
use semaphore_store::{RunnerStage, RunnerTask, StoreError};
use semaphore_task::{
    PortError, QueuedTask,
    specification::{Keys, specify},
};

use super::{
    TaskPorts,
    ports::{Known, port_error},
    prepare,
    submit::queued,
};
use crate::{
    Result,
    runner_webhook::{Action, Call},
};

/// How long a runner that tells of all its tasks may leave one out that it was told of. It is enough that its next poll does; but
/// a runner that was started anew by a webhook may ask beside the one before it.
const UNTAKEN: TimeDelta = TimeDelta::minutes(1);

impl TaskPorts {
    /// Everything that a runner needs for a task.
    async fn job_for_runner(&self, held: &RunnerTask) -> Result<(JobData, Keys), PortError> {
        let store = &self.services.store;
        let task = store.get_task(held.project_id, held.task_id).await.map_err(port_error)?;
        let template = store.get_plain_template(held.project_id, held.template_id).await.map_err(port_error)?;
        let username = self.username(&mut Known::default(), &task).await;
        let username = username.map_err(|error| PortError::Unavailable(Box::new(error)))?;
        self.load_remote(&queued(&task, &template, &username), held).await
    }

    async fn load_remote(&self, task: &QueuedTask, held: &RunnerTask) -> Result<(JobData, Keys), PortError> {
        let survey = self.secret(task.state.id).await?;
        let (mut job, keys) = prepare::load(&self.services, task, survey, Some(&held.alias)).await?;
        // Reference: what the field holds after the start of a task.
        job.task.secret = "{}".into();
        if let Some(extras) = &mut job.rs {
            let stored = self.services.store.task_output_number(held.task_id).await.map_err(port_error)?;
            extras.first_record = u64::try_from(stored).unwrap_or_default();
        }
        Ok((job, keys))
    }

    pub(super) async fn give_to_runner(&self, task: &QueuedTask) -> Result<(), PortError> {
        let store = &self.services.store;
        let gone = |why: &str| PortError::Refused(format!("its remote runner {why}"));
        let held = store.find_runner_of_task(task.state.id).await.map_err(port_error)?;
        let held = held.ok_or_else(|| gone("is not known any more"))?;
        // Woken by the process before this one: a webhook that starts a machine may refuse to do it twice.
        if held.stage >= RunnerStage::Ready {
            return Ok(());
        }
        // What does not fit is said now, and not by a runner that was started for it.
        let (job, keys) = self.load_remote(task, &held).await?;
        specify(&job, &keys, "")?;
        let runner = match store.get_runner(held.runner_id).await {
            Err(StoreError::NotFound) => return Err(gone("was removed")),
            found => found.map_err(port_error)?,
        };
        self.services
            .runner_webhooks
            .call(&runner, &call(Action::Start, task, runner.id))
            .await
            .map_err(PortError::Refused)?;
        let is_ready = store.ready_runner_task(task.state.id).await.map_err(port_error)?;
        if is_ready { Ok(()) } else { Err(gone("is not known any more")) }
    }

    pub(super) async fn release_runner(&self, task: &QueuedTask, runner: RunnerId) {
        // A runner that was removed is told nothing.
        let Ok(runner) = self.services.store.get_runner(runner).await else { return };
        if let Err(error) = self.services.runner_webhooks.call(&runner, &call(Action::Finish, task, runner.id)).await {
            tracing::warn!(task.id = %task.state.id, runner.id = %runner.id, error, "a remote runner does not hear of the end of its task");
        }
    }

    /// What a runner has to do. `room`: how many tasks it would begin now, if it says so; then it has just reported all that it has.
    pub(crate) async fn state_of_runner(
        &self,
        runner: &Runner,
        room: Option<u32>,
        state: &mut RunnerState,
    ) -> Result<()> {
        let store = &self.services.store;
        // Before the tasks: what their owners take meanwhile stands in the rows then.
        let newest = store.list_newest_reports(runner.id).await?;
        for held in store.list_tasks_of_runner(runner.id).await? {
            let told = |status: TaskStatus| JobState { id: held.task_id, status: status.as_str().to_owned() };
            match held.stage {
                RunnerStage::Left => state.current_jobs.push(told(TaskStatus::Stopping)),
                // It is taken from it in a moment.
                RunnerStage::Ready if !runner.active => {}
                RunnerStage::Ready | RunnerStage::Offered if held.status == TaskStatus::Starting => {
                    let is_untaken = held.stage == RunnerStage::Offered && Utc::now() - held.changed > UNTAKEN;
                    if room.is_some() && is_untaken {
                        // From here on its owner may give it to another one.
                        store.return_offered_task(held.task_id, runner.id).await?;
                    } else if room.is_none_or(|room| state.new_jobs.len() < room as usize) {
                        self.offer(&held, state).await?;
                    }
                }
                RunnerStage::Chosen | RunnerStage::Ready => {}
                // One of ours ends a task that is not mentioned.
                RunnerStage::Offered | RunnerStage::Reported => {
                    let newest = newest.iter().find(|mail| mail.task_id == held.task_id);
                    let said = newest.and_then(|mail| decode::<JobProgress>(mail.body.as_bytes()).ok());
                    let said = said.and_then(|job| job.known_status());
                    state.current_jobs.push(told(standing(held.status, said)));
                }
            }
        }
        Ok(())
    }

    async fn offer(&self, held: &RunnerTask, state: &mut RunnerState) -> Result<()> {
        let store = &self.services.store;
        match self.job_for_runner(held).await {
            Ok((job, keys)) => {
                // From here on it counts as begun: nobody knows whether the answer arrives.
                if store.offer_runner_task(held.task_id, held.runner_id).await? {
                    state.new_jobs.push(job);
                    state.access_keys.extend(keys);
                }
            }
            // It was good when it was given: a storage of secrets may be away for a moment, or this server lacks what its owner has.
            // The owner takes it back if it stays so, and looks whether it is still good before it is given again.
            Err(error) => {
                tracing::warn!(task.id = %held.task_id, error = error_chain(&error), "a remote runner is not told of its task yet");
            }
        }
        Ok(())
    }
}

/// Where a task stands for its runner. What the runner has said, and the task's owner has not taken yet, is newer than what is
/// stored, unless somebody has decided about the task: the reference's runner takes whatever it is told.
fn standing(stored: TaskStatus, said: Option<TaskStatus>) -> TaskStatus {
    match (stored, said) {
        (TaskStatus::Stopping, _)
        | (_, None)
        | (TaskStatus::Confirmed | TaskStatus::Rejected, Some(TaskStatus::WaitingConfirmation)) => stored,
        (_, Some(said)) => said,
    }
}

fn call(action: Action, task: &QueuedTask, runner_id: RunnerId) -> Call {
    let state = &task.state;
    Call { action, project_id: state.project_id, task_id: state.id, template_id: state.template_id, runner_id }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runner_is_told_what_it_said_last_unless_somebody_has_decided() {
        use TaskStatus::{Confirmed, Rejected, Running, Stopping, WaitingConfirmation};
        assert_eq!(standing(Running, None), Running);
        assert_eq!(standing(Running, Some(WaitingConfirmation)), WaitingConfirmation);
        assert_eq!(standing(Confirmed, Some(WaitingConfirmation)), Confirmed);
        assert_eq!(standing(Rejected, Some(WaitingConfirmation)), Rejected);
        assert_eq!(standing(Confirmed, Some(Running)), Running);
        assert_eq!(standing(Stopping, Some(Running)), Stopping);
    }
}

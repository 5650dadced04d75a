//! Tasks that remote runners have: giving them, watching over them, and what the runners are told and tell.
//!
//! Any server answers a runner, from the database; the task's owner alone takes its reports. Not for the choice of the runner
//! (`placement.rs`), nor for the protocol around tasks (`runner_protocol`).

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use semaphore_engine::job::JobEvent;
use semaphore_model::{
    Runner, RunnerId, TaskId, TaskStatus, error_chain,
    json::decode,
    remote::{JobData, JobProgress, JobState, Progress, RunnerState},
};
use semaphore_store::{RunnerStage, RunnerTask, StoreError, WatchedTask};
use semaphore_task::{
    NewLine, PortError, QueuedTask, Reported, RunnerLoss, RunnerReport,
    specification::{Keys, specify},
};

use super::{
    TaskPorts,
    placement::RUNNER_SILENCE,
    ports::{Known, port_error},
    prepare,
    submit::queued,
};
use crate::{
    Error, Result,
    runner_webhook::{Action, Call, runner_name},
};

/// How long a runner that was woken may take to come for its task.
const WAKING: Duration = Duration::from_mins(5);

/// How long a runner that is there may not mention a task that it has mentioned before: it tells of each one in every report.
const FORGOTTEN: Duration = Duration::from_mins(1);

/// How long a runner is told to stop a task that it does not mention. The reference's begins one task in five seconds, and does not
/// mention those that come later.
const UNMENTIONED: TimeDelta = TimeDelta::minutes(5);

/// How often it is noted that a runner mentioned a task.
const NOTED: TimeDelta = TimeDelta::seconds(10);

/// How long a report may take to be stored; after that the runner is asked to send it again.
const STORING: Duration = Duration::from_secs(30);

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
        if held.stage > RunnerStage::Ready {
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

    /// What a runner has to do.
    pub(crate) async fn state_of_runner(&self, runner: &Runner, state: &mut RunnerState) -> Result<()> {
        for held in self.services.store.list_tasks_of_runner(runner.id).await? {
            let told = |status: TaskStatus| JobState { id: held.task_id, status: status.as_str().to_owned() };
            match held.stage {
                RunnerStage::Chosen => {}
                RunnerStage::Left => state.current_jobs.push(told(TaskStatus::Stopping)),
                // It is taken from it in a moment.
                RunnerStage::Ready if !runner.active => {}
                _ if held.status == TaskStatus::Starting => self.offer(&held, state).await?,
                RunnerStage::Ready => {}
                RunnerStage::Offered | RunnerStage::Reported => state.current_jobs.push(told(held.status)),
            }
        }
        Ok(())
    }

    async fn offer(&self, held: &RunnerTask, state: &mut RunnerState) -> Result<()> {
        match self.job_for_runner(held).await {
            Ok((job, keys)) => {
                // From here on it counts as begun: nobody knows whether the answer arrives.
                if self.services.store.offer_runner_task(held.task_id, held.runner_id).await? {
                    state.new_jobs.push(job);
                    state.access_keys.extend(keys);
                }
            }
            // It was good when it was given.
            Err(PortError::Refused(reason)) => self.pool()?.lose_runner(held.task_id, RunnerLoss::Gone(reason)),
            Err(error) => {
                tracing::warn!(task.id = %held.task_id, error = error_chain(&error), "a remote runner is not told of its task yet");
            }
        }
        Ok(())
    }

    /// Takes the report of a runner; when this returns everything in it is stored.
    ///
    /// Tasks that nobody knows are passed over. 400 if one is another's; 503 if something could not be stored now: it is to be
    /// sent again. What is good in the report is taken in any case. Reference: the first 400 ends it, and an unknown status is one.
    pub async fn take_progress(&self, runner: &Runner, progress: Progress) -> Result<()> {
        let store = &self.services.store;
        let held = store.list_tasks_of_runner(runner.id).await?;
        self.note_mentioned(runner, &held, &progress).await?;
        // What came before to other servers comes first.
        if !self.take_mail().await? {
            return Err(unstored());
        }
        let mut is_unstored = false;
        let mut is_foreign = false;
        for job in progress.jobs {
            let id = job.id;
            match held.iter().find(|held| held.task_id == id) {
                None if self.pool()?.is_active(id) || store.find_task_owner(id).await?.is_some() => is_foreign = true,
                None => {}
                Some(held) if held.stage == RunnerStage::Left => {
                    // Until then it is told to stop.
                    let is_over = job.known_status().is_some_and(TaskStatus::is_finished);
                    if is_over {
                        store.forget_left_task(runner.id, id).await?;
                    }
                }
                Some(_) => is_unstored |= !self.deliver(job).await?,
            }
        }
        if is_foreign {
            return Err(Error::invalid("Task not assigned to this runner"));
        }
        if is_unstored {
            return Err(unstored());
        }
        Ok(())
    }

    /// Gives a report to the owner of the task; answers whether it is stored, or of no use any more.
    async fn deliver(&self, job: JobProgress) -> Result<bool> {
        let task = job.id;
        let body = || serde_json::to_string(&job).map_err(|error| Error::internal("writing down a report", error));
        let reported = tokio::time::timeout(STORING, self.pool()?.report(task, report(job.clone()))).await;
        let reported = reported.unwrap_or(Reported::Unknown);
        if reported == Reported::Stored {
            return Ok(true);
        }
        let (store, own) = (&self.services.store, &self.services.server_id);
        // A server that has just lost the task may have stored the report: the one that has it is not given it again.
        if reported == Reported::NotHere && store.send_runner_report(own, task, &body()?).await? {
            return Ok(true);
        }
        // A task without an owner has ended.
        Ok(store.find_task_owner(task).await?.is_none())
    }

    /// Takes the reports that came to other servers; answers whether that is all of them.
    pub(super) async fn take_mail(&self) -> Result<bool> {
        let (store, own) = (&self.services.store, &self.services.server_id);
        if store.list_runner_reports(own).await?.is_empty() {
            return Ok(true);
        }
        // One at a time: they have an order.
        let _turn = self.runner_mail.lock().await;
        for mail in store.list_runner_reports(own).await? {
            match decode::<JobProgress>(mail.body.as_bytes()) {
                Ok(job) => {
                    let reported = self.pool()?.report(mail.task_id, report(job));
                    let reported = tokio::time::timeout(STORING, reported).await.unwrap_or(Reported::Unknown);
                    if reported != Reported::Stored && store.find_task_owner(mail.task_id).await?.is_some() {
                        return Ok(false);
                    }
                }
                Err(error) => {
                    tracing::error!(task.id = %mail.task_id, %error, "a report of a remote runner cannot be read and is left out");
                }
            }
            store.delete_runner_report(mail.id).await?;
        }
        Ok(true)
    }

    async fn note_mentioned(&self, runner: &Runner, held: &[RunnerTask], progress: &Progress) -> Result<()> {
        let now = Utc::now();
        let is_mentioned = |held: &RunnerTask| progress.jobs.iter().any(|job| job.id == held.task_id);
        let is_due = |held: &&RunnerTask| {
            let is_noted = held.heard.is_some_and(|heard| now - heard < NOTED);
            held.stage < RunnerStage::Left && is_mentioned(held) && !(is_noted && held.stage == RunnerStage::Reported)
        };
        let due: Vec<_> = held.iter().filter(is_due).map(|held| held.task_id).collect();
        self.services.store.note_runner_reports(runner.id, &due, now).await?;
        // It has never heard of a task that ended, or was restarted.
        let is_over = |held: &&RunnerTask| {
            held.stage == RunnerStage::Left && !is_mentioned(held) && now - held.changed > UNMENTIONED
        };
        for held in held.iter().filter(is_over) {
            self.services.store.forget_left_task(runner.id, held.task_id).await?;
        }
        Ok(())
    }
}

fn unstored() -> Error {
    Error::unavailable("not all of the report could be stored: send it again")
}

fn call(action: Action, task: &QueuedTask, runner_id: RunnerId) -> Call {
    let state = &task.state;
    Call { action, project_id: state.project_id, task_id: state.id, template_id: state.template_id, runner_id }
}

fn report(job: JobProgress) -> RunnerReport {
    let status = job.known_status();
    let first = job.rs.as_ref().map(|extras| extras.first_record);
    let extras = job.rs.unwrap_or_default();
    let lines = job.log_records.into_iter().enumerate();
    let line = |(place, record): (usize, semaphore_model::remote::RemoteRecord)| NewLine {
        time: record.time,
        text: record.message,
        continued: u32::try_from(place).is_ok_and(|place| extras.continued.contains(&place)),
    };
    RunnerReport {
        first,
        lines: lines.map(line).collect(),
        commit: job.commit.map(|commit| (commit.hash, commit.message)),
        status,
        // What this version does not know is passed over.
        events: extras.events.into_iter().filter_map(|event| serde_json::from_value::<JobEvent>(event).ok()).collect(),
    }
}

/// What is seen of the runners of this server's tasks. Time is measured by this process alone: neither a restart nor a clock that
/// jumps makes a runner silent.
#[derive(Debug)]
pub(super) struct RunnerWatch {
    seen: HashMap<TaskId, Seen>,
    looked: Instant,
}

#[derive(Debug)]
struct Seen {
    runner: RunnerId,
    stage: RunnerStage,
    touched: Option<DateTime<Utc>>,
    heard: Option<DateTime<Utc>>,
    /// Since when stage, touched and heard are what they are.
    since: [Instant; 3],
}

impl RunnerWatch {
    pub(super) fn new() -> Self {
        Self { seen: HashMap::new(), looked: Instant::now() }
    }

    /// Looks at the tasks that runners have, and takes those from them that they will not bring to their end.
    pub(super) async fn look(&mut self, ports: &TaskPorts) -> Result<()> {
        let services = &ports.services;
        let tasks = services.store.list_watched_tasks(&services.server_id).await?;
        let now = Instant::now();
        // This process itself stood still: nothing that it missed counts.
        if now.duration_since(self.looked) > silence() {
            self.seen.clear();
        }
        self.looked = now;
        self.seen.retain(|id, _| tasks.iter().any(|watched| watched.task.task_id == *id));
        if !tasks.is_empty() {
            ports.take_mail().await?;
        }
        for watched in &tasks {
            if let Some(loss) = self.loss(watched, services.settings.runner_lost_after, now) {
                ports.pool()?.lose_runner(watched.task.task_id, loss);
            }
        }
        Ok(())
    }

    fn loss(&mut self, watched: &WatchedTask, lost_after: Option<Duration>, now: Instant) -> Option<RunnerLoss> {
        let task = &watched.task;
        let Some(runner) = &watched.runner else {
            let text = format!("remote runner #{} was removed", task.runner_id);
            return Some(match task.stage {
                RunnerStage::Chosen | RunnerStage::Ready => RunnerLoss::NeverCame(format!("the {text}")),
                _ => RunnerLoss::Gone(format!("its {text}; what it had begun may still run")),
            });
        };
        let (runner_id, stage, touched, heard) = (task.runner_id, task.stage, runner.touched, task.heard);
        let new = || Seen { runner: runner_id, stage, touched, heard, since: [now; 3] };
        let seen = self.seen.entry(task.task_id).or_insert_with(new);
        if seen.runner != runner_id {
            *seen = new();
        }
        let is_changed = [seen.stage != stage, seen.touched != touched, seen.heard != heard];
        (seen.stage, seen.touched, seen.heard) = (stage, touched, heard);
        for (since, _) in seen.since.iter_mut().zip(is_changed).filter(|(_, is_changed)| *is_changed) {
            *since = now;
        }
        let [in_stage, silent, unmentioned] = seen.since.map(|since| now.duration_since(since));
        let name = runner_name(runner);
        match stage {
            RunnerStage::Ready => {
                let patience = if runner.webhook.is_empty() { silence() } else { WAKING };
                if silent.min(in_stage) > patience {
                    return Some(RunnerLoss::NeverCame(format!("the remote runner {name} has not come for it")));
                }
                let is_off = !runner.active && in_stage > Duration::from_secs(3);
                is_off.then(|| RunnerLoss::NeverCame(format!("the remote runner {name} was switched off")))
            }
            RunnerStage::Offered | RunnerStage::Reported => {
                if let Some(patience) = lost_after.filter(|patience| silent > *patience) {
                    let seconds = patience.as_secs();
                    let text = format!(
                        "its remote runner {name} has not been heard of for {seconds} s (runner_lost_after_sec); what it had begun may still run"
                    );
                    return Some(RunnerLoss::Gone(text));
                }
                let is_unmentioned = |patience| silent < silence() && unmentioned.min(in_stage) > patience;
                if stage == RunnerStage::Reported && is_unmentioned(FORGOTTEN) {
                    let text = "does not know of it any more: it was restarted, probably";
                    return Some(RunnerLoss::Gone(format!("its remote runner {name} {text}")));
                }
                // One that has not begun is told to it again and again, until it is to stop.
                let is_stopping = task.status == TaskStatus::Stopping && is_unmentioned(silence());
                (stage == RunnerStage::Offered && is_stopping).then_some(RunnerLoss::Unstarted)
            }
            RunnerStage::Chosen | RunnerStage::Left => None,
        }
    }
}

fn silence() -> Duration {
    RUNNER_SILENCE.to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use semaphore_model::{ProjectId, TemplateId};

    use super::*;

    const LOST_AFTER: Duration = Duration::from_mins(10);

    /// What is seen of one task, as time goes by.
    struct Scene {
        watch: RunnerWatch,
        watched: WatchedTask,
        begin: Instant,
        seconds: u64,
    }

    impl Scene {
        fn new(stage: RunnerStage, status: TaskStatus) -> Self {
            let task = RunnerTask {
                task_id: TaskId(1),
                project_id: ProjectId(1),
                template_id: TemplateId(1),
                status,
                runner_id: RunnerId(7),
                alias: String::new(),
                stage,
                changed: Utc::now(),
                heard: None,
                owner: None,
            };
            let runner = Runner { id: RunnerId(7), active: true, ..Runner::default() };
            let watched = WatchedTask { task, runner: Some(runner) };
            Self { watch: RunnerWatch::new(), watched, begin: Instant::now(), seconds: 0 }
        }

        /// Looks each second for so long; the first loss, and after how many seconds.
        fn look(&mut self, seconds: u64, is_there: bool, is_mentioned: bool) -> Option<(u64, RunnerLoss)> {
            (0..seconds).find_map(|_| {
                self.seconds += 1;
                let time = DateTime::from_timestamp(i64::try_from(self.seconds).unwrap_or_default(), 0);
                if let Some(runner) = self.watched.runner.as_mut().filter(|_| is_there) {
                    runner.touched = time;
                }
                if is_mentioned {
                    self.watched.task.heard = time;
                }
                let now = self.begin + Duration::from_secs(self.seconds);
                Some((self.seconds, self.watch.loss(&self.watched, Some(LOST_AFTER), now)?))
            })
        }
    }

    #[test]
    fn a_task_that_is_not_fetched_goes_to_another_runner() {
        let loss = Scene::new(RunnerStage::Ready, TaskStatus::Starting).look(60, false, false);
        assert!(matches!(loss, Some((32, RunnerLoss::NeverCame(_)))), "{loss:?}");
        let mut sleeper = Scene::new(RunnerStage::Ready, TaskStatus::Starting);
        sleeper.watched.runner =
            sleeper.watched.runner.map(|runner| Runner { webhook: "https://wake".into(), ..runner });
        assert_eq!(sleeper.look(290, false, false), None, "it may take a while to be started");
        assert!(matches!(sleeper.look(20, false, false), Some((_, RunnerLoss::NeverCame(_)))));
        let mut off = Scene::new(RunnerStage::Ready, TaskStatus::Starting);
        off.watched.runner = off.watched.runner.map(|runner| Runner { active: false, ..runner });
        assert!(matches!(off.look(10, true, false), Some((5, RunnerLoss::NeverCame(_)))));
        let mut removed = Scene::new(RunnerStage::Ready, TaskStatus::Starting);
        removed.watched.runner = None;
        assert!(matches!(removed.look(1, false, false), Some((1, RunnerLoss::NeverCame(_)))));
    }

    #[test]
    fn a_task_that_runs_is_given_up_when_its_runner_is_gone_and_not_before() {
        let mut scene = Scene::new(RunnerStage::Reported, TaskStatus::Running);
        assert_eq!(scene.look(3_000, true, true), None, "it runs for long");
        assert_eq!(scene.look(600, false, false), None, "it may come back");
        assert!(matches!(scene.look(5, false, false), Some((_, RunnerLoss::Gone(_)))));
        // It was restarted without its tasks.
        let mut scene = Scene::new(RunnerStage::Reported, TaskStatus::Running);
        assert_eq!(scene.look(100, true, true), None);
        let loss = scene.look(100, true, false);
        assert!(matches!(loss, Some((161, RunnerLoss::Gone(_)))), "{loss:?}");
        let mut scene = Scene::new(RunnerStage::Reported, TaskStatus::Running);
        scene.watched.runner = None;
        assert!(matches!(scene.look(1, false, false), Some((1, RunnerLoss::Gone(_)))));
    }

    #[test]
    fn a_task_that_a_runner_was_told_of_may_wait_there_until_it_is_to_stop() {
        let mut scene = Scene::new(RunnerStage::Offered, TaskStatus::Starting);
        assert_eq!(scene.look(3_000, true, false), None);
        scene.watched.task.status = TaskStatus::Stopping;
        assert!(matches!(scene.look(1, true, false), Some((_, RunnerLoss::Unstarted))));
        let mut scene = Scene::new(RunnerStage::Offered, TaskStatus::Stopping);
        assert_eq!(scene.look(30, true, false), None, "it may be about to begin");
    }
}

//! Watching over the tasks that remote runners have: those that a runner will not bring to their end are taken from it.
//!
//! Not for what becomes of such a task (`semaphore_task`), nor for reports (`runner_report.rs`).

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use semaphore_model::{RunnerId, TaskId, TaskStatus};
use semaphore_store::{RunnerStage, WatchedTask};
use semaphore_task::RunnerLoss;

use super::{TaskPorts, placement::RUNNER_SILENCE};
use crate::{Result, runner_webhook::runner_name};

/// How long a runner that was woken may take to come for its task.
const WAKING: Duration = Duration::from_mins(5);

/// How long what has just been asked of the owner of a task may take.
const SETTLED: Duration = Duration::from_secs(3);

/// How long a runner that is there may not mention a task that it has mentioned before: it tells of each one in every report.
const FORGOTTEN: Duration = Duration::from_mins(1);

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
        let is_settled = in_stage > SETTLED;
        match stage {
            RunnerStage::Chosen | RunnerStage::Ready if task.status == TaskStatus::Stopping && is_settled => {
                Some(RunnerLoss::NeverCame(format!("the remote runner {name} was not told of it")))
            }
            RunnerStage::Ready => {
                let patience = if runner.webhook.is_empty() { silence() } else { WAKING };
                if silent.min(in_stage) > patience {
                    return Some(RunnerLoss::NeverCame(format!("the remote runner {name} has not come for it")));
                }
                if in_stage > WAKING {
                    let text = "cannot be told of it; the log of the server says why";
                    return Some(RunnerLoss::NeverCame(format!("the remote runner {name} {text}")));
                }
                if !runner.active && is_settled {
                    return Some(RunnerLoss::NeverCame(format!("the remote runner {name} was switched off")));
                }
                // One with a webhook may be started anew for it.
                let is_closed = watched.room == Some(0) && runner.webhook.is_empty() && silent < silence();
                let text = "takes no more tasks now";
                (is_closed && is_settled).then(|| RunnerLoss::NeverCame(format!("the remote runner {name} {text}")))
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
    use semaphore_model::{ProjectId, Runner, TemplateId};
    use semaphore_store::RunnerTask;

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
                commit_hash: None,
                alias: String::new(),
                stage,
                changed: Utc::now(),
                heard: None,
                owner: None,
            };
            let runner = Runner { id: RunnerId(7), active: true, ..Runner::default() };
            let watched = WatchedTask { task, runner: Some(runner), room: None };
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
        let mut closed = Scene::new(RunnerStage::Ready, TaskStatus::Starting);
        closed.watched.room = Some(0);
        assert!(matches!(closed.look(10, true, false), Some((5, RunnerLoss::NeverCame(_)))));
        let mut woken = Scene::new(RunnerStage::Ready, TaskStatus::Starting);
        woken.watched.room = Some(0);
        woken.watched.runner = woken.watched.runner.map(|runner| Runner { webhook: "https://wake".into(), ..runner });
        assert_eq!(woken.look(290, true, false), None, "its next process may take it");
        let mut removed = Scene::new(RunnerStage::Ready, TaskStatus::Starting);
        removed.watched.runner = None;
        assert!(matches!(removed.look(1, false, false), Some((1, RunnerLoss::NeverCame(_)))));
    }

    #[test]
    fn a_task_that_cannot_be_told_or_is_to_stop_is_not_kept_for_a_runner_that_comes() {
        let mut scene = Scene::new(RunnerStage::Ready, TaskStatus::Starting);
        assert_eq!(scene.look(300, true, false), None, "what is missing may come back");
        assert!(matches!(scene.look(5, true, false), Some((_, RunnerLoss::NeverCame(_)))));
        for stage in [RunnerStage::Chosen, RunnerStage::Ready] {
            let loss = Scene::new(stage, TaskStatus::Stopping).look(10, true, false);
            assert!(matches!(loss, Some((5, RunnerLoss::NeverCame(_)))), "{loss:?}");
        }
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

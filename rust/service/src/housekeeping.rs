//! What is removed or compressed in the background: tasks beyond `max_tasks_per_template`, those that a retention rule lets
//! go, the output of old tasks, what became of old alerts, and the log of what came to integrations long ago.
//!
//! Not for the rules themselves (`retention.rs`), nor for how it is done in small transactions (store). Invariants: nothing here
//! is on the path of a request or a running task; an error of one task does not keep the others from their turn; the next
//! round does what this one could not.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use semaphore_model::{TaskId, TemplateId};
use semaphore_store::{Archived, ScopedRule, StoreError};
use tokio::{sync::Notify, time::Instant};

use crate::services::Services;

/// Pause between two rounds over all rules.
const ROUND: Duration = Duration::from_hours(1);

/// The same after a round in which the output of a task could not be archived; doubled with each further one in which no other's
/// was archived, either.
const SHORT_ROUND: Duration = Duration::from_secs(10);

/// How long it is kept what became of the alerts of a task, counted from its end; longer than they are tried.
const ALERTS_KEPT: TimeDelta = TimeDelta::days(14);

/// Tasks that are looked up at a time.
const TASKS_AT_ONCE: usize = 100;

/// What is to be done before the next round.
#[derive(Debug, Default)]
pub(crate) struct Housekeeping {
    /// Templates that got a task, and whether a rule was changed.
    due: Mutex<(BTreeSet<TemplateId>, bool)>,
    news: Notify,
}

impl Housekeeping {
    /// A template has a task more.
    pub(crate) fn task_added(&self, template: TemplateId) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).0.insert(template);
        self.news.notify_one();
    }

    /// A rule is new.
    pub(crate) fn rule_changed(&self) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.news.notify_one();
    }

    fn take(&self) -> (BTreeSet<TemplateId>, bool) {
        std::mem::take(&mut *self.due.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What became of the old output in one round.
#[derive(Clone, Copy, Debug, Default)]
struct Archiving {
    has_archived: bool,
    has_failed: bool,
}

impl Archiving {
    /// The pause after the round; `short_round` is the one after the next round that fails.
    fn pause(self, short_round: &mut Duration) -> Duration {
        if self.has_archived || !self.has_failed {
            *short_round = SHORT_ROUND;
        }
        if !self.has_failed {
            return ROUND;
        }
        let pause = *short_round;
        if !self.has_archived {
            *short_round = ROUND.min(pause * 2);
        }
        pause
    }
}

impl Services {
    /// Keeps house for as long as it is polled: a round at once, then one each hour, and in between what is due.
    pub async fn keep_house(&self) {
        let mut next_round = Instant::now();
        let mut short_round = SHORT_ROUND;
        loop {
            tokio::select! {
                () = self.housekeeping.news.notified() => {
                    let (templates, rule_changed) = self.housekeeping.take();
                    for template in templates {
                        self.keep_task_limit(template).await;
                    }
                    if rule_changed {
                        self.keep_retention_rules().await;
                    }
                }
                () = tokio::time::sleep_until(next_round) => {
                    self.keep_retention_rules().await;
                    let archiving = self.archive_old_output().await;
                    self.remove_old_alerts().await;
                    self.remove_old_deliveries().await;
                    next_round = Instant::now() + archiving.pause(&mut short_round);
                }
            }
        }
    }

    /// Reference: `max_tasks_per_template` is looked at when a task is added.
    async fn keep_task_limit(&self, template: TemplateId) {
        let kept = u32::try_from(self.settings.max_tasks_per_template).unwrap_or(u32::MAX);
        if kept == 0 {
            return;
        }
        match self.store.list_tasks_beyond_limit(template, kept, usize::MAX >> 1).await {
            Ok(tasks) => {
                self.remove_tasks(&tasks).await;
            }
            Err(error) => tracing::warn!(template.id = %template, %error, "old tasks of a template cannot be found"),
        }
    }

    async fn keep_retention_rules(&self) {
        let rules = match self.store.list_retention_rules(None).await {
            Ok(rules) => rules,
            Err(error) => {
                tracing::warn!(%error, "the retention rules cannot be read");
                return;
            }
        };
        for rule in rules {
            self.keep_rule(&rule).await;
        }
    }

    async fn keep_rule(&self, rule: &ScopedRule) {
        loop {
            let tasks = match self.store.list_tasks_beyond(rule, Utc::now(), TASKS_AT_ONCE).await {
                Ok(tasks) => tasks,
                Err(error) => {
                    tracing::warn!(project.id = %rule.project_id, %error, "tasks that a retention rule lets go cannot be found");
                    return;
                }
            };
            // What cannot be removed now is tried again in the next round, not for ever in this one.
            if self.remove_tasks(&tasks).await < TASKS_AT_ONCE {
                return;
            }
        }
    }

    /// Answers how many were removed.
    async fn remove_tasks(&self, tasks: &[TaskId]) -> usize {
        let mut removed = 0;
        for task in tasks {
            match self.store.remove_finished_task(*task).await {
                Ok(true) => removed += 1,
                Ok(false) => {}
                Err(error) => tracing::warn!(task.id = %task, %error, "an old task cannot be removed yet"),
            }
        }
        if removed > 0 {
            tracing::info!(tasks = removed, "old tasks removed");
        }
        removed
    }

    /// Goes through all tasks with old output once; those that fail do not keep the others from their turn.
    async fn archive_old_output(&self) -> Archiving {
        let days = self.settings.task_output_archive_days;
        let mut archiving = Archiving::default();
        if days == 0 {
            return archiving;
        }
        let Some(before) = Utc::now().checked_sub_signed(TimeDelta::days(days.into())) else { return archiving };
        let mut after = TaskId::default();
        loop {
            let tasks = match self.store.list_tasks_to_archive(before, after, TASKS_AT_ONCE as u32).await {
                Ok(tasks) => tasks,
                Err(error) => {
                    tracing::warn!(%error, "tasks with old output cannot be found");
                    archiving.has_failed = true;
                    return archiving;
                }
            };
            for task in &tasks {
                after = *task;
                match self.store.archive_task_output(*task).await {
                    Ok(Archived::Yes { lines }) => {
                        tracing::debug!(task.id = %task, lines, "output archived");
                        archiving.has_archived = true;
                    }
                    Ok(Archived::No) => {}
                    Err(error) => {
                        tracing::warn!(task.id = %task, %error, "the output of a task is not archived yet");
                        archiving.has_failed = true;
                    }
                }
            }
            if tasks.len() < TASKS_AT_ONCE {
                return archiving;
            }
        }
    }

    async fn remove_old_alerts(&self) {
        match self.store.remove_old_alerts(Utc::now() - ALERTS_KEPT).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(alerts = removed, "old alerts removed"),
            Err(error) => tracing::warn!(%error, "old alerts cannot be removed yet"),
        }
    }

    async fn remove_old_deliveries(&self) {
        let kept = TimeDelta::days(self.settings.delivery_log_days.into());
        let Some(before) = Utc::now().checked_sub_signed(kept) else { return };
        match self.store.remove_old_deliveries(before).await {
            Ok(0) => {}
            Ok(removed) => tracing::info!(deliveries = removed, "old deliveries of integrations removed"),
            Err(error) => tracing::warn!(%error, "old deliveries of integrations cannot be removed yet"),
        }
    }

    /// Brings the output of all archived tasks, or of one, back into rows; answers tasks and lines. `done` is told each task.
    ///
    /// Errors: not found for a task without an archive. What was restored before an error stays.
    pub async fn unarchive_output(
        &self,
        only: Option<TaskId>,
        mut done: impl FnMut(TaskId, i64),
    ) -> Result<usize, StoreError> {
        let tasks = self.store.list_archived_tasks().await?;
        let wanted: Vec<TaskId> = tasks.into_iter().filter(|task| only.is_none_or(|only| only == *task)).collect();
        if only.is_some() && wanted.is_empty() {
            return Err(StoreError::NotFound);
        }
        for task in &wanted {
            if let Some(lines) = self.store.unarchive_task_output(*task).await? {
                done(*task, lines);
            }
        }
        Ok(wanted.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_only_while_nothing_is_archived() {
        let fails = Archiving { has_archived: false, has_failed: true };
        let goes_on = Archiving { has_archived: true, has_failed: true };
        let mut short_round = SHORT_ROUND;
        let pauses = [fails, fails, fails, goes_on, goes_on, fails, fails, Archiving::default(), fails]
            .map(|round| round.pause(&mut short_round));
        let expected = [1_u32, 2, 4, 1, 1, 1, 2].map(|times| SHORT_ROUND * times);
        assert_eq!(pauses[..7], expected);
        assert_eq!(pauses[7..], [ROUND, SHORT_ROUND]);
        for _ in 0..20 {
            fails.pause(&mut short_round);
        }
        assert_eq!(short_round, ROUND);
    }
}

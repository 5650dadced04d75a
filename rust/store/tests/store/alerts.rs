//! Alerts that are to be sent: made with their status, claimed by one server, never sent twice; rules of templates.

use crate::fixture::{Database, stories};
use crate::story::Project;
use chrono::{TimeDelta, Utc};
use semaphore_model::{AlertChannel, AlertOccasion, AlertRule, Task, TaskStatus};
use semaphore_store::{AlertEnd, ClaimedAlert, NewAlert, NextAlert, Store, TaskStep};

stories! { an_alert_is_made_with_its_status_and_sent_by_one, rules_and_receivers_are_those_of_the_template }

async fn task(store: &Store, project: &Project) -> Task {
    let task = Task { project_id: project.id, template_id: project.template.id, ..Task::default() };
    store.insert_task(task).await.unwrap()
}

fn step<'a>(task: &Task, status: TaskStatus, alerts: &'a [NewAlert]) -> TaskStep<'a> {
    TaskStep {
        project_id: task.project_id,
        task_id: task.id,
        user_id: None,
        lines: &[],
        first_line: None,
        status: Some((status, None, status.is_finished().then(|| Utc::now() - TimeDelta::days(30)))),
        commit: None,
        event: None,
        stages: &[],
        problem: None,
        alerts,
        host: None,
        is_left_to_runner: false,
        owner: None,
    }
}

async fn claim(store: &Store, channel: AlertChannel, owner: &str) -> Option<ClaimedAlert> {
    let now = Utc::now();
    match store.claim_alert(channel, owner, now, now + TimeDelta::minutes(3)).await.unwrap() {
        NextAlert::Send(alert) => Some(alert),
        NextAlert::At(_) | NextAlert::Nothing => None,
    }
}

async fn an_alert_is_made_with_its_status_and_sent_by_one(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let other = database.reopen(&kept).await;
    let task = task(&store, &project).await;
    let slack = NewAlert { channel: AlertChannel::Slack, receiver: None };
    let mail = NewAlert { channel: AlertChannel::Email, receiver: Some(project.owner.id) };
    // A step that is stored again because nobody knew whether it was makes nothing new.
    for status in [TaskStatus::WaitingConfirmation, TaskStatus::Error, TaskStatus::Error] {
        store.store_task_step(&step(&task, status, &[slack, mail])).await.unwrap();
    }
    let made = store.list_task_alerts(task.id).await.unwrap();
    assert_eq!(made.len(), 4, "{made:?}");

    let both = futures_util::future::join_all((0..8).map(|number| {
        let (store, owner) = if number % 2 == 0 { (&store, "one") } else { (&other, "two") };
        async move { (owner, claim(store, AlertChannel::Slack, owner).await) }
    }));
    let claimed: Vec<_> =
        both.await.into_iter().filter_map(|(owner, alert)| alert.map(|alert| (owner, alert))).collect();
    assert_eq!(claimed.len(), 2, "two messages, each to one of them: {claimed:?}");
    let mut statuses: Vec<_> = claimed.iter().map(|(_, alert)| alert.status.as_str()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, ["error", "waiting_confirmation"]);
    let (owner, first) = &claimed[0];
    let (_, second) = &claimed[1];
    // The first is taken; the second is tried again, and then nobody hears of its server any more.
    store.end_alert_attempt(first.id, owner, Utc::now(), AlertEnd::Sent).await.unwrap();
    store.end_alert_attempt(second.id, "a stranger", Utc::now(), AlertEnd::Sent).await.unwrap();
    assert!(claim(&store, AlertChannel::Slack, "one").await.is_none());
    let owner = claimed[1].0;
    store.end_alert_attempt(second.id, owner, Utc::now(), AlertEnd::Again(Utc::now(), "busy")).await.unwrap();
    let again = claim(&other, AlertChannel::Slack, "two").await.unwrap();
    assert_eq!((again.id, again.attempt, again.task_id), (second.id, 2, task.id));
    assert_eq!(store.give_up_abandoned_alerts(AlertChannel::Slack, Utc::now()).await.unwrap(), 0);
    let later = Utc::now() + TimeDelta::minutes(4);
    assert_eq!(store.give_up_abandoned_alerts(AlertChannel::Slack, later).await.unwrap(), 1);
    assert!(claim(&store, AlertChannel::Slack, "one").await.is_none(), "at most once");
    let mails = [claim(&store, AlertChannel::Email, "one").await, claim(&store, AlertChannel::Email, "one").await];
    assert!(mails.iter().flatten().all(|mail| mail.receiver == Some(project.owner.id)) && mails[1].is_some());

    // They go with their age, and with their task.
    assert_eq!(store.remove_old_alerts(Utc::now() - TimeDelta::days(31)).await.unwrap(), 0);
    assert_eq!(store.remove_old_alerts(Utc::now() - TimeDelta::days(29)).await.unwrap(), 4);
    assert!(store.list_task_alerts(task.id).await.unwrap().is_empty());
}

async fn rules_and_receivers_are_those_of_the_template(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let template = project.template.id;
    let rule = |channel, occasion| AlertRule { channel, occasion };
    let rules =
        [rule(AlertChannel::Gotify, AlertOccasion::Always), rule(AlertChannel::Slack, AlertOccasion::Recovered)];
    for rules in [&rules[..1], &rules[..]] {
        let mut transaction = store.begin().await.unwrap();
        transaction.set_alert_rules(project.id, template, rules).await.unwrap();
        transaction.commit().await.unwrap();
    }
    assert_eq!(store.list_alert_rules(template).await.unwrap(), rules);
    let facts = store.get_alert_facts(project.id, template).await.unwrap();
    assert_eq!((facts.project_alert, facts.rules.len()), (false, 0), "nothing else is read where alerts are off");

    let ended = [TaskStatus::Error, TaskStatus::Stopped, TaskStatus::Success];
    let mut before = Vec::new();
    for status in ended {
        let task = task(&store, &project).await;
        before.push(store.had_failed_before(template, task.id).await.unwrap());
        store.store_task_step(&step(&task, status, &[])).await.unwrap();
    }
    assert_eq!(before, [false, true, true], "a stop says nothing");
    let last = task(&store, &project).await;
    assert!(!store.had_failed_before(template, last.id).await.unwrap());
    assert_eq!(store.list_alert_receivers(project.id, true).await.unwrap().len(), 0, "nobody wants any");
}

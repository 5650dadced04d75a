//! What is stored together with a new task: the moment of its schedule, and its secret values.

use crate::fixture::{Database, stories};
use crate::story::Project;
use crate::story_automation::nightly;
use chrono::{TimeDelta, Utc};
use semaphore_model::{Schedule, ScheduleId, Secret, Task, TaskStatus};
use semaphore_store::{Page, ScheduleFire, Store, TaskFilter, TaskStart, TaskStep};

stories! { a_moment_is_fired_once, secrets_go_with_the_end_of_their_task }

/// A task of the schedule with a moment; none if somebody was faster.
pub(crate) async fn fire(store: &Store, schedule: &Schedule, fire: ScheduleFire<'_>) -> Option<Task> {
    let task = Task {
        project_id: schedule.project_id,
        template_id: schedule.template_id,
        schedule_id: Some(schedule.id),
        status: TaskStatus::Waiting,
        ..Task::default()
    };
    store.start_task(&TaskStart { task, sealed: None, fire: Some(fire), owner: None }).await.unwrap()
}

/// A moment makes one task, whoever comes first; without moments of its own a schedule keeps its distance.
async fn a_moment_is_fired_once(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let schedule = store.insert_schedule(nightly(&project)).await.unwrap();
    let other = database.reopen(&kept).await;
    let due = semaphore_model::time::truncate_to_second(Utc::now());
    let at = |seconds, period| ScheduleFire {
        due: due + TimeDelta::seconds(seconds),
        period,
        commit: None,
        server: "one:1",
    };
    let both = futures_util::future::join_all((0..8).map(|number| {
        let store = if number % 2 == 0 { &store } else { &other };
        fire(store, &schedule, at(0, None))
    }));
    let made: Vec<Task> = both.await.into_iter().flatten().collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert!(fire(&store, &schedule, at(60, None)).await.is_some());
    let minute = Some(TimeDelta::seconds(60));
    assert!(fire(&other, &schedule, at(119, minute)).await.is_none(), "nearer than its distance");
    assert!(fire(&other, &schedule, at(120, minute)).await.is_some());
    let gone = Schedule { id: ScheduleId(9999), ..schedule.clone() };
    let task = Task {
        schedule_id: Some(gone.id),
        project_id: project.id,
        template_id: project.template.id,
        ..Task::default()
    };
    let refused = store.start_task(&TaskStart { task, sealed: None, fire: Some(at(300, None)), owner: None }).await;
    assert!(refused.unwrap_err().is_not_found());
    assert_eq!(store.list_tasks(project.id, &TaskFilter::default(), Page::default()).await.unwrap().len(), 3);
}

/// Secret values lie beside a task until it has ended.
async fn secrets_go_with_the_end_of_their_task(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let sealed = Secret::from("sealed");
    let task = Task { project_id: project.id, template_id: project.template.id, ..Task::default() };
    let task =
        store.start_task(&TaskStart { task, sealed: Some(&sealed), fire: None, owner: None }).await.unwrap().unwrap();
    let step = |status| TaskStep {
        project_id: project.id,
        task_id: task.id,
        user_id: None,
        lines: &[],
        first_line: None,
        status: Some((status, None, None)),
        commit: None,
        event: None,
        stages: &[],
        problem: None,
        owner: None,
        alerts: &[],
        host: None,
        is_left_to_runner: false,
    };
    store.store_task_step(&step(TaskStatus::Running)).await.unwrap();
    assert_eq!(store.get_task_secret(task.id).await.unwrap().unwrap().expose(), "sealed");
    store.store_task_step(&step(TaskStatus::Stopped)).await.unwrap();
    assert!(store.get_task_secret(task.id).await.unwrap().is_none());
}

//! Rules about what is kept: stored once per scope, and met by removing finished tasks, the oldest first.

use crate::fixture::{Database, stories};
use crate::output_scale::line;
use crate::story::Project;
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{RetentionRule, Task, TaskId, TaskOutput, TaskStatus, Template};
use semaphore_store::{Page, ScopedRule, Store, TaskFilter};

/// Keeps a rule until it is met.
async fn keep(store: &Store, rule: &ScopedRule, now: DateTime<Utc>) -> Vec<TaskId> {
    let mut removed = Vec::new();
    loop {
        let tasks = store.list_tasks_beyond(rule, now, 2).await.unwrap();
        if tasks.is_empty() {
            return removed;
        }
        for task in tasks {
            assert!(store.remove_finished_task(task).await.unwrap());
            removed.push(task);
        }
    }
}

async fn set(store: &Store, rule: ScopedRule) {
    let mut transaction = store.begin().await.unwrap();
    transaction.set_retention_rule(&rule).await.unwrap();
    transaction.commit().await.unwrap();
}

/// Tasks that ended so many days ago, each with a line of 1000 bytes.
async fn tasks(store: &Store, template: &Template, days: &[i64], status: TaskStatus) -> Vec<TaskId> {
    let mut ids = Vec::new();
    for days in days {
        let end = Utc::now() - TimeDelta::days(*days);
        let task = Task { project_id: template.project_id, template_id: template.id, created: end, ..Task::default() };
        let task = store.insert_task(task).await.unwrap();
        store.append_task_output(task.id, &[line("x".repeat(1_000), end)]).await.unwrap();
        store.update_task(&Task { status, end: status.is_finished().then_some(end), ..task.clone() }).await.unwrap();
        ids.push(task.id);
    }
    ids
}

async fn left(store: &Store, project: &Project) -> Vec<TaskId> {
    let tasks = store.list_tasks(project.id, &TaskFilter::default(), Page::default()).await.unwrap();
    let mut ids: Vec<TaskId> = tasks.iter().map(|task| task.task.id).collect();
    ids.reverse();
    ids
}

async fn a_scope_has_one_rule(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let rule = RetentionRule { max_age_days: Some(30), max_tasks: None, max_bytes: Some(5_000_000_000) };
    let of_project = ScopedRule { project_id: project.id, template_id: None, rule };
    let of_template = ScopedRule {
        template_id: Some(project.template.id),
        rule: RetentionRule { max_tasks: Some(7), ..RetentionRule::default() },
        ..of_project
    };
    assert!(store.list_retention_rules(Some(project.id)).await.unwrap().is_empty());
    let other = ScopedRule { rule: RetentionRule { max_tasks: Some(1), ..rule }, ..of_project };
    for rule in [other, of_template, of_project, of_template] {
        set(&store, rule).await;
    }
    assert_eq!(store.list_retention_rules(Some(project.id)).await.unwrap(), [of_project, of_template]);
    assert_eq!(store.list_retention_rules(None).await.unwrap(), [of_project, of_template]);
    set(&store, ScopedRule { rule: RetentionRule::default(), ..of_project }).await;
    assert_eq!(store.list_retention_rules(None).await.unwrap(), [of_template]);
    store.delete_template(project.id, project.template.id).await.unwrap();
    assert!(store.list_retention_rules(None).await.unwrap().is_empty());
}

async fn rules_let_the_oldest_finished_tasks_go(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let second = Template { name: "Second".into(), ..project.template.clone() };
    let second = store.insert_template(second).await.unwrap();
    let running = tasks(&store, &project.template, &[90], TaskStatus::Running).await;
    let first = tasks(&store, &project.template, &[50, 40, 30, 20, 10], TaskStatus::Success).await;
    let other = tasks(&store, &second, &[45, 5, 4, 3], TaskStatus::Error).await;
    let now = Utc::now();
    let scoped = |template, rule| ScopedRule { project_id: project.id, template_id: template, rule };
    let none = RetentionRule::default();
    assert!(keep(&store, &scoped(None, none), now).await.is_empty());

    let age = scoped(Some(project.template.id), RetentionRule { max_age_days: Some(35), ..none });
    assert_eq!(keep(&store, &age, now).await, first[..2]);
    let number = scoped(Some(second.id), RetentionRule { max_tasks: Some(3), ..none });
    assert_eq!(keep(&store, &number, now).await, other[..1]);
    // 6 finished tasks and a running one with 1000 bytes each are left in the project.
    let size = scoped(None, RetentionRule { max_bytes: Some(4_000), ..none });
    assert_eq!(keep(&store, &size, now).await, first[2..4]);
    assert_eq!(left(&store, &project).await, [&running[..], &first[4..], &other[1..]].concat());
    for (template, tasks) in [(project.template.id, 2), (second.id, 3)] {
        assert_eq!(store.get_template(project.id, template).await.unwrap().tasks, tasks);
    }
    // Whatever a rule says, a task that has not ended stays.
    let all = scoped(None, RetentionRule { max_age_days: Some(1), max_tasks: Some(1), max_bytes: Some(1) });
    keep(&store, &all, now + TimeDelta::days(1_000)).await;
    assert_eq!(left(&store, &project).await, running);
}

/// The limit of the configuration: nothing goes before a tenth more is there, and what runs stays.
async fn a_limit_for_every_template_leaves_room_for_a_tenth(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let template = project.template.id;
    let beyond = async |kept: u32, count: usize| store.list_tasks_beyond_limit(template, kept, count).await.unwrap();
    tasks(&store, &project.template, &[9], TaskStatus::Running).await;
    let ended = tasks(&store, &project.template, &[8; 20], TaskStatus::Error).await;
    assert_eq!(beyond(20, 9).await, [], "21 are no tenth more than 20");
    assert_eq!(beyond(21, 9).await, []);
    assert_eq!(beyond(19, 9).await, ended[..1], "two of them are too many, and one runs");
    assert_eq!(beyond(5, 9).await, ended[..9]);
    assert_eq!(beyond(5, 2).await, ended[..2]);
}

async fn output_of_the_go_server_is_measured_and_much_of_it_goes_in_small_steps(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let large = tasks(&store, &project.template, &[3], TaskStatus::Success).await[0];
    let lines: Vec<TaskOutput> = (0..10_001).map(|_| line("y".repeat(10), Utc::now())).collect();
    store.append_task_output(large, &lines).await.unwrap();
    let small = tasks(&store, &project.template, &[2], TaskStatus::Success).await[0];
    kept.execute("delete from rs_task_output_mark").await;
    let rule = RetentionRule { max_bytes: Some(1_500), ..RetentionRule::default() };
    let scoped = ScopedRule { project_id: project.id, template_id: Some(project.template.id), rule };

    // Somebody else writes all the while, and nobody waits for the whole removal.
    let newest = project.start_task(&store).await.id;
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 0..50 {
                store.append_numbered_task_output(newest, Some(number + 1), &[line("z", Utc::now())]).await.unwrap();
            }
        })
    };
    assert_eq!(keep(&store, &scoped, Utc::now()).await, [large]);
    writer.await.unwrap();
    assert_eq!(left(&store, &project).await, [small, newest]);
    assert_eq!(kept.execute("select cast(count(*) as char(9)) from task__output").await[0].trim(), "51");
}

stories! {
    a_scope_has_one_rule,
    rules_let_the_oldest_finished_tasks_go,
    a_limit_for_every_template_leaves_room_for_a_tenth,
    output_of_the_go_server_is_measured_and_much_of_it_goes_in_small_steps,
}

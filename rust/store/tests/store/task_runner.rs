//! Which remote runner has which task: chosen by room, tag and signs of life, told once, kept until the runner has let it go.

use crate::fixture::{Database, Kept, stories};
use crate::story::Project;
use chrono::{TimeDelta, Utc};
use semaphore_model::{ProjectId, Runner, RunnerId, Task, TaskId, TaskOutput, TaskStatus, Template};
use semaphore_store::{Beside, Hold, RemoteBegin, RunnerStage, RunnerWish, Store, TaskStart, TaskStep};

stories! {
    the_first_runner_with_room_gets_a_task,
    who_waited_for_a_runner_sees_what_the_other_server_gave_it,
    a_task_is_told_once_and_kept_until_the_runner_lets_it_go,
    a_task_that_was_left_to_a_machine_that_is_gone_takes_no_place,
    a_runner_gets_as_many_as_it_has_room_for,
    a_task_that_goes_back_begins_anew,
    reports_reach_the_owner_in_order,
}

fn beside(allow_parallel: bool) -> Beside {
    Beside { allow_parallel, inventory: None }
}

async fn start(store: &Store, project: &Project, template: &Template) -> TaskId {
    let task =
        Task { project_id: project.id, template_id: template.id, status: TaskStatus::Waiting, ..Task::default() };
    store.start_task(&TaskStart { task, sealed: None, fire: None, owner: Some("a") }).await.unwrap().unwrap().id
}

fn step<'a>(project: &Project, id: TaskId, status: TaskStatus, lines: &'a [TaskOutput]) -> TaskStep<'a> {
    TaskStep {
        project_id: project.id,
        task_id: id,
        user_id: None,
        lines,
        first_line: (!lines.is_empty()).then_some(1),
        status: Some((status, None, None)),
        commit: None,
        event: None,
        stages: &[],
        problem: None,
        owner: Some("a"),
        alerts: &[],
        host: None,
        is_left_to_runner: false,
    }
}

fn wish(tag: Option<&str>) -> RunnerWish {
    RunnerWish {
        tag: tag.map(str::to_owned),
        heard_since: Utc::now() - TimeDelta::seconds(30),
        alias: "An alias".to_owned(),
    }
}

async fn begin(store: &Store, project: &Project, id: TaskId, tag: Option<&str>) -> RemoteBegin {
    store.begin_remote_task(&step(project, id, TaskStatus::Starting, &[]), beside(true), &wish(tag)).await.unwrap()
}

async fn runner(store: &Store, project: Option<ProjectId>, tag: &str, limit: i32, is_heard: bool) -> RunnerId {
    let token = format!("token {tag} {limit} {is_heard} {project:?}").into();
    let runner = Runner {
        project_id: project,
        token,
        tag: tag.to_owned(),
        max_parallel_tasks: limit,
        active: true,
        ..Runner::default()
    };
    let id = store.insert_runner(runner).await.unwrap().id;
    if is_heard {
        store.touch_runner(id, Utc::now()).await.unwrap();
    }
    id
}

async fn the_first_runner_with_room_gets_a_task(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let template = &project.template;
    let mut tasks = Vec::new();
    for _ in 0..5 {
        tasks.push(start(&store, &project, template).await);
    }
    assert_eq!(begin(&store, &project, tasks[0], None).await, RemoteBegin::Nobody);
    let silent = runner(&store, None, "", 0, false).await;
    assert_eq!(begin(&store, &project, tasks[1], None).await, RemoteBegin::Held(Hold::Runner));
    assert_eq!(store.get_task(project.id, tasks[1]).await.unwrap().status, TaskStatus::Waiting, "nothing was stored");
    let global = runner(&store, None, "", 0, true).await;
    let tagged = runner(&store, Some(project.id), "red", 1, true).await;
    // Those of the project come first, as many as they may have; a tag counts for them only.
    assert_eq!(begin(&store, &project, tasks[1], None).await, RemoteBegin::Given(tagged));
    assert_eq!(begin(&store, &project, tasks[2], Some("red")).await, RemoteBegin::Given(global));
    assert_eq!(begin(&store, &project, tasks[3], Some("blue")).await, RemoteBegin::Given(global));
    let candidates = store.list_candidates(project.id, &wish(Some("red"))).await.unwrap();
    let shown: Vec<_> = candidates.iter().map(|found| (found.runner.id, found.taken)).collect();
    assert_eq!(shown, [(tagged, 1), (global, 2), (silent, 0)]);
    store.store_task_step(&step(&project, tasks[1], TaskStatus::Success, &[])).await.unwrap();
    assert_eq!(begin(&store, &project, tasks[4], Some("red")).await, RemoteBegin::Given(tagged), "its place is free");
    // The same beginning once more, because nobody knows whether it was stored.
    let held = store.list_watched_tasks("a").await.unwrap();
    assert_eq!(held.len(), 3);
    assert!(held.iter().all(|held| held.task.stage == RunnerStage::Chosen && held.runner.is_some()));
    store.delete_runner(tagged).await.unwrap();
    let held = store.list_watched_tasks("a").await.unwrap();
    let gone: Vec<_> = held.iter().filter(|held| held.runner.is_none()).map(|held| held.task.task_id).collect();
    assert_eq!(gone, [tasks[4]], "the removal of a runner is seen");
}

async fn who_waited_for_a_runner_sees_what_the_other_server_gave_it(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    // SQLite has one writer.
    let Kept::Server(server, name) = &kept else { return };
    let project = Project::make(&store).await;
    let id = runner(&store, None, "", 1, true).await;
    let given = start(&store, &project, &project.template).await;
    let next = start(&store, &project, &project.template).await;
    let sleep = if database == Database::Postgres { "pg_sleep" } else { "sleep" };
    let other = format!(
        "start transaction; select id from runner where id = {id} for update; \
         insert into rs_task_runner (task_id, runner_id, alias, stage, changed) values ({given}, {id}, '', 0, '2026-01-01'); \
         select {sleep}(2); commit"
    );
    let (server, name) = (server.clone(), name.clone());
    let other = tokio::task::spawn_blocking(move || server.execute(&name, &other));
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    assert!(store.find_runner_of_task(given).await.unwrap().is_none(), "it is not stored yet");
    assert_eq!(begin(&store, &project, next, None).await, RemoteBegin::Held(Hold::Runner));
    other.await.unwrap();
}

async fn a_task_is_told_once_and_kept_until_the_runner_lets_it_go(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let template = &project.template;
    let id = runner(&store, None, "", 1, true).await;
    let other = runner(&store, Some(ProjectId(project.id.0)), "x", 1, false).await;
    let task = start(&store, &project, template).await;
    assert_eq!(begin(&store, &project, task, None).await, RemoteBegin::Given(id));
    assert!(!store.offer_runner_task(task, id).await.unwrap(), "it is not ready");
    assert!(store.take_back_runner_task(task).await.unwrap());
    assert!(store.ready_runner_task(task).await.unwrap());
    assert!(!store.offer_runner_task(task, other).await.unwrap(), "it is another one's");
    for _ in 0..2 {
        assert!(store.offer_runner_task(task, id).await.unwrap());
        assert!(!store.take_back_runner_task(task).await.unwrap(), "it was told");
    }
    let found = store.find_task_of_alias("An alias").await.unwrap().map(|held| held.task_id);
    assert_eq!((found, store.find_task_of_alias("an alias").await.unwrap().is_none()), (Some(task), true));
    let now = Utc::now();
    store.note_runner_reports(other, &[task], now).await.unwrap();
    assert_eq!(store.find_runner_of_task(task).await.unwrap().unwrap().stage, RunnerStage::Offered);
    store.note_runner_reports(id, &[task], now).await.unwrap();
    let held = store.list_tasks_of_runner(id).await.unwrap();
    assert_eq!((held.len(), held[0].stage, held[0].owner.as_deref()), (1, RunnerStage::Reported, Some("a")));
    assert!(held[0].heard.is_some());
    let left = TaskStep { is_left_to_runner: true, ..step(&project, task, TaskStatus::Stopped, &[]) };
    store.store_task_step(&left).await.unwrap();
    let held = store.list_tasks_of_runner(id).await.unwrap();
    assert_eq!((held[0].stage, held[0].owner.as_deref()), (RunnerStage::Left, None));
    assert!(store.list_watched_tasks("a").await.unwrap().is_empty());
    let next = start(&store, &project, template).await;
    assert_eq!(
        begin(&store, &project, next, None).await,
        RemoteBegin::Held(Hold::Runner),
        "it still works on the other"
    );
    store.forget_left_task(other, task).await.unwrap();
    assert_eq!(store.list_tasks_of_runner(id).await.unwrap().len(), 1);
    store.forget_left_task(id, task).await.unwrap();
    assert_eq!(begin(&store, &project, next, None).await, RemoteBegin::Given(id));
    // One that was not told of it has nothing to end.
    let left = TaskStep { is_left_to_runner: true, ..step(&project, next, TaskStatus::Error, &[]) };
    store.store_task_step(&left).await.unwrap();
    assert!(store.list_tasks_of_runner(id).await.unwrap().is_empty());
}

async fn a_task_that_was_left_to_a_machine_that_is_gone_takes_no_place(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let id = runner(&store, None, "", 1, true).await;
    let awake = Runner { webhook: "https://wake".into(), active: true, ..store.get_runner(id).await.unwrap() };
    store.update_runner(&awake).await.unwrap();
    let task = start(&store, &project, &project.template).await;
    assert_eq!(begin(&store, &project, task, None).await, RemoteBegin::Given(id));
    assert!(store.ready_runner_task(task).await.unwrap() && store.offer_runner_task(task, id).await.unwrap());
    let left = TaskStep { is_left_to_runner: true, ..step(&project, task, TaskStatus::Stopped, &[]) };
    store.store_task_step(&left).await.unwrap();
    let next = start(&store, &project, &project.template).await;
    assert_eq!(begin(&store, &project, next, None).await, RemoteBegin::Held(Hold::Runner), "it may still work on it");
    let taken = async || store.list_candidates(project.id, &wish(None)).await.unwrap()[0].taken;
    assert_eq!(taken().await, 1);
    store.touch_runner(id, Utc::now() - TimeDelta::seconds(60)).await.unwrap();
    assert_eq!(taken().await, 0);
    assert_eq!(begin(&store, &project, next, None).await, RemoteBegin::Given(id));
    let third = start(&store, &project, &project.template).await;
    assert_eq!(begin(&store, &project, third, None).await, RemoteBegin::Held(Hold::Runner), "one at a time");
}

async fn a_runner_gets_as_many_as_it_has_room_for(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let id = runner(&store, None, "", 0, true).await;
    let room = async || store.list_candidates(project.id, &wish(None)).await.unwrap()[0].room;
    assert_eq!(room().await, None);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        tasks.push(start(&store, &project, &project.template).await);
    }
    store.note_runner_room(id, Some(2)).await.unwrap();
    store.note_runner_room(id, Some(2)).await.unwrap();
    for task in &tasks[..2] {
        assert_eq!(begin(&store, &project, *task, None).await, RemoteBegin::Given(id));
    }
    assert_eq!(room().await, Some(0));
    assert_eq!(begin(&store, &project, tasks[2], None).await, RemoteBegin::Held(Hold::Runner));
    // What it has begun takes room until it says anew how much is left.
    assert!(store.ready_runner_task(tasks[0]).await.unwrap() && store.offer_runner_task(tasks[0], id).await.unwrap());
    store.note_runner_reports(id, &[tasks[0]], Utc::now()).await.unwrap();
    assert_eq!(room().await, Some(0));
    store.note_runner_room(id, Some(2)).await.unwrap();
    assert_eq!(begin(&store, &project, tasks[2], None).await, RemoteBegin::Given(id));
    store.note_runner_room(id, None).await.unwrap();
    assert_eq!(begin(&store, &project, tasks[3], None).await, RemoteBegin::Given(id));
    store.note_runner_room(id, Some(1)).await.unwrap();
    store.delete_runner(id).await.unwrap();
    store.note_runner_room(id, Some(1)).await.unwrap();
}

async fn a_task_that_goes_back_begins_anew(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let template = &project.template;
    let id = runner(&store, None, "", 0, true).await;
    let task = start(&store, &project, template).await;
    let line = |text: &str| TaskOutput { output: text.into(), time: Utc::now(), ..TaskOutput::default() };
    let head = [line("one"), line("two")];
    let first = step(&project, task, TaskStatus::Starting, &head);
    for _ in 0..2 {
        // Given twice, begun once.
        let begun = store.begin_remote_task(&first, beside(false), &wish(None)).await.unwrap();
        assert_eq!(begun, RemoteBegin::Given(id));
    }
    let back = [line("back")];
    let back = TaskStep { first_line: Some(3), ..step(&project, task, TaskStatus::Waiting, &back) };
    store.store_task_step(&back).await.unwrap();
    assert!(store.find_runner_of_task(task).await.unwrap().is_none());
    // It takes no place while it waits.
    let other = start(&store, &project, template).await;
    let begun = store.begin_task(&step(&project, other, TaskStatus::Starting, &[]), beside(false)).await.unwrap();
    assert_eq!(begun, None);
    store.store_task_step(&step(&project, other, TaskStatus::Success, &[])).await.unwrap();
    assert_eq!(store.begin_remote_task(&first, beside(false), &wish(None)).await.unwrap(), RemoteBegin::Given(id));
    assert_eq!(store.task_output_number(task).await.unwrap(), 2);
    let (lines, _) = store.read_task_output(task, semaphore_store::OutputCursor::default(), 10).await.unwrap();
    let texts: Vec<_> = lines.into_iter().map(|line| line.output).collect();
    assert_eq!(texts, ["one", "two", "back", "one", "two"]);
}

async fn reports_reach_the_owner_in_order(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let template = &project.template;
    let task = start(&store, &project, template).await;
    assert!(!store.send_runner_report("a", task, "{}").await.unwrap(), "the owner needs no letter");
    for body in ["1", "2", "3"] {
        assert!(store.send_runner_report("b", task, body).await.unwrap());
    }
    assert!(store.list_reported_tasks("b").await.unwrap().is_empty());
    assert!(store.list_runner_reports("b", task, 9).await.unwrap().is_empty());
    assert_eq!(store.list_reported_tasks("a").await.unwrap(), [task]);
    let mail = store.list_runner_reports("a", task, 9).await.unwrap();
    assert_eq!(
        mail.iter().map(|mail| (mail.task_id, mail.body.as_str())).collect::<Vec<_>>(),
        [(task, "1"), (task, "2"), (task, "3")]
    );
    assert_eq!(store.list_runner_reports("a", task, 2).await.unwrap(), mail[..2]);
    let id = runner(&store, None, "", 0, true).await;
    assert!(store.list_newest_reports(id).await.unwrap().is_empty(), "it has another task");
    assert_eq!(begin(&store, &project, task, None).await, RemoteBegin::Given(id));
    assert_eq!(store.list_newest_reports(id).await.unwrap(), mail[2..]);
    store.delete_runner_report(mail[0].id).await.unwrap();
    assert_eq!(store.list_runner_reports("a", task, 9).await.unwrap(), mail[1..]);
    assert!(!store.send_runner_report("b", TaskId(987_654), "4").await.unwrap(), "nobody has that task");
}

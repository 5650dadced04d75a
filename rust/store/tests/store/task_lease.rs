//! Whose a task is: given with the task, lost with a server that is silent, gone with the final status.

use crate::fixture::{Database, stories};
use crate::story::Project;
use chrono::Utc;
use semaphore_model::{Task, TaskId, TaskOutput, TaskStatus, Template};
use semaphore_store::{Beside, Hold, ServerPresence, Store, StoreError, TaskCommand, TaskHost, TaskStart, TaskStep};
use std::time::Duration;

stories! {
    a_silent_server_loses_its_tasks_to_one_other,
    a_task_with_a_process_waits_for_a_server_that_reaches_it,
    the_limits_count_over_all_servers,
    commands_reach_the_owner_of_a_task,
    tasks_without_an_owner_are_adopted_once,
    a_server_that_was_taken_for_dead_keeps_what_nobody_took,
}

fn presence(id: &str) -> ServerPresence {
    ServerPresence {
        id: id.to_owned(),
        host: format!("host of {id}"),
        pid: 7,
        beat: 0,
        lease: Duration::from_secs(9),
        max_parallel_tasks: 4,
    }
}

async fn start(store: &Store, project: &Project, template: &Template, owner: Option<&str>) -> TaskId {
    let task =
        Task { project_id: project.id, template_id: template.id, status: TaskStatus::Waiting, ..Task::default() };
    store.start_task(&TaskStart { task, sealed: None, fire: None, owner }).await.unwrap().unwrap().id
}

fn line(text: &str) -> Vec<TaskOutput> {
    vec![TaskOutput { output: text.into(), time: Utc::now(), ..TaskOutput::default() }]
}

fn step<'a>(
    project: &Project,
    id: TaskId,
    owner: &'a str,
    status: Option<TaskStatus>,
    lines: &'a [TaskOutput],
) -> TaskStep<'a> {
    TaskStep {
        project_id: project.id,
        task_id: id,
        user_id: None,
        lines,
        first_line: None,
        status: status.map(|status| (status, None, None)),
        commit: None,
        event: None,
        stages: &[],
        problem: None,
        owner: Some(owner),
        alerts: &[],
        host: None,
        is_left_to_runner: false,
    }
}

async fn status(store: &Store, project: &Project, id: TaskId) -> TaskStatus {
    store.get_task(project.id, id).await.unwrap().status
}

fn beside(allow_parallel: bool) -> Beside {
    Beside { allow_parallel, inventory: None }
}

async fn begin(store: &Store, project: &Project, id: TaskId, owner: &str, parallel: bool) -> Option<Hold> {
    store.begin_task(&step(project, id, owner, Some(TaskStatus::Starting), &[]), beside(parallel)).await.unwrap()
}

async fn a_silent_server_loses_its_tasks_to_one_other(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let (second, third) = (database.reopen(&kept).await, database.reopen(&kept).await);
    let project = Project::make(&store).await;
    for id in ["a", "b", "c"] {
        store.register_server(&presence(id)).await.unwrap();
    }
    let (runs, waits) = (
        start(&store, &project, &project.template, Some("a")).await,
        start(&store, &project, &project.template, Some("a")).await,
    );
    assert_eq!(begin(&store, &project, runs, "a", true).await, None);
    let seen = |others: semaphore_store::OtherServers| {
        let beat = others.present.iter().find(|server| server.id == "a").map(|server| server.beat);
        (beat, others.owners)
    };
    assert_eq!(seen(second.list_other_servers("b").await.unwrap()), (Some(0), vec!["a".to_owned()]));
    // It renews all it has with one statement: what was seen is not true any more.
    assert!(store.renew_server("a").await.unwrap());
    assert!(!second.take_over("a", Some(0), "b", None).await.unwrap(), "it lives");
    assert!(!second.take_over("a", None, "b", None).await.unwrap(), "it is there");
    assert!(second.list_taken_tasks("b", "a").await.unwrap().is_empty());
    // It stands still; two see it at the same moment.
    let (b, c) = tokio::join!(second.take_over("a", Some(1), "b", None), third.take_over("a", Some(1), "c", None));
    let (b, c) = (b.unwrap(), c.unwrap());
    assert!(b != c, "one of them has its tasks: {b} {c}");
    let owner = if b { "b" } else { "c" };
    let taken = store.list_taken_tasks(owner, "a").await.unwrap();
    assert_eq!(taken.iter().map(|task| task.id).collect::<Vec<_>>(), [runs, waits]);
    // It comes back: nothing it says of them is written.
    for (id, told) in [(runs, None), (runs, Some(TaskStatus::Success)), (waits, Some(TaskStatus::Stopped))] {
        let lines = line("late");
        let refused = store.store_task_step(&step(&project, id, "a", told, &lines)).await;
        assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    }
    let refused = store.begin_task(&step(&project, waits, "a", Some(TaskStatus::Starting), &[]), beside(true)).await;
    assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    assert!(!store.renew_server("a").await.unwrap(), "it is told");
    store.register_server(&presence("a")).await.unwrap();
    assert_eq!(store.keep_tasks("a", &[(runs, true), (waits, false)]).await.unwrap(), [runs, waits]);
    // The new owner ends one of them; then it belongs to nobody, and the old one cannot write it either.
    store.store_task_step(&step(&project, runs, owner, Some(TaskStatus::Error), &line("lost"))).await.unwrap();
    assert_eq!(store.find_task_owner(runs).await.unwrap(), None);
    assert_eq!(store.find_task_owner(waits).await.unwrap().as_deref(), Some(owner));
    let refused = store.store_task_step(&step(&project, runs, "a", Some(TaskStatus::Success), &line("late"))).await;
    assert!(matches!(refused, Err(StoreError::Taken)), "{refused:?}");
    assert_eq!(store.keep_tasks("a", &[(runs, true)]).await.unwrap(), [runs], "what ended is not taken back");
    assert_eq!(status(&store, &project, runs).await, TaskStatus::Error);
    let (lines, _) = store.read_task_output(runs, semaphore_store::OutputCursor::default(), 10).await.unwrap();
    assert_eq!(lines.iter().map(|line| line.output.as_str()).collect::<Vec<_>>(), ["lost"]);
    // A server that ends in order says so; its tasks are free at once.
    store.remove_server(owner).await.unwrap();
    assert!(store.take_over(owner, None, "d", None).await.unwrap());
    assert_eq!(store.list_taken_tasks("d", owner).await.unwrap().len(), 1);
}

async fn a_task_with_a_process_waits_for_a_server_that_reaches_it(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let (runs, waits) = (
        start(&store, &project, &project.template, Some("a")).await,
        start(&store, &project, &project.template, Some("a")).await,
    );
    let host = Some(TaskHost { place: "there", directory: "/there/1_a" });
    let first = TaskStep { host, ..step(&project, runs, "a", Some(TaskStatus::Starting), &[]) };
    assert_eq!(store.begin_task(&first, beside(true)).await.unwrap(), None);
    assert_eq!(store.find_task_host(runs).await.unwrap().as_deref(), Some("/there/1_a"));
    let ids = |tasks: Vec<Task>| tasks.iter().map(|task| task.id).collect::<Vec<_>>();
    assert!(store.take_over("a", None, "b", Some("here")).await.unwrap());
    assert_eq!(ids(store.list_taken_tasks("b", "a").await.unwrap()), [waits]);
    assert!(!store.take_over("a", None, "b", Some("here")).await.unwrap(), "it waits for its own");
    assert!(store.take_over("a", None, "c", Some("there")).await.unwrap());
    assert_eq!(ids(store.list_taken_tasks("c", "a").await.unwrap()), [runs]);
    // Nobody came back for it.
    assert!(store.take_over("c", None, "b", None).await.unwrap());
    store.store_task_step(&step(&project, runs, "b", Some(TaskStatus::Error), &[])).await.unwrap();
    assert_eq!(store.find_task_host(runs).await.unwrap(), None, "it is known no longer than the task runs");
}

async fn the_limits_count_over_all_servers(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let second = database.reopen(&kept).await;
    let project = Project::make(&store).await;
    let other = Template { id: semaphore_model::TemplateId(0), name: "Other".into(), ..project.template.clone() };
    let other = store.insert_template(other).await.unwrap();
    store.register_server(&presence("a")).await.unwrap();
    let mut tasks = Vec::new();
    for (template, owner) in [(&project.template, "a"), (&project.template, "b"), (&other, "b"), (&other, "a")] {
        tasks.push(start(&store, &project, template, Some(owner)).await);
    }
    let [one, same, third, last] = tasks[..] else { unreachable!() };
    assert_eq!(begin(&store, &project, one, "a", false).await, None);
    assert_eq!(begin(&store, &project, one, "a", false).await, None, "the same step once more");
    assert_eq!(begin(&second, &project, same, "b", false).await, Some(Hold::Template(one)));
    assert_eq!(status(&store, &project, same).await, TaskStatus::Waiting, "nothing is stored");
    let facts = store.find_waiting_facts(same).await.unwrap().unwrap();
    assert_eq!((facts.of_template, facts.in_project, facts.ahead, facts.host), (Some(one), 1, 0, None));
    let facts = store.find_waiting_facts(last).await.unwrap().unwrap();
    assert_eq!((facts.ahead, facts.host.as_deref(), facts.on_server, facts.server_limit), (2, Some("host of a"), 1, 4));
    // Many servers ask for the last place of the project at the same moment.
    let mut row = store.get_project(project.id).await.unwrap();
    row.max_parallel_tasks = 2;
    store.update_project(&row).await.unwrap();
    let (b, a) = tokio::join!(begin(&second, &project, third, "b", true), begin(&store, &project, last, "a", true));
    assert_eq!([b, a].iter().flatten().collect::<Vec<_>>(), [&Hold::Project(2)], "one has it: {b:?} {a:?}");
    let (winner, loser, owner, loser_owner) =
        if b.is_none() { (third, last, "b", "a") } else { (last, third, "a", "b") };
    store.store_task_step(&step(&project, winner, owner, Some(TaskStatus::Success), &[])).await.unwrap();
    assert_eq!(begin(&store, &project, loser, loser_owner, true).await, None, "its place is free");
}

async fn commands_reach_the_owner_of_a_task(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let own = start(&store, &project, &project.template, Some("a")).await;
    let theirs = start(&store, &project, &project.template, Some("b")).await;
    assert!(!store.send_task_command("a", own, TaskCommand::Stop).await.unwrap(), "it is its own");
    assert!(store.send_task_command("a", theirs, TaskCommand::Confirm).await.unwrap());
    let sent = store.send_template_command("a", project.id, project.template.id, TaskCommand::ForceStop).await;
    assert_eq!(sent.unwrap(), 1);
    assert!(store.list_task_commands("a").await.unwrap().is_empty());
    let commands = store.list_task_commands("b").await.unwrap();
    let wanted: Vec<_> = commands.iter().map(|(_, project, task, command)| (*project, *task, *command)).collect();
    assert_eq!(wanted, [(project.id, theirs, TaskCommand::Confirm), (project.id, theirs, TaskCommand::ForceStop)]);
    assert_eq!(store.list_task_commands("b").await.unwrap(), commands, "they stay until they are carried out");
    // The second one could be carried out, the first could not.
    store.remove_task_command(commands[1].0).await.unwrap();
    assert_eq!(store.list_task_commands("b").await.unwrap(), commands[..1]);
    for _ in 0..2 {
        store.remove_task_command(commands[0].0).await.unwrap();
    }
    assert!(store.list_task_commands("b").await.unwrap().is_empty(), "each is carried out once");
    // A command waits for whoever takes the task over, and goes with it.
    store.send_task_command("a", theirs, TaskCommand::Stop).await.unwrap();
    assert!(store.take_over("b", None, "c", None).await.unwrap());
    assert!(store.list_task_commands("b").await.unwrap().is_empty());
    let commands = store.list_task_commands("c").await.unwrap();
    assert!(commands.len() == 1 && commands[0].3 == TaskCommand::Stop, "{commands:?}");
    store.send_task_command("a", theirs, TaskCommand::Reject).await.unwrap();
    store.delete_task(project.id, theirs).await.unwrap();
    assert!(store.list_task_commands("c").await.unwrap().is_empty());
}

async fn tasks_without_an_owner_are_adopted_once(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let second = database.reopen(&kept).await;
    let project = Project::make(&store).await;
    // As the Go server leaves them.
    let mut left = Vec::new();
    for _ in 0..3 {
        left.push(start(&store, &project, &project.template, None).await);
    }
    let owned = start(&store, &project, &project.template, Some("b")).await;
    let ended = start(&store, &project, &project.template, None).await;
    let row = Task { status: TaskStatus::Stopped, ..store.get_task(project.id, ended).await.unwrap() };
    store.update_task(&row).await.unwrap();
    let (a, c) = tokio::join!(store.adopt_tasks("a"), second.adopt_tasks("c"));
    let mut adopted: Vec<_> = [a.unwrap(), c.unwrap()].concat().into_iter().map(|task| task.id).collect();
    adopted.sort_unstable();
    assert_eq!(adopted, left, "each by one of them");
    assert_eq!(store.find_task_owner(owned).await.unwrap().as_deref(), Some("b"));
    // Without the table everything belongs to nobody, and is adopted again.
    kept.execute("drop table rs_task_lease").await;
    assert_eq!(store.find_task_owner(owned).await.unwrap(), None);
    store.store_task_step(&step(&project, owned, "b", None, &line("still written"))).await.unwrap();
    assert_eq!(store.adopt_tasks("a").await.unwrap().len(), 4);
}

async fn a_server_that_was_taken_for_dead_keeps_what_nobody_took(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    store.register_server(&presence("a")).await.unwrap();
    let (runs, waits) = (
        start(&store, &project, &project.template, Some("a")).await,
        start(&store, &project, &project.template, Some("a")).await,
    );
    for table in ["rs_server", "rs_task_lease", "rs_task_command"] {
        kept.execute(&format!("drop table {table}")).await;
    }
    assert!(!store.renew_server("a").await.unwrap());
    store.register_server(&presence("a")).await.unwrap();
    assert!(store.keep_tasks("a", &[(runs, true), (waits, false)]).await.unwrap().is_empty());
    assert_eq!(store.find_task_owner(runs).await.unwrap().as_deref(), Some("a"));
    let facts = store.find_waiting_facts(waits).await.unwrap().unwrap();
    assert_eq!((facts.on_server, facts.of_template), (1, Some(runs)), "what runs is counted again");
}

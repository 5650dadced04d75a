//! The program is killed while it moves output into the archive and back: whenever that is, every line is there once and in
//! its place, and the next attempt comes to the end.

use std::{process::Stdio, time::Duration};

use semaphore_test_machine::database::Kind;
use semaphore_tests::{PASSWORD, Project, wait_until};
use serde_json::json;

use crate::installation::Installation;

const TASKS: i64 = 5;
/// Lines of each task: several chunks, and several transactions that remove or restore rows.
const LINES: i64 = 9_000;

/// A project with tasks that ended long ago and have much output; answers the project.
fn filled(world: &mut Installation) -> i64 {
    let account = ["--login", "admin", "--name", "Admin", "--email", "admin@example.test", "--password", PASSWORD];
    world.run(&[&["user", "add", "--admin"][..], &account[..]].concat());
    world.server.start_again();
    let admin = world.server.admin();
    let project = Project::create(&admin, "/nowhere");
    let template = project.template(&admin, "bash", "run.sh");
    world.server.stop();
    let digit = "(select 0 as d union all select 1 union all select 2 union all select 3 union all select 4 union all \
        select 5 union all select 6 union all select 7 union all select 8 union all select 9)";
    for task in 1..=TASKS {
        world.execute(&format!(
            "insert into task (id, template_id, project_id, status, playbook, environment, created) \
             values ({task}, {template}, {}, 'success', '', '{{}}', '2024-05-06 07:08:09')",
            project.id
        ));
    }
    // One after another, as rows of tasks that ran at the same time lie.
    let text = if world.kind() == Some(Kind::MariaDb) {
        "concat('task ', t.id, ' line ', n.number)"
    } else {
        "'task ' || t.id || ' line ' || n.number"
    };
    world.execute(&format!(
        "insert into task__output (task_id, time, output) select t.id, '2024-05-06 07:08:09', {text} from task t, \
         (select a.d * 1000 + b.d * 100 + c.d * 10 + e.d as number from {digit} a, {digit} b, {digit} c, {digit} e) n \
         where n.number < {LINES} order by n.number, t.id"
    ));
    project.id
}

/// How many tasks have an archive in this state.
fn tasks_in(world: &Installation, state: &str) -> i64 {
    let text = format!("select cast(count(*) as char(20)) from rs_task_archive where state = '{state}'");
    world.rows(&text)[0].trim().parse().unwrap()
}

/// Every task reads as before: by a server that archives nothing.
#[track_caller]
fn everything_reads_as_before(world: &mut Installation, project: i64, when: &str) {
    world.server.change_config(&json!({"task_output_archive_days": null}));
    world.server.start_again();
    let admin = world.server.admin();
    for task in 1..=TASKS {
        let found = admin.get(&format!("/api/project/{project}/tasks/{task}/raw_output")).expect(200).body;
        let expected: Vec<_> = (0..LINES).map(|line| format!("task {task} line {line}")).collect();
        assert!(
            found.lines().eq(&expected),
            "killed {when}: the output of task {task} has {} lines",
            found.lines().count()
        );
    }
    world.server.stop();
}

/// What a kill waits for.
struct Moment {
    state: &'static str,
    tasks: i64,
}

const fn moment(state: &'static str, tasks: i64) -> Moment {
    Moment { state, tasks }
}

impl Moment {
    /// Waits until it has come, or all is done.
    fn wait(&self, world: &Installation, is_over: impl Fn(&Installation) -> bool) {
        let Self { state, tasks } = self;
        wait_until(&format!("{tasks} tasks are {state}"), Duration::from_mins(2), || {
            (tasks_in(world, state) >= *tasks || is_over(world)).then_some(())
        });
    }
}

fn kills_while_output_moves(kind: Option<Kind>) {
    let Some(mut world) = Installation::on(kind) else { return };
    let project = filled(&mut world);
    let mut in_the_middle = 0;
    for Moment { state, tasks } in [moment("writing", 1), moment("clearing", 1), moment("archived", 2)] {
        world.server.change_config(&json!({"task_output_archive_days": 1}));
        world.server.start_again();
        moment(state, tasks).wait(&world, |world| tasks_in(world, "archived") == TASKS);
        world.server.crash();
        in_the_middle += i32::from(tasks_in(&world, "archived") < TASKS);
        everything_reads_as_before(&mut world, project, &format!("when {tasks} tasks were {state}"));
    }
    world.server.change_config(&json!({"task_output_archive_days": 1}));
    world.server.start_again();
    moment("archived", TASKS).wait(&world, |_| false);
    world.server.stop();
    let left = world.rows("select cast(count(*) as char(20)) from task__output");
    assert!(left[0].trim().parse::<i64>().unwrap() <= 1, "rows of archived tasks: {left:?}");
    everything_reads_as_before(&mut world, project, "never, all is in the archive");

    for rows in [1, 2 * LINES] {
        let mut command = world.server.command(&["task", "unarchive", "--all", "--config"]);
        let command = command.arg(world.server.config_path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        wait_until("rows come back", Duration::from_mins(2), || {
            let text = "select cast(count(*) as char(20)) from task__output";
            (world.rows(text)[0].trim().parse::<i64>().unwrap() > rows).then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
        in_the_middle += i32::from(world.rows("select task_id from rs_task_archive").len() as i64 > 0);
        everything_reads_as_before(&mut world, project, &format!("when more than {rows} rows were back"));
    }
    assert!(in_the_middle > 0, "every kill came after the end");
    world.run(&["task", "unarchive", "--all"]);
    for table in ["rs_task_archive", "rs_task_archive_chunk"] {
        assert!(world.rows(&format!("select task_id from {table}")).is_empty(), "{table} is not empty");
    }
    let lines = world.rows("select cast(count(*) as char(20)) from task__output");
    assert_eq!(lines[0].trim(), (TASKS * LINES).to_string(), "every line once");
    everything_reads_as_before(&mut world, project, "and everything is in rows");
}

#[test]
fn a_kill_while_output_moves_on_sqlite() {
    kills_while_output_moves(None);
}

#[test]
fn a_kill_while_output_moves_on_postgres() {
    kills_while_output_moves(Some(Kind::Postgres));
}

#[test]
fn a_kill_while_output_moves_on_mariadb() {
    kills_while_output_moves(Some(Kind::MariaDb));
}

#[test]
fn output_that_could_not_be_archived_is_tried_again_soon() {
    let Some(mut world) = Installation::on(None) else { return };
    let project = filled(&mut world);
    world.server.change_config(&json!({"task_output_archive_days": 1}));
    world.execute(
        "create trigger refuse before insert on rs_task_archive_chunk when new.task_id = 3 \
         begin select raise(abort, 'no room'); end",
    );
    world.server.start_again();
    wait_until("it is said", Duration::from_secs(30), || {
        world.server.log().contains("the output of a task is not archived yet").then_some(())
    });
    moment("archived", TASKS - 1).wait(&world, |_| false);
    world.execute("drop trigger refuse");
    moment("archived", TASKS).wait(&world, |_| false);
    world.server.stop();
    everything_reads_as_before(&mut world, project, "never, after an error");
}

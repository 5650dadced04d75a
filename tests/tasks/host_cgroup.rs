//! Tasks and control groups of version 2: a service that is ended as a whole, and a group for each task where the server may make one.
//!
//! Limits need controllers, which not every machine has in version 2: what is written for them is seen in the engine's tests.

use std::{
    fs,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_tests::{ControlGroup, Options, Server, assert_nothing_left, processes_with, task_hosts, wait_until};
use serde_json::{Value, json};

use super::{
    host::World,
    host_end::{assert_interrupted, until_ended},
};

/// Longest time for something to happen.
const SOON: Duration = Duration::from_secs(30);

/// A server in a group, and the group: dropped after the server.
fn world(config: Value, scripts: &[(&str, &str)]) -> Option<(World, ControlGroup)> {
    let group = ControlGroup::new()?;
    let mut server = Server::prepared(Options { config, ..Options::default() });
    server.use_program(&group.program(server.directory()));
    server.start_again();
    Some((World::on(server, scripts), group))
}

/// Lines that end with the last word while no server is there, in order.
const LATE: &str =
    "echo ready\nuntil [ -e \"$1\" ]; do sleep 0.02; done\nseq -f 'line %.0f' 1 20000\necho last word\nsleep 300\n";

/// As the stop of a service with `KillMode=control-group`, or of a container.
#[test]
fn tasks_that_are_killed_with_the_whole_service_end_honestly_and_keep_what_they_said() {
    for groups in ["auto", "off"] {
        let config = json!({"process": {"control_groups": groups}});
        let Some((mut world, group)) = world(config, &[("late.sh", LATE)]) else { return };
        let admin = world.server.admin();
        let counting = [(); 3].map(|()| world.start(&admin, world.counting));
        let late = world.start(&admin, world.template("late.sh", &world.gate().replace("/go", "/late")));
        for task in counting {
            world.until_stored(task, 10);
        }
        world.until_stored(late, 4);
        assert_eq!(group.names().len(), if groups == "auto" { 4 } else { 0 });
        // What is said from here on nobody hears.
        world.server.crash();
        fs::write(world.server.directory().join("late"), "").unwrap();
        wait_until("the last word is kept on disk", SOON, || {
            let hosts = fs::read_dir(world.server.directory().join("tmp/.semaphore/hosts")).unwrap();
            hosts
                .map(|host| fs::read(host.unwrap().path().join("spool")).unwrap_or_default())
                .find(|kept| kept.windows(9).any(|part| part == b"last word"))
        });
        group.kill();
        assert_eq!(processes_with(world.server.directory().to_str().unwrap()), Vec::<u32>::new());
        world.server.start_again();
        let begin = Instant::now();
        let admin = world.server.admin();
        let reason = "the server was restarted while the task ran, and the process that ran it (its task host)";
        for task in counting.into_iter().chain([late]) {
            assert_interrupted(&world, &admin, task, reason);
        }
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
        let lines = admin.output(world.project.id, late);
        let said: Vec<_> = lines.iter().filter(|line| line.starts_with("line ")).collect();
        assert!(said.len() == 20_000 && said.iter().enumerate().all(|(n, line)| **line == format!("line {}", n + 1)));
        assert_eq!(lines[lines.len() - 2], "last word");
        assert_nothing_left(&world.server);
        wait_until("the groups are gone", SOON, || group.names().is_empty().then_some(()));
    }
}

/// The same while the server hears them: what it had stored is there, in order, and nothing is open.
#[test]
fn a_service_that_is_killed_in_the_middle_leaves_no_task_open() {
    let Some((mut world, group)) = world(json!({"process": {"control_groups": "off"}}), &[]) else { return };
    let admin = world.server.admin();
    let tasks = [(); 5].map(|()| world.start(&admin, world.counting));
    for task in tasks {
        world.until_stored(task, 10);
    }
    group.kill();
    // It has ended already; this only collects it.
    world.server.crash();
    world.server.start_again();
    let begin = Instant::now();
    let admin = world.server.admin();
    for task in tasks {
        assert_interrupted(&world, &admin, task, "(its task host) has ended with it");
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert_nothing_left(&world.server);
}

#[test]
fn each_task_has_a_group_of_its_own_as_long_as_something_of_it_runs() {
    let script = "setsid sh -c 'exec sleep 300' >/dev/null 2>&1 &\necho begun $!\n";
    let Some((mut world, group)) = world(json!({}), &[("daemon.sh", script)]) else { return };
    let said = format!("each task has a control group of its own in {}", group.path().display());
    assert!(world.server.log().contains(&said), "{}", world.server.log());
    let admin = world.server.admin();
    let tasks = [(); 2].map(|()| world.start(&admin, world.counting));
    for task in tasks {
        world.until_stored(task, 5);
    }
    let (names, hosts) = (group.names(), task_hosts(world.server.directory()));
    assert_eq!((names.len(), hosts.len()), (2, 2), "{names:?}");
    for name in &names {
        let members = group.processes(name);
        assert!(members.len() >= 2 && members.iter().filter(|pid| hosts.contains(pid)).count() == 1, "{members:?}");
    }
    assert_eq!(group.processes("."), [world.server.process_id()]);
    // They go on in their groups when the server is killed and started again.
    world.server.crash();
    world.server.start_again();
    let admin = world.server.admin();
    world.open_gate();
    for task in tasks {
        world.counted(&admin, task);
    }
    wait_until("the groups are gone", SOON, || group.names().is_empty().then_some(()));

    // What a task leaves on purpose lives on, as without groups.
    let task = world.start(&admin, world.template("daemon.sh", ""));
    assert_eq!(admin.wait_for_end(world.project.id, task)["status"], "success");
    let lines = admin.output(world.project.id, task);
    let [name] = &group.names()[..] else { panic!("{:?}", group.names()) };
    let daemon: u32 = lines.iter().find_map(|line| line.strip_prefix("begun ")).unwrap().parse().unwrap();
    assert_eq!(group.processes(name), [daemon]);
    kill(Pid::from_raw(daemon as i32), Signal::SIGKILL).unwrap();
    wait_until("its group goes after the daemon", SOON, || group.names().is_empty().then_some(()));
    assert_nothing_left(&world.server);
}

#[test]
fn a_stop_or_a_killed_host_ends_everything_in_the_group() {
    let script = "setsid sh -c 'exec sleep 300' >/dev/null 2>&1 &\necho begun\nwhile true; do sleep 0.1; done\n";
    let Some((world, group)) = world(json!({}), &[("daemon.sh", script)]) else { return };
    let admin = world.server.admin();
    let template = world.template("daemon.sh", "");
    for is_stopped in [true, false] {
        let task = world.start(&admin, template);
        wait_until("the daemon runs", SOON, || {
            admin.output(world.project.id, task).contains(&"begun".to_owned()).then_some(())
        });
        let members = group.processes(&group.names()[0]);
        assert!(members.len() >= 3, "{members:?}");
        if is_stopped {
            admin.post(&world.path(task, "/stop"), &json!({})).expect(204);
            assert_eq!(admin.wait_for_end(world.project.id, task)["status"], "stopped");
        } else {
            super::host::kill_now(task_hosts(world.server.directory())[0]);
            assert_interrupted(&world, &admin, task, "its task host) was killed; what it had started was ended, too");
        }
        let lives =
            |pid: &u32| fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "));
        assert!(!members.iter().any(lives), "{members:?}");
        until_ended(&world);
        wait_until("the group is gone", SOON, || group.names().is_empty().then_some(()));
    }
}

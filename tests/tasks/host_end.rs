//! A task whose process has gone ends, soon and with the reason; one whose process may live is not ended by a stranger.

use std::time::{Duration, Instant};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{
    Client, Options, PASSWORD, Project, Server, assert_nothing_left, git_repository, processes_with, task_hosts,
    wait_until, zombies_below,
};
use serde_json::json;

use super::host::{COUNTING, World, kill_now};

/// The task ended as `error` with one line that says why, and a reason in the API.
pub(super) fn assert_interrupted(world: &World, admin: &Client, task: i64, reason: &str) {
    let row = admin.wait_for_end(world.project.id, task);
    assert_eq!(row["status"], "error", "{row}");
    let lines = admin.output(world.project.id, task);
    let told: Vec<_> = lines.iter().filter(|line| line.starts_with("Failed to run task: ")).collect();
    assert!(told.len() == 1 && told[0].contains(reason) && lines.last() == Some(told[0]), "{lines:#?}");
    let path = format!("/api/project/{}/tasks/{task}/status", world.project.id);
    let problems = admin.get(&path).expect(200).json()["problems"].clone();
    assert_eq!(
        (problems.as_array().map(Vec::len), &problems[0]["code"]),
        (Some(1), &json!("interrupted")),
        "{problems}"
    );
}

/// Nothing runs any more but the server.
pub(super) fn until_ended(world: &World) {
    wait_until("what the killed process had started has ended", Duration::from_secs(5), || {
        let left = processes_with(world.server.directory().to_str().unwrap());
        left.iter().all(|pid| *pid == world.server.process_id()).then_some(())
    });
}

/// The shell of the script ends when nobody reads what it says; what it had started does not.
const WITH_BACKGROUND: &str = "sleep 300 &\nn=0\nwhile true; do n=$((n + 1)); echo line $n; sleep 0.02; done\n";

#[test]
fn a_task_whose_process_is_killed_ends_with_the_reason_and_its_programs() {
    let deaf = "trap '' TERM INT HUP PIPE\necho ready\nn=0\nwhile true; do n=$((n + 1)); sleep 0.2; done\n";
    let world = World::new(json!({}), &[("background.sh", WITH_BACKGROUND), ("deaf.sh", deaf)]);
    let admin = world.server.admin();
    let templates =
        [world.counting, world.template("background.sh", &world.gate()), world.template("deaf.sh", &world.gate())];
    for template in templates {
        let task = world.start(&admin, template);
        world.until_stored(task, 4);
        let [host] = task_hosts(world.server.directory())[..] else { panic!("one process for one task") };
        kill_now(host);
        assert_interrupted(&world, &admin, task, "its task host) was killed; what it had started was ended, too");
        until_ended(&world);
        assert_eq!(zombies_below(world.server.process_id()), Vec::<u32>::new());
    }
    // It goes on with others.
    let next = world.start(&admin, world.counting);
    world.until_stored(next, 10);
    world.open_gate();
    world.counted(&admin, next);
    assert_nothing_left(&world.server);
}

#[test]
fn programs_of_a_process_that_was_killed_while_no_server_was_there_end_at_the_next_start() {
    let mut world = World::new(json!({}), &[("background.sh", WITH_BACKGROUND)]);
    let admin = world.server.admin();
    let task = world.start(&admin, world.template("background.sh", &world.gate()));
    world.until_stored(task, 10);
    world.server.crash();
    let [host] = task_hosts(world.server.directory())[..] else { panic!("one process for one task") };
    kill_now(host);
    world.server.start_again();
    assert_interrupted(&world, &world.server.admin(), task, "the server was restarted while the task ran");
    until_ended(&world);
    assert_nothing_left(&world.server);
}

/// The job ends while no server is there, and then its process is killed, or stands still for ever: what it has said is kept.
#[test]
fn a_process_that_is_gone_after_its_job_has_left_all_lines() {
    for is_killed in [true, false] {
        let mut world = World::new(json!({}), &[]);
        let admin = world.server.admin();
        let task = world.start(&admin, world.counting);
        world.until_stored(task, 10);
        world.server.crash();
        let seen = world.stored(task);
        let [host] = task_hosts(world.server.directory())[..] else { panic!("one process for one task") };
        std::thread::sleep(Duration::from_millis(300));
        world.open_gate();
        let hosts = world.server.directory().join("tmp/.semaphore/hosts");
        let directory = std::fs::read_dir(hosts).unwrap().next().unwrap().unwrap().path();
        wait_until("the job is over", Duration::from_secs(20), || directory.join("outcome").exists().then_some(()));
        if is_killed {
            kill_now(host);
        } else {
            // What is said last is kept right behind the outcome.
            std::thread::sleep(Duration::from_millis(300));
            kill(Pid::from_raw(host as i32), Signal::SIGSTOP).unwrap();
        }
        world.server.start_again();
        assert!(world.counted(&world.server.admin(), task) > seen);
        until_ended(&world);
        assert_nothing_left(&world.server);
    }
}

/// The rows went while no server was there: nobody asks for the task any more.
#[test]
fn a_task_whose_project_was_deleted_ends_at_the_next_start() {
    let mut world = World::new(json!({}), &[]);
    let admin = world.server.admin();
    let tasks = [(); 2].map(|()| world.start(&admin, world.counting));
    for task in tasks {
        world.until_stored(task, 5);
    }
    world.server.crash();
    let hosts = task_hosts(world.server.directory());
    assert_eq!(hosts.len(), 2);
    kill_now(hosts[0]);
    // A process for another database with the same tmp_path is none of this server's business.
    let root = world.server.directory().join("tmp/.semaphore/hosts");
    let other = root.join("1_0123456789abcdef");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("owner"), "SQLite /somewhere/else.sqlite").unwrap();
    for table in ["rs_task_host", "rs_task_lease", "task__output", "task", "project"] {
        world.server.change_database(&format!("delete from {table}"));
    }
    world.server.start_again();
    until_ended(&world);
    wait_until("their directories are gone", Duration::from_secs(20), || {
        (std::fs::read_dir(&root).unwrap().count() == 1).then_some(())
    });
    assert!(other.exists());
}

#[test]
fn a_directory_that_is_spelled_in_another_way_ends_no_task() {
    let mut world = World::new(json!({}), &[]);
    let admin = world.server.admin();
    let task = world.start(&admin, world.counting);
    world.until_stored(task, 5);
    world.server.crash();
    let link = world.server.directory().join("linked");
    std::os::unix::fs::symlink(world.server.directory().join("tmp"), &link).unwrap();
    world.server.change_config(&json!({"tmp_path": link}));
    world.server.start_again();
    let lines = world.stored(task);
    world.until_stored(task, lines + 20);
    world.open_gate();
    assert_eq!(world.server.admin().wait_for_end(world.project.id, task)["status"], "success");
}

/// As a stop of the service does that ends all its processes.
#[test]
fn a_task_whose_process_is_killed_with_the_server_ends_at_the_next_start() {
    let mut world = World::new(json!({}), &[]);
    let admin = world.server.admin();
    let tasks = [(); 3].map(|()| world.start(&admin, world.counting));
    for task in tasks {
        world.until_stored(task, 10);
    }
    world.server.crash();
    for pid in processes_with(world.server.directory().to_str().unwrap()) {
        let _ = kill(Pid::from_raw(pid as i32), Signal::SIGKILL);
    }
    world.server.start_again();
    let begin = Instant::now();
    let admin = world.server.admin();
    for task in tasks {
        assert_interrupted(
            &world,
            &admin,
            task,
            "the server was restarted while the task ran, and the process that ran it",
        );
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    let hosts = world.server.directory().join("tmp/.semaphore/hosts");
    assert_eq!(std::fs::read_dir(hosts).unwrap().count(), 0, "directories are left");
}

#[test]
fn a_stranger_leaves_a_process_alone_that_it_cannot_reach() {
    let lease = json!({"task_lease_sec": 1});
    let mut world = World::new(lease.clone(), &[]);
    let admin = world.server.admin();
    let task = world.start(&admin, world.counting);
    world.until_stored(task, 10);
    world.server.crash();
    let mut config = lease;
    config["sqlite"] = json!({"host": world.server.database()});
    let stranger = Server::with_config(config);
    let gone = "select count(*) from rs_server";
    wait_until("the stranger sees that the server is dead", Duration::from_secs(20), || {
        (stranger.admin().get("/api/ping").status == 200 && world.server.sql(gone) == [[json!(1)]]).then_some(())
    });
    let row = stranger.admin().get(&format!("/api/project/{}/tasks/{task}", world.project.id)).expect(200).json();
    assert_eq!(row["status"], "running");
    world.server.start_again();
    world.open_gate();
    world.counted(&world.server.admin(), task);
}

/// The heir works at the same place, so that it reaches the process; the one that stood still finds out and lets it be.
#[test]
fn a_server_that_stood_still_leaves_the_task_to_the_one_that_went_on_with_it() {
    let Some(database) = Database::start(Kind::Postgres) else { return };
    database.add_user("operator", "password");
    let section = json!({"host": database.address(), "user": "operator", "pass": "password", "name": "heirs"});
    let mut config = json!({"dialect": "postgres", "postgres": section, "task_lease_sec": 2});
    let mut still = Server::prepared(Options { config: config.clone(), ..Options::default() });
    let user = ["user", "add", "--admin", "--login", "admin", "--name", "Admin", "--email", "admin@example.test"];
    let added = still.command(&user).args(["--password", PASSWORD, "--config"]).arg(still.config_path()).output();
    assert!(added.unwrap().status.success());
    still.start_again();
    config["tmp_path"] = json!(still.directory().join("tmp"));
    let mut heir = Server::prepared(Options { config, ..Options::default() });
    heir.start_again();

    let repository = still.directory().join("repository");
    git_repository(&repository, &[("counting.sh", COUNTING)]);
    let admin = heir.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let mut body = project.template_body("bash", "counting.sh");
    let gate = still.directory().join("go");
    body["arguments"] = json!([gate]).to_string().into();
    let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
    let task = project.start(&still.admin(), template);
    let until = |lines: usize| {
        wait_until("there are more lines", Duration::from_secs(40), || {
            (admin.output(project.id, task).len() > lines).then_some(())
        });
    };
    until(10);
    let process = Pid::from_raw(still.process_id() as i32);
    kill(process, Signal::SIGSTOP).unwrap();
    let seen = admin.output(project.id, task).len();
    until(seen + 50);
    kill(process, Signal::SIGCONT).unwrap();
    wait_until("the one that stood still knows that it has lost the task", Duration::from_secs(20), || {
        still.log().contains("belongs to another server").then_some(())
    });
    // As long as it would take to end what nobody came for.
    std::thread::sleep(Duration::from_secs(5));
    std::fs::write(&gate, "").unwrap();
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success", "{}", heir.log());
    let query =
        format!("select output from task__output where task_id = {task} and output like 'line %' order by time, id");
    let lines = database.execute("heirs", &query);
    assert!(
        lines.len() > 60 && lines.iter().enumerate().all(|(n, line)| *line == format!("line {}", n + 1)),
        "{lines:?}"
    );
}

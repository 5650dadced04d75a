//! Stops at every moment: the outcome tells the reason, and nothing is left.

use std::{
    fs,
    time::{Duration, Instant},
};

use semaphore_model::TaskStatus;
use serde_json::json;

use super::support::{World, commit_all, file_url, finish, git, is_alive, wait_for_line};
use crate::job::{JobEvent, Outcome, SecretSet, StopReason};

#[tokio::test]
async fn a_running_job_is_stopped_with_all_its_processes_and_files() {
    for (forced, reason) in [(false, StopReason::Requested), (true, StopReason::Forced)] {
        let world = World::new();
        let script = "trap '' TERM\nsleep 300 & echo \"pids $$ $!\"\nwait\nsleep 300\n";
        let repository = world.repository("repo", &[("kids.sh", script)]);
        let inventory = json!({"id": 1, "name": "i", "kind": "static", "content": "x"});
        let spec = world.spec_with("bash", "kids.sh", &file_url(&repository), json!({"inventory": inventory}));
        let mut job = world.start(spec, SecretSet::default());
        let line = wait_for_line(&mut job, "pids").await;
        assert!(world.project("inventory_1").exists());
        let begin = Instant::now();
        job.control.stop(forced);
        let outcome = loop {
            if let JobEvent::Done(outcome) = job.events.next().await.unwrap() {
                break outcome;
            }
        };
        assert!(begin.elapsed() < Duration::from_secs(if forced { 1 } else { 3 }), "{:?}", begin.elapsed());
        assert_eq!(outcome, Outcome::Stopped(reason));
        for pid in line.split(' ').skip(1) {
            assert!(!is_alive(pid), "{pid} is alive");
        }
        assert_eq!(world.left_behind(), ["repository_1_template_1", "repository_1_template_1_home"]);
    }
}

#[tokio::test]
async fn ansible_is_stopped_and_its_secret_file_removed() {
    let world = World::new();
    world.program(
        "ansible-playbook",
        "#!/bin/bash\ntrap 'echo interrupted; exit 99' INT\necho ready $$\nwhile :; do sleep 0.05; done\n",
    );
    let directory = world.files("local", &[("site.yml", "[]\n")]);
    let mut secrets = SecretSet::default();
    let value = secrets.insert("s", b"very secret".to_vec());
    let spec = world.spec_with(
        "ansible",
        "site.yml",
        &directory.display().to_string(),
        json!({
            "inventory": {"id": 1, "name": "i", "kind": "static", "content": "x"},
            "environment": {"secrets": [{"name": "s", "kind": "var", "value": value}]},
        }),
    );
    let mut job = world.start(spec, secrets);
    wait_for_line(&mut job, "ready").await;
    assert!(world.project("secret_vars_1.json").exists());
    job.control.stop_because(StopReason::Deadline);
    wait_for_line(&mut job, "interrupted").await;
    let outcome = loop {
        if let JobEvent::Done(outcome) = job.events.next().await.unwrap() {
            break outcome;
        }
    };
    assert_eq!(outcome, Outcome::Stopped(StopReason::Deadline));
    assert_eq!(world.left_behind(), ["repository_1_template_1_home"]);
}

/// The stop comes while git clones, and while it pulls: no half clone is left, and the next job works.
#[tokio::test]
async fn a_stop_during_git_leaves_no_half_clone() {
    let world = World::new();
    let repository = world.repository("repo", &[("a.sh", "echo ran\n")]);
    let url = file_url(&repository);
    let clone = world.project("repository_1_template_1");
    for phase in ["clone", "pull"] {
        let script = format!(
            "#!/bin/bash\nif [ \"$1\" = {phase} ]; then\n  mkdir -p repository_1_template_1/half; echo slow $$ >&2; sleep 300\nfi\nexec /usr/bin/git \"$@\"\n"
        );
        if phase == "pull" {
            world.run(world.spec("bash", "a.sh", &url)).await.expect(&Outcome::Success);
        }
        world.program("git", &script);
        let mut job = world.start(world.spec("bash", "a.sh", &url), SecretSet::default());
        let line = wait_for_line(&mut job, "slow").await;
        job.control.stop(false);
        let mut lines = vec![];
        let outcome = loop {
            match job.events.next().await.unwrap() {
                JobEvent::Done(outcome) => break outcome,
                JobEvent::Log(records) => lines.extend(records.into_iter().map(|record| record.lossy().into_owned())),
                _ => {}
            }
        };
        assert_eq!(outcome, Outcome::Stopped(StopReason::Requested), "{phase}");
        assert!(!lines.iter().any(|line| line.starts_with("Failed")), "{lines:?}");
        assert!(!is_alive(line.rsplit(' ').next().unwrap()));
        assert!(!clone.exists(), "{phase}");
        fs::remove_file(world.path("bin/git")).unwrap();
    }
    world.run(world.spec("bash", "a.sh", &url)).await.expect(&Outcome::Success);
}

/// The stop comes in each call of git that changes a clone, when git has begun to write: nothing half made is left or used, no
/// process lives on, and the next job works.
#[tokio::test]
async fn a_stop_in_each_call_of_git_leaves_nothing_half_made() {
    let world = World::new();
    let module = world.repository("module", &[("m.txt", "from the module\n")]);
    let repository =
        world.repository("repo", &[("a.sh", "cat version m/m.txt; git status --short\n"), ("version", "one\n")]);
    git(&repository, &["submodule", "add", "-q", &file_url(&module), "m"]);
    let old = commit_all(&repository, "with a module");
    let url = file_url(&repository);
    let clone = world.project("repository_1_template_1");
    let spec = |commit: Option<&str>| {
        let mut spec = world.spec("bash", "a.sh", &url);
        spec.commit_hash = commit.map(str::to_owned);
        spec
    };
    let works = async |commit: Option<&str>, version: &str| {
        let finished = world.run(spec(commit)).await;
        finished.expect(&Outcome::Success);
        let text = finished.text();
        assert!(text.contains(version) && text.contains("from the module") && !text.contains(" M "), "{text}");
    };
    works(None, "one").await;
    for (number, call) in ["fetch", "pull", "submodule", "checkout", "submodule"].into_iter().enumerate() {
        let commit = (number > 2).then_some(old.as_str());
        let version = format!("version {number}");
        fs::write(repository.join("version"), format!("{version}\n")).unwrap();
        commit_all(&repository, &version);
        // The call of the checkout comes after that of the pull.
        let calls = if number == 4 { 2 } else { 1 };
        let count = world.path("count");
        let script = format!(
            "#!/bin/bash\nif [ \"$1\" = {call} ]; then\n  echo >> {count}\n  if [ $(wc -l < {count}) = {calls} ]; then\n    \
             /usr/bin/git \"$@\"; echo half > version; touch .git/index.lock; sleep 300 & echo slow $$ $! >&2; wait\n  fi\nfi\n\
             exec /usr/bin/git \"$@\"\n",
            count = count.display()
        );
        world.program("git", &script);
        let mut job = world.start(spec(commit), SecretSet::default());
        let line = wait_for_line(&mut job, "slow ").await;
        // If the server is killed now, git lives on: the clone stays locked as long as it does.
        let lock = world.own("locks/repository_1_template_1.lock");
        for pid in line.split(' ').skip(1) {
            let files = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
            let targets: Vec<_> = files.map(|file| fs::read_link(file.unwrap().path()).unwrap()).collect();
            assert!(targets.contains(&lock), "{call}: {targets:?}");
        }
        job.control.stop(number % 2 == 1);
        super::support::finish_any(job).await;
        for pid in line.split(' ').skip(1) {
            assert!(!is_alive(pid), "{call}: {pid} is alive");
        }
        let locks = world.own("locks");
        assert_eq!(fs::read_dir(&locks).map_or(0, Iterator::count), 0, "{call}: a lock is left");
        // What was only fetched may stay: the next job sees the lock in it.
        assert!(call == "fetch" || !clone.exists(), "{call}: half a clone is left");
        fs::remove_file(world.path("bin/git")).unwrap();
        fs::remove_file(count).unwrap();
        works(commit, if number > 2 { "one" } else { &version }).await;
    }
}

/// The programs of a job leave what has no end in their clone; the next job must neither read it nor wait for it.
#[tokio::test]
async fn pipes_and_devices_in_a_clone_do_not_hold_the_next_job() {
    let world = World::new();
    let repository = world.repository("repo", &[("a.sh", "echo ran\n")]);
    let spec = || world.spec("bash", "a.sh", &file_url(&repository));
    world.run(spec()).await.expect(&Outcome::Success);
    let git = world.project("repository_1_template_1/.git");
    for name in ["config", "HEAD", "packed-refs"] {
        for kind in ["pipe", "device"] {
            let _ = fs::remove_file(git.join(name));
            if kind == "pipe" {
                nix::unistd::mkfifo(&git.join(name), nix::sys::stat::Mode::S_IRWXU).unwrap();
            } else {
                std::os::unix::fs::symlink("/dev/zero", git.join(name)).unwrap();
            }
            let finished = tokio::time::timeout(Duration::from_secs(20), world.run(spec())).await;
            finished.expect("the job hangs").expect(&Outcome::Success);
        }
    }
}

#[tokio::test]
async fn a_job_that_is_stopped_at_once_does_nothing() {
    let world = World::new();
    let directory = world.files("local", &[("a.sh", "echo ran\n")]);
    let job = world.start(world.spec("bash", "a.sh", &directory.display().to_string()), SecretSet::default());
    job.control.stop(false);
    assert!(!job.control.confirm(true), "nobody waits for a confirmation");
    let finished = finish(job, 0).await;
    finished.expect(&Outcome::Stopped(StopReason::Requested));
    assert_eq!(finished.statuses, [TaskStatus::Running]);
    assert!(finished.lines.is_empty() && world.left_behind().is_empty());
}

/// Reference: what a program leaves in the background lives on. Its pipe does not keep the job from ending.
#[tokio::test]
async fn background_children_survive_a_normal_end() {
    let world = World::new();
    let directory = world.files("local", &[("a.sh", "sleep 300 & echo \"pid $!\"\n")]);
    let begin = Instant::now();
    let finished = world.run(world.spec("bash", "a.sh", &directory.display().to_string())).await;
    finished.expect(&Outcome::Success);
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    assert!(finished.text().contains("warning: a background process still holds the output"), "{}", finished.text());
    let pid = finished.lines.iter().find_map(|line| line.strip_prefix("pid ")).unwrap();
    assert!(is_alive(pid));
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid.parse().unwrap()), nix::sys::signal::Signal::SIGKILL)
        .unwrap();
}

/// Nobody reads the events: the program is slowed down, and a stop still ends it.
#[tokio::test]
async fn a_job_whose_events_are_not_read_can_be_stopped() {
    let world = World::new();
    let pid = world.path("pid");
    world.program("git", "#!/bin/bash\necho $$ > \"$PID\"\nexec yes 'a line of git'\n");
    let mut config = world.config.clone();
    config.env.push(("PID".to_owned(), pid.display().to_string()));
    let handle = tokio::runtime::Handle::current();
    let spec = world.spec("bash", "a.sh", "file:///nosuch");
    let mut job = crate::job::start(std::sync::Arc::new(config), spec, SecretSet::default(), &handle);
    tokio::time::timeout(Duration::from_secs(30), async {
        while fs::read_to_string(&pid).unwrap_or_default().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .unwrap();
    let pid = fs::read_to_string(&pid).unwrap();
    job.control.stop(false);
    tokio::time::timeout(Duration::from_secs(10), async {
        while is_alive(pid.trim()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("git runs on");
    let outcome = loop {
        if let JobEvent::Done(outcome) = job.events.next().await.unwrap() {
            break outcome;
        }
    };
    assert_eq!(outcome, Outcome::Stopped(StopReason::Requested));
}

/// A stop that comes when all is over changes nothing; so does dropping the events of a running job.
#[tokio::test]
async fn late_stops_and_dropped_events_are_harmless() {
    let world = World::new();
    let done = world.path("done");
    let directory = world.files("local", &[("a.sh", "for i in $(seq 20000); do echo $i; done\ntouch \"$DONE\"\n")]);
    let fields = json!({"environment": {"env": [["DONE", done.display().to_string()]]}});
    let spec = world.spec_with("bash", "a.sh", &directory.display().to_string(), fields);
    let job = world.start(spec.clone(), SecretSet::default());
    let control = job.control.clone();
    finish(job, 0).await.expect(&Outcome::Success);
    control.stop(true);

    fs::remove_file(&done).unwrap();
    drop(world.start(spec, SecretSet::default()).events);
    tokio::time::timeout(Duration::from_secs(30), async {
        while !done.exists() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await
    .expect("the job did not run on");
}

#[tokio::test]
async fn a_confirmation_waits_for_its_answer_and_for_a_stop() {
    use crate::{
        job::program::{Confirmation, ProgramError, Programs, StopRequest},
        log,
    };
    let world = World::new();
    let (log, mut reader) = log::channel(log::LogOptions::default());
    let (stop, confirmation) = (StopRequest::default(), Confirmation::default());
    let programs = Programs::new(std::sync::Arc::new(world.config.clone()), log, stop.clone(), confirmation.clone());
    for accepted in [true, false] {
        let answer = async {
            while !confirmation.answer(accepted) {
                tokio::task::yield_now().await;
            }
        };
        let (found, ()) = tokio::join!(programs.confirmation(), answer);
        assert_eq!(found.unwrap(), accepted);
    }
    let mut statuses = vec![];
    while let Ok(log::Batch::Marker(JobEvent::Status(status))) =
        tokio::time::timeout(Duration::from_millis(50), reader.next_batch()).await.map(Option::unwrap)
    {
        statuses.push(status);
    }
    let expected = [
        TaskStatus::WaitingConfirmation,
        TaskStatus::Confirmed,
        TaskStatus::Running,
        TaskStatus::WaitingConfirmation,
        TaskStatus::Rejected,
    ];
    assert_eq!(statuses, expected);
    let (found, ()) = tokio::join!(programs.confirmation(), async { stop.stop(StopReason::Requested) });
    assert!(matches!(found, Err(ProgramError::Stopped(StopReason::Requested))));
}

//! Stops, stragglers, exit texts, reaping.

use super::*;

const LIMIT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn ends_are_told_in_the_words_of_go() {
    let _shared = shared().await;
    for (script, text) in [
        ("exit 0", "exit status 0"),
        ("exit 2", "exit status 2"),
        ("kill -KILL $$", "signal: killed"),
        ("kill -TERM $$", "signal: terminated"),
        ("kill -HUP $$", "signal: hangup"),
        ("kill -40 $$", "signal: signal 40"),
    ] {
        let (exit, _) = run(bash(script)).await;
        assert_eq!((exit.to_string().as_str(), exit.stopped), (text, None), "{script}");
    }
    assert_eq!(Exit::default().to_string(), "exit status unknown");
    let dumped = Exit { signal: Some(libc::SIGABRT), core_dumped: true, ..Exit::default() };
    assert_eq!(dumped.to_string(), "signal: aborted (core dumped)");
}

#[tokio::test]
async fn a_stop_ends_grandchildren() {
    let _shared = shared().await;
    let mut running = Running::start(sh("sleep 1000 & echo a $!; (sleep 1001 & echo b $!; wait) & wait"));
    let pids = [running.pid("a ").await, running.pid("b ").await];
    assert!(pids.iter().all(|&pid| lives(pid)));
    let (exit, _, took) = running.stopped().await;
    assert_eq!((exit.stopped, exit.to_string().as_str()), (Some(StopMode::Graceful), "signal: terminated"));
    assert!(took < Duration::from_secs(1), "nobody ignores the signal: {took:?}");
    assert!(pids.iter().all(|&pid| !lives(pid)));
}

#[tokio::test]
async fn a_stop_ends_what_ignores_it_and_keeps_reading() {
    let _shared = shared().await;
    let script = "trap 'echo asked' TERM; echo up $$; while :; do sleep 0.1; echo tick; done";
    let mut running = Running::start(bash(script));
    let pid = running.pid("up ").await;
    let (exit, records, took) = running.stopped().await;
    assert_eq!(exit.to_string(), "signal: killed");
    assert!(took > Duration::from_millis(1400) && took < LIMIT, "{took:?}");
    assert!(!exists(pid), "reaped");
    let lines = texts(&records, Stream::Stdout);
    let asked = lines.iter().position(|line| line == "asked").expect("output during the stop");
    assert!(lines[asked..].iter().any(|line| line == "tick"), "{lines:?}");
}

#[tokio::test]
async fn a_leader_that_ends_leaves_its_group_the_rest_of_the_grace() {
    let _shared = shared().await;
    let script = "bash -c 'trap \"sleep 0.4; echo cleaned; exit\" TERM; echo up; while :; do sleep 0.05; done' & wait";
    let mut running = Running::start(sh(script));
    running.line("up").await;
    let (_, records, took) = running.stopped().await;
    assert!(texts(&records, Stream::Stdout).contains(&"cleaned".to_owned()));
    assert!(took < Duration::from_millis(1400), "{took:?}");
}

#[tokio::test]
async fn a_stop_reaches_groups_of_their_own() {
    let _shared = shared().await;
    let script =
        "set -m; bash -c 'trap \"\" TERM; echo job $$; while :; do sleep 1; done' & sleep 1000 & echo quiet $!; wait";
    let mut running = Running::start(bash(script));
    let pids = [running.pid("job ").await, running.pid("quiet ").await];
    for pid in pids {
        assert_ne!(
            nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).unwrap().as_raw(),
            running.control.pid()
        );
    }
    let (exit, _, took) = running.stopped().await;
    assert_eq!((exit.stopped, exit.stragglers), (Some(StopMode::Graceful), false));
    assert!(took < LIMIT, "{took:?}");
    assert!(pids.iter().all(|&pid| !lives(pid)));
}

#[tokio::test]
async fn a_forced_stop_and_a_second_stop_do_not_wait() {
    let _shared = shared().await;
    let script = "trap '' TERM INT; echo up; while :; do sleep 0.1; done";
    let mut running = Running::start(bash(script));
    running.line("up").await;
    running.stop.request(StopMode::Forced);
    let (exit, _, took) = running.end().await;
    assert_eq!((exit.stopped, exit.signal), (Some(StopMode::Forced), Some(libc::SIGKILL)));
    assert!(took < Duration::from_millis(700), "{took:?}");

    let plan = StopPlan::Terraform { stop_timeout: Duration::from_mins(10) };
    let mut running = Running::start(bash(script).stop(plan));
    running.line("up").await;
    assert_eq!(running.stop.stop(), StopMode::Graceful);
    // From a thread without a runtime, as a host calls it.
    let stop = running.stop.clone();
    std::thread::spawn(move || assert_eq!(stop.stop(), StopMode::Forced)).join().unwrap();
    let (exit, _, took) = running.end().await;
    assert_eq!(exit.stopped, Some(StopMode::Forced));
    assert!(took < Duration::from_millis(700), "{took:?}");
}

#[tokio::test]
async fn a_program_has_the_grace_that_it_was_given() {
    let _shared = shared().await;
    let deaf = "trap '' TERM INT; echo up; while :; do sleep 0.05; done";
    let cleaning = "trap 'sleep 2; echo cleaned; exit 4' TERM; echo up; while :; do sleep 0.05; done";
    let mut running = Running::start(bash(deaf).grace(Some(Duration::from_millis(200))));
    running.line("up").await;
    let (exit, _, took) = running.stopped().await;
    assert_eq!(exit.signal, Some(libc::SIGKILL));
    assert!(took > Duration::from_millis(180) && took < Duration::from_millis(1200), "{took:?}");

    // More than the plan's own time.
    let mut running = Running::start(bash(cleaning).grace(Some(Duration::from_secs(30))));
    running.line("up").await;
    let (exit, records, _) = running.stopped().await;
    assert_eq!(exit.code, Some(4));
    assert_eq!(texts(&records, Stream::Stdout), ["up", "cleaned"]);
}

#[tokio::test]
async fn a_stop_asked_for_before_the_start_is_heard() {
    let _shared = shared().await;
    let stop = StopHandle::new();
    stop.stop();
    let (log, _reader) = channel::<()>(LogOptions::default());
    let exit = spawn(sh("sleep 1000")).unwrap().supervise(&log, stop.token()).await;
    assert_eq!(exit.stopped, Some(StopMode::Graceful));
}

#[tokio::test]
async fn ansible_is_interrupted_at_its_leader_first() {
    let _shared = shared().await;
    let child = "bash -c 'trap \"echo child-int\" INT; trap \"echo child-term; exit\" TERM; echo up; while :; do sleep 0.05; done'";
    let script = format!(
        "trap 'echo leader-int' INT; trap 'echo leader-term; exit 5' TERM; {child} & while :; do sleep 0.05; done"
    );
    let mut running = Running::start(bash(&script).stop(StopPlan::Ansible));
    running.line("up").await;
    let (exit, records, took) = running.stopped().await;
    let lines = texts(&records, Stream::Stdout);
    assert!(lines.iter().position(|line| line == "leader-int") < lines.iter().position(|line| line == "leader-term"));
    assert!(lines.contains(&"child-term".into()) && !lines.contains(&"child-int".into()), "{lines:?}");
    assert_eq!(exit.code, Some(5));
    assert!(took > Duration::from_millis(1400) && took < LIMIT, "{took:?}");
}

#[tokio::test]
async fn a_provider_survives_the_graceful_stop_of_terraform() {
    let _shared = shared().await;
    // The provider would die of any signal; the leader waits for it, as terraform does.
    let script = "trap 'echo interrupted' INT; bash -c 'sleep 0.6; echo applied' & p=$!; echo up; wait $p || wait $p; echo saved; exit 1";
    let plan = StopPlan::Terraform { stop_timeout: Duration::from_mins(1) };
    let mut running = Running::start(bash(script).stop(plan));
    running.line("up").await;
    let (exit, records, _) = running.stopped().await;
    assert_eq!(texts(&records, Stream::Stdout), ["up", "interrupted", "applied", "saved"]);
    assert_eq!((exit.code, exit.stopped), (Some(1), Some(StopMode::Graceful)));
}

#[tokio::test]
async fn a_background_process_survives_success_and_does_not_hold_up_the_end() {
    let _shared = shared().await;
    // With its output elsewhere: no delay at all.
    let mut running = Running::start(sh("nohup sleep 1000 >/dev/null 2>&1 </dev/null & echo pid $!"));
    let free = running.pid("pid ").await;
    let (exit, _, took) = running.end().await;
    assert!(exit.success() && !exit.stragglers && took < Duration::from_millis(400), "{took:?}");
    // With our pipes: closed after half a second of silence, and said.
    let mut running = Running::start(sh("nohup sleep 1000 & echo pid $!"));
    let holding = running.pid("pid ").await;
    let (exit, _, took) = running.end().await;
    assert!(exit.success() && exit.stragglers);
    assert!(took > Duration::from_millis(400) && took < Duration::from_millis(1200), "{took:?}");
    for pid in [free, holding] {
        assert!(lives(pid));
        system::kill(pid, libc::SIGKILL).unwrap();
    }
}

#[tokio::test]
async fn output_after_the_leaders_end_is_read_until_it_is_silent_and_can_be_stopped() {
    let _shared = shared().await;
    let (exit, records) = run(sh("(sleep 0.2; echo a; sleep 0.3; echo b) & echo first")).await;
    assert_eq!(texts(&records, Stream::Stdout), ["first", "a", "b"]);
    assert!(exit.success() && !exit.stragglers);

    let mut running = Running::start(sh("(while :; do echo tick; sleep 0.1; done) & echo pid $!"));
    let pid = running.pid("pid ").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(!running.task.is_finished(), "not silent");
    let (exit, _, took) = running.stopped().await;
    assert_eq!((exit.code, exit.stopped), (Some(0), Some(StopMode::Graceful)));
    assert!(took < LIMIT && !lives(pid), "{took:?}");
}

/// A process of ours that has not executed its program yet holds the pipes of all others; on a busy machine that takes long.
#[tokio::test]
async fn a_program_that_is_being_started_is_no_straggler() {
    let _shared = shared().await;
    for is_start in [true, false] {
        let starting = is_start.then(super::super::starting::Starting::begin);
        let (reader, writer) =
            nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC | nix::fcntl::OFlag::O_NONBLOCK).unwrap();
        let (log, _records) = channel::<()>(LogOptions::default());
        let (flush, reading) = attach(reader, log.lines(Stream::Stdout));
        let reading = tokio::spawn(reading);
        flush.flush(Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(300)).await;
        drop(writer);
        drop(starting);
        let end = reading.await.unwrap();
        assert_eq!(matches!(end, OutputEnd::Closed), is_start, "{end:?}");
    }
}

#[tokio::test]
async fn a_process_with_a_session_of_its_own_is_reported_and_not_hunted() {
    let _shared = shared().await;
    let mut running =
        Running::start(sh("setsid sh -c 'echo pid $$; while :; do echo tick; sleep 0.02; done' & sleep 1000"));
    let pid = running.pid("pid ").await;
    let (exit, _, took) = running.stopped().await;
    assert!(exit.stragglers && lives(pid) && took < LIMIT, "{took:?}");
    system::kill(-pid, libc::SIGKILL).unwrap();
}

#[tokio::test]
async fn a_dropped_supervision_leaves_nothing() {
    let _shared = shared().await;
    let mut running = Running::start(bash("set -m; sleep 1000 & echo job $!; wait"));
    let job = running.pid("job ").await;
    let leader = running.control.pid();
    running.task.abort();
    let unsupervised = spawn(sh("sleep 1000")).unwrap();
    let other = unsupervised.pid();
    drop(unsupervised);
    let gone = async {
        while exists(leader) || exists(other) || lives(job) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.expect("killed and reaped");
    assert!(running.control.signal(libc::SIGTERM).is_err());
}

#[tokio::test]
async fn signals_reach_the_whole_group() {
    let _shared = shared().await;
    let mut running = Running::start(bash(
        "trap 'echo one' USR1; bash -c 'trap \"echo two; exit\" USR1; echo up; while :; do sleep 0.05; done'; echo over",
    ));
    running.line("up").await;
    running.control.signal(libc::SIGUSR1).unwrap();
    assert!(matches!(running.control.signal(1000), Err(ControlError::Signal { signal: 1000, .. })));
    let (exit, records, _) = running.end().await;
    let mut lines = texts(&records, Stream::Stdout);
    lines.sort_unstable();
    assert_eq!(lines, ["one", "over", "two", "up"]);
    assert!(exit.success());
}

#[tokio::test]
async fn a_status_that_somebody_else_took_is_said() {
    let _shared = shared().await;
    let child = spawn(sh("exit 3")).unwrap();
    system::wait_and_reap(child.pid());
    let (exit, _, _) = Running::supervise(child, LogOptions::default()).end().await;
    assert_eq!((exit.code, exit.problem.clone()), (None, Some(Problem::StatusLost)));
    assert!(exit.problem.unwrap().to_string().starts_with("the exit status was taken"));
}

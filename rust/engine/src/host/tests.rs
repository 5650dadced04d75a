#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    io::{Read as _, Write as _},
    os::unix::{fs::PermissionsExt, net::UnixListener},
    thread,
};

use semaphore_model::TaskStatus;

use super::{OUTCOME, SOCKET, attach, frame, spool::Spool};
use crate::job::{JobEvent, Outcome, StopReason};

/// A directory as a host leaves it, of which nobody came for the end.
#[tokio::test]
async fn the_end_of_a_job_that_nobody_came_for_is_found() {
    let directory = tempfile::tempdir().unwrap();
    assert!(attach(&directory.path().join("none")).await.is_none());
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(attach(directory.path()).await.is_none(), "nothing is there");
    let mut spool = Spool::new(directory.path());
    let commit = JobEvent::Commit { hash: "abc".to_owned(), message: "first".to_owned() };
    spool.push(frame::event(1, &commit).unwrap(), true);
    spool.push(frame::event(2, &JobEvent::Done(Outcome::Success)).unwrap(), true);
    spool.leave().unwrap();
    fs::write(directory.path().join(OUTCOME), serde_json::to_vec(&Outcome::Success).unwrap()).unwrap();
    let mut found = attach(directory.path()).await.unwrap();
    assert!(matches!(found.job.events.next().await, Some(JobEvent::Commit { .. })));
    assert!(matches!(found.job.events.next().await, Some(JobEvent::Done(Outcome::Success))));
    found.job.events.finish().await;
    assert!(found.job.events.next().await.is_none());

    // All was stored but the final status.
    fs::remove_file(directory.path().join("rest")).unwrap();
    let mut found = attach(directory.path()).await.unwrap();
    assert!(matches!(found.job.events.next().await, Some(JobEvent::Done(Outcome::Success))));
    assert!(found.job.events.next().await.is_none());

    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    assert!(attach(directory.path()).await.is_none(), "others can look into it");
}

/// A frame as it goes over the wire: length, kind, content.
fn frame_of(kind: u8, content: &[u8]) -> Vec<u8> {
    [&u32::try_from(content.len()).unwrap().to_be_bytes()[..], &[kind], content].concat()
}

/// What a host of version 1 says, byte for byte. Whoever changes this cannot go on with the tasks of servers before.
fn host_of_version_1() -> Vec<u8> {
    let number = |number: u64| number.to_be_bytes();
    let welcome = br#"{"version":1,"task_id":7,"history":[{"stage":{"stage":"run","time":"2026-11-23T04:00:00.123456789Z"}},{"plan":{"add":1,"change":2,"destroy":3,"import":0}}],"is_asking":true,"state_address":{"inventory_id":5,"address":"http://localhost:3000/api/terraform/a1"}}"#;
    let status = [&number(4)[..], br#"{"status":"running"}"#].concat();
    let problem = [&number(5)[..], br#"{"problem":{"code":"tool_missing","message":"install it"}}"#].concat();
    let unknown = [&number(6)[..], br#"{"of_a_version_that_never_was":1}"#].concat();
    // The number, the position of the first line, and of each: seconds, nanoseconds, stream, whether it goes on, length, text.
    let line = |stream: u8, goes_on: u8, text: &[u8]| {
        let time = [&1_763_870_400_i64.to_be_bytes()[..], &123_456_789_u32.to_be_bytes()].concat();
        [&time[..], &[stream, goes_on], &u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat()
    };
    let lines = [&number(7)[..], &number(40), &line(0, 0, b"out"), &line(1, 1, b"err \xff"), &line(2, 0, b"")].concat();
    let partial = br#"{"partial":{"stream":"stdout","text":"half"}}"#;
    let done = [&number(8)[..], br#"{"done":{"failed":"exit status 2"}}"#].concat();
    let frames: [(u8, &[u8]); 8] = [
        (2, welcome),
        (3, &status),
        (3, &problem),
        (3, &unknown),
        (99, b"a kind of a newer version"),
        (4, &lines),
        (5, partial),
        (3, &done),
    ];
    frames.iter().flat_map(|(kind, content)| frame_of(*kind, content)).collect()
}

#[tokio::test]
async fn a_host_of_version_1_is_gone_on_with() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(directory.path().join(SOCKET)).unwrap();
    let host = thread::spawn(move || {
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(&host_of_version_1()).unwrap();
        server.shutdown(std::net::Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).unwrap();
        heard
    });
    let mut found = attach(directory.path()).await.unwrap();
    assert!(found.is_asking && found.history.len() == 2);
    let address = found.state_address.take().unwrap();
    assert_eq!((address.inventory_id, address.address.as_str()), (5, "http://localhost:3000/api/terraform/a1"));
    assert!(matches!(&found.history[0], JobEvent::Stage { stage, .. } if stage == "run"));
    found.job.control.stop_because(StopReason::Requested);
    let mut events = Vec::new();
    while let Some(event) = found.job.events.next().await {
        events.push(event);
    }
    drop(found);
    let [status, problem, log, partial, done] = &events[..] else { panic!("{events:?}") };
    assert!(matches!(status, JobEvent::Status(TaskStatus::Running)));
    assert!(matches!(problem, JobEvent::Problem(problem) if problem.code.as_str() == "tool_missing"));
    let JobEvent::Log(records) = log else { panic!("{log:?}") };
    let told: Vec<_> = records.iter().map(|record| (record.seq, record.continued, &record.text[..])).collect();
    assert_eq!(told, [(40, false, &b"out"[..]), (41, true, b"err \xff"), (42, false, b"")]);
    assert_eq!(records[0].time.timestamp_subsec_nanos(), 123_456_789);
    assert!(matches!(partial, JobEvent::Partial { text, .. } if text == "half"));
    assert!(matches!(done, JobEvent::Done(Outcome::Failed(end)) if end == "exit status 2"));

    // What it hears: a greeting, a wish, and that everything up to each event is stored.
    let wishes = [&br#"{"hello":1}"#[..], br#"{"stop":"requested"}"#].map(|wish| frame_of(7, wish)).concat();
    let stored = (4_u64..=8).flat_map(|number| frame_of(6, &number.to_be_bytes()));
    let heard = tokio::task::spawn_blocking(move || host.join().unwrap()).await.unwrap();
    assert_eq!(heard, [wishes, stored.collect()].concat());
}

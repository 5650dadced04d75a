//! Task pools with real jobs.

mod ends;

use std::collections::HashMap;

use super::{jobs::Directory, *};

/// A pool whose host starts every job when it is its turn.
struct World {
    host: Host,
    pool: SemaphoreHandle,
    directory: Directory,
    /// Jobs by operation.
    jobs: HashMap<SemaphoreHandle, Entry>,
    /// Frames that were looked at.
    seen: usize,
    /// Jobs are not started by themselves.
    is_manual: bool,
    /// What happened to operations, in order.
    story: Vec<(i64, Event)>,
}

struct Entry {
    id: i64,
    script: String,
    log: SemaphoreHandle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Ready,
    Status(i32),
    Done,
}

/// A job: number, project, template, and what it does.
type Wanted<'a> = (i64, i32, i32, &'a str);

impl World {
    fn new(name: &str, limits: &Value) -> Self {
        let host = Host::open();
        let (limits, mut pool, mut error) = (limits.to_string(), 0, no_error());
        let status =
            unsafe { semaphore_pool_open(host.runtime, limits.as_ptr(), limits.len(), &raw mut pool, &raw mut error) };
        assert_eq!(status, SEMAPHORE_OK, "{}", text(&mut error.json));
        let directory = Directory::new(name);
        Self { host, pool, directory, jobs: HashMap::new(), seen: 0, is_manual: false, story: Vec::new() }
    }

    fn submit(&mut self, wanted: &[Wanted<'_>]) -> Vec<SemaphoreHandle> {
        let entry = |(id, project, template, _): &Wanted<'_>| json!({"id": id, "project_id": project, "template_id": template, "allow_parallel": *template == 0});
        let entries: Vec<Value> = wanted.iter().map(entry).collect();
        let mut operations = vec![0; wanted.len()];
        assert_eq!(self.try_submit(&json!({"jobs": entries}), &mut operations), (SEMAPHORE_OK, wanted.len()));
        for (operation, (id, _, _, script)) in operations.iter().zip(wanted) {
            self.jobs.insert(*operation, Entry { id: *id, script: (*script).to_owned(), log: 0 });
        }
        operations
    }

    fn try_submit(&self, document: &Value, operations: &mut [SemaphoreHandle]) -> (i32, usize) {
        let (document, mut number) = (document.to_string(), usize::MAX);
        let (p, n) = (document.as_ptr(), document.len());
        let status = unsafe {
            semaphore_pool_submit(
                self.pool,
                p,
                n,
                operations.as_mut_ptr(),
                operations.len(),
                &raw mut number,
                null_mut(),
            )
        };
        (status, number)
    }

    /// Hands over the job of an operation.
    fn start(&mut self, operation: SemaphoreHandle) -> i32 {
        let log = self.host.log(&json!({}));
        let entry = self.jobs.get_mut(&operation).unwrap();
        let name = format!("{}.sh", entry.id);
        self.directory.write(&format!("repository/{name}"), &entry.script);
        entry.log = log;
        let job = json!({
            "task_id": entry.id, "project_id": 1, "template_id": 1, "app": "bash", "playbook": name, "details": {},
            "repository": {
                "id": 4, "name": "r", "url": self.directory.path("repository"), "branch": "",
                "key": {"id": 1, "kind": {"type": "none"}},
            },
        });
        Self::start_with(operation, log, &json!({"config": self.directory.config(), "job": job}))
    }

    fn start_with(operation: SemaphoreHandle, log: SemaphoreHandle, document: &Value) -> i32 {
        let document = document.to_string();
        let (p, n) = (document.as_ptr(), document.len());
        unsafe { semaphore_pool_start(operation, p, n, null(), 0, log, null_mut()) }
    }

    /// Looks at new events.
    fn follow(&mut self) {
        self.host.take();
        while let Some((head, payload)) = self.host.frames.get(self.seen).cloned() {
            self.seen += 1;
            let Some(id) = self.jobs.get(&head.source).map(|entry| entry.id) else { continue };
            let event = match head.kind {
                SEMAPHORE_FRAME_READY => {
                    assert_eq!(payload, id.to_le_bytes());
                    if !self.is_manual {
                        assert_eq!(self.start(head.source), SEMAPHORE_OK);
                    }
                    Event::Ready
                }
                SEMAPHORE_FRAME_STATUS => Event::Status(i32::from_le_bytes(payload[..4].try_into().unwrap())),
                SEMAPHORE_FRAME_OP_DONE => Event::Done,
                other => panic!("an operation of a pool has no event {other}"),
            };
            self.story.push((id, event));
        }
    }

    fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_mins(1);
        while !holds(self) {
            assert!(Instant::now() < deadline, "waited in vain for {what}: {:?}", self.story);
            self.follow();
        }
    }

    fn has(&self, id: i64, event: Event) -> bool {
        self.story.contains(&(id, event))
    }

    fn until_event(&mut self, id: i64, event: Event) {
        self.until(&format!("{event:?} of {id}"), |world| world.has(id, event));
    }

    fn all(&self, event: Event) -> Vec<i64> {
        self.story.iter().filter(|(_, happened)| *happened == event).map(|(id, _)| *id).collect()
    }

    fn events(&self, wanted: i64) -> Vec<Event> {
        self.story.iter().filter(|(id, _)| *id == wanted).map(|(_, event)| *event).collect()
    }

    fn has_line(&self, operation: SemaphoreHandle, line: &str) -> bool {
        self.host.lines(self.jobs[&operation].log).iter().any(|known| known == line)
    }

    fn snapshot(&self) -> Value {
        let mut buffer = SemaphoreBuf::EMPTY;
        assert_eq!(unsafe { semaphore_pool_snapshot(self.pool, &raw mut buffer) }, SEMAPHORE_OK);
        text(&mut buffer)
    }

    /// Numbers of the jobs of a list of the snapshot.
    fn listed(&self, list: &str) -> Vec<i64> {
        self.snapshot()[list].as_array().unwrap().iter().map(|job| job["id"].as_i64().unwrap()).collect()
    }

    fn drain(&mut self, mode: i32) {
        assert_eq!(semaphore_pool_drain(self.pool, mode), SEMAPHORE_OK);
        let pool = self.pool;
        self.until("DRAINED", |world| {
            world.host.frames.iter().any(|(head, _)| head.kind == SEMAPHORE_FRAME_DRAINED && head.source == pool)
        });
        let ends = self.host.frames.iter().filter(|(head, _)| head.kind == SEMAPHORE_FRAME_OP_DONE).count();
        assert_eq!(ends, self.jobs.len(), "every end is told before DRAINED");
        assert_eq!(semaphore_handle_close(self.pool), SEMAPHORE_OK);
        self.host.pool_is_gone();
    }

    /// The script of a job that notes when it begins and ends.
    fn noted(&self, rest: &str) -> String {
        let file = self.directory.path("notes");
        format!("echo + >> {0}\n{rest}\necho - >> {0}\n", file.display())
    }

    /// The largest number of jobs that ran at a time, by their notes.
    fn most_at_once(&self) -> i32 {
        let notes = std::fs::read_to_string(self.directory.path("notes")).unwrap();
        let (mut now, mut most) = (0, 0);
        for line in notes.lines() {
            now += if line == "+" { 1 } else { -1 };
            most = most.max(now);
        }
        assert_eq!(now, 0, "every job has ended");
        most
    }
}

impl Host {
    fn pool_is_gone(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.statistics()["handles"]["pool"] != 0 {
            assert!(Instant::now() < deadline, "the pool still works");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn limits_hold_and_the_order_is_that_of_submission() {
    let mut world = World::new("pool-limits", &json!({"max_parallel": 3, "projects": {"2": 1}}));
    let script = world.noted("sleep 0.05");
    let wanted: Vec<Wanted<'_>> = (1..=12).map(|id| (id, if id > 6 { 1 } else { 2 }, 0, script.as_str())).collect();
    world.submit(&wanted);
    world.until("all", |world| world.all(Event::Done).len() == 12);
    assert_eq!(world.most_at_once(), 3);
    let ready = world.all(Event::Ready);
    assert_eq!(ready[..3], [1, 7, 8], "the project's limit holds back its own jobs only");
    for project in [1..=6, 7..=12] {
        let of_project: Vec<i64> = ready.iter().copied().filter(|id| project.contains(id)).collect();
        assert_eq!(of_project, project.collect::<Vec<_>>());
    }
    // Of the limited project each begins behind the end of the one before.
    for id in 2..=6 {
        let place = |wanted| world.story.iter().position(|event| *event == wanted).unwrap();
        assert!(place((id, Event::Ready)) > place((id - 1, Event::Done)), "{:?}", world.story);
    }
    let success = [SEMAPHORE_TASK_STARTING, SEMAPHORE_TASK_RUNNING, SEMAPHORE_TASK_SUCCESS].map(Event::Status);
    assert_eq!(world.events(1), [success[0], Event::Ready, success[1], success[2], Event::Done]);
    world.drain(SEMAPHORE_DRAIN_ALL);
    world.host.close();
}

#[test]
fn a_template_runs_once_at_a_time_unless_it_may_more_often() {
    let mut world = World::new("pool-template", &json!({}));
    let wait = format!("while [ ! -e {} ]; do sleep 0.01; done", world.directory.path("go").display());
    world.submit(&[(1, 1, 5, &wait), (2, 1, 5, &wait), (3, 1, 6, "true"), (4, 2, 5, "true")]);
    world.until("the others", |world| world.has(3, Event::Done) && world.has(4, Event::Done));
    assert!(!world.has(2, Event::Ready));
    assert_eq!((world.listed("queue"), world.listed("running")), (vec![2], vec![1]));
    let snapshot = world.snapshot();
    assert_eq!(
        (&snapshot["queue"][0]["status"], &snapshot["running"][0]["status"]),
        (&json!("waiting"), &json!("running"))
    );
    assert!(
        snapshot["queue"][0]["began_ns"].is_null()
            && snapshot["running"][0]["began_ns"].as_i64() > snapshot["running"][0]["queued_ns"].as_i64()
    );
    world.directory.write("go", "");
    world.until_event(2, Event::Done);
    world.drain(SEMAPHORE_DRAIN_ALL);
    world.host.close();
}

#[test]
fn raised_limits_let_the_next_begin() {
    let mut world = World::new("pool-raise", &json!({"max_parallel": 1}));
    let operations = world.submit(&[(1, 1, 0, "exec sleep 60"), (2, 1, 0, "true")]);
    world.until_event(1, Event::Status(SEMAPHORE_TASK_RUNNING));
    let limits = br#"{"max_parallel":2}"#;
    assert_eq!(unsafe { semaphore_pool_limits(world.pool, limits.as_ptr(), limits.len(), null_mut()) }, SEMAPHORE_OK);
    world.until_event(2, Event::Done);
    assert_eq!(Host::result(operations[1]).0, SEMAPHORE_OK);
    world.drain(SEMAPHORE_DRAIN_STOP);
    assert_eq!(Host::result(operations[0]).0, SEMAPHORE_E_CANCELLED);
    world.host.close();
}

#[test]
fn waiting_starting_and_running_jobs_are_cancelled() {
    let mut world = World::new("pool-cancel", &json!({"max_parallel": 2}));
    let script = "trap 'echo caught; exit 0' TERM; echo here; while :; do sleep 0.01; done";
    let operations = world.submit(&[(1, 1, 0, script), (2, 1, 0, "true"), (3, 1, 0, "touch begun")]);
    world.is_manual = true;
    world.until("two turns", |world| world.all(Event::Ready).len() == 2);
    assert_eq!(world.start(operations[0]), SEMAPHORE_OK);
    world.until("its output", |world| world.has_line(operations[0], "here"));

    assert_eq!(semaphore_pool_cancel(world.pool, 3, SEMAPHORE_CANCEL_GRACEFUL), SEMAPHORE_OK, "one that waits");
    assert_eq!(semaphore_op_cancel(operations[1], SEMAPHORE_CANCEL_GRACEFUL), SEMAPHORE_OK, "one that is starting");
    world.until("both ends", |world| world.all(Event::Done).len() == 2);
    assert_eq!(world.events(3), [Event::Status(SEMAPHORE_TASK_STOPPED), Event::Done]);
    for operation in &operations[1..] {
        let (status, document, _) = Host::result(*operation);
        assert_eq!(
            (status, &document["status"], &document["reason"]),
            (SEMAPHORE_E_CANCELLED, &json!("stopped"), &json!("requested"))
        );
    }
    assert_eq!(semaphore_pool_cancel(world.pool, 3, SEMAPHORE_CANCEL_GRACEFUL), SEMAPHORE_E_NOT_FOUND);
    assert_eq!(semaphore_pool_cancel(world.pool, 1, 9), SEMAPHORE_E_ARG);

    assert_eq!(semaphore_pool_cancel(world.pool, 1, SEMAPHORE_CANCEL_GRACEFUL), SEMAPHORE_OK, "one that runs");
    world.until_event(1, Event::Done);
    assert!(world.has_line(operations[0], "caught"), "by its stop plan");
    let statuses = [SEMAPHORE_TASK_STARTING, SEMAPHORE_TASK_RUNNING, SEMAPHORE_TASK_STOPPING, SEMAPHORE_TASK_STOPPED];
    let events: Vec<Event> =
        world.events(1).into_iter().filter(|event| *event != Event::Ready && *event != Event::Done).collect();
    assert_eq!(events, statuses.map(Event::Status));
    assert_eq!(Host::result(operations[0]).0, SEMAPHORE_E_CANCELLED);
    assert!(!world.directory.path("repository/begun").exists());
    world.drain(SEMAPHORE_DRAIN_ALL);
    world.host.close();
}

#[test]
fn starting_and_running_jobs_go_back_into_the_queue() {
    let mut world = World::new("pool-requeue", &json!({"max_parallel": 1}));
    let once = world.directory.path("once");
    let script =
        format!("if [ -e {0} ]; then echo again; else touch {0}; echo first; exec sleep 60; fi", once.display());
    let operations = world.submit(&[(1, 1, 0, &script), (2, 1, 0, "true")]);
    world.is_manual = true;
    world.until_event(1, Event::Ready);
    assert_eq!(semaphore_pool_requeue(world.pool, 2, 0), SEMAPHORE_E_STATE, "it waits");
    assert_eq!(semaphore_pool_requeue(world.pool, 1, 0), SEMAPHORE_OK);
    assert_eq!(world.start(operations[0]), SEMAPHORE_E_STATE, "not its turn any more");
    world.until_event(2, Event::Ready);
    assert_eq!(world.listed("queue"), [1], "behind the others");
    world.is_manual = false;
    assert_eq!(world.start(operations[1]), SEMAPHORE_OK);
    world.until("its first run", |world| world.has_line(operations[0], "first"));
    let first_log = world.jobs[&operations[0]].log;

    // It runs now: stopped, it waits for its time, and runs again with another log.
    let before = Instant::now();
    assert_eq!(semaphore_pool_requeue(world.pool, 1, 300), SEMAPHORE_OK);
    world.until_event(1, Event::Done);
    assert!(before.elapsed() >= Duration::from_millis(300));
    let (status, document, _) = Host::result(operations[0]);
    assert_eq!((status, &document["status"]), (SEMAPHORE_OK, &json!("success")));
    assert!(world.has_line(operations[0], "again") && world.jobs[&operations[0]].log != first_log);
    let waited = world.events(1).into_iter().filter(|event| *event == Event::Status(SEMAPHORE_TASK_WAITING)).count();
    assert_eq!((waited, world.all(Event::Ready).into_iter().filter(|id| *id == 1).count()), (2, 3));
    world.drain(SEMAPHORE_DRAIN_ALL);
    world.host.close();
}

#[test]
fn two_hundred_jobs_are_all_done() {
    let mut world = World::new("pool-many", &json!({"max_parallel": 8}));
    let script = world.noted("echo $SEMAPHORE_TASK_DETAILS_ID");
    let wanted: Vec<Wanted<'_>> = (1..=200).map(|id| (id, 1, 0, script.as_str())).collect();
    let operations = world.submit(&wanted);
    world.drain(SEMAPHORE_DRAIN_ALL);
    assert!(world.most_at_once() <= 8);
    assert_eq!(world.all(Event::Ready), (1..=200).collect::<Vec<_>>());
    for operation in operations {
        let (status, document, error) = Host::result(operation);
        assert_eq!((status, &document["outcome"]), (SEMAPHORE_OK, &json!("success")), "{error}");
    }
    assert_eq!(world.host.statistics()["performed"]["jobs"], 200);
    world.host.close();
}

#[test]
fn what_a_pool_cannot_do_is_refused_and_changes_nothing() {
    let mut world = World::new("pool-refuse", &json!({"max_parallel": 1}));
    let operations = world.submit(&[(1, 1, 0, "true"), (2, 1, 0, "true")]);
    world.is_manual = true;
    let job = |id: i64| json!({"id": id, "project_id": 1, "template_id": 1});
    let mut places = [77; 2];
    assert_eq!(world.try_submit(&json!({"jobs": [job(3), job(2)]}), &mut places), (SEMAPHORE_E_EXISTS, 2));
    assert_eq!(world.try_submit(&json!({"jobs": [job(3), job(3)]}), &mut places).0, SEMAPHORE_E_EXISTS);
    assert_eq!(world.try_submit(&json!({"jobs": [job(3), job(4), job(5)]}), &mut places), (SEMAPHORE_E_LIMIT, 3));
    assert_eq!(world.try_submit(&json!({"jobs": [], "x": 1}), &mut places).0, SEMAPHORE_E_PARSE);
    assert_eq!((world.try_submit(&json!({"jobs": []}), &mut []), places), ((SEMAPHORE_OK, 0), [77; 2]));
    world.until_event(1, Event::Ready);
    assert_eq!((world.listed("queue"), world.listed("running")), (vec![2], vec![1]));

    assert_eq!(world.start(operations[1]), SEMAPHORE_E_STATE, "not its turn");
    let other = Host::open();
    let (own, foreign) = (world.host.log(&json!({})), other.log(&json!({})));
    assert_eq!(World::start_with(operations[0], foreign, &json!({})), SEMAPHORE_E_ARG);
    assert_eq!(World::start_with(operations[0], own, &json!({"jobb": 1})), SEMAPHORE_E_PARSE);
    assert_eq!(World::start_with(world.pool, own, &json!({})), SEMAPHORE_E_HANDLE);
    let program = world.host.sh(own, "true");
    assert_eq!(World::start_with(program, own, &json!({})), SEMAPHORE_E_HANDLE);
    assert_eq!(world.host.done(program).0, SEMAPHORE_OK);
    assert_eq!(semaphore_exec_signal(operations[0], 15), SEMAPHORE_E_HANDLE, "not a program");
    assert_eq!(semaphore_job_confirm(operations[0], 1), SEMAPHORE_E_STATE, "it does not wait for that");
    assert_eq!(semaphore_pool_drain(world.pool, 3), SEMAPHORE_E_ARG);
    assert_eq!(world.start(operations[0]), SEMAPHORE_OK, "it is still its turn");
    assert_eq!(world.start(operations[0]), SEMAPHORE_E_STATE, "once");
    world.is_manual = false;
    world.until_event(2, Event::Done);
    // The number of a job that has ended is free.
    assert_eq!(Host::result(operations[0]).0, SEMAPHORE_OK);
    world.submit(&[(1, 1, 0, "true")]);
    world.until("its end", |world| world.all(Event::Done).len() == 3);
    other.close();
    world.host.close();
}

//! How pools come to their end.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[test]
fn a_drain_loses_nothing() {
    for (mode, of_the_first) in [(SEMAPHORE_DRAIN_RUNNING, "success"), (SEMAPHORE_DRAIN_STOP, "stopped")] {
        let mut world = World::new(&format!("pool-drain-{mode}"), &json!({"max_parallel": 1}));
        let wait = format!("echo here; while [ ! -e {} ]; do sleep 0.01; done", world.directory.path("go").display());
        let operations = world.submit(&[(1, 1, 0, &wait), (2, 1, 0, "true"), (3, 1, 0, "true")]);
        world.until("its output", |world| world.jobs[&operations[0]].log != 0 && world.has_line(operations[0], "here"));
        assert_eq!(semaphore_pool_drain(world.pool, mode), SEMAPHORE_OK);
        world.until("those that wait", |world| world.has(2, Event::Done) && world.has(3, Event::Done));
        let late = json!({"jobs": [{"id": 4, "project_id": 1, "template_id": 1}]});
        assert_eq!(world.try_submit(&late, &mut [0]).0, SEMAPHORE_E_STATE);
        if mode == SEMAPHORE_DRAIN_RUNNING {
            assert_eq!(semaphore_pool_requeue(world.pool, 1, 0), SEMAPHORE_E_STATE);
            assert!(!world.has(1, Event::Done));
            world.directory.write("go", "");
        }
        world.drain(mode);
        assert_eq!(Host::result(operations[0]).1["status"], of_the_first);
        for operation in &operations[1..] {
            let (status, document, _) = Host::result(*operation);
            assert_eq!((status, &document["status"]), (SEMAPHORE_E_CANCELLED, &json!("waiting")), "given back");
        }
        assert_eq!(world.all(Event::Ready), [1]);
        world.host.close();
    }
}

#[test]
fn closing_the_runtime_or_the_pool_ends_every_job() {
    for closes_pool in [false, true] {
        let mut world = World::new(&format!("pool-close-{closes_pool}"), &json!({"max_parallel": 1}));
        let operations = world.submit(&[(1, 1, 0, "echo here; exec sleep 60"), (2, 1, 0, "true"), (3, 1, 0, "true")]);
        world.until("its output", |world| world.jobs[&operations[0]].log != 0 && world.has_line(operations[0], "here"));
        assert_eq!(semaphore_handle_close(operations[2]), SEMAPHORE_OK, "nobody wants its result");
        if closes_pool {
            assert_eq!(semaphore_handle_close(world.pool), SEMAPHORE_OK);
        } else {
            assert_eq!(semaphore_rt_close(world.host.runtime, 5000), SEMAPHORE_OK);
        }
        world.until("all ends", |world| world.all(Event::Done).len() == 3);
        assert_eq!(Host::result(operations[0]).1["status"], "stopped");
        assert_eq!(Host::result(operations[1]).1["status"], "waiting");
        let open = json!({}).to_string();
        let mut pool = 0;
        if !closes_pool {
            world.host.until(|head| head.kind == SEMAPHORE_FRAME_RT_CLOSED);
            assert_eq!(
                unsafe {
                    semaphore_pool_open(world.host.runtime, open.as_ptr(), open.len(), &raw mut pool, null_mut())
                },
                SEMAPHORE_E_STATE
            );
        }
        world.host.close();
    }
}

#[test]
fn pools_may_be_closed_while_they_are_used() {
    for round in 0..10 {
        let mut world = World::new("pool-race", &json!({"max_parallel": 2}));
        world.is_manual = true;
        let wanted: Vec<Wanted<'_>> = (1..=20).map(|id| (id, 1, 0, "true")).collect();
        let operations = world.submit(&wanted);
        let (over, pool) = (AtomicBool::new(false), world.pool);
        std::thread::scope(|scope| {
            for number in 0..3_i64 {
                let (over, operations) = (&over, &operations);
                scope.spawn(move || {
                    let mut id = number;
                    while !over.load(Ordering::Acquire) {
                        id = id % 20 + 1;
                        let operation = operations[usize::try_from(id - 1).unwrap()];
                        let mut buffer = SemaphoreBuf::EMPTY;
                        let seen = unsafe {
                            [
                                semaphore_pool_snapshot(pool, &raw mut buffer),
                                semaphore_pool_requeue(pool, id, 0),
                                semaphore_pool_start(operation, b"{}".as_ptr(), 2, null(), 0, 0, null_mut()),
                                if id % 5 == 0 { semaphore_pool_cancel(pool, id, 0) } else { 0 },
                            ]
                        };
                        unsafe { semaphore_buf_free(&raw mut buffer) };
                        assert!(seen.iter().all(|status| *status > SEMAPHORE_E_PANIC), "{seen:?}");
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(round));
            assert_eq!(semaphore_handle_close(pool), SEMAPHORE_OK);
            over.store(true, Ordering::Release);
        });
        world.until("all ends", |world| world.all(Event::Done).len() == 20);
        world.host.pool_is_gone();
        world.host.close();
    }
}

//! Defects inside every function, garbage in every parameter, and handles that are closed while they are used.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

type Call = fn() -> i32;

/// Every exported function that has a status, called with nothing.
fn every_function() -> Vec<(&'static str, Call)> {
    macro_rules! functions {
        ($($name:ident($($argument:expr),*)),* $(,)?) => {
            vec![$((stringify!($name), || {
                #[allow(unused_unsafe)]
                unsafe { $name($($argument),*) as i32 }
            })),*]
        };
    }
    functions![
        semaphore_exec_answer(0, null(), 0),
        semaphore_exec_close_stdin(0),
        semaphore_exec_signal(0, 15),
        semaphore_exec_start(0, null(), 0, null(), 0, 0, null_mut(), null_mut()),
        semaphore_git_start(0, 0, null(), 0, 0, 0, null_mut(), null_mut()),
        semaphore_handle_close(0),
        semaphore_job_confirm(0, 0),
        semaphore_job_start(0, null(), 0, null(), 0, 0, null_mut(), null_mut()),
        semaphore_job_stop(0, 0),
        semaphore_key_info(0, null_mut(), null_mut()),
        semaphore_key_install(0, null(), 0, null(), 0, null(), 0, null_mut(), null_mut()),
        semaphore_key_secret(0, null_mut()),
        semaphore_log_attach_fd(0, 0, 0),
        semaphore_log_credit(0, 0),
        semaphore_log_flush(0, 0),
        semaphore_log_open(0, null(), 0, null_mut(), null_mut()),
        semaphore_log_set_commit(0, null(), 0, null(), 0),
        semaphore_log_set_status(0, 0, null_mut()),
        semaphore_log_status(0),
        semaphore_log_write(0, 0, 0, null(), 0),
        semaphore_op_cancel(0, 0),
        semaphore_op_result(0, null_mut(), null_mut()),
        semaphore_pool_cancel(0, 0, 0),
        semaphore_pool_drain(0, 0),
        semaphore_pool_limits(0, null(), 0, null_mut()),
        semaphore_pool_open(0, null(), 0, null_mut(), null_mut()),
        semaphore_pool_requeue(0, 0, 0),
        semaphore_pool_snapshot(0, null_mut()),
        semaphore_pool_start(0, null(), 0, null(), 0, 0, null_mut()),
        semaphore_pool_submit(0, null(), 0, null_mut(), 0, null_mut(), null_mut()),
        semaphore_rt_close(0, 0),
        semaphore_rt_event_fd(0),
        semaphore_rt_open(null(), 0, null_mut(), null_mut()),
        semaphore_rt_poll(0, null_mut(), 0),
        semaphore_rt_set_wakeup(0, None, null_mut(), None),
        semaphore_rt_wait(0, null_mut(), 0, 0),
        semaphore_stats(0, null_mut()),
        semaphore_status_next(0, 10, 0),
    ]
}

/// Those that have no status to answer: four cannot fail, and the last answers nothing.
const WITHOUT_STATUS: [&str; 5] = [
    "semaphore_abi_features",
    "semaphore_abi_version",
    "semaphore_build_id",
    "semaphore_ffi_abi_v1",
    "semaphore_buf_free",
];

#[test]
fn the_list_of_functions_is_that_of_the_library() {
    let list = include_str!("../../../../tests/ffi/symbols.txt");
    let exported: Vec<_> = list.lines().filter(|line| !line.starts_with('#')).collect();
    let mut known: Vec<_> = every_function().into_iter().map(|(name, _)| name).chain(WITHOUT_STATUS).collect();
    known.sort_unstable();
    assert_eq!(known, exported);
}

#[test]
fn a_defect_in_any_function_is_a_status_and_nothing_else() {
    for (name, call) in every_function() {
        inject_panic();
        assert_eq!(call(), SEMAPHORE_E_PANIC, "{name}");
        let after = call();
        assert!((SEMAPHORE_E_ABI..0).contains(&after), "{name} answers {after} to nothing");
    }
    inject_panic();
    unsafe { semaphore_buf_free(null_mut()) };
}

#[test]
fn garbage_in_documents_is_a_status() {
    let host = Host::open();
    let log = host.log(&json!({}));
    let deep = "[".repeat(100_000);
    let documents: [&[u8]; 9] = [
        b"",
        b"\xff\xfe\x00",
        b"{",
        b"null",
        b"[]",
        b"{\"version\":-1}",
        b"{\"version\":1e400}",
        b"{\"job\":\"\\ud800\"}",
        deep.as_bytes(),
    ];
    for document in documents {
        let (p, n) = (document.as_ptr(), document.len());
        let (mut op, mut e) = (7, no_error());
        let (rt, op, e) = (host.runtime, &raw mut op, &raw mut e);
        let status = unsafe {
            [
                semaphore_exec_start(rt, p, n, p, n, log, op, e),
                semaphore_job_start(rt, p, n, p, n, log, op, e),
                semaphore_git_start(rt, SEMAPHORE_GIT_CLONE, p, n, 0, log, op, e),
            ]
        };
        assert!(status.iter().all(|status| (SEMAPHORE_E_ABI..0).contains(status)), "{status:?}");
        assert_eq!(unsafe { *op }, 0, "the place is never left undefined");
    }
    // The number after the last record has to exist.
    let last = format!("{{\"first_seq\":{}}}", u64::MAX);
    let mut never = 7;
    let status = unsafe { semaphore_log_open(host.runtime, last.as_ptr(), last.len(), &raw mut never, null_mut()) };
    assert_eq!((status, never), (SEMAPHORE_E_ARG, 0));
    // Lengths beyond all memory are refused before anything is read.
    let (byte, mut op) = (1_u8, 0);
    for huge in [usize::MAX, isize::MAX as usize + 1] {
        let (p, op) = (&raw const byte, &raw mut op);
        let status = unsafe {
            [
                semaphore_exec_start(host.runtime, p, huge, null(), 0, log, op, null_mut()),
                semaphore_job_start(host.runtime, p, 1, p, huge, log, op, null_mut()),
                semaphore_job_start(host.runtime, p, huge, null(), 0, log, op, null_mut()),
                semaphore_git_start(host.runtime, 1, p, huge, 0, log, op, null_mut()),
                semaphore_log_write(log, 0, 0, p, huge),
                semaphore_log_set_commit(log, p, 1, p, huge),
            ]
        };
        assert_eq!(status, [SEMAPHORE_E_ARG; 6]);
    }
    host.close();
}

#[test]
fn handles_may_be_closed_while_they_are_used() {
    let mut host = Host::open();
    let over = AtomicBool::new(false);
    let mut operations = Vec::new();
    for round in 0..20 {
        let log = host.log(&json!({}));
        let operation = host.sh(log, "echo x; read -r line; echo $line");
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !over.load(Ordering::Acquire) {
                        let seen = unsafe {
                            [
                                semaphore_log_write(log, 0, 0, b"y".as_ptr(), 1),
                                semaphore_log_set_status(log, SEMAPHORE_TASK_RUNNING, null_mut()),
                                semaphore_log_flush(log, 1),
                                semaphore_exec_answer(operation, b"z\n".as_ptr(), 2),
                                semaphore_exec_signal(operation, 0),
                                semaphore_job_confirm(operation, 1),
                                semaphore_op_cancel(operation, SEMAPHORE_CANCEL_GRACEFUL),
                            ]
                        };
                        assert!(seen.iter().all(|status| *status > SEMAPHORE_E_PANIC), "{seen:?}");
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(round % 4));
            let first = if round % 2 == 0 { [log, operation] } else { [operation, log] };
            for handle in first {
                assert_eq!(semaphore_handle_close(handle), SEMAPHORE_OK);
                assert_eq!(semaphore_handle_close(handle), SEMAPHORE_E_HANDLE);
            }
            over.store(true, Ordering::Release);
        });
        over.store(false, Ordering::Release);
        operations.push(operation);
    }
    for operation in operations {
        host.until(|head| head.kind == SEMAPHORE_FRAME_OP_DONE && head.source == operation);
    }
    host.close();
}

//! The exported functions as a host calls them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "one argument for all: pointers are to locals that live during the call, or wrong on purpose where they are refused"
)]

mod garbage;
mod identity;
mod jobs;
mod pool;
mod progress;

use std::{
    os::fd::{AsRawFd, IntoRawFd},
    ptr::{null, null_mut},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::*;
use crate::{
    SemaphoreHandle,
    boundary::inject_panic,
    code::*,
    frame::{Head, decode},
    memory::{SemaphoreBuf, SemaphoreErr, borrow},
};

/// A runtime whose events are gathered; closed at the end of the test.
struct Host {
    runtime: SemaphoreHandle,
    frames: Vec<(Head, Vec<u8>)>,
    credits: bool,
}

fn no_error() -> SemaphoreErr {
    SemaphoreErr { size: size_of::<SemaphoreErr>() as u32, code: 0, os_errno: 0, flags: 0, json: SemaphoreBuf::EMPTY }
}

fn text(buffer: &mut SemaphoreBuf) -> Value {
    let value = serde_json::from_slice(unsafe { borrow(buffer.ptr, buffer.len) }.unwrap()).unwrap_or(Value::Null);
    unsafe { semaphore_buf_free(buffer) };
    value
}

impl Host {
    fn open() -> Self {
        let mut runtime = 0;
        assert_eq!(unsafe { semaphore_rt_open(null(), 0, &raw mut runtime, null_mut()) }, SEMAPHORE_OK);
        Self { runtime, frames: Vec::new(), credits: true }
    }

    fn log(&self, options: &Value) -> SemaphoreHandle {
        let (options, mut log, mut error) = (options.to_string(), 0, no_error());
        let status =
            unsafe { semaphore_log_open(self.runtime, options.as_ptr(), options.len(), &raw mut log, &raw mut error) };
        assert_eq!(status, SEMAPHORE_OK, "{}", text(&mut error.json));
        log
    }

    fn exec(&self, log: SemaphoreHandle, spec: &Value, stdin: &[u8]) -> Result<SemaphoreHandle, (i32, Value)> {
        let (spec, mut operation, mut error) = (spec.to_string(), 0, no_error());
        let status = unsafe {
            semaphore_exec_start(
                self.runtime,
                spec.as_ptr(),
                spec.len(),
                stdin.as_ptr(),
                stdin.len(),
                log,
                &raw mut operation,
                &raw mut error,
            )
        };
        if status == SEMAPHORE_OK { Ok(operation) } else { Err((error.code, text(&mut error.json))) }
    }

    fn sh(&self, log: SemaphoreHandle, script: &str) -> SemaphoreHandle {
        self.exec(log, &json!({"argv": ["/bin/sh", "-c", script], "dir": "/"}), b"").unwrap()
    }

    fn result(operation: SemaphoreHandle) -> (i32, Value, Value) {
        let (mut document, mut error) = (SemaphoreBuf::EMPTY, no_error());
        let status = unsafe { semaphore_op_result(operation, &raw mut document, &raw mut error) };
        (status, text(&mut document), text(&mut error.json))
    }

    /// Takes events until one fits; gives credit for what it took.
    fn until(&mut self, fits: impl Fn(&Head) -> bool) -> (Head, Vec<u8>) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(found) = self.frames.iter().find(|(head, _)| fits(head)) {
                return found.clone();
            }
            assert!(Instant::now() < deadline, "no such event, but {:?}", self.kinds());
            self.take();
        }
    }

    /// Waits for events and takes them.
    fn take(&mut self) {
        let mut buffer = vec![0; SEMAPHORE_FRAME_MAX];
        let used = unsafe { semaphore_rt_wait(self.runtime, buffer.as_mut_ptr(), buffer.len(), 1000) };
        let frames = decode::frames(&buffer[..usize::try_from(used).unwrap()]);
        if self.credits {
            for (head, payload) in &frames {
                semaphore_log_credit(head.source, (SEMAPHORE_FRAME_HEAD + payload.len()).next_multiple_of(8) as u32);
            }
        }
        self.frames.extend(frames);
    }

    fn done(&mut self, operation: SemaphoreHandle) -> (i32, Value, Value) {
        self.until(|head| head.kind == SEMAPHORE_FRAME_OP_DONE && head.source == operation);
        Self::result(operation)
    }

    fn kinds(&self) -> Vec<u16> {
        self.frames.iter().map(|(head, _)| head.kind).collect()
    }

    fn lines(&self, log: SemaphoreHandle) -> Vec<String> {
        let mut next = 0;
        let mut lines = Vec::new();
        for (head, payload) in
            self.frames.iter().filter(|(head, _)| head.source == log && head.kind == SEMAPHORE_FRAME_LOG)
        {
            assert_eq!(head.seq, next, "sequence numbers have no gap");
            let found = decode::lines(payload);
            next += found.len() as u64;
            lines.extend(found);
        }
        lines
    }

    fn statistics(&self) -> Value {
        let mut buffer = SemaphoreBuf::EMPTY;
        assert_eq!(unsafe { semaphore_stats(self.runtime, &raw mut buffer) }, SEMAPHORE_OK);
        text(&mut buffer)
    }

    fn close(mut self) {
        assert_eq!(semaphore_rt_close(self.runtime, 5000), SEMAPHORE_OK);
        self.until(|head| head.kind == SEMAPHORE_FRAME_RT_CLOSED);
        assert_eq!(self.kinds().last(), Some(&SEMAPHORE_FRAME_RT_CLOSED));
        assert_eq!(semaphore_handle_close(self.runtime), SEMAPHORE_OK);
        assert_eq!(semaphore_handle_close(self.runtime), SEMAPHORE_E_HANDLE);
    }
}

#[test]
fn a_program_s_lines_come_before_its_end() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let operation = host.sh(log, "echo one; echo two >&2; echo three; exit 3");
    let (status, document, error) = host.done(operation);
    assert_eq!(status, SEMAPHORE_E_EXIT);
    assert_eq!((&document["exit_code"], &document["text"]), (&json!(3), &json!("exit status 3")));
    assert_eq!((&error["exit_code"], &error["stderr_tail"]), (&json!(3), &json!("two")));
    let mut lines = host.lines(log);
    lines.sort();
    assert_eq!(lines, ["one", "three", "two"]);
    assert_eq!(Host::result(operation).0, SEMAPHORE_E_HANDLE, "the result was taken");
    host.close();
}

#[test]
fn a_hundred_thousand_lines_arrive_in_order() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let operation = host.sh(log, "i=0; while [ $i -lt 100000 ]; do echo \"line $i\"; i=$((i+1)); done");
    assert_eq!(host.done(operation).0, SEMAPHORE_OK);
    let lines = host.lines(log);
    assert_eq!(lines.len(), 100_000);
    assert!(lines.iter().enumerate().all(|(number, line)| *line == format!("line {number}")));
    host.close();
}

#[test]
fn a_log_whose_reader_gives_no_credit_stops_its_own_program_only() {
    let mut host = Host::open();
    host.credits = false;
    let (blocked, free) = (host.log(&json!({})), host.log(&json!({})));
    let endless = host.sh(
        blocked,
        "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done",
    );
    for _ in 0..20 {
        let operation = host.sh(free, "echo free");
        assert_eq!(host.done(operation).0, SEMAPHORE_OK);
    }
    assert_eq!(host.lines(free).len(), 20);
    let handed: usize =
        host.frames.iter().filter(|(head, _)| head.source == blocked).map(|(_, payload)| payload.len()).sum();
    assert!(handed < SEMAPHORE_CREDIT_WINDOW + (1 << 20), "{handed} bytes without credit");
    assert!(host.statistics()["queue"]["bytes"].as_u64().unwrap() < 8 << 20);
    assert_eq!(semaphore_op_cancel(endless, SEMAPHORE_CANCEL_NOW), SEMAPHORE_OK);
    assert_eq!(host.done(endless).0, SEMAPHORE_E_CANCELLED, "cancelling does not wait for credit");
    host.close();
}

#[test]
fn what_cannot_be_started_is_told_by_the_end() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let operation = host.exec(log, &json!({"argv": ["/nowhere/program"], "dir": "/"}), b"").unwrap();
    let (status, _, error) = host.done(operation);
    assert_eq!(status, SEMAPHORE_E_SPAWN);
    assert!(error["msg"].as_str().unwrap().contains("/nowhere/program"), "{error}");
    host.close();
}

#[test]
fn documents_that_are_not_understood_are_refused() {
    let host = Host::open();
    let log = host.log(&json!({}));
    let cases = [
        (json!({"dir": "/"}), b"".as_slice(), SEMAPHORE_E_PARSE),
        (json!({"argv": [], "dir": "/"}), b"", SEMAPHORE_E_ARG),
        (json!({"argv": ["/bin/true"], "dir": "/", "shell": true}), b"", SEMAPHORE_E_PARSE),
        (json!({"argv": ["/bin/true"], "dir": "/", "version": 2}), b"", SEMAPHORE_E_UNSUPPORTED),
        (json!({"argv": ["/bin/true"], "dir": "/"}), b"input", SEMAPHORE_E_ARG),
        (json!({"argv": ["/bin/true"], "dir": "/", "prompts": ["P:"]}), b"", SEMAPHORE_E_ARG),
        (
            json!({"argv": ["/bin/true"], "dir": "/", "stdin": "pty", "prompts": ["P:"]}),
            b"\x09\0\0\0x",
            SEMAPHORE_E_ARG,
        ),
        (json!("text"), b"", SEMAPHORE_E_PARSE),
    ];
    for (spec, stdin, expected) in cases {
        let (status, error) = host.exec(log, &spec, stdin).unwrap_err();
        assert_eq!(status, expected, "{spec}: {error}");
        assert_eq!(error["op"], "exec_start");
    }
    assert_eq!(host.statistics()["handles"]["operation"], 0);
    host.close();
}

#[test]
fn input_reaches_a_pipe_also_before_the_program_runs() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let operation = host.exec(log, &json!({"argv": ["/bin/cat"], "dir": "/", "stdin": "pipe"}), b"first\n").unwrap();
    let more = b"second\n";
    assert_eq!(unsafe { semaphore_exec_answer(operation, more.as_ptr(), more.len()) }, SEMAPHORE_OK);
    assert_eq!(semaphore_exec_close_stdin(operation), SEMAPHORE_OK);
    assert_eq!(host.done(operation).0, SEMAPHORE_OK);
    assert_eq!(host.lines(log), ["first", "second"]);
    host.close();
}

#[test]
fn a_prompt_on_the_terminal_is_answered_with_the_secret() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let script =
        "printf 'BECOME password: ' > /dev/tty; read -r answer < /dev/tty; [ \"$answer\" = s3cret ] && echo right";
    let spec = json!({"argv": ["/bin/sh", "-c", script], "dir": "/", "stdin": "pty", "prompts": ["BECOME password"]});
    let operation = host.exec(log, &spec, b"\x06\0\0\0s3cret").unwrap();
    assert_eq!(host.done(operation).0, SEMAPHORE_OK);
    assert_eq!(host.lines(log), ["right"]);
    host.close();
}

#[test]
fn a_deadline_stops_the_program() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let spec = json!({"argv": ["/bin/sleep", "60"], "dir": "/", "deadline_ms": 50});
    let operation = host.exec(log, &spec, b"").unwrap();
    let (status, document, _) = host.done(operation);
    assert_eq!((status, &document["deadline"]), (SEMAPHORE_E_TIMEOUT, &json!(true)));
    host.close();
}

#[test]
fn closing_the_runtime_ends_its_programs_and_hands_out_everything() {
    let mut host = Host::open();
    host.credits = false;
    let log = host.log(&json!({}));
    let operation = host.sh(log, "trap 'echo caught; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    host.until(|head| head.kind == SEMAPHORE_FRAME_LOG);
    let runtime = host.runtime;
    assert_eq!(semaphore_rt_close(runtime, 10_000), SEMAPHORE_OK);
    host.until(|head| head.kind == SEMAPHORE_FRAME_RT_CLOSED);
    // The shell may add a word about its own child.
    assert!(host.lines(log).contains(&"caught".to_owned()), "{:?}", host.lines(log));
    assert_eq!(Host::result(operation).0, SEMAPHORE_E_CANCELLED);
    assert_eq!(unsafe { semaphore_log_write(log, 0, 0, null(), 0) }, SEMAPHORE_E_STATE);
    assert_eq!(host.exec(log, &json!({"argv": ["/bin/true"], "dir": "/"}), b"").unwrap_err().0, SEMAPHORE_E_STATE);
    assert_eq!(semaphore_handle_close(log), SEMAPHORE_OK);
    assert_eq!(host.statistics()["handles"], json!({"log": 0, "operation": 0, "key": 0, "pool": 0}));
    assert_eq!(semaphore_handle_close(runtime), SEMAPHORE_OK);
}

#[test]
fn the_host_s_lines_keep_their_text_and_time() {
    let mut host = Host::open();
    let log = host.log(&json!({"first_seq": 0}));
    let write =
        |stream, time, bytes: &[u8]| unsafe { semaphore_log_write(log, stream, time, bytes.as_ptr(), bytes.len()) };
    assert_eq!(write(SEMAPHORE_STREAM_STDOUT, 7, b"a\nb\r\n\nc"), SEMAPHORE_OK);
    assert_eq!(write(SEMAPHORE_STREAM_SYSTEM | SEMAPHORE_STREAM_WHOLE, 8, b"two\nlines\n"), SEMAPHORE_OK);
    assert_eq!(write(SEMAPHORE_STREAM_SYSTEM | SEMAPHORE_STREAM_WHOLE, 9, b""), SEMAPHORE_OK);
    assert_eq!(write(5, 9, b"x"), SEMAPHORE_E_ARG);
    assert_eq!(semaphore_log_flush(log, 1000), SEMAPHORE_OK);
    host.until(|head| head.kind == SEMAPHORE_FRAME_FLUSHED);
    assert_eq!(host.lines(log), ["a", "b", "", "c", "two\nlines\n", ""]);
    let times: Vec<i64> =
        host.frames.iter().filter(|(head, _)| head.kind == SEMAPHORE_FRAME_LOG).map(|(head, _)| head.unix_ns).collect();
    assert_eq!(times, [7, 8, 9]);
    host.close();
}

#[test]
fn statuses_follow_the_log_s_rule_and_keep_their_place() {
    let mut host = Host::open();
    let log = host.log(&json!({"flavour": SEMAPHORE_FLAVOUR_STRICT, "status": SEMAPHORE_TASK_STARTING}));
    let set = |status| {
        let mut changed = -1;
        assert_eq!(unsafe { semaphore_log_set_status(log, status, &raw mut changed) }, SEMAPHORE_OK);
        changed
    };
    assert_eq!(set(SEMAPHORE_TASK_RUNNING), 1);
    assert_eq!(set(SEMAPHORE_TASK_WAITING), 0);
    unsafe { semaphore_log_write(log, 0, 0, b"work".as_ptr(), 4) };
    assert_eq!(set(SEMAPHORE_TASK_SUCCESS), 1);
    assert_eq!(set(SEMAPHORE_TASK_ERROR), 0);
    assert_eq!(semaphore_log_status(log), SEMAPHORE_TASK_SUCCESS);
    assert_eq!(unsafe { semaphore_log_set_status(log, 10, null_mut()) }, SEMAPHORE_E_ARG);
    assert_eq!(unsafe { semaphore_log_set_commit(log, b"abc".as_ptr(), 3, b"why".as_ptr(), 3) }, SEMAPHORE_OK);
    let (_, commit) = host.until(|head| head.kind == SEMAPHORE_FRAME_COMMIT);
    assert_eq!(commit, b"\x03\0\0\0abc\x03\0\0\0why");
    let statuses: Vec<u16> = host.kinds();
    assert_eq!(statuses, [SEMAPHORE_FRAME_STATUS, SEMAPHORE_FRAME_LOG, SEMAPHORE_FRAME_STATUS, SEMAPHORE_FRAME_COMMIT]);
    for from in 0..10 {
        for to in 0..10 {
            let next = semaphore_status_next(from, to, SEMAPHORE_FLAVOUR_REFERENCE);
            let sticky = from == SEMAPHORE_TASK_STOPPED;
            assert!(next == to || next == from);
            assert!(!sticky || next == from);
        }
    }
    assert_eq!(semaphore_status_next(0, 10, 0), SEMAPHORE_E_ARG);
    assert_eq!(semaphore_status_next(0, 1, 3), SEMAPHORE_E_ARG);
    host.close();
}

#[test]
fn an_attached_pipe_is_read_to_its_end_and_a_flush_waits_for_it() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let (reader, writer) = nix::unistd::pipe().unwrap();
    let raw = reader.into_raw_fd();
    assert_eq!(unsafe { semaphore_log_attach_fd(log, raw, SEMAPHORE_STREAM_STDERR) }, SEMAPHORE_OK);
    let lines = std::thread::spawn(move || {
        for number in 0..20_000 {
            let line = format!("line {number}\n");
            let mut rest = line.as_bytes();
            while !rest.is_empty() {
                rest = &rest[nix::unistd::write(&writer, rest).unwrap()..];
            }
        }
        nix::unistd::write(&writer, b"unterminated").unwrap();
    });
    assert_eq!(semaphore_log_flush(log, 20_000), SEMAPHORE_OK);
    host.until(|head| head.kind == SEMAPHORE_FRAME_FLUSHED);
    lines.join().unwrap();
    let found = host.lines(log);
    assert_eq!((found.len(), found.last().unwrap().as_str()), (20_001, "unterminated"));
    assert_eq!(host.statistics()["attached_fds"], 0);
    host.close();
}

#[test]
fn a_held_pipe_delays_a_flush_by_its_silence_only() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    let (reader, writer) = nix::unistd::pipe().unwrap();
    assert_eq!(unsafe { semaphore_log_attach_fd(log, reader.into_raw_fd(), SEMAPHORE_STREAM_STDOUT) }, SEMAPHORE_OK);
    nix::unistd::write(&writer, b"before\n").unwrap();
    assert_eq!(semaphore_log_flush(log, 100), SEMAPHORE_OK);
    host.until(|head| head.kind == SEMAPHORE_FRAME_FLUSHED);
    assert_eq!(host.lines(log), ["before"]);
    nix::unistd::write(&writer, b"after\nrest").unwrap();
    host.until(|head| head.kind == SEMAPHORE_FRAME_LOG && head.seq == 1);
    assert_eq!(semaphore_handle_close(log), SEMAPHORE_OK);
    host.until(|head| head.kind == SEMAPHORE_FRAME_LOG && head.seq == 2);
    assert_eq!(host.lines(log), ["before", "after", "rest"]);
    host.close();
}

/// A final status waits for the output; what is set after it must not overtake it.
#[test]
fn statuses_keep_their_order_while_a_pipe_is_held() {
    let mut host = Host::open();
    let log = host.log(&json!({"flavour": SEMAPHORE_FLAVOUR_NONE}));
    let (reader, writer) = nix::unistd::pipe().unwrap();
    assert_eq!(unsafe { semaphore_log_attach_fd(log, reader.into_raw_fd(), SEMAPHORE_STREAM_STDOUT) }, SEMAPHORE_OK);
    let wanted = [SEMAPHORE_TASK_SUCCESS, SEMAPHORE_TASK_RUNNING, SEMAPHORE_TASK_ERROR];
    for status in wanted {
        assert_eq!(unsafe { semaphore_log_set_status(log, status, null_mut()) }, SEMAPHORE_OK);
    }
    drop(writer);
    assert_eq!(semaphore_log_flush(log, 20_000), SEMAPHORE_OK);
    host.until(|head| head.kind == SEMAPHORE_FRAME_FLUSHED);
    let statuses = host.frames.iter().filter(|(head, _)| head.kind == SEMAPHORE_FRAME_STATUS);
    let order: Vec<i32> = statuses.map(|(_, payload)| i32::from_le_bytes(payload[..4].try_into().unwrap())).collect();
    assert_eq!(order, wanted);
    host.close();
}

#[test]
fn descriptors_that_cannot_be_read_stay_the_host_s() {
    let host = Host::open();
    let log = host.log(&json!({}));
    let file = tempfile();
    assert_eq!(unsafe { semaphore_log_attach_fd(log, file.as_raw_fd(), 0) }, SEMAPHORE_E_UNSUPPORTED);
    assert!(file.metadata().is_ok(), "still open");
    assert_eq!(unsafe { semaphore_log_attach_fd(log, file.as_raw_fd(), 9) }, SEMAPHORE_E_ARG);
    assert_eq!(unsafe { semaphore_log_attach_fd(log, -1, 0) }, SEMAPHORE_E_ARG);
    assert_eq!(unsafe { semaphore_log_attach_fd(log, 1_000_000, 0) }, SEMAPHORE_E_IO);
    host.close();
}

fn tempfile() -> std::fs::File {
    std::fs::File::open(std::env::current_exe().unwrap()).unwrap()
}

#[test]
fn numbers_of_records_cannot_run_out() {
    let host = Host::open();
    for (first, expected) in [(i64::MAX as u64, SEMAPHORE_OK), (1 << 63, SEMAPHORE_E_ARG), (u64::MAX, SEMAPHORE_E_ARG)]
    {
        let (options, mut log) = (json!({"first_seq": first}).to_string(), 0);
        let (p, n) = (options.as_ptr(), options.len());
        assert_eq!(unsafe { semaphore_log_open(host.runtime, p, n, &raw mut log, null_mut()) }, expected);
        if log != 0 {
            assert_eq!(unsafe { semaphore_log_write(log, 0, 0, b"a\nb".as_ptr(), 3) }, SEMAPHORE_OK);
            assert_eq!(semaphore_handle_close(log), SEMAPHORE_OK);
        }
    }
    host.close();
}

#[test]
fn wrong_handles_are_refused_everywhere() {
    let host = Host::open();
    let log = host.log(&json!({}));
    let mut byte = 0_u8;
    for wrong in [0, 1, u64::MAX, host.runtime ^ 1 << 40, log ^ 1 << 33] {
        unsafe {
            assert_eq!(semaphore_rt_close(wrong, 0), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_rt_event_fd(wrong), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_rt_poll(wrong, &raw mut byte, 1), SEMAPHORE_E_HANDLE as isize);
            assert_eq!(semaphore_rt_wait(wrong, &raw mut byte, 1, 0), SEMAPHORE_E_HANDLE as isize);
            assert_eq!(semaphore_rt_set_wakeup(wrong, None, null_mut(), None), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_log_write(wrong, 0, 0, null(), 0), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_log_set_status(wrong, 0, null_mut()), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_log_status(wrong), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_log_set_commit(wrong, null(), 0, null(), 0), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_log_attach_fd(wrong, 0, 0), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_log_flush(wrong, 0), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_log_credit(wrong, 0), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_exec_signal(wrong, 15), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_exec_answer(wrong, null(), 0), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_exec_close_stdin(wrong), SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_op_cancel(wrong, 0), SEMAPHORE_E_HANDLE);
            assert_eq!(Host::result(wrong).0, SEMAPHORE_E_HANDLE);
            assert_eq!(semaphore_handle_close(wrong), SEMAPHORE_E_HANDLE);
        }
    }
    // A handle of another kind is no better.
    assert_eq!(semaphore_rt_close(log, 0), SEMAPHORE_E_HANDLE);
    assert_eq!(semaphore_log_status(host.runtime), SEMAPHORE_E_HANDLE);
    assert_eq!(semaphore_op_cancel(log, 0), SEMAPHORE_E_HANDLE);
    host.close();
}

#[test]
fn null_places_and_small_buffers_are_refused() {
    let host = Host::open();
    let log = host.log(&json!({}));
    unsafe {
        assert_eq!(semaphore_rt_open(null(), 0, null_mut(), null_mut()), SEMAPHORE_E_ARG);
        assert_eq!(semaphore_rt_open(null(), 5, &mut 0, null_mut()), SEMAPHORE_E_ARG);
        assert_eq!(semaphore_stats(host.runtime, null_mut()), SEMAPHORE_E_ARG);
        assert_eq!(semaphore_rt_poll(host.runtime, null_mut(), 10), SEMAPHORE_E_ARG as isize);
        semaphore_buf_free(null_mut());
        semaphore_log_write(log, 0, 0, b"text".as_ptr(), 4);
        let mut small = [0_u8; 16];
        assert_eq!(
            semaphore_rt_wait(host.runtime, small.as_mut_ptr(), small.len(), 30_000),
            SEMAPHORE_E_LIMIT as isize
        );
    }
    for bad in ["{", "[]", r#"{"queue_bytes":1}"#, r#"{"version":2}"#, r#"{"unknown":1}"#] {
        let (mut runtime, mut error) = (7, no_error());
        let status = unsafe { semaphore_rt_open(bad.as_ptr(), bad.len(), &raw mut runtime, &raw mut error) };
        assert!(status < 0 && error.code == status && runtime == 0, "{bad}");
        assert_eq!(text(&mut error.json)["op"], "rt_open");
    }
    host.close();
}

#[test]
fn a_defect_is_a_status_and_an_event_and_the_next_call_works() {
    let mut host = Host::open();
    let log = host.log(&json!({}));
    inject_panic();
    assert_eq!(semaphore_log_status(log), SEMAPHORE_E_PANIC);
    assert_eq!(semaphore_log_status(log), SEMAPHORE_TASK_WAITING);
    // Other tests inject too, and every open runtime hears of every panic.
    let (_, payload) = host.until(|head| head.kind == SEMAPHORE_FRAME_PANIC);
    assert!(String::from_utf8(payload).unwrap().contains("injected into"));
    inject_panic();
    let mut error = no_error();
    assert_eq!(unsafe { semaphore_log_open(host.runtime, null(), 0, &mut 0, &raw mut error) }, SEMAPHORE_E_PANIC);
    assert!(text(&mut error.json)["msg"].as_str().unwrap().contains("injected into log_open"));
    host.close();
}

#[test]
fn a_wakeup_is_called_when_events_arrive_and_destroyed_once() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static WOKEN: AtomicUsize = AtomicUsize::new(0);
    static DESTROYED: AtomicUsize = AtomicUsize::new(0);
    unsafe extern "C" fn wake(_: *mut std::ffi::c_void) {
        WOKEN.fetch_add(1, Ordering::SeqCst);
    }
    unsafe extern "C" fn destroy(_: *mut std::ffi::c_void) {
        DESTROYED.fetch_add(1, Ordering::SeqCst);
    }
    let mut host = Host::open();
    let log = host.log(&json!({}));
    assert_eq!(unsafe { semaphore_rt_set_wakeup(host.runtime, Some(wake), null_mut(), Some(destroy)) }, SEMAPHORE_OK);
    let mut buffer = vec![0; 1000];
    while unsafe { semaphore_rt_poll(host.runtime, buffer.as_mut_ptr(), buffer.len()) } != 0 {}
    unsafe { semaphore_log_write(log, 0, 0, b"x".as_ptr(), 1) };
    host.until(|head| head.kind == SEMAPHORE_FRAME_LOG);
    assert!(WOKEN.load(Ordering::SeqCst) >= 1);
    assert_eq!(unsafe { semaphore_rt_set_wakeup(host.runtime, None, null_mut(), None) }, SEMAPHORE_OK);
    assert_eq!(DESTROYED.load(Ordering::SeqCst), 1);
    host.close();
}

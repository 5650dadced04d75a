//! Programs.

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    exec_spec::Prepared,
    failure::Failure,
    memory::{ErrorOut, Out, SemaphoreBuf, SemaphoreErr, borrow},
    objects,
    operation::Operation,
};

/// Starts a program in a session of its own, with its output in `log`. OP_DONE with the operation's handle as source tells
/// its end, also if it could not be started.
///
/// `spec` is a JSON document: `{"version":1,"argv":["bash","x.sh"],"env":[["PATH","/usr/bin"]],"dir":"/srv",
/// "stdin":"null","prompts":[],"stop":"shell","grace_ms":1500,"stop_timeout_ms":120000,"deadline_ms":60000,"nofile":1024,"search_path":"/usr/bin",
/// "process":{"user":"ann","uid":1000,"gid":1000,"chroot":"/srv/root"}}`; `argv` and `dir` are needed. Nothing is inherited: `env` is the whole environment, and its PATH is where a bare program name is looked for.
/// `stdin`: `null`; `bytes` (those at `stdin_p`, then the end); `pipe` (those at `stdin_p`, then `semaphore_exec_answer`);
/// `pty` (a terminal, whose `prompts` are answered with the bytes at `stdin_p`: `u32 length, bytes` for each).
/// `stop`: `shell`, `ansible` or `terraform`. `grace_ms` is how long each polite signal of the plan has before the next one, or the
/// kill; 1500 unless given. The time of an orderly end of `terraform` is `stop_timeout_ms`.
/// A bare program name is looked for in `search_path`, if given, before PATH.
/// `process`: as whom it runs. A name gives user, primary and supplementary groups, a `uid` that the machine knows too; `gid` overrides
/// the primary group; program and `dir` are meant below `chroot`. Who does not exist is `SEMAPHORE_E_PERM`: nothing runs as somebody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_exec_start(
    rt: SemaphoreHandle,
    spec: *const u8,
    n: usize,
    stdin_p: *const u8,
    stdin_n: usize,
    log: SemaphoreHandle,
    op: *mut SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointers, by the module's contract; so in all functions below.
    let error = unsafe { ErrorOut::new(e) };
    guard("exec_start", error, || {
        // SAFETY: as above.
        let (place, document, secret) = unsafe { (Out::new(op, 0)?, borrow(spec, n)?, borrow(stdin_p, stdin_n)?) };
        let runtime = objects::runtime(rt)?;
        let log = objects::log(log)?;
        let prepared = Prepared::parse(document, secret, &runtime)?;
        place.set(objects::insert_operation(|handle| Operation::start_program(handle, &runtime, &log, prepared))?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Sends a signal to the program's process group; `SEMAPHORE_E_STATE` once it has ended. Never reaches a stranger. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_exec_signal(op: SemaphoreHandle, sig: i32) -> SemaphoreStatus {
    guard("exec_signal", ErrorOut::NONE, || objects::operation(op)?.signal(sig).map(|()| code::SEMAPHORE_OK))
}

/// Writes bytes to the program's input (`stdin` is `pipe`), or types them on its terminal (`pty`); they are copied, and wiped
/// when they were written. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_exec_answer(op: SemaphoreHandle, p: *const u8, n: usize) -> SemaphoreStatus {
    guard("exec_answer", ErrorOut::NONE, || {
        // SAFETY: the host's pointer, by the module's contract.
        let bytes = unsafe { borrow(p, n)? };
        objects::operation(op)?.answer(bytes).map(|()| code::SEMAPHORE_OK)
    })
}

/// Ends the program's input behind everything that was written. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_exec_close_stdin(op: SemaphoreHandle) -> SemaphoreStatus {
    guard("exec_close_stdin", ErrorOut::NONE, || objects::operation(op)?.close_stdin().map(|()| code::SEMAPHORE_OK))
}

/// Asks an operation to end: `SEMAPHORE_CANCEL_GRACEFUL` by its stop plan, `SEMAPHORE_CANCEL_NOW` by killing. Its end is told
/// by OP_DONE. Repeating it changes nothing. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_op_cancel(op: SemaphoreHandle, mode: i32) -> SemaphoreStatus {
    guard("op_cancel", ErrorOut::NONE, || objects::operation(op)?.cancel(mode).map(|()| code::SEMAPHORE_OK))
}

/// Takes the result of an operation after OP_DONE and closes its handle. Answers the operation's own status and fills `e` if
/// that is a failure; `json` (may be NULL) becomes the result's document in both cases. Before OP_DONE: `SEMAPHORE_E_STATE`,
/// and nothing is closed. Fast.
///
/// The document of a program: `{"pid","text","exit_code","signal","core_dumped","stopped","deadline","stragglers","problem"}`,
/// or `{"error"}` if it did not start. Of a job: `{"outcome":"success|failed|stopped|broken","status":"success|error|stopped",
/// "problems":[{"code","message"}],"known_hosts":".."}`, with `commit` (`{"hash","message"}`), `plan` (of Terraform and its kin:
/// `{"add","change","destroy","import"}`, numbers of resources), `text` (what the Go server says),
/// `reason` (of a stop), `stage` and `error` where they apply, and `programs` if the job was started with `tell_programs`: before each
/// start `{"argv","dir","env","files"}`; of variables and of files that arguments name the SHA-256 is told. Of git: see `semaphore_git_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_op_result(
    op: SemaphoreHandle,
    json: *mut SemaphoreBuf,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointer, by the module's contract.
    let error = unsafe { ErrorOut::new(e) };
    guard("op_result", error, || {
        // SAFETY: as above.
        let place = if json.is_null() { None } else { Some(unsafe { Out::new(json, SemaphoreBuf::EMPTY)? }) };
        let operation = objects::operation(op)?;
        let (document, failure) = operation.result().ok_or_else(|| Failure::state("the operation has not ended"))?;
        objects::close(op)?;
        if let Some(place) = place {
            place.set(SemaphoreBuf::from_vec(document));
        }
        failure.map_or(Ok(code::SEMAPHORE_OK), Err)
    })
}

//! Operations of git.

use semaphore_engine::git::Access;

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    git_spec::PreparedGit,
    memory::{ErrorOut, Out, SemaphoreErr, borrow},
    objects,
    operation::Operation,
};

/// Does one piece of git's work (`SEMAPHORE_GIT_*`) and tells its end by OP_DONE. What git says goes to `log`, or nowhere if that is
/// 0; `inst` is an installed key of the same runtime for the remote repository, or 0.
///
/// `spec` is a JSON document: `{"version":1,"config":{..},"url":"https://host/x.git","branch":"main","parent":"/srv","directory":"x",
/// "commit":"v1.0","host_key_mode":"off","known_hosts_file":null,"deadline_ms":null,"progress":false}`; `config` is that of `semaphore_job_start`;
/// `commit` is for checkout; `host_key_mode` is `off`, `accept-new` or `strict`. The clone is `parent`/`directory`. With
/// `progress`, PROGRESS frames (source: the operation) tell how far git is; the log says the same as without. The client `go_git` tells it
/// of clones only.
///
/// Results: `{}` of clone, pull and checkout; `{"can_be_pulled":true}`; `{"hash":".."}`; `{"message":".."}`; `{"branches":[".."]}`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_git_start(
    rt: SemaphoreHandle,
    kind: i32,
    spec: *const u8,
    n: usize,
    inst: SemaphoreHandle,
    log: SemaphoreHandle,
    op: *mut SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointers, by the module's contract.
    let error = unsafe { ErrorOut::new(e) };
    guard("git_start", error, || {
        // SAFETY: as above.
        let (place, document) = unsafe { (Out::new(op, 0)?, borrow(spec, n)?) };
        let runtime = objects::runtime(rt)?;
        let log = if log == 0 { None } else { Some(objects::log(log)?) };
        let access = if inst == 0 { Access::None } else { objects::key(inst)?.access(&runtime)? };
        let prepared = PreparedGit::parse(kind, document, access, &runtime)?;
        place.set(objects::insert_operation(|handle| Operation::start_git(handle, &runtime, log.as_ref(), prepared))?);
        Ok(code::SEMAPHORE_OK)
    })
}

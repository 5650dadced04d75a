//! Whole jobs.

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    job_spec::PreparedJob,
    memory::{ErrorOut, Out, SemaphoreErr, borrow},
    objects,
    operation::{Operation, answer_from_number},
};

/// Starts a job: checks out its repository, installs keys and inventories, runs its app, and cleans up. Everything it says goes to
/// `log`, in order: LOG, STATUS, COMMIT, STAGE, PARTIAL, PROBLEM and KNOWN_HOSTS frames with the log's handle as source; OP_DONE with the
/// operation's handle tells its end, when no process or file of it is left.
///
/// `spec` is a JSON document: `{"version":1,"config":{..},"job":{..},"deadline_ms":3600000,"tell_programs":false}`. `config`: `tmp_path`, `path` (PATH)
/// and `home` are needed; `home_dir_mode` (`template_dir`, `project_home`, `user_home`), `env` (`[["NAME","value"]]`), `apps`
/// (`{"bash":{"path":"/bin/bash","args":[]}}`), `ssh_config_path`, `child_nofile`, `git_client` (`cmd_git`, `go_git`), `process`
/// (`{"user","uid","gid","chroot","sandbox","sandbox_paths"}`), `private_paths`, `prompt_timeout_ms`, `terraform_stop_timeout_ms`. `job`: `task_id`, `project_id`,
/// `template_id`, `app`, `playbook`, `repository` (`{"id","name","url","branch","key":{"id","kind":{"type":"none"}}}`) and `details`
/// are needed; the rest is described with the Go structures of the package `taskrunner`. A secret is `{"secret":"name"}` there; its value
/// is in `secrets`: `u32 length, name, u32 length, value`, repeated. Secrets are hidden in all output, and wiped at the end.
///
/// The log's status follows the job (`running`, `waiting_confirmation`, ...) as far as its rule allows; the final status is the
/// host's to set, from the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_job_start(
    rt: SemaphoreHandle,
    spec: *const u8,
    n: usize,
    secrets: *const u8,
    sn: usize,
    log: SemaphoreHandle,
    op: *mut SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointers, by the module's contract; so in all functions below.
    let error = unsafe { ErrorOut::new(e) };
    guard("job_start", error, || {
        // SAFETY: as above.
        let (place, document, secrets) = unsafe { (Out::new(op, 0)?, borrow(spec, n)?, borrow(secrets, sn)?) };
        let runtime = objects::runtime(rt)?;
        let log = objects::log(log)?;
        let prepared = PreparedJob::parse(document, secrets, &runtime)?;
        place.set(objects::insert_operation(|handle| Operation::start_job(handle, &runtime, &log, prepared))?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Answers a job whose status is `waiting_confirmation`: 1 accepts, 0 refuses. `SEMAPHORE_E_STATE` if it does not wait. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_job_confirm(op: SemaphoreHandle, yes: i32) -> SemaphoreStatus {
    guard("job_confirm", ErrorOut::NONE, || {
        let operation = objects::operation(op)?;
        operation.confirm(answer_from_number(yes)?).map(|()| code::SEMAPHORE_OK)
    })
}

/// Asks a job to end: `SEMAPHORE_CANCEL_GRACEFUL` by the stop plan of what it runs, `SEMAPHORE_CANCEL_NOW` by killing. As
/// `semaphore_op_cancel`, but only for jobs. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_job_stop(op: SemaphoreHandle, mode: i32) -> SemaphoreStatus {
    guard("job_stop", ErrorOut::NONE, || objects::operation(op)?.stop_job(mode).map(|()| code::SEMAPHORE_OK))
}

//! Task pools.

use std::time::Duration;

use semaphore_engine::job::StopReason;

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    failure::Failure,
    job_spec::PreparedJob,
    memory::{ErrorOut, Out, SemaphoreBuf, SemaphoreErr, borrow, borrow_handles},
    objects,
    pool::{DrainMode, Pool},
    pool_spec::{PoolLimits, parse_jobs},
};

/// Opens a task pool: jobs wait in it for their turn, first come, first served, except that a job which a limit holds back does
/// not hold back those behind it.
///
/// `cfg` is a JSON document or nothing: `{"version":1,"max_parallel":10,"projects":{"7":2}}`: jobs that run at once in the pool and in
/// a project; 0 or absent = no limit. Two jobs of one template run at once only if the later says `allow_parallel`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_pool_open(
    rt: SemaphoreHandle,
    cfg: *const u8,
    n: usize,
    pool: *mut SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointers, by the module's contract; so in all functions below.
    let error = unsafe { ErrorOut::new(e) };
    guard("pool_open", error, || {
        // SAFETY: as above.
        let (place, document) = unsafe { (Out::new(pool, 0)?, borrow(cfg, n)?) };
        let runtime = objects::runtime(rt)?;
        let limits = PoolLimits::parse(document)?;
        place.set(objects::insert_pool(|handle| Pool::open(handle, &runtime, limits))?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Replaces the limits of a pool; `cfg` as in `semaphore_pool_open`. What runs goes on.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_pool_limits(
    pool: SemaphoreHandle,
    cfg: *const u8,
    n: usize,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: as above.
    let error = unsafe { ErrorOut::new(e) };
    guard("pool_limits", error, || {
        // SAFETY: as above.
        let document = unsafe { borrow(cfg, n)? };
        let pool = objects::pool(pool)?;
        pool.set_limits(PoolLimits::parse(document)?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Puts jobs behind those that wait, all or none, and writes the handles of their operations into `ops`, in the same order.
///
/// `jobs` is a JSON document: `{"version":1,"jobs":[{"id":17,"project_id":1,"template_id":3,"allow_parallel":false}]}`. `id` is the
/// host's number for the job; `SEMAPHORE_E_EXISTS` if a job of the pool has it, until that job's OP_DONE. What the job is and what
/// secrets it needs is asked for when it is its turn: a READY frame (source: the operation, payload `i64 id`) is answered with
/// `semaphore_pool_start`. `*ops_n` becomes the number of jobs; `SEMAPHORE_E_LIMIT` if that is more than `ops_cap`. A pool that is
/// drained refuses with `SEMAPHORE_E_STATE`.
///
/// An operation tells its status in STATUS frames (source: the operation): `starting` with READY, then what the job reaches, `waiting`
/// when it goes back into the queue, and the final one; then OP_DONE. `semaphore_op_cancel`, `semaphore_job_confirm`,
/// `semaphore_job_stop` and `semaphore_op_result` work as for `semaphore_job_start`. The result of a job that never began is
/// `SEMAPHORE_E_CANCELLED`; its document says `"status":"stopped"` if it was cancelled, and `"waiting"` if the pool gave it back.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_pool_submit(
    pool: SemaphoreHandle,
    jobs: *const u8,
    n: usize,
    ops: *mut SemaphoreHandle,
    ops_cap: usize,
    ops_n: *mut usize,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: as above.
    let error = unsafe { ErrorOut::new(e) };
    guard("pool_submit", error, || {
        // SAFETY: as above.
        let (number, document, places) =
            unsafe { (Out::new(ops_n, 0)?, borrow(jobs, n)?, borrow_handles(ops, ops_cap)?) };
        let pool = objects::pool(pool)?;
        let jobs = parse_jobs(document)?;
        number.set(jobs.len());
        let places = places.get_mut(..jobs.len()).ok_or_else(|| {
            let text = format!("{} handles do not fit into {ops_cap} places", jobs.len());
            Failure::new(code::SEMAPHORE_E_LIMIT, text)
        })?;
        places.copy_from_slice(&pool.submit(&jobs)?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Starts a job whose READY frame came: `spec`, `secrets` and `log` as in `semaphore_job_start`. `SEMAPHORE_E_STATE` if it is not
/// its turn (it was cancelled, sent back or started meanwhile). After any other failure it is still its turn: start it otherwise,
/// cancel it, or send it back; until then it keeps its place.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_pool_start(
    op: SemaphoreHandle,
    spec: *const u8,
    n: usize,
    secrets: *const u8,
    sn: usize,
    log: SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: as above.
    let error = unsafe { ErrorOut::new(e) };
    guard("pool_start", error, || {
        // SAFETY: as above.
        let (document, secrets) = unsafe { (borrow(spec, n)?, borrow(secrets, sn)?) };
        let operation = objects::operation(op)?;
        let log = objects::log(log)?;
        operation.begin_pooled(&log, |runtime| PreparedJob::parse(document, secrets, runtime))?;
        Ok(code::SEMAPHORE_OK)
    })
}

/// The jobs of a pool at one moment, as JSON: `{"max_parallel":10,"drain":null,"queue":[..],"running":[..]}`, the queue in its order,
/// the running (and starting) ones in the order in which they began; each
/// `{"id","project_id","template_id","status","queued_ns","began_ns"}` (nanoseconds since 1970, UTC).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_pool_snapshot(pool: SemaphoreHandle, json: *mut SemaphoreBuf) -> SemaphoreStatus {
    guard("pool_snapshot", ErrorOut::NONE, || {
        // SAFETY: as above.
        let place = unsafe { Out::new(json, SemaphoreBuf::EMPTY)? };
        place.set(SemaphoreBuf::from_vec(objects::pool(pool)?.snapshot()));
        Ok(code::SEMAPHORE_OK)
    })
}

/// Ends a job by its number, as `semaphore_op_cancel` does by its operation: one that waits never begins. `SEMAPHORE_E_NOT_FOUND`
/// if the pool has no such job. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_pool_cancel(pool: SemaphoreHandle, id: i64, mode: i32) -> SemaphoreStatus {
    guard("pool_cancel", ErrorOut::NONE, || {
        let pool = objects::pool(pool)?;
        let reason = match mode {
            code::SEMAPHORE_CANCEL_GRACEFUL => StopReason::Requested,
            code::SEMAPHORE_CANCEL_NOW => StopReason::Forced,
            _ => return Err(Failure::argument(format!("{mode} is not a mode of cancelling"))),
        };
        pool.job(id)?.cancel(reason);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Sends a job that is starting or running back behind those that wait, where it rests for at least `delay_ms`; one that runs is
/// stopped first by its plan (if it succeeds nevertheless it is done). Its READY comes again; `semaphore_pool_start` may give it
/// another log. `SEMAPHORE_E_STATE` if it waits or is ending, or the pool gives jobs back. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_pool_requeue(pool: SemaphoreHandle, id: i64, delay_ms: u32) -> SemaphoreStatus {
    guard("pool_requeue", ErrorOut::NONE, || {
        objects::pool(pool)?.requeue(id, Duration::from_millis(delay_ms.into()))?;
        Ok(code::SEMAPHORE_OK)
    })
}

/// The end of a pool: it takes no more jobs, and those it has end as `mode` says (`SEMAPHORE_DRAIN_*`); a stronger mode may follow.
/// When every OP_DONE is told, a DRAINED frame (source: the pool) follows; then close the handle.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_pool_drain(pool: SemaphoreHandle, mode: i32) -> SemaphoreStatus {
    guard("pool_drain", ErrorOut::NONE, || {
        let pool = objects::pool(pool)?;
        pool.drain(DrainMode::from_number(mode)?);
        Ok(code::SEMAPHORE_OK)
    })
}

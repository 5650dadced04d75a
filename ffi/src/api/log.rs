//! Logs of tasks.

use std::{
    os::fd::{FromRawFd, IntoRawFd, OwnedFd},
    time::Duration,
};

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    failure::{Failure, parse_document},
    logger::{Log, OpenOptions},
    memory::{ErrorOut, Out, SemaphoreErr, borrow},
    objects, task_status,
};

/// Opens the log of a task. Its records arrive as LOG frames with this handle as source.
///
/// `opts` is a JSON document or nothing: `{"flavour":0,"status":0,"first_seq":0}`: number of the rule of statuses, of the
/// task's status, and of the first record.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_log_open(
    rt: SemaphoreHandle,
    opts: *const u8,
    n: usize,
    log: *mut SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointers, by the module's contract; so in all functions below.
    let error = unsafe { ErrorOut::new(e) };
    guard("log_open", error, || {
        // SAFETY: as above.
        let (place, document) = unsafe { (Out::new(log, 0)?, borrow(opts, n)?) };
        let options =
            if document.is_empty() { OpenOptions::default() } else { parse_document("log's configuration", document)? };
        let runtime = objects::runtime(rt)?;
        place.set(objects::insert_log(|handle| Log::open(handle, &runtime, &options))?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Writes any bytes: lines are split at line feeds, and the end of the bytes ends the last line; with
/// `SEMAPHORE_STREAM_WHOLE` added to `stream` they are one record. `unix_ns` is its time, 0 = now. Never refused while the log
/// is open. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_log_write(
    log: SemaphoreHandle,
    stream: i32,
    unix_ns: i64,
    p: *const u8,
    n: usize,
) -> SemaphoreStatus {
    guard("log_write", ErrorOut::NONE, || {
        // SAFETY: the host's pointer, by the module's contract.
        let bytes = unsafe { borrow(p, n)? };
        objects::log(log)?.write(stream, unix_ns, bytes)?;
        Ok(code::SEMAPHORE_OK)
    })
}

/// Sets the status of the task, if the log's rule allows it: `changed` becomes 1, else 0 (may be NULL). A STATUS frame
/// follows; that of a final status comes behind the output of attached pipes. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_log_set_status(
    log: SemaphoreHandle,
    status: i32,
    changed: *mut i32,
) -> SemaphoreStatus {
    guard("log_set_status", ErrorOut::NONE, || {
        // SAFETY: the host's pointer, by the module's contract.
        let place = if changed.is_null() { None } else { Some(unsafe { Out::new(changed, 0)? }) };
        let is_changed = objects::log(log)?.set_status(task_status::from_number(status)?)?;
        if let Some(place) = place {
            place.set(is_changed.into());
        }
        Ok(code::SEMAPHORE_OK)
    })
}

/// The status of the task (`SEMAPHORE_TASK_*`), or a negative status of the call. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_log_status(log: SemaphoreHandle) -> i32 {
    guard("log_status", ErrorOut::NONE, || Ok(task_status::number(objects::log(log)?.status()?)))
}

/// Notes the commit that was checked out; a COMMIT frame follows at its place among the records. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_log_set_commit(
    log: SemaphoreHandle,
    hash: *const u8,
    hn: usize,
    msg: *const u8,
    mn: usize,
) -> SemaphoreStatus {
    guard("log_set_commit", ErrorOut::NONE, || {
        // SAFETY: the host's pointers, by the module's contract.
        let (hash, message) = unsafe { (borrow(hash, hn)?, borrow(msg, mn)?) };
        objects::log(log)?.set_commit(hash, message)?;
        Ok(code::SEMAPHORE_OK)
    })
}

/// Gives the library the read end of a pipe (or a socket, or a terminal) of a program that the host starts: its lines become
/// records. The descriptor is made non-blocking and closed at its end, or with the log. It belongs to the library if and only
/// if the answer is `SEMAPHORE_OK`. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_log_attach_fd(log: SemaphoreHandle, fd: i32, stream: i32) -> SemaphoreStatus {
    guard("log_attach_fd", ErrorOut::NONE, || {
        let log = objects::log(log)?;
        if fd < 0 {
            return Err(Failure::argument(format!("{fd} is not a descriptor")));
        }
        // SAFETY: F_GETFD touches nothing but the table of descriptors.
        if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
            return Err(Failure::io(&format!("descriptor {fd}"), &std::io::Error::last_os_error()));
        }
        // SAFETY: open, as just seen, and given to us by the contract; given back below on failure.
        let descriptor = unsafe { OwnedFd::from_raw_fd(fd) };
        match log.attach(descriptor, stream) {
            Ok(()) => Ok(code::SEMAPHORE_OK),
            Err((failure, descriptor)) => {
                let _ = descriptor.into_raw_fd();
                Err(failure)
            }
        }
    })
}

/// Puts a barrier into the log: a FLUSHED frame comes once attached pipes and programs are at their end, or when pipes that
/// somebody still holds brought nothing for `straggler_ms` after the call (at the latest after ten times that, unless the
/// host is behind). To be called when the writers are believed to be gone. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_log_flush(log: SemaphoreHandle, straggler_ms: u32) -> SemaphoreStatus {
    guard("log_flush", ErrorOut::NONE, || {
        objects::log(log)?.flush(Duration::from_millis(straggler_ms.into()))?;
        Ok(code::SEMAPHORE_OK)
    })
}

/// Says that `bytes` of this log's frames were dealt with (the sum of their lengths, each rounded up to 8). A log hands out
/// `SEMAPHORE_CREDIT_WINDOW` bytes beyond what was credited, then it waits, and its programs with it. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_log_credit(log: SemaphoreHandle, bytes: u32) -> SemaphoreStatus {
    guard("log_credit", ErrorOut::NONE, || {
        let log = objects::log(log)?;
        log.runtime().queue().credit(log.handle(), bytes as usize).map_err(|_| Failure::state("the log has ended"))?;
        Ok(code::SEMAPHORE_OK)
    })
}

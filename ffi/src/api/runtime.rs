//! Runtimes and their events.

use std::{ffi::c_void, sync::Arc, time::Duration};

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    failure::Failure,
    memory::{ErrorOut, Out, SemaphoreBuf, SemaphoreErr, borrow, borrow_mut},
    objects,
    queue::{TooSmall, Wakeup},
    runtime::{Runtime, RuntimeOptions},
};

/// Opens a runtime: one thread of the library and one queue of events.
///
/// `cfg` is a JSON document or nothing: `{"version":1,"queue_bytes":4194304,"child_nofile":1024}`, every field optional:
/// bytes that a log holds before the pipes of its programs are no longer read; soft limit of open files of children.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_rt_open(
    cfg: *const u8,
    n: usize,
    rt: *mut SemaphoreHandle,
    e: *mut SemaphoreErr,
) -> SemaphoreStatus {
    // SAFETY: the host's pointers, by the module's contract; so in all functions below.
    let error = unsafe { ErrorOut::new(e) };
    guard("rt_open", error, || {
        // SAFETY: as above.
        let (place, document) = unsafe { (Out::new(rt, 0)?, borrow(cfg, n)?) };
        let options = RuntimeOptions::parse(document)?;
        place.set(objects::insert_runtime(|handle| Runtime::open(handle, options))?);
        Ok(code::SEMAPHORE_OK)
    })
}

/// Begins the end of a runtime: programs are stopped, after `grace_ms` killed, logs run empty without credit, RT_CLOSED is the
/// last event. The handle stays, so that the events can be read; close it when RT_CLOSED came. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_rt_close(rt: SemaphoreHandle, grace_ms: u32) -> SemaphoreStatus {
    guard("rt_close", ErrorOut::NONE, || {
        objects::runtime(rt)?.close(Duration::from_millis(grace_ms.into()));
        Ok(code::SEMAPHORE_OK)
    })
}

/// A descriptor that becomes readable when events arrive after `semaphore_rt_poll` has answered 0: eventfd, non-blocking,
/// close-on-exec. It belongs to the runtime: duplicate it to keep it. Negative status on failure. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_rt_event_fd(rt: SemaphoreHandle) -> i32 {
    guard("rt_event_fd", ErrorOut::NONE, || Ok(objects::runtime(rt)?.queue().descriptor()))
}

/// Takes events: whole frames, one behind the other, each beginning at a multiple of 8 bytes of `out`.
///
/// Answers the bytes written; 0 = nothing is there, and the descriptor will tell; `SEMAPHORE_E_LIMIT` = the next frame is
/// larger than `cap` (`SEMAPHORE_FRAME_MAX` is always enough). One thread at a time should poll. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_rt_poll(rt: SemaphoreHandle, out: *mut u8, cap: usize) -> isize {
    guard("rt_poll", ErrorOut::NONE, || {
        // SAFETY: the host's pointer, by the module's contract.
        let out = unsafe { borrow_mut(out, cap)? };
        objects::runtime(rt)?.queue().poll(out).map(|used| used as isize).map_err(too_small)
    })
}

/// As `semaphore_rt_poll`, but waits for events up to `timeout_ms` (negative = for ever); 0 = the time is over, or RT_CLOSED
/// was taken before. The only function that blocks: for hosts that cannot wait for a descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_rt_wait(rt: SemaphoreHandle, out: *mut u8, cap: usize, timeout_ms: i32) -> isize {
    guard("rt_wait", ErrorOut::NONE, || {
        // SAFETY: the host's pointer, by the module's contract.
        let out = unsafe { borrow_mut(out, cap)? };
        let timeout = u64::try_from(timeout_ms).ok().map(Duration::from_millis);
        objects::runtime(rt)?.queue().wait(out, timeout).map(|used| used as isize).map_err(too_small)
    })
}

fn too_small(error: TooSmall) -> Failure {
    Failure::new(code::SEMAPHORE_E_LIMIT, error.to_string())
}

/// Sets a function that is called, on any thread and with no lock held, when events arrive after `semaphore_rt_poll` has
/// answered 0; it must be short and must not call the library. NULL removes it. `destroy` is called once, when `user` is no
/// longer needed. Not needed by hosts that wait for the descriptor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_rt_set_wakeup(
    rt: SemaphoreHandle,
    wake: Option<unsafe extern "C" fn(user: *mut c_void)>,
    user: *mut c_void,
    destroy: Option<unsafe extern "C" fn(user: *mut c_void)>,
) -> SemaphoreStatus {
    guard("rt_set_wakeup", ErrorOut::NONE, || {
        // Owned from here on: whatever fails, `destroy` is called.
        let function = wake.map(|wake| HostFunction { wake, user: user as usize, destroy });
        let wakeup = function.map(|function| Arc::new(move || function.call()) as Wakeup);
        drop(objects::runtime(rt)?.queue().set_wakeup(wakeup));
        Ok(code::SEMAPHORE_OK)
    })
}

struct HostFunction {
    wake: unsafe extern "C" fn(*mut c_void),
    /// The host's pointer as a number: it is handed back only, and the host promised that any thread may do so.
    user: usize,
    destroy: Option<unsafe extern "C" fn(*mut c_void)>,
}

impl HostFunction {
    fn call(&self) {
        // SAFETY: the host's function with the host's argument, which lives until `destroy`.
        unsafe { (self.wake)(self.user as *mut c_void) }
    }
}

impl Drop for HostFunction {
    fn drop(&mut self) {
        if let Some(destroy) = self.destroy {
            // SAFETY: called once, after the last use.
            unsafe { destroy(self.user as *mut c_void) }
        }
    }
}

/// Figures of a runtime as JSON, for tests of leaks: open handles, children, attached descriptors, threads, queue.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_stats(rt: SemaphoreHandle, json: *mut SemaphoreBuf) -> SemaphoreStatus {
    guard("stats", ErrorOut::NONE, || {
        // SAFETY: the host's pointer, by the module's contract.
        let place = unsafe { Out::new(json, SemaphoreBuf::EMPTY)? };
        place.set(SemaphoreBuf::from_vec(objects::runtime(rt)?.statistics()));
        Ok(code::SEMAPHORE_OK)
    })
}

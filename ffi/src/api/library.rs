//! Version, buffers, and what concerns handles of every kind.

use crate::{
    SemaphoreHandle, SemaphoreStatus,
    boundary::guard,
    code,
    memory::{ErrorOut, SemaphoreBuf},
    objects, task_status,
};

/// Version of the interface, `major << 16 | minor`. A host works with a library of the same major and at least its minor. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_abi_version() -> u32 {
    code::SEMAPHORE_ABI_MAJOR << 16 | code::SEMAPHORE_ABI_MINOR
}

/// What this build can do: a set of `SEMAPHORE_FEATURE_*`. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_abi_features() -> u64 {
    code::SEMAPHORE_FEATURE_LOG
        | code::SEMAPHORE_FEATURE_EXEC
        | code::SEMAPHORE_FEATURE_JOB
        | code::SEMAPHORE_FEATURE_GIT
        | code::SEMAPHORE_FEATURE_KEY
        | code::SEMAPHORE_FEATURE_POOL
}

/// A number that tells builds of the library apart. A host that is linked statically can compare it with the number of the build that it means:
/// the file of the library holds it as text, 16 hexadecimal digits behind `semaphore-build-id:`. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_build_id() -> u64 {
    // From the text, so that the two are always the same, and the text is part of the file.
    std::hint::black_box(BUILD_ID)
        .rsplit(':')
        .next()
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or(0)
}

/// What tools look for in the file.
static BUILD_ID: &str = concat!("semaphore-build-id:", env!("SEMAPHORE_BUILD_ID"));

/// Does nothing: a host refers to it, so that a library of another major version does not link. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_ffi_abi_v1() {}

/// Gives a buffer back and empties the structure; its bytes are wiped. NULL and an emptied structure are harmless. Fast.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn semaphore_buf_free(b: *mut SemaphoreBuf) {
    guard("buf_free", ErrorOut::NONE, || {
        // SAFETY: the host gives NULL or a structure that the library filled, as the contract says.
        if let Some(buffer) = unsafe { b.as_mut() } {
            // SAFETY: as above.
            unsafe { buffer.free() };
        }
        Ok(())
    });
}

/// Closes a handle of any kind; a second close is `SEMAPHORE_E_HANDLE` and harmless. Calls that are under way finish.
///
/// A log ends: attached pipes are closed and what it holds is handed out without credit. An operation that still runs is
/// killed; its OP_DONE comes nevertheless. A pool gives its waiting jobs back and kills those that run. A runtime closes without grace, and its events are lost. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_handle_close(h: SemaphoreHandle) -> SemaphoreStatus {
    guard("handle_close", ErrorOut::NONE, || objects::close(h).map(|()| code::SEMAPHORE_OK))
}

/// The status that a task has after `to` was set while it had `from`, by the rule `flavour` (`SEMAPHORE_FLAVOUR_*`): `to` if
/// the change is allowed, else `from`. A pure function. `SEMAPHORE_E_ARG` for a number that is none. Fast.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_status_next(from: i32, to: i32, flavour: i32) -> i32 {
    guard("status_next", ErrorOut::NONE, || {
        let (old, new) = (task_status::from_number(from)?, task_status::from_number(to)?);
        let rule = task_status::Rule::from_number(flavour)?;
        Ok(if rule.allows(old, new) { to } else { from })
    })
}

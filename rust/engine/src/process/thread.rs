//! Threads that never receive the host's signals.

use std::{io, thread::JoinHandle};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};

/// Go's signal handlers may run on any thread's stack; this is what they need besides our own frames.
const LEAST_STACK_BYTES: usize = 1024 * 1024;

/// Faults of the thread itself; blocking them would turn a fault into a kill without a trace.
const SYNCHRONOUS: [Signal; 7] =
    [Signal::SIGSEGV, Signal::SIGBUS, Signal::SIGFPE, Signal::SIGILL, Signal::SIGTRAP, Signal::SIGABRT, Signal::SIGSYS];

/// Starts a thread in which all asynchronous signals are blocked from its first instruction; every thread of the engine and
/// of a runtime around it starts here, and threads that it starts inherit the mask.
///
/// A blocked SIGPIPE makes a write to a closed pipe an error instead of the end of the host. Children are not affected:
/// [`super::spawn`] gives them an empty mask. `stack_bytes` is raised to 1 MiB.
///
/// # Errors
/// If the system has no thread for us, or a name with a NUL byte.
pub fn thread<T: Send + 'static>(
    name: &str,
    stack_bytes: usize,
    body: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    if name.contains('\0') {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "name of a thread contains a NUL byte"));
    }
    let mut blocked = SigSet::all();
    for signal in SYNCHRONOUS {
        blocked.remove(signal);
    }
    // A new thread inherits the mask of its creator: block here, start, restore.
    let before = blocked.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let started =
        std::thread::Builder::new().name(name.to_owned()).stack_size(stack_bytes.max(LEAST_STACK_BYTES)).spawn(body);
    before.thread_set_mask()?;
    started
}

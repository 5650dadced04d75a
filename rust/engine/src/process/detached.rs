//! Starts a program that lives on when this process ends, however it ends.
//!
//! Not for the programs of jobs: those end with whoever started them. It gets a session of its own, no environment, the input
//! that is given, and the standard error of this process.

use std::{
    ffi::{CString, OsStr},
    fs::OpenOptions,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
    time::Duration,
};

use libc::pid_t;
use tokio::io::{Interest, unix::AsyncFd};
use zeroize::Zeroizing;

use super::{
    starting::Starting,
    system::{self, InputSource, NewProcess},
    thread,
};

/// How often the program is looked at where the kernel gives no descriptor for it.
const POLL: Duration = Duration::from_millis(20);

/// A program that goes its own way. Dropping this leaves it alone; while this process lives it is reaped all the same.
#[derive(Debug)]
pub struct Detached {
    pid: pid_t,
    /// `None` where the kernel or a seccomp filter refuses it.
    descriptor: Option<AsyncFd<OwnedFd>>,
    reaped: bool,
}

/// Starts a program; the first argument is the name that it sees itself by. To be called inside a runtime with IO.
///
/// # Errors
/// If it cannot be started.
pub fn detach(program: &Path, arguments: &[&OsStr], directory: &Path, input: BorrowedFd<'_>) -> io::Result<Detached> {
    let text = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::from);
    let arguments = arguments.iter().map(|one| text(one).map(Zeroizing::new)).collect::<io::Result<Vec<_>>>()?;
    let (program, dir) = (text(program.as_os_str())?, text(directory.as_os_str())?);
    let starting = Starting::begin();
    let nowhere = OpenOptions::new().write(true).open("/dev/null")?;
    let errors = io::stderr();
    let pid = system::posix_spawn(&NewProcess {
        program: &program,
        args: &arguments,
        env: &[],
        dir: &dir,
        stdin: InputSource::Descriptor(input),
        stdout: nowhere.as_fd(),
        stderr: errors.as_fd(),
        kept: None,
    })?;
    drop(starting);
    let descriptor = system::pidfd_open(pid).and_then(|pidfd| system::watch(pidfd, Interest::READABLE)).ok();
    Ok(Detached { pid, descriptor, reaped: false })
}

impl Detached {
    /// Its process id, for messages.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if !self.has_ended() {
            // Our child and not reaped, so the id is its own.
            let _ = system::kill(self.pid, libc::SIGKILL);
        }
    }

    /// Waits until it has ended, and reaps it. Safe to cancel.
    pub async fn ended(&mut self) {
        while !self.has_ended() {
            let Some(descriptor) = &self.descriptor else {
                tokio::time::sleep(POLL).await;
                continue;
            };
            match descriptor.readable().await {
                Ok(mut ready) => {
                    if matches!(system::wait_exited(self.pid, false), Ok(None)) {
                        ready.clear_ready();
                    }
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    fn has_ended(&mut self) -> bool {
        // Lost to somebody else's wait counts, too.
        self.reaped = self.reaped || !matches!(system::wait_exited(self.pid, true), Ok(None));
        self.reaped
    }
}

impl Drop for Detached {
    fn drop(&mut self) {
        if !self.has_ended() {
            let pid = self.pid;
            // Without a thread the zombie stays until this process ends; nothing else suffers.
            drop(thread::thread("semaphore-reap", 0, move || system::wait_and_reap(pid)));
        }
    }
}

//! The process we started, held unreaped until nobody can signal it any more.

use std::{
    io,
    ops::Deref,
    os::fd::OwnedFd,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use libc::pid_t;
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    record, session,
    system::{self, RawExit},
    thread,
};

/// How often a child is looked at where the kernel gives no descriptor for it.
const POLL: Duration = Duration::from_millis(20);
/// How long SIGKILL is repeated for members that keep appearing (a process in a system call that cannot be interrupted stays).
const KILL_ROUNDS: u32 = 20;
const KILL_PAUSE: Duration = Duration::from_millis(5);

/// A session leader that is our child, for whoever wants to signal it.
#[derive(Debug)]
pub(super) struct Leader {
    pid: pid_t,
    /// Signals are sent under this lock, and only while the child is not reaped.
    reaped: Mutex<bool>,
}

impl Leader {
    pub(super) fn pid(&self) -> pid_t {
        self.pid
    }

    fn lock(&self) -> MutexGuard<'_, bool> {
        self.reaped.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has ended (or is lost to somebody else's wait).
    pub(super) fn has_exited(&self) -> bool {
        let reaped = self.lock();
        *reaped || !matches!(system::wait_exited(self.pid, false), Ok(None))
    }

    /// Signals the leader alone; nothing happens when it is gone.
    pub(super) fn signal(&self, signal: i32) {
        let reaped = self.lock();
        if !*reaped {
            // It is our child and not reaped, so the id is its own; the only error left is a signal we may not send.
            let _ = system::kill(self.pid, signal);
        }
    }

    /// Signals the process group.
    ///
    /// # Errors
    /// `ESRCH` when the leader was reaped or the group is empty, `EINVAL` for a number that is no signal.
    pub(super) fn signal_group(&self, signal: i32) -> io::Result<()> {
        let reaped = self.lock();
        if *reaped {
            return Err(io::Error::from_raw_os_error(libc::ESRCH));
        }
        system::kill(-self.pid, signal)
    }

    /// Signals the group at once and then every other member of the session.
    pub(super) fn signal_session(&self, signal: i32) {
        // An empty group is no error here.
        let _ = self.signal_group(signal);
        for pid in session::living_members(self.pid) {
            if pid != self.pid && !in_group(pid, self.pid) {
                // It may have ended in between.
                let _ = session::signal_member(pid, self.pid, signal);
            }
        }
    }

    /// Whether anything of the session runs besides the leader.
    pub(super) fn session_lives(&self) -> bool {
        session::living_members(self.pid).iter().any(|&pid| pid != self.pid)
    }
}

fn in_group(pid: pid_t, group: pid_t) -> bool {
    nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).is_ok_and(|found| found.as_raw() == group)
}

/// The one owner of a leader: notices its end and reaps it. Dropped before, it leaves neither a process nor a zombie.
#[derive(Debug)]
pub(super) struct Watched {
    leader: Arc<Leader>,
    /// `None` where the kernel or a seccomp filter refuses it.
    pidfd: Option<OwnedFd>,
    registered: Option<AsyncFd<OwnedFd>>,
}

impl Deref for Watched {
    type Target = Arc<Leader>;

    fn deref(&self) -> &Self::Target {
        &self.leader
    }
}

impl Watched {
    /// Takes charge of a new child.
    pub(super) fn new(pid: pid_t, use_pidfd: bool) -> Self {
        let pidfd = use_pidfd.then(|| system::pidfd_open(pid).ok()).flatten();
        Self { leader: Arc::new(Leader { pid, reaped: Mutex::new(false) }), pidfd, registered: None }
    }

    /// To be called inside the runtime, before [`Watched::exited`]; without it the child is polled.
    pub(super) fn register(&mut self) {
        self.registered = self.pidfd.take().and_then(|pidfd| system::watch(pidfd, Interest::READABLE).ok());
    }

    /// Waits until it has ended; it is not reaped by that.
    pub(super) async fn exited(&self) {
        while !self.has_exited() {
            let Some(registered) = &self.registered else {
                tokio::time::sleep(POLL).await;
                continue;
            };
            match registered.readable().await {
                Ok(mut ready) if !self.has_exited() => ready.clear_ready(),
                Ok(_) => {}
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Kills everything in the session; returns when the leader has ended (unreaped) and nothing runs any more.
    pub(super) async fn kill_session(&self) {
        for _ in 0..KILL_ROUNDS {
            self.signal_session(libc::SIGKILL);
            self.exited().await;
            if !self.session_lives() {
                return;
            }
            tokio::time::sleep(KILL_PAUSE).await;
        }
    }

    /// Lets an ended leader go and says how it ended; `None` if that is not known.
    pub(super) fn reap(&self) -> Option<RawExit> {
        let mut reaped = self.lock();
        *reaped = true;
        // While it cannot be another's yet.
        record::ended(self.pid);
        system::wait_exited(self.pid, true).ok().flatten()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if *self.lock() {
            return;
        }
        self.signal_session(libc::SIGKILL);
        *self.lock() = true;
        record::ended(self.pid);
        let pid = self.pid;
        if !matches!(system::wait_exited(pid, true), Ok(None)) {
            return;
        }
        // Its death takes a moment, and this may be an async thread. Without a thread the zombie stays; nothing else suffers.
        drop(thread::thread("semaphore-reap", 0, move || system::wait_and_reap(pid)));
    }
}

//! Finds the members of a session.
//!
//! Not for descendants: a process that made a session of its own left on purpose and is not followed.

use std::{fs, io, os::fd::AsFd};

use libc::pid_t;
use nix::unistd::{Pid, getsid};

use super::system;

/// Members of the session that still run (zombies do not), the leader included.
pub(super) fn living_members(session: pid_t) -> Vec<pid_t> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<pid_t>().ok())
        // One cheap call for each process of the machine; the file is read for members only.
        .filter(|&pid| is_member(pid, session) && runs(pid))
        .collect()
}

/// Signals one member; the process is pinned and looked at again, so that a recycled id is never hit.
pub(super) fn signal_member(pid: pid_t, session: pid_t, signal: i32) -> io::Result<()> {
    match system::pidfd_open(pid) {
        Ok(pinned) if is_member(pid, session) => system::pidfd_send_signal(pinned.as_fd(), signal),
        Err(error) if error.raw_os_error() == Some(libc::ESRCH) => Ok(()),
        // No pidfd here (old kernel, seccomp): the look and the signal are as close together as can be.
        Err(_) if is_member(pid, session) => system::kill(pid, signal),
        Ok(_) | Err(_) => Ok(()),
    }
}

fn is_member(pid: pid_t, session: pid_t) -> bool {
    pid > 1 && getsid(Some(Pid::from_raw(pid))).is_ok_and(|found| found.as_raw() == session)
}

/// The state is the first field after the name, which is in parentheses and may contain anything.
fn runs(pid: pid_t) -> bool {
    let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.iter().rposition(|byte| *byte == b')').and_then(|position| stat.get(position + 2));
    !matches!(state, None | Some(b'Z' | b'X'))
}

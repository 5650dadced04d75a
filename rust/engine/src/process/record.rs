//! Which programs this process runs, in a file that outlives it: whoever finds it killed ends them by that.
//!
//! Not for programs that ended by themselves, nor for what they left behind. Invariants: a session is in the file from its start
//! until its leader is reaped; nobody is signalled of whom it is not certain that he belongs to a session in the file, so a number
//! that was given anew hits no stranger; a file of another machine, start of the machine or container means nothing.

use std::{
    collections::HashMap,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::{fd::BorrowedFd, unix::fs::OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
    time::Duration,
};

use libc::pid_t;
use serde::{Deserialize, Serialize};

use super::session;

/// How long SIGKILL is repeated for members that keep appearing.
const KILL_ROUNDS: u32 = 100;
const KILL_PAUSE: Duration = Duration::from_millis(10);

/// The file of this process. A static on purpose: it is about all programs of a process.
static OWN: OnceLock<Mutex<Record>> = OnceLock::new();

/// A session that a process has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    /// Its leader, whose number it has.
    leader: pid_t,
    /// When that began, in ticks since the start of the machine.
    start: u64,
    /// The pipes that the leader got as output, by which members are known whose leader has gone.
    pipes: Vec<u64>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Written {
    /// Where the numbers mean something.
    machine: String,
    /// The process that writes the file.
    writer: Option<Session>,
    sessions: Vec<Session>,
}

struct Record {
    path: PathBuf,
    written: Written,
}

/// From now on the programs of this process, and itself, are in a file with this path. Only the first call counts.
///
/// # Errors
/// If the file cannot be written.
pub fn keep_record(path: &Path) -> io::Result<()> {
    let own = std::process::id().cast_signed();
    let writer = start_of(own).map(|start| Session { leader: own, start, pipes: Vec::new() });
    let record =
        Record { path: path.to_owned(), written: Written { machine: machine(), writer, sessions: Vec::new() } };
    record.write()?;
    let _ = OWN.set(Mutex::new(record));
    Ok(())
}

fn own() -> Option<MutexGuard<'static, Record>> {
    Some(OWN.get()?.lock().unwrap_or_else(PoisonError::into_inner))
}

/// A program was started in a session of its own; it has these pipes.
pub(super) fn begun(leader: pid_t, pipes: [BorrowedFd<'_>; 2]) {
    let Some(mut record) = own() else { return };
    // A leader that has ended is not reaped yet, so there is always a time.
    let Some(start) = start_of(leader) else { return };
    let pipes = pipes.iter().filter_map(|pipe| nix::sys::stat::fstat(pipe).ok()).map(|found| found.st_ino).collect();
    record.written.sessions.push(Session { leader, start, pipes });
    record.told();
}

/// The leader of a session was reaped.
pub(super) fn ended(leader: pid_t) {
    let Some(mut record) = own() else { return };
    let before = record.written.sessions.len();
    record.written.sessions.retain(|session| session.leader != leader);
    if record.written.sessions.len() != before {
        record.told();
    }
}

impl Record {
    fn told(&self) {
        if let Err(error) = self.write() {
            tracing::warn!(%error, "it cannot be kept which programs a task runs; they are not ended if its process is killed");
        }
    }

    /// Under another name first: half a file says nothing.
    fn write(&self) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&serde_json::to_vec(&self.written)?)?;
        fs::rename(&new, &self.path)
    }
}

/// Ends the process that has written a file, if it still runs, and all programs in it. Returns when they have gone, and how many
/// there were. Blocks the thread, for a second at most.
pub fn end_recorded(path: &Path) -> usize {
    let mut ended = 0;
    if let Some(writer) = read(path).and_then(|written| written.writer) {
        ended += end(&[writer]);
    }
    // Only now nobody adds to it any more.
    read(path).map_or(ended, |written| ended + end(&written.sessions))
}

fn read(path: &Path) -> Option<Written> {
    let written: Written = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    (written.machine == machine()).then_some(written)
}

fn end(sessions: &[Session]) -> usize {
    let mut known = HashMap::new();
    for _ in 0..KILL_ROUNDS {
        let mut lives = false;
        for session in sessions {
            for (member, start) in members(session, &known) {
                lives = true;
                known.insert(member, start);
                if let Err(error) = session::signal_member(member, session.leader, libc::SIGKILL) {
                    tracing::warn!(process = member, %error, "a program of a task whose process is gone cannot be ended");
                }
            }
        }
        if !lives {
            break;
        }
        thread::sleep(KILL_PAUSE);
    }
    known.len()
}

/// The living members of a session with their starts; none if it may be another session with the same number.
fn members(session: &Session, known: &HashMap<pid_t, u64>) -> Vec<(pid_t, u64)> {
    let living = session::living_members(session.leader);
    let living: Vec<_> = living.into_iter().filter_map(|pid| Some((pid, start_of(pid)?))).collect();
    let is_same = match start_of(session.leader) {
        Some(start) => start == session.start,
        // The number of a session is not given anew while it has members: one that is certain stands for all.
        None => living.iter().any(|(pid, start)| known.get(pid) == Some(start) || has_pipe(*pid, &session.pipes)),
    };
    if is_same { living } else { Vec::new() }
}

/// Whether a process has one of these pipes as its output.
fn has_pipe(pid: pid_t, pipes: &[u64]) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok()).any(|target| {
        let target = target.to_string_lossy();
        let inode = target.strip_prefix("pipe:[").and_then(|rest| rest.strip_suffix(']'));
        inode.and_then(|inode| inode.parse().ok()).is_some_and(|inode| pipes.contains(&inode))
    })
}

/// When a process began; the fields after the name, which is in parentheses and may contain anything, begin with the third.
fn start_of(pid: pid_t) -> Option<u64> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let name_ends = stat.iter().rposition(|byte| *byte == b')')?;
    let rest = std::str::from_utf8(stat.get(name_ends + 1..)?).ok()?;
    rest.split_ascii_whitespace().nth(22 - 3)?.parse().ok()
}

/// This start of this machine, as this container sees it.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let processes = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    format!("{} {}", boot.trim(), processes.display())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::{
        io::{BufRead as _, BufReader},
        os::fd::AsRawFd as _,
        process::{Child, Command, Stdio},
    };

    use super::*;

    /// A shell that leads a session, with a `sleep` in it, whose number it says.
    fn session(script: &str) -> (Child, pid_t, Session) {
        let mut child = Command::new("setsid").args(["sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
        let leader = child.id().cast_signed();
        let out = child.stdout.take().unwrap();
        let inode = nix::sys::stat::fstat(&out).unwrap().st_ino;
        let mut line = String::new();
        let mut out = BufReader::new(out);
        out.read_line(&mut line).unwrap();
        // The reader stays open: the test is not about a program that gets SIGPIPE.
        Box::leak(Box::new(out));
        let start = start_of(leader).unwrap_or_default();
        (child, line.trim().parse().unwrap(), Session { leader, start, pipes: vec![inode] })
    }

    fn lives(pid: pid_t) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    }

    fn file_of(sessions: Vec<Session>, machine: String) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), serde_json::to_vec(&Written { machine, writer: None, sessions }).unwrap()).unwrap();
        file
    }

    #[test]
    fn programs_are_ended_with_their_session_also_when_its_leader_has_gone() {
        for script in ["sleep 300 & echo $!; wait", "sleep 300 & echo $!"] {
            let (mut child, member, session) = session(script);
            if !script.contains("wait") {
                child.wait().unwrap();
            }
            assert!(lives(member));
            let file = file_of(vec![session], machine());
            assert!(end_recorded(file.path()) > 0);
            assert!(!lives(member), "{script}");
            let _ = child.wait();
        }
    }

    #[test]
    fn a_number_that_was_given_anew_is_no_reason_to_end_anybody() {
        let (mut child, member, session) = session("sleep 300 & echo $!; wait");
        let other = Session { start: session.start + 1, ..session.clone() };
        assert_eq!(end_recorded(file_of(vec![other], machine()).path()), 0);
        assert_eq!(end_recorded(file_of(vec![session.clone()], "elsewhere".to_owned()).path()), 0);
        assert!(lives(member));
        // The leader goes, and its member has no pipe that is known.
        child.kill().unwrap();
        child.wait().unwrap();
        let other = Session { pipes: vec![1], ..session.clone() };
        assert_eq!(end_recorded(file_of(vec![other], machine()).path()), 0);
        assert!(lives(member));
        assert_eq!(end_recorded(file_of(vec![session], machine()).path()), 1);
    }

    #[test]
    fn a_pipe_is_known_by_its_number() {
        let (reader, writer) = nix::unistd::pipe().unwrap();
        let inode = nix::sys::stat::fstat(&writer).unwrap().st_ino;
        let own = std::process::id().cast_signed();
        assert!(reader.as_raw_fd() > 2 && has_pipe(own, &[inode]) && !has_pipe(own, &[inode + 1_000_000]));
    }
}

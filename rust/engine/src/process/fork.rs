//! Starts a child as another user, below another root or in a sandbox: the only cases in which a process of ours is forked.
//!
//! Not for anything else: `posix_spawn` does the rest, faster and without a moment in which our own code runs in the child.
//!
//! Invariant: between fork and exec the child calls nothing but system calls on values prepared before.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Read},
    os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd},
    ptr,
};

use libc::{c_char, c_int, pid_t};
use nix::sys::signal::{SigSet, SigmaskHow};

use super::system::{InputSource, NewProcess, checked_call, pointers, wait_and_reap};

/// Whom and where the child is to be; `None` = as this process.
#[derive(Default)]
pub(super) struct Foreign {
    pub(super) uid: Option<u32>,
    pub(super) gid: Option<u32>,
    pub(super) groups: Option<Vec<u32>>,
    pub(super) root: Option<CString>,
}

/// What the child was doing when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Prepare,
    Session,
    Descriptors,
    Root,
    Directory,
    Groups,
    Group,
    User,
    Sandbox,
    Execute,
}

const STEPS: [Step; 10] = [
    Step::Prepare,
    Step::Session,
    Step::Descriptors,
    Step::Root,
    Step::Directory,
    Step::Groups,
    Step::Group,
    Step::User,
    Step::Sandbox,
    Step::Execute,
];

/// As `posix_spawn`, with another identity and within the limits of `sandbox`. Returns when the program was executed or could not be.
#[expect(unsafe_code, reason = "fork is only to be had from libc")]
pub(super) fn fork_exec(
    new: &NewProcess<'_>,
    foreign: &Foreign,
    sandbox: Option<BorrowedFd<'_>>,
) -> Result<pid_t, (Step, io::Error)> {
    let prepare = |error: io::Error| (Step::Prepare, error);
    let (reader, writer) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC).map_err(|error| prepare(error.into()))?;
    let writer = if writer.as_raw_fd() > 2 { writer } else { writer.try_clone().map_err(prepare)? };
    let argv = pointers(new.args.iter().map(|arg| arg.as_ptr()));
    let envp = pointers(new.env.iter().map(|entry| entry.as_ptr().cast()));
    let sandbox = sandbox.map(|ruleset| ruleset.as_raw_fd());
    let plan = Plan { new, foreign, sandbox, argv: &argv, envp: &envp, report: writer.as_raw_fd() };
    // No handler of the host may run in the child: it would act on memory that is not its own any more.
    let before = SigSet::all().thread_swap_mask(SigmaskHow::SIG_SETMASK).map_err(|error| prepare(error.into()))?;
    // SAFETY: the child calls only async-signal-safe functions on prepared values and leaves through exec or _exit.
    let forked = checked_call(unsafe {
        let pid = libc::fork();
        if pid == 0 {
            plan.become_program();
        }
        pid
    });
    before.thread_set_mask().map_err(|error| prepare(error.into()))?;
    let pid = forked.map_err(prepare)?;
    drop(writer);
    match failure(reader) {
        None => Ok(pid),
        Some(failure) => {
            wait_and_reap(pid);
            Err(failure)
        }
    }
}

/// What the child has reported; the pipe is closed by a successful exec.
fn failure(reader: OwnedFd) -> Option<(Step, io::Error)> {
    let mut report = [0; 5];
    File::from(reader).read_exact(&mut report).ok()?;
    let [step, errno @ ..] = report;
    let step = STEPS.get(usize::from(step)).copied().unwrap_or(Step::Prepare);
    Some((step, io::Error::from_raw_os_error(i32::from_ne_bytes(errno))))
}

struct Plan<'a> {
    new: &'a NewProcess<'a>,
    foreign: &'a Foreign,
    /// The limits as Landlock has them; open in the caller all the while.
    sandbox: Option<RawFd>,
    argv: &'a [*mut c_char],
    envp: &'a [*mut c_char],
    report: RawFd,
}

#[expect(unsafe_code, reason = "system calls between fork and exec")]
impl Plan<'_> {
    /// Runs in the child.
    fn become_program(&self) -> ! {
        let step = self.change_and_exec();
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or_default().to_ne_bytes();
        let report = [step as u8, errno[0], errno[1], errno[2], errno[3]];
        // SAFETY: the buffer is alive; _exit runs no handlers of the parent's.
        unsafe {
            libc::write(self.report, report.as_ptr().cast(), report.len());
            libc::_exit(127)
        }
    }

    /// Does everything in order; returns only with the step that failed, whose errno is set.
    fn change_and_exec(&self) -> Step {
        let Foreign { uid, gid, groups, root } = self.foreign;
        // SAFETY: all pointers are to NUL-terminated texts or arrays prepared before the fork; everything called here is
        // async-signal-safe; the process has this one thread only, so nothing else uses its descriptors or dispositions.
        unsafe {
            if libc::setsid() < 0 {
                return Step::Session;
            }
            reset_signals();
            // The terminal's path is outside of the new root, and closed to the new user.
            if self.set_descriptors() < 0 {
                return Step::Descriptors;
            }
            if let Some(uid) = *uid {
                // So that the new user can open /dev/stdout and its terminal by name. Not worth a failure. A file of the
                // machine that was opened as input, /dev/null, must never be given away.
                for fd in c_int::from(!self.input_is_our_own())..=2 {
                    let _ = libc::fchown(fd, uid, libc::gid_t::MAX);
                }
            }
            if let Some(root) = root
                && libc::chroot(root.as_ptr()) < 0
            {
                return Step::Root;
            }
            if libc::chdir(self.new.dir.as_ptr()) < 0 {
                return Step::Directory;
            }
            if let Some(groups) = groups
                && libc::setgroups(groups.len(), groups.as_ptr()) < 0
            {
                return Step::Groups;
            }
            if let Some(gid) = *gid
                && libc::setresgid(gid, gid, gid) < 0
            {
                return Step::Group;
            }
            if let Some(uid) = *uid
                && libc::setresuid(uid, uid, uid) < 0
            {
                return Step::User;
            }
            // After the last thing that needs rights. The kernel asks for no new privileges before it accepts limits.
            if self.sandbox.is_some() {
                for capability in BEYOND_FILES {
                    // Only root has them, and may drop them; whoever may not has none.
                    libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0);
                }
            }
            if let Some(ruleset) = self.sandbox
                && (libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0
                    || libc::syscall(libc::SYS_landlock_restrict_self, ruleset, 0) < 0)
            {
                return Step::Sandbox;
            }
            let mut none = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
            libc::execve(self.new.program.as_ptr(), self.argv.as_ptr().cast(), self.envp.as_ptr().cast());
        }
        Step::Execute
    }

    /// Whether the input is a pipe or terminal that was made for this child.
    fn input_is_our_own(&self) -> bool {
        match &self.new.stdin {
            InputSource::Descriptor(_) => true,
            InputSource::Path(path) => path.to_bytes().starts_with(b"/dev/pts/"),
        }
    }

    /// Standard descriptors from ours, which are all above 2; everything else is closed by exec. Negative = failed.
    unsafe fn set_descriptors(&self) -> c_int {
        // SAFETY: numbers of open descriptors and a NUL-terminated path; see `change_and_exec`.
        unsafe {
            let input = match &self.new.stdin {
                InputSource::Path(path) => libc::open(path.as_ptr(), libc::O_RDWR | libc::O_CLOEXEC),
                InputSource::Descriptor(fd) => fd.as_raw_fd(),
            };
            if input < 0 {
                return -1;
            }
            let (out, err) = (self.new.stdout.as_raw_fd(), self.new.stderr.as_raw_fd());
            // 0 cannot be closed here, unless the host had it closed: then the open above may have returned it.
            let copied = if input == 0 { libc::fcntl(0, libc::F_SETFD, 0) } else { libc::dup2(input, 0) };
            if copied < 0 || libc::dup2(out, 1) < 0 || libc::dup2(err, 2) < 0 {
                return -1;
            }
            // What the host was started with. Refused before Linux 5.11; then that is inherited.
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC);
            match &self.new.kept {
                Some(kept) => libc::fcntl(kept.as_raw_fd(), libc::F_SETFD, 0),
                None => 0,
            }
        }
    }
}

/// What lets root go round the limits of a sandbox, by other ways than files: memory of others, devices, the kernel itself. Numbers
/// of `capability.h`: SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN, SYS_BOOT, SYS_TIME, MKNOD, MAC_OVERRIDE, MAC_ADMIN, SYSLOG, PERFMON,
/// BPF, CHECKPOINT_RESTORE.
const BEYOND_FILES: [libc::c_ulong; 13] = [16, 17, 19, 21, 22, 25, 27, 32, 33, 34, 38, 39, 40];

/// `sizeof(sigset_t)` of the kernel for 64 signals.
const KERNEL_SIGSET_BYTES: usize = 8;

/// Exec resets handlers by itself, but not signals that are ignored; and none may run before it.
#[expect(unsafe_code, reason = "system calls between fork and exec")]
unsafe fn reset_signals() {
    // The kernel's own structure, all zero: SIG_DFL, no flags, empty mask. Longer than it is anywhere.
    let default = [0_u64; 16];
    // Not sigaction: it refuses the C library's own two signals, which the host may have been started ignoring.
    for signal in 1..=64 {
        // SAFETY: the kernel reads its structure from the array; SIGKILL, SIGSTOP and what is no signal are refused.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<u64>(),
                KERNEL_SIGSET_BYTES,
            );
        }
    }
}

//! Thin safe functions over the system calls that neither std nor nix offer as needed here.
//!
//! Not for decisions: each function does one call and turns errno into [`io::Error`].

use std::{
    ffi::CString,
    io,
    mem::MaybeUninit,
    os::{
        fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
    ptr,
};

use libc::{c_char, c_int, pid_t};
use tokio::io::{Interest, unix::AsyncFd};
use zeroize::Zeroizing;

/// How a child ended, as the kernel says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RawExit {
    Code(i32),
    Signal { number: i32, core_dumped: bool },
}

/// Standard input of a child, from its own point of view.
pub(super) enum InputSource<'a> {
    /// Opened by the child, read and write; the first terminal a session leader opens becomes its controlling terminal.
    Path(&'a CString),
    Descriptor(BorrowedFd<'a>),
}

/// What a new process gets; all of it owned by the caller.
pub(super) struct NewProcess<'a> {
    pub(super) program: &'a CString,
    pub(super) args: &'a [Zeroizing<CString>],
    /// `NAME=value` with a NUL at the end of each.
    pub(super) env: &'a [Zeroizing<Vec<u8>>],
    pub(super) dir: &'a CString,
    pub(super) stdin: InputSource<'a>,
    pub(super) stdout: BorrowedFd<'a>,
    pub(super) stderr: BorrowedFd<'a>,
    /// Stays open; above 2.
    pub(super) kept: Option<BorrowedFd<'a>>,
}

/// `posix_spawn` with a session of its own, an empty signal mask and default dispositions. Returns when the program was
/// executed or could not be.
#[expect(unsafe_code, reason = "posix_spawn is only to be had from libc")]
pub(super) fn posix_spawn(new: &NewProcess<'_>) -> io::Result<pid_t> {
    let mut attributes = Attributes::new()?;
    let mut actions = FileActions::new()?;
    attributes.set_session_and_signals()?;
    actions.chdir(new.dir)?;
    match &new.stdin {
        InputSource::Path(path) => actions.open(0, path, libc::O_RDWR)?,
        InputSource::Descriptor(fd) => actions.dup2(fd.as_raw_fd(), 0)?,
    }
    actions.dup2(new.stdout.as_raw_fd(), 1)?;
    actions.dup2(new.stderr.as_raw_fd(), 2)?;
    match new.kept {
        None => actions.close_from(3)?,
        Some(kept) => {
            actions.dup2(kept.as_raw_fd(), 3)?;
            actions.close_from(4)?;
        }
    }
    let argv = pointers(new.args.iter().map(|arg| arg.as_ptr()));
    let envp = pointers(new.env.iter().map(|entry| entry.as_ptr().cast()));
    let mut pid: pid_t = 0;
    // SAFETY: program, dir and arguments are NUL-terminated and outlive the call; both vectors end with a null pointer; the
    // attributes and actions are initialised; posix_spawn does not write through the argument pointers.
    let errno = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            new.program.as_ptr(),
            &raw const actions.0,
            &raw const attributes.0,
            argv.as_ptr(),
            envp.as_ptr(),
        )
    };
    checked(errno).map(|()| pid)
}

pub(super) fn pointers(texts: impl Iterator<Item = *const c_char>) -> Vec<*mut c_char> {
    texts.map(<*const c_char>::cast_mut).chain([ptr::null_mut()]).collect()
}

/// The posix_spawn family returns errno instead of setting it.
fn checked(errno: c_int) -> io::Result<()> {
    if errno == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(errno)) }
}

pub(super) fn checked_call(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

struct Attributes(libc::posix_spawnattr_t);

#[expect(unsafe_code, reason = "posix_spawn is only to be had from libc")]
impl Attributes {
    fn new() -> io::Result<Self> {
        let mut attributes = MaybeUninit::uninit();
        // SAFETY: init writes the object it is given; it is assumed initialised only when init has succeeded.
        unsafe {
            checked(libc::posix_spawnattr_init(attributes.as_mut_ptr()))?;
            Ok(Self(attributes.assume_init()))
        }
    }

    fn set_session_and_signals(&mut self) -> io::Result<()> {
        let flags = c_int::from(libc::POSIX_SPAWN_SETSID) | libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        let (mut none, mut all) = (MaybeUninit::uninit(), MaybeUninit::<libc::sigset_t>::uninit());
        // SAFETY: sigemptyset initialises the set (it fails for a null pointer only); a sigset_t is an array of bits, so all
        // ones are a set too; the attributes are initialised and copy the sets.
        unsafe {
            libc::sigemptyset(none.as_mut_ptr());
            // Not sigfillset: it leaves out the C library's own two signals, and posix_spawn has those ignored then.
            all.as_mut_ptr().write_bytes(0xFF, 1);
            checked(libc::posix_spawnattr_setsigmask(&raw mut self.0, none.as_ptr()))?;
            checked(libc::posix_spawnattr_setsigdefault(&raw mut self.0, all.as_ptr()))?;
            checked(libc::posix_spawnattr_setflags(&raw mut self.0, flags as libc::c_short))
        }
    }
}

#[expect(unsafe_code, reason = "posix_spawn is only to be had from libc")]
impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawnattr_destroy(&raw mut self.0) };
    }
}

struct FileActions(libc::posix_spawn_file_actions_t);

#[expect(unsafe_code, reason = "posix_spawn is only to be had from libc")]
impl FileActions {
    fn new() -> io::Result<Self> {
        let mut actions = MaybeUninit::uninit();
        // SAFETY: init writes the object it is given; it is assumed initialised only when init has succeeded.
        unsafe {
            checked(libc::posix_spawn_file_actions_init(actions.as_mut_ptr()))?;
            Ok(Self(actions.assume_init()))
        }
    }

    fn chdir(&mut self, dir: &CString) -> io::Result<()> {
        // SAFETY: the actions are initialised and copy the NUL-terminated path.
        checked(unsafe { libc::posix_spawn_file_actions_addchdir_np(&raw mut self.0, dir.as_ptr()) })
    }

    fn open(&mut self, fd: RawFd, path: &CString, flags: c_int) -> io::Result<()> {
        // SAFETY: as in `chdir`.
        checked(unsafe { libc::posix_spawn_file_actions_addopen(&raw mut self.0, fd, path.as_ptr(), flags, 0) })
    }

    /// All of ours are close-on-exec; this is for those that the host was started with (make's job server, a service manager).
    #[cfg(target_env = "gnu")]
    fn close_from(&mut self, first: RawFd) -> io::Result<()> {
        // SAFETY: the actions are initialised; the descriptor is a number to them.
        checked(unsafe { libc::posix_spawn_file_actions_addclosefrom_np(&raw mut self.0, first) })
    }

    /// Other C libraries have no such action: what the host has leaked is inherited.
    #[cfg(not(target_env = "gnu"))]
    fn close_from(&mut self, _first: RawFd) -> io::Result<()> {
        Ok(())
    }

    fn dup2(&mut self, from: RawFd, to: RawFd) -> io::Result<()> {
        // SAFETY: the actions are initialised; the descriptors are numbers to them.
        checked(unsafe { libc::posix_spawn_file_actions_adddup2(&raw mut self.0, from, to) })
    }
}

#[expect(unsafe_code, reason = "posix_spawn is only to be had from libc")]
impl Drop for FileActions {
    fn drop(&mut self) {
        // SAFETY: initialised in `new`, destroyed once.
        unsafe { libc::posix_spawn_file_actions_destroy(&raw mut self.0) };
    }
}

/// A descriptor for a process; readable when it has ended. Close-on-exec by itself.
#[expect(unsafe_code, reason = "glibc has no wrapper before 2.36")]
pub(super) fn pidfd_open(pid: pid_t) -> io::Result<OwnedFd> {
    // SAFETY: plain integers; the result is a new descriptor that nobody else owns.
    unsafe {
        let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        checked_call(fd as c_int).map(|fd| OwnedFd::from_raw_fd(fd))
    }
}

/// Signals exactly the process behind the descriptor.
#[expect(unsafe_code, reason = "glibc has no wrapper before 2.36")]
pub(super) fn pidfd_send_signal(pidfd: BorrowedFd<'_>, signal: c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open; a null siginfo is allowed and means what kill does.
    let result = unsafe {
        libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), signal, ptr::null::<libc::siginfo_t>(), 0)
    };
    checked_call(result as c_int).map(drop)
}

/// `kill`: a negative `pid` is a process group.
#[expect(unsafe_code, reason = "nix has no real-time signals")]
pub(super) fn kill(pid: pid_t, signal: c_int) -> io::Result<()> {
    // SAFETY: plain integers.
    checked_call(unsafe { libc::kill(pid, signal) }).map(drop)
}

/// Whether and how a child has ended, without waiting. `reap` = let it go, otherwise it stays a zombie.
///
/// # Errors
/// `ECHILD` if somebody else has reaped it.
#[expect(unsafe_code, reason = "nix cannot say real-time signals that ended a child")]
pub(super) fn wait_exited(pid: pid_t, reap: bool) -> io::Result<Option<RawExit>> {
    let flags = libc::WEXITED | libc::WNOHANG | if reap { 0 } else { libc::WNOWAIT };
    loop {
        let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: waitid writes the structure, which is valid when zeroed (it is left alone when nobody has ended); si_pid and
        // si_status may be read because the structure is from waitid.
        let (result, code, ended, status) = unsafe {
            let result = libc::waitid(libc::P_PID, pid as libc::id_t, information.as_mut_ptr(), flags);
            let information = information.assume_init();
            (result, information.si_code, information.si_pid(), information.si_status())
        };
        match checked_call(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
            Ok(_) if ended == 0 => return Ok(None),
            Ok(_) if code == libc::CLD_EXITED => return Ok(Some(RawExit::Code(status))),
            Ok(_) => {
                return Ok(Some(RawExit::Signal { number: status, core_dumped: code == libc::CLD_DUMPED }));
            }
        }
    }
}

/// Waits until a child has ended and lets it go; blocks the thread.
#[expect(unsafe_code, reason = "as wait_exited")]
pub(super) fn wait_and_reap(pid: pid_t) {
    loop {
        let mut information = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: as in `wait_exited`.
        let result = unsafe { libc::waitid(libc::P_PID, pid as libc::id_t, information.as_mut_ptr(), libc::WEXITED) };
        match checked_call(result) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            _ => return,
        }
    }
}

/// Sets the soft limit of open files of another process, cut to its hard limit.
#[expect(unsafe_code, reason = "nix sets limits of this process only")]
pub(super) fn limit_open_files(pid: pid_t, soft: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: both pointers are to a live rlimit, or null where that means "leave".
    unsafe {
        checked_call(libc::prlimit(pid, libc::RLIMIT_NOFILE, ptr::null(), &raw mut limit))?;
        limit.rlim_cur = soft.min(limit.rlim_max);
        checked_call(libc::prlimit(pid, libc::RLIMIT_NOFILE, &raw const limit, ptr::null_mut())).map(drop)
    }
}

/// Sets lines and columns of a terminal.
#[expect(unsafe_code, reason = "nix only has a macro for this")]
pub(super) fn set_window_size(terminal: BorrowedFd<'_>, (lines, columns): (u16, u16)) -> io::Result<()> {
    let size = libc::winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: TIOCSWINSZ reads one winsize, which lives during the call; the descriptor is open.
    unsafe { checked_call(libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size)) }.map(drop)
}

/// Lets the runtime watch a descriptor; to be called inside a runtime with IO.
#[expect(unsafe_code, reason = "tokio wants a promise that the descriptor stays open")]
pub(super) fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd is open, names the same file all its life, and is not replaced inside the AsyncFd that owns it.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(io::Error::from)
}

/// The value of an extended attribute of a file, if it has a short one.
#[expect(unsafe_code, reason = "neither std nor nix read them")]
pub(super) fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let (path, name) = (CString::new(path.as_os_str().as_bytes()).ok()?, CString::new(name).ok()?);
    let mut value = vec![0; 64];
    // SAFETY: both texts end with a NUL; the kernel writes at most the given number of bytes, which the buffer has.
    let length = unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(length).ok()?);
    Some(value)
}

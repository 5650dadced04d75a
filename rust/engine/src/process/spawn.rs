//! Starts a child: descriptors, terminal, the system call, limits.

use std::{
    ffi::CString,
    io,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    path::PathBuf,
    time::Duration,
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl, open},
    pty::{grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::stat::Mode,
    unistd::pipe2,
};

use super::{
    Child, ProcessSpec, Sandbox, Stdin,
    fork::{self, Foreign, Step},
    input::InputEnd,
    leader::Watched,
    record,
    resolve::{self, Prepared},
    starting::Starting,
    stop::Ending,
    system::{self, InputSource, NewProcess},
};

/// Why a program could not be started. The texts are for the person who wrote the template.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    /// The name is empty.
    #[error("no program is given")]
    NoProgram,
    /// A bare name, and no entry of `PATH` has it.
    #[error("program `{program}` not found in PATH ({path}): install it there or give its full path")]
    NotFound {
        /// Name.
        program: String,
        /// The `PATH` that was searched.
        path: String,
    },
    /// A bare name, and the environment has no `PATH`.
    #[error("program `{program}` not found: the environment has no PATH")]
    NoPath {
        /// Name.
        program: String,
    },
    /// A path with nothing there.
    #[error("program `{program}` does not exist")]
    Missing {
        /// Path.
        program: String,
    },
    /// Something is there that cannot be run.
    #[error("program `{program}` is not an executable file")]
    NotExecutable {
        /// Path.
        program: String,
    },
    /// The file exists, the interpreter of its first line does not.
    #[error("program `{program}` names an interpreter after `#!` that does not exist")]
    Interpreter {
        /// Path.
        program: String,
    },
    /// The file is neither a binary of this machine nor a script with `#!`.
    #[error("program `{program}` is neither a binary for this machine nor a script that begins with `#!`")]
    Format {
        /// Path.
        program: String,
    },
    /// The working directory cannot be used.
    #[error("cannot use the working directory `{}`", dir.display())]
    Directory {
        /// Directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The working directory is a file.
    #[error("the working directory `{}` is not a directory", dir.display())]
    NotADirectory {
        /// Path.
        dir: PathBuf,
    },
    /// A text that the system cannot pass on.
    #[error("cannot start `{program}`: {what} contains a NUL byte")]
    NulByte {
        /// Name.
        program: String,
        /// Which text; never the text itself.
        what: String,
    },
    /// Not a name for a variable.
    #[error("`{name}` is not a name for an environment variable: it is empty or contains `=`")]
    VariableName {
        /// Name.
        name: String,
    },
    /// Arguments and environment together are too long for the system.
    #[error("cannot start `{program}`: its arguments and environment are too long; pass large values in a file")]
    TooLong {
        /// Name.
        program: String,
    },
    /// No pipe or terminal is to be had.
    #[error("cannot make {what} for `{program}`")]
    Descriptor {
        /// Name.
        program: String,
        /// `a pipe` or `a terminal`.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The identity could not be taken on.
    #[error("cannot start `{program}`: cannot set {what} of the program")]
    Identity {
        /// Name.
        program: String,
        /// Which part of the identity.
        what: &'static str,
        /// Why; `EPERM` means that the server lacks the right (it does not run as root).
        source: io::Error,
    },
    /// The limits could not be taken on.
    #[error("cannot start `{program}` in its sandbox")]
    Sandbox {
        /// Name.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// The system refused for another reason.
    #[error("cannot start `{program}`")]
    System {
        /// Name.
        program: String,
        /// Why.
        source: io::Error,
    },
}

/// Starts a child in a session of its own. Short and without async; supervision begins with [`Child::supervise`].
///
/// A child that is dropped without supervision is killed and reaped.
///
/// # Errors
/// If anything of the specification cannot be used; nothing runs then.
pub fn spawn(spec: ProcessSpec) -> Result<Child, SpawnError> {
    spawn_with(spec, true)
}

/// `use_pidfd: false` behaves as a kernel without `pidfd_open`.
pub(super) fn spawn_with(spec: ProcessSpec, use_pidfd: bool) -> Result<Child, SpawnError> {
    let ProcessSpec {
        program,
        args,
        env,
        search_path,
        dir,
        stdin,
        stop,
        grace,
        identity,
        sandbox,
        nofile,
        prompt_timeout,
        kept,
    } = spec;
    let name = program.to_string_lossy().into_owned();
    let root = identity.as_ref().and_then(|identity| identity.chroot.as_deref());
    let prepared = resolve::prepare(&program, args, env, search_path.as_deref(), &dir, root)?;
    let starting = Starting::begin();
    let no_pipe = |source: io::Error| SpawnError::Descriptor { program: name.clone(), what: "a pipe", source };
    let (stdout, child_stdout) = pipe().map_err(no_pipe)?;
    let (stderr, child_stderr) = pipe().map_err(no_pipe)?;
    let (input, child_stdin) = input_ends(&name, stdin, prompt_timeout)?;
    let new = NewProcess {
        program: &prepared.program,
        args: &prepared.args,
        env: &prepared.env,
        dir: &prepared.dir,
        stdin: match &child_stdin {
            ChildInput::Open(path) => InputSource::Path(path),
            ChildInput::Descriptor(fd) => InputSource::Descriptor(fd.as_fd()),
        },
        stdout: child_stdout.as_fd(),
        stderr: child_stderr.as_fd(),
        kept: kept.as_ref().map(|kept| kept.as_fd()),
    };
    let pid = match (identity, &sandbox) {
        (None, None) => system::posix_spawn(&new).map_err(|source| refused(&prepared, name.clone(), source))?,
        (identity, sandbox) => {
            let nul = || SpawnError::NulByte { program: name.clone(), what: "the root directory".into() };
            let foreign = identity.map_or_else(|| Some(Foreign::default()), |identity| identity.foreign());
            let ruleset = sandbox.as_ref().map(Sandbox::ruleset);
            fork::fork_exec(&new, &foreign.ok_or_else(nul)?, ruleset).map_err(|(step, source)| match step {
                Step::Sandbox => SpawnError::Sandbox { program: name.clone(), source },
                Step::Execute => refused(&prepared, name.clone(), source),
                Step::Directory => SpawnError::Directory { dir, source },
                _ => SpawnError::Identity { program: name.clone(), what: change(step), source },
            })?
        }
    };
    record::begun(pid, [stdout.as_fd(), stderr.as_fd()]);
    drop((child_stdout, child_stderr, child_stdin));
    drop(starting);
    let watched = Watched::new(pid, use_pidfd);
    if let Some(soft) = nofile {
        // If we leave here, `watched` ends the child.
        system::limit_open_files(pid, soft).or_else(|error| match error.raw_os_error() {
            // It has ended already, or gave itself other rights: the limit is a courtesy, not a fence.
            Some(libc::ESRCH | libc::EPERM) => Ok(()),
            _ => Err(SpawnError::System { program: name, source: error }),
        })?;
    }
    Ok(Child::new(watched, stdout, stderr, input, Ending { plan: stop, grace }))
}

fn change(step: Step) -> &'static str {
    match step {
        Step::Root => "the root directory",
        Step::Groups => "the supplementary groups",
        Step::Group => "the group",
        Step::User => "the user",
        Step::Prepare | Step::Session | Step::Descriptors | Step::Directory | Step::Sandbox | Step::Execute => {
            "the process"
        }
    }
}

/// The reader's and the child's end; both close-on-exec, the reader's non-blocking.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let (reader, writer) = (above_standard(reader)?, above_standard(writer)?);
    set_nonblocking(&reader)?;
    Ok((reader, writer))
}

fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// A host that was started with closed standard descriptors would get our pipes as 0 to 2, and the child's would overwrite
/// one another.
fn above_standard(fd: OwnedFd) -> io::Result<OwnedFd> {
    // The duplicate is 3 or higher: std asks for that.
    if fd.as_raw_fd() > 2 { Ok(fd) } else { fd.try_clone() }
}

enum ChildInput {
    Open(CString),
    Descriptor(OwnedFd),
}

fn input_ends(program: &str, stdin: Stdin, patience: Option<Duration>) -> Result<(InputEnd, ChildInput), SpawnError> {
    let failed = |what| {
        let program = program.to_owned();
        move |source: io::Error| SpawnError::Descriptor { program, what, source }
    };
    match stdin {
        Stdin::Null => Ok((InputEnd::None, ChildInput::Open(c"/dev/null".to_owned()))),
        Stdin::Bytes(bytes) => {
            let (child, writer) = input_pipe().map_err(failed("a pipe"))?;
            Ok((InputEnd::Pipe { writer, first: bytes, keep_open: false }, ChildInput::Descriptor(child)))
        }
        Stdin::Pipe => {
            let (child, writer) = input_pipe().map_err(failed("a pipe"))?;
            let first = zeroize::Zeroizing::new(Vec::new());
            Ok((InputEnd::Pipe { writer, first, keep_open: true }, ChildInput::Descriptor(child)))
        }
        Stdin::Pty { prompts } => {
            let (master, slave, path) = terminal().map_err(failed("a terminal"))?;
            Ok((InputEnd::Terminal { master, slave, prompts, patience }, ChildInput::Open(path)))
        }
    }
}

/// The child's and the writer's end.
fn input_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    let (reader, writer) = (above_standard(reader)?, above_standard(writer)?);
    set_nonblocking(&writer)?;
    Ok((reader, writer))
}

/// Lines and columns of a child's terminal: what programs assume that are not told. A new terminal says 0 and 0.
const WINDOW: (u16, u16) = (24, 80);

/// Master, our own hold on the slave, and the slave's path, by which the child opens it as its controlling terminal.
fn terminal() -> io::Result<(OwnedFd, OwnedFd, CString)> {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let path = ptsname_r(&master)?;
    // Held open so that the master never hangs up while a child closes and reopens its terminal.
    let slave = open(path.as_str(), OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC, Mode::empty())?;
    let path = CString::new(path)?;
    system::set_window_size(slave.as_fd(), WINDOW)?;
    let master = above_standard(OwnedFd::from(master))?;
    set_nonblocking(&master)?;
    Ok((master, above_standard(slave)?, path))
}

/// The file and the directory were seen a moment ago; what is left is said by errno.
fn refused(prepared: &Prepared, program: String, source: io::Error) -> SpawnError {
    let path = prepared.program.to_string_lossy().into_owned();
    match source.raw_os_error() {
        Some(libc::ENOENT) => SpawnError::Interpreter { program: path },
        Some(libc::ENOEXEC) => SpawnError::Format { program: path },
        Some(libc::E2BIG) => SpawnError::TooLong { program },
        Some(libc::EACCES) => SpawnError::NotExecutable { program: path },
        _ => SpawnError::System { program, source },
    }
}

//! What a program of a task may reach of this machine: files by Landlock, no new privileges, no signals to others.
//!
//! Not for what the kernel cannot tell apart: networks, memory, processor time. Needs no container and no right of ours.
//!
//! Invariants: what is not named is refused, a link leads nowhere it would not lead without it, and a kernel without Landlock is
//! an error, never a program that runs free.

use std::{
    ffi::OsStr,
    fs, io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, Scope, make_bitflags, path_beneath_rules,
};

use crate::config::SandboxMode;

/// What is used of Landlock where the kernel has it; the rights of its first version must be there.
const NEWEST: ABI = ABI::V6;

/// Devices that programs write to. Others can be read and written by nobody, whoever runs: a disk has every file in it.
const DEVICES: [&str; 9] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/shm",
];

/// Where programs, their libraries and their configuration lie: all that the strict mode shows of the system.
const SYSTEM: [&str; 13] =
    ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/usr", "/opt", "/etc", "/nix", "/proc", "/sys", "/run"];

/// Why there is no sandbox. A program must be refused then, never run without it.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel has no Landlock, or it is switched off.
    #[error(
        "this machine's kernel offers no Landlock, which `process.sandbox` needs: use Linux 5.13 or newer with Landlock among \
         its security modules, or set `process.sandbox` to `off`"
    )]
    Unsupported,
    /// The rules were refused.
    #[error("cannot make the sandbox of the task")]
    Rules {
        /// Why.
        source: RulesetError,
    },
    /// A directory that should be shown in part cannot be read.
    #[error("cannot make the sandbox of the task: cannot read {}", path.display())]
    Unreadable {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What a sandbox is made of; all paths are absolute.
#[derive(Clone, Debug, Default)]
pub struct SandboxPlan {
    /// How much is shown.
    pub mode: SandboxMode,
    /// Directories of the task: everything is allowed there.
    pub own: Vec<PathBuf>,
    /// The same for directories in places where others could put a link; one that reaches what is hidden is left out.
    pub opened: Vec<Arc<OwnedFd>>,
    /// Directories that may be read although they are hidden.
    pub borrowed: Vec<PathBuf>,
    /// Directories that somebody else chose, such as HOME: everything is allowed there, but for what is hidden.
    pub lent: Vec<PathBuf>,
    /// What may be read beside what the mode shows.
    pub shown: Vec<PathBuf>,
    /// What is neither read nor written, with everything beside it whose name begins with its name; `own` and `borrowed` lie in it
    /// or elsewhere.
    pub hidden: Vec<PathBuf>,
    /// The root directory of the programs, below which they see all these paths; `None` = that of this process.
    pub root: Option<PathBuf>,
}

impl SandboxPlan {
    /// A path of the programs as this process sees it.
    fn inside(&self, path: &Path) -> PathBuf {
        self.root.as_ref().map_or_else(|| path.to_owned(), |root| root.join(path.strip_prefix("/").unwrap_or(path)))
    }
}

/// Limits that the programs of one task run in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sandbox {
    ruleset: Arc<OwnedFd>,
}

impl Sandbox {
    /// Asks the kernel for the limits. `None` in the mode `off`. Reads directories: not for the runtime's threads.
    ///
    /// # Errors
    /// If the kernel has no Landlock, or a directory with something hidden in it cannot be read.
    pub fn new(plan: &SandboxPlan) -> Result<Option<Self>, SandboxError> {
        // The same directory may be seen in both places.
        let hidden: Vec<PathBuf> = plan.hidden.iter().flat_map(|path| [real(path), real(&plan.inside(path))]).collect();
        let root = real(&plan.inside(Path::new("/")));
        let mut readable = match plan.mode {
            SandboxMode::Off => return Ok(None),
            SandboxMode::Default => {
                let mut hidden = hidden.clone();
                hidden.push(root.join("dev"));
                without(&root, &hidden)?
            }
            SandboxMode::Strict => each_without(SYSTEM.iter().map(|path| plan.inside(Path::new(path))), &hidden)?,
        };
        readable.extend(each_without(plan.shown.iter().map(|path| plan.inside(path)), &hidden)?);
        // The root is lent to nobody: everything would be writable.
        let lent = plan.lent.iter().map(|path| plan.inside(path)).filter(|path| real(path) != root);
        let lent = each_without(lent, &hidden)?;
        let opened = plan.opened.iter().filter(|directory| !reaches_hidden(directory, &hidden));
        let devices = DEVICES.iter().map(|path| plan.inside(Path::new(path)));
        let refused = |source| SandboxError::Rules { source };
        let rules = empty()?;
        let everything = AccessFs::from_all(NEWEST) & !make_bitflags!(AccessFs::{MakeChar | MakeBlock});
        let rules = list_everywhere(rules, plan.mode, &root).map_err(refused)?;
        let read = AccessFs::from_read(NEWEST);
        let rules = rules.add_rules(found_beneath(readable, read)).map_err(refused)?;
        let rules = rules.add_rules(path_beneath_rules(&plan.borrowed, read)).map_err(refused)?;
        let rules = rules.add_rules(found_beneath(lent, everything)).map_err(refused)?;
        let rules = rules.add_rules(path_beneath_rules(&plan.own, everything)).map_err(refused)?;
        let rules = rules.add_rules(path_beneath_rules(devices, everything)).map_err(refused)?;
        let opened = opened.map(|directory| Ok(PathBeneath::new(directory.as_fd(), everything)));
        let rules = rules.add_rules(opened).map_err(refused)?;
        let ruleset = Option::<OwnedFd>::from(rules).ok_or(SandboxError::Unsupported)?;
        Ok(Some(Self { ruleset: Arc::new(ruleset) }))
    }

    pub(super) fn ruleset(&self) -> BorrowedFd<'_> {
        self.ruleset.as_fd()
    }
}

/// Whether this machine's kernel can do what a sandbox needs.
pub fn sandbox_is_supported() -> bool {
    empty().is_ok()
}

/// Limits under which nothing is allowed yet.
fn empty() -> Result<RulesetCreated, SandboxError> {
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V1))
        .map_err(|_| SandboxError::Unsupported)?;
    let rules = rules.set_compatibility(CompatLevel::BestEffort).handle_access(AccessFs::from_all(NEWEST));
    let rules = rules.and_then(|rules| rules.scope(make_bitflags!(Scope::{AbstractUnixSocket | Signal})));
    rules.and_then(Ruleset::create).map_err(|source| SandboxError::Rules { source })
}

/// In the lenient mode names of files are no secret: a directory that has something hidden in it can be listed.
fn list_everywhere(rules: RulesetCreated, mode: SandboxMode, root: &Path) -> Result<RulesetCreated, RulesetError> {
    match (mode, PathFd::new(root)) {
        (SandboxMode::Default, Ok(root)) => rules.add_rule(PathBeneath::new(root, AccessFs::ReadDir)),
        _ => Ok(rules),
    }
}

fn each_without(paths: impl Iterator<Item = PathBuf>, hidden: &[PathBuf]) -> Result<Vec<PathBuf>, SandboxError> {
    let mut found = Vec::new();
    for path in paths {
        found.extend(without(&real(&path), hidden)?);
    }
    Ok(found)
}

/// The fewest paths that together are everything at and below a path but what is hidden. Links are left out: what they lead to is
/// reached by its own name, or is hidden.
fn without(path: &Path, hidden: &[PathBuf]) -> Result<Vec<PathBuf>, SandboxError> {
    let (mut found, mut left) = (Vec::new(), vec![path.to_owned()]);
    while let Some(path) = left.pop() {
        if hidden.iter().any(|hidden| hides(hidden, &path)) {
            continue;
        }
        if !hidden.iter().any(|hidden| hidden.starts_with(&path)) {
            found.push(path);
            continue;
        }
        let unreadable = |source| SandboxError::Unreadable { path: path.clone(), source };
        for entry in fs::read_dir(&path).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            // What is gone meanwhile cannot be shown.
            if entry.file_type().is_ok_and(|kind| !kind.is_symlink()) {
                left.push(entry.path());
            }
        }
    }
    Ok(found)
}

/// Rules for paths that were found without links. A task that writes there may have put one in the place of something meanwhile:
/// what is opened then is not what was found, and nothing is allowed.
fn found_beneath(
    paths: Vec<PathBuf>,
    access: BitFlags<AccessFs>,
) -> impl Iterator<Item = Result<PathBeneath<PathFd>, RulesetError>> {
    paths.into_iter().filter_map(move |path| {
        let opened = PathFd::new(&path).ok().filter(|opened| place_of(opened).is_ok_and(|place| place == path))?;
        let is_directory = fs::metadata(by_descriptor(&opened)).is_ok_and(|found| found.is_dir());
        let access = if is_directory { access } else { access & AccessFs::from_file(NEWEST) };
        Some(Ok(PathBeneath::new(opened, access)))
    })
}

fn by_descriptor(opened: impl AsFd) -> PathBuf {
    format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd()).into()
}

/// Where something lies that was opened.
fn place_of(opened: impl AsFd) -> io::Result<PathBuf> {
    fs::read_link(by_descriptor(opened))
}

/// Whether an open directory is what is hidden, lies in it, or has some of it below.
fn reaches_hidden(directory: &OwnedFd, hidden: &[PathBuf]) -> bool {
    // What cannot be asked for may be anything.
    place_of(directory)
        .map_or(true, |place| hidden.iter().any(|hidden| hides(hidden, &place) || hidden.starts_with(&place)))
}

/// Whether a path is what is hidden, lies in it, or lies beside it with a name that begins so (`database.sqlite-wal`).
fn hides(hidden: &Path, path: &Path) -> bool {
    let bytes = |path: &Path| path.file_name().map(|name| OsStr::as_encoded_bytes(name).to_owned());
    path.starts_with(hidden)
        || path.parent() == hidden.parent()
            && bytes(hidden).zip(bytes(path)).is_some_and(|(hidden, name)| name.starts_with(&hidden))
}

/// A path without links; of what does not exist, its directory without them.
fn real(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| match (path.parent().map(fs::canonicalize), path.file_name()) {
        (Some(Ok(directory)), Some(name)) => directory.join(name),
        _ => path.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_hidden_is_left_out_with_what_is_named_after_it() {
        let root = tempfile::tempdir().unwrap();
        let root = real(root.path());
        for file in [
            "a/config.json",
            "a/config.json.bak",
            "a/other",
            "a/b/database.sqlite",
            "a/b/database.sqlite-wal",
            "a/b/c/x",
            "d/y",
        ] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink(root.join("a/b"), root.join("link")).unwrap();
        let hidden = ["a/config.json", "a/b/database.sqlite"].map(|path| root.join(path));
        let mut found = without(&root, &hidden).unwrap();
        found.sort();
        assert_eq!(found, ["a/b/c", "a/other", "d"].map(|path| root.join(path)));
        assert_eq!(without(&root.join("d"), &hidden).unwrap(), [root.join("d")]);
        assert!(without(&root.join("a/config.json"), &hidden).unwrap().is_empty());
        let reaches = |place: &str| reaches_hidden(&fs::File::open(root.join(place)).unwrap().into(), &hidden);
        assert!(reaches("a") && reaches("a/b") && reaches("a/b/database.sqlite-wal") && reaches("link"));
        assert!(!reaches("a/b/c") && !reaches("d"));
        let rules = |paths: &[&str]| {
            let paths = paths.iter().map(|path| root.join(path)).collect();
            found_beneath(paths, AccessFs::from_read(NEWEST)).count()
        };
        assert_eq!(rules(&["d", "a/other", "gone"]), 2);
        // What has become a link since it was found.
        assert_eq!(rules(&["link", "link/c"]), 0);
    }
}

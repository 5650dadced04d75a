//! Control groups (version 2) below the one that was given to this process: each task host gets one, so that a task can be limited
//! and ended as a whole.
//!
//! Not for groups that somebody else manages: without a delegated group there are none. Invariants: a group has one process of ours
//! at first and no groups below it; only groups that were made here are removed; the number in their names is never used twice.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use nix::unistd::{AccessFlags, access, geteuid};

use super::system;

/// Where the server itself is put when the group above it is to have limits for others: a group with limits for those below it may
/// not have processes itself. The unit that we ship names it, too.
pub const SERVER_GROUP: &str = "semaphore-server";

/// How the names of our groups begin.
const PREFIX: &str = "semaphore-task-";

/// The time that a share of the processor is meant of, in microseconds.
const CPU_PERIOD: u64 = 100_000;

/// How long the members of a group that was killed may take to go.
const KILL_ROUNDS: u32 = 100;
const KILL_PAUSE: Duration = Duration::from_millis(10);

/// What the programs of one task may use together; `None` = as much as there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Processor time in percent of one processor.
    pub cpu_percent: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u32>,
    /// Processes and threads.
    pub pids: Option<u32>,
}

impl Limits {
    /// File of each limit and what is written into it.
    fn files(self) -> impl Iterator<Item = (&'static str, String)> {
        let cpu = self.cpu_percent.map(|percent| {
            let quota = u64::from(percent) * CPU_PERIOD / 100;
            ("cpu.max", format!("{quota} {CPU_PERIOD}"))
        });
        let memory = self.memory_mib.map(|mib| ("memory.max", (u64::from(mib) << 20).to_string()));
        let pids = self.pids.map(|pids| ("pids.max", pids.to_string()));
        cpu.into_iter().chain(memory).chain(pids)
    }

    /// Names of the controllers that they need.
    fn controllers(self) -> impl Iterator<Item = &'static str> {
        self.files().filter_map(|(file, _)| file.split('.').next())
    }

    /// Whether there is one.
    pub fn is_set(self) -> bool {
        self != Self::default()
    }
}

/// The group below which groups can be made.
#[derive(Clone, Debug)]
pub struct Groups {
    base: PathBuf,
    /// Those that can be set.
    limits: Limits,
}

impl Groups {
    /// The group that was given to this process.
    ///
    /// # Errors
    /// Why there is none, for people.
    pub fn delegated() -> Result<Self, String> {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = place(&groups, &mounts).ok_or("this machine has no control groups of version 2")?;
        let base = match own.parent() {
            Some(parent) if own.ends_with(SERVER_GROUP) => parent.to_owned(),
            _ => own,
        };
        // The first of all groups has no such file.
        if !base.join("cgroup.kill").exists() {
            return Err(
                "the server runs in the group of all processes, or the kernel is older than Linux 5.14".to_owned()
            );
        }
        let may = |path: &Path, flags| access(path, AccessFlags::W_OK | flags).is_ok();
        if !may(&base, AccessFlags::X_OK) || !may(&base.join("cgroup.procs"), AccessFlags::empty()) {
            return Err(format!("{} cannot be written to", base.display()));
        }
        if Path::new("/run/systemd/system").exists() && !is_given_by_systemd(&base) {
            return Err(format!("{} is managed by systemd: its unit lacks Delegate=yes", base.display()));
        }
        Ok(Self { base, limits: Limits::default() })
    }

    /// The group below which they are.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Sets limits for each group that is made from now on, and for those of tasks that go on.
    ///
    /// # Errors
    /// Which of them have no effect and why, for people; the others have.
    pub fn limit(&mut self, limits: Limits) -> Result<(), String> {
        let offered = fs::read_to_string(self.base.join("cgroup.controllers")).unwrap_or_default();
        let is_offered = |controller: &str| offered.split_ascii_whitespace().any(|one| one == controller);
        let (wanted, missing): (Vec<_>, Vec<_>) = limits.controllers().partition(|controller| is_offered(controller));
        if !wanted.is_empty() {
            self.enable(&wanted).map_err(|error| {
                format!("no limit has an effect: {} cannot have groups with limits: {error}", self.base.display())
            })?;
        }
        let only = |limit: Option<u32>, controller| limit.filter(|_| is_offered(controller));
        self.limits = Limits {
            cpu_percent: only(limits.cpu_percent, "cpu"),
            memory_mib: only(limits.memory_mib, "memory"),
            pids: only(limits.pids, "pids"),
        };
        for name in self.names() {
            if let Err(error) = self.restrict(&self.base.join(&name)) {
                tracing::warn!(group = name, %error, "the limits of a task that goes on cannot be set");
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        Err(format!("these controllers are not delegated in {}: {missing}", self.base.display()))
    }

    fn enable(&self, controllers: &[&str]) -> io::Result<()> {
        let file = self.base.join("cgroup.subtree_control");
        let enabled = fs::read_to_string(&file)?;
        if controllers.iter().all(|one| enabled.split_ascii_whitespace().any(|other| other == *one)) {
            return Ok(());
        }
        let leaf = self.base.join(SERVER_GROUP);
        match fs::create_dir(&leaf) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        fs::write(leaf.join("cgroup.procs"), std::process::id().to_string())?;
        let all: Vec<_> = controllers.iter().map(|controller| format!("+{controller}")).collect();
        fs::write(file, all.join(" "))
    }

    /// Makes the group of a task host, which must be its first process.
    ///
    /// # Errors
    /// If the system refuses; nothing is left then.
    pub fn make(&self, name: &str) -> io::Result<Group> {
        let group = Group { path: self.base.join(format!("{PREFIX}{name}")) };
        fs::create_dir(&group.path)?;
        self.restrict(&group.path).inspect_err(|_| {
            group.remove();
        })?;
        Ok(group)
    }

    fn restrict(&self, path: &Path) -> io::Result<()> {
        for (file, value) in self.limits.files() {
            fs::write(path.join(file), value)?;
        }
        Ok(())
    }

    /// Removes empty groups: their tasks are over, and so is now what those had left behind. `is_needed` says whose are not touched.
    pub fn sweep(&self, is_needed: impl Fn(&str) -> bool) {
        for name in self.names() {
            if name.strip_prefix(PREFIX).is_some_and(|name| !is_needed(name)) {
                (Group { path: self.base.join(name) }).remove();
            }
        }
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.base).into_iter().flatten();
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.starts_with(PREFIX)).collect()
    }
}

/// The group of one task.
#[derive(Clone, Debug)]
pub struct Group {
    path: PathBuf,
}

impl Group {
    /// The group with this path, if its name is one of those that are given here.
    pub fn at(path: PathBuf) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        name.starts_with(PREFIX).then_some(())?;
        Some(Self { path })
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a process into it.
    ///
    /// # Errors
    /// If the system refuses, or the process has ended.
    pub fn enter(&self, process: i32) -> io::Result<()> {
        fs::write(self.path.join("cgroup.procs"), process.to_string())
    }

    /// Ends everything in it. Blocks the thread until all have gone, for a second at most.
    pub fn kill(&self) {
        if fs::write(self.path.join("cgroup.kill"), "1").is_err() {
            return;
        }
        for _ in 0..KILL_ROUNDS {
            if !self.is_populated() {
                return;
            }
            thread::sleep(KILL_PAUSE);
        }
        tracing::warn!(group = %self.path.display(), "processes of a task do not end");
    }

    fn is_populated(&self) -> bool {
        let events = fs::read_to_string(self.path.join("cgroup.events")).unwrap_or_default();
        events.lines().any(|line| line == "populated 1")
    }

    /// Removes it, if it is empty.
    pub fn remove(&self) -> bool {
        match fs::remove_dir(&self.path) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// How many processes were ended because the group had no more memory.
    pub fn memory_kills(&self) -> u64 {
        let events = fs::read_to_string(self.path.join("memory.events")).unwrap_or_default();
        let kills = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        kills.and_then(|kills| kills.trim().parse().ok()).unwrap_or_default()
    }

    /// Its limit of memory in MiB, if it has one.
    pub fn memory_limit(&self) -> Option<u64> {
        let limit: u64 = fs::read_to_string(self.path.join("memory.max")).ok()?.trim().parse().ok()?;
        Some(limit >> 20)
    }
}

/// Where a process is in the file system of groups; `groups` and `mounts` are its files in `/proc`.
fn place(groups: &str, mounts: &str) -> Option<PathBuf> {
    let own = Path::new(groups.lines().find_map(|line| line.strip_prefix("0::"))?);
    mounts.lines().find_map(|line| {
        // Number, parent, device, root, place, options, more options, "-", kind, ...
        let (mount, kind) = line.split_once(" - ")?;
        if kind.split(' ').next() != Some("cgroup2") {
            return None;
        }
        let mut fields = mount.split(' ').skip(3);
        let (root, place) = (fields.next()?, fields.next()?);
        // A group outside of what is mounted begins with `/..`.
        let below = own.strip_prefix(root).ok().filter(|below| !below.starts_with(".."))?;
        Some(Path::new(&place.replace("\\040", " ")).join(below))
    })
}

/// Whether systemd leaves the groups below this one to its owner.
fn is_given_by_systemd(base: &Path) -> bool {
    let is_marked = ["user.delegate", "trusted.delegate"];
    if is_marked.iter().any(|name| system::attribute(base, name).is_some_and(|value| value == b"1")) {
        return true;
    }
    // Before version 251 only root can read the mark. A group that belongs to another user was given to him.
    let unit = base.file_name().unwrap_or_default().to_string_lossy();
    !geteuid().is_root() && unit.ends_with(".service") && !unit.starts_with("user@")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_own_group_is_found_wherever_it_is_mounted() {
        let mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
            32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
            41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime shared:5 - cgroup2 cgroup2 rw\n";
        let groups = "9:pids:/x\n0::/system.slice/semaphore.service\n";
        let found = place(groups, mounts).unwrap();
        assert_eq!(found, Path::new("/sys/fs/cgroup/uni fied/system.slice/semaphore.service"));
        let part = "41 31 0:38 /system.slice /mnt rw - cgroup2 cgroup2 rw\n";
        assert_eq!(place(groups, part).unwrap(), Path::new("/mnt/semaphore.service"));
        assert_eq!(place("0::/../elsewhere\n", mounts), None);
        assert_eq!(place("0::/user.slice\n", part), None);
        assert_eq!(place("9:pids:/x\n", mounts), None);
    }

    /// What is written where; a directory stands for the system, so this does not say that the limits hold.
    #[test]
    fn limits_are_written_for_the_controllers_that_there_are() {
        let directory = tempfile::tempdir().unwrap();
        let base = directory.path().to_owned();
        fs::write(base.join("cgroup.controllers"), "cpuset cpu io memory\n").unwrap();
        fs::write(base.join("cgroup.subtree_control"), "cpu\n").unwrap();
        fs::create_dir(base.join("semaphore-task-1_a")).unwrap();
        let mut groups = Groups { base: base.clone(), limits: Limits::default() };
        let wanted = Limits { cpu_percent: Some(150), memory_mib: Some(512), pids: Some(100) };
        let said = groups.limit(wanted).unwrap_err();
        assert!(said.ends_with(": pids"), "{said}");
        let read = |path: &str| fs::read_to_string(base.join(path)).unwrap_or_default();
        assert_eq!(read("cgroup.subtree_control"), "+cpu +memory");
        assert_eq!(read("semaphore-server/cgroup.procs"), std::process::id().to_string());
        let group = groups.make("2_b").unwrap();
        for name in ["semaphore-task-1_a", "semaphore-task-2_b"] {
            assert_eq!(read(&format!("{name}/cpu.max")), "150000 100000");
            assert_eq!(read(&format!("{name}/memory.max")), "536870912");
            assert_eq!(read(&format!("{name}/pids.max")), "");
        }
        assert_eq!((group.memory_limit(), group.memory_kills()), (Some(512), 0));
        fs::write(group.path().join("memory.events"), "low 0\nhigh 0\nmax 7\noom 1\noom_kill 2\n").unwrap();
        assert_eq!(group.memory_kills(), 2);
        assert_eq!(
            Limits { pids: Some(7), ..Limits::default() }.files().collect::<Vec<_>>(),
            [("pids.max", "7".into())]
        );
    }

    #[test]
    fn only_a_group_of_ours_is_one() {
        assert!(Group::at("/sys/fs/cgroup/system.slice".into()).is_none());
        assert!(Group::at("/sys/fs/cgroup/system.slice/semaphore-task-1_a".into()).is_some());
    }
}

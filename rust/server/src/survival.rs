//! Whether the processes of tasks would live on when this service is stopped.
//!
//! That is the decision of whoever started it: a container ends with all its processes, and so does a systemd unit unless it says
//! `KillMode=process`. Not for what is done about it.

use std::{fs, path::Path};

use semaphore_engine::process::SERVER_GROUP;

/// Where systemd looks for units, what counts more first.
const UNIT_DIRECTORIES: [&str; 4] =
    ["/etc/systemd/system", "/run/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// What becomes of processes when the service ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Survival {
    /// Its unit of systemd leaves them alone.
    Unit(String),
    /// Its unit of systemd ends them, or it is not known that it does not.
    UnitEnds(String),
    /// The container ends them.
    Container,
    /// They live on; nobody is known to start the server again.
    Loose,
}

impl Survival {
    /// What holds for this process.
    pub fn of_this_process() -> Self {
        let is_container = ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists());
        if is_container || std::process::id() == 1 {
            return Self::Container;
        }
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        match unit_of(&groups) {
            Some(unit) if Self::unit_leaves_processes(unit) == Some(true) => Self::Unit(unit.to_owned()),
            Some(unit) => Self::UnitEnds(unit.to_owned()),
            None => Self::Loose,
        }
    }

    /// Whether a unit of this machine leaves processes alone when it is stopped; `None` if there is no such unit.
    pub fn unit_leaves_processes(unit: &str) -> Option<bool> {
        read_unit(unit).map(|text| leaves_processes(&text))
    }

    /// Whether a unit of this machine may have control groups of its own; `None` if there is no such unit.
    pub fn unit_has_groups(unit: &str) -> Option<bool> {
        read_unit(unit).map(|text| has_groups(&text))
    }

    /// Whether it is certain that tasks live on and that somebody starts the server again.
    pub fn is_certain(&self) -> bool {
        matches!(self, Self::Unit(_))
    }

    /// The same for people.
    pub fn explanation(&self) -> String {
        match self {
            Self::Unit(unit) => format!("a stop of {unit} leaves running tasks alone (KillMode=process)"),
            Self::UnitEnds(unit) => {
                format!("a stop of {unit} ends running tasks: it lacks KillMode=process (see docs/operate.md)")
            }
            Self::Container => {
                "a stop of the container ends running tasks; a crash of the server alone does not".to_owned()
            }
            Self::Loose => "running tasks live on when the server is killed, and are stopped when it is asked to end \
                            (process.hand_over)"
                .to_owned(),
        }
    }
}

/// The service in whose group of processes this one is. A line is `0::/system.slice/semaphore.service`.
fn unit_of(groups: &str) -> Option<&str> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let own = own.strip_suffix(SERVER_GROUP).map_or(own, |above| above.trim_end_matches('/'));
    let unit = own.rsplit('/').next()?;
    unit.ends_with(".service").then_some(unit)
}

fn read_unit(unit: &str) -> Option<String> {
    // The name comes from the system, and is used as the name of a file all the same.
    if unit.contains('/') {
        return None;
    }
    UNIT_DIRECTORIES.iter().find_map(|directory| fs::read_to_string(Path::new(directory).join(unit)).ok())
}

/// The last assignment counts.
fn last<'a>(unit: &'a str, key: &str) -> Option<&'a str> {
    let mut values = unit.lines().filter_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='));
    values.next_back().map(str::trim)
}

fn leaves_processes(unit: &str) -> bool {
    last(unit, "KillMode").is_some_and(|mode| matches!(mode, "process" | "none"))
}

/// `yes`, or the controllers that are given.
fn has_groups(unit: &str) -> bool {
    last(unit, "Delegate").is_some_and(|value| !matches!(value, "" | "no" | "false" | "off" | "0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_unit_that_says_so_leaves_processes_alone() {
        assert_eq!(unit_of("0::/system.slice/semaphore.service\n"), Some("semaphore.service"));
        assert_eq!(unit_of("0::/system.slice/semaphore.service/semaphore-server\n"), Some("semaphore.service"));
        assert_eq!(unit_of("12:pids:/x.service\n0::/user.slice/session-3.scope\n"), None);
        assert_eq!(unit_of("0::/\n"), None);
        assert!(leaves_processes("[Service]\nKillMode=process\n"));
        assert!(leaves_processes("KillMode=mixed\nKillMode = process \n"));
        for unit in ["", "[Service]\nExecStart=/x\n", "KillMode=mixed", "KillMode=process\nKillMode=control-group"] {
            assert!(!leaves_processes(unit), "{unit}");
        }
        assert!(has_groups("[Service]\nDelegate=yes\nDelegateSubgroup=x\n") && has_groups("Delegate = cpu memory"));
        assert!(!has_groups("[Service]\n") && !has_groups("Delegate=yes\nDelegate=no"));
    }
}

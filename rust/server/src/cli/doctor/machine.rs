//! The machine: files and their rights, free space, programs that tasks need.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use nix::{
    sys::statvfs::statvfs,
    unistd::{AccessFlags, access},
};

use semaphore_engine::{
    config::SandboxMode,
    process::{Groups, sandbox_is_supported},
};

use super::Report;
use crate::{cli::bolt_import::sqlite_file, config::Config, survival::Survival};

const FILES: &str = "files";
const SPACE: &str = "space";
const TOOLS: &str = "tools";
const TASKS: &str = "tasks";

/// The unit that docs/install.md names.
const UNIT: &str = "semaphore.service";

/// Free bytes below which things go wrong soon.
const LITTLE_SPACE: u64 = 256 << 20;
/// Free bytes below which things go wrong now.
const NO_SPACE: u64 = 16 << 20;

/// Rights that strangers have.
const OTHERS: u32 = 0o007;

/// Files with secrets that strangers may read, and directories that the server cannot write to.
pub(super) fn check_files(config: &Config, fix: bool, report: &mut Report) {
    if let Some(file) = &config.file {
        check_secret_file(file, fix, report);
    }
    if let Some(path) = &sqlite_file(&config.database) {
        if path.exists() {
            check_secret_file(path, fix, report);
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        if is_writable(directory) {
            report.ok(FILES, format!("{} is writable", directory.display()));
        } else {
            let message = format!("{} cannot be written to, but the database is there", directory.display());
            report.problem(
                FILES,
                message,
                "run this command as the user of the server, and give the directory to that user",
            );
        }
    }
    let tmp_path = &config.tmp_path;
    if !tmp_path.exists() {
        report.note(FILES, format!("tmp_path {} is not there; the first task makes it", tmp_path.display()), "");
    } else if !tmp_path.is_dir() {
        report.problem(FILES, format!("tmp_path {} is no directory", tmp_path.display()), "");
    } else if is_writable(tmp_path) {
        report.ok(FILES, format!("tmp_path {} is writable", tmp_path.display()));
    } else {
        let message = format!("tmp_path {} cannot be written to, so no task can run", tmp_path.display());
        report.problem(
            FILES,
            message,
            "run this command as the user of the server, and give the directory to that user",
        );
    }
}

fn check_secret_file(path: &Path, fix: bool, report: &mut Report) {
    let Ok(metadata) = fs::metadata(path) else { return };
    let mode = metadata.permissions().mode();
    if mode & OTHERS == 0 {
        return report.ok(FILES, format!("{} is closed to other users", path.display()));
    }
    let message =
        format!("{} holds secrets and is open to every user of the machine (mode {:o})", path.display(), mode & 0o777);
    report.warning(FILES, message, "take the rights of others away with chmod o-rwx, or run with --fix");
    if fix {
        report.repaired(fs::set_permissions(path, fs::Permissions::from_mode(mode & !OTHERS & 0o7777)));
    }
}

fn is_writable(directory: &Path) -> bool {
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// Free space where the database and the clones lie.
pub(super) fn check_space(config: &Config, report: &mut Report) {
    let mut places = vec![config.tmp_path.clone()];
    if let Some(path) = &sqlite_file(&config.database) {
        places.insert(0, path.clone());
    }
    for place in places {
        let Ok(free) = free_bytes(&place) else { continue };
        let message = format!("{} MiB are free for {}", free >> 20, place.display());
        match free {
            free if free < NO_SPACE => {
                report.problem(SPACE, message, "make room: tasks and the database fail without it");
            }
            free if free < LITTLE_SPACE => report.warning(SPACE, message, "make room"),
            _ => report.ok(SPACE, message),
        }
    }
}

/// Whether running tasks outlive a stop of the service. The service may be another process than this one, so its unit is looked at.
pub(super) fn check_task_processes(config: &Config, report: &mut Report) {
    if !config.task_processes.hosted {
        let message = "tasks run in the server's own process and end with it".to_owned();
        return report.note(TASKS, message, "process.task_host: on lets them outlive it");
    }
    let survival = Survival::of_this_process();
    match Survival::unit_leaves_processes(UNIT) {
        _ if survival == Survival::Container => report.note(TASKS, survival.explanation(), ""),
        Some(true) => report.ok(TASKS, Survival::Unit(UNIT.to_owned()).explanation()),
        Some(false) => {
            let advice = "set KillMode=process in the unit, as packaging/semaphore.service does";
            report.note(TASKS, Survival::UnitEnds(UNIT.to_owned()).explanation(), advice);
        }
        None => {
            let message =
                "running tasks outlive a crash of the server; whether they outlive a stop of the service is not known";
            report.note(TASKS, message.to_owned(), "there is no unit semaphore.service on this machine");
        }
    }
}

/// Whether tasks get control groups of their own, and whether limits can have an effect. As above, the service may be another process.
pub(super) fn check_control_groups(config: &Config, report: &mut Report) {
    let processes = &config.task_processes;
    if !processes.hosted || !processes.grouped {
        if processes.limits.is_set() {
            report.warning(
                TASKS,
                "process.limits has no effect without process.task_host and process.control_groups".to_owned(),
                "switch both on, or remove the limits",
            );
        }
        return;
    }
    let advice = "set Delegate=yes in the unit, as packaging/semaphore.service does";
    let missing = match (Survival::unit_has_groups(UNIT), Groups::delegated()) {
        (Some(true), _) => return report.ok(TASKS, format!("{UNIT} gives each task a control group (Delegate=yes)")),
        (None, Ok(groups)) => {
            let message =
                format!("tasks of a server that is started here get control groups in {}", groups.base().display());
            return report.ok(TASKS, message);
        }
        (Some(false), _) => format!("{UNIT} lacks Delegate=yes, so tasks have no control groups of their own"),
        (None, Err(reason)) => {
            format!("tasks of a server that is started here have no control groups of their own: {reason}")
        }
    };
    if processes.limits.is_set() {
        report.warning(TASKS, format!("process.limits has no effect: {missing}"), advice);
    } else {
        report.note(TASKS, missing, advice);
    }
}

/// Bytes that the user of this process may still write where `path` lies, or would lie.
pub(in crate::cli) fn free_bytes(path: &Path) -> io::Result<u64> {
    let there = path.ancestors().find(|above| above.exists()).unwrap_or_else(|| Path::new("/"));
    let found = statvfs(there)?;
    // The types differ between systems.
    #[allow(clippy::useless_conversion, clippy::unnecessary_cast)]
    Ok(u64::from(found.blocks_available()) * (found.fragment_size() as u64))
}

/// Whether the limits that tasks are to run in can be had.
pub(super) fn check_sandbox(config: &Config, report: &mut Report) {
    if config.process.sandbox == SandboxMode::Off {
        return;
    }
    if sandbox_is_supported() {
        report.ok(TOOLS, "the kernel has Landlock, for process.sandbox".to_owned());
    } else {
        report.problem(
            TOOLS,
            "process.sandbox is set, but the kernel has no Landlock: no task can run".to_owned(),
            "use Linux 5.13 or newer with Landlock among its security modules, or set process.sandbox to off",
        );
    }
}

/// Programs that the templates of the database, git and SSH need. `apps` are the ids that templates name.
pub(super) fn check_tools(config: &Config, apps: &[String], report: &mut Report) {
    for (program, purpose) in [("git", "repositories"), ("ssh", "repositories and hosts that are reached by SSH")] {
        match find(program) {
            Some(path) => report.ok(TOOLS, path.display().to_string()),
            None => {
                report.problem(
                    TOOLS,
                    format!("{program} is not on the PATH; it is needed for {purpose}"),
                    "install it",
                );
            }
        }
    }
    for app in apps {
        let configured = config.apps.get(app).map(|app| app.path.as_str()).filter(|path| !path.is_empty());
        let Some(program) = configured.or_else(|| program_of(app)) else {
            let message = format!("templates name the app {app}, which is neither known nor configured under \"apps\"");
            report.problem(TOOLS, message, "configure it, or change the templates");
            continue;
        };
        let Some(path) = find(program) else {
            let message = format!("{program} is not on the PATH; templates of the app {app} cannot run");
            report.problem(TOOLS, message, "install it, or name its path under \"apps\"");
            continue;
        };
        report.ok(TOOLS, path.display().to_string());
    }
}

/// What an app starts when nothing else is configured.
fn program_of(app: &str) -> Option<&'static str> {
    Some(match app {
        "ansible" | "" => "ansible-playbook",
        "terraform" => "terraform",
        "tofu" => "tofu",
        "terragrunt" => "terragrunt",
        "bash" => "bash",
        "powershell" => "pwsh",
        "python" => "python3",
        _ => return None,
    })
}

fn find(program: &str) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if program.contains('/') {
        return Some(PathBuf::from(program)).filter(is_program);
    }
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(program)).find(is_program)
}

//! Between the inventory and the requirements: the limits in which the programs of the app run, if `process.sandbox` asks for them.

use std::{
    fs, io,
    os::{fd::OwnedFd, unix::fs::DirBuilderExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::{
    fcntl::{OFlag, OpenHow, ResolveFlag, open, openat, openat2},
    sys::stat::{Mode, mkdirat},
    unistd::{Uid, User, geteuid},
};

use super::{StageError, Stages};
use crate::{
    app::AppContext,
    config::SandboxMode,
    job::{directory::DirectoryGuard, program::Confinement},
    process::{Sandbox, SandboxPlan},
};

/// How directories are opened of which only the place is wanted.
const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// Makes the sandbox and the directory for temporary files, which is removed with the guard.
pub(crate) async fn make(stages: &Stages<'_>, context: &AppContext<'_>) -> Result<Option<DirectoryGuard>, StageError> {
    let (config, spec) = (stages.config, stages.spec);
    let mode = config.process.sandbox;
    if mode == SandboxMode::Off {
        return Ok(None);
    }
    let project_dir = config.project_dir(spec.project_id);
    // Short: programs make sockets in it, and the path of one has 107 bytes. The name is swept after a crash.
    let temporary = project_dir.join(format!("tmp_task_{}", spec.task_id));
    match fs::DirBuilder::new().mode(0o700).create(&temporary) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            return Err(StageError::file("create", &temporary, source));
        }
        _ => {}
    }
    let guard = DirectoryGuard::new(temporary.clone());
    stages.programs.give(&temporary).map_err(|source| StageError::give(&temporary, source))?;
    let mut hidden = config.private_paths.clone();
    // The clones, homes and keys of the other projects.
    hidden.push(config.tmp_path.clone());
    let mut shown: Vec<PathBuf> = config.ssh_config_path.clone().into_iter().collect();
    shown.extend(config.process.sandbox_paths.iter().cloned());
    shown.extend(std::env::split_paths(&config.path).filter(|path| path.is_absolute()));
    shown.extend(context.inventory.map(PathBuf::from).filter(|path| path.is_absolute()));
    // A repository that is used in place is wherever a member of the project says, beside the database too.
    let mut lent = vec![context.work_dir.to_owned()];
    if mode == SandboxMode::Default {
        lent.push(config.home.clone());
    }
    let own = vec![project_dir];
    let opened = modules_of_ansible(stages)?.into_iter().map(Arc::new).collect();
    let root = stages.programs.identity()?.and_then(|identity| identity.chroot.clone());
    let plan = SandboxPlan { mode, own, opened, borrowed: Vec::new(), lent, shown, hidden, root };
    let sandbox = tokio::task::spawn_blocking(move || Sandbox::new(&plan)).await;
    let sandbox =
        sandbox.map_err(|error| StageError::file("look through", Path::new("/"), io::Error::other(error)))??;
    if let Some(sandbox) = sandbox {
        stages.programs.confine(Confinement { sandbox, temporary });
    }
    Ok(Some(guard))
}

/// Where Ansible puts the modules that it runs on this machine: in the home that the user database names, whatever HOME says. All
/// tasks of a user share it, in a sandbox or not.
fn modules_of_ansible(stages: &Stages<'_>) -> Result<Option<OwnedFd>, StageError> {
    if stages.spec.app != "ansible" {
        return Ok(None);
    }
    let identity = stages.programs.identity()?;
    let uid = identity.and_then(|identity| identity.uid).map_or_else(geteuid, Uid::from_raw);
    let Ok(Some(user)) = User::from_uid(uid) else { return Ok(None) };
    let home = match identity.and_then(|identity| identity.chroot.as_deref()) {
        None => open(&user.dir, DIRECTORY, Mode::empty()),
        Some(root) => open(root, DIRECTORY, Mode::empty()).and_then(|root| {
            let how = OpenHow::new().flags(DIRECTORY).resolve(ResolveFlag::RESOLVE_IN_ROOT);
            openat2(root, user.dir.strip_prefix("/").unwrap_or(&user.dir), how)
        }),
    };
    // Without a home there is nothing that could be allowed.
    let Ok(home) = home else { return Ok(None) };
    let give = |made: &OwnedFd| stages.programs.give_opened(made);
    modules_in(home, give).map_err(|source| StageError::give(&user.dir.join(".ansible/tmp"), source))
}

/// `.ansible/tmp` in a home, made if it is missing. Tasks may be able to write there: a link that one of them has put in the way leads
/// nowhere.
fn modules_in(home: OwnedFd, give: impl Fn(&OwnedFd) -> io::Result<()>) -> io::Result<Option<OwnedFd>> {
    let mut directory = home;
    for name in [".ansible", "tmp"] {
        let is_new = mkdirat(&directory, name, Mode::S_IRWXU).is_ok();
        let Ok(opened) = openat(&directory, name, DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty()) else {
            return Ok(None);
        };
        if is_new {
            give(&opened)?;
        }
        directory = opened;
    }
    Ok(Some(directory))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::{fd::AsRawFd as _, unix::fs::symlink};

    use super::*;

    /// A task can write in the home and wants the next one to be let into another directory.
    #[test]
    fn no_link_leads_the_modules_elsewhere() {
        let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let found = || {
            let home = open(home.path(), DIRECTORY, Mode::empty()).unwrap();
            let found = modules_in(home, |_| Ok(())).unwrap()?;
            Some(fs::read_link(format!("/proc/self/fd/{}", found.as_raw_fd())).unwrap())
        };
        let own = home.path().join(".ansible");
        for _ in 0..2 {
            assert_eq!(found().unwrap(), own.join("tmp").canonicalize().unwrap());
        }
        fs::remove_dir(own.join("tmp")).unwrap();
        symlink(elsewhere.path(), own.join("tmp")).unwrap();
        assert_eq!(found(), None);
        fs::remove_dir_all(&own).unwrap();
        symlink(elsewhere.path(), &own).unwrap();
        assert_eq!(found(), None);
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
    }
}

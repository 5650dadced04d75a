//! Between the inventory and the requirements: the limits in which the programs of the app run, if `process.sandbox` asks for them.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use nix::unistd::{Uid, User, geteuid};

use super::{StageError, Stages};
use crate::{
    app::AppContext,
    config::SandboxMode,
    job::{directory::DirectoryGuard, program::Confinement},
    process::{Sandbox, SandboxPlan},
};

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
    let mut own = vec![project_dir];
    own.extend(modules_of_ansible(stages)?);
    let root = stages.programs.identity()?.and_then(|identity| identity.chroot.clone());
    let plan = SandboxPlan { mode, own, lent, shown, hidden, root };
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
fn modules_of_ansible(stages: &Stages<'_>) -> Result<Option<PathBuf>, StageError> {
    if stages.spec.app != "ansible" {
        return Ok(None);
    }
    let uid = stages.programs.identity()?.and_then(|identity| identity.uid).map_or_else(geteuid, Uid::from_raw);
    let Ok(Some(user)) = User::from_uid(uid) else { return Ok(None) };
    let root = stages.programs.identity()?.and_then(|identity| identity.chroot.as_ref());
    let home = root.map_or_else(|| user.dir.clone(), |root| root.join(user.dir.strip_prefix("/").unwrap_or(&user.dir)));
    let directory = home.join(".ansible/tmp");
    // Without a home there is nothing that could be allowed.
    if !directory.exists() && home.is_dir() {
        for made in [home.join(".ansible"), directory.clone()] {
            if fs::DirBuilder::new().mode(0o700).create(&made).is_ok() {
                stages.programs.give(&made).map_err(|source| StageError::give(&made, source))?;
            }
        }
    }
    Ok(Some(directory))
}

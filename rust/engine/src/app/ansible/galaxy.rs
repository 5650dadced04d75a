//! Requirements files: which there are, whether they changed, and their installation.
//!
//! Reference: `db_lib/AnsibleApp.go`. Order, log lines and the names of the hash files are kept, so that clones made by the
//! Go server need no second installation.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use md5::{Digest, Md5};

use crate::{
    app::{Absolute, AppContext, AppError, environment, inside},
    job::ProgramEnd,
    process::{ProcessSpec, StopPlan},
};

/// What a requirements file is installed as.
#[derive(Clone, Copy)]
enum Kind {
    Collection,
    Role,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Collection => "collection",
            Self::Role => "role",
        }
    }

    fn directory(self) -> &'static str {
        match self {
            Self::Collection => "collections",
            Self::Role => "roles",
        }
    }
}

/// Installs collections, then roles. Each place is looked at twice if the playbook lies in the root, as in the reference.
pub(super) async fn install(context: &AppContext<'_>) -> Result<(), AppError> {
    // Reference: also an absolute playbook is looked for below the repository here.
    let playbook = inside(context.work_dir, &context.spec.playbook, "playbook", Absolute::Joined)?;
    let playbook_dir = playbook.parent().unwrap_or(context.work_dir);
    for kind in [Kind::Collection, Kind::Role] {
        for directory in [playbook_dir, context.work_dir] {
            install_file(context, kind, &directory.join(kind.directory()).join("requirements.yml")).await?;
            install_file(context, kind, &directory.join("requirements.yml")).await?;
        }
    }
    Ok(())
}

async fn install_file(context: &AppContext<'_>, kind: Kind, file: &Path) -> Result<(), AppError> {
    let shown = file.display();
    if !file.exists() {
        context.programs.log_line(format!("No {shown} file found. Skip galaxy install process.\n"));
        return Ok(());
    }
    let hash_file = PathBuf::from(format!("{shown}_{}.md5", kind.name()));
    if fs::read(&hash_file).is_ok_and(|old| hash(file).is_ok_and(|new| old == new.as_bytes())) {
        context.programs.log_line(format!("{shown} has no changes. Skip galaxy install process.\n"));
        return Ok(());
    }
    let program = ProcessSpec::new("ansible-galaxy", context.work_dir)
        .args([kind.name(), "install", "-r"])
        .arg(file)
        .arg("--force")
        .envs(environment::galaxy(context).into_entries())
        .stop(StopPlan::Ansible);
    match context.programs.run(program).await? {
        ProgramEnd::Success => {}
        ProgramEnd::Failed(end) => {
            return Err(AppError::Failed { program: format!("ansible-galaxy {} install", kind.name()), end });
        }
    }
    hash(file).and_then(|hash| fs::write(&hash_file, hash)).map_err(|source| AppError::File {
        action: "write",
        path: hash_file.display().to_string(),
        source,
    })
}

/// MD5 in small hexadecimal digits: a finger-print for changes, not a protection.
fn hash(file: &Path) -> io::Result<String> {
    use std::fmt::Write;
    let mut text = String::with_capacity(32);
    for byte in Md5::digest(fs::read(file)?) {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

//! Requirements files: which there are, whether they changed, and their installation.
//!
//! Reference: `db_lib/AnsibleApp.go`. Order, log lines and the names of the hash files are kept, so that clones made by the
//! Go server need no second installation.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use md5::{Digest, Md5};

use crate::{
    EngineConfig,
    app::{Absolute, AppContext, AppError, Environment, PathError, environment, inside},
    git::git_environment,
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
    for (kind, file) in files(context)? {
        install_file(context, kind, &file).await?;
    }
    Ok(())
}

/// Whether there is any requirements file.
pub(super) fn has_requirements(context: &AppContext<'_>) -> bool {
    files(context).is_ok_and(|files| files.iter().any(|(_, file)| file.exists()))
}

/// The places of requirements files, in the order in which they are looked at.
fn files(context: &AppContext<'_>) -> Result<Vec<(Kind, PathBuf)>, PathError> {
    // Reference: also an absolute playbook is looked for below the repository here.
    let playbook = inside(context.work_dir, &context.spec.playbook, "playbook", Absolute::Joined)?;
    let playbook_dir = playbook.parent().unwrap_or(context.work_dir);
    let mut files = Vec::with_capacity(8);
    for kind in [Kind::Collection, Kind::Role] {
        for directory in [playbook_dir, context.work_dir] {
            files.push((kind, directory.join(kind.directory()).join("requirements.yml")));
            files.push((kind, directory.join("requirements.yml")));
        }
    }
    Ok(files)
}

async fn install_file(context: &AppContext<'_>, kind: Kind, file: &Path) -> Result<(), AppError> {
    let shown = file.display();
    if !file.exists() {
        context.programs.log_line(format!("No {shown} file found. Skip galaxy install process.\n"));
        return Ok(());
    }
    let hash_file = PathBuf::from(format!("{shown}_{}.md5", kind.name()));
    if read_file(&hash_file).is_ok_and(|old| hash(file).is_ok_and(|new| old == new.as_bytes())) {
        context.programs.log_line(format!("{shown} has no changes. Skip galaxy install process.\n"));
        return Ok(());
    }
    let program = ProcessSpec::new("ansible-galaxy", context.work_dir)
        .args([kind.name(), "install", "-r"])
        .arg(file)
        .arg("--force")
        .envs(environment(context).into_entries())
        .stop(StopPlan::Ansible);
    match context.programs.run(program).await? {
        ProgramEnd::Success => {}
        ProgramEnd::Failed(end) => {
            return Err(AppError::Failed { program: format!("ansible-galaxy {} install", kind.name()), end });
        }
    }
    hash(file).and_then(|hash| write_file(&hash_file, &hash)).map_err(|source| AppError::File {
        action: "write",
        path: hash_file.display().to_string(),
        source,
    })
}

/// Ansible's own environment, and what git needs for the host of the template's repository: requirements often lie beside it,
/// just as private.
///
/// Reference: git has no credentials here in this line of the Go server, its later ones give those of the repository's key.
fn environment(context: &AppContext<'_>) -> Environment {
    let mut environment = environment::galaxy(context);
    let user = environment::user_names(context);
    let Some(working) = context.git else { return environment };
    // A configuration of the user's that travels the same way is continued, not replaced.
    let count = environment.get("GIT_CONFIG_COUNT").and_then(|count| count.to_str()).map(str::to_owned);
    let env = count.map(|count| ("GIT_CONFIG_COUNT".to_owned(), count)).into_iter().collect();
    let machine = EngineConfig { env, ..EngineConfig::default() };
    for (name, value) in git_environment(&machine, working).into_entries() {
        let text = name.to_string_lossy();
        // Who gives galaxy a key of his own goes on using it: with the Go server there was no other way.
        if user.contains(text.as_ref()) && ["SSH_AUTH_SOCK", "GIT_SSH_COMMAND"].contains(&text.as_ref()) {
            continue;
        }
        // Not the list of transports: requirements may name local files, also where the repository does not.
        if ["GIT_CONFIG_", "SEMAPHORE_GIT_", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND"]
            .iter()
            .any(|part| text.starts_with(part))
        {
            environment.set(name, value);
        }
    }
    environment
}

/// Longest requirements file that is looked at.
const LONGEST_FILE_BYTES: u64 = 16 * 1024 * 1024;

/// The content of a file of the repository, which may hold links to anything: a device or pipe has no end, or waits for ever.
fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    if !found.is_file() || found.len() > LONGEST_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a file, or larger than 16 MiB"));
    }
    fs::read(path)
}

/// Replaces a file; a symbolic link that the repository has in its place is not followed.
fn write_file(path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}

/// MD5 in small hexadecimal digits: a finger-print for changes, not a protection.
fn hash(file: &Path) -> io::Result<String> {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(32);
    for byte in Md5::digest(read_file(file)?) {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

//! From a specification to what the system call takes: program found, texts checked, environment built.

use std::{
    collections::HashMap,
    ffi::{CString, OsStr, OsString},
    fs,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::PermissionsExt,
    },
    path::{Path, PathBuf},
};

use zeroize::{Zeroize, Zeroizing};

use super::SpawnError;

/// What [`super::system::NewProcess`] borrows.
pub(super) struct Prepared {
    pub(super) program: CString,
    pub(super) args: Vec<Zeroizing<CString>>,
    pub(super) env: Vec<Zeroizing<Vec<u8>>>,
    pub(super) dir: CString,
}

/// Checks and converts; the given arguments and environment are wiped. Paths are meant below `root`.
pub(super) fn prepare(
    program: &OsStr,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    search_path: Option<&OsStr>,
    dir: &Path,
    root: Option<&Path>,
) -> Result<Prepared, SpawnError> {
    let name = program.to_string_lossy();
    let argv = std::iter::once(program.to_owned())
        .chain(args)
        .enumerate()
        .map(|(position, arg)| {
            let what = || if position == 0 { "the program's name".to_owned() } else { format!("argument {position}") };
            argument(arg).ok_or_else(|| SpawnError::NulByte { program: name.clone().into(), what: what() })
        })
        .collect::<Result<Vec<_>, _>>()?;
    let directory = CString::new(dir.as_os_str().as_bytes())
        .map_err(|_| SpawnError::NulByte { program: name.clone().into(), what: "the working directory".into() })?;
    let path = env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
    let env = environment(&name, env)?;
    check_directory(dir, root)?;
    let first = search_path.and_then(|first| find(program, Some(first), dir, root).ok());
    let program = first.map_or_else(|| find(program, path.as_deref(), dir, root), Ok)?;
    let program = CString::new(program.into_os_string().into_vec())
        .map_err(|_| SpawnError::NulByte { program: name.clone().into(), what: "PATH".into() })?;
    Ok(Prepared { program, args: argv, env, dir: directory })
}

/// For the system; `None` if there is a NUL byte in it. An argument may be secret: some programs take no secrets elsewhere.
fn argument(text: OsString) -> Option<Zeroizing<CString>> {
    let text = Zeroizing::new(text.into_vec());
    // With room for the end: a text that grows leaves a copy behind.
    let mut whole = Vec::with_capacity(text.len() + 1);
    whole.extend_from_slice(&text);
    CString::new(whole).ok().map(Zeroizing::new)
}

/// One entry for each name, at the place of its last value.
fn environment(program: &str, env: Vec<(OsString, OsString)>) -> Result<Vec<Zeroizing<Vec<u8>>>, SpawnError> {
    let last: HashMap<OsString, usize> =
        env.iter().enumerate().map(|(position, (name, _))| (name.clone(), position)).collect();
    let mut entries = Vec::with_capacity(last.len());
    for (position, (name, value)) in env.into_iter().enumerate() {
        let is_last = last.get(&name) == Some(&position);
        let shown = name.to_string_lossy().replace('\0', "\\0");
        let name = name.into_vec();
        let mut value = Zeroizing::new(value.into_vec());
        if name.is_empty() || name.contains(&b'=') {
            return Err(SpawnError::VariableName { name: shown });
        }
        if name.contains(&0) || value.contains(&0) {
            return Err(SpawnError::NulByte {
                program: program.into(),
                what: format!("environment variable `{shown}`"),
            });
        }
        if is_last {
            let mut entry = Vec::with_capacity(name.len() + value.len() + 2);
            entry.extend_from_slice(&name);
            entry.push(b'=');
            entry.extend_from_slice(&value);
            entry.push(0);
            entries.push(Zeroizing::new(entry));
        }
        value.zeroize();
    }
    Ok(entries)
}

/// A link inside another root means something else there than here, so only the child itself can follow it.
fn look_below(root: Option<&Path>, path: &Path) -> std::io::Result<fs::Metadata> {
    match root {
        Some(root) => fs::symlink_metadata(root.join(path.strip_prefix("/").unwrap_or(path))),
        None => fs::metadata(path),
    }
}

fn check_directory(dir: &Path, root: Option<&Path>) -> Result<(), SpawnError> {
    match look_below(root, dir) {
        Ok(metadata) if metadata.is_dir() || metadata.is_symlink() => Ok(()),
        Ok(_) => Err(SpawnError::NotADirectory { dir: dir.to_owned() }),
        Err(source) => Err(SpawnError::Directory { dir: dir.to_owned(), source }),
    }
}

enum Candidate {
    Program,
    NotExecutable,
    Missing,
}

fn look_at(path: &Path, root: Option<&Path>) -> Candidate {
    match look_below(root, path) {
        Ok(metadata) if metadata.is_symlink() => Candidate::Program,
        Ok(metadata) if metadata.is_dir() => Candidate::NotExecutable,
        Ok(metadata) if metadata.permissions().mode() & 0o111 == 0 => Candidate::NotExecutable,
        Ok(_) => Candidate::Program,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => Candidate::NotExecutable,
        Err(_) => Candidate::Missing,
    }
}

/// A name with a slash is a path; others are looked for in the job's own PATH, absolute entries only: a program of that name
/// in the working directory of a repository must not be run by accident.
///
/// `path` is the value of PATH, paths are meant below `root`.
///
/// # Errors
/// Why it cannot be started.
pub(crate) fn find(
    program: &OsStr,
    path: Option<&OsStr>,
    dir: &Path,
    root: Option<&Path>,
) -> Result<PathBuf, SpawnError> {
    let name = program.to_string_lossy().into_owned();
    if name.is_empty() {
        return Err(SpawnError::NoProgram);
    }
    if program.as_bytes().contains(&b'/') {
        return match look_at(&dir.join(program), root) {
            Candidate::Program => Ok(program.into()),
            Candidate::NotExecutable => Err(SpawnError::NotExecutable { program: name }),
            Candidate::Missing => Err(SpawnError::Missing { program: name }),
        };
    }
    let Some(path) = path.filter(|path| !path.is_empty()) else { return Err(SpawnError::NoPath { program: name }) };
    let mut refused = None;
    for entry in std::env::split_paths(path).filter(|entry| entry.is_absolute()) {
        let candidate = entry.join(program);
        match look_at(&candidate, root) {
            Candidate::Program => return Ok(candidate),
            Candidate::NotExecutable => refused = refused.or(Some(candidate)),
            Candidate::Missing => {}
        }
    }
    Err(match refused {
        Some(candidate) => SpawnError::NotExecutable { program: candidate.to_string_lossy().into_owned() },
        None => SpawnError::NotFound { program: name, path: path.to_string_lossy().into_owned() },
    })
}

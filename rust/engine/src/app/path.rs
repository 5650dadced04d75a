//! Paths that users give, relative to a repository's directory.
//!
//! Lexical only: symbolic links inside a repository are the repository's own affair.

use std::path::{Component, Path, PathBuf};

use thiserror::Error;

/// Why a path is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// Nothing there.
    #[error("the path of the {0} is empty")]
    Empty(&'static str),
    /// Would be read as an option.
    #[error("the path {path:?} of the {what} begins with `-`, which the program would take for an option")]
    LooksLikeOption {
        /// `playbook`, `inventory`, ...
        what: &'static str,
        /// As given.
        path: String,
    },
    /// Climbs out with `..`, or is absolute where that is not allowed.
    #[error("the path {path:?} of the {what} leads out of its repository; give a path inside it")]
    Escapes {
        /// `playbook`, `inventory`, ...
        what: &'static str,
        /// As given.
        path: String,
    },
    /// NUL or another control character.
    #[error("the path of the {0} contains a control character")]
    ControlCharacter(&'static str),
}

/// Whether absolute paths are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absolute {
    /// Used as they are. Reference: playbooks and scripts.
    Allowed,
    /// Refused.
    Refused,
    /// Read as relative to the directory, as Go's `path.Join` does.
    Joined,
}

/// `path` joined to `directory`, with `.` and `..` resolved; refused if it leaves the directory.
pub(crate) fn inside(
    directory: &Path,
    path: &str,
    what: &'static str,
    absolute: Absolute,
) -> Result<PathBuf, PathError> {
    if path.is_empty() {
        return Err(PathError::Empty(what));
    }
    if path.starts_with('-') {
        return Err(PathError::LooksLikeOption { what, path: path.to_owned() });
    }
    if path.chars().any(char::is_control) {
        return Err(PathError::ControlCharacter(what));
    }
    let escapes = || PathError::Escapes { what, path: path.to_owned() };
    let mut parts: Vec<&std::ffi::OsStr> = Vec::new();
    for component in Path::new(path).components() {
        match component {
            Component::RootDir | Component::Prefix(_) => match absolute {
                Absolute::Allowed => return Ok(PathBuf::from(path)),
                Absolute::Refused => return Err(escapes()),
                Absolute::Joined => {}
            },
            Component::CurDir => {}
            Component::ParentDir => {
                parts.pop().ok_or_else(escapes)?;
            }
            Component::Normal(part) => parts.push(part),
        }
    }
    Ok(directory.join(parts.into_iter().collect::<PathBuf>()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_accepted_path_is_below_its_directory(path in "[-a./]{0,12}|\\PC{0,12}") {
            for absolute in [Absolute::Refused, Absolute::Joined] {
                if let Ok(found) = inside(Path::new("/repo"), &path, "playbook", absolute) {
                    prop_assert!(found.starts_with("/repo"), "{path:?}: {found:?}");
                    prop_assert!(!found.components().any(|part| part == Component::ParentDir));
                    prop_assert!(!path.starts_with('-'));
                }
            }
        }
    }

    #[track_caller]
    fn check(path: &str, absolute: Absolute, expected: Option<&str>) {
        let found = inside(Path::new("/repo"), path, "playbook", absolute);
        assert_eq!(found.as_ref().ok().map(|found| found.to_str().unwrap()), expected, "{path:?}: {found:?}");
    }

    #[test]
    fn paths_stay_inside() {
        check("site.yml", Absolute::Refused, Some("/repo/site.yml"));
        check("./a/../b/site.yml", Absolute::Refused, Some("/repo/b/site.yml"));
        check("..", Absolute::Refused, None);
        check("../x", Absolute::Allowed, None);
        check("a/../../x", Absolute::Joined, None);
        check("/etc/passwd", Absolute::Refused, None);
        check("/etc/passwd", Absolute::Allowed, Some("/etc/passwd"));
        check("/etc/passwd", Absolute::Joined, Some("/repo/etc/passwd"));
        check("-x", Absolute::Allowed, None);
        check("", Absolute::Allowed, None);
        check("a\0b", Absolute::Allowed, None);
    }
}

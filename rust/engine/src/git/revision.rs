//! Branches and commits as typed values that can never become options or refspecs.
//!
//! Not for looking anything up: whether the name exists is git's answer.

use std::{fmt, str::FromStr};

use thiserror::Error;

/// Why a text is not a branch or commit that we hand to git.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RevisionError {
    /// Nothing there.
    #[error("the {0} is empty: set the branch of the repository")]
    Empty(&'static str),
    /// Would be read as an option or a forced refspec.
    #[error("the {what} {text:?} begins with `{first}`, which git would not take for a name")]
    LooksLikeOption {
        /// `branch` or `commit`.
        what: &'static str,
        /// What was given.
        text: String,
        /// `-` or `+`.
        first: char,
    },
    /// git's own rules for names.
    #[error("the {what} {text:?} is not a name that git allows")]
    Invalid {
        /// `branch` or `commit`.
        what: &'static str,
        /// What was given.
        text: String,
    },
}

/// Name of a branch or tag, by the rules of `git check-ref-format`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch(String);

impl Branch {
    /// The argument for git.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Branch {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_name("branch", text).map(Self)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What `git checkout` is given: a hash, whole or abbreviated, or the name of a tag or branch.
///
/// Reference: `task.commit_hash` is any text there; names are kept, expressions such as `HEAD~1` and options are refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitHash(String);

impl CommitHash {
    /// The argument for git.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a hash with all its digits, of whatever kind, and so no name and no beginning.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self.0.len(), 40 | 64) && self.0.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl FromStr for CommitHash {
    type Err = RevisionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check_name("commit", text).map(Self)
    }
}

impl fmt::Display for CommitHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_name(what: &'static str, text: &str) -> Result<String, RevisionError> {
    if text.is_empty() {
        return Err(RevisionError::Empty(what));
    }
    if let Some(first @ ('-' | '+')) = text.chars().next() {
        return Err(RevisionError::LooksLikeOption { what, text: text.to_owned(), first });
    }
    let bad_character =
        |c: char| c.is_control() || c.is_whitespace() || matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '\\');
    // git's own file names, compared as git does.
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.strip_suffix(".lock").is_some();
    let invalid = text.chars().any(bad_character)
        || text.split('/').any(bad_part)
        || text.contains("..")
        || text.contains("@{")
        || text.ends_with('.')
        || text == "@";
    if invalid {
        return Err(RevisionError::Invalid { what, text: text.to_owned() });
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_that_git_allows() {
        for text in ["main", "feature/x", "v1.10", "a-b_c", "release+1", "žluť", "refs/heads/main"] {
            assert_eq!(text.parse::<Branch>().unwrap().as_str(), text);
        }
        for text in ["c205cde", "0123456789abcdef0123456789abcdef01234567", "v1.0"] {
            assert_eq!(text.parse::<CommitHash>().unwrap().as_str(), text);
        }
    }

    #[test]
    fn options_refspecs_and_expressions_are_refused() {
        for text in [
            "",
            "-",
            "--upload-pack=x",
            "-b",
            "+main",
            "a:b",
            "a b",
            "a\nb",
            "a..b",
            "HEAD~1",
            "HEAD^",
            "@{u}",
            "x@{1}",
            "@",
            "a//b",
            "/a",
            "a/",
            ".a",
            "a/.b",
            "a.lock",
            "a.",
            "a*",
            "a?",
            "[a]",
            "a\\b",
            "\u{7f}",
        ] {
            assert!(text.parse::<Branch>().is_err(), "{text:?}");
            assert!(text.parse::<CommitHash>().is_err(), "{text:?}");
        }
        assert_eq!(
            "".parse::<Branch>().unwrap_err().to_string(),
            "the branch is empty: set the branch of the repository"
        );
    }

    proptest! {
        #[test]
        fn an_accepted_name_is_one_plain_argument(text in "\\PC{0,12}|[-+a-z:/.~^@{}* \\n]{0,12}") {
            if let Ok(branch) = text.parse::<Branch>() {
                prop_assert!(!branch.as_str().starts_with(['-', '+']));
                prop_assert!(!branch.as_str().contains([':', ' ', '\n', '^', '~']));
            }
        }
    }
}

//! The command lines of git: every function gives the arguments of one call.
//!
//! Pure and total: the types of the parameters are what makes injection impossible, `--` is the second lock.
//!
//! Reference: `db_lib/CmdGitClient.go`; the sequence of calls is the same, `--` is added.

use std::path::Path;

use super::{Branch, CommitHash, GitUrl};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// How much git tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// What it tells by itself when nobody watches. Reference: as recorded.
    Plain,
    /// How far it is.
    Progress,
    /// Only what went wrong.
    Quiet,
}

impl Words {
    fn option(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Progress => Some("--progress"),
            Self::Quiet => Some("--quiet"),
        }
    }

    /// Adds the option behind the name of the command.
    fn of(self, command: &[&str], arguments: &[&str]) -> Vec<String> {
        command.iter().copied().chain(self.option()).chain(arguments.iter().copied()).map(str::to_owned).collect()
    }
}

/// A new clone of `url` in the sub-directory `directory`, with submodules; objects that the mirror has are copied from it.
///
/// `directory` is a name made by the engine: it never begins with `-`. A mirror whose path is not UTF-8 is not used.
/// Reference: there is no mirror; the other words stand in the same order.
pub(crate) fn clone(url: &GitUrl, branch: &Branch, directory: &str, mirror: Option<&Path>, told: Words) -> Vec<String> {
    let mut line = told.of(&["clone"], &["--recursive", "--branch", branch.as_str()]);
    if let Some(mirror) = mirror.and_then(Path::to_str) {
        line.extend(words(&["--reference-if-able", mirror, "--dissociate"]));
    }
    line.extend(words(&["--", url.as_argument(), directory]));
    line
}

/// Fetches what `origin` has.
pub(crate) fn fetch(told: Words) -> Vec<String> {
    told.of(&["fetch"], &[])
}

/// Succeeds if the branch of `origin` only went forward.
pub(crate) fn can_be_pulled(branch: &Branch) -> Vec<String> {
    words(&["merge-base", "--is-ancestor", "HEAD", &format!("origin/{branch}")])
}

/// Brings the work tree to the branch of `origin`.
pub(crate) fn pull(branch: &Branch, told: Words) -> Vec<String> {
    told.of(&["pull"], &["origin", branch.as_str()])
}

/// Brings the submodules to what the work tree wants.
pub(crate) fn update_submodules(told: Words) -> Vec<String> {
    told.of(&["submodule", "update"], &["--init", "--recursive"])
}

/// Checks out a commit. The `--` at the end keeps git from reading it as a path.
pub(crate) fn checkout(commit: &CommitHash, told: Words) -> Vec<String> {
    told.of(&["checkout"], &[commit.as_str(), "--"])
}

/// Checks out what a branch of `origin` is now, whatever a local branch of that name may be.
pub(crate) fn checkout_remote_branch(name: &CommitHash, told: Words) -> Vec<String> {
    told.of(&["checkout"], &[&remote_reference(name.as_str()), "--"])
}

/// The full name of what is known about a branch of `origin`.
pub(crate) fn remote_reference(branch: &str) -> String {
    format!("refs/remotes/origin/{branch}")
}

/// Prints the hash of the commit that is checked out.
pub(crate) fn head_hash() -> Vec<String> {
    words(&["rev-parse", "HEAD"])
}

/// Prints the subject of the commit that is checked out.
pub(crate) fn head_message() -> Vec<String> {
    words(&["show-branch", "--no-name", "HEAD"])
}

/// Prints the hash of a branch of a remote repository.
pub(crate) fn remote_hash(url: &GitUrl, branch: &Branch) -> Vec<String> {
    words(&["ls-remote", "--", url.as_argument(), branch.as_str()])
}

/// Prints all branches of a remote repository.
pub(crate) fn remote_branches(url: &GitUrl) -> Vec<String> {
    words(&["ls-remote", "--heads", "--", url.as_argument()])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    const OPTIONS: [&str; 11] = [
        "--recursive",
        "--branch",
        "--reference-if-able",
        "--dissociate",
        "--progress",
        "--quiet",
        "--",
        "--is-ancestor",
        "--init",
        "--no-name",
        "--heads",
    ];

    fn all(url: &GitUrl, branch: &Branch, commit: &CommitHash) -> Vec<Vec<String>> {
        let told = Words::Plain;
        vec![
            clone(url, branch, "repository_1_template_1", None, told),
            fetch(told),
            can_be_pulled(branch),
            pull(branch, told),
            update_submodules(told),
            checkout(commit, told),
            head_hash(),
            head_message(),
            remote_hash(url, branch),
            remote_branches(url),
        ]
    }

    #[test]
    fn command_lines_are_those_of_the_reference_with_a_separator() {
        let url: GitUrl = "file:///srv/git".parse().unwrap();
        let branch: Branch = "main".parse().unwrap();
        let commit: CommitHash = "c205cde".parse().unwrap();
        let lines: Vec<String> = all(&url, &branch, &commit).iter().map(|words| words.join(" ")).collect();
        assert_eq!(
            lines,
            [
                "clone --recursive --branch main -- file:///srv/git repository_1_template_1",
                "fetch",
                "merge-base --is-ancestor HEAD origin/main",
                "pull origin main",
                "submodule update --init --recursive",
                "checkout c205cde --",
                "rev-parse HEAD",
                "show-branch --no-name HEAD",
                "ls-remote -- file:///srv/git main",
                "ls-remote --heads -- file:///srv/git",
            ]
        );
    }

    #[test]
    fn what_is_added_to_the_recorded_words() {
        let url: GitUrl = "file:///srv/git".parse().unwrap();
        let branch: Branch = "main".parse().unwrap();
        let commit: CommitHash = "feature/x".parse().unwrap();
        let mirror = Some(Path::new("/tmp/a b/mirror_1"));
        assert_eq!(
            clone(&url, &branch, "d", mirror, Words::Progress),
            [
                "clone",
                "--progress",
                "--recursive",
                "--branch",
                "main",
                "--reference-if-able",
                "/tmp/a b/mirror_1",
                "--dissociate",
                "--",
                "file:///srv/git",
                "d"
            ]
        );
        assert_eq!(pull(&branch, Words::Quiet).join(" "), "pull --quiet origin main");
        assert_eq!(update_submodules(Words::Quiet).join(" "), "submodule update --quiet --init --recursive");
        assert_eq!(
            checkout_remote_branch(&commit, Words::Plain).join(" "),
            "checkout refs/remotes/origin/feature/x --"
        );
    }

    proptest! {
        /// Whatever is accepted as URL, branch and commit: no argument is an option that we did not write ourselves.
        #[test]
        fn no_input_becomes_an_option(
            url in "(https|ssh|git|file)://[-a-z@:./%]{0,20}|[-a-z@:./]{0,20}|\\PC{0,20}",
            name in "[-+a-z/.]{0,12}|\\PC{0,12}",
            commit in "[-+a-f0-9]{0,12}|\\PC{0,12}",
            mirror in "/(\\PC|[-\n ]){0,12}",
        ) {
            if let (Ok(url), Ok(branch), Ok(commit)) = (url.parse(), name.parse(), commit.parse()) {
                let mut lines = all(&url, &branch, &commit);
                for told in [Words::Plain, Words::Progress, Words::Quiet] {
                    let with_mirror = clone(&url, &branch, "repository_1_template_1", Some(Path::new(&mirror)), told);
                    // The path is the value of its option, and the address stands behind the separator.
                    let option = with_mirror.iter().position(|word| word == "--reference-if-able").unwrap();
                    prop_assert_eq!(&with_mirror[option + 1], &mirror);
                    prop_assert_eq!(&with_mirror[with_mirror.len() - 3], "--");
                    lines.push(with_mirror);
                    lines.push(checkout_remote_branch(&commit, told));
                    lines.push(pull(&branch, told));
                }
                for words in lines {
                    for word in &words {
                        prop_assert!(!word.starts_with('-') || OPTIONS.contains(&word.as_str()), "{words:?}");
                    }
                }
            }
        }
    }
}

//! The command lines of git: every function gives the arguments of one call.
//!
//! Pure and total: the types of the parameters are what makes injection impossible, `--` is the second lock.
//!
//! Reference: `db_lib/CmdGitClient.go`; the sequence of calls is the same, `--` is added.

use super::{Branch, CommitHash, GitUrl};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A new clone of `url` in the sub-directory `directory`, with submodules.
///
/// `directory` is a name made by the engine: it never begins with `-`.
pub(crate) fn clone(url: &GitUrl, branch: &Branch, directory: &str) -> Vec<String> {
    words(&["clone", "--recursive", "--branch", branch.as_str(), "--", url.as_argument(), directory])
}

/// Fetches what `origin` has.
pub(crate) fn fetch() -> Vec<String> {
    words(&["fetch"])
}

/// Succeeds if the branch of `origin` only went forward.
pub(crate) fn can_be_pulled(branch: &Branch) -> Vec<String> {
    words(&["merge-base", "--is-ancestor", "HEAD", &format!("origin/{branch}")])
}

/// Brings the work tree to the branch of `origin`.
pub(crate) fn pull(branch: &Branch) -> Vec<String> {
    words(&["pull", "origin", branch.as_str()])
}

/// Brings the submodules to what the work tree wants.
pub(crate) fn update_submodules() -> Vec<String> {
    words(&["submodule", "update", "--init", "--recursive"])
}

/// Checks out a commit. The `--` at the end keeps git from reading it as a path.
pub(crate) fn checkout(commit: &CommitHash) -> Vec<String> {
    words(&["checkout", commit.as_str(), "--"])
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

    const OPTIONS: [&str; 9] =
        ["--recursive", "--branch", "--", "--is-ancestor", "--init", "--no-name", "--heads", "--detach", "--force"];

    fn all(url: &GitUrl, branch: &Branch, commit: &CommitHash) -> Vec<Vec<String>> {
        vec![
            clone(url, branch, "repository_1_template_1"),
            fetch(),
            can_be_pulled(branch),
            pull(branch),
            update_submodules(),
            checkout(commit),
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

    proptest! {
        /// Whatever is accepted as URL, branch and commit: no argument is an option that we did not write ourselves.
        #[test]
        fn no_input_becomes_an_option(
            url in "(https|ssh|git|file)://[-a-z@:./%]{0,20}|[-a-z@:./]{0,20}|\\PC{0,20}",
            name in "[-+a-z/.]{0,12}|\\PC{0,12}",
            commit in "[-+a-f0-9]{0,12}|\\PC{0,12}",
        ) {
            if let (Ok(url), Ok(branch), Ok(commit)) = (url.parse(), name.parse(), commit.parse()) {
                for words in all(&url, &branch, &commit) {
                    for word in &words {
                        prop_assert!(!word.starts_with('-') || OPTIONS.contains(&word.as_str()), "{words:?}");
                    }
                }
            }
        }
    }
}

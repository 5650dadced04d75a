//! The command lines of git: no text of a user is an option, and none stands where git looks for options.

#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use semaphore_engine::{
    fuzzing::git_commands,
    git::{Branch, CommitHash, GitUrl},
};

/// Every option that we write ourselves.
const OURS: [&str; 11] = [
    "--recursive",
    "--branch",
    "--reference-if-able",
    "--dissociate",
    "--",
    "--progress",
    "--quiet",
    "--is-ancestor",
    "--heads",
    "--init",
    "--no-name",
];

fuzz_target!(|input: (&str, &str, &str)| {
    let (url, branch, commit) = input;
    // Each part alone as well: three valid ones at once are rare.
    let url: GitUrl = url.parse().unwrap_or_else(|_| "https://example.org/a.git".parse().expect("an address"));
    let branch: Branch = branch.parse().unwrap_or_else(|_| "main".parse().expect("a branch"));
    let commit: CommitHash = commit.parse().unwrap_or_else(|_| "c205cde".parse().expect("a commit"));
    for command in git_commands(&url, &branch, &commit, Some(Path::new("/mirror"))) {
        for argument in &command {
            assert!(!argument.is_empty() && !argument.contains(['\0', '\n', '\r']), "{command:?}");
            assert!(!argument.starts_with('-') || OURS.contains(&argument.as_str()), "{argument:?} of {command:?}");
            assert!(!argument.starts_with('+'), "a forced refspec in {command:?}");
        }
        // The address and what follows it stand behind `--`.
        if let Some(place) = command.iter().position(|argument| argument == url.as_argument()) {
            assert!(command[..place].iter().any(|argument| argument == "--"), "{command:?}");
        }
    }
});

//! Whether a clone is as git makes it: programs of tasks can write into it, and what lies there can make git run programs, or work
//! somewhere else.
//!
//! A list of what is allowed: what git may be told in its configuration grows with each version. Not the only lock: git also has
//! limits of its own, and runs no hooks.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Component, Path, PathBuf},
};

/// Longest configuration that is looked at.
const LONGEST_CONFIGURATION_BYTES: u64 = 1 << 20;

/// Files and directories of submodules that are looked at.
const MOST_ENTRIES: usize = 100_000;

/// What git writes into the configuration of a clone, and what tasks that work with git often do: sections without and with a name,
/// and their keys.
const ALLOWED: [(&str, bool, &[&str]); 10] = [
    (
        "core",
        false,
        &[
            "repositoryformatversion",
            "filemode",
            "bare",
            "logallrefupdates",
            "symlinks",
            "ignorecase",
            "precomposeunicode",
            "autocrlf",
            "eol",
            "quotepath",
        ],
    ),
    ("extensions", false, &["objectformat", "refstorage"]),
    ("remote", true, &["url", "fetch", "tagopt"]),
    ("branch", true, &["remote", "merge"]),
    ("submodule", false, &["active"]),
    ("submodule", true, &["url", "active"]),
    ("user", false, &["name", "email"]),
    ("lfs", false, &["repositoryformatversion"]),
    ("lfs", true, &["access"]),
    ("pull", false, &["ff", "rebase"]),
];

/// Whether nothing of the clone leads git elsewhere or to a program. Reads files: not for the runtime's threads.
pub(crate) fn is_as_made(clone: &Path) -> bool {
    let git = clone.join(".git");
    // Its own files, and all of its objects.
    let are_directories =
        [clone, git.as_path()].iter().all(|path| fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()));
    let elsewhere = ["commondir", "objects/info/alternates"];
    are_directories
        && elsewhere.iter().all(|name| is_missing(&git.join(name)))
        && read_configuration(&git.join("config")).is_ok_and(|text| is_plain(&text, |_| false))
        && are_as_made(clone, &git.join("modules")).unwrap_or(false)
}

fn is_missing(path: &Path) -> bool {
    fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// The same for all repositories of submodules.
fn are_as_made(clone: &Path, modules: &Path) -> io::Result<bool> {
    if is_missing(modules) {
        return Ok(true);
    }
    let (mut left, mut seen) = (vec![modules.to_owned()], 0);
    while let Some(directory) = left.pop() {
        // Git makes no links there.
        if !fs::symlink_metadata(&directory)?.is_dir() {
            return Ok(false);
        }
        // A branch may have the name, too.
        let is_repository = !is_missing(&directory.join("objects"));
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            seen += 1;
            let kind = entry.file_type()?;
            if seen > MOST_ENTRIES || kind.is_symlink() {
                return Ok(false);
            }
            let name = entry.file_name();
            let is_good = match name.to_str() {
                Some("config") if is_repository => {
                    is_plain(&read_configuration(&entry.path())?, |place| is_in_clone(clone, &directory, place))
                }
                Some("commondir") => !is_repository,
                _ => true,
            };
            if !is_good {
                return Ok(false);
            }
            if kind.is_dir() {
                left.push(entry.path());
            }
        }
    }
    Ok(true)
}

/// Whether the work tree of a submodule lies in the clone's.
fn is_in_clone(clone: &Path, repository: &Path, place: &str) -> bool {
    let mut path = PathBuf::new();
    for component in repository.join(place).components() {
        match component {
            Component::ParentDir => {
                path.pop();
            }
            other => path.push(other),
        }
    }
    path.strip_prefix(clone).is_ok_and(|inside| inside.components().next().is_some() && !inside.starts_with(".git"))
}

/// The text of a configuration. An error if the file is something else: programs may have left pipes and links to devices, whose end
/// never comes, and no stop reaches a read.
pub(crate) fn read_configuration(path: &Path) -> io::Result<String> {
    let flags = nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK;
    let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() || found.len() > LONGEST_CONFIGURATION_BYTES {
        return Err(io::Error::other("not a configuration that git has made"));
    }
    let mut text = String::new();
    file.take(LONGEST_CONFIGURATION_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// A value as git writes it into a configuration.
pub(crate) fn as_written(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
    // What begins a comment, and blanks that would be cut off.
    let is_quoted = value.contains([';', '#']) || value.starts_with(' ') || value.ends_with(' ');
    if is_quoted { format!("\"{escaped}\"") } else { escaped }
}

/// Whether a configuration has only what is allowed, written as git writes it. `is_work_tree` says which directories
/// `core.worktree` may name.
fn is_plain(text: &str, is_work_tree: impl Fn(&str) -> bool) -> bool {
    let mut allowed: &[&str] = &[];
    let (mut section, mut addresses) = ("", 0);
    for line in text.split('\n').map(str::trim_ascii) {
        if line.is_empty() {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            section = header;
            let Some(keys) = keys_of(header) else { return false };
            allowed = keys;
            continue;
        }
        // The value would go on in the next line.
        if line.ends_with('\\') {
            return false;
        }
        let (key, value) = line.split_once(" = ").unwrap_or((line, ""));
        let is_good = match (section, key) {
            ("core]", "worktree") => is_work_tree(value),
            // An empty value would take back those before it, and of several the first counts.
            (r#"remote "origin"]"#, "url") => {
                addresses += 1;
                addresses == 1 && !value.is_empty()
            }
            _ => allowed.contains(&key.to_ascii_lowercase().as_str()),
        };
        if !is_good {
            return false;
        }
    }
    true
}

/// The keys that are allowed in the section with this header: `core]`, `remote "origin"]`.
fn keys_of(header: &str) -> Option<&'static [&'static str]> {
    let header = header.strip_suffix(']')?;
    let (section, is_named) = match header.split_once(' ') {
        None => (header, false),
        Some((section, name)) => {
            let name = name.strip_prefix('"')?.strip_suffix('"')?;
            // A quoted one would have to be understood.
            if name.contains(['"', '\\']) {
                return None;
            }
            (section, true)
        }
    };
    ALLOWED.iter().find(|(name, named, _)| (*name, *named) == (section, is_named)).map(|(_, _, keys)| *keys)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MADE: &str = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n\tlogallrefupdates = true\n\
        [submodule]\n\tactive = .\n[remote \"origin\"]\n\turl = https://git.example/a.git\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n\
        [branch \"main\"]\n\tremote = origin\n\tmerge = refs/heads/main\n[submodule \"deep/one\"]\n\turl = https://git.example/b.git\n";

    #[test]
    fn a_configuration_that_runs_nothing_is_plain() {
        let is_plain = |text: &str| is_plain(text, |_| false);
        assert!(is_plain(MADE));
        assert!(is_plain(
            "[user]\n\tname = CI\n\temail = ci@example.test\n[lfs \"https://git.example/a.git/info/lfs\"]\n\taccess = basic\n"
        ));
        let changes = [
            "[core]\n\tsshCommand = touch /x\n",
            "[core]\n\tworktree = ../..\n",
            "[core]\n\thooksPath = /x\n",
            "[core] sshCommand = touch /x\n",
            "[core]\n\tfilemode = true \\\n",
            "[filter \"x\"]\n\tsmudge = touch /x\n",
            "[include]\n\tpath = /x\n",
            "[includeIf \"gitdir:/\"]\n\tpath = /x\n",
            "[submodule \"deep/one\"]\n\tupdate = !touch /x\n",
            "[remote \"origin\"]\n\turl = https://evil.example/a.git\n",
            "[remote \"origin\"]\n\tuploadpack = touch /x\n",
            "[Remote \"origin\"]\n\turl = https://evil.example/a.git\n",
            "[remote.origin]\n\turl = https://evil.example/a.git\n",
            "[url \"https://evil.example/\"]\n\tinsteadOf = https://git.example/\n",
            "[alias]\n\tfetch = !touch /x\n",
            "[core\n",
            "\u{feff}[core]\n\tfsmonitor = touch /x\n",
        ];
        for change in changes {
            assert!(!is_plain(&format!("{MADE}{change}")), "{change}");
            assert!(!is_plain(&format!("{change}{MADE}")), "{change}");
        }
    }

    #[test]
    fn values_are_written_as_git_does() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        for value in
            ["https://git.example/a.git", "file:///a b", "/with;semicolon", "a#b", r"C:\a", "with\"quote", "end "]
        {
            let mut set = std::process::Command::new("git");
            set.args(["config", "--file"]).arg(&file).args(["remote.origin.url", value]);
            assert!(set.status().unwrap().success());
            let text = fs::read_to_string(&file).unwrap();
            let written = text.lines().find_map(|line| line.strip_prefix("\turl = ")).unwrap();
            assert_eq!(written, as_written(value), "{value}");
        }
    }

    #[test]
    fn a_submodule_works_in_the_clone() {
        let clone = Path::new("/tmp/project_1/clone");
        let repository = clone.join(".git/modules/deep/one");
        let is_in_clone = |place: &str| is_in_clone(clone, &repository, place);
        assert!(is_in_clone("../../../../deep/one"));
        for other in ["../../../..", "../../../../..", "..", "/etc", "../../../../../other"] {
            assert!(!is_in_clone(other), "{other}");
        }
    }

    #[test]
    fn what_leads_elsewhere_is_seen() {
        let directory = tempfile::tempdir().unwrap();
        let clone = directory.path().join("clone");
        let module = clone.join(".git/modules/one");
        fs::create_dir_all(module.join("objects")).unwrap();
        fs::create_dir_all(module.join("refs/remotes/origin")).unwrap();
        fs::write(clone.join(".git/config"), MADE).unwrap();
        let of_module = format!("{MADE}[core]\n\tworktree = ../../../one\n");
        fs::write(module.join("config"), &of_module).unwrap();
        fs::write(module.join("refs/remotes/origin/config"), "0123\n").unwrap();
        assert!(is_as_made(&clone));
        let changes = [
            (".git/commondir", "/x"),
            (".git/objects/info/alternates", "/x"),
            (".git/modules/one/config", "[core]\n\tsshCommand = x\n"),
            (".git/modules/one/commondir", "/x"),
        ];
        for (file, text) in changes {
            let file = clone.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, text).unwrap();
            assert!(!is_as_made(&clone), "{}", file.display());
            fs::remove_file(&file).unwrap();
        }
        fs::write(module.join("config"), of_module).unwrap();
        assert!(is_as_made(&clone));
        let link = directory.path().join("link");
        std::os::unix::fs::symlink(&clone, &link).unwrap();
        assert!(!is_as_made(&link));
    }
}

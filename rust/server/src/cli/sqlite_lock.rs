//! Whether another process uses a SQLite file, without touching it: from the kernel's list of locks.
//!
//! A program that has a database in WAL mode open holds a shared lock on one of its files as long as it has it open; in
//! another mode only while it works. Not for locking.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// How many locks other processes hold on the database; none if the system does not tell.
pub(super) fn other_users(database: &Path) -> Option<usize> {
    let locks = fs::read_to_string("/proc/locks").ok()?;
    let files: Vec<_> = [database.to_owned(), with_suffix(database, "-shm")]
        .iter()
        .filter_map(|path| fs::metadata(path).ok())
        .map(|file| file_name_in_locks(file.dev(), file.ino()))
        .collect();
    Some(count(&locks, &files, std::process::id()))
}

/// Lines of `/proc/locks` are `1: POSIX  ADVISORY  READ 1234 08:01:131 0 EOF`; one that waits has `->` as its second word.
fn count(locks: &str, files: &[String], own: u32) -> usize {
    let is_other = |line: &&str| {
        let words: Vec<_> = line.split_whitespace().filter(|word| *word != "->").collect();
        let (Some(owner), Some(file)) = (words.get(4), words.get(5)) else { return false };
        files.iter().any(|name| name == file) && owner.parse() != Ok(own)
    };
    locks.lines().filter(is_other).count()
}

/// `major:minor:inode`, the first two in hexadecimal.
fn file_name_in_locks(device: u64, inode: u64) -> String {
    format!("{:02x}:{:02x}:{inode}", nix::sys::stat::major(device), nix::sys::stat::minor(device))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_of_other_processes_on_the_file_are_counted() {
        let locks = "1: POSIX  ADVISORY  READ 10 08:01:7 1073741826 1073742335\n\
                     2: POSIX  ADVISORY  READ 11 08:01:7 128 128\n\
                     2: -> POSIX  ADVISORY  WRITE 12 08:01:7 120 120\n\
                     3: POSIX  ADVISORY  READ 13 08:01:8 128 128\n\
                     4: FLOCK\n";
        assert_eq!(count(locks, &["08:01:7".to_owned()], 10), 2);
        assert_eq!(count(locks, &["08:01:9".to_owned()], 10), 0);
    }
}

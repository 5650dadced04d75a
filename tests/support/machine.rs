//! The machine that the tests run on: where the program under test lies, which real parts are there, which processes run.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use semaphore_test_machine::tool;

/// The program under test: `SEMAPHORE_TEST_BIN`, or the one that cargo has built with the tests.
pub fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(path) = env::var_os("SEMAPHORE_TEST_BIN") {
            let path = PathBuf::from(path);
            assert!(path.is_file(), "SEMAPHORE_TEST_BIN names {}, which is not there", path.display());
            return path;
        }
        // The test itself is <target>/<profile>/deps/<name>.
        let test = env::current_exe().expect("the test's own path");
        let path = test.parent().and_then(Path::parent).expect("a target directory").join("semaphore-under-test");
        assert!(path.is_file(), "{} is not there: start the tests with cargo test", path.display());
        path
    })
}

/// Directory of `ansible-playbook`, or `None` with a note that the test is left out; with CI=true its absence is a failure.
pub fn ansible() -> Option<PathBuf> {
    directory_of("ansible-playbook")
}

/// Directory of `tofu`, as [`ansible`].
pub fn tofu() -> Option<PathBuf> {
    directory_of("tofu")
}

fn directory_of(program: &str) -> Option<PathBuf> {
    tool(program)?.parent().map(Path::to_owned)
}

/// Numbers of the processes whose command line or environment contains the text.
pub fn processes_with(text: &str) -> Vec<u32> {
    let own = std::process::id();
    let contains = |path: PathBuf| fs::read(path).is_ok_and(|b| String::from_utf8_lossy(&b).contains(text));
    numbered()
        .filter(|&(pid, ref dir)| pid != own && (contains(dir.join("cmdline")) || contains(dir.join("environ"))))
        .map(|(pid, _)| pid)
        .collect()
}

/// Numbers of the processes that run one task each, with their own directory below this one.
pub fn task_hosts(directory: &Path) -> Vec<u32> {
    let is_host = |path: PathBuf| {
        let line = fs::read(path.join("cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        words.get(1).is_some_and(|word| word == "task-host")
            && words.get(2).is_some_and(|word| Path::new(word.as_ref()).starts_with(directory))
    };
    numbered().filter(|(_, dir)| is_host(dir.clone())).map(|(pid, _)| pid).collect()
}

/// Numbers of the processes whose working directory is this one or lies in it.
pub fn processes_in(directory: &Path) -> Vec<u32> {
    let is_in = |path: PathBuf| fs::read_link(path.join("cwd")).is_ok_and(|cwd| cwd.starts_with(directory));
    numbered().filter(|(_, dir)| is_in(dir.clone())).map(|(pid, _)| pid).collect()
}

/// Numbers of the zombies that are children of the process.
pub fn zombies_below(parent: u32) -> Vec<u32> {
    numbered()
        .filter(|(_, dir)| {
            let Ok(stat) = fs::read_to_string(dir.join("stat")) else { return false };
            // After the name in parentheses: state, parent.
            let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
            fields.next() == Some("Z") && fields.next().and_then(|p| p.parse().ok()) == Some(parent)
        })
        .map(|(pid, _)| pid)
        .collect()
}

fn numbered() -> impl Iterator<Item = (u32, PathBuf)> {
    fs::read_dir("/proc")
        .expect("/proc")
        .filter_map(Result::ok)
        .filter_map(|e| Some((e.file_name().to_str()?.parse().ok()?, e.path())))
}

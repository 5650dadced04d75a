//! The programs of the machine, and what a test does when one is missing.

use std::{
    env,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

/// Root of the source tree.
pub fn project_root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("this crate lies two levels deep in the project")
}

/// Where the program is: in `.deps/bin`, `.deps/venv/bin`, on PATH, or in the directories of the administrator's programs.
pub fn tool(name: &str) -> Option<PathBuf> {
    let own = [".deps/bin", ".deps/venv/bin"].map(|d| project_root().join(d));
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    let found =
        own.into_iter().chain(env::split_paths(&path)).chain(system).map(|d| d.join(name)).find(|p| p.is_file());
    if found.is_none() {
        missing(&format!("{name} is not installed (make deps)"));
    }
    found
}

/// Says that a test is left out and why; a failure with CI=true, where every real part has to be there.
pub fn missing(reason: &str) {
    assert!(env::var("CI").as_deref() != Ok("true"), "a real part of the tests is missing: {reason}");
    left_out(reason);
}

/// Says that a test is left out and why, also with CI=true: for what no machine of that kind can have.
pub fn left_out(reason: &str) {
    #[expect(clippy::print_stderr, reason = "the omission must be seen in the test's output")]
    {
        eprintln!("left out: {reason}");
    }
}

/// Waits until the condition holds; panics with its name after the limit.
#[track_caller]
pub fn wait_until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(start.elapsed() < limit, "not within {limit:?}: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

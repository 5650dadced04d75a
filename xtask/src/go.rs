//! The Go tool in `go/`, with the environment that links the libraries of a directory.

use std::{fs, hash::Hasher as _, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::root;

/// Runs `go ARGUMENT...`.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> Result<()> {
    let directory = fs::canonicalize(directory).context("the libraries' directory")?;
    let archive = directory.join("libsemaphore_ffi.a");
    let bytes = fs::read(&archive)
        .with_context(|| format!("cannot read {}: build semaphore-ffi-artifact first", archive.display()))?;
    let mut hash = std::hash::DefaultHasher::new();
    hash.write(&bytes);
    let status = Command::new("go")
        .args(arguments)
        .current_dir(root()?.join("go"))
        .env("CGO_ENABLED", "1")
        .env("CGO_LDFLAGS", format!("-L{}", directory.display()))
        // The SSH server of the tests.
        .env("SEMAPHORE_TEST_SSH", directory.join("semaphore-test-ssh"))
        // Go's cache does not look into libraries: without this a test would run against an older one.
        .env("CGO_CFLAGS", format!("-O2 -g -DSEMAPHORE_FFI_LIBRARY={:x}", hash.finish()))
        .status()
        .context("cannot run go")?;
    if status.success() { Ok(()) } else { bail!("go {}: {status}", arguments.join(" ")) }
}

//! `include/semaphore_ffi.h` from the sources of the crate `semaphore-ffi`.

use std::fs;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::root;

/// Writes the header.
pub(crate) fn write() -> Result<()> {
    let path = root()?.join("include/semaphore_ffi.h");
    fs::write(&path, generate()?).with_context(|| format!("cannot write {}", path.display()))?;
    println!("wrote {}", path.display());
    Ok(())
}

/// Fails if the header in the tree is not what the sources give.
pub(crate) fn check() -> Result<()> {
    let path = root()?.join("include/semaphore_ffi.h");
    let committed = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let generated = generate()?;
    if committed != generated {
        let first = committed.lines().zip(generated.lines()).position(|(old, new)| old != new);
        let line = first.unwrap_or_else(|| committed.lines().count().min(generated.lines().count())) + 1;
        bail!("include/semaphore_ffi.h is out of date from line {line} on: run `cargo run -p xtask -- header`");
    }
    println!("include/semaphore_ffi.h is up to date");
    Ok(())
}

fn generate() -> Result<String> {
    let root = root()?;
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).map_err(|error| anyhow!(error))?;
    let ffi = root.join("ffi/src");
    // Single files rather than the crate: no `cargo metadata`, only what is part of the interface, and in reading order.
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in [
        "code.rs",
        "memory.rs",
        "api/library.rs",
        "api/runtime.rs",
        "api/log.rs",
        "api/exec.rs",
        "api/git.rs",
        "api/job.rs",
        "api/key.rs",
    ] {
        builder = builder.with_src(ffi.join(file));
    }
    let mut header = Vec::new();
    builder.generate().context("cbindgen cannot read the sources of semaphore-ffi")?.write(&mut header);
    Ok(String::from_utf8(header)?)
}

//! `include/semaphore_ffi.h` from the sources of the crate `semaphore-ffi`, and `docs/reference/abi.md` from the header.

use std::fs;

use anyhow::{Context as _, Result, anyhow, bail, ensure};

use crate::{artifact::listed_symbols, reference, root};

const HEADER: &str = "include/semaphore_ffi.h";
const REFERENCE: &str = "docs/reference/abi.md";

/// Writes the header and its reference page.
pub(crate) fn write() -> Result<()> {
    for (name, text) in files()? {
        let path = root()?.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Fails if a file in the tree is not what the sources give.
pub(crate) fn check() -> Result<()> {
    for (name, generated) in files()? {
        let path = root()?.join(name);
        let committed = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        if committed != generated {
            let first = committed.lines().zip(generated.lines()).position(|(old, new)| old != new);
            let line = first.unwrap_or_else(|| committed.lines().count().min(generated.lines().count())) + 1;
            bail!("{name} is out of date from line {line} on: run `cargo run -p xtask -- header`");
        }
        println!("{name} is up to date");
    }
    Ok(())
}

fn files() -> Result<[(&'static str, String); 2]> {
    let header = generate()?;
    for symbol in listed_symbols()? {
        ensure!(
            header.contains(&format!("{symbol}(")),
            "{symbol} is exported, but not in the header: name its file in xtask"
        );
    }
    let page = reference::page(&header);
    Ok([(HEADER, header), (REFERENCE, page)])
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
        "api/pool.rs",
    ] {
        builder = builder.with_src(ffi.join(file));
    }
    let mut header = Vec::new();
    builder.generate().context("cbindgen cannot read the sources of semaphore-ffi")?.write(&mut header);
    Ok(String::from_utf8(header)?)
}

//! Gives the library a number that tells builds apart, for `semaphore_build_id`: a hash of the source, of the versions of the
//! dependencies, and of how it is compiled. The same source compiled the same way has the same number.

use std::{
    collections::BTreeSet,
    env, fs,
    hash::Hasher as _,
    io,
    path::{Path, PathBuf},
};

/// What the library is made of, below the root of the workspace.
const SOURCES: [&str; 6] =
    ["Cargo.lock", "rust-toolchain.toml", "ffi", "rust/model/src", "rust/engine/src", "rust/task/src"];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("..");
    let mut files = BTreeSet::new();
    for source in SOURCES {
        println!("cargo::rerun-if-changed=../{source}");
        collect(&root.join(source), &mut files)?;
    }
    let mut hash = std::hash::DefaultHasher::new();
    for file in files {
        let text = fs::read(&file)?;
        hash.write(file.strip_prefix(&root).unwrap_or(&file).as_os_str().as_encoded_bytes());
        hash.write_usize(text.len());
        hash.write(&text);
    }
    let features = env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"CARGO_FEATURE_"));
    let mut features: Vec<_> = features.map(|(name, _)| name).collect();
    features.sort();
    let how =
        ["TARGET", "PROFILE", "OPT_LEVEL", "CARGO_ENCODED_RUSTFLAGS"].map(|name| env::var_os(name).unwrap_or_default());
    for part in features.iter().chain(&how) {
        hash.write_usize(part.len());
        hash.write(part.as_encoded_bytes());
    }
    println!("cargo::rustc-env=SEMAPHORE_BUILD_ID={:016x}", hash.finish());
    Ok(())
}

fn collect(path: &Path, files: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.insert(path.to_owned());
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        collect(&entry?.path(), files)?;
    }
    Ok(())
}

//! The libraries, the header and a pkg-config file in a prefix.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    artifact::{self, SONAME},
    root,
    smoke::NATIVE,
};

/// Installs the libraries of a directory below `PREFIX`; `DESTDIR` of the environment is put before it, as packagers expect.
pub(crate) fn run(directory: &Path, prefix: &Path) -> Result<()> {
    into(directory, prefix, std::env::var_os("DESTDIR").filter(|root| !root.is_empty()).as_deref().map(Path::new))
}

/// The same with the directory that stands for `/`.
pub(crate) fn into(directory: &Path, prefix: &Path, destination: Option<&Path>) -> Result<()> {
    ensure!(prefix.is_absolute(), "PREFIX must be an absolute path");
    artifact::localise(directory)?;
    let stage = match destination {
        Some(root) => root.join(prefix.strip_prefix("/")?),
        None => prefix.to_path_buf(),
    };
    let (include, library, configuration) = (stage.join("include"), stage.join("lib"), stage.join("lib/pkgconfig"));
    for made in [&include, &configuration] {
        fs::create_dir_all(made).with_context(|| format!("cannot make {}", made.display()))?;
    }
    place(&root()?.join("include/semaphore_ffi.h"), &include.join("semaphore_ffi.h"), 0o644)?;
    place(&directory.join("libsemaphore_ffi.so"), &library.join(SONAME), 0o755)?;
    place(&directory.join("shipped/libsemaphore_ffi.a"), &library.join("libsemaphore_ffi.a"), 0o644)?;
    let link = library.join("libsemaphore_ffi.so");
    let _ = fs::remove_file(&link);
    symlink(SONAME, &link)?;
    let file = configuration.join("semaphore_ffi.pc");
    fs::write(&file, description(prefix)).with_context(|| format!("cannot write {}", file.display()))?;
    println!("installed into {}", stage.display());
    Ok(())
}

/// Replaces a file rather than writing into it: programs may have the old library mapped.
fn place(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let _ = fs::remove_file(to);
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(fs::set_permissions(to, fs::Permissions::from_mode(mode))?)
}

fn description(prefix: &Path) -> String {
    format!(
        "prefix={}\nlibdir=${{prefix}}/lib\nincludedir=${{prefix}}/include\n\nName: semaphore_ffi\n\
         Description: Semaphore's engine: task logs, keys, git, programs and whole jobs\nVersion: {}\n\
         Libs: -L${{libdir}} -lsemaphore_ffi\nLibs.private: {}\nCflags: -I${{includedir}}\n",
        prefix.display(),
        env!("CARGO_PKG_VERSION"),
        NATIVE.join(" "),
    )
}

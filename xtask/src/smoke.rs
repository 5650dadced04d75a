//! The C and C++ programs of `tests/ffi`, against the static and the shared library.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use anyhow::{Context as _, Result, ensure};

use crate::{artifact::SONAME, root};

const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];
/// What the static library needs besides itself: `rustc --print native-static-libs`.
const NATIVE: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// Builds and runs everything; the last line is `N passed, N failed`.
pub(crate) fn run(directory: &Path) -> Result<()> {
    let sources = root()?.join("tests/ffi");
    let include = format!("-I{}", root()?.join("include").display());
    let directory = fs::canonicalize(directory).context("the libraries' directory")?;
    let built = directory.join("c-smoke");
    fs::create_dir_all(&built)?;
    let soname = built.join(SONAME);
    let _ = fs::remove_file(&soname);
    symlink(directory.join("libsemaphore_ffi.so"), &soname)?;

    let programs = [
        ("cc", "-std=c11", &["smoke.c", "second_unit.c"][..], "smoke"),
        ("c++", "-std=c++17", &["include.cpp"][..], "include"),
    ];
    let (mut passed, mut failed) = (0, 0);
    for (compiler, standard, files, name) in programs {
        for linked in ["static", "shared"] {
            let binary = built.join(format!("{name}-{linked}"));
            let mut command = Command::new(compiler);
            command.arg(standard).args(WARNINGS).args(["-g", "-D_POSIX_C_SOURCE=200809L"]).arg(&include);
            command.args(files.iter().map(|file| sources.join(file))).arg("-o").arg(&binary);
            if linked == "static" {
                command.arg(directory.join("libsemaphore_ffi.a")).args(NATIVE);
            } else {
                command.arg(directory.join("libsemaphore_ffi.so")).arg(format!("-Wl,-rpath,{}", built.display()));
            }
            println!("build {standard} {} ({linked})", files.join(" "));
            let done = build_and_run(&mut command, &binary)?;
            println!("{} {} ({linked})", if done { "ok   " } else { "FAILED" }, files.join(" "));
            *(if done { &mut passed } else { &mut failed }) += 1;
        }
    }
    println!("{passed} passed, {failed} failed");
    ensure!(failed == 0, "{failed} programs failed");
    Ok(())
}

fn build_and_run(compile: &mut Command, binary: &PathBuf) -> Result<bool> {
    let status = |command: &mut Command| -> Result<ExitStatus> {
        command.status().with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))
    };
    Ok(status(compile)?.success() && status(&mut Command::new(binary))?.success())
}

//! The C, C++ and Python programs of `tests/ffi`, against the static and the shared library and against an installation.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use anyhow::{Context as _, Result, ensure};

use crate::{artifact::SONAME, install, output, root};

pub(crate) const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];
/// What the static library needs besides itself: `rustc --print native-static-libs`.
pub(crate) const NATIVE: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

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
    for (name, done) in [
        ("smoke.c through pkg-config", installed(&sources, &directory, &built, true)?),
        ("smoke.c with the static library that is shipped", installed(&sources, &directory, &built, false)?),
        ("run_job.py", python(&sources, &built)?),
    ] {
        println!("{} {name}", if done { "ok   " } else { "FAILED" });
        *(if done { &mut passed } else { &mut failed }) += 1;
    }
    for (name, done) in crate::shown::programs(&directory, &built)? {
        println!("{} {name}", if done { "ok   " } else { "FAILED" });
        *(if done { &mut passed } else { &mut failed }) += 1;
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

/// The C program against an installation in a directory of its own, as a host's build finds it.
fn installed(sources: &Path, directory: &Path, built: &Path, shared: bool) -> Result<bool> {
    let prefix = built.join("prefix");
    install::into(directory, &prefix, None)?;
    let ask = |what: &[&str]| -> Result<Vec<String>> {
        let mut command = Command::new("pkg-config");
        command.args(what).arg("semaphore_ffi").env("PKG_CONFIG_PATH", prefix.join("lib/pkgconfig"));
        Ok(output(&mut command)?.split_whitespace().map(str::to_owned).collect())
    };
    let binary = built.join(if shared { "smoke-installed" } else { "smoke-shipped" });
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-D_POSIX_C_SOURCE=200809L"]).args(WARNINGS).args(ask(&["--cflags"])?);
    command.args(["smoke.c", "second_unit.c"].map(|file| sources.join(file))).arg("-o").arg(&binary);
    if shared {
        command.args(ask(&["--libs"])?).arg(format!("-Wl,-rpath,{}", prefix.join("lib").display()));
    } else {
        let static_name = |flag: String| if flag == "-lsemaphore_ffi" { "-l:libsemaphore_ffi.a".into() } else { flag };
        command.args(ask(&["--libs", "--static"])?.into_iter().map(static_name));
    }
    build_and_run(&mut command, &binary)
}

/// The Python program, which runs a job.
fn python(sources: &Path, built: &Path) -> Result<bool> {
    let directory = built.join("job");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("x.sh"), "echo one; echo two >&2; exit 3\n")?;
    let mut command = Command::new("python3");
    command.arg(sources.join("run_job.py")).arg(built.join(SONAME)).arg(&directory).arg("x.sh");
    let done = command.output().context("cannot run python3")?;
    let said = String::from_utf8_lossy(&done.stdout);
    print!("{said}{}", String::from_utf8_lossy(&done.stderr));
    Ok(done.status.code() == Some(1)
        && said.contains("\none\n")
        && said.contains("\ntwo\n")
        && said.ends_with("outcome failed exit status 3\n"))
}

//! The C, C++ and Python programs of `tests/ffi`, against the static and the shared library and against an installation.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use anyhow::{Context as _, Result, ensure};

use crate::{artifact::SONAME, install, layout, misuse, output, root};

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
    let (random, described) = misused(&sources, &directory, &built)?;
    for (name, done) in [
        (described.as_str(), random),
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

fn status(command: &mut Command) -> Result<ExitStatus> {
    command.status().with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))
}

fn build_and_run(compile: &mut Command, binary: &PathBuf) -> Result<bool> {
    Ok(status(compile)?.success() && status(&mut Command::new(binary))?.success())
}

/// Every function with every kind of argument, and the layout of the structures; the second answer is its name with the seed.
fn misused(sources: &Path, directory: &Path, built: &Path) -> Result<(bool, String)> {
    let binary = built.join("misuse");
    output(&mut misuse_build(sources, directory, built, &binary)?)?;
    let seed = seed();
    let done = status(Command::new(&binary).args([&seed, "3000"]))?.success();
    Ok((done, format!("misuse.c (seed {seed})")))
}

/// The seed of random calls: that of the environment, to repeat a failure, or the time.
fn seed() -> String {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |time| time.as_secs());
    std::env::var("SEMAPHORE_MISUSE_SEED").unwrap_or_else(|_| now().to_string())
}

/// How misuse.c is compiled, with the files that are generated from the header.
pub(crate) fn misuse_build(sources: &Path, directory: &Path, built: &Path, binary: &Path) -> Result<Command> {
    fs::write(built.join("calls.h"), misuse::calls()?)?;
    fs::write(built.join("layout.c"), layout::assertions()?)?;
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-pthread", "-D_POSIX_C_SOURCE=200809L", "-g"]).args(WARNINGS);
    command.arg(format!("-I{}", root()?.join("include").display())).arg(format!("-I{}", built.display()));
    command.arg(sources.join("misuse.c")).arg(built.join("layout.c")).arg("-o").arg(binary);
    command.arg(directory.join("libsemaphore_ffi.a")).args(NATIVE);
    Ok(command)
}

/// Against a library that was built for the address sanitizer: the C program, and every function with every kind of argument.
pub(crate) fn sanitized(directory: &Path) -> Result<()> {
    let directory = fs::canonicalize(directory).context("the sanitized library's directory")?;
    let (sources, built) = (root()?.join("tests/ffi"), directory.join("c-smoke"));
    fs::create_dir_all(&built)?;
    let binary = built.join("misuse");
    output(misuse_build(&sources, &directory, &built, &binary)?.arg("-fsanitize=address"))?;
    let seed = seed();
    ensure!(status(Command::new(&binary).args([&seed, "3000"]))?.success(), "misuse.c failed (seed {seed})");
    let binary = built.join("smoke");
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-D_POSIX_C_SOURCE=200809L", "-g", "-fsanitize=address"]).args(WARNINGS);
    command.arg(format!("-I{}", root()?.join("include").display()));
    command.args(["smoke.c", "second_unit.c"].map(|file| sources.join(file))).arg("-o").arg(&binary);
    command.arg(directory.join("libsemaphore_ffi.a")).args(NATIVE);
    ensure!(build_and_run(&mut command, &binary)?, "smoke.c failed under the address sanitizer");
    println!("smoke.c and misuse.c: nothing reported");
    Ok(())
}

/// Against the sabotaged library: every function meets a defect, and the process goes on.
pub(crate) fn panics(directory: &Path) -> Result<()> {
    let directory = fs::canonicalize(directory).context("the sabotaged library's directory")?;
    let built = directory.join("c-smoke");
    fs::create_dir_all(&built)?;
    let binary = built.join("misuse");
    output(&mut misuse_build(&root()?.join("tests/ffi"), &directory, &built, &binary)?)?;
    let done = status(Command::new(&binary).arg("panics").env("SEMAPHORE_SABOTAGE_PANIC", "all"))?.success();
    ensure!(done, "a defect of the library reached its host");
    Ok(())
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

//! Development tasks: `cargo run -p xtask -- TASK`.
//!
//! `header [--check]` writes or compares `include/semaphore_ffi.h` and `docs/reference/abi.md`; `abi [--accept]` compares the
//! interface with the released one, or releases it; `artifacts DIR` checks the built libraries; `sabotaged` builds the library
//! of the tests that breaks on purpose (`target/sabotaged/debug`); `localise DIR`
//! makes the static library that is shipped; `install DIR PREFIX` installs libraries, header and pkg-config file; `c-smoke DIR` builds and runs the C and C++ programs of `tests/ffi`; `panics DIR` gives every
//! function of a sabotaged library a defect; `sanitized DIR` runs the C programs under the address sanitizer; `go DIR ARG...`
//! runs the Go tool in `go/` against the libraries in DIR. Not for anything that a test or the product needs at run time.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a command-line tool talks to its terminal")]

mod abi;
mod artifact;
mod declaration;
mod go;
mod header;
mod install;
mod layout;
mod misuse;
mod reference;
mod shown;
mod smoke;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["header"] => header::write(),
        ["header", "--check"] => header::check(),
        ["abi"] => abi::check(),
        ["abi", "--accept"] => abi::accept(),
        ["artifacts", directory] => artifact::check(Path::new(directory)),
        ["sabotaged"] => artifact::build_sabotaged(),
        ["localise", directory] => artifact::localise(Path::new(directory)),
        ["install", directory, prefix] => install::run(Path::new(directory), Path::new(prefix)),
        ["c-smoke", directory] => smoke::run(Path::new(directory)),
        ["sanitized", directory] => smoke::sanitized(Path::new(directory)),
        ["panics", directory] => smoke::panics(Path::new(directory)),
        ["go", directory, rest @ ..] if !rest.is_empty() => go::run(Path::new(directory), rest),
        _ => bail!(
            "unknown task; one of: header [--check] | abi [--accept] | artifacts DIR | sabotaged | localise DIR | install DIR PREFIX | c-smoke DIR | panics DIR | sanitized DIR | go DIR ARG... \
             (DIR holds libsemaphore_ffi.so and .a, for example target/debug)"
        ),
    }
}

/// The root of the checkout.
fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(here.parent().context("the crate lies in the root")?.to_path_buf())
}

/// Runs a tool and returns its standard output; its failure is an error with what it wrote.
fn output(command: &mut Command) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let done = command.output().with_context(|| format!("cannot run {program}"))?;
    if !done.status.success() {
        bail!("{program}: {}: {}", done.status, String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

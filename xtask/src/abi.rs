//! The released interface against the one of this tree: `tests/ffi/abi/` holds what was released.
//!
//! Functions and structures are compared by abidiff, on a library of stubs that is made from the header: its debug information is small
//! and does not depend on the version of Rust, and that header and library belong together is checked elsewhere (`header --check`,
//! `artifacts`, `c-smoke`). Constants, which abidiff does not see, are compared by value.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{artifact::SONAME, declaration::Header, output, root};

/// Numbers that change with every addition.
const MOVING: [&str; 1] = ["SEMAPHORE_ABI_MINOR"];

/// What a comparison found.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Same,
    Added,
}

/// Fails if a host that was built against the released interface would not work with this one.
pub(crate) fn check() -> Result<()> {
    let released = released()?;
    let dump = released.join("semaphore_ffi.abi");
    let stubs = stubs()?;
    // Removals and changes; then the same with additions.
    compare(&dump, &stubs, &["--no-added-syms"])
        .context("the interface has changed, hosts that were built before would break")?;
    let functions = if compare(&dump, &stubs, &[]).is_ok() { Verdict::Same } else { Verdict::Added };

    let header = Header::read()?;
    let before = read_constants(&released)?;
    let now: BTreeMap<_, _> = header.constants.into_iter().collect();
    let constants = compare_constants(&before, &now)?;
    if functions == Verdict::Added || constants == Verdict::Added {
        let minor = |table: &BTreeMap<String, String>| table.get(MOVING[0]).and_then(|value| value.parse::<u32>().ok());
        ensure!(
            minor(&now) > minor(&before),
            "the interface has grown since it was released, but SEMAPHORE_ABI_MINOR is still {:?}: raise it",
            minor(&before)
        );
        println!("interface: additions only, and the minor version was raised");
    } else {
        println!("interface: as released");
    }
    Ok(())
}

/// Writes this tree's interface as the released one.
pub(crate) fn accept() -> Result<()> {
    let released = released()?;
    fs::create_dir_all(&released)?;
    let dump = released.join("semaphore_ffi.abi");
    let mut command = Command::new("abidw");
    command.args([
        "--no-show-locs",
        "--no-comp-dir-path",
        "--no-corpus-path",
        "--no-elf-needed",
        "--type-id-style",
        "hash",
    ]);
    output(command.arg("--out-file").arg(&dump).arg(stubs()?))?;
    let mut text = "# Constants of the released interface: `cargo run -p xtask -- abi --accept`.\n".to_owned();
    for (name, value) in Header::read()?.constants {
        let _ = writeln!(text, "{name} {value}");
    }
    fs::write(released.join("constants.txt"), text)?;
    println!("wrote {}", released.display());
    Ok(())
}

fn released() -> Result<PathBuf> {
    Ok(root()?.join("tests/ffi/abi"))
}

fn compare(dump: &Path, stubs: &Path, options: &[&str]) -> Result<()> {
    let mut command = Command::new("abidiff");
    let done = command.args(options).arg(dump).arg(stubs).output();
    let done = done.context("cannot run abidiff (Debian package abigail-tools): scripts/deps")?;
    if !done.status.success() {
        bail!(
            "abidiff: {}\n{}{}",
            done.status,
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr)
        );
    }
    Ok(())
}

fn read_constants(released: &Path) -> Result<BTreeMap<String, String>> {
    let path = released.join("constants.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    Ok(lines.filter_map(|line| line.split_once(' ')).map(|(name, value)| (name.into(), value.into())).collect())
}

fn compare_constants(before: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Result<Verdict> {
    for (name, value) in before.iter().filter(|(name, _)| !MOVING.contains(&name.as_str())) {
        match now.get(name) {
            None => bail!("{name} was released and is gone"),
            Some(other) if other != value => bail!("{name} was released as {value} and is {other}"),
            Some(_) => {}
        }
    }
    Ok(if now.keys().all(|name| before.contains_key(name)) { Verdict::Same } else { Verdict::Added })
}

/// A shared library of empty functions, with the debug information of the header.
fn stubs() -> Result<PathBuf> {
    let directory = root()?.join("target/abi");
    fs::create_dir_all(&directory)?;
    let (source, library) = (directory.join("stubs.c"), directory.join("libsemaphore_ffi.so"));
    let mut text = "#include <semaphore_ffi.h>\n".to_owned();
    for function in Header::read()?.functions {
        let declared = |kind: &str, name: &str| match kind.split_once("(*)") {
            Some((result, rest)) => format!("{result}(*{name}){rest}"),
            None => format!("{kind} {name}"),
        };
        let parameters: Vec<_> = function.parameters.iter().map(|p| declared(&p.kind, &p.name)).collect();
        let parameters = if parameters.is_empty() { "void".to_owned() } else { parameters.join(", ") };
        let body = if function.result == "void" { "" } else { "return 0;" };
        let _ = writeln!(text, "{} {}({parameters}) {{ {body} }}", function.result, function.name);
    }
    fs::write(&source, text)?;
    let mut compile = Command::new("cc");
    compile.args(["-std=c11", "-g", "-shared", "-fPIC", "-Wall", "-Werror", "-o"]).arg(&library);
    // By its bare name, so that no directory of this machine is in the debug information.
    compile.arg("stubs.c").current_dir(&directory);
    compile.arg(format!("-I{}", root()?.join("include").display())).arg(format!("-Wl,-soname,{SONAME}"));
    output(&mut compile)?;
    Ok(library)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn table(rows: &[(&str, &str)]) -> BTreeMap<String, String> {
        rows.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn constants_may_be_added_but_neither_change_nor_go() {
        let before = table(&[("A", "1"), ("SEMAPHORE_ABI_MINOR", "1")]);
        assert_eq!(compare_constants(&before, &before).unwrap(), Verdict::Same);
        let moved = table(&[("A", "1"), ("SEMAPHORE_ABI_MINOR", "2")]);
        assert_eq!(compare_constants(&before, &moved).unwrap(), Verdict::Same);
        let grown = table(&[("A", "1"), ("B", "2"), ("SEMAPHORE_ABI_MINOR", "1")]);
        assert_eq!(compare_constants(&before, &grown).unwrap(), Verdict::Added);
        for broken in [table(&[("A", "2"), ("SEMAPHORE_ABI_MINOR", "1")]), table(&[("SEMAPHORE_ABI_MINOR", "1")])] {
            assert!(compare_constants(&before, &broken).is_err());
        }
    }
}

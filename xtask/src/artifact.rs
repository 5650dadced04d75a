//! Checks of `libsemaphore_ffi.so` and `.a`, and the static library that is shipped.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{output, root, smoke::NATIVE};

/// Name that programs linked against the shared library ask for.
pub(crate) const SONAME: &str = "libsemaphore_ffi.so.1";
/// Packages that must never be in the library: the database, the web server, TLS, and handlers of signals.
const FOREIGN: [&str; 4] = ["sqlx", "axum", "rustls", "signal_hook_registry"];
/// What only the library of the tests holds: names of its variables and functions.
const SABOTAGE: &str = "SEMAPHORE_SABOTAGE";
/// Debian 12 has it: older systems cannot load a library that needs more.
const NEWEST_GLIBC: (u32, u32) = (2, 36);

/// Merges the sections of all functions: with one section each the object has more than tools can number. The bitcode that the
/// standard library carries is dropped: concatenated it is none, and archivers with a plugin for it stumble over it.
const MERGE: &str = "SECTIONS {
    .text : { *(.text .text.*) }
    .rodata : { *(.rodata .rodata.*) }
    .data.rel.ro : { *(.data.rel.ro .data.rel.ro.*) }
    .data : { *(.data .data.*) }
    .bss : { *(.bss .bss.*) *(COMMON) }
    .tdata : { *(.tdata .tdata.*) }
    .tbss : { *(.tbss .tbss.*) }
    .gcc_except_table : { *(.gcc_except_table .gcc_except_table.*) }
    .init_array : { KEEP(*(.init_array .init_array.*)) }
    .fini_array : { KEEP(*(.fini_array .fini_array.*)) }
    /DISCARD/ : { *(.llvmbc) *(.llvmcmd) }
}
";

/// Checks both libraries in a directory.
pub(crate) fn check(directory: &Path) -> Result<()> {
    let (shared, archive) = (directory.join("libsemaphore_ffi.so"), directory.join("libsemaphore_ffi.a"));
    let exported = exported_symbols(&shared)?;
    let listed = listed_symbols()?;
    ensure!(
        exported == listed,
        "{} exports other symbols than tests/ffi/symbols.txt: new {:?}, gone {:?}",
        shared.display(),
        exported.difference(&listed).collect::<Vec<_>>(),
        listed.difference(&exported).collect::<Vec<_>>()
    );
    ensure!(exported.iter().all(|symbol| symbol.starts_with("semaphore_")), "a symbol lacks the prefix semaphore_");
    println!("exports: {} symbols, all of them semaphore_*, as listed", exported.len());

    for library in [&shared, &archive] {
        let symbols = output(Command::new("nm").arg("-A").arg(library))?;
        for foreign in FOREIGN {
            if let Some(line) = symbols.lines().find(|line| is_of_package(line, foreign)) {
                bail!("{} holds a symbol of {foreign}: {line}", library.display());
            }
        }
        println!("{}: nothing of {}", library.display(), FOREIGN.join(", "));
        ensure!(!is_sabotaged(library)?, "{} is the library of the tests (feature sabotage)", library.display());
        println!("{}: not sabotaged", library.display());
    }

    let dynamic = output(Command::new("readelf").args(["-d", "-W"]).arg(&shared))?;
    ensure!(dynamic.contains(&format!("[{SONAME}]")), "{} has not the SONAME {SONAME}", shared.display());
    println!("SONAME: {SONAME}");

    let needed = newest_glibc(&shared)?;
    ensure!(needed <= NEWEST_GLIBC, "{} needs GLIBC_{}.{}", shared.display(), needed.0, needed.1);
    println!("needs GLIBC_{}.{} at most {}.{}", needed.0, needed.1, NEWEST_GLIBC.0, NEWEST_GLIBC.1);
    Ok(())
}

/// Builds the library of the tests into `target/sabotaged/debug`. A target directory of its own: two sets of features would
/// write the same files, and what is shipped must never be the wrong one.
pub(crate) fn build_sabotaged() -> Result<()> {
    let target = root()?.join("target/sabotaged");
    let mut build = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["rustc", "--locked", "-p", "semaphore-ffi-artifact", "--features", "sabotage", "--target-dir"]);
    build.arg(&target).args(["--", "--print", "native-static-libs"]).current_dir(root()?).stderr(Stdio::piped());
    let mut running = build.spawn().context("cannot run cargo")?;
    let mut native = None;
    for line in BufReader::new(running.stderr.take().context("cargo's messages")?).lines() {
        let line = line?;
        println!("{line}");
        native = line.split_once("native-static-libs: ").map(|(_, libraries)| libraries.trim().to_owned()).or(native);
    }
    let status = running.wait()?;
    ensure!(status.success(), "cargo rustc: {status}");
    check_native(&native.context("the compiler did not tell what the static library needs")?)?;
    for library in ["libsemaphore_ffi.so", "libsemaphore_ffi.a"] {
        let path = target.join("debug").join(library);
        // Also the proof that the check of shipped libraries sees what it looks for.
        ensure!(is_sabotaged(&path)?, "{} is not sabotaged", path.display());
    }
    println!("sabotaged libraries: {}", target.join("debug").display());
    Ok(())
}

/// What the compiler says that the static library needs is what the pkg-config file tells hosts.
fn check_native(told: &str) -> Result<()> {
    let needed: BTreeSet<&str> = told.split_whitespace().filter(|library| *library != "-lc").collect();
    let listed: BTreeSet<&str> = NATIVE.into_iter().collect();
    ensure!(
        needed == listed,
        "the static library needs {needed:?}, but Libs.private of the pkg-config file is {listed:?}"
    );
    println!("native libraries: as in the pkg-config file");
    Ok(())
}

fn is_sabotaged(library: &Path) -> Result<bool> {
    let bytes = fs::read(library).with_context(|| format!("cannot read {}", library.display()))?;
    Ok(holds(&bytes, SABOTAGE.as_bytes()) || holds(&bytes, SABOTAGE.to_lowercase().as_bytes()))
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    let Some((&first, rest)) = wanted.split_first() else { return true };
    let mut left = bytes;
    while let Some(at) = left.iter().position(|byte| *byte == first) {
        left = &left[at + 1..];
        if left.starts_with(rest) {
            return true;
        }
    }
    false
}

/// Makes `DIR/shipped/libsemaphore_ffi.a`: one object whose only global symbols are those of the interface, so that it does not
/// clash with other libraries of a program.
pub(crate) fn localise(directory: &Path) -> Result<()> {
    let shipped = directory.join("shipped");
    fs::create_dir_all(&shipped)?;
    let (object, archive) = (shipped.join("semaphore_ffi.o"), shipped.join("libsemaphore_ffi.a"));
    let script = shipped.join("merge.ld");
    fs::write(&script, MERGE)?;
    // Groups are resolved here: their names are local later, and must not be folded with those of other libraries.
    let mut link = Command::new("ld");
    link.args(["-r", "--gc-sections", "--force-group-allocation", "-T"]).arg(&script).arg("-o").arg(&object);
    for symbol in listed_symbols()? {
        link.arg(format!("--undefined={symbol}"));
    }
    output(link.arg(directory.join("libsemaphore_ffi.a")))?;
    let mut command = Command::new("objcopy");
    for symbol in listed_symbols()? {
        command.arg(format!("--keep-global-symbol={symbol}"));
    }
    output(command.arg(&object))?;
    let _ = fs::remove_file(&archive);
    output(Command::new("ar").arg("rcs").arg(&archive).arg(&object))?;
    fs::remove_file(&object)?;
    fs::remove_file(&script)?;
    let global = global_symbols(&archive)?;
    ensure!(global == listed_symbols()?, "{} has other global symbols: {global:?}", archive.display());
    println!("{}: {} global symbols", archive.display(), global.len());
    Ok(())
}

pub(crate) fn listed_symbols() -> Result<BTreeSet<String>> {
    let path = root()?.join("tests/ffi/symbols.txt");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

fn exported_symbols(shared: &Path) -> Result<BTreeSet<String>> {
    Ok(names(&output(Command::new("nm").args(["-D", "--defined-only"]).arg(shared))?))
}

fn global_symbols(archive: &Path) -> Result<BTreeSet<String>> {
    Ok(names(&output(Command::new("nm").args(["-g", "--defined-only"]).arg(archive))?))
}

/// Third column of nm, without versions.
fn names(table: &str) -> BTreeSet<String> {
    table
        .lines()
        .filter_map(|line| line.split_whitespace().nth(2))
        .map(|name| name.split('@').next().unwrap_or(name).to_owned())
        .collect()
}

/// Whether a line of nm names something of a package: `_RNv..4sqlx..`, `_ZN4sqlx..` or `sqlx_..`, but not a word that only
/// holds it.
fn is_of_package(line: &str, package: &str) -> bool {
    let symbol = line.split_whitespace().last().unwrap_or("");
    symbol.contains(&format!("{}{package}", package.len())) || symbol.starts_with(package)
}

fn newest_glibc(shared: &Path) -> Result<(u32, u32)> {
    let versions = output(Command::new("readelf").args(["-V", "-W"]).arg(shared))?;
    let parse = |version: &str| {
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    };
    versions.split("GLIBC_").skip(1).filter_map(parse).max().context("the library needs no version of glibc")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_found_in_mangled_names_only() {
        assert!(is_of_package("x.a:y.o:0000 T _ZN4sqlx5query17h0E", "sqlx"));
        assert!(is_of_package("0000 t _RNvNtCs1_20signal_hook_registry4main", "signal_hook_registry"));
        assert!(!is_of_package("0000 t _ZN4core9no_sqlx_hereE", "sqlx"));
        assert!(!is_of_package("0000 t semaphore_rt_open", "axum"));
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        assert!(holds(b"aab", b"ab") && holds(b"ab", b"ab") && holds(b"xabab", b"abab"));
        assert!(!holds(b"a", b"ab") && !holds(b"ba", b"ab"));
    }

    #[test]
    fn names_are_the_third_column() {
        assert_eq!(names("0001 T semaphore_a@@V1\n U free\n").into_iter().collect::<Vec<_>>(), ["semaphore_a"]);
    }
}

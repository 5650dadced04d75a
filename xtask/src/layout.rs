//! The layout of the interface's structures as the C compiler sees it, against `tests/ffi/layout.txt`.
//!
//! The Rust side of the same list is a test of `semaphore-ffi`.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use anyhow::{Context as _, Result, ensure};

use crate::{declaration::Header, root};

/// A C file that compiles only if every line of the list is true; every field of the header must be listed.
pub(crate) fn assertions() -> Result<String> {
    let path = root()?.join("tests/ffi/layout.txt");
    let list = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut wanted: BTreeSet<String> = BTreeSet::new();
    for structure in Header::read()?.structures {
        wanted.extend(structure.fields.iter().map(|field| format!("{}.{field}", structure.name)));
        wanted.insert(structure.name);
    }
    let mut text = "/* Generated from layout.txt. */\n#include <semaphore_ffi.h>\n".to_owned();
    let mut listed = BTreeSet::new();
    for line in list.lines().filter(|line| !line.starts_with('#')) {
        let (name, bytes) = line.split_once(' ').with_context(|| format!("not understood in layout.txt: {line}"))?;
        let value = match name.split_once('.') {
            Some((structure, field)) => format!("offsetof({structure}, {field})"),
            None => format!("sizeof({name})"),
        };
        let _ = writeln!(text, "_Static_assert({value} == {bytes}, \"{line}\");");
        listed.insert(name.to_owned());
    }
    ensure!(
        listed == wanted,
        "tests/ffi/layout.txt: not listed {:?}, not in the header {:?}",
        wanted.difference(&listed).collect::<Vec<_>>(),
        listed.difference(&wanted).collect::<Vec<_>>()
    );
    Ok(text)
}

//! What a host that compares jobs is told about a program before it starts.
//!
//! Not for starting it, and not for logs. Invariants: no secret and no value of a variable is told, only its digest; a
//! file is read only if an argument names it and it lies in the directory of the works.

use std::{collections::BTreeMap, ffi::OsStr, fmt::Write as _, fs, io::Read as _, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::process::ProcessSpec;

/// Files that are longer are no inventory, and are not told.
const FILE_BYTES: u64 = 1024 * 1024;

/// A program as it is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StartedProgram {
    /// Its name as it is called for, and its arguments; secrets are replaced by `***`.
    pub argv: Vec<String>,
    /// Where it works.
    pub dir: String,
    /// SHA-256 of the value of each variable, in hexadecimal.
    pub env: BTreeMap<String, String>,
    /// SHA-256 of the files that its arguments name and that the job made for it: inventories. Up to 1 MiB each.
    pub files: BTreeMap<String, String>,
}

impl StartedProgram {
    /// Describes a program; `made_in` is the directory in which jobs make files.
    pub(super) fn of(program: &ProcessSpec, made_in: &Path, redacted: impl Fn(&str) -> String) -> Self {
        let text = |text: &OsStr| redacted(&text.to_string_lossy());
        let argv = [&program.program].into_iter().chain(&program.args).map(|argument| text(argument)).collect();
        let env = program.env.iter().map(|(name, value)| (text(name), digest(value.as_encoded_bytes()))).collect();
        let named = program.args.iter().map(|argument| Path::new(argument.as_os_str()));
        let files = named
            .filter(|path| path.starts_with(made_in))
            .filter_map(|path| Some((text(path.as_os_str()), digest(&content(path)?))))
            .collect();
        Self { argv, dir: text(program.dir.as_os_str()), env, files }
    }
}

/// The content of a file that is not too long.
fn content(path: &Path) -> Option<Vec<u8>> {
    // Something else than a file might keep the reader waiting.
    fs::metadata(path).ok().filter(|found| found.is_file() && found.len() <= FILE_BYTES)?;
    let mut content = Vec::new();
    fs::File::open(path).ok()?.take(FILE_BYTES).read_to_end(&mut content).ok()?;
    Some(content)
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn values_are_told_as_digests_and_files_of_the_job_alone_are_read() {
        let made = tempfile::tempdir().unwrap();
        let (inventory, elsewhere) = (made.path().join("inventory_1"), tempfile::NamedTempFile::new().unwrap());
        fs::write(&inventory, "").unwrap();
        let program = ProcessSpec::new("tool", "/work")
            .arg("--token=hush")
            .arg(&inventory)
            .arg(elsewhere.path())
            .env("A", "first")
            .env("A", "");
        let told = StartedProgram::of(&program, made.path(), |text| text.replace("hush", "***"));
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".to_owned();
        assert_eq!(told.argv[..2], ["tool", "--token=***"]);
        assert_eq!(told.dir, "/work");
        assert_eq!(told.env, BTreeMap::from([("A".to_owned(), empty.clone())]));
        assert_eq!(told.files, BTreeMap::from([(inventory.to_string_lossy().into_owned(), empty)]));
    }
}

//! What the program prints. The only place of the crate that writes to the terminal.

use std::io::{self, Write};

/// Writes a line to stdout, where scripts read it. A reader that has gone away is no error.
pub(crate) fn say(line: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes a line to stderr, for a person who watches.
pub(crate) fn note(line: &str) -> io::Result<()> {
    writeln!(io::stderr(), "{line}")
}

/// Writes an error with its causes and, where there is one, a hint to stderr.
pub(crate) fn show_error(error: &anyhow::Error) {
    let causes = error.chain().skip(1).map(|cause| format!("  caused by: {cause}\n"));
    let hint = hint(error).map(|hint| format!("hint: {hint}\n"));
    let text: String = std::iter::once(format!("error: {error}\n")).chain(causes).chain(hint).collect();
    // Nobody is left to be told when stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|cause| {
        if let Some(listen) = cause.downcast_ref::<crate::http::serve::ListenError>() {
            return Some(match listen.source.kind() {
                io::ErrorKind::AddrInUse => {
                    "another program listens there: stop it, or choose another port with \"port\" or SEMAPHORE_PORT"
                        .to_owned()
                }
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need special rights: choose a higher one".to_owned()
                }
                _ => "check \"interface\" and \"port\" in the configuration".to_owned(),
            });
        }
        let store = cause.downcast_ref::<semaphore_store::StoreError>()?;
        match store {
            semaphore_store::StoreError::Backup { .. } => {
                Some("check that the directory of the database has free space and may be written to".to_owned())
            }
            semaphore_store::StoreError::File { .. } | semaphore_store::StoreError::Unavailable { .. } => {
                Some("check that the directory of sqlite.host exists and may be written to".to_owned())
            }
            semaphore_store::StoreError::UnknownVersions { .. } => {
                Some("use the version of Semaphore that wrote this database; nothing was changed".to_owned())
            }
            _ => None,
        }
    })
}

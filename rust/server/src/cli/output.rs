//! What the program prints. The only place of the crate that writes to the terminal.

use std::{
    io::{self, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use semaphore_store::transfer::TransferError;

/// Whether stdout is one document, such as JSON, in which nothing else may stand.
static IS_DOCUMENT: AtomicBool = AtomicBool::new(false);

/// From now on stdout is one document: [`announce`] goes to stderr.
pub(super) fn keep_stdout_for_document() {
    IS_DOCUMENT.store(true, Ordering::Relaxed);
}

/// Writes a line about what is going on, which the reference writes to stdout.
pub(crate) fn announce(line: &str) -> io::Result<()> {
    if IS_DOCUMENT.load(Ordering::Relaxed) { note(line) } else { say(line) }
}

/// Writes a question to stdout; the answer stands in the same line on a terminal.
pub(super) fn ask(question: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    write!(stdout, "{question}")?;
    stdout.flush()
}

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

/// Draws a line over the one before on the terminal; nothing where stderr is not one.
pub(crate) fn show_progress(line: &str) {
    let mut terminal = io::stderr();
    if io::IsTerminal::is_terminal(&terminal) {
        // Nobody is left to be told when stderr is closed.
        let _ = write!(terminal, "\r\x1b[K{line}").and_then(|()| terminal.flush());
    }
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
    if let Some(unfinished) = error.downcast_ref::<super::setup::Unfinished>() {
        return Some(unfinished.hint());
    }
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
        if let Some(transfer) = cause.downcast_ref::<TransferError>() {
            return transfer_hint(transfer);
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

fn transfer_hint(error: &TransferError) -> Option<String> {
    Some(match error {
        TransferError::NotEmpty { .. } => "name a new database in the configuration, or empty this one".to_owned(),
        TransferError::OtherSource { .. } => {
            "empty the target, or give the source that it was begun with, unchanged, to go on".to_owned()
        }
        TransferError::TooLong { .. } => {
            "shorten them in the old installation, or import into SQLite, which takes them".to_owned()
        }
        TransferError::Store(_) | TransferError::Table { .. } => {
            "when the cause is gone, run the same command again: it goes on where it was".to_owned()
        }
        TransferError::Differs { .. } => {
            "somebody wrote to one of the databases meanwhile: stop the servers, empty the target and begin again"
                .to_owned()
        }
        _ => return None,
    })
}

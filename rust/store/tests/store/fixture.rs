//! Temporary databases: empty ones, and copies of those the Go server made.

use semaphore_store::{SqliteOptions, Store};
use std::path::PathBuf;
use tempfile::TempDir;

/// Folder of the recordings.
pub(crate) fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/fixtures")
}

/// A fresh store in a directory that goes away with it.
pub(crate) async fn empty() -> (Store, TempDir) {
    let directory = TempDir::new().unwrap();
    let store = Store::open(SqliteOptions::new(directory.path().join("database.sqlite"))).await.unwrap();
    (store, directory)
}

/// A copy of a recorded database, not yet opened.
pub(crate) fn copy(file: &str) -> (PathBuf, TempDir) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("database.sqlite");
    std::fs::copy(fixtures().join(file), &path).unwrap();
    (path, directory)
}

/// A recorded JSON file.
pub(crate) fn json(file: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(fixtures().join(file)).unwrap()).unwrap()
}

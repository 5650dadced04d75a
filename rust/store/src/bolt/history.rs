//! What the Go server would have changed in a Bolt file before reading it: its migrations that were not run there yet.
//!
//! Reference: `db/bolt/migration_*.go`. Nothing is written: documents are changed while they are read.

use super::document::{Document, Rows, integer};
use super::{BoltError, BoltFile, Cursor};
use crate::migration;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The versions that a file lacks.
#[derive(Debug)]
pub(super) struct History {
    missing: BTreeSet<&'static str>,
}

impl History {
    /// Reads the versions of a file; `None` if it has none, so that it is no file of the Go server.
    pub(super) fn read(file: &BoltFile) -> Result<Option<Self>, BoltError> {
        let Some(bucket) = file.bucket("migrations")? else { return Ok(None) };
        let mut cursor = Cursor::new(file, &bucket)?;
        let versions = migration::all_versions();
        let (mut found, mut unknown) = (BTreeSet::new(), Vec::new());
        while let Some(entry) = cursor.next()? {
            let version = String::from_utf8_lossy(&entry.key).into_owned();
            match versions.iter().find(|known| **known == version) {
                Some(known) => {
                    found.insert(*known);
                }
                None => unknown.push(version),
            }
        }
        if !unknown.is_empty() {
            return Err(BoltError::UnknownVersions { versions: unknown, newest_known: migration::newest_version() });
        }
        let missing = versions.into_iter().filter(|version| !found.contains(version)).collect();
        Ok(Some(Self { missing }))
    }

    /// Whether a migration is still to be done.
    pub(super) fn lacks(&self, version: &str) -> bool {
        self.missing.contains(version)
    }

    /// Brings a document to the newest version.
    pub(super) fn upgrade(&self, table: &str, document: &mut Document) {
        if self.missing.is_empty() {
            return;
        }
        match table {
            "project__repository" if self.lacks("2.8.26") => {
                let address = text(document, "git_url");
                let mut parts = address.split('#');
                let address = parts.next().unwrap_or_default();
                let branch = parts.next().unwrap_or("master");
                document.insert("git_url".to_owned(), json!(address));
                document.insert("git_branch".to_owned(), json!(branch));
            }
            "project__template" => {
                if self.lacks("2.8.40") {
                    let name = document.remove("alias").unwrap_or_default();
                    document.insert("name".to_owned(), name);
                }
                if self.lacks("2.10.16") && text(document, "app").is_empty() {
                    document.insert("app".to_owned(), json!("ansible"));
                }
            }
            "project__user" if self.lacks("2.8.91") => {
                let role = if document.get("admin") == Some(&Value::Bool(true)) { "owner" } else { "manager" };
                document.insert("role".to_owned(), json!(role));
            }
            "project__schedule" if self.lacks("2.10.12") => {
                document.insert("active".to_owned(), json!(true));
            }
            "project__template_vault" if self.lacks("2.10.33") && text(document, "type").is_empty() => {
                document.insert("type".to_owned(), json!("password"));
            }
            _ => {}
        }
    }

    /// The view of all templates that each project gets with 2.17.0, numbered after its others.
    pub(super) fn view_of_all(&self, project: i64, views: Option<&Rows>) -> Option<(i64, Document)> {
        if !self.lacks("2.17.0") {
            return None;
        }
        let number = views.map_or(0, |rows| rows.bucket.sequence).saturating_add(1);
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        let view = json!({"id": number, "project_id": project, "type": "all", "position": -1, "title": "All",
            "sort_column": "name"});
        Some((number, view.as_object().cloned().unwrap_or_default()))
    }

    /// The vault that the password of a template becomes with 2.10.24.
    pub(super) fn vault_of(&self, number: i64, template: i64, document: &Document) -> Option<Document> {
        let key = document.get("vault_key_id").filter(|_| self.lacks("2.10.24")).and_then(integer)?;
        let vault = json!({"id": number, "project_id": document.get("project_id"), "template_id": template,
            "vault_key_id": key, "name": null, "type": "password"});
        vault.as_object().cloned()
    }
}

fn text(document: &Document, name: &str) -> String {
    document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

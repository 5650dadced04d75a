//! What a program is told about its task: `semaphore_vars.task_details` (Ansible) and `SEMAPHORE_TASK_DETAILS_*` (shell).
//!
//! Reference: `LocalJob.getTaskDetails`; which keys appear and when is kept.

use serde_json::{Map, Value, json};

use crate::job::{JobSpec, TemplateKind};

/// The commit a job works on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    /// Hash; `None` for a local directory.
    pub hash: Option<String>,
    /// Subject; empty for a local directory and for a commit that was asked for by its hash.
    pub message: String,
}

/// The text of a template's type for programs; `None` for ordinary tasks.
pub(crate) fn kind_text(kind: TemplateKind) -> Option<&'static str> {
    match kind {
        TemplateKind::Task => None,
        TemplateKind::Build => Some("build"),
        TemplateKind::Deploy => Some("deploy"),
    }
}

/// The details in the order in which they become environment variables.
pub(crate) fn task_details(spec: &JobSpec, commit: &Commit) -> Map<String, Value> {
    let details = &spec.details;
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| {
        map.insert(name.to_owned(), value);
    };
    put("id", json!(spec.task_id));
    if !details.message.is_empty() {
        put("message", json!(details.message));
    }
    put("username", json!(details.username));
    put("url", json!(details.url));
    put("commit_hash", json!(commit.hash));
    put("commit_message", json!(commit.message));
    put("inventory_name", json!(spec.inventory.as_ref().map_or("", |inventory| inventory.name.as_str())));
    // Reference: a template without inventory has the number 0 here.
    put("inventory_id", json!(spec.inventory.as_ref().map_or(0, |inventory| inventory.id)));
    put("repository_name", json!(spec.repository.name));
    put("repository_id", json!(spec.repository.id));
    if let Some(kind) = kind_text(spec.template_kind) {
        put("type", json!(kind));
        if let Some(version) = &details.incoming_version {
            put("incoming_version", json!(version));
        }
        if spec.template_kind == TemplateKind::Build {
            put("target_version", json!(details.target_version));
        }
    }
    map
}

/// `SEMAPHORE_TASK_DETAILS_*` for shell apps; empty ones are left out.
///
/// Reference: `TYPE` never appears. The reference's values hold literal shell quotes; ours are the plain values, which is
/// a decided difference. Control characters are removed as there.
pub(crate) fn details_environment(spec: &JobSpec, commit: &Commit) -> Vec<(String, String)> {
    let mut variables = Vec::new();
    for (name, value) in task_details(spec, commit) {
        let text = match value {
            _ if name == "type" => continue,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            _ => continue,
        };
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        if !text.is_empty() {
            variables.push((format!("SEMAPHORE_TASK_DETAILS_{}", name.to_uppercase()), text));
        }
    }
    variables
}

//! Parameters of a run: what the template fixes and what the task may change.

use semaphore_engine::job::AnsibleParams;
use semaphore_model::{JsonMap, Template, TemplateApp};
use serde::{Deserialize, de::DeserializeOwned};

/// `task.params` of an Ansible task. Reference: `db.AnsibleTaskParams`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AnsibleTask {
    debug: bool,
    debug_level: i64,
    dry_run: bool,
    diff: bool,
    limit: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    skip_tags: Option<Vec<String>>,
}

/// `template.task_params` of an Ansible template. Reference: `db.AnsibleTemplateParams`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct AnsibleTemplate {
    allow_debug: bool,
    allow_override_limit: bool,
    allow_override_tags: bool,
    allow_override_skip_tags: bool,
    limit: Option<Vec<String>>,
    tags: Option<Vec<String>>,
    skip_tags: Option<Vec<String>>,
}

/// `task.params` of the Terraform family. Reference: `db.TerraformTaskParams`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TerraformTask {
    plan: bool,
    destroy: bool,
    auto_approve: bool,
    upgrade: bool,
    reconfigure: bool,
}

/// Checks the types of a new task's parameters; the text says which one does not fit.
pub(super) fn check(app: &TemplateApp, params: &JsonMap) -> Result<(), String> {
    match app {
        TemplateApp::Ansible => read::<AnsibleTask>(params).map(drop),
        app if app.is_terraform() => read::<TerraformTask>(params).map(drop),
        _ => Ok(()),
    }
}

/// Merges the parameters of template and task by the template's `allow_override_*` rules.
///
/// Reference: `LocalJob.getPlaybookArgs`: debug level 4 if none is given, at most 6; a list of the task counts only if the
/// template allows it.
pub(super) fn ansible(template: &Template, params: &JsonMap) -> Result<AnsibleParams, String> {
    let fixed: AnsibleTemplate = read(&template.task_params)?;
    let task: AnsibleTask = read(params)?;
    let level = if task.debug_level < 1 { 4 } else { task.debug_level.min(6) };
    let choose = |allowed: bool, wanted: Option<Vec<String>>, fixed: Option<Vec<String>>| {
        wanted.filter(|_| allowed).or(fixed).unwrap_or_default()
    };
    Ok(AnsibleParams {
        verbosity: (fixed.allow_debug && task.debug).then_some(level as u8),
        dry_run: task.dry_run,
        diff: task.diff,
        limit: choose(fixed.allow_override_limit, task.limit, fixed.limit),
        tags: choose(fixed.allow_override_tags, task.tags, fixed.tags),
        skip_tags: choose(fixed.allow_override_skip_tags, task.skip_tags, fixed.skip_tags),
    })
}

/// Reads typed parameters from a free-form object; `null` counts as absent, as in Go.
fn read<T: DeserializeOwned>(params: &JsonMap) -> Result<T, String> {
    let given = params.iter().filter(|(_, value)| !value.is_null());
    let object = given.map(|(name, value)| (name.clone(), value.clone())).collect();
    T::deserialize(serde_json::Value::Object(object))
        .map_err(|error| format!("the parameters of the task are not valid: {error}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn map(value: Value) -> JsonMap {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_task_changes_only_what_its_template_allows() {
        let fixed = json!({"limit": ["web"], "tags": ["a"], "allow_override_tags": true, "allow_debug": true});
        let template = Template { task_params: map(fixed), ..Template::default() };
        let params =
            map(json!({"limit": ["db"], "tags": [], "debug": true, "debug_level": 9, "diff": true, "dry_run": null}));
        let merged = ansible(&template, &params).unwrap();
        assert_eq!(
            merged,
            AnsibleParams { verbosity: Some(6), diff: true, limit: vec!["web".into()], ..AnsibleParams::default() }
        );
    }

    #[test]
    fn a_wrong_type_is_named() {
        let text = check(&TemplateApp::Tofu, &map(json!({"plan": "yes"}))).unwrap_err();
        assert!(text.contains("\"yes\"") && text.contains("bool"), "{text}");
        assert!(check(&TemplateApp::Bash, &map(json!({"plan": "yes"}))).is_ok());
    }
}

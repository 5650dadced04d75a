//! Parameters of a run: what the template fixes and what the task may change.

use std::collections::BTreeMap;

use semaphore_engine::job::{AnsibleParams, TerraformParams};
use semaphore_model::{JsonMap, Task, Template, TemplateApp};
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

/// `template.task_params` of the Terraform family. Reference: `db.TerraformTemplateParams`.
///
/// Reference: `allow_destroy` only tells the web page what to offer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct TerraformTemplate {
    allow_auto_approve: bool,
    auto_approve: bool,
    override_backend: bool,
    backend_filename: String,
}

/// Name of the file that overrides the backend, unless the template gives one.
const BACKEND_FILE: &str = "backend.tf";

/// Checks the types of a new task's parameters.
///
/// # Errors
/// The text says which one does not fit.
pub fn check(app: &TemplateApp, params: &JsonMap) -> Result<(), String> {
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
pub fn ansible(template: &Template, params: &JsonMap) -> Result<AnsibleParams, String> {
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

/// Merges the parameters of template and task by the template's rules; the address of the state is the caller's to add.
///
/// Reference: `TerraformApp.Run`, `InstallRequirements`, `LocalJob.getTerraformArgs`.
pub fn terraform(template: &Template, task: &Task) -> Result<TerraformParams, String> {
    let fixed: TerraformTemplate = read(&template.task_params)?;
    let wanted: TerraformTask = read(&task.params)?;
    let backend_file = if fixed.backend_filename.is_empty() { BACKEND_FILE.to_owned() } else { fixed.backend_filename };
    let mut stage_arguments = stages(template.arguments.as_deref())?;
    let allowed = template.allow_override_args_in_task;
    for (stage, arguments) in stages(task.arguments.as_deref().filter(|_| allowed))? {
        stage_arguments.entry(stage).or_default().extend(arguments);
    }
    Ok(TerraformParams {
        plan: wanted.plan,
        destroy: wanted.destroy,
        auto_approve: fixed.auto_approve || fixed.allow_auto_approve && wanted.auto_approve,
        upgrade: wanted.upgrade,
        reconfigure: wanted.reconfigure,
        backend_file: fixed.override_backend.then_some(backend_file),
        http_address: None,
        stage_arguments,
    })
}

/// Arguments by stage. A list is for all stages but init and has the name `default`.
///
/// Reference: `convertArgsJSONIfArray`.
pub fn stages(text: Option<&str>) -> Result<BTreeMap<String, Vec<String>>, String> {
    let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(BTreeMap::new()) };
    if let Ok(list) = serde_json::from_str::<Option<Vec<String>>>(text) {
        return Ok(BTreeMap::from([("default".to_owned(), list.unwrap_or_default())]));
    }
    let stages = serde_json::from_str::<BTreeMap<String, Option<Vec<String>>>>(text)
        .map_err(|error| format!("invalid format of arguments, must be valid JSON array or map: {error}"))?;
    Ok(stages.into_iter().map(|(stage, list)| (stage, list.unwrap_or_default())).collect())
}

/// Reads typed parameters from a free-form object; `null` counts as absent, as in Go.
fn read<T: DeserializeOwned>(params: &JsonMap) -> Result<T, String> {
    let given = params.iter().filter(|(_, value)| !value.is_null());
    let object = given.map(|(name, value)| (name.clone(), as_whole(value))).collect();
    T::deserialize(serde_json::Value::Object(object))
        .map_err(|error| format!("the parameters of the task are not valid: {error}"))
}

/// Reference: Go writes a number before it reads it, so `2.0` is a whole one.
fn as_whole(value: &serde_json::Value) -> serde_json::Value {
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() < 9e15 => (number as i64).into(),
        _ => value.clone(),
    }
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
    fn a_plan_is_applied_unasked_only_if_the_template_allows_it() {
        let merged = |fixed: Value, wanted: Value| {
            let template = Template { task_params: map(fixed), ..Template::default() };
            terraform(&template, &Task { params: map(wanted), ..Task::default() }).unwrap()
        };
        let asked = || json!({"auto_approve": true});
        assert!(!merged(json!({}), asked()).auto_approve);
        assert!(merged(json!({"allow_auto_approve": true}), asked()).auto_approve);
        assert!(!merged(json!({"allow_auto_approve": true}), json!({})).auto_approve);
        assert!(merged(json!({"auto_approve": true}), json!({})).auto_approve);
        let all = merged(json!({}), json!({"plan": true, "destroy": true, "upgrade": true, "reconfigure": true}));
        assert!(all.plan && all.destroy && all.upgrade && all.reconfigure);
        assert_eq!(merged(json!({"backend_filename": "x.tf"}), json!({})).backend_file, None);
        assert_eq!(merged(json!({"override_backend": true}), json!({})).backend_file.unwrap(), "backend.tf");
        let named = merged(json!({"override_backend": true, "backend_filename": "x.tf"}), json!({}));
        assert_eq!(named.backend_file.unwrap(), "x.tf");
    }

    /// Stages and their arguments, `init=-a -b;plan=-c`.
    #[track_caller]
    fn check_stages(template: &str, task: &str, allowed: bool, expected: &str) {
        let (template, task) = (
            Template { arguments: Some(template.into()), allow_override_args_in_task: allowed, ..Template::default() },
            Task { arguments: Some(task.into()), ..Task::default() },
        );
        let found = terraform(&template, &task).map(|parameters| {
            let stages = parameters.stage_arguments.into_iter();
            stages.map(|(stage, list)| format!("{stage}={}", list.join(" "))).collect::<Vec<_>>().join(";")
        });
        assert_eq!(found.unwrap_or_else(|error| error), expected, "{template:?} {task:?}");
    }

    #[test]
    fn arguments_are_a_list_or_an_object_of_lists() {
        check_stages("", "", true, "");
        check_stages(r#"["-a", "-b"]"#, r#"["-c"]"#, true, "default=-a -b -c");
        check_stages(r#"["-a"]"#, r#"["-c"]"#, false, "default=-a");
        check_stages(
            r#"{"init": ["-a"], "plan": []}"#,
            r#"{"plan": ["-p"], "apply": ["-x"]}"#,
            true,
            "apply=-x;init=-a;plan=-p",
        );
        check_stages(r#"["-a"]"#, r#"{"plan": ["-p"]}"#, true, "default=-a;plan=-p");
        check_stages("null", "null", true, "default=");
        let template = Template { arguments: Some(r#"{"plan": "-p"}"#.into()), ..Template::default() };
        let error = terraform(&template, &Task::default()).unwrap_err();
        assert!(error.starts_with("invalid format of arguments, must be valid JSON array or map: "), "{error}");
    }

    #[test]
    fn a_wrong_type_is_named() {
        let text = check(&TemplateApp::Tofu, &map(json!({"plan": "yes"}))).unwrap_err();
        assert!(text.contains("\"yes\"") && text.contains("bool"), "{text}");
        assert!(check(&TemplateApp::Bash, &map(json!({"plan": "yes"}))).is_ok());
    }
}

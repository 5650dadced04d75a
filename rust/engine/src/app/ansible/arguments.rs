//! The command line of ansible-playbook and the prompts to its password prompts.
//!
//! Reference: `LocalJob.getPlaybookArgs`. Order and spelling are kept; secrets travel in a private file instead of argv.

use std::path::Path;

use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{
    app::{
        AppContext, AppError,
        details::task_details,
        variable::{DETAILS_VARIABLE, sorted_map},
    },
    job::{KeyKind, KeySpec, SecretRef, SecretSet, SecretVarKind, VaultKind},
    process::Prompt,
};

/// What ansible-playbook is started with.
pub(crate) struct PlaybookCommand {
    /// Arguments without the program.
    pub(crate) arguments: Vec<String>,
    /// Which prompt gets which password.
    pub(crate) prompts: Vec<Prompt>,
}

/// The secret variables of a job as one JSON object, or `None` if there are none.
///
/// Secret survey values come first and secrets of type var win over them, as the reference's later `--extra-vars` did.
pub(crate) fn secret_variables(context: &AppContext<'_>) -> Option<Zeroizing<Vec<u8>>> {
    let environment = &context.spec.environment;
    let mut variables = Map::new();
    let mut put = |name: &str, reference: &SecretRef| {
        let value = context.secrets.get(reference).unwrap_or_default();
        variables.insert(name.to_owned(), Value::String(String::from_utf8_lossy(value).into_owned()));
    };
    for (name, reference) in &environment.secret_extra_vars {
        put(name, reference);
    }
    for secret in environment.secrets.iter().filter(|secret| secret.kind == SecretVarKind::Var) {
        put(&secret.name, &secret.value);
    }
    if variables.is_empty() {
        return None;
    }
    Some(Zeroizing::new(Value::Object(sorted_map(&variables)).to_string().into_bytes()))
}

/// Arguments and prompts; `secret_file` holds what [`secret_variables`] gave.
pub(crate) fn playbook_command(
    context: &AppContext<'_>,
    secret_file: Option<&Path>,
) -> Result<PlaybookCommand, AppError> {
    let spec = context.spec;
    let inventory = context.inventory.ok_or(AppError::NoInventory)?;
    let mut arguments = vec!["-i".to_owned(), inventory.to_owned()];
    let mut prompts = Vec::new();
    push_keys(context, &mut arguments, &mut prompts)?;

    let parameters = &spec.ansible;
    if let Some(level) = parameters.verbosity {
        arguments.push(format!("-{}", "v".repeat(usize::from(level.clamp(1, 6)))));
    }
    if parameters.diff {
        arguments.push("--diff".to_owned());
    }
    if parameters.dry_run {
        arguments.push("--check".to_owned());
    }
    push_vaults(context, &mut arguments, &mut prompts)?;

    arguments.extend(["--extra-vars".to_owned(), extra_variables(context)]);
    if let Some(file) = secret_file {
        arguments.extend(["--extra-vars".to_owned(), format!("@{}", file.display())]);
    }
    arguments.extend(spec.template_arguments.iter().cloned());
    for (option, values) in
        [("--limit", &parameters.limit), ("--tags", &parameters.tags), ("--skip-tags", &parameters.skip_tags)]
    {
        let text = values.join(",");
        if !text.is_empty() {
            arguments.push(format!("{option}={text}"));
        }
    }
    arguments.extend(spec.task_arguments.iter().cloned());
    arguments.push(spec.playbook.clone());
    Ok(PlaybookCommand { arguments, prompts })
}

/// `environment.json`, the survey values and the task's details, keys sorted.
fn extra_variables(context: &AppContext<'_>) -> String {
    let mut variables = context.spec.environment.extra_vars.clone();
    let details = json!({ "task_details": task_details(context.spec, context.commit) });
    variables.insert(DETAILS_VARIABLE.to_owned(), details);
    Value::Object(sorted_map(&variables)).to_string()
}

fn push_keys(context: &AppContext<'_>, arguments: &mut Vec<String>, prompts: &mut Vec<Prompt>) -> Result<(), AppError> {
    let Some(inventory) = &context.spec.inventory else { return Ok(()) };
    if let Some((login, password)) = login_password(inventory.key.as_ref(), context.secrets)? {
        push_login(arguments, "--user", &login);
        if !password.is_empty() {
            arguments.push("--ask-pass".to_owned());
            prompts.push(Prompt { starts_with: "SSH password:".to_owned(), answer: password });
        }
    } else if let Some(KeySpec { kind: KeyKind::Ssh { login, .. }, .. }) = &inventory.key {
        if login.starts_with('-') {
            return Err(AppError::LoginLooksLikeOption);
        }
        push_login(arguments, "--user", login);
    }
    if let Some((login, password)) = login_password(inventory.become_key.as_ref(), context.secrets)? {
        push_login(arguments, "--become-user", &login);
        if !password.is_empty() {
            arguments.push("--ask-become-pass".to_owned());
            for starts_with in ["BECOME password", "SUDO password"] {
                prompts.push(Prompt { starts_with: starts_with.to_owned(), answer: password.clone() });
            }
        }
    }
    Ok(())
}

fn push_login(arguments: &mut Vec<String>, option: &str, login: &str) {
    if !login.is_empty() {
        arguments.extend([option.to_owned(), login.to_owned()]);
    }
}

/// User and password of a key of that type; `None` for the other types.
#[expect(clippy::type_complexity, reason = "a pair with a name for each part would be used once")]
fn login_password(
    key: Option<&KeySpec>,
    secrets: &SecretSet,
) -> Result<Option<(String, Zeroizing<Vec<u8>>)>, AppError> {
    let Some(KeySpec { kind: KeyKind::LoginPassword { login, password }, .. }) = key else { return Ok(None) };
    if login.starts_with('-') {
        return Err(AppError::LoginLooksLikeOption);
    }
    Ok(Some((login.clone(), Zeroizing::new(secrets.get(password).unwrap_or_default().to_vec()))))
}

fn push_vaults(
    context: &AppContext<'_>,
    arguments: &mut Vec<String>,
    prompts: &mut Vec<Prompt>,
) -> Result<(), AppError> {
    let vaults = &context.spec.vaults;
    for (position, vault) in vaults.iter().enumerate() {
        let name = &vault.name;
        // Reference: the last of several with one name counts. Asked twice, the second answer would look like a repetition.
        if vaults.iter().skip(position + 1).any(|later| later.name == *name) {
            continue;
        }
        if name.contains(['@', '\n', '\r']) {
            return Err(AppError::VaultName(name.clone()));
        }
        match &vault.kind {
            VaultKind::Password(reference) => {
                let password = context.secrets.get(reference).unwrap_or_default();
                if !password.is_empty() {
                    arguments.push(format!("--vault-id={name}@prompt"));
                    prompts.push(Prompt::new(format!("Vault password ({name}):"), password));
                }
            }
            VaultKind::Script(script) if script.is_empty() => {}
            VaultKind::Script(script) => arguments.push(format!("--vault-id={name}@{script}")),
        }
    }
    Ok(())
}

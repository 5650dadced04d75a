//! The command line of ansible-playbook and the prompts to its password prompts.
//!
//! Reference: `LocalJob.getPlaybookArgs`. Order and spelling are kept; secrets travel in a private file instead of argv.

use std::{borrow::Cow, collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    app::{
        AppContext, AppError, Password,
        details::task_details,
        variable::{DETAILS_VARIABLE, sorted_map},
    },
    job::{KeyKind, KeySpec, SecretSet, SecretVarKind, VaultKind},
    process::Prompt,
};

const LOGIN_PROMPT: &str = "SSH password:";
/// The second is that of old releases.
const BECOME_PROMPTS: [&str; 2] = ["BECOME password", "SUDO password"];

/// Which password the prompt asks for.
pub(crate) fn password_of(prompt: &str) -> Password {
    match prompt {
        LOGIN_PROMPT => Password::Login,
        prompt if BECOME_PROMPTS.contains(&prompt) => Password::Become,
        _ => Password::Vault,
    }
}

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
    let of_type_var = environment.secrets.iter().filter(|secret| secret.kind == SecretVarKind::Var);
    let references = environment.secret_extra_vars.iter();
    let variables: BTreeMap<&str, Cow<'_, str>> = references
        .chain(of_type_var.map(|secret| (&secret.name, &secret.value)))
        .map(|(name, reference)| {
            let value = context.secrets.get(reference).unwrap_or_default();
            (name.as_str(), String::from_utf8_lossy(value))
        })
        .collect();
    if variables.is_empty() {
        return None;
    }
    // Room for `\u0000` in place of each byte: a text that grows leaves copies behind.
    let room: usize = variables.iter().map(|(name, value)| (name.len() + value.len()) * 6 + "\"\":\"\",".len()).sum();
    let mut object = Zeroizing::new(Vec::with_capacity(room + "{}".len()));
    // Writing texts into memory does not fail.
    serde_json::to_writer(&mut *object, &variables).ok()?;
    Some(object)
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
            prompts.push(Prompt { starts_with: LOGIN_PROMPT.to_owned(), answer: password });
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
            for starts_with in BECOME_PROMPTS {
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        EngineConfig,
        app::{App, Commit, ansible::Ansible},
        job::Programs,
        key::SshOptions,
    };

    /// Options that we write ourselves, whole or up to their value.
    const OURS: [&str; 11] = [
        "-i",
        "--user",
        "--ask-pass",
        "--become-user",
        "--ask-become-pass",
        "--diff",
        "--check",
        "--extra-vars",
        "--limit=",
        "--tags=",
        "--skip-tags=",
    ];

    fn is_ours(argument: &str) -> bool {
        let verbosity = argument
            .strip_prefix('-')
            .is_some_and(|rest| (1..=6).contains(&rest.len()) && rest.bytes().all(|byte| byte == b'v'));
        let whole = |ours: &&str| if ours.ends_with('=') { argument.starts_with(*ours) } else { argument == *ours };
        verbosity || OURS.iter().any(whole) || argument.starts_with("--vault-id=")
    }

    fn spec(
        texts: &[String],
        kind: &str,
        verbosity: u8,
        secrets: &mut SecretSet,
    ) -> serde_json::Result<crate::job::JobSpec> {
        let secret = json!(secrets.insert("s", b"a secret".to_vec()));
        let key = |login: &str| match kind {
            "ssh" => {
                json!({"id": 1, "kind": {"type": "ssh", "login": login, "private_key": secret, "passphrase": null}})
            }
            _ => json!({"id": 1, "kind": {"type": "login_password", "login": login, "password": secret}}),
        };
        let none = json!({"id": 1, "kind": {"type": "none"}});
        let mut other = json!({"id": 1, "kind": {"type": "login_password", "login": texts[1], "password": secret}});
        other["id"] = 2.into();
        serde_json::from_value(json!({
            "task_id": 1, "project_id": 1, "template_id": 1, "app": "ansible", "playbook": texts[2],
            "repository": {"id": 1, "name": "r", "url": "/r", "branch": "", "key": none}, "details": {"message": texts[3]},
            "inventory": {"id": 1, "name": texts[3], "kind": "static", "content": "h", "key": key(&texts[0]), "become_key": other},
            "environment": {"extra_vars": {(texts[4].clone()): texts[5]}, "secrets": [{"name": texts[4], "kind": "var", "value": secret}]},
            "ansible": {"verbosity": verbosity, "diff": true, "limit": [texts[6]], "tags": [texts[7]], "skip_tags": [texts[7], texts[6]]},
            "vaults": [{"name": texts[8], "kind": {"password": secret}}, {"name": texts[9], "kind": {"script": texts[5]}}],
        }))
    }

    proptest! {
        /// Whatever is accepted: no argument is an option that we did not write, and no secret is in any of them.
        #[test]
        fn no_text_becomes_an_option(
            texts in prop::collection::vec("-{0,2}[-a-z@=,. {\"]{0,6}|\\PC{0,6}", 10),
            kind in "ssh|login", verbosity in 0_u8..9,
        ) {
            let mut secrets = SecretSet::default();
            let spec = spec(&texts, &kind, verbosity, &mut secrets).unwrap();
            if Ansible.check(&spec).is_err() {
                return Ok(());
            }
            let config = EngineConfig::default();
            let programs = Programs::detached(Arc::new(EngineConfig::default()));
            let (ssh, commit) = (SshOptions::default(), Commit::default());
            let context = AppContext {
                config: &config, spec: &spec, secrets: &secrets, work_dir: Path::new("/r"), home_dir: Path::new("/h"),
                inventory: Some("/i"), agent: None, git: None, ssh: &ssh, commit: &commit, programs: &programs,
            };
            let Ok(command) = playbook_command(&context, Some(Path::new("/secret"))) else { return Ok(()) };
            let mut rest = command.arguments.iter();
            while let Some(argument) = rest.next() {
                prop_assert!(!argument.contains("a secret"), "{argument}");
                if argument.starts_with('-') {
                    prop_assert!(is_ours(argument), "{argument:?} of {:?}", command.arguments);
                }
                if ["-i", "--user", "--become-user", "--extra-vars"].contains(&argument.as_str()) {
                    let value = rest.next().unwrap();
                    prop_assert!(!value.starts_with('-'), "{value:?} of {argument}");
                    if argument == "--extra-vars" {
                        prop_assert!(value == "@/secret" || serde_json::from_str::<Value>(value).is_ok());
                    }
                }
            }
            prop_assert_eq!(command.arguments.last(), Some(&spec.playbook));
        }
    }
}

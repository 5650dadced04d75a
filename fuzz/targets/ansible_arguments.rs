//! The command line of ansible-playbook: no text of a user is an option of its own, and no secret is in it.

#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use semaphore_engine::{
    fuzzing::playbook_arguments,
    job::{JobSpec, SecretSet},
};
use serde_json::{Value, json};

#[derive(Arbitrary, Debug)]
struct Input {
    is_ssh: bool,
    login: String,
    become_login: String,
    playbook: String,
    message: String,
    variable: (String, String),
    limit: Vec<String>,
    tags: Vec<String>,
    skip_tags: Vec<String>,
    vaults: Vec<(String, Option<String>)>,
    verbosity: Option<u8>,
}

/// Not likely to be made up.
const SECRET: &str = "f5b1a8c0-secret";

fn spec(input: &Input, secrets: &mut SecretSet) -> JobSpec {
    let secret = json!(secrets.insert("s", SECRET.as_bytes().to_vec()));
    let login = |login: &str| json!({"id": 2, "kind": {"type": "login_password", "login": login, "password": secret}});
    let key = if input.is_ssh {
        json!({"id": 1, "kind": {"type": "ssh", "login": input.login, "private_key": secret, "passphrase": secret}})
    } else {
        login(&input.login)
    };
    let vault = |(name, script): &(String, Option<String>)| match script {
        None => json!({"name": name, "kind": {"password": secret}}),
        Some(script) => json!({"name": name, "kind": {"script": script}}),
    };
    let (name, value) = &input.variable;
    let spec = json!({
        "task_id": 1, "project_id": 1, "template_id": 1, "app": "ansible", "playbook": input.playbook,
        "repository": {"id": 1, "name": "r", "url": "/r", "branch": "", "key": {"id": 1, "kind": {"type": "none"}}},
        "details": {"message": input.message},
        "inventory": {"id": 1, "name": input.message, "kind": "static", "content": "h", "key": key,
            "become_key": login(&input.become_login)},
        "environment": {"extra_vars": {(name.clone()): value},
            "secrets": [{"name": name, "kind": "var", "value": secret}]},
        "ansible": {"verbosity": input.verbosity, "diff": true, "dry_run": true, "limit": input.limit, "tags": input.tags,
            "skip_tags": input.skip_tags},
        "vaults": input.vaults.iter().map(vault).collect::<Vec<_>>(),
    });
    serde_json::from_value(spec).expect("a specification")
}

fn is_ours(argument: &str) -> bool {
    let whole = ["-i", "--user", "--ask-pass", "--become-user", "--ask-become-pass", "--diff", "--check", "--extra-vars"];
    let begun = ["--limit=", "--tags=", "--skip-tags=", "--vault-id="];
    let verbosity = argument.strip_prefix('-').is_some_and(|rest| {
        (1..=6).contains(&rest.len()) && rest.bytes().all(|byte| byte == b'v')
    });
    whole.contains(&argument) || begun.iter().any(|ours| argument.starts_with(ours)) || verbosity
}

fuzz_target!(|input: Input| {
    let mut secrets = SecretSet::default();
    let spec = spec(&input, &mut secrets);
    let Some(arguments) = playbook_arguments(&spec, &secrets) else { return };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        assert!(!argument.contains(SECRET), "{argument:?}");
        assert!(!argument.starts_with('-') || is_ours(argument), "{argument:?} of {arguments:?}");
        if ["-i", "--user", "--become-user", "--extra-vars"].contains(&argument.as_str()) {
            let value = rest.next().expect("a value");
            assert!(!value.starts_with('-'), "{value:?} of {argument}");
            let is_variables = argument == "--extra-vars";
            assert!(!is_variables || value == "@/secret" || serde_json::from_str::<Value>(value).is_ok(), "{value:?}");
        }
    }
    assert_eq!(arguments.last(), Some(&spec.playbook));
});

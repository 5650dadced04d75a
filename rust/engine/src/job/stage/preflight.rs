//! Looks before the run for what would make it fail, and says it in plain words.
//!
//! Not for refusing anything: the program is started all the same, as by the reference, and its own words and exit code are what
//! clients know. Invariants: each finding is one line of the log (`error: ...`, or `warning: ...` if the run may still succeed) and
//! one problem; only what is certain is said; nothing is started and nothing but names and sizes of files is looked at.

use std::{ffi::OsStr, fs, path::Path};

use super::{Stages, workspace::Workspace};
use crate::{
    app::{Absolute, AppContext, Environment, Needs, inside},
    git::Transport,
    job::{InventoryKind, InventorySpec, KeyKind, KeySpec, Problem, ProblemCode, problem::code_of_spawn},
    process::find_program,
};

/// What the checkout needs: git, and ssh for an address that is reached by it.
pub(crate) fn before_checkout(stages: &Stages<'_>, workspace: &Workspace) {
    if workspace.clone.is_none() {
        return;
    }
    let environment = Environment::of_host(stages.config);
    let mut programs = vec![("git", "gets the repository")];
    if matches!(workspace.url.transport(), Transport::Ssh | Transport::Scp) {
        programs.push(("ssh", "connects git to the repository's server"));
    }
    for (program, purpose) in programs {
        // git is started outside of the root directory of `process`.
        look_for(stages, &environment, &workspace.project_dir, None, program, purpose);
    }
}

/// What the app needs: its programs, its playbook or script, and an inventory with hosts.
pub(crate) fn before_run(stages: &Stages<'_>, context: &AppContext<'_>) {
    let needs = stages.app.needs(context);
    let root = stages.config.process.chroot.as_deref();
    for (program, purpose) in &needs.programs {
        look_for(stages, &needs.environment, context.work_dir, root, program, purpose);
    }
    look_for_playbook(stages, context, &needs);
    if needs.hosts {
        stages.watch_output();
    }
    if needs.hosts
        && let Some(inventory) = &stages.spec.inventory
    {
        look_at_inventory(stages, context, inventory);
        if wants_ssh(inventory.key.as_ref()) {
            look_for(stages, &needs.environment, context.work_dir, root, "ssh", "connects Ansible to the hosts");
        }
    }
}

fn wants_ssh(key: Option<&KeySpec>) -> bool {
    matches!(key.map(|key| &key.kind), Some(KeyKind::Ssh { .. } | KeyKind::LoginPassword { .. }))
}

fn look_for(
    stages: &Stages<'_>,
    environment: &Environment,
    dir: &Path,
    root: Option<&Path>,
    program: &str,
    purpose: &str,
) {
    // The same places, in the same order, as when it is started.
    let find = |path: Option<&OsStr>| find_program(OsStr::new(program), path, dir, root);
    if let Err(error) = find(Some(OsStr::new(&stages.config.path))).or_else(|_| find(environment.get("PATH"))) {
        let message = format!("{error}; it {purpose}");
        stages.problem("error", &Problem::new(code_of_spawn(&error), message));
    }
}

fn look_for_playbook(stages: &Stages<'_>, context: &AppContext<'_>, needs: &Needs) {
    let Some(what) = needs.file else { return };
    let playbook = &stages.spec.playbook;
    // A path that is refused is told by the app itself.
    let Ok(path) = inside(context.work_dir, playbook, what, Absolute::Allowed) else { return };
    if !path.is_file() {
        let message = format!(
            "the {what} {playbook} does not exist: there is no file {}; correct the path in the template or the branch",
            path.display()
        );
        stages.problem("error", &Problem::new(ProblemCode::PlaybookMissing, message));
    }
}

fn look_at_inventory(stages: &Stages<'_>, context: &AppContext<'_>, inventory: &InventorySpec) {
    let warn = |code, message: String| stages.problem("warning", &Problem::new(code, message));
    let name = &inventory.name;
    match inventory.kind {
        InventoryKind::Static | InventoryKind::StaticYaml => {
            let is_empty = match inventory.kind {
                InventoryKind::StaticYaml => is_empty_yaml(&inventory.content),
                _ => is_empty_ini(&inventory.content),
            };
            if is_empty {
                let message = format!(
                    "the inventory {name:?} has no host, so Ansible reaches at most localhost; add hosts to the inventory"
                );
                warn(ProblemCode::InventoryEmpty, message);
            }
        }
        InventoryKind::File => {
            // `a,b` is a list of hosts for Ansible, not a file.
            let Some(file) = context.inventory.filter(|file| !file.contains(',')) else { return };
            let path = context.work_dir.join(file);
            let shown = path.display();
            match fs::metadata(&path) {
                Err(error) => warn(
                    ProblemCode::InventoryMissing,
                    format!(
                        "the file of the inventory {name:?} cannot be used: {shown}: {error}; correct its path or the branch"
                    ),
                ),
                Ok(found) if found.is_file() && found.len() == 0 => warn(
                    ProblemCode::InventoryEmpty,
                    format!("the file of the inventory {name:?} is empty: {shown}; add hosts to it"),
                ),
                Ok(_) => {}
            }
        }
        InventoryKind::TerraformWorkspace | InventoryKind::TofuWorkspace | InventoryKind::TerragruntWorkspace => {}
    }
}

/// Whether the text surely has no host: nothing but empty lines, comments, headers, and what stands below `[x:vars]` and
/// `[x:children]`.
fn is_empty_ini(text: &str) -> bool {
    let mut in_hosts = true;
    !significant_lines(text).any(|line| {
        if line.starts_with('[') {
            in_hosts = !line.contains(":vars]") && !line.contains(":children]");
            return false;
        }
        in_hosts
    })
}

/// Whether the text surely has no host: no `hosts:` has anything below or behind it, and it is not the configuration of an
/// inventory plugin. A text that does not look like YAML is not judged.
fn is_empty_yaml(text: &str) -> bool {
    let is_content = |line: &&str| is_significant(line.trim()) && !["---", "..."].contains(&line.trim());
    let lines: Vec<&str> = text.lines().filter(is_content).collect();
    let indentation = |line: &str| line.len() - line.trim_start().len();
    for (index, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        if trimmed == "{}" {
            continue;
        }
        let Some((key, value)) = trimmed.split_once(':') else { return false };
        let value = if value.trim().starts_with('#') { "" } else { value.split(" #").next().unwrap_or_default() };
        let (key, value) = (key.trim_matches(['"', '\'']), value.trim());
        let is_more = value.starts_with(['{', '[', '&', '*', '!']) && value != "{}";
        if key == "plugin" || is_more || trimmed.starts_with(['{', '[', '&', '*', '!', '%', '-']) {
            return false;
        }
        if key != "hosts" {
            continue;
        }
        let has_below = lines.get(index + 1).is_some_and(|next| indentation(next) > indentation(line));
        if has_below || !["", "{}", "~", "null"].contains(&value) {
            return false;
        }
    }
    true
}

fn significant_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| is_significant(line))
}

fn is_significant(line: &str) -> bool {
    !line.is_empty() && !line.starts_with(['#', ';'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ini_inventory_without_a_host_is_known() {
        for text in [
            "",
            "\n# nothing\n; nothing\n",
            "[web]\n\n[web:vars]\nansible_user=root\n[all:children]\nweb\n",
            "  [web]  # a group\n",
        ] {
            assert!(is_empty_ini(text), "{text:?}");
        }
        for text in ["localhost", "[web]\nweb1 ansible_host=10.0.0.1", "[a:vars]\nx=1\n[b]\nh\n"] {
            assert!(!is_empty_ini(text), "{text:?}");
        }
    }

    #[test]
    fn a_yaml_inventory_without_a_host_is_known() {
        for text in [
            "",
            "---\n# nothing\n",
            "{}",
            "all:\n",
            "all:\n  hosts:\n  vars:\n    x: 1\n",
            "all:\n  hosts: {}\n  children:\n    web:\n      hosts: # later\n",
            "---\nall:\n  hosts: null\n",
        ] {
            assert!(is_empty_yaml(text), "{text:?}");
        }
        for text in [
            "all:\n  hosts:\n    web1:\n",
            "all:\n  hosts: {web1: {}}\n",
            "all: {hosts: {web1: }}\n",
            "{\"all\": {\"hosts\": {\"a\": {}}}}",
            "plugin: amazon.aws.aws_ec2\n",
            "web1\nweb2\n",
            "all:\n  children:\n    web:\n      \"hosts\":\n        a:\n",
        ] {
            assert!(!is_empty_yaml(text), "{text:?}");
        }
    }
}

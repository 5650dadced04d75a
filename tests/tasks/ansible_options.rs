//! What template and task say about a run: dry run, diff, limit, tags, verbosity, variables and secrets, `ansible.cfg`.

use semaphore_tests::{Project, SecretWatch, Server, ansible, assert_nothing_left, git_repository};
use serde_json::{Value, json};

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    \
    - ansible.builtin.copy:\n        content: the new text\n        dest: \"{{ place }}/{{ inventory_hostname }}\"\n      tags: [file]\n    \
    - ansible.builtin.debug:\n        msg: \"n={{ n + 1 }} s={{ survey }} t={{ n is number }} lengths={{ hidden | length }},{{ typed | length }},{{ lookup('env', 'HIDDEN') | length }}\"\n      tags: [say]\n    \
    - ansible.builtin.include_role:\n        name: configured\n      tags: [role]\n";

#[test]
fn a_run_is_what_template_and_task_say() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let repository = server.directory().join("repository");
    let role = "- ansible.builtin.debug:\n    msg: from the configured path\n  tags: [role]\n";
    let files = [
        ("site.yml", PLAYBOOK),
        ("ansible.cfg", "[defaults]\nroles_path = elsewhere\n"),
        ("elsewhere/configured/tasks/main.yml", role),
    ];
    git_repository(&repository, &files);
    let place = server.directory().join("place");
    std::fs::create_dir(&place).unwrap();
    let admin = server.admin();
    let mut project = Project::create(&admin, &format!("file://{}", repository.display()));
    let post =
        |what: &str, body: &Value| admin.post(&format!("/api/project/{}/{what}", project.id), body).expect(201).id();
    let hosts: String = ["h1", "h2", "h3"]
        .map(|host| {
            format!(
                "{host} ansible_connection=local ansible_python_interpreter=\"{{{{ ansible_playbook_python }}}}\"\n"
            )
        })
        .concat();
    let inventory = post(
        "inventory",
        &json!({"name": "hosts", "project_id": project.id, "type": "static", "inventory": hosts, "ssh_key_id": project.key}),
    );
    let (hidden, variable) = ("hidden in a variable: 1", "hidden in the environment");
    let environment = post(
        "environment",
        &json!({"name": "variables", "project_id": project.id, "env": "{}",
        "json": json!({"place": place, "n": 5}).to_string(),
        "secrets": [{"name": "hidden", "secret": hidden, "type": "var", "operation": "create"},
            {"name": "HIDDEN", "secret": variable, "type": "env", "operation": "create"}]}),
    );
    (project.inventory, project.environment) = (inventory, environment);
    let mut body = project.template_body("ansible", "site.yml");
    body["task_params"] = json!({"limit": ["h1", "h2"], "tags": [], "skip_tags": ["role"], "allow_debug": true,
        "allow_override_limit": true, "allow_override_tags": true, "allow_override_skip_tags": true});
    body["survey_vars"] =
        json!([{"name": "survey", "title": "s", "type": ""}, {"name": "typed", "title": "t", "type": "secret"}]);
    let template = post("templates", &body);
    let typed = "typed by somebody";
    let watch = SecretWatch::start(&[hidden, variable, typed]);
    let survey =
        json!({"environment": json!({"survey": "red"}).to_string(), "secret": json!({"typed": typed}).to_string()});
    let run = |params: Value| {
        let mut fields = survey.clone();
        fields["params"] = params;
        let (row, log) = project.run_again(&admin, template, &fields);
        assert_eq!(row["status"], "success", "{log}");
        log
    };
    let is_written = |host: &str| place.join(host).exists();

    let log = run(json!({"dry_run": true, "diff": true, "limit": ["h3"], "tags": ["file", "role"], "skip_tags": [],
        "debug": true, "debug_level": 2}));
    assert!(log.contains("+the new text") && log.contains("from the configured path"), "{log}");
    assert!(!log.contains("n=6") && !log.contains("h1 "), "{log}");
    assert!(log.contains("ansible.cfg as config file"), "verbosity 2 names the configuration: {log}");
    assert!(["h1", "h2", "h3"].iter().all(|host| !is_written(host)), "a dry run wrote something");

    let log = run(json!({}));
    let lengths = format!("n=6 s=red t=True lengths={},{},{}", hidden.len(), typed.len(), variable.len());
    assert!(log.contains(&lengths), "{log}");
    assert!(!log.contains("from the configured path") && !log.contains("+the new text"), "{log}");
    assert_eq!(["h1", "h2", "h3"].map(is_written), [true, true, false]);
    assert_nothing_left(&server);
    watch.assert_unseen(server.directory(), &[&log, &server.log()]);
}

//! Hosts and failures as the API tells them, from real output: items, ignored, rescued, unreachable, indented.

use semaphore_tests::{Project, Server, ansible, git_repository};
use serde_json::{Value, json};

const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    \
    - name: items\n      ansible.builtin.fail:\n        msg: \"item {{ item }}\"\n      loop: [a, b]\n      when: inventory_hostname == 'h2'\n    \
    - name: ignored\n      ansible.builtin.fail:\n        msg: never mind\n      ignore_errors: true\n    \
    - block:\n        - name: saved\n          ansible.builtin.fail:\n            msg: to be rescued\n      rescue:\n        - ansible.builtin.debug:\n            msg: rescued\n    \
    - name: censored\n      ansible.builtin.fail:\n        msg: nobody sees this\n      no_log: true\n      ignore_errors: true\n\
    - name: reach it\n  hosts: h1:h3\n  gather_facts: false\n  tasks:\n    - name: reach\n      ansible.builtin.ping:\n\
    - name: last play\n  hosts: h1\n  gather_facts: false\n  tasks:\n    \
    - name: last\n      ansible.builtin.fail:\n        msg: \"two\\nlines \\\"quoted\\\" }\"\n";

#[test]
fn only_failures_that_count_are_told() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("site.yml", PLAYBOOK)]);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    let hosts = "h1 ansible_connection=local\nh2 ansible_connection=local\nh3 ansible_host=127.0.0.1 ansible_port=1 ansible_ssh_common_args='-o ConnectTimeout=2'\n";
    let hosts = hosts.replace("local\n", "local ansible_python_interpreter=\"{{ ansible_playbook_python }}\"\n");
    let body = json!({"name": "hosts", "project_id": project.id, "type": "static", "inventory": hosts, "ssh_key_id": project.key});
    let inventory = admin.post(&format!("/api/project/{}/inventory", project.id), &body).expect(201).id();
    for verbosity in [0, 3] {
        let params = json!({"debug": verbosity > 0, "debug_level": verbosity});
        let mut body = project.template_body("ansible", "site.yml");
        body["inventory_id"] = inventory.into();
        body["task_params"] = json!({"allow_debug": true});
        let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
        let (row, log) = project.run_again(&admin, template, &json!({"params": params}));
        assert_eq!(row["status"], "error", "{log}");
        let path = format!("/api/project/{}/tasks/{}/ansible", project.id, row["id"]);
        let all = |what: &str| admin.get(&format!("{path}/{what}")).expect(200).json();
        let (hosts, errors) = (all("hosts"), all("errors"));
        let told: Vec<_> = errors
            .as_array()
            .unwrap()
            .iter()
            .map(|error| ["host", "task", "error"].map(|name| error[name].as_str().unwrap().to_owned()))
            .collect();
        let told: Vec<_> =
            told.iter().map(|[host, task, error]| (host.as_str(), task.as_str(), error.as_str())).collect();
        assert_eq!(told[..2], [("h2", "items", "item a"), ("h2", "items", "item b")], "{log}");
        let of_h1: Vec<_> = told.iter().filter(|(host, ..)| *host == "h1").collect();
        assert_eq!(of_h1, [&("h1", "last", "two\nlines \"quoted\" }")], "{log}");
        assert!(
            told.iter()
                .any(|(host, task, error)| *host == "h3" && *task == "reach" && error.contains("Connection refused")),
            "{told:?}"
        );
        assert!(!told.iter().any(|(_, task, _)| ["ignored", "saved", "censored"].contains(task)), "{told:?}");
        let figure = |host: &str, name: &str| -> Value {
            let found = hosts.as_array().unwrap().iter().find(|found| found["host"] == host).unwrap();
            found[name].clone()
        };
        assert_eq!(["failed", "rescued", "ignored"].map(|name| figure("h1", name)), [json!(1), json!(1), json!(2)]);
        assert_eq!(["failed", "rescued", "ignored"].map(|name| figure("h2", name)), [json!(1), json!(0), json!(0)]);
        assert_eq!(figure("h3", "unreachable"), json!(1));
        assert_eq!(all("errors"), errors, "asked again, it is the same");
    }
}

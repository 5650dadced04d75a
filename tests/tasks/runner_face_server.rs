//! Our runner at our server: real programs, real keys, and what happens when one of the two dies.

use std::{fs, process::Command, time::Duration};

use nix::sys::signal::Signal;
use semaphore_test_machine::{git::Repository, ssh, tool};
use semaphore_tests::{
    Client, Project, REGISTRATION_TOKEN, RunnerProcess, SecretWatch, Server, ansible, git_repository, tofu, wait_until,
};
use serde_json::{Value, json};

use crate::{
    ansible_vault::encrypt,
    terraform::{CONFIGURATION, World},
};

/// How long anything may take.
const LIMIT: Duration = Duration::from_mins(1);

/// A runner with a key of its own, registered and activated; it is at work.
fn runner_of(server: &Server) -> RunnerProcess {
    let address = format!("http://127.0.0.1:{}", server.port());
    let mut runner = RunnerProcess::prepared(&address, &json!({"runner": {"private_key_file": "key.pem"}}));
    let mut register = runner.command(&["register"]);
    let output = register.env("SEMAPHORE_RUNNER_REGISTRATION_TOKEN", REGISTRATION_TOKEN).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let admin = server.admin();
    let mut row = admin.get("/api/runners").expect(200).json()[0].clone();
    row["active"] = json!(true);
    row["max_parallel_tasks"] = json!(5);
    admin.put(&format!("/api/runners/{}", row["id"]), &row).expect(204);
    runner.start();
    runner.wait_for_log("Runner connected");
    runner
}

/// A server that runs nothing itself, with a repository.
fn remote_server(files: &[(&str, &str)]) -> (Server, Client, Project) {
    let server = Server::with_config(json!({"use_remote_runner": true}));
    let repository = server.directory().join("repository");
    git_repository(&repository, files);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    (server, admin, project)
}

const COUNT: &str = "echo ready\nfor i in $(seq 1 60); do echo \"line $i\"; sleep 0.1; done\necho counted\n";

/// Waits for a line in the log of a task.
#[track_caller]
fn wait_for_line(server: &Server, project: &Project, task: i64, line: &str) {
    let admin = server.admin();
    wait_until(&format!("task {task} prints {line}"), LIMIT, || {
        admin.output(project.id, task).iter().any(|found| found == line).then_some(())
    });
}

#[track_caller]
fn assert_counted(lines: &[String]) {
    let counted: Vec<_> = lines.iter().filter(|line| line.starts_with("line ")).cloned().collect();
    assert_eq!(counted, (1..=60).map(|number| format!("line {number}")).collect::<Vec<_>>());
    assert_eq!(lines.last().unwrap(), "counted");
    assert_eq!(lines.iter().filter(|line| *line == "ready").count(), 1);
}

#[test]
fn a_script_runs_over_there_with_its_secrets() {
    let watch = SecretWatch::start(&["survey-secret-55", "env-secret-55"]);
    let script = "echo \"$SEC $1 in $PWD\"\nexit 3\n";
    let (server, admin, mut project) = remote_server(&[("hello.sh", script)]);
    let body = json!({"name": "e", "project_id": project.id, "json": "{}", "env": "{}",
        "secrets": [{"name": "SEC", "secret": "env-secret-55", "type": "env", "operation": "create"}]});
    project.environment = admin.post(&format!("/api/project/{}/environment", project.id), &body).expect(201).id();
    let runner = runner_of(&server);
    let (row, lines) = project.run(&admin, "bash", "hello.sh");
    assert_eq!(row["status"], "error", "{lines:#?}\n{}", runner.log());
    let place = runner.path("tmp");
    assert!(lines.iter().any(|line| line.contains(&format!("in {}", place.display()))), "{lines:#?}");
    let said: Vec<_> = lines.iter().filter(|line| line.starts_with("Failed to run task")).collect();
    assert_eq!(said, ["Failed to run task: exit status 3"], "said once, by the server");
    assert_eq!(row["commit_hash"].as_str().unwrap().len(), 40, "{row}");
    let path = format!("/api/project/{}/tasks/{}/status", project.id, row["id"]);
    let status = admin.get(&path).expect(200).json();
    assert_eq!(status["status"], "error", "{status}");
    watch.assert_unseen(runner.directory(), &[&lines.join("\n"), &runner.log(), &server.log()]);
}

#[test]
fn a_playbook_opens_its_vault_and_logs_in_by_a_key() {
    if ansible().is_none() || tool("sshpass").is_none() {
        return;
    }
    let Some(target) = ssh::Server::start() else { return };
    let server = Server::with_config(json!({"use_remote_runner": true}));
    let repository = Repository::create(server.directory().join("repository"));
    encrypt(repository.path(), "default", "vault password 55");
    let playbook = "- hosts: all\n  gather_facts: false\n  vars_files: [default.yml]\n  tasks:\n    \
        - ansible.builtin.command: id -un\n      register: me\n    \
        - ansible.builtin.debug:\n        msg: \"{{ me.stdout }} {{ of_default }} {{ word }}\"\n";
    repository.commit("vault", &[("site.yml", playbook)]);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.path().display()));
    let file = server.directory().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file).status();
    assert!(made.unwrap().success());
    target.authorize(&fs::read_to_string(file.with_extension("pub")).unwrap());
    let private_key = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let lines: Vec<&str> = private_key.lines().collect();
    let watch = SecretWatch::start(&[lines[2], "vault password 55", "survey-secret-55"]);
    let key =
        project.key(&admin, "ssh", &json!({"login": target.user(), "private_key": private_key, "passphrase": ""}));
    let vault = project.key(&admin, "login_password", &json!({"login": "", "password": "vault password 55"}));
    let hosts = format!(
        "web1 ansible_host={} ansible_port={} ansible_python_interpreter=/usr/bin/python3 ansible_ssh_args='-o ControlMaster=no'\n",
        target.host(),
        target.port()
    );
    let id = project.id;
    let body = json!({"name": "hosts", "project_id": id, "type": "static", "inventory": hosts, "ssh_key_id": key});
    let inventory = admin.post(&format!("/api/project/{id}/inventory"), &body).expect(201).id();
    let mut template = project.template_body("ansible", "site.yml");
    template["inventory_id"] = json!(inventory);
    template["vaults"] = json!([{"type": "password", "vault_key_id": vault}]);
    template["survey_vars"] = json!([{"name": "word", "title": "Word", "type": "secret"}]);
    let template = admin.post(&format!("/api/project/{id}/templates"), &template).expect(201).id();
    let runner = runner_of(&server);
    let body = json!({"template_id": template, "secret": "{\"word\": \"survey-secret-55\"}"});
    let task = admin.post(&format!("/api/project/{id}/tasks"), &body).expect(201).id();
    let row = admin.wait_for_end(id, task);
    let log = admin.output(id, task).join("\n");
    assert_eq!(row["status"], "success", "{log}\n{}\n{}", target.log(), runner.log());
    assert!(log.contains("deploy opened-default ***"), "{log}");
    watch.assert_unseen(runner.directory(), &[&log, &runner.log(), &server.log()]);
}

#[test]
fn a_plan_is_confirmed_and_applied_over_there() {
    if tofu().is_none() {
        return;
    }
    let server = Server::with_config(json!({"use_remote_runner": true}));
    let world = World::on(server, &[("infra/main.tf", CONFIGURATION)], |_, _, template| {
        template["task_params"] = json!({"override_backend": true});
    });
    let runner = runner_of(&world.server);
    let task = world.waiting(&json!({}));
    let log = world.log(task);
    assert!(log.contains("1 to add, 0 to change, 0 to destroy"), "{log}");
    world.tell(task, "confirm");
    let (status, log) = world.end(task);
    assert_eq!(status, "success", "{log}\n{}", runner.log());
    assert!(log.contains("Apply complete! Resources: 1 added"), "{log}");
    // The state is at the server: the next plan finds nothing to do.
    let (status, log) = world.run(&json!({}));
    assert!(log.contains("No changes."), "{status}: {log}");
}

#[test]
fn a_stop_and_a_forced_stop_end_it_over_there() {
    let (server, admin, project) = remote_server(&[("wait.sh", "echo ready\nsleep 300 &\nsleep 300\n")]);
    let runner = runner_of(&server);
    let template = project.template(&admin, "bash", "wait.sh");
    for forced in [false, true] {
        let task = project.start(&admin, template);
        wait_for_line(&server, &project, task, "ready");
        let path = format!("/api/project/{}/tasks/{task}/stop", project.id);
        admin.post(&path, &json!({"force": forced})).expect(204);
        assert_eq!(admin.wait_for_end(project.id, task)["status"], "stopped");
        wait_until("its processes are gone", LIMIT, || (runner.processes() == [runner.process_id()]).then_some(()));
    }
}

#[test]
fn a_server_that_is_killed_while_a_task_prints_loses_no_line() {
    let (mut server, admin, project) = remote_server(&[("count.sh", COUNT)]);
    let runner = runner_of(&server);
    let task = project.start(&admin, project.template(&admin, "bash", "count.sh"));
    wait_for_line(&server, &project, task, "line 5");
    server.crash();
    runner.wait_for_log("the server cannot be asked");
    server.start_again();
    let admin = server.admin();
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "success", "{}\n{}", runner.log(), server.log());
    assert_counted(&admin.output(project.id, task));
}

#[test]
fn a_runner_that_is_killed_while_a_task_prints_loses_no_line() {
    let (server, admin, project) = remote_server(&[("count.sh", COUNT), ("fail.sh", "echo ready\nsleep 3\nexit 7\n")]);
    let mut runner = runner_of(&server);
    let count = project.start(&admin, project.template(&admin, "bash", "count.sh"));
    let fail = project.start(&admin, project.template(&admin, "bash", "fail.sh"));
    wait_for_line(&server, &project, count, "line 5");
    wait_for_line(&server, &project, fail, "ready");
    runner.crash();
    std::thread::sleep(Duration::from_secs(1));
    runner.start();
    assert_eq!(admin.wait_for_end(project.id, count)["status"], "success", "{}\n{}", runner.log(), server.log());
    assert_counted(&admin.output(project.id, count));
    assert_eq!(admin.wait_for_end(project.id, fail)["status"], "error");
    let lines = admin.output(project.id, fail);
    let said: Vec<_> = lines.iter().filter(|line| line.starts_with("Failed to run task")).collect();
    assert_eq!(said, ["Failed to run task: exit status 7"], "{lines:#?}");
    runner.signal(Signal::SIGTERM);
    assert!(runner.wait().success());
}

#[test]
fn a_runner_that_leaves_is_gone_from_the_server() {
    let (server, admin, _) = remote_server(&[("wait.sh", "sleep 300\n")]);
    let mut runner = runner_of(&server);
    runner.signal(Signal::SIGTERM);
    assert!(runner.wait().success());
    assert!(runner.command(&["unregister"]).output().unwrap().status.success());
    assert_eq!(admin.get("/api/runners").expect(200).json(), Value::Array(Vec::new()));
}

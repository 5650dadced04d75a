//! Requirements from private git repositories beside the template's own: the key of the repository opens them too.

use std::{fs, process::Command};

use semaphore_test_machine::{
    git::Repository,
    git_http::{Access, Server as GitServer},
    ssh,
};
use semaphore_tests::{Project, SecretWatch, Server, ansible, assert_nothing_left};
use serde_json::json;

const PASSWORD: &str = "p@ss w/ord %41 'x' \"q\"";
const PLAYBOOK: &str = "- hosts: all\n  gather_facts: false\n  roles: [private_role]\n";

fn role(server: &Server) -> Repository {
    let role = Repository::create(server.directory().join("role"));
    let tasks = "- ansible.builtin.debug:\n    msg: from the private role\n";
    role.commit("role", &[("tasks/main.yml", tasks), ("meta/main.yml", "galaxy_info: {}\ndependencies: []\n")]);
    role
}

fn requirements(url: &str) -> String {
    format!("roles:\n  - name: private_role\n    src: {url}\n    scm: git\n    version: main\n")
}

#[test]
fn over_http_with_the_password_of_the_repository() {
    if ansible().is_none() {
        return;
    }
    let server = Server::start();
    let git = GitServer::start();
    let bare = role(&server).publish(server.directory().join("role.git"));
    let role_url = git.serve("role", bare.path(), Access::user("deployer", PASSWORD));
    let work = Repository::create(server.directory().join("work"));
    work.commit("first", &[("site.yml", PLAYBOOK), ("requirements.yml", &requirements(&role_url))]);
    let work_bare = work.publish(server.directory().join("work.git"));
    let url = git.serve("work", work_bare.path(), Access::user("deployer", PASSWORD));

    let admin = server.admin();
    let mut project = Project::create(&admin, "/");
    let key = project.key(&admin, "login_password", &json!({"login": "deployer", "password": PASSWORD}));
    project.repository = project.add_repository(&admin, &url, "main", key);
    let watch = SecretWatch::start(&[PASSWORD]);
    let (template, row, log) = project.run_with(&admin, "ansible", "site.yml", &json!({}));
    assert_eq!(row["status"], "success", "{log}");
    assert!(log.contains("from the private role"), "{log}");
    let of_role = || git.requests().iter().filter(|r| r.target.starts_with("/role.git")).count();
    let asked = of_role();

    let (row, log) = project.run_again(&admin, template, &json!({}));
    assert!(
        row["status"] == "success" && log.contains("requirements.yml has no changes. Skip galaxy install"),
        "{log}"
    );
    assert_eq!(of_role(), asked, "the role was installed again without a change");
    assert_nothing_left(&server);
    watch.assert_unseen(server.directory(), &[&log, &server.log()]);

    // The password goes to the repository's own host and nowhere else.
    let other = GitServer::start();
    let foreign = other.serve("role", bare.path(), Access::user("deployer", PASSWORD));
    work.commit("foreign", &[("requirements.yml", &requirements(&foreign))]);
    work.push_to(&work_bare);
    let (row, log) = project.run_again(&admin, template, &json!({}));
    assert_eq!(row["status"], "error", "{log}");
    assert!(log.contains("Failed to install requirements: exit status 1"), "{log}");
    let seen: Vec<_> = other.requests().into_iter().filter_map(|request| request.user).collect();
    assert!(!other.requests().is_empty() && seen.is_empty(), "credentials reached another host: {seen:?}");
}

#[test]
fn over_ssh_with_the_key_of_the_repository() {
    if ansible().is_none() {
        return;
    }
    let Some(host) = ssh::Server::start() else { return };
    let server = Server::start();
    let file = server.directory().join("key");
    assert!(
        Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-N", "", "-f"]).arg(&file).status().unwrap().success()
    );
    host.authorize(&fs::read_to_string(file.with_extension("pub")).unwrap());
    let private_key = fs::read_to_string(&file).unwrap();

    let role_url = host.serve_repository(role(&server).publish(server.directory().join("role.git")).path());
    let work = Repository::create(server.directory().join("work"));
    work.commit("first", &[("site.yml", PLAYBOOK), ("roles/requirements.yml", &requirements(&role_url))]);
    let url = host.serve_repository(work.publish(server.directory().join("work.git")).path());

    let admin = server.admin();
    let mut project = Project::create(&admin, "/");
    let content = json!({"login": "", "private_key": private_key, "passphrase": ""});
    let key = project.key(&admin, "ssh", &content);
    project.repository = project.add_repository(&admin, &url, "main", key);
    let (_, row, log) = project.run_with(&admin, "ansible", "site.yml", &json!({}));
    assert_eq!(row["status"], "success", "{log}\n{}", host.log());
    assert!(log.contains("from the private role"), "{log}");
    let logins = host.logins();
    assert!(logins.len() >= 2 && logins.iter().all(|login| login == "publickey for deploy"), "{logins:?}");
    assert_nothing_left(&server);
}

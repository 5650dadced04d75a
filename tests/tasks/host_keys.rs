//! Known hosts of a project with a real SSH server: off accepts, strict refuses the unknown, accept-new learns and refuses a
//! changed key. For git and for Ansible.

use std::{fs, process::Command};

use semaphore_test_machine::{git::Repository, ssh};
use semaphore_tests::{Client, Project, Server, ansible, assert_nothing_left};
use serde_json::{Value, json};

const PLAY: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - ansible.builtin.raw: echo reached\n";

struct World {
    server: Server,
    admin: Client,
    ssh: ssh::Server,
    url: String,
    key: Value,
}

impl World {
    fn start() -> Option<Self> {
        let ssh = ssh::Server::start()?;
        // Connections that are kept open would hide a changed key.
        let config = json!({"env_vars": {"ANSIBLE_SSH_ARGS": "-C"}});
        let server = Server::with_config(config);
        let work = Repository::create(server.directory().join("work"));
        work.commit("first commit", &[("hello.sh", "echo it came over ssh\n"), ("site.yml", PLAY)]);
        let url = ssh.serve_repository(work.publish(server.directory().join("project.git")).path());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&path).status().unwrap();
        assert!(made.success());
        ssh.authorize(&fs::read_to_string(directory.path().join("key.pub")).unwrap());
        let private = fs::read_to_string(path).unwrap();
        let key = json!({"login": ssh.user(), "passphrase": "", "private_key": private});
        let admin = server.admin();
        Some(Self { server, admin, ssh, url, key })
    }

    fn project(&self, mode: &str, known_hosts: &str) -> Project {
        let mut project = Project::create(&self.admin, "/");
        let key = project.key(&self.admin, "ssh", &self.key);
        project.repository = project.add_repository(&self.admin, &self.url, "main", key);
        self.set(&project, mode, known_hosts);
        project
    }

    fn set(&self, project: &Project, mode: &str, known_hosts: &str) {
        let body = json!({"mode": mode, "known_hosts": known_hosts});
        self.admin.put(&format!("/api/project/{}/host_keys", project.id), &body).expect(204);
    }

    fn known(&self, project: &Project) -> String {
        let answer = self.admin.get(&format!("/api/project/{}/host_keys", project.id)).expect(200).json();
        answer["known_hosts"].as_str().unwrap().to_owned()
    }

    /// Runs the template; returns its status, its problems and its log.
    fn run(&self, project: &Project, template: i64) -> (String, Vec<(String, String)>, String) {
        let task = project.start(&self.admin, template);
        let row = self.admin.wait_for_end(project.id, task);
        let path = format!("/api/project/{}/tasks/{task}/status", project.id);
        let status = self.admin.get(&path).expect(200).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let problems = status["problems"].as_array().unwrap().iter();
        let problems = problems.map(|problem| (text(&problem["code"]), text(&problem["message"]))).collect();
        (text(&row["status"]), problems, self.admin.output(project.id, task).join("\n"))
    }

    #[track_caller]
    fn succeeds(&self, project: &Project, template: i64) {
        let (status, problems, log) = self.run(project, template);
        assert_eq!((status.as_str(), problems), ("success", vec![]), "{log}\n{}", self.ssh.log());
    }

    #[track_caller]
    fn is_refused(&self, project: &Project, template: i64, words: &str) {
        let (status, problems, log) = self.run(project, template);
        assert_eq!(status, "error", "{log}");
        let [(code, message)] = problems.as_slice() else { panic!("one problem expected: {problems:?}\n{log}") };
        assert_eq!(code, "host_key");
        assert!(message.contains(words) && log.contains(message.as_str()), "{message}\n{log}");
        assert!(!log.contains("it came over ssh"), "{log}");
    }
}

#[test]
fn git_checks_hosts_as_the_project_says() {
    let Some(mut world) = World::start() else { return };
    let off = world.project("off", "");
    world.succeeds(&off, off.template(&world.admin, "bash", "hello.sh"));
    assert_eq!(world.known(&off), "");

    let strict = world.project("strict", "");
    let template = strict.template(&world.admin, "bash", "hello.sh");
    world.is_refused(&strict, template, "add it to the known hosts of the project");
    let branches = format!("/api/project/{}/repositories/{}/branches", strict.id, strict.repository);
    world.admin.get(&branches).expect(400);
    world.set(&strict, "strict", &world.ssh.known_hosts_line());
    world.succeeds(&strict, template);
    assert_eq!(world.admin.get(&branches).expect(200).json(), json!(["main"]));

    let new = world.project("accept-new", "# ours\n");
    let template = new.template(&world.admin, "bash", "hello.sh");
    world.succeeds(&new, template);
    let learned = world.known(&new);
    assert!(learned.starts_with("# ours\n") && learned.contains(&world.ssh.host_key()), "{learned}");
    world.succeeds(&new, template);
    assert_eq!(world.known(&new), learned);

    world.ssh.rotate_host_key();
    world.is_refused(&new, template, "not the one that is known");
    assert_eq!(world.known(&new), learned);
    world.succeeds(&off, off.template(&world.admin, "bash", "hello.sh"));
    assert_nothing_left(&world.server);
}

#[test]
fn ansible_checks_hosts_as_the_project_says() {
    if ansible().is_none() {
        return;
    }
    let Some(mut world) = World::start() else { return };
    let project = world.project("off", "");
    // The repository is local, so that only Ansible uses ssh.
    let directory = world.server.directory().join("work");
    let mut body = project.template_body("ansible", "site.yml");
    body["repository_id"] =
        project.add_repository(&world.admin, &directory.display().to_string(), "", project.key).into();
    let key = project.key(&world.admin, "ssh", &world.key);
    let host = format!("box ansible_host={} ansible_port={}", world.ssh.host(), world.ssh.port());
    let inventory =
        json!({"name": "ssh", "project_id": project.id, "type": "static", "inventory": host, "ssh_key_id": key});
    let inventories = format!("/api/project/{}/inventory", project.id);
    body["inventory_id"] = world.admin.post(&inventories, &inventory).expect(201).id().into();
    let template = world.admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();

    world.succeeds(&project, template);
    world.set(&project, "strict", "");
    world.is_refused(&project, template, "add the host to the known hosts of the project");
    world.set(&project, "accept-new", "");
    world.succeeds(&project, template);
    assert!(world.known(&project).contains(&world.ssh.host_key()), "{}", world.known(&project));
    world.set(&project, "strict", &world.known(&project));
    world.succeeds(&project, template);
    world.ssh.rotate_host_key();
    world.set(&project, "accept-new", &world.known(&project));
    world.is_refused(&project, template, "another key than the one that is known");
    assert_nothing_left(&world.server);
}

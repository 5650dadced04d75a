//! The real OpenTofu through the real program: plan, question, apply, destroy, workspaces, variables, stop.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use semaphore_tests::{Client, Project, Server, git_repository, processes_with, tofu, wait_until};
use serde_json::{Value, json};

/// A resource that needs no provider; its apply writes a file.
pub(super) const CONFIGURATION: &str = r#"
variable "n" {
  type    = number
  default = 1
}
resource "terraform_data" "a" {
  input = var.n
}
output "answer" {
  value = terraform_data.a.output
}
"#;

/// A server with one template of the app `tofu` on the directory `infra` of a repository.
pub(super) struct World {
    pub(super) server: Server,
    pub(super) admin: Client,
    pub(super) project: Project,
    template: Value,
    pub(super) id: i64,
}

impl World {
    /// `None` if OpenTofu is missing. `change` makes the template's body special.
    pub(super) fn new(configuration: &str, change: impl FnOnce(&Client, &Project, &mut Value)) -> Option<Self> {
        tofu()?;
        Some(Self::on(Server::start(), &[("infra/main.tf", configuration)], change))
    }

    pub(super) fn on(
        server: Server,
        files: &[(&str, &str)],
        change: impl FnOnce(&Client, &Project, &mut Value),
    ) -> Self {
        let repository = server.directory().join("repository");
        git_repository(&repository, files);
        let admin = server.admin();
        let project = Project::create(&admin, &format!("file://{}", repository.display()));
        let mut template = project.template_body("tofu", "infra");
        template["inventory_id"] = Value::Null;
        template["arguments"] = json!(r#"["-no-color"]"#);
        change(&admin, &project, &mut template);
        let made = admin.post(&format!("/api/project/{}/templates", project.id), &template).expect(201).json();
        let id = made["id"].as_i64().unwrap();
        template["id"] = id.into();
        template["inventory_id"] = made["inventory_id"].clone();
        Self { server, admin, project, template, id }
    }

    /// Changes the template.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.template);
        let path = format!("/api/project/{}/templates/{}", self.project.id, self.id);
        self.admin.put(&path, &self.template).expect(204);
    }

    pub(super) fn start(&self, params: &Value) -> i64 {
        let body = json!({"template_id": self.id, "params": params});
        self.admin.post(&format!("/api/project/{}/tasks", self.project.id), &body).expect(201).id()
    }

    /// Runs a task to its end; its status and its log.
    pub(super) fn run(&self, params: &Value) -> (String, String) {
        self.end(self.start(params))
    }

    pub(super) fn end(&self, task: i64) -> (String, String) {
        let row = self.admin.wait_for_end(self.project.id, task);
        (row["status"].as_str().unwrap().to_owned(), self.log(task))
    }

    pub(super) fn log(&self, task: i64) -> String {
        self.admin.output(self.project.id, task).join("\n")
    }

    /// Starts a task that has to wait for a person, and waits until it does.
    pub(super) fn waiting(&self, params: &Value) -> i64 {
        let task = self.start(params);
        self.admin.wait_for_status(self.project.id, task, &["waiting_confirmation", "error", "success"]);
        assert_eq!(self.status(task), "waiting_confirmation", "{}", self.log(task));
        task
    }

    pub(super) fn status(&self, task: i64) -> String {
        let row = self.admin.get(&format!("/api/project/{}/tasks/{task}", self.project.id)).expect(200).json();
        row["status"].as_str().unwrap().to_owned()
    }

    /// `confirm`, `reject` or `stop`.
    pub(super) fn tell(&self, task: i64, what: &str) {
        self.admin.post(&format!("/api/project/{}/tasks/{task}/{what}", self.project.id), &json!({})).expect(204);
    }

    /// The directory in which OpenTofu works.
    pub(super) fn directory(&self) -> PathBuf {
        let clone = format!("repository_{}_template_{}", self.project.repository, self.id);
        self.server.directory().join(format!("tmp/project_{}", self.project.id)).join(clone).join("infra")
    }
}

pub(super) fn as_it_is(_: &Client, _: &Project, _: &mut Value) {}

#[track_caller]
pub(super) fn check(run: (String, String), status: &str, part: &str) {
    let (found, log) = run;
    assert!(found == status && log.contains(part), "expected {status} with {part:?}, found {found}:\n{log}");
}

/// Two resources of which one is replaced, one that exists elsewhere, and an output.
const IMPORTING: &str = r#"
variable "n" {}
resource "terraform_data" "a" {
  input            = "same"
  triggers_replace = var.n
}
resource "terraform_data" "b" {
  input = var.n
}
import {
  to = terraform_data.c
  id = "0123"
}
resource "terraform_data" "c" {}
output "n" {
  value = var.n
}
"#;

impl World {
    /// The stages of a task as they are told: what they are called, whether they are over, and the plan.
    fn stages(&self, task: i64) -> (Vec<String>, Vec<bool>, Value) {
        let path = format!("/api/project/{}/tasks/{task}/stages", self.project.id);
        let plain = self.admin.get(&path).expect(200).json();
        assert_eq!(plain, json!([]), "the list of the reference");
        let stages = self.admin.get(&format!("{path}?extended=true")).expect(200).json();
        let stages = stages.as_array().unwrap();
        let times: Vec<_> = stages.iter().map(|stage| stage["start"].as_str().unwrap()).collect();
        assert!(times.is_sorted(), "{stages:?}");
        let (last, before) = stages.split_last().unwrap();
        assert!(before.iter().all(|stage| stage.get("plan").is_none()), "{stages:?}");
        let names = stages.iter().map(|stage| stage["stage"].as_str().unwrap().to_owned()).collect();
        let ended = stages.iter().map(|stage| stage["end"].is_string()).collect();
        (names, ended, last["plan"].clone())
    }

    fn set_variable(&mut self, n: u32, arguments: &[&str]) {
        let set = format!("-var=n={n}");
        let arguments: Vec<_> = arguments.iter().copied().chain([set.as_str()]).collect();
        self.change(|template| template["arguments"] = json!(arguments).to_string().into());
    }
}

#[test]
fn the_counts_of_a_plan_are_told_with_its_stage() {
    let names = ["workspace", "keys", "checkout", "inventory", "requirements", "run"];
    let counts =
        |add, change, destroy, import| json!({"add": add, "change": change, "destroy": destroy, "import": import});
    let Some(mut world) = World::new(IMPORTING, as_it_is) else { return };
    // With the colours that it has by itself.
    world.set_variable(1, &[]);
    let task = world.waiting(&json!({}));
    assert!(world.log(task).contains("\u{1b}["), "there are no colours");
    let (found, ended, plan) = world.stages(task);
    assert_eq!((found, plan), (names.map(str::to_owned).to_vec(), counts(2, 0, 0, 1)), "{}", world.log(task));
    assert_eq!(ended, [true, true, true, true, true, false]);
    world.tell(task, "confirm");
    check(world.end(task), "success", "Apply complete!");
    let (found, ended, plan) = world.stages(task);
    assert_eq!((found, plan), (names.map(str::to_owned).to_vec(), counts(2, 0, 0, 1)));
    assert_eq!(ended, [true; 6]);

    world.set_variable(2, &["-no-color"]);
    let replaced = world.start(&json!({"plan": true}));
    check(world.end(replaced), "success", "1 to destroy");
    assert_eq!(world.stages(replaced).2, counts(1, 1, 1, 0));
    world.set_variable(1, &["-no-color"]);
    let nothing = world.start(&json!({}));
    check(world.end(nothing), "success", "No changes.");
    assert_eq!(world.stages(nothing).2, counts(0, 0, 0, 0));
    let destroyed = world.start(&json!({"plan": true, "destroy": true}));
    check(world.end(destroyed), "success", "to destroy");
    assert_eq!(world.stages(destroyed).2, counts(0, 0, 3, 0));
    // A plan that fails has no counts.
    world.change(|template| template["arguments"] = json!(r#"["-var=n=1","-no-such-option"]"#));
    let failed = world.start(&json!({}));
    assert_eq!(world.end(failed).0, "error");
    assert_eq!(world.stages(failed).2, Value::Null);
    // They are kept.
    world.server.restart();
    assert_eq!(world.stages(task).2, counts(2, 0, 0, 1));
}

#[test]
fn a_person_decides_about_every_change() {
    let Some(world) = World::new(CONFIGURATION, as_it_is) else { return };
    check(world.run(&json!({"plan": true})), "success", "Plan: 1 to add, 0 to change, 0 to destroy.");
    assert!(!world.directory().join("terraform.tfstate").exists(), "a plan changed something");

    let task = world.waiting(&json!({}));
    assert!(
        world.log(task).contains("Plan: 1 to add, 0 to change, 0 to destroy."),
        "the plan must be there before the question"
    );
    world.tell(task, "reject");
    check(world.end(task), "error", "Failed to run task: the plan was rejected");
    assert!(!world.directory().join("terraform.tfstate").exists(), "a rejected plan changed something");

    let task = world.waiting(&json!({}));
    let asked = Instant::now();
    world.tell(task, "confirm");
    check(world.end(task), "success", "Apply complete! Resources: 1 added, 0 changed, 0 destroyed.");
    assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
    world.admin.post(&format!("/api/project/{}/tasks/{task}/confirm", world.project.id), &json!({})).expect(400);

    check(world.run(&json!({})), "success", "No changes. Your infrastructure matches the configuration.");
    // What the template does not allow is not done: it asks.
    let task = world.waiting(&json!({"destroy": true, "auto_approve": true}));
    world.tell(task, "confirm");
    check(world.end(task), "success", "Apply complete! Resources: 0 added, 0 changed, 1 destroyed.");
}

#[test]
fn templates_may_approve_by_themselves() {
    let Some(mut world) = World::new(CONFIGURATION, |_, _, template| {
        template["task_params"] = json!({"allow_auto_approve": true});
        template["arguments"] =
            json!(r#"{"init": ["-no-color"], "plan": ["-no-color", "-var=n=7"], "apply": ["-no-color", "-var=n=8"]}"#);
    }) else {
        return;
    };
    let (status, log) = world.run(&json!({"auto_approve": true, "upgrade": true, "reconfigure": true}));
    assert!(status == "success" && log.contains("input  = 7"), "{log}");
    assert!(log.contains("answer = 8"), "apply has arguments of its own: {log}");
    world.change(|template| template["task_params"] = json!({"auto_approve": true}));
    check(world.run(&json!({"destroy": true})), "success", "1 destroyed");
    let stages = world.admin.get(&format!("/api/project/{}/tasks/1/stages", world.project.id)).expect(200);
    assert_eq!(stages.json(), json!([]));
}

#[test]
fn each_workspace_has_a_state_of_its_own() {
    let Some(mut world) = World::new(CONFIGURATION, |admin, project, template| {
        let inventory = json!({"name": "staging", "project_id": project.id, "type": "tofu-workspace", "inventory": "staging",
            "ssh_key_id": project.key});
        let path = format!("/api/project/{}/inventory", project.id);
        template["inventory_id"] = admin.post(&path, &inventory).expect(201).id().into();
        template["task_params"] = json!({"auto_approve": true});
    }) else {
        return;
    };
    check(world.run(&json!({})), "success", "Created and switched to workspace \"staging\"!");
    let state =
        |name: &str| world.directory().join("terraform.tfstate.d").join(name).join("terraform.tfstate").exists();
    assert!(state("staging") && !state("other"));
    check(world.run(&json!({})), "success", "No changes.");
    let bad = json!({"id": world.template["inventory_id"], "name": "staging", "project_id": world.project.id,
        "type": "tofu-workspace", "inventory": "-lock=true", "ssh_key_id": world.project.key});
    let path = format!("/api/project/{}/inventory/{}", world.project.id, world.template["inventory_id"]);
    world.admin.put(&path, &bad).expect(204);
    check(world.run(&json!({})), "error", "the workspace name \"-lock=true\" is not valid");
    world.change(|template| template["playbook"] = "nosuch".into());
    world
        .admin
        .put(&path, &{
            let mut good = bad.clone();
            good["inventory"] = "staging".into();
            good
        })
        .expect(204);
    check(world.run(&json!({})), "error", "the directory \"nosuch\" does not exist in the repository");
}

/// A value with everything that a shell, OpenTofu and its reader of words could take for something else.
const SECRET: &str = "it's \"a\" $HOME `x` \\n %20 ; | & < > #\tend\nsecond line";

#[test]
fn variables_and_secrets_arrive_as_they_are() {
    const PROBE: &str = r#"
variable "token" { type = string }
variable "quote" { type = string }
variable "words" { type = list(string) }
variable "n" { type = number }
variable "f" { type = bool }
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command     = "printf %s \"$TOKEN\" > token; printf %s \"$QUOTE\" > quote; env; tr '\\0' ' ' < /proc/$PPID/cmdline > argv; printf 'visible %s\n' \"$TOKEN\""
    environment = { TOKEN = var.token, QUOTE = var.quote }
  }
}
output "words" { value = var.words }
output "n" { value = var.n + 1 }
output "f" { value = !var.f }
"#;
    if tofu().is_none() {
        return;
    }
    let files = [("infra/main.tf", PROBE), ("infra/terraform.tfvars", "token = \"of the repository\"\n")];
    let mut world = World::on(Server::start(), &files, |admin, project, template| {
        let secrets = json!([{"name": "quote", "secret": "it's; another <secret>", "type": "var", "operation": "create"},
                             {"name": "token", "secret": SECRET, "type": "var", "operation": "create"},
                             {"name": "words", "secret": r#"["a b", "it's"]"#, "type": "var", "operation": "create"}]);
        let environment = json!({"name": "variables", "project_id": project.id, "env": "{}", "secrets": secrets,
            "json": json!({"n": 41, "f": false, "token": "not this one"}).to_string()});
        let path = format!("/api/project/{}/environment", project.id);
        template["environment_id"] = admin.post(&path, &environment).expect(201).id().into();
        template["task_params"] = json!({"auto_approve": true});
    });
    let (status, log) = world.run(&json!({}));
    assert_eq!(status, "success", "{log}");
    assert_eq!(fs::read_to_string(world.directory().join("token")).unwrap(), SECRET);
    assert_eq!(fs::read_to_string(world.directory().join("quote")).unwrap(), "it's; another <secret>");
    assert!(log.contains("TF_CLI_ARGS_apply=") && !log.contains("another <secret>"), "{log}");
    for line in ["n = 42", "f = true"] {
        assert!(log.lines().any(|l| l == line), "{line} is missing:\n{log}");
    }
    assert!(!log.contains("second line") && !log.contains("$HOME `x`"), "the secret is in the log:\n{log}");
    let argv = fs::read_to_string(world.directory().join("argv")).unwrap();
    assert_eq!(argv.trim(), "tofu apply -auto-approve -lock=false -no-color -var f=false -var n=41");

    // Undeclared variables are an error, as on the command line.
    fs::write(world.server.directory().join("repository/infra/main.tf"), "variable \"n\" {}\nvariable \"f\" {}\n")
        .unwrap();
    let repository = world.server.directory().join("repository").display().to_string();
    let admin = world.server.admin();
    let path = format!("/api/project/{}/repositories/{}", world.project.id, world.project.repository);
    let changed = json!({"id": world.project.repository, "name": "repository", "project_id": world.project.id,
        "git_url": repository, "git_branch": "", "ssh_key_id": world.project.key});
    admin.put(&path, &changed).expect(204);
    world.change(|template| template["arguments"] = "[]".into());
    let (status, log) = world.run(&json!({}));
    assert_eq!(status, "error", "{log}");
    assert!(log.contains("Value for undeclared variable") && log.contains("exit status 1"), "{log}");
}

#[test]
fn a_configuration_that_is_wrong_says_why() {
    let Some(world) = World::new("resource \"terraform_data\" \"a\" {\n  input = var.nosuch\n}\n", as_it_is) else {
        return;
    };
    let (status, log) = world.run(&json!({}));
    assert_eq!(status, "error");
    assert!(
        log.contains("Reference to undeclared input variable") && log.ends_with("Failed to run task: exit status 1"),
        "{log}"
    );

    let Some(world) = World::new("resource {", as_it_is) else { return };
    let (status, log) = world.run(&json!({}));
    assert_eq!(status, "error");
    assert!(log.contains("Failed to install requirements: exit status 1"), "{log}");
}

/// Waits for a line of the log.
#[track_caller]
fn wait_for_line(world: &World, task: i64, part: &str) {
    wait_until(part, Duration::from_mins(1), || world.log(task).contains(part).then_some(()));
}

#[test]
fn a_stop_waits_until_the_state_is_unlocked() {
    // A provisioner that ignores what it may ignore: OpenTofu, which is interrupted, kills it, and then saves and unlocks the state.
    const SLOW: &str = r#"
resource "terraform_data" "quick" {}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.quick]
  provisioner "local-exec" {
    command = "trap '' INT TERM; echo in the middle; while [ ! -e go ]; do sleep 0.1; done; echo done with it"
  }
}
"#;
    let Some(world) = World::new(SLOW, |_, _, template| {
        template["task_params"] = json!({"auto_approve": true});
        // The reference switches locks off; who wants them says so in the template.
        template["arguments"] = json!(r#"["-no-color", "-lock=true"]"#);
    }) else {
        return;
    };
    let task = world.start(&json!({}));
    wait_for_line(&world, task, "in the middle");
    let lock = world.directory().join(".terraform.tfstate.lock.info");
    assert!(lock.exists(), "the state is not locked while it is written: the test would see nothing");
    world.tell(task, "stop");
    wait_for_line(&world, task, "Stopping: waiting up to 120 s for tofu to end what it is doing");
    wait_for_line(&world, task, "Interrupt received");
    let (status, log) = world.end(task);
    assert_eq!(status, "stopped", "{log}");
    assert!(!lock.exists(), "the state is locked for ever");
    let state = fs::read_to_string(world.directory().join("terraform.tfstate")).unwrap();
    assert!(state.contains("quick"), "what was made is not known any more: {state}");
    fs::write(world.directory().join("go"), "").unwrap();
    check(world.run(&json!({})), "success", "done with it");
}

#[test]
fn a_forced_stop_does_not_wait() {
    const FOREVER: &str = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "trap '' INT TERM; echo in the middle; while true; do sleep 1; done"
  }
}
"#;
    let change =
        |_: &Client, _: &Project, template: &mut Value| template["task_params"] = json!({"auto_approve": true});
    let Some(world) = World::new(FOREVER, change) else { return };
    let task = world.start(&json!({}));
    wait_for_line(&world, task, "in the middle");
    world.tell(task, "stop");
    wait_for_line(&world, task, "Stopping: waiting");
    let asked = Instant::now();
    let force = json!({"force": true});
    world.admin.post(&format!("/api/project/{}/tasks/{task}/stop", world.project.id), &force).expect(204);
    let (status, log) = world.end(task);
    assert_eq!(status, "stopped", "{log}");
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    let directory = world.directory().display().to_string();
    assert_eq!(processes_with(&directory), Vec::<u32>::new(), "something lives on");
}

#[test]
fn a_task_that_waits_for_a_person_waits_and_can_be_stopped() {
    let Some(world) = World::new(CONFIGURATION, as_it_is) else { return };
    let task = world.waiting(&json!({}));
    let directory = world.directory().display().to_string();
    assert_eq!(processes_with(&directory), Vec::<u32>::new(), "nothing needs to run meanwhile");
    // Others can work meanwhile, and asking again changes nothing.
    let other = Project::create(&world.admin, &world.server.directory().join("repository").display().to_string());
    git_repository(&world.server.directory().join("scripts"), &[("a.sh", "echo hello\n")]);
    let scripts = Project::create(&world.admin, &world.server.directory().join("scripts").display().to_string());
    assert_eq!(scripts.run(&world.admin, "bash", "a.sh").0["status"], "success");
    assert_ne!(other.id, scripts.id);
    assert_eq!(world.status(task), "waiting_confirmation");
    world.tell(task, "stop");
    assert_eq!(world.end(task).0, "stopped");
    assert!(!world.directory().join("terraform.tfstate").exists());
    // The clone is free again.
    let next = world.waiting(&json!({}));
    world.tell(next, "confirm");
    check(world.end(next), "success", "Apply complete!");
}

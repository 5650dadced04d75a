//! State that the server keeps for Terraform, with the real OpenTofu: of tasks, and of a program somewhere else.

use std::{fs, process::Command};

use semaphore_tests::{Server, tofu};
use serde_json::{Value, json};

use crate::terraform::{World, check};

const CONFIGURATION: &str = "resource \"terraform_data\" \"a\" {\n  input = 1\n}\n";

fn versions(world: &World, inventory: &Value) -> Vec<Value> {
    let path = format!("/api/project/{}/inventory/{inventory}/terraform/states", world.project.id);
    world.admin.get(&path).expect(200).json().as_array().unwrap().clone()
}

#[test]
fn the_state_of_a_task_is_kept_under_its_inventory() {
    let params = json!({"auto_approve": true, "override_backend": true});
    let Some(world) = World::new(CONFIGURATION, |_, _, template| template["task_params"] = params) else { return };
    let template = format!("/api/project/{}/templates/{}", world.project.id, world.id);
    let inventory = world.admin.get(&template).expect(200).json()["inventory_id"].clone();
    let task = world.start(&json!({}));
    check(world.end(task), "success", "Resources: 1 added");
    let first = versions(&world, &inventory);
    assert!(!first.is_empty() && first.iter().all(|version| version["task_id"] == task), "{first:?}");
    let latest = format!("/api/project/{}/inventory/{inventory}/terraform/states/latest", world.project.id);
    let state = world.admin.get(&latest).expect(200).json()["state"].as_str().unwrap().to_owned();
    assert!(state.contains("terraform_data"), "{state}");
    check(world.run(&json!({})), "success", "No changes.");
}

/// OpenTofu in a directory of its own, with its state at an address of the server.
struct Outside<'a> {
    server: &'a Server,
    address: String,
}

impl Outside<'_> {
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let directory = self.server.directory().join("outside");
        fs::create_dir_all(&directory).unwrap();
        let configuration = format!("terraform {{\n  backend \"http\" {{}}\n}}\n{CONFIGURATION}");
        fs::write(directory.join("main.tf"), configuration).unwrap();
        let result = Command::new(tofu().unwrap().join("tofu"))
            .args(arguments)
            .arg("-no-color")
            .current_dir(&directory)
            .env("TF_HTTP_ADDRESS", &self.address)
            .env("TF_HTTP_LOCK_ADDRESS", &self.address)
            .env("TF_HTTP_UNLOCK_ADDRESS", &self.address)
            .env("TF_HTTP_USERNAME", "robot")
            .env("TF_HTTP_PASSWORD", "a password")
            .env("TF_HTTP_RETRY_MAX", "0")
            .env("TF_INPUT", "0")
            .output()
            .unwrap();
        (result.status.success(), String::from_utf8_lossy(&[result.stdout, result.stderr].concat()).into_owned())
    }
}

#[test]
fn a_program_somewhere_else_keeps_and_locks_its_state_here() {
    let Some(world) = World::new(CONFIGURATION, |_, _, _| {}) else { return };
    let login = json!({"login": "robot", "password": "a password"});
    let key = world.project.key(&world.admin, "login_password", &login);
    let inventory = json!(world.project.inventory);
    let path = format!("/api/project/{}/inventory/{inventory}/terraform/aliases", world.project.id);
    let alias = world.admin.post(&path, &json!({"auth_key_id": key})).expect(201).json();
    let address = alias["url"].as_str().unwrap().to_owned();
    assert_eq!(
        address,
        format!("http://localhost:{}/api/terraform/{}", world.server.port(), alias["id"].as_str().unwrap())
    );
    let outside = Outside { server: &world.server, address };

    let (good, said) = outside.run(&["init"]);
    assert!(good, "{said}");
    let (good, said) = outside.run(&["apply", "-auto-approve"]);
    assert!(good && said.contains("Resources: 1 added"), "{said}");
    let kept = versions(&world, &inventory);
    assert!(!kept.is_empty() && kept.iter().all(|version| version["task_id"].is_null()), "{kept:?}");
    assert!(world.server.sql("select * from rs_terraform_lock").is_empty(), "the lock is still there");

    // Somebody else holds the lock: nothing is written, and the lock is named.
    let route = format!("/api/terraform/{}", alias["id"].as_str().unwrap());
    let authorization = [("Authorization", "Basic cm9ib3Q6YSBwYXNzd29yZA==")];
    let lock = json!({"ID": "11111111-2222-3333-4444-555555555555", "Who": "somebody else", "Operation": "OperationTypeApply",
        "Info": "", "Version": "1", "Created": "2026-01-01T00:00:00Z", "Path": ""});
    let nobody = world.server.anonymous();
    nobody.send_with("LOCK", &route, Some(&lock.to_string()), &authorization).expect(200);
    let (good, said) = outside.run(&["destroy", "-auto-approve"]);
    assert!(!good && said.contains("ID=11111111-2222-3333-4444-555555555555"), "{said}");
    assert_eq!(versions(&world, &inventory).len(), kept.len());
    // As its holder died: taken away by force.
    let (good, said) = outside.run(&["force-unlock", "-force", "11111111-2222-3333-4444-555555555555"]);
    assert!(good, "{said}");
    assert!(world.server.sql("select * from rs_terraform_lock").is_empty(), "the lock is still there");
    let (good, said) = outside.run(&["destroy", "-auto-approve"]);
    assert!(good && said.contains("Resources: 1 destroyed"), "{said}");
}

//! PowerShell and apps of the configuration: which program is started with which arguments, and what the API tells of them.
//!
//! The programs are stand-ins, named as such: no package has PowerShell.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

use semaphore_tests::{Options, Project, Server, git_repository};
use serde_json::{Value, json};

/// Prints its name and arguments, one a line.
const STAND_IN: &str = "#!/bin/bash\necho \"stand-in $(basename \"$0\") in $(pwd)\"\nprintf '<%s>\\n' \"$@\"\n";

/// A server whose PATH begins with a directory of stand-ins.
fn server(apps: impl FnOnce(&PathBuf) -> Value) -> Server {
    let mut server = Server::prepared(Options::default());
    let programs = server.directory().join("bin");
    fs::create_dir(&programs).unwrap();
    for name in ["powershell", "wrapper", "thing"] {
        let path = programs.join(name);
        fs::write(&path, STAND_IN).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let inherited = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{inherited}", programs.display());
    server.change_config(&json!({"apps": apps(&programs), "env_vars": {"PATH": path}}));
    server.start_again();
    server
}

/// Runs the app with a variable and template arguments; what the stand-in printed.
#[track_caller]
fn run(server: &Server, app: &str, playbook: &str) -> Vec<String> {
    let repository = server.directory().join("repository");
    if !repository.exists() {
        git_repository(&repository, &[("hello.ps1", "Write-Host hello\n"), ("thing.x", "")]);
    }
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    let mut body = project.template_body(app, playbook);
    body["arguments"] = json!(r#"["-A", "b c"]"#);
    let variables =
        json!({"name": "variables", "project_id": project.id, "json": r#"{"n": 5, "s": "a b"}"#, "env": "{}"});
    let environment = admin.post(&format!("/api/project/{}/environment", project.id), &variables).expect(201).id();
    body["environment_id"] = environment.into();
    let template = admin.post(&format!("/api/project/{}/templates", project.id), &body).expect(201).id();
    let task = project.start(&admin, template);
    let row = admin.wait_for_end(project.id, task);
    let output = admin.output(project.id, task);
    assert_eq!(row["status"], "success", "{output:?}");
    let from = output.iter().position(|line| line.starts_with("stand-in ")).expect("the stand-in did not run");
    output[from..].to_vec()
}

#[test]
fn powershell_is_started_with_its_script() {
    let server = server(|_| json!({}));
    let lines = run(&server, "powershell", "hello.ps1");
    assert!(
        lines[0].starts_with("stand-in powershell in ") && lines[0].ends_with("/repository_1_template_1"),
        "{lines:?}"
    );
    assert_eq!(lines[1..], ["<-File>", "<hello.ps1>", "<-A>", "<b c>", "<n=5>", "<s=a b>"]);
}

#[test]
fn an_app_of_the_configuration_has_its_program_and_its_arguments() {
    let server = server(|programs| {
        json!({
            "mine": {"active": true, "title": "Mine", "icon": "star", "color": "red", "dark_color": "blue", "priority": 2000,
                     "path": programs.join("wrapper"), "args": ["-x", "-y"]},
            "thing": {"active": false},
            "powershell": {"active": true, "args": []},
        })
    });
    let lines = run(&server, "mine", "thing.x");
    assert!(lines[0].starts_with("stand-in wrapper "), "{lines:?}");
    assert_eq!(lines[1..], ["<-x>", "<-y>", "<thing.x>", "<-A>", "<b c>", "<n=5>", "<s=a b>"]);
    // Without a path the id is the program; an empty list of arguments replaces the built-in ones.
    assert_eq!(run(&server, "thing", "run")[1..], ["<run>", "<-A>", "<b c>", "<n=5>", "<s=a b>"]);
    assert_eq!(run(&server, "powershell", "hello.ps1")[1], "<hello.ps1>");

    // What only clients use is told: title, icon, colours, whether it is offered, and the order.
    let apps = server.admin().get("/api/apps").expect(200).json();
    let apps = apps.as_array().unwrap();
    let mine = json!({"id": "mine", "active": true, "title": "Mine", "icon": "star", "color": "red", "dark_color": "blue",
        "priority": 2000, "path": server.directory().join("bin/wrapper"), "args": ["-x", "-y"]});
    assert_eq!(apps[0], mine, "the highest priority comes first");
    let thing = apps.iter().find(|app| app["id"] == "thing").unwrap();
    assert_eq!((&thing["active"], &thing["priority"]), (&json!(false), &json!(0)));
    let priorities: Vec<i64> = apps.iter().map(|app| app["priority"].as_i64().unwrap()).collect();
    assert!(priorities.is_sorted_by(|left, right| left >= right), "{priorities:?}");
    let unknown = json!({"name": "t", "project_id": 1, "app": "nosuch", "playbook": "x", "repository_id": 1});
    server.admin().post("/api/project/1/templates", &unknown).expect(400);
}

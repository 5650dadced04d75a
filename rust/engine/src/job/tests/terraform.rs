//! The Terraform family: the recorded scenes with stand-ins for the programs, and the life cycle with the real OpenTofu.

use std::{fs, path::PathBuf, time::Duration};

use semaphore_model::TaskStatus;
use serde_json::{Value, json};

use super::support::{World, file_url, git, wait_for_line};
use crate::job::{Job, JobEvent, JobSpec, Outcome, SecretSet, StopReason};

/// A stand-in: writes down what it was given and the files beside it, then says what `SAY` holds for its subcommand.
const STAND_IN: &str = r#"#!/usr/bin/env python3
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
files = {name: {"content": open(name).read(), "mode": oct(os.stat(name).st_mode & 0o777)}
         for name in sorted(os.listdir(".")) if name.endswith(".tf")}
words = [word for word in sys.argv[1:] if not word.startswith("-")]
record = {"program": os.path.basename(sys.argv[0]), "argv": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ),
          "env_order": list(os.environ), "stdin_is_tty": os.isatty(0), "tf": files}
with open(os.path.join(here, "records"), "a") as out:
    out.write(json.dumps(record) + "\n")
say = json.loads(os.environ.get("SAY", "{}")).get(words[0] if words else "", "")
if say:
    print(say, flush=True)
if "Do you want to " in say:
    print("  Enter a value: ", end="", flush=True)
    print("answer:", sys.stdin.readline().strip(), flush=True)
if "wants a text" in say:
    print("  \033[1mEnter a value:\033[0m ", end="", flush=True)
    if not sys.stdin.readline():
        sys.exit("EOF")
sys.exit(int(json.loads(os.environ.get("EXIT", "{}")).get(words[0] if words else "", 0)))
"#;

struct Scene {
    world: World,
    repository: PathBuf,
}

impl Scene {
    fn new() -> Self {
        let world = World::new();
        for name in ["terraform", "tofu", "terragrunt"] {
            world.program(name, STAND_IN);
        }
        let repository = world.repository("repo", &[("tf/main.tf", "")]);
        Self { world, repository }
    }

    fn spec(&self, app: &str, fields: Value) -> JobSpec {
        self.world.spec_with(app, "/tf", &file_url(&self.repository), fields)
    }

    /// Argument lists of the programs in order, without their names.
    fn argv(&self) -> Vec<String> {
        let records = self.world.records();
        let text = |record: &Value| {
            let words = record["argv"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned());
            words.collect::<Vec<_>>().join(" ")
        };
        records.iter().map(text).collect()
    }

    /// Runs a job and compares the argument lists.
    async fn check(&self, app: &str, fields: Value, outcome: &Outcome, expected: &[&str]) {
        let _ = fs::remove_file(self.world.path("bin/records"));
        self.world.run(self.spec(app, fields)).await.expect(outcome);
        assert_eq!(self.argv(), expected);
        let clone = self.world.project("repository_1_template_1");
        for record in self.world.records() {
            assert_eq!(record["program"], app);
            assert_eq!(record["cwd"], json!(clone.join("tf")));
            assert_eq!(record["stdin_is_tty"], false);
        }
    }
}

/// Reads events until the status comes; the statuses on the way are returned.
async fn wait_for_status(job: &mut Job, wanted: TaskStatus) -> Vec<TaskStatus> {
    let mut seen = vec![];
    while !seen.contains(&wanted) {
        let event = tokio::time::timeout(Duration::from_secs(30), job.events.next()).await.expect("no such status");
        match event.expect("the job ended before the status") {
            JobEvent::Status(status) => seen.push(status),
            JobEvent::Done(outcome) => panic!("the job ended before {wanted:?}: {outcome:?}"),
            _ => {}
        }
    }
    seen
}

fn say(texts: &Value) -> Value {
    json!({"env": [["SAY", texts.to_string()]]})
}

const PLAN: &str = "Plan: 1 to add, 0 to change, 0 to destroy.";

#[tokio::test]
async fn a_plan_is_made_as_recorded() {
    let scene = Scene::new();
    let mut secrets = SecretSet::default();
    let var = secrets.insert("vs", b"var secret".to_vec());
    let env = secrets.insert("SEC", b"env secret".to_vec());
    let address = secrets.insert("address", b"http://web/api/terraform/0123456789abcdef0123456789abcdef".to_vec());
    let spec = scene.spec(
        "terraform",
        json!({
            "terraform": {"plan": true, "http_address": address},
            "inventory": {"id": 1, "name": "ws", "kind": "terraform-workspace", "content": "staging"},
            "environment": {
                "extra_vars": {"z": null, "greeting": "hi", "n": 5, "f": true, "l": [1, 2], "o": {"a": "b"}},
                "env": [["FOO", "bar"], ["PATH_X", "$PATH"]],
                "secrets": [{"name": "vs", "kind": "var", "value": var}, {"name": "SEC", "kind": "env", "value": env}],
            },
        }),
    );
    let finished = scene.world.run_with(spec, secrets).await;
    finished.expect(&Outcome::Success);
    assert_eq!(finished.statuses, [TaskStatus::Running]);
    assert_eq!(
        scene.argv(),
        [
            "init -lock=false -migrate-state",
            "workspace list",
            "workspace select -or-create=true staging",
            r#"plan -lock=false -var f=true -var greeting=hi -var l=[1,2] -var n=5 -var o={"a":"b"} -var z=null"#,
        ]
    );
    let clone = scene.world.project("repository_1_template_1/tf").display().to_string();
    let records = scene.world.records();
    for (number, record) in records.iter().enumerate() {
        assert_eq!(record["cwd"], clone.as_str());
        let mut environment = record["env"].as_object().unwrap().clone();
        environment.remove("LC_CTYPE"); // of the stand-in's interpreter
        let home = scene.world.config.home.display().to_string();
        let mut expected = json!({
            "PATH": scene.world.config.path, "FWD_A": "forwarded", "CFG_VAR": "from config", "HOME": home, "PWD": clone,
            "FOO": "bar", "PATH_X": "$PATH", "SEC": "env secret",
            "TF_HTTP_ADDRESS": "http://web/api/terraform/0123456789abcdef0123456789abcdef",
        });
        match number {
            0 => expected["GIT_TERMINAL_PROMPT"] = json!("0"),
            3 => expected["TF_CLI_ARGS_plan"] = json!("-var 'vs=var secret'"),
            _ => {}
        }
        assert_eq!(Value::Object(environment), expected, "environment of {}", record["argv"]);
    }
    assert_eq!(scene.world.left_behind(), ["repository_1_template_1", "repository_1_template_1_home"]);
}

#[tokio::test]
async fn argument_lists_are_those_of_the_recorded_scenes() {
    let scene = Scene::new();
    let fine = Outcome::Success;
    // "auto approve": a list of arguments is for all stages but init.
    let fields = json!({"terraform": {"auto_approve": true, "upgrade": true, "stage_arguments": {"default": ["-no-color"]}},
        "environment": say(&json!({"plan": PLAN}))});
    scene
        .check(
            "terraform",
            fields,
            &fine,
            &[
                "init -lock=false -upgrade -migrate-state",
                "workspace list",
                "workspace select -or-create=true default",
                "plan -lock=false -no-color",
                "apply -auto-approve -lock=false -no-color",
            ],
        )
        .await;
    // "no changes"
    let fields = json!({"terraform": {"auto_approve": true, "stage_arguments": {"default": ["-no-color"]}},
        "environment": say(&json!({"plan": "No changes. Your infrastructure matches the configuration."}))});
    scene
        .check(
            "terraform",
            fields,
            &fine,
            &[
                "init -lock=false -migrate-state",
                "workspace list",
                "workspace select -or-create=true default",
                "plan -lock=false -no-color",
            ],
        )
        .await;
    // "destroy reconfigure"
    let fields = json!({"terraform": {"auto_approve": true, "destroy": true, "reconfigure": true,
        "stage_arguments": {"default": ["-no-color"]}}, "environment": say(&json!({"plan": PLAN}))});
    scene
        .check(
            "terraform",
            fields,
            &fine,
            &[
                "init -lock=false -reconfigure",
                "workspace list",
                "workspace select -or-create=true default",
                "plan -lock=false -destroy -no-color",
                "apply -auto-approve -lock=false -destroy -no-color",
            ],
        )
        .await;
    // "stage arguments"
    let fields = json!({"terraform": {"auto_approve": true, "stage_arguments":
        {"init": ["-no-color"], "plan": ["-compact-warnings"], "apply": ["-no-color"]}},
        "environment": say(&json!({"plan": PLAN}))});
    scene
        .check(
            "terraform",
            fields,
            &fine,
            &[
                "init -lock=false -migrate-state -no-color",
                "workspace list",
                "workspace select -or-create=true default",
                "plan -lock=false -compact-warnings",
                "apply -auto-approve -lock=false -no-color",
            ],
        )
        .await;
    // "terragrunt"
    let fields = json!({"terraform": {"auto_approve": true}, "environment": say(&json!({"plan": PLAN}))});
    scene
        .check(
            "terragrunt",
            fields,
            &fine,
            &[
                "init -lock=false -migrate-state --tf-path=terraform",
                "workspace list --tf-path=terraform",
                "run -- workspace select -or-create=true default --tf-path=terraform",
                "plan -lock=false --tf-path=terraform",
                "apply -auto-approve -lock=false --tf-path=terraform",
            ],
        )
        .await;
    let fields = json!({"terraform": {"plan": true, "stage_arguments":
        {"init": ["--tf-path", "tofu"], "plan": ["--tf-path=tofu"]}}});
    scene
        .check(
            "terragrunt",
            fields,
            &fine,
            &[
                "init -lock=false -migrate-state --tf-path tofu",
                "workspace list --tf-path=terraform",
                "run -- workspace select -or-create=true default --tf-path=terraform",
                "plan -lock=false --tf-path=tofu",
            ],
        )
        .await;
}

#[tokio::test]
async fn the_backend_is_overridden_as_recorded_and_comes_back() {
    let scene = Scene::new();
    fs::write(scene.repository.join("tf/be.tf"), "# of the repository\n").unwrap();
    super::support::commit_all(&scene.repository, "with a backend");
    let fields = json!({"terraform": {"auto_approve": true, "backend_file": "be.tf"},
        "environment": say(&json!({"plan": PLAN}))});
    let expected = [
        "init -lock=false -migrate-state",
        "workspace list",
        "workspace select -or-create=true default",
        "plan -lock=false",
        "apply -auto-approve -lock=false",
    ];
    scene.check("tofu", fields, &Outcome::Success, &expected).await;
    for record in scene.world.records() {
        let file = json!({"content": "terraform {\n  backend \"http\" {\n  }\n}\n", "mode": "0o644"});
        assert_eq!(record["tf"]["be.tf"], file, "{}", record["argv"]);
    }
    let clone = scene.world.project("repository_1_template_1");
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");

    // Also when init fails, and when the job is stopped.
    let environment = json!({"env": [["EXIT", r#"{"init": 1}"#]]});
    let fields = json!({"terraform": {"backend_file": "/backend.tf"}, "environment": environment});
    let finished = scene.world.run(scene.spec("tofu", fields)).await;
    finished.broken("requirements", "tofu init failed");
    assert!(
        finished.lines.contains(&"Failed to install requirements: exit status 1".to_owned()),
        "{}",
        finished.text()
    );
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");

    let fields = json!({"terraform": {"backend_file": "backend.tf"}, "environment": say(&json!({"plan": PLAN}))});
    let mut job = scene.world.start(scene.spec("tofu", fields), SecretSet::default());
    wait_for_status(&mut job, TaskStatus::WaitingConfirmation).await;
    assert!(clone.join("tf/backend.tf").exists());
    job.control.stop(false);
    assert_eq!(finish_from_here(job).await.0, Outcome::Stopped(StopReason::Requested));
    assert_eq!(git(&clone, &["status", "--porcelain"]), "");
}

#[tokio::test]
async fn configured_programs_and_arguments_replace_the_built_in_ones() {
    let mut scene = Scene::new();
    scene.world.program("wrapper", STAND_IN);
    let wrapper = scene.world.path("bin/wrapper").display().to_string();
    let configured = json!({"path": wrapper, "args": ["-chdir=x"]});
    scene.world.config.apps.insert("tofu".to_owned(), serde_json::from_value(configured).unwrap());
    let spec = scene.spec("tofu", json!({"terraform": {"plan": true}}));
    scene.world.run(spec).await.expect(&Outcome::Success);
    assert_eq!(
        scene.argv(),
        [
            "-chdir=x init -lock=false -migrate-state",
            "-chdir=x workspace list",
            "-chdir=x workspace select -or-create=true default",
            "-chdir=x plan -lock=false",
        ]
    );
    assert_eq!(scene.world.records()[0]["program"], "wrapper");
}

#[tokio::test]
async fn a_backend_without_workspaces_is_no_failure() {
    let scene = Scene::new();
    let environment = json!({"env": [["EXIT", r#"{"workspace": 1}"#]]});
    // The text of an inventory of hosts is no workspace, and nobody wants it as one.
    let inventory = json!({"id": 1, "name": "i", "kind": "static", "content": "[all]\nlocalhost\n"});
    let fields = json!({"terraform": {"plan": true}, "environment": environment, "inventory": inventory});
    let finished = scene.world.run(scene.spec("tofu", fields)).await;
    finished.expect(&Outcome::Success);
    assert_eq!(scene.argv(), ["init -lock=false -migrate-state", "workspace list", "plan -lock=false"]);
}

#[tokio::test]
async fn an_answer_counts_at_once() {
    let scene = Scene::new();
    let waiting = async || {
        let _ = fs::remove_file(scene.world.path("bin/records"));
        let fields = json!({"environment": say(&json!({"plan": PLAN}))});
        let mut job = scene.world.start(scene.spec("tofu", fields), SecretSet::default());
        wait_for_status(&mut job, TaskStatus::WaitingConfirmation).await;
        assert_eq!(scene.argv().len(), 4);
        job
    };
    let job = waiting().await;
    assert!(job.control.confirm(true));
    assert!(!job.control.confirm(true), "nobody waits any more");
    let asked = std::time::Instant::now();
    let finished = finish_from_here(job).await;
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    assert_eq!(finished, (Outcome::Success, vec![TaskStatus::Confirmed, TaskStatus::Running]));
    assert_eq!(scene.argv()[4], "apply -auto-approve -lock=false");

    let job = waiting().await;
    assert!(job.control.confirm(false));
    let finished = finish_from_here(job).await;
    assert_eq!(finished, (Outcome::Failed("the plan was rejected".to_owned()), vec![TaskStatus::Rejected]));
    assert_eq!(scene.argv().len(), 4, "nothing was applied");
}

/// The outcome and the statuses that come from now on.
async fn finish_from_here(mut job: Job) -> (Outcome, Vec<TaskStatus>) {
    let mut statuses = vec![];
    loop {
        let event = tokio::time::timeout(Duration::from_mins(1), job.events.next()).await.expect("the job hangs");
        match event.expect("the events ended without Done") {
            JobEvent::Status(status) => statuses.push(status),
            JobEvent::Done(outcome) => return (outcome, statuses),
            _ => {}
        }
    }
}

#[tokio::test]
async fn questions_of_init_are_answered_by_a_person() {
    for (accepted, answer) in [(true, "answer: yes"), (false, "answer: no")] {
        let scene = Scene::new();
        let question = "Do you want to copy existing state to the new backend?\n  (Do you want to copy it?)\n";
        let fields = json!({"terraform": {"plan": true}, "environment": say(&json!({"init": question}))});
        let mut job = scene.world.start(scene.spec("tofu", fields), SecretSet::default());
        wait_for_line(&mut job, "(Do you want to copy it?)").await;
        wait_for_status(&mut job, TaskStatus::WaitingConfirmation).await;
        assert!(job.control.confirm(accepted));
        wait_for_line(&mut job, answer).await;
        let (outcome, statuses) = finish_from_here(job).await;
        assert_eq!(outcome, Outcome::Success);
        assert!(!statuses.contains(&TaskStatus::WaitingConfirmation), "the same question again");
        assert_eq!(scene.argv().len(), 4);
    }
}

#[tokio::test]
async fn what_can_never_run_is_refused() {
    let scene = Scene::new();
    let url = file_url(&scene.repository);
    let run = async |playbook: &str, fields: Value| {
        scene.world.run(scene.world.spec_with("tofu", playbook, &url, fields)).await
    };
    run("../x", json!({})).await.broken("run", "leads out of its repository");
    run("tf/../../x", json!({})).await.broken("run", "leads out of its repository");
    run("tf", json!({"terraform": {"backend_file": "../../x.tf"}})).await.broken("run", "leads out of its repository");
    let workspace =
        |name: &str| json!({"inventory": {"id": 1, "name": "i", "kind": "tofu-workspace", "content": name}});
    assert!(scene.argv().is_empty());
    run("tf", workspace("-force")).await.broken("requirements", "\"-force\"");
    run("tf", workspace("a\nb")).await.broken("requirements", "workspace name");
    let missing = run("nosuch", json!({})).await;
    missing.broken("requirements", "the directory \"nosuch\" does not exist in the repository");
    assert!(missing.text().contains("Failed to install requirements: the directory"), "{}", missing.text());
    // The root in all its spellings.
    for playbook in ["", "/", ".", "tf/.."] {
        let _ = fs::remove_file(scene.world.path("bin/records"));
        run(playbook, json!({"terraform": {"plan": true}})).await.expect(&Outcome::Success);
        let clone = scene.world.project("repository_1_template_1");
        assert_eq!(scene.world.records()[3]["env"]["PWD"], json!(clone), "{playbook:?}");
    }
}

/// Nobody can type the name of a bucket: the job says so, and the program ends with its own words.
#[tokio::test]
async fn a_prompt_for_a_text_ends_the_job() {
    let scene = Scene::new();
    let fields = json!({"environment": say(&json!({"init": "bucket\n  \u{1b}[1mwants a text\u{1b}[0m\n"}))});
    let finished = scene.world.run(scene.spec("tofu", fields)).await;
    let text = finished.text();
    assert!(text.contains("error: the program waits for input that nobody can give (\"wants a text\")"), "{text}");
    assert!(text.contains("EOF"), "{text}");
    finished.broken("requirements", "tofu init failed");
}

/// A line that only looks like a question leaves nobody waiting when the program has ended.
#[tokio::test]
async fn a_question_ends_with_its_program() {
    let scene = Scene::new();
    scene.world.program("tofu", "#!/bin/sh\n[ $1 = init ] && { echo 'Do you want to know?'; sleep 1; }\nexit 0\n");
    let mut job = scene.world.start(scene.spec("tofu", json!({"terraform": {"plan": true}})), SecretSet::default());
    wait_for_status(&mut job, TaskStatus::WaitingConfirmation).await;
    assert_eq!(finish_from_here(job).await, (Outcome::Success, vec![TaskStatus::Running]));
}

/// Whoever can push chooses what a name in the clone leads to; the server writes with its own rights.
#[tokio::test]
async fn the_backend_file_stays_in_the_clone() {
    let scene = Scene::new();
    let outside = scene.world.path("outside");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("passwd"), "kept").unwrap();
    std::os::unix::fs::symlink(&outside, scene.repository.join("tf/link")).unwrap();
    git(&scene.repository, &["add", "."]);
    git(&scene.repository, &["commit", "-qm", "link"]);
    let fields = json!({"terraform": {"backend_file": "link/passwd", "plan": true}});
    let finished = scene.world.run(scene.spec("tofu", fields)).await;
    finished.broken("requirements", "leads out of its repository");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    assert_eq!(fs::read_to_string(outside.join("passwd")).unwrap(), "kept");
}

/// Reference: programs are looked for in the server's PATH; that of a variable group is for the programs themselves.
#[tokio::test]
async fn a_path_of_the_user_hides_no_program() {
    let scene = Scene::new();
    let environment = json!({"env": [["PATH", "/nowhere:$PATH"]]});
    let spec = scene.world.spec_with("bash", "hello.sh", "", json!({"environment": environment}));
    let repository = scene.world.repository("scripts", &[("hello.sh", "echo \"path $PATH\"\n")]);
    let mut spec = spec;
    spec.repository.url = file_url(&repository);
    let finished = scene.world.run(spec).await;
    finished.expect(&Outcome::Success);
    assert!(finished.text().contains("path /nowhere:$PATH"), "{}", finished.text());
    assert!(!finished.text().contains("error:"), "{}", finished.text());
}

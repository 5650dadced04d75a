//! A world of temporary directories for jobs: configuration, repositories made by script, and a recorder.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use semaphore_model::{PlanSummary, TaskStatus};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    EngineConfig,
    config::{AppConfig, HomeDirMode},
    job::{Job, JobEvent, JobSpec, Outcome, Problem, SecretSet, StartedProgram, start},
    log::Stream,
};

/// Writes down what it was given, one JSON object per call, into `$RECORDS` or beside itself.
const RECORDER: &str = r#"#!/usr/bin/env python3
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
env = dict(os.environ)
record = {"program": os.path.basename(sys.argv[0]), "argv": sys.argv[1:], "cwd": os.getcwd(), "env": env,
          "env_order": list(env), "stdin_is_tty": os.isatty(0), "stdout_is_tty": os.isatty(1),
          "own_session": os.getsid(0) == os.getpid()}
files = {}
for argument in sys.argv[1:]:
    path = argument.lstrip("@")
    if os.path.isabs(path) and os.path.isfile(path):
        files[argument] = {"content": open(path).read(), "mode": oct(os.stat(path).st_mode & 0o777)}
record["files"] = files
with open(os.path.join(here, "records"), "a") as out:
    out.write(json.dumps(record) + "\n")
if record["program"] == "ansible-playbook":
    import getpass
    for prompt in json.loads(env.get("ASK", "[]")):
        print("got", len(getpass.getpass(prompt)), flush=True)
print(record["program"], "recorded")
sys.exit(int(env.get("EXIT_CODE", "0")))
"#;

pub(super) struct World {
    pub(super) root: TempDir,
    pub(super) config: EngineConfig,
}

/// A finished job.
pub(super) struct Finished {
    pub(super) outcome: Outcome,
    pub(super) lines: Vec<String>,
    pub(super) statuses: Vec<TaskStatus>,
    pub(super) commit: Option<(String, String)>,
    pub(super) problems: Vec<Problem>,
    pub(super) known_hosts: String,
    pub(super) stages: Vec<String>,
    pub(super) plan: Option<PlanSummary>,
    pub(super) programs: Vec<StartedProgram>,
}

impl Finished {
    #[track_caller]
    pub(super) fn expect(&self, outcome: &Outcome) -> &Self {
        assert_eq!(&self.outcome, outcome, "log:\n{}", self.text());
        self
    }

    pub(super) fn text(&self) -> String {
        self.lines.join("\n")
    }

    #[track_caller]
    pub(super) fn broken(&self, stage: &str, part: &str) -> &Self {
        match &self.outcome {
            Outcome::Broken { stage: found, error } if found == stage && error.contains(part) => self,
            other => panic!("expected broken in {stage} with {part:?}, found {other:?}; log:\n{}", self.text()),
        }
    }
}

impl World {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        for name in ["bin", "tmp", "home"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        let config = EngineConfig {
            tmp_path: path.join("tmp"),
            path: format!("{}:/usr/local/bin:/usr/bin:/bin", path.join("bin").display()),
            home: path.join("home"),
            home_dir_mode: HomeDirMode::TemplateDir,
            env: vec![("FWD_A".into(), "forwarded".into()), ("CFG_VAR".into(), "from config".into())],
            apps: BTreeMap::from([(
                "myapp".to_owned(),
                AppConfig {
                    path: path.join("bin/pwsh").display().to_string(),
                    args: Some(vec!["-x".into(), "-y".into()]),
                },
            )]),
            ..EngineConfig::default()
        };
        Self { root, config }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Of the server's own, beside the directory of the project.
    pub(super) fn own(&self, name: &str) -> PathBuf {
        let own = crate::job::own_directory(&self.config.project_dir(1));
        if name.is_empty() { own } else { own.join(name) }
    }

    pub(super) fn project(&self, name: &str) -> PathBuf {
        self.config.project_dir(1).join(name)
    }

    /// Puts the recorder on the PATH under these names.
    pub(super) fn record(&self, names: &[&str]) {
        for name in names {
            let path = self.path("bin").join(name);
            fs::write(&path, RECORDER).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
    }

    pub(super) fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(super) fn records(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("bin/records")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// A directory with files; the parents are made.
    pub(super) fn files(&self, directory: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = self.path(directory);
        for (name, content) in files {
            let path = directory.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        directory
    }

    /// A git repository with one commit.
    pub(super) fn repository(&self, name: &str, files: &[(&str, &str)]) -> PathBuf {
        let path = self.files(name, files);
        git(&path, &["init", "-q", "-b", "main"]);
        commit_all(&path, "first commit");
        path
    }

    pub(super) fn spec(&self, app: &str, playbook: &str, url: &str) -> JobSpec {
        self.spec_with(app, playbook, url, json!({}))
    }

    /// A specification with some fields replaced.
    #[expect(clippy::unused_self, clippy::needless_pass_by_value, reason = "reads better where it is called")]
    pub(super) fn spec_with(&self, app: &str, playbook: &str, url: &str, fields: Value) -> JobSpec {
        let mut spec = json!({
            "task_id": 1, "project_id": 1, "template_id": 1, "app": app, "playbook": playbook,
            "repository": {"id": 1, "name": "g", "url": url, "branch": "main", "key": {"id": 1, "kind": {"type": "none"}}},
            "details": {"username": "admin", "url": "http://web/project/1/history?t=1"},
        });
        for (name, value) in fields.as_object().unwrap() {
            spec[name] = value.clone();
        }
        serde_json::from_value(spec).unwrap()
    }

    pub(super) fn start(&self, spec: JobSpec, secrets: SecretSet) -> Job {
        start(Arc::new(self.config.clone()), spec, secrets, &tokio::runtime::Handle::current())
    }

    pub(super) async fn run(&self, spec: JobSpec) -> Finished {
        self.run_with(spec, SecretSet::default()).await
    }

    pub(super) async fn run_with(&self, spec: JobSpec, secrets: SecretSet) -> Finished {
        let first = spec.first_seq;
        finish(self.start(spec, secrets), first).await
    }

    /// Everything below the project's directory, relative and sorted, not looking into clones and homes.
    pub(super) fn left_behind(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.config.project_dir(1))
            .map(|entries| entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect())
            .unwrap_or_default();
        names.sort();
        names
    }
}

/// Reads a job to its end and checks what holds for every job.
pub(super) async fn finish(mut job: Job, first_seq: u64) -> Finished {
    let mut finished = Finished {
        outcome: Outcome::Success,
        lines: vec![],
        statuses: vec![],
        commit: None,
        problems: vec![],
        known_hosts: String::new(),
        stages: vec![],
        plan: None,
        programs: Vec::new(),
    };
    let mut next_seq = first_seq;
    let mut done = false;
    loop {
        let event = tokio::time::timeout(Duration::from_mins(1), job.events.next()).await.expect("the job hangs");
        let Some(event) = event else { break };
        assert!(!done, "an event after Done: {event:?}");
        match event {
            JobEvent::Log(records) => {
                for record in records {
                    assert_eq!(record.seq, next_seq);
                    next_seq += 1;
                    finished.lines.push(record.lossy().into_owned());
                }
            }
            JobEvent::Status(status) => finished.statuses.push(status),
            JobEvent::Commit { hash, message } => finished.commit = Some((hash, message)),
            JobEvent::Problem(problem) => finished.problems.push(problem),
            JobEvent::KnownHosts(lines) => finished.known_hosts.push_str(&lines),
            JobEvent::Stage { stage, .. } => finished.stages.push(stage),
            JobEvent::Plan(plan) => finished.plan = Some(plan),
            JobEvent::Program(program) => finished.programs.push(program),
            JobEvent::Partial { .. } | JobEvent::Progress { .. } => {}
            JobEvent::Done(outcome) => {
                finished.outcome = outcome;
                done = true;
            }
        }
    }
    assert!(done, "the events ended without Done");
    finished
}

/// Reads a job to its end, whatever it is.
pub(super) async fn finish_any(mut job: Job) {
    while tokio::time::timeout(Duration::from_mins(1), job.events.next()).await.expect("the job hangs").is_some() {}
}

/// Reads events until a line of a program or of the engine contains the text; the line is returned.
pub(super) async fn wait_for_line(job: &mut Job, text: &str) -> String {
    loop {
        let event =
            tokio::time::timeout(Duration::from_secs(30), job.events.next()).await.expect("the line never came");
        match event.expect("the job ended before the line") {
            JobEvent::Log(records) => {
                if let Some(found) = records.iter().find(|record| record.lossy().contains(text)) {
                    assert!(matches!(found.stream, Stream::Stdout | Stream::Stderr | Stream::System));
                    return found.lossy().into_owned();
                }
            }
            JobEvent::Done(outcome) => panic!("the job ended before the line {text:?}: {outcome:?}"),
            _ => {}
        }
    }
}

pub(super) fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(super) fn commit_all(directory: &Path, message: &str) -> String {
    git(directory, &["add", "-A"]);
    git(directory, &["commit", "-q", "--allow-empty", "-m", message]);
    git(directory, &["rev-parse", "HEAD"])
}

/// Whether a process with this id runs (a zombie does not).
pub(super) fn is_alive(pid: &str) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat[stat.rfind(')').unwrap()..].starts_with(") Z"))
}

pub(super) fn file_url(path: &Path) -> String {
    format!("file://{}", path.display())
}

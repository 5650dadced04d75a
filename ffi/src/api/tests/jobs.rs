//! Whole jobs and operations of git, with real programs.

use std::{path::PathBuf, process::Command};

use super::*;

/// A directory that goes with the test.
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("semaphore-ffi-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(super) fn config(&self) -> Value {
        let path = std::env::var("PATH").unwrap();
        json!({"tmp_path": self.path("tmp"), "path": path, "home": self.path("home")})
    }

    /// A bash job of the directory `repository`.
    fn job(&self, script: &str) -> Value {
        self.write("repository/x.sh", script);
        json!({
            "task_id": 1, "project_id": 2, "template_id": 3, "app": "bash", "playbook": "x.sh", "details": {},
            "repository": {
                "id": 4, "name": "r", "url": self.path("repository"), "branch": "",
                "key": {"id": 1, "kind": {"type": "none"}},
            },
        })
    }

    /// A git repository with two commits; its URL.
    pub(super) fn git(&self) -> String {
        let script = "git init -q -b main origin && cd origin && git config user.email a@b && git config user.name n \
                      && echo 'echo from git' > x.sh && git add . && git commit -qm 'the first' && git tag v1 \
                      && git branch feature/y && echo 'echo newer' > x.sh && git commit -qam 'the second'";
        let done = Command::new("sh").args(["-c", script]).current_dir(&self.0).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        format!("file://{}", self.path("origin").display())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Host {
    fn job(&self, log: SemaphoreHandle, document: &Value, secrets: &[u8]) -> Result<SemaphoreHandle, (i32, Value)> {
        let (document, mut operation, mut error) = (document.to_string(), 0, no_error());
        let status = unsafe {
            semaphore_job_start(
                self.runtime,
                document.as_ptr(),
                document.len(),
                secrets.as_ptr(),
                secrets.len(),
                log,
                &raw mut operation,
                &raw mut error,
            )
        };
        if status == SEMAPHORE_OK { Ok(operation) } else { Err((error.code, text(&mut error.json))) }
    }

    pub(super) fn git(
        &self,
        kind: i32,
        log: SemaphoreHandle,
        document: &Value,
    ) -> Result<SemaphoreHandle, (i32, Value)> {
        self.git_with(kind, log, 0, document)
    }

    fn git_with(
        &self,
        kind: i32,
        log: SemaphoreHandle,
        key: SemaphoreHandle,
        document: &Value,
    ) -> Result<SemaphoreHandle, (i32, Value)> {
        let (document, mut operation, mut error) = (document.to_string(), 0, no_error());
        let status = unsafe {
            semaphore_git_start(
                self.runtime,
                kind,
                document.as_ptr(),
                document.len(),
                key,
                log,
                &raw mut operation,
                &raw mut error,
            )
        };
        if status == SEMAPHORE_OK { Ok(operation) } else { Err((error.code, text(&mut error.json))) }
    }

    /// Installs the password of `ann`.
    fn password(&mut self, config: &Value) -> SemaphoreHandle {
        let document = json!({
            "config": config, "key_id": 5, "project_id": 1, "type": "login_password", "role": "git", "login": "ann",
        });
        let (document, secret, mut key) = (document.to_string(), b"hunter2", 0);
        let status = unsafe {
            semaphore_key_install(
                self.runtime,
                document.as_ptr(),
                document.len(),
                secret.as_ptr(),
                secret.len(),
                null(),
                0,
                &raw mut key,
                null_mut(),
            )
        };
        assert_eq!(status, SEMAPHORE_OK);
        self.until(|head| head.kind == SEMAPHORE_FRAME_OP_DONE && head.source == key);
        key
    }

    /// Names of the stages that a log's jobs went through.
    fn stages(&self, log: SemaphoreHandle) -> Vec<String> {
        let stages = self.frames.iter().filter(|(head, _)| head.source == log && head.kind == SEMAPHORE_FRAME_STAGE);
        stages
            .map(|(head, payload)| {
                let begin = i64::from_le_bytes(payload[..8].try_into().unwrap());
                assert!((1..=head.unix_ns).contains(&begin), "a stage begins before it is told");
                String::from_utf8(payload[8..].to_vec()).unwrap()
            })
            .collect()
    }

    fn statuses(&self, log: SemaphoreHandle) -> Vec<(i32, u16)> {
        let statuses = self.frames.iter().filter(|(head, _)| head.source == log && head.kind == SEMAPHORE_FRAME_STATUS);
        statuses.map(|(head, payload)| (i32::from_le_bytes(payload[..4].try_into().unwrap()), head.flags)).collect()
    }
}

#[test]
fn a_job_runs_and_its_secrets_stay_hidden() {
    let mut host = Host::open();
    let directory = Directory::new("job");
    let log = host.log(&json!({"status": SEMAPHORE_TASK_STARTING}));
    let mut job = directory.job("echo \"password $TOKEN\"; echo \"$GREETING\" >&2; exit 4");
    job["environment"] = json!({
        "env": [["GREETING", "hello"]],
        "secrets": [{"name": "TOKEN", "kind": "env", "value": {"secret": "token"}}],
    });
    let document = json!({"version": 1, "config": directory.config(), "job": job});
    let operation = host.job(log, &document, b"\x05\0\0\0token\x07\0\0\0hunter2").unwrap();
    let (status, document, error) = host.done(operation);
    assert_eq!((status, &error["exit_code"]), (SEMAPHORE_E_EXIT, &json!(4)), "{:?}", host.lines(log));
    assert_eq!(
        (&document["outcome"], &document["status"], &document["text"]),
        (&json!("failed"), &json!("error"), &json!("exit status 4"))
    );
    let lines = host.lines(log);
    assert!(lines.contains(&"hello".to_owned()), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("password ")), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("hunter2")), "{lines:?}");
    assert_eq!(host.statuses(log), [(SEMAPHORE_TASK_RUNNING, 0)], "not a change of the host");
    assert_eq!(semaphore_log_status(log), SEMAPHORE_TASK_RUNNING, "the final status is the host's to set");
    assert_eq!(host.statistics()["performed"]["jobs"], 1);
    host.close();
}

#[test]
fn a_job_of_a_git_repository_tells_its_commit() {
    let mut host = Host::open();
    let directory = Directory::new("job-git");
    let log = host.log(&json!({}));
    let mut job = directory.job("");
    job["repository"]["url"] = directory.git().into();
    job["repository"]["branch"] = "main".into();
    let operation = host.job(log, &json!({"config": directory.config(), "job": job}), b"").unwrap();
    let (status, document, error) = host.done(operation);
    assert_eq!(status, SEMAPHORE_OK, "{error} {:?}", host.lines(log));
    assert_eq!(document["commit"]["message"], "the second");
    assert!(host.lines(log).contains(&"newer".to_owned()));
    assert!(host.kinds().contains(&SEMAPHORE_FRAME_COMMIT));
    let stages = host.stages(log);
    assert_eq!((stages.first(), stages.last()), (Some(&"workspace".to_owned()), Some(&"run".to_owned())), "{stages:?}");
    assert!(stages.contains(&"checkout".to_owned()), "{stages:?}");
    job["commit_hash"] = "v1".into();
    let operation = host.job(log, &json!({"config": directory.config(), "job": job}), b"").unwrap();
    assert_eq!(host.done(operation).0, SEMAPHORE_OK);
    assert!(host.lines(log).contains(&"from git".to_owned()));
    host.close();
}

#[test]
fn a_job_that_cannot_run_says_why() {
    let mut host = Host::open();
    let directory = Directory::new("job-broken");
    let log = host.log(&json!({}));
    let mut job = directory.job("");
    job["repository"]["url"] = format!("file://{}", directory.path("nowhere").display()).into();
    job["repository"]["branch"] = "main".into();
    let operation = host.job(log, &json!({"config": directory.config(), "job": job}), b"").unwrap();
    let (status, document, error) = host.done(operation);
    assert!(status < 0 && status != SEMAPHORE_E_PANIC, "{error}");
    assert_eq!((&document["outcome"], &document["stage"]), (&json!("broken"), &json!("checkout")));
    assert_eq!(error["exit_code"], 128, "{error}");
    assert!(error["msg"].as_str().unwrap().contains("nowhere"), "{error}");
    host.close();
}

#[test]
fn jobs_are_stopped_by_wish_and_by_deadline() {
    let mut host = Host::open();
    let directory = Directory::new("job-stop");
    let log = host.log(&json!({}));
    let job = directory.job("echo ready; exec sleep 60");
    let document = json!({"config": directory.config(), "job": job, "deadline_ms": 50});
    let operation = host.job(log, &document, b"").unwrap();
    let (status, document, _) = host.done(operation);
    assert_eq!((status, &document["reason"]), (SEMAPHORE_E_TIMEOUT, &json!("deadline")));

    let operation = host.job(log, &json!({"config": directory.config(), "job": job}), b"").unwrap();
    assert_eq!(semaphore_job_confirm(operation, 1), SEMAPHORE_E_STATE, "it does not wait");
    assert_eq!(semaphore_job_confirm(operation, 2), SEMAPHORE_E_ARG);
    assert_eq!(semaphore_exec_signal(operation, 15), SEMAPHORE_E_HANDLE, "not a program");
    assert_eq!(semaphore_job_stop(operation, 7), SEMAPHORE_E_ARG);
    assert_eq!(semaphore_job_stop(operation, SEMAPHORE_CANCEL_GRACEFUL), SEMAPHORE_OK);
    let (status, document, _) = host.done(operation);
    assert_eq!((status, &document["status"]), (SEMAPHORE_E_CANCELLED, &json!("stopped")));
    assert_eq!(semaphore_job_stop(operation, SEMAPHORE_CANCEL_NOW), SEMAPHORE_E_HANDLE, "the result was taken");
    host.close();
}

#[test]
fn the_end_of_a_job_does_not_wait_for_a_host_that_takes_nothing() {
    let mut host = Host::open();
    host.credits = false;
    let directory = Directory::new("job-blocked");
    let log = host.log(&json!({}));
    let job = directory.job("exec yes yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy");
    let operation = host.job(log, &json!({"config": directory.config(), "job": job}), b"").unwrap();
    host.until(|head| head.kind == SEMAPHORE_FRAME_LOG);
    std::thread::sleep(Duration::from_millis(300));
    let waiting = host.statistics()["queue"]["bytes"].as_u64().unwrap();
    assert!(waiting < 16 << 20, "{waiting} bytes wait");
    assert_eq!(semaphore_op_cancel(operation, SEMAPHORE_CANCEL_NOW), SEMAPHORE_OK);
    assert_eq!(host.done(operation).0, SEMAPHORE_E_CANCELLED);
    host.close();
}

#[test]
fn every_kind_of_git_s_work() {
    let mut host = Host::open();
    let directory = Directory::new("git");
    let (url, log) = (directory.git(), host.log(&json!({})));
    std::fs::create_dir_all(directory.path("clones")).unwrap();
    let document = json!({
        "version": 1, "config": directory.config(), "url": url, "branch": "main",
        "parent": directory.path("clones"), "directory": "c",
    });
    let mut ask = |kind, log, extra: Value| {
        let mut document = document.clone();
        document.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let operation = host.git(kind, log, &document).unwrap();
        let (status, document, error) = host.done(operation);
        if status == SEMAPHORE_OK { Ok(document) } else { Err((status, error)) }
    };
    let none = json!({});
    let branches = ask(SEMAPHORE_GIT_REMOTE_BRANCHES, 0, none.clone()).unwrap();
    assert_eq!(branches["branches"], json!(["feature/y", "main"]));
    let head = ask(SEMAPHORE_GIT_REMOTE_HASH, 0, none.clone()).unwrap()["hash"].clone();
    assert_eq!(head.as_str().unwrap().len(), 40);
    ask(SEMAPHORE_GIT_CLONE, log, none.clone()).unwrap();
    assert_eq!(ask(SEMAPHORE_GIT_LAST_COMMIT_HASH, log, none.clone()).unwrap()["hash"], head);
    assert_eq!(ask(SEMAPHORE_GIT_LAST_COMMIT_MESSAGE, log, none.clone()).unwrap()["message"], "the second");
    assert_eq!(ask(SEMAPHORE_GIT_CAN_BE_PULLED, log, none.clone()).unwrap()["can_be_pulled"], true);
    ask(SEMAPHORE_GIT_CHECKOUT, log, json!({"commit": "v1"})).unwrap();
    assert_eq!(ask(SEMAPHORE_GIT_LAST_COMMIT_MESSAGE, log, none.clone()).unwrap()["message"], "the first");
    ask(SEMAPHORE_GIT_CHECKOUT, log, json!({"commit": "main"})).unwrap();
    ask(SEMAPHORE_GIT_PULL, log, none.clone()).unwrap();
    let (status, error) = ask(SEMAPHORE_GIT_CHECKOUT, 0, json!({"commit": "nothing"})).unwrap_err();
    assert_eq!((status, error["exit_code"].as_i64()), (SEMAPHORE_E_EXIT, Some(1)), "{error}");
    let (status, _) = ask(SEMAPHORE_GIT_REMOTE_HASH, 0, json!({"branch": "missing"})).unwrap_err();
    assert_eq!(status, SEMAPHORE_E_NOT_FOUND);
    assert!(host.lines(log).iter().any(|line| line.starts_with("Cloning Repository file://")));
    assert_eq!(host.statistics()["performed"]["git"], 12);
    host.close();
}

#[test]
fn work_of_git_that_is_not_understood_is_refused() {
    let host = Host::open();
    let directory = Directory::new("git-refused");
    let good = json!({
        "config": directory.config(), "url": "file:///x", "branch": "main", "parent": "/tmp", "directory": "c",
    });
    let with = |name: &str, value: Value| {
        let mut document = good.clone();
        document[name] = value;
        document
    };
    let relative = json!({"tmp_path": "tmp", "path": "/bin", "home": "/"});
    let cases = [
        (0, good.clone(), SEMAPHORE_E_ARG),
        (9, good.clone(), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CHECKOUT, good.clone(), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CHECKOUT, with("commit", "--orphan".into()), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_PULL, with("commit", "v1".into()), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CLONE, with("url", "ext::sh -c id".into()), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CLONE, with("branch", "--upload-pack=x".into()), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CLONE, with("parent", "relative".into()), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CLONE, with("directory", "../up".into()), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CLONE, with("config", relative), SEMAPHORE_E_ARG),
        (SEMAPHORE_GIT_CLONE, with("version", 2.into()), SEMAPHORE_E_UNSUPPORTED),
        (SEMAPHORE_GIT_CLONE, with("shell", true.into()), SEMAPHORE_E_PARSE),
        (SEMAPHORE_GIT_CLONE, with("url", Value::Null), SEMAPHORE_E_PARSE),
    ];
    for (kind, document, expected) in cases {
        let (status, error) = host.git(kind, 0, &document).unwrap_err();
        assert_eq!(status, expected, "{kind} {document}: {error}");
        assert_eq!(error["op"], "git_start");
    }
    assert_eq!(host.git(SEMAPHORE_GIT_PULL, 12345, &good).unwrap_err().0, SEMAPHORE_E_HANDLE);
    assert_eq!(host.statistics()["handles"]["operation"], 0);
    host.close();
}

#[test]
fn a_key_of_another_runtime_unlocks_nothing() {
    let (mut host, mut other) = (Host::open(), Host::open());
    let directory = Directory::new("git-foreign-key");
    let config = directory.config();
    let document = json!({
        "config": config, "url": directory.git(), "branch": "main", "parent": directory.path(""), "directory": "c",
    });
    let (own, foreign) = (host.password(&config), other.password(&config));
    let (status, error) = host.git_with(SEMAPHORE_GIT_REMOTE_HASH, 0, foreign, &document).unwrap_err();
    assert_eq!(status, SEMAPHORE_E_ARG);
    assert_eq!(error["msg"], "the key belongs to another runtime");
    let operation = host.git_with(SEMAPHORE_GIT_REMOTE_HASH, 0, own, &document).unwrap();
    assert_eq!(host.done(operation).0, SEMAPHORE_OK);
    assert_eq!(semaphore_handle_close(own), SEMAPHORE_OK);
    assert_eq!(semaphore_handle_close(foreign), SEMAPHORE_OK);
    host.close();
    other.close();
}

#[test]
fn what_is_started_is_told_to_who_asks() {
    let mut host = Host::open();
    let directory = Directory::new("told");
    for wanted in [false, true] {
        let log = host.log(&json!({}));
        let mut job = directory.job("true");
        job["template_arguments"] = json!(["one"]);
        job["environment"] = json!({"env": [["COLOUR", "green"]]});
        let document = json!({"version": 1, "config": directory.config(), "job": job, "tell_programs": wanted});
        let operation = host.job(log, &document, b"").unwrap();
        let (status, outcome, _) = host.done(operation);
        assert_eq!((status, &outcome["outcome"]), (SEMAPHORE_OK, &json!("success")), "{outcome}");
        let told = outcome["programs"].as_array().cloned().unwrap_or_default();
        if wanted {
            assert_eq!(told.len(), 1, "{outcome}");
            assert_eq!(told[0]["argv"], json!(["bash", "x.sh", "one"]));
            assert_eq!(told[0]["dir"], json!(directory.path("repository")));
            let green = "ba4788b226aa8dc2e6dc74248bb9f618cfa8c959e0c26c147be48f6839a0b088";
            assert_eq!(told[0]["env"]["COLOUR"], green);
        } else {
            assert!(told.is_empty(), "{outcome}");
        }
    }
    host.close();
}

//! What a job with a cached clone costs: with a git that does nothing (our share and the starts of processes), the starts of as
//! many processes alone, and with the real git. The first minus the second is our own share.
//!
//! `cargo bench -p semaphore-benches --bench git`. What is not in here: the network (the address is a local file).

#![expect(clippy::expect_used, reason = "a benchmark that cannot start must stop")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use divan::Bencher;
use semaphore_engine::{
    EngineConfig,
    job::{JobEvent, JobSpec, Outcome, SecretSet, start},
    process::{self, ProcessSpec, StopToken},
};
use tokio::runtime::Runtime;

/// Processes of git in such a job: fetch, merge-base, pull, submodule update, rev-parse, show-branch. The script is one more.
const PROCESSES: usize = 6 + 1;

#[expect(clippy::print_stdout, reason = "a figure of the bench")]
fn main() {
    println!("a job with a cached clone starts {} processes of git and its own program", PROCESSES - 1);
    divan::main();
}

struct World {
    root: PathBuf,
    config: Arc<EngineConfig>,
    spec: JobSpec,
    runtime: Runtime,
}

impl World {
    /// A repository, and a clone of it that a job with the real git has made.
    fn new(name: &str, git_does_nothing: bool) -> Self {
        let root = std::env::temp_dir().join(format!("semaphore-bench-{name}-{}", std::process::id()));
        let (work, bin) = (root.join("work"), root.join("bin"));
        fs::create_dir_all(&work).expect("a directory");
        fs::create_dir_all(&bin).expect("a directory");
        fs::write(work.join("a.sh"), "").expect("a file");
        git(&work, &["init", "-q", "-b", "main"]);
        git(&work, &["add", "-A"]);
        git(&work, &["-c", "user.name=b", "-c", "user.email=b@example.com", "commit", "-q", "-m", "first"]);
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", bin.display());
        let machine = serde_json::json!({"tmp_path": root.join("tmp"), "path": path, "home": root});
        let config: EngineConfig = serde_json::from_value(machine).expect("a configuration");
        let spec = serde_json::json!({
            "task_id": 1, "project_id": 1, "template_id": 1, "app": "bash", "playbook": "a.sh", "details": {},
            "repository": {"id": 1, "name": "b", "url": format!("file://{}", work.display()), "branch": "main",
                           "key": {"id": 1, "kind": {"type": "none"}}},
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let spec = serde_json::from_value(spec).expect("a specification");
        let world = Self { root, config: Arc::new(config), spec, runtime };
        world.job();
        if git_does_nothing {
            fs::copy("/bin/true", bin.join("git")).expect("a program");
        }
        world
    }

    fn job(&self) {
        self.runtime.block_on(async {
            let runtime = tokio::runtime::Handle::current();
            let mut job = start(Arc::clone(&self.config), self.spec.clone(), SecretSet::default(), &runtime);
            while let Some(event) = job.events.next().await {
                if let JobEvent::Done(outcome) = event {
                    assert_eq!(outcome, Outcome::Success);
                }
            }
        });
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn git(directory: &Path, arguments: &[&str]) {
    let status = Command::new("git").args(arguments).current_dir(directory).status().expect("git");
    assert!(status.success(), "git {arguments:?}");
}

/// Our share, and the starts of programs that do nothing.
#[divan::bench]
fn job_without_the_work_of_git(bencher: Bencher<'_, '_>) {
    let world = World::new("stub", true);
    bencher.bench_local(|| world.job());
}

/// As many starts of a program that does nothing.
#[divan::bench]
fn starts_of_processes_alone(bencher: Bencher<'_, '_>) {
    let world = World::new("starts", true);
    bencher.bench_local(|| {
        world.runtime.block_on(async {
            for _ in 0..PROCESSES {
                let end = process::output(ProcessSpec::new("/bin/true", "/"), 1024, StopToken::never()).await;
                assert!(end.expect("a process").exit.success());
            }
        });
    });
}

/// The whole job.
#[divan::bench]
fn job_with_git(bencher: Bencher<'_, '_>) {
    let world = World::new("real", false);
    bencher.bench_local(|| world.job());
}

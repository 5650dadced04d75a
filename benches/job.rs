//! One empty job from its submission to its outcome: an empty Bash script in a local directory.
//!
//! `cargo bench -p semaphore-benches --bench job`. The second benchmark is the share of the process in it: the same program
//! started and awaited without a job. Percentiles are printed before, because means hide them.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot start must stop; figures are its purpose"
)]

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use divan::Bencher;
use semaphore_engine::{
    EngineConfig,
    job::{self, JobEvent, JobSpec, Outcome, SecretSet},
    process::{self, ProcessSpec, StopToken},
};
use tokio::runtime::{Builder, Runtime};

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Jobs behind the percentiles.
const JOBS: usize = 500;

fn main() {
    let world = World::new();
    let job = percentiles(|| world.job());
    let process = percentiles(|| world.process());
    println!("job:     p50 {:?}, p99 {:?}", job.0, job.1);
    println!("process: p50 {:?}, p99 {:?}", process.0, process.1);
    println!("ours:    p50 {:?}", job.0.saturating_sub(process.0));
    divan::main();
}

fn percentiles(mut run: impl FnMut()) -> (Duration, Duration) {
    let mut times: Vec<_> = (0..JOBS)
        .map(|_| {
            let begin = Instant::now();
            run();
            begin.elapsed()
        })
        .collect();
    times.sort();
    (times[JOBS / 2], times[JOBS * 99 / 100])
}

struct World {
    runtime: Runtime,
    config: Arc<EngineConfig>,
    spec: JobSpec,
    directory: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let repository = directory.path().join("repository");
        std::fs::create_dir(&repository).expect("a directory");
        std::fs::write(repository.join("empty.sh"), "true\n").expect("a script");
        let config = EngineConfig {
            tmp_path: directory.path().join("tmp"),
            path: PATH.to_owned(),
            home: directory.path().to_owned(),
            ..EngineConfig::default()
        };
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        Self { runtime, config: Arc::new(config), spec: spec(&repository), directory }
    }

    fn job(&self) {
        let mut job =
            job::start(Arc::clone(&self.config), self.spec.clone(), SecretSet::default(), self.runtime.handle());
        let outcome = self.runtime.block_on(async {
            loop {
                match job.events.next().await {
                    Some(JobEvent::Done(outcome)) => return outcome,
                    Some(_) => {}
                    None => return Outcome::Failed("no outcome".to_owned()),
                }
            }
        });
        assert_eq!(outcome, Outcome::Success);
    }

    fn process(&self) {
        let spec = ProcessSpec::new("bash", self.directory.path().join("repository")).arg("empty.sh").env("PATH", PATH);
        let output = self.runtime.block_on(process::output(spec, 1024, StopToken::never())).expect("bash");
        assert!(output.exit.success());
    }
}

fn spec(repository: &Path) -> JobSpec {
    serde_json::from_value(serde_json::json!({
        "task_id": 1,
        "project_id": 1,
        "template_id": 1,
        "app": "bash",
        "playbook": "empty.sh",
        "repository": {
            "id": 1,
            "name": "local",
            "url": repository,
            "branch": "",
            "key": {"id": 1, "kind": {"type": "none"}},
        },
        "details": {},
    }))
    .expect("a specification")
}

#[divan::bench]
fn empty_job(bencher: Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench_local(|| world.job());
}

#[divan::bench]
fn its_process(bencher: Bencher<'_, '_>) {
    let world = World::new();
    bencher.bench_local(|| world.process());
}

//! Tests with real processes: `sh`, `bash`, `cat`, `sleep`, `python3`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ending;
mod identity;
mod partial;
mod starting;
mod streaming;
mod terminal;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use tokio::sync::{RwLock, RwLockReadGuard};

use super::*;
use crate::log::{Batch, LogOptions, LogReader, LogRecord, LogWriter, Stream, channel};

/// Tests that count what the whole process has (descriptors, zombies) hold this for writing, all others for reading.
static PROCESS: RwLock<()> = RwLock::const_new(());

async fn shared() -> RwLockReadGuard<'static, ()> {
    PROCESS.read().await
}

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

fn program(name: &str) -> ProcessSpec {
    ProcessSpec::new(name, "/").env("PATH", PATH)
}

fn sh(script: &str) -> ProcessSpec {
    program("sh").args(["-c", script])
}

fn bash(script: &str) -> ProcessSpec {
    program("bash").args(["-c", script])
}

fn python(script: &str) -> ProcessSpec {
    program("python3").args(["-c", script])
}

/// Lines of one stream, in order.
fn texts(records: &[LogRecord], stream: Stream) -> Vec<String> {
    records.iter().filter(|record| record.stream == stream).map(|record| record.lossy().into_owned()).collect()
}

async fn run(spec: ProcessSpec) -> (Exit, Vec<LogRecord>) {
    let (log, mut reader) = channel::<()>(LogOptions::default());
    let child = spawn(spec).expect("spawn");
    let supervision = async move { child.supervise(&log, StopToken::never()).await };
    tokio::join!(supervision, collect(&mut reader))
}

async fn collect(reader: &mut LogReader<()>) -> Vec<LogRecord> {
    let mut all = Vec::new();
    while let Some(batch) = reader.next_batch().await {
        if let Batch::Records(records) = batch {
            all.extend(records);
        }
    }
    all
}

/// A supervised child beside the test.
struct Running {
    stop: StopHandle,
    control: ChildControl,
    log: LogWriter<()>,
    reader: LogReader<()>,
    task: tokio::task::JoinHandle<Exit>,
    seen: Vec<LogRecord>,
}

impl Running {
    fn start(spec: ProcessSpec) -> Self {
        Self::supervise(spawn(spec).expect("spawn"), LogOptions::default())
    }

    fn supervise(child: Child, options: LogOptions) -> Self {
        let (log, reader) = channel::<()>(options);
        let stop = StopHandle::new();
        let (token, control, writer) = (stop.token(), child.control(), log.clone());
        let task = tokio::spawn(async move { child.supervise(&writer, token).await });
        Self { stop, control, log, reader, task, seen: Vec::new() }
    }

    /// Waits for a line of output that begins so and returns the rest of it.
    async fn line(&mut self, beginning: &str) -> String {
        loop {
            let found = self.seen.iter().find_map(|record| record.lossy().strip_prefix(beginning).map(str::to_owned));
            if let Some(found) = found {
                return found;
            }
            let batch = tokio::time::timeout(Duration::from_secs(20), self.reader.next_batch()).await;
            match batch.unwrap_or_else(|_| panic!("no line {beginning:?} in time, only {:?}", self.seen)) {
                Some(Batch::Records(records)) => self.seen.extend(records),
                other => panic!("no line {beginning:?}: {other:?}"),
            }
        }
    }

    async fn pid(&mut self, beginning: &str) -> i32 {
        self.line(beginning).await.trim().parse().expect("a process id")
    }

    /// Waits for the end; the result, all records, and the time it took.
    async fn end(self) -> (Exit, Vec<LogRecord>, Duration) {
        let Self { log, mut reader, task, mut seen, .. } = self;
        drop(log);
        let begin = Instant::now();
        let (exit, rest) = tokio::join!(task, collect(&mut reader));
        seen.extend(rest);
        (exit.expect("supervision"), seen, begin.elapsed())
    }

    async fn stopped(self) -> (Exit, Vec<LogRecord>, Duration) {
        self.stop.request(StopMode::Graceful);
        self.end().await
    }
}

/// Whether a process runs (a zombie does not).
fn lives(pid: i32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().trim_start().starts_with(['Z', 'X']))
}

/// Whether a process is there at all, as a zombie too.
fn exists(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

#[test]
fn supervision_may_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let (log, _reader) = channel::<String>(LogOptions::default());
    is_send(&async move {
        let child = spawn(sh("true")).unwrap();
        child.supervise(&log, StopToken::never()).await
    });
    is_send(&output(sh("true"), 1, StopToken::never()));
}

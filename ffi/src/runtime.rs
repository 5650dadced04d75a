//! A runtime: one thread with its own executor, an event queue, and what runs on them.
//!
//! Invariants: the thread blocks every asynchronous signal from its first instruction on, so the host's handlers never run
//! there; the only threads are this one and those its executor starts, which inherit the mask; after RT_CLOSED nothing of
//! the runtime runs any more.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use serde_json::json;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    boundary, code,
    failure::{Failure, check_version, parse_document},
    queue::EventQueue,
};

/// Name of the thread, as `ps -L` and debuggers show it.
const THREAD_NAME: &str = "semaphore-ffi";
/// Bytes of stack of its threads.
const STACK_BYTES: usize = 2 * 1024 * 1024;
/// How long the end of a runtime waits for tasks after everything was killed.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// The document of `semaphore_rt_open`.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeOptions {
    /// Version of the document.
    pub version: u32,
    /// Bytes of text that a log holds before the pipes of its programs are no longer read.
    pub queue_bytes: usize,
    /// Soft RLIMIT_NOFILE of children; absent = the host's own.
    pub child_nofile: Option<u64>,
}

impl Default for RuntimeOptions {
    fn default() -> Self {
        Self { version: 1, queue_bytes: 4 * 1024 * 1024, child_nofile: None }
    }
}

impl RuntimeOptions {
    /// Reads the document; no bytes mean the defaults.
    pub fn parse(document: &[u8]) -> Result<Self, Failure> {
        if document.is_empty() {
            return Ok(Self::default());
        }
        let options: Self = parse_document("runtime's configuration", document)?;
        check_version("runtime's configuration", options.version)?;
        if !(64 * 1024..=1024 * 1024 * 1024).contains(&options.queue_bytes) {
            return Err(Failure::argument("queue_bytes must lie between 64 KiB and 1 GiB"));
        }
        Ok(options)
    }
}

/// One runtime.
pub struct Runtime {
    handle: u64,
    options: RuntimeOptions,
    queue: Arc<EventQueue>,
    executor: tokio::runtime::Handle,
    /// Cancelled first: operations begin to stop.
    stopping: CancellationToken,
    /// Cancelled when the grace is over: operations kill.
    killing: CancellationToken,
    /// Cancelled when all operations have ended: logs end.
    ending: CancellationToken,
    /// Cancelled last: the thread ends.
    down: CancellationToken,
    operations: TaskTracker,
    logs: TaskTracker,
    counts: Arc<Counts>,
}

/// Live things of a runtime, for `semaphore_stats`.
#[derive(Debug, Default)]
pub struct Counts {
    /// Open logs.
    pub logs: AtomicUsize,
    /// Operations whose handle is open.
    pub operations: AtomicUsize,
    /// Children that run.
    pub children: AtomicUsize,
    /// Descriptors given with `semaphore_log_attach_fd`.
    pub attached: AtomicUsize,
    /// Threads of the runtime.
    pub threads: AtomicUsize,
    /// Open keys.
    pub keys: AtomicUsize,
    /// Pools that work.
    pub pools: AtomicUsize,
    /// Pipes that were attached, ever.
    pub pumps: AtomicUsize,
    /// Programs that were started alone, ever.
    pub programs: AtomicUsize,
    /// Jobs that were started, ever.
    pub jobs: AtomicUsize,
    /// Pieces of git's work that were started alone, ever.
    pub git: AtomicUsize,
    /// Keys that were installed alone, ever.
    pub keys_installed: AtomicUsize,
}

impl Runtime {
    /// Starts the thread.
    pub fn open(handle: u64, options: RuntimeOptions) -> Result<Arc<Self>, Failure> {
        let descriptor = nix::sys::eventfd::EventFd::from_flags(
            nix::sys::eventfd::EfdFlags::EFD_CLOEXEC | nix::sys::eventfd::EfdFlags::EFD_NONBLOCK,
        )
        .map_err(|error| Failure::io("the event descriptor cannot be made", &error.into()))?;
        let counts = Arc::new(Counts::default());
        let executor =
            build_executor(&counts).map_err(|error| Failure::io("the executor cannot be started", &error))?;
        let down = CancellationToken::new();
        let runtime = Arc::new(Self {
            handle,
            queue: Arc::new(EventQueue::new(descriptor.into(), options.queue_bytes.min(256 * 1024))),
            options,
            executor: executor.handle().clone(),
            stopping: CancellationToken::new(),
            killing: CancellationToken::new(),
            ending: CancellationToken::new(),
            down: down.clone(),
            operations: TaskTracker::new(),
            logs: TaskTracker::new(),
            counts: Arc::clone(&counts),
        });
        semaphore_engine::process::thread(THREAD_NAME, STACK_BYTES, move || {
            counts.threads.fetch_add(1, Ordering::Relaxed);
            boundary::belongs_to_library();
            executor.block_on(down.cancelled());
            executor.shutdown_timeout(Duration::from_secs(1));
            counts.threads.fetch_sub(1, Ordering::Relaxed);
        })
        .map_err(|error| Failure::io("the engine's thread cannot be started", &error))?;
        Ok(runtime)
    }

    /// Its own handle.
    pub fn handle(&self) -> u64 {
        self.handle
    }

    /// Its configuration.
    pub fn options(&self) -> &RuntimeOptions {
        &self.options
    }

    /// Its events.
    pub fn queue(&self) -> &Arc<EventQueue> {
        &self.queue
    }

    /// Its executor.
    pub fn executor(&self) -> &tokio::runtime::Handle {
        &self.executor
    }

    /// Its live things.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Cancelled when the runtime begins to close: operations follow their stop plan.
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Cancelled when the grace of the close is over: operations kill.
    pub fn killing(&self) -> &CancellationToken {
        &self.killing
    }

    /// Cancelled when all operations have ended: logs take no more.
    pub fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// Refuses new work once the runtime closes.
    pub fn check_open(&self) -> Result<(), Failure> {
        if self.stopping.is_cancelled() { Err(Failure::state("the runtime is closed")) } else { Ok(()) }
    }

    /// Why work was dropped before its end: the runtime went down under it (it took too long to stop, or was started too late), or
    /// there is a defect, which was reported where it was met.
    pub fn why_unfinished(&self, what: &str) -> Failure {
        if self.ending.is_cancelled() {
            return Failure::new(
                code::SEMAPHORE_E_CANCELLED,
                format!("the runtime was closed before {what} had ended"),
            );
        }
        let message = format!("a defect of the library ended {what}; programs of it were killed");
        Failure::new(code::SEMAPHORE_E_PANIC, message)
    }

    /// Runs an operation; the runtime's end waits for it.
    pub fn spawn_operation(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.spawn(&self.operations, name, work);
    }

    /// Runs work that belongs to a log; the runtime's end waits for it after the operations.
    pub fn spawn_for_log(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        self.spawn(&self.logs, name, work);
    }

    fn spawn(&self, tracker: &TaskTracker, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        tracker.spawn_on(
            async move {
                if let Err(message) = boundary::contained(work).await {
                    boundary::report(name, &message);
                }
            },
            &self.executor,
        );
    }

    /// Starts the end: operations stop, what is left after `grace` is killed, logs run empty, RT_CLOSED is queued. Returns at
    /// once; a second call changes nothing but may shorten the grace to nothing.
    pub fn close(self: &Arc<Self>, grace: Duration) {
        if grace.is_zero() {
            self.killing.cancel();
        }
        if self.stopping.is_cancelled() {
            return;
        }
        self.stopping.cancel();
        let runtime = Arc::clone(self);
        self.executor.spawn(async move {
            runtime.operations.close();
            if tokio::time::timeout(grace, runtime.operations.wait()).await.is_err() {
                runtime.killing.cancel();
                let _ = tokio::time::timeout(LAST_WAIT, runtime.operations.wait()).await;
            }
            runtime.ending.cancel();
            runtime.logs.close();
            let _ = tokio::time::timeout(LAST_WAIT, runtime.logs.wait()).await;
            runtime.queue.finish(runtime.handle);
            runtime.down.cancel();
        });
    }

    /// The document of `semaphore_stats`.
    pub fn statistics(&self) -> Vec<u8> {
        let depth = self.queue.depth();
        let count = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        json!({
            "handles": {"log": count(&self.counts.logs), "operation": count(&self.counts.operations),
                "key": count(&self.counts.keys), "pool": count(&self.counts.pools)},
            "performed": {
                "pumps": count(&self.counts.pumps),
                "programs": count(&self.counts.programs),
                "jobs": count(&self.counts.jobs),
                "git": count(&self.counts.git),
                "keys": count(&self.counts.keys_installed),
            },
            "children": count(&self.counts.children),
            "attached_fds": count(&self.counts.attached),
            "threads": count(&self.counts.threads),
            "queue": {
                "sources": depth.sources,
                "frames": depth.frames,
                "bytes": depth.bytes,
                "full": depth.full,
                "without_credit": depth.without_credit,
                "dropped": 0,
            },
        })
        .to_string()
        .into_bytes()
    }
}

fn build_executor(counts: &Arc<Counts>) -> std::io::Result<tokio::runtime::Runtime> {
    let (started, stopped) = (Arc::clone(counts), Arc::clone(counts));
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .thread_name(THREAD_NAME)
        .thread_stack_size(STACK_BYTES)
        .max_blocking_threads(4)
        .on_thread_start(move || {
            started.threads.fetch_add(1, Ordering::Relaxed);
            boundary::belongs_to_library();
        })
        .on_thread_stop(move || {
            stopped.threads.fetch_sub(1, Ordering::Relaxed);
        })
        .build()
}

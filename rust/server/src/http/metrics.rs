//! Numbers about the server for Prometheus: counted while it works, or read at the moment they are asked for.
//!
//! Not for the log and not for people: the page shows tasks. Invariants: no label holds a name that users chose, so that the
//! number of series is bounded; counting never blocks.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use axum::http::{Method, StatusCode};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use semaphore_engine::log::Stream;
use semaphore_task::{NewLine, TaskObserver, TaskState};

use super::hub::Hub;

/// Upper bounds of the classes of requests, in seconds.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0];

/// Upper bounds of the classes of tasks, in seconds.
const TASK_SECONDS: [f64; 9] = [1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0];

/// A gauge of seconds with fractions.
type Seconds = Gauge<f64, AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabel {
    status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LogLabel {
    log: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

/// What is read when somebody asks.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// Tasks that wait.
    pub(super) waiting: usize,
    /// Tasks that run.
    pub(super) running: usize,
    /// How long the oldest waiting task has waited.
    pub(super) oldest: Duration,
    /// Connections to the database: used and unused ones.
    pub(super) database: (u32, u32),
    /// WebSocket clients.
    pub(super) clients: usize,
}

/// All numbers of one server.
pub struct Metrics {
    registry: Mutex<Registry>,
    requests: Family<RequestLabels, Counter>,
    request_seconds: Histogram,
    finished: Family<StatusLabel, Counter>,
    task_seconds: Histogram,
    lines: Counter,
    waiting: Gauge,
    running: Gauge,
    oldest: Seconds,
    database: Family<StateLabel, Gauge>,
    clients: Gauge,
    lost_records: Family<LogLabel, Counter>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("lines", &self.lines.get()).finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Mutex::new(Registry::with_prefix("semaphore")),
            requests: Family::default(),
            request_seconds: Histogram::new(REQUEST_SECONDS),
            finished: Family::default(),
            task_seconds: Histogram::new(TASK_SECONDS),
            lines: Counter::default(),
            waiting: Gauge::default(),
            running: Gauge::default(),
            oldest: Seconds::default(),
            database: Family::default(),
            clients: Gauge::default(),
            lost_records: Family::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register("queue_length", "Tasks that wait for their turn", self.waiting.clone());
        registry.register("queue_age_seconds", "How long the oldest waiting task has waited", self.oldest.clone());
        registry.register("tasks_running", "Tasks that run on this server", self.running.clone());
        registry.register("tasks_finished", "Tasks that have ended, by status", self.finished.clone());
        registry.register(
            "task_duration_seconds",
            "Time from the start to the end of tasks",
            self.task_seconds.clone(),
        );
        registry.register("log_lines", "Lines of output that were stored", self.lines.clone());
        registry.register("http_requests", "Requests that were answered", self.requests.clone());
        registry.register("http_request_duration_seconds", "Time to answer requests", self.request_seconds.clone());
        registry.register("db_connections", "Open connections to the database", self.database.clone());
        registry.register("websocket_connections", "Connected clients that watch tasks", self.clients.clone());
        registry.register(
            "log_records_lost",
            "Records that could not be written to a log file or sent to syslog",
            self.lost_records.clone(),
        );
    }

    /// Counts an answered request.
    pub(super) fn answered(&self, method: &Method, status: StatusCode, elapsed: Duration) {
        let labels = RequestLabels { method: method_label(method), status: status.as_u16() };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.observe(elapsed.as_secs_f64());
    }

    /// The number of records that a log has lost.
    pub fn lost_records(&self, log: &'static str) -> Counter {
        self.lost_records.get_or_create_owned(&LogLabel { log })
    }

    /// All numbers in the text format of Prometheus.
    pub(super) fn text(&self, reading: Reading) -> Result<String, fmt::Error> {
        let gauge = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.waiting.set(gauge(reading.waiting));
        self.running.set(gauge(reading.running));
        self.oldest.set(reading.oldest.as_secs_f64());
        self.clients.set(gauge(reading.clients));
        let (used, idle) = reading.database;
        for (state, number) in [("used", used), ("idle", idle)] {
            self.database.get_or_create(&StateLabel { state }).set(i64::from(number));
        }
        let mut text = String::new();
        encode(&mut text, &self.registry.lock().unwrap_or_else(PoisonError::into_inner))?;
        Ok(text)
    }
}

/// A client can send any word as its method.
fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "LOCK" => "LOCK",
        "UNLOCK" => "UNLOCK",
        _ => "other",
    }
}

/// Whoever watches tasks in this server: the connected clients, and the numbers.
#[derive(Debug)]
pub struct Watchers {
    hub: Arc<Hub>,
    metrics: Arc<Metrics>,
}

impl Watchers {
    /// Both of them.
    pub fn new(hub: Arc<Hub>, metrics: Arc<Metrics>) -> Self {
        Self { hub, metrics }
    }
}

impl TaskObserver for Watchers {
    fn lines(&self, task: &TaskState, lines: &[NewLine]) {
        self.metrics.lines.inc_by(lines.len() as u64);
        self.hub.lines(task, lines);
    }

    fn changed(&self, task: &TaskState) {
        // The final status is told twice, first without its end.
        if let Some(end) = task.end.filter(|_| task.status.is_finished()) {
            self.metrics.finished.get_or_create(&StatusLabel { status: task.status.as_str() }).inc();
            if let Some(start) = task.start {
                self.metrics.task_seconds.observe((end - start).as_seconds_f64());
            }
        }
        self.hub.changed(task);
    }

    fn partial(&self, task: &TaskState, stream: Stream, text: &str) {
        self.hub.partial(task, stream, text);
    }
}

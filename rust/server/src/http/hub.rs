//! Fan-out of task frames to the connected WebSocket clients.
//!
//! Every connection has a bounded queue of its own, so that a slow reader costs nobody else anything: when its queue is full,
//! log frames are left out up to the next status frame, never a status frame, and a connection that stays full for
//! [`FULL_LIMIT`] is closed. What was left out is in the store.
//!
//! A connection that asked for batches (`ws_batch`) waits for no frames: it follows feeds (`task_feed`), which the hub makes
//! and wakes.
//!
//! Reference: `api/sockets/pool.go`, which closes a connection as soon as 256 frames wait (a documented departure).

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak},
    time::{Duration, Instant},
};

use axum::extract::ws::Utf8Bytes;
use semaphore_engine::log::Stream;
use semaphore_model::{ProjectId, TaskId, time};
use semaphore_task::{NewLine, TaskObserver, TaskState};
use serde::Serialize;
use tokio::sync::Notify;

use super::task_feed::Feed;

/// Bytes of frames that may wait for one connection.
const QUEUE_BYTES: usize = 1 << 20;
/// How long a queue may stay full before its connection is closed.
const FULL_LIMIT: Duration = Duration::from_secs(20);
/// Ended tasks that a connection remembers, so that a late word about one does not begin it again.
const REMEMBERED: usize = 1_000;

/// All connected clients.
#[derive(Debug, Default)]
pub struct Hub {
    connections: RwLock<Vec<Arc<Connection>>>,
    /// Feeds that somebody follows.
    feeds: Mutex<HashMap<TaskId, Weak<Feed>>>,
}

/// One client.
#[derive(Debug)]
pub(super) struct Connection {
    queue: Mutex<Queue>,
    wake: Notify,
    access: Mutex<Access>,
    wants: Wants,
}

/// What a client asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wants {
    /// Frames about unfinished lines.
    pub(super) partial: bool,
    /// Feeds instead of the frames of the reference.
    pub(super) feeds: bool,
    /// Of these tasks only; empty: of all.
    pub(super) tasks: HashSet<TaskId>,
    /// Number of the last line that the client saw, by task.
    pub(super) since: HashMap<TaskId, i64>,
}

/// Projects whose frames a connection may see, as last read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Access {
    /// Administrators see every project.
    pub(super) admin: bool,
    /// Projects of which the user is a member.
    pub(super) projects: HashSet<ProjectId>,
}

impl Access {
    fn allows(&self, project: ProjectId) -> bool {
        self.admin || self.projects.contains(&project)
    }
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    full_since: Option<Instant>,
    /// A line was left out, and no status came since: what follows it is left out too, so that nobody takes the rest for the whole.
    leaves_out: bool,
    closed: bool,
    /// Feeds that the connection does not follow yet.
    feeds: Vec<Arc<Feed>>,
    /// Tasks that it follows or will.
    followed: HashSet<TaskId>,
    /// Tasks of which it was told everything, the newest last.
    ended: VecDeque<TaskId>,
}

/// One frame on its way to a client.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Project that it tells about.
    pub(super) project: ProjectId,
    /// JSON text.
    pub(super) text: Utf8Bytes,
    kind: Kind,
}

/// What may be done with a frame when there are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Always sent.
    Update,
    /// Left out when the queue is full, up to the next update.
    Log,
    /// Of one stream of one task only the newest waits.
    Partial { task: TaskId, stream: Stream, is_empty: bool },
}

/// Keys are in alphabetical order, as the reference's maps are written.
#[derive(Serialize)]
struct LogFrame<'a> {
    output: &'a str,
    project_id: ProjectId,
    task_id: TaskId,
    time: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

/// An unfinished line; not a frame of the reference, and sent to those only who asked for it.
#[derive(Serialize)]
struct PartialFrame<'a> {
    output: &'a str,
    project_id: ProjectId,
    stream: Stream,
    task_id: TaskId,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct UpdateFrame<'a> {
    end: Option<String>,
    project_id: ProjectId,
    start: Option<String>,
    status: semaphore_model::TaskStatus,
    task_id: TaskId,
    template_id: semaphore_model::TemplateId,
    #[serde(rename = "type")]
    kind: &'static str,
    version: Option<&'a str>,
}

impl Hub {
    /// Registers a client; what it wants is queued for it from now on.
    pub(super) fn join(&self, access: Access, wants: Wants) -> Arc<Connection> {
        let queue = Queue { followed: wants.since.keys().copied().collect(), ..Queue::default() };
        let (queue, wake, access) = (Mutex::new(queue), Notify::new(), Mutex::new(access));
        let connection = Arc::new(Connection { queue, wake, access, wants });
        self.connections.write().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&connection));
        connection
    }

    /// Forgets a client.
    pub(super) fn leave(&self, connection: &Arc<Connection>) {
        let mut connections = self.connections.write().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|other| !Arc::ptr_eq(other, connection));
    }

    /// How many clients there are.
    pub(super) fn clients(&self) -> usize {
        self.connections.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Ends every connection: the server is closing.
    pub fn close(&self) {
        for connection in self.connections.read().unwrap_or_else(PoisonError::into_inner).iter() {
            connection.lock().closed = true;
            connection.wake.notify_one();
        }
    }

    /// The feed of a task; it lives as long as somebody holds it.
    pub(super) fn feed(&self, task: TaskId, project: ProjectId) -> Arc<Feed> {
        let mut feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(&task).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(Feed::new(task, project));
        feeds.insert(task, Arc::downgrade(&feed));
        feed
    }

    /// The feed to which a change of a task belongs, offered to those who do not follow it yet. None if nobody wants it.
    fn fed(&self, task: &TaskState, receivers: &[Arc<Connection>]) -> Option<Arc<Feed>> {
        let is_wanted = |connection: &Arc<Connection>| connection.wants.feeds && connection.wants_task(task.id);
        if task.status.is_finished() || !receivers.iter().any(is_wanted) {
            let feeds = self.feeds.lock().unwrap_or_else(PoisonError::into_inner);
            return feeds.get(&task.id).and_then(Weak::upgrade);
        }
        let feed = self.feed(task.id, task.project_id);
        for connection in receivers.iter().filter(|connection| is_wanted(connection)) {
            connection.offer(&feed);
        }
        Some(feed)
    }

    /// Clients that may see frames of a project; nothing is serialised for nobody.
    fn receivers(&self, project: ProjectId) -> Vec<Arc<Connection>> {
        let connections = self.connections.read().unwrap_or_else(PoisonError::into_inner);
        connections.iter().filter(|connection| connection.may_see(project)).map(Arc::clone).collect()
    }
}

impl TaskObserver for Hub {
    fn lines(&self, task: &TaskState, lines: &[NewLine]) {
        let mut receivers = self.receivers(task.project_id);
        if let Some(feed) = self.fed(task, &receivers) {
            feed.wake();
        }
        receivers.retain(|connection| !connection.wants.feeds);
        if receivers.is_empty() {
            return;
        }
        // Lines of one batch mostly have the same time: what it looks like is worked out once.
        let mut moment: Option<(chrono::DateTime<chrono::Utc>, String)> = None;
        let frames: Vec<_> = lines
            .iter()
            .filter_map(|line| {
                let (_, time) = match &mut moment {
                    Some(known) if known.0 == line.time => known,
                    other => other.insert((line.time, time::format(&line.time))),
                };
                let frame =
                    LogFrame { output: &line.text, project_id: task.project_id, task_id: task.id, time, kind: "log" };
                Frame::new(task.project_id, &frame, Kind::Log)
            })
            .collect();
        send(&receivers, &frames);
    }

    fn partial(&self, task: &TaskState, stream: Stream, text: &str) {
        let mut receivers = self.receivers(task.project_id);
        receivers.retain(|connection| connection.wants.partial && connection.wants_task(task.id));
        if receivers.is_empty() {
            return;
        }
        let frame =
            PartialFrame { output: text, project_id: task.project_id, stream, task_id: task.id, kind: "partial" };
        let kind = Kind::Partial { task: task.id, stream, is_empty: text.is_empty() };
        send(&receivers, Frame::new(task.project_id, &frame, kind).as_slice());
    }

    fn changed(&self, task: &TaskState) {
        let mut receivers = self.receivers(task.project_id);
        if let Some(feed) = self.fed(task, &receivers) {
            feed.changed(task);
        }
        receivers.retain(|connection| !connection.wants.feeds);
        let frame = UpdateFrame {
            end: task.end.as_ref().map(time::format),
            project_id: task.project_id,
            start: task.start.as_ref().map(time::format),
            status: task.status,
            task_id: task.id,
            template_id: task.template_id,
            kind: "update",
            version: task.version.as_deref(),
        };
        send(&receivers, Frame::new(task.project_id, &frame, Kind::Update).as_slice());
    }
}

/// Queues frames, in this order, for each of these clients.
fn send(receivers: &[Arc<Connection>], frames: &[Frame]) {
    for connection in receivers {
        connection.push(frames);
    }
}

impl Frame {
    fn new(project: ProjectId, frame: &impl Serialize, kind: Kind) -> Option<Self> {
        match serde_json::to_string(frame) {
            Ok(text) => Some(Self { project, text: text.into(), kind }),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a frame cannot be written as JSON");
                None
            }
        }
    }

    fn replaces(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (Kind::Partial { task, stream, .. }, Kind::Partial { task: other_task, stream: other_stream, .. }) => {
                task == other_task && stream == other_stream
            }
            _ => false,
        }
    }
}

impl Connection {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the access last read covers the project.
    pub(super) fn may_see(&self, project: ProjectId) -> bool {
        self.access.lock().unwrap_or_else(PoisonError::into_inner).allows(project)
    }

    /// Takes a fresh access; used when memberships may have changed.
    pub(super) fn set_access(&self, access: Access) {
        *self.access.lock().unwrap_or_else(PoisonError::into_inner) = access;
    }

    /// What the client asked for.
    pub(super) fn wants(&self) -> &Wants {
        &self.wants
    }

    /// Whether it asked for what is told of the task.
    pub(super) fn wants_task(&self, task: TaskId) -> bool {
        self.wants.tasks.is_empty() || self.wants.tasks.contains(&task)
    }

    /// Something that it follows has news.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Offers a feed to a connection that does not follow it and did not follow it to its end.
    pub(super) fn offer(&self, feed: &Arc<Feed>) {
        let mut queue = self.lock();
        if !queue.ended.contains(&feed.task()) && queue.followed.insert(feed.task()) {
            queue.feeds.push(Arc::clone(feed));
            drop(queue);
            self.wake();
        }
    }

    /// Says that the task will be followed. Whether it was not before.
    pub(super) fn claim(&self, task: TaskId) -> bool {
        let mut queue = self.lock();
        !queue.ended.contains(&task) && queue.followed.insert(task)
    }

    /// The feeds that were offered.
    pub(super) fn take_feeds(&self) -> Vec<Arc<Feed>> {
        std::mem::take(&mut self.lock().feeds)
    }

    /// Says that a task was followed to its end.
    pub(super) fn has_ended(&self, task: TaskId) {
        let mut queue = self.lock();
        queue.followed.remove(&task);
        queue.ended.push_back(task);
        if queue.ended.len() > REMEMBERED {
            queue.ended.pop_front();
        }
    }

    /// Whether the connection has to be closed.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits until something is queued, a feed has news or the connection has to be closed. Cancel-safe; may wake for nothing.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    fn push(&self, frames: &[Frame]) {
        let mut queue = self.lock();
        for frame in frames {
            queue.push(frame);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// The next frames, about `bytes` of them at most, without waiting.
    pub(super) fn take(&self, bytes: usize) -> Vec<Frame> {
        let mut queue = self.lock();
        let mut taken = 0;
        let mut frames = Vec::new();
        while taken < bytes
            && let Some(frame) = queue.frames.pop_front()
        {
            taken += frame.text.len();
            frames.push(frame);
        }
        queue.bytes -= taken;
        if queue.bytes < QUEUE_BYTES {
            queue.full_since = None;
        }
        frames
    }
}

impl Queue {
    fn push(&mut self, frame: &Frame) {
        let is_full = self.bytes >= QUEUE_BYTES;
        if is_full {
            let since = *self.full_since.get_or_insert_with(Instant::now);
            self.closed |= since.elapsed() >= FULL_LIMIT;
        }
        match frame.kind {
            Kind::Update => self.leaves_out = false,
            Kind::Log => {
                self.leaves_out |= is_full;
                if self.leaves_out {
                    return;
                }
            }
            // That an unfinished line is there no longer is told in any case: otherwise it would stay on the screen.
            Kind::Partial { is_empty: false, .. } if is_full => return,
            Kind::Partial { .. } => {}
        }
        // Thousands of short lines may wait: what replaces nothing does not look at them.
        if matches!(frame.kind, Kind::Partial { .. })
            && let Some(older) = self.frames.iter().rposition(|other| frame.replaces(other))
            && let Some(older) = self.frames.remove(older)
        {
            self.bytes -= older.text.len();
        }
        self.bytes += frame.text.len();
        self.frames.push_back(frame.clone());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use semaphore_model::{TaskStatus, TemplateId};

    use super::*;

    fn task(status: TaskStatus) -> TaskState {
        TaskState {
            id: TaskId(7),
            project_id: ProjectId(1),
            template_id: TemplateId(3),
            user_id: None,
            status,
            start: None,
            end: None,
            version: None,
        }
    }

    fn line(text: String) -> NewLine {
        NewLine::whole(chrono::DateTime::from_timestamp(1_795_000_000, 120_000_000).unwrap(), text)
    }

    fn drain(connection: &Connection) -> Vec<String> {
        connection.lock().frames.drain(..).map(|frame| frame.text.to_string()).collect()
    }

    #[test]
    fn frames_have_the_shape_of_the_reference() {
        let hub = Hub::default();
        let client = hub.join(Access { admin: true, ..Access::default() }, Wants::default());
        hub.lines(&task(TaskStatus::Running), &[line("hello\n".into())]);
        hub.changed(&task(TaskStatus::Running));
        assert_eq!(
            drain(&client),
            [
                r#"{"output":"hello\n","project_id":1,"task_id":7,"time":"2026-11-18T11:06:40.12Z","type":"log"}"#,
                r#"{"end":null,"project_id":1,"start":null,"status":"running","task_id":7,"template_id":3,"type":"update","version":null}"#,
            ]
        );
    }

    #[test]
    fn only_members_and_administrators_receive() {
        let hub = Hub::default();
        let member = hub.join(Access { admin: false, projects: [ProjectId(1)].into() }, Wants::default());
        let other = hub.join(Access { admin: false, projects: [ProjectId(2)].into() }, Wants::default());
        hub.changed(&task(TaskStatus::Running));
        assert_eq!(drain(&member).len(), 1);
        assert!(drain(&other).is_empty());
    }

    #[test]
    fn unfinished_lines_come_to_those_who_asked_and_only_the_newest_waits() {
        let hub = Hub::default();
        let plain = hub.join(Access { admin: true, ..Access::default() }, Wants::default());
        let asking = hub.join(Access { admin: true, ..Access::default() }, Wants { partial: true, ..Wants::default() });
        let task = task(TaskStatus::Running);
        hub.partial(&task, Stream::Stdout, "10%");
        hub.partial(&task, Stream::Terminal, "Password: ");
        hub.lines(&task, &[line("between".into())]);
        hub.partial(&task, Stream::Stdout, "20%");
        assert_eq!(drain(&plain).len(), 1);
        let frames = drain(&asking);
        assert_eq!(frames.len(), 3, "{frames:?}");
        assert_eq!(
            frames[0],
            r#"{"output":"Password: ","project_id":1,"stream":"terminal","task_id":7,"type":"partial"}"#
        );
        assert!(frames[1].contains("between"));
        assert_eq!(frames[2], r#"{"output":"20%","project_id":1,"stream":"stdout","task_id":7,"type":"partial"}"#);
        // A full queue takes no more of them, but the news that one is over.
        let lines: Vec<_> = (0..40).map(|_| line("x".repeat(64 * 1024))).collect();
        hub.lines(&task, &lines);
        hub.partial(&task, Stream::Stdout, "30%");
        hub.partial(&task, Stream::Stdout, "");
        let frames = drain(&asking);
        assert!(frames.iter().all(|frame| !frame.contains("30%")));
        assert!(frames.last().unwrap().contains(r#""output":"","#));
    }

    #[test]
    fn a_full_queue_leaves_out_lines_up_to_the_next_status_but_never_a_status() {
        let hub = Hub::default();
        let client = hub.join(Access { admin: true, ..Access::default() }, Wants::default());
        let running = task(TaskStatus::Running);
        let lines: Vec<_> = (0..40).map(|_| line("x".repeat(64 * 1024))).collect();
        hub.lines(&running, &lines);
        hub.changed(&task(TaskStatus::Stopping));
        let frames = drain(&client);
        assert!(frames.len() < 20, "{} frames wait", frames.len());
        assert!(frames.last().unwrap().contains(r#""status":"stopping""#));
        // Still full when the status came: the gap goes on. `drain` does not count what it takes, so the queue is emptied here.
        hub.lines(&running, &[line("during".into())]);
        client.lock().bytes = 0;
        hub.lines(&running, &[line("after".into())]);
        assert!(drain(&client).is_empty(), "the queue has room again, but no status came since the gap");
        hub.changed(&task(TaskStatus::Stopped));
        hub.lines(&running, &[line("behind the status".into())]);
        let frames = drain(&client);
        assert_eq!(frames.len(), 2, "{frames:?}");
        assert!(frames[0].contains(r#""status":"stopped""#) && frames[1].contains("behind the status"), "{frames:?}");
    }
}

//! What a WebSocket sends: the frames of the reference, or, for a client that asked with `?v=2`, batches of numbered lines
//! that go on where the client stopped. The client's side is described in docs/reference/websocket.md.
//!
//! Not for the connection itself: `ws`.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::Utf8Bytes;
use semaphore_model::{ProjectId, TaskId};
use semaphore_service::{Error, Result};
use tokio::time::sleep;

use super::{
    extract::QueryTexts,
    hub::{Connection, Wants},
    state::AppState,
    task_feed::{Feed, Follower, News},
    task_news,
};

/// Bytes of plain frames that are written at a time.
const BURST_BYTES: usize = 64 << 10;
/// Tasks that a client may name.
const MOST_TASKS: usize = 500;
/// Time between two attempts while the database does not answer.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Something to send.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// Project that it tells about; `None` if it tells nothing.
    pub(super) project: Option<ProjectId>,
    /// JSON.
    pub(super) text: Utf8Bytes,
}

/// What a client asks for in the query: `v`, `task`, `since`, `partial`. 400 with the reason for what cannot be read.
pub(super) fn wants(query: &QueryTexts) -> Result<Wants> {
    let partial = query.get("partial") == Some("true");
    match query.get("v") {
        None | Some("1") => return Ok(Wants { partial, ..Wants::default() }),
        Some("2") => {}
        Some(_) => {
            return Err(Error::invalid("v must be 1 or 2: this server speaks no other version of the WebSocket"));
        }
    }
    let number = |text: &str| text.trim().parse::<i32>().ok().filter(|number| *number > 0).map(TaskId);
    let texts = query.get("task").unwrap_or_default().split(',').filter(|text| !text.is_empty());
    let tasks: Option<HashSet<TaskId>> = texts.map(number).collect();
    let tasks = tasks.ok_or_else(|| Error::invalid("task must be ids of tasks with commas between them"))?;
    let mut since: HashMap<TaskId, i64> = tasks.iter().map(|task| (*task, 0)).collect();
    let unreadable = || {
        let text = "since must be TASK:LINE with commas between several, each with the number of the last line that was seen; with one task in the query the line alone";
        Error::invalid(text)
    };
    let line = |text: &str| text.trim().parse::<i64>().ok().filter(|line| *line >= 0).ok_or_else(unreadable);
    for text in query.get("since").unwrap_or_default().split(',').filter(|text| !text.is_empty()) {
        let mut named = tasks.iter();
        let (task, line) = match (text.split_once(':'), named.next(), named.next()) {
            (Some((task, text)), _, _) => (number(task).ok_or_else(unreadable)?, line(text)?),
            (None, Some(task), None) => (*task, line(text)?),
            // Nothing was seen of nothing.
            (None, None, _) if line(text)? == 0 => continue,
            _ => return Err(unreadable()),
        };
        since.insert(task, line);
    }
    if since.len() > MOST_TASKS {
        return Err(Error::invalid(format!("at most {MOST_TASKS} tasks may be named")));
    }
    Ok(Wants { partial, feeds: true, tasks, since })
}

/// Where the frames of a connection come from.
#[derive(Debug)]
pub(super) enum Source {
    /// Its queue in the hub.
    Plain(Arc<Connection>),
    /// Feeds.
    Feeds(Box<Feeds>),
}

impl Source {
    pub(super) fn new(state: &AppState, connection: &Arc<Connection>) -> Self {
        let wants = connection.wants();
        if !wants.feeds {
            return Self::Plain(Arc::clone(connection));
        }
        Self::Feeds(Box::new(Feeds {
            state: state.clone(),
            connection: Arc::clone(connection),
            followed: Vec::new(),
            turn: 0,
            since: wants.since.iter().map(|(task, line)| (*task, *line)).collect(),
            other: VecDeque::new(),
            sending: None,
        }))
    }

    /// What is sent next; `None` once the connection has to be closed. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> Option<Vec<Outgoing>> {
        match self {
            Self::Plain(connection) => loop {
                if connection.is_closed() {
                    return None;
                }
                let frames = connection.take(BURST_BYTES);
                if !frames.is_empty() {
                    let outgoing =
                        |frame: super::hub::Frame| Outgoing { project: Some(frame.project), text: frame.text };
                    return Some(frames.into_iter().map(outgoing).collect());
                }
                connection.woken().await;
            },
            Self::Feeds(feeds) => loop {
                match feeds.next().await {
                    Ok(outgoing) => return Some(vec![outgoing?]),
                    Err(error) => {
                        tracing::debug!(
                            error = &error as &dyn std::error::Error,
                            "the output of a task cannot be read for a client"
                        );
                        sleep(RETRY_PAUSE).await;
                    }
                }
            },
        }
    }

    /// What was answered last is on its way. Not called for what the client may not see: it waits then.
    pub(super) fn sent(&mut self) {
        if let Self::Feeds(feeds) = self {
            feeds.sent();
        }
    }

    /// Looks for tasks that the client may see and does not follow: at the beginning, and when its rights may have grown.
    pub(super) fn discover(&mut self) {
        if let Self::Feeds(feeds) = self {
            feeds.discover();
        }
    }
}

/// The feeds that a connection follows, each told in turn.
#[derive(Debug)]
pub(super) struct Feeds {
    state: AppState,
    connection: Arc<Connection>,
    followed: Vec<Followed>,
    turn: usize,
    /// Tasks that the client named, not followed yet.
    since: VecDeque<(TaskId, i64)>,
    /// Frames that belong to no feed.
    other: VecDeque<Outgoing>,
    /// Where what is being sent came from.
    sending: Option<Place>,
}

#[derive(Debug)]
struct Followed {
    follower: Follower,
    /// What was taken and is not sent yet.
    held: Option<News>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Other,
    Followed(usize),
}

impl Feeds {
    async fn next(&mut self) -> Result<Option<Outgoing>> {
        loop {
            if self.connection.is_closed() {
                return Ok(None);
            }
            for feed in self.connection.take_feeds() {
                self.follow(&feed, 0, false);
            }
            while let Some((task, line)) = self.since.front().copied() {
                self.resume(task, line).await?;
                self.since.pop_front();
            }
            let partial = self.connection.take(BURST_BYTES).into_iter();
            self.other.extend(partial.map(|frame| Outgoing { project: Some(frame.project), text: frame.text }));
            if let Some(outgoing) = self.other.front() {
                self.sending = Some(Place::Other);
                return Ok(Some(outgoing.clone()));
            }
            if let Some(outgoing) = self.next_of_feeds().await? {
                return Ok(Some(outgoing));
            }
            self.connection.woken().await;
        }
    }

    /// Asks one feed after the other, beginning behind the one that was sent last.
    async fn next_of_feeds(&mut self) -> Result<Option<Outgoing>> {
        let mut asked = 0;
        while asked < self.followed.len() {
            let index = (self.turn + asked) % self.followed.len();
            let followed = &mut self.followed[index];
            let project = followed.follower.project();
            if !self.connection.may_see(project) {
                asked += 1;
                continue;
            }
            if followed.held.is_none() {
                followed.held = followed.follower.next(&self.state).await?;
            }
            let text = match &followed.held {
                None => {
                    asked += 1;
                    continue;
                }
                Some(News::Lines(batch)) => batch.text.clone(),
                Some(News::Status(status)) => status.text.clone(),
                Some(News::Gone) => task_news::gone(followed.follower.task()),
                Some(News::End) => {
                    self.forget(index);
                    continue;
                }
            };
            self.sending = Some(Place::Followed(index));
            return Ok(Some(Outgoing { project: Some(project), text }));
        }
        Ok(None)
    }

    fn sent(&mut self) {
        match self.sending.take() {
            Some(Place::Other) => drop(self.other.pop_front()),
            Some(Place::Followed(index)) => {
                self.turn = index + 1;
                let taken = self.followed.get_mut(index).and_then(|followed| followed.held.take());
                if matches!(taken, Some(News::Gone)) {
                    self.forget(index);
                }
            }
            None => {}
        }
    }

    fn forget(&mut self, index: usize) {
        let ended = self.followed.swap_remove(index);
        self.connection.has_ended(ended.follower.task());
    }

    fn follow(&mut self, feed: &Arc<Feed>, line: i64, from_now: bool) {
        let follower = feed.follow(&self.state, &self.connection, line, from_now);
        self.followed.push(Followed { follower, held: None });
    }

    /// Begins behind the last line that the client saw, or behind the last that there is.
    async fn resume(&mut self, task: TaskId, line: i64) -> Result<()> {
        let services = self.state.services();
        let project = services.find_project_of_task(task).await?;
        let Some(project) = project.filter(|project| self.connection.may_see(*project)) else {
            self.other.push_back(Outgoing { project: None, text: task_news::gone(task) });
            self.connection.has_ended(task);
            return Ok(());
        };
        let line = if line > 0 { line.min(services.task_output_length(task).await?) } else { 0 };
        let feed = self.state.hub().feed(task, project);
        self.follow(&feed, line, true);
        Ok(())
    }

    fn discover(&mut self) {
        let Ok(pool) = self.state.tasks().pool() else { return };
        for task in pool.active() {
            if !task.status.is_finished()
                && self.connection.may_see(task.project_id)
                && self.connection.wants_task(task.id)
                && self.connection.claim(task.id)
            {
                let feed = self.state.hub().feed(task.id, task.project_id);
                self.follow(&feed, 0, true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_query_says_what_a_client_wants() {
        let read = |query: &str| {
            let mut wants = wants(&QueryTexts::parse(query)).map_err(|error| error.to_string())?;
            let mut since: Vec<_> = wants.since.drain().map(|(task, line)| (task.0, line)).collect();
            since.sort_unstable();
            Ok::<_, String>((wants.feeds, wants.partial, wants.tasks.len(), since))
        };
        let table = [
            ("", (false, false, 0, vec![])),
            ("partial=true&since=x", (false, true, 0, vec![])),
            ("v=2", (true, false, 0, vec![])),
            ("v=2&since=0", (true, false, 0, vec![])),
            ("v=2&since=7:0,8:120", (true, false, 0, vec![(7, 0), (8, 120)])),
            ("v=2&task=7&since=12", (true, false, 1, vec![(7, 12)])),
            ("v=2&task=7,8&since=8:3", (true, false, 2, vec![(7, 0), (8, 3)])),
        ];
        for (query, expected) in table {
            assert_eq!(read(query), Ok(expected), "{query}");
        }
        for query in [
            "v=3",
            "v=2&task=x",
            "v=2&since=5",
            "v=2&since=7:-1",
            "v=2&since=7:",
            "v=2&since=:1",
            "v=2&task=1,2&since=4",
        ] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}

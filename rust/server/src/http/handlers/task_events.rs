//! What happens to one task as server-sent events, for scripts (`curl -N`): each line with its number, each change of status,
//! to the final one. Ours; the client's side is described in docs/reference/websocket.md.

use std::time::Duration;

use axum::{
    body::Body as HttpBody,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::stream;
use semaphore_model::TaskId;
use semaphore_service::Error;
use tokio::time::{Instant, sleep, timeout};

use crate::http::{
    access::{Member, ProjectAccess},
    error::Result,
    extract::{PathId, QueryTexts},
    hub::{Access, Wants},
    state::AppState,
    task_feed::{Follower, News},
    task_news::{Batch, Status, line_text},
    ws::{ACCESS_AGE, Joined, Proof, REFRESH_PERIOD},
};

/// Time without news after which a comment is sent, so that nobody in between takes the connection for dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Time between two attempts while the database does not answer.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Id of the final status. A client that comes back with it missed nothing.
const END: &str = "end";
/// What a browser is told first: to wait two seconds before it comes back.
const GREETING: &str = "retry: 2000\n\n";

/// `GET /api/project/{project_id}/tasks/{task_id}/events`: from the first line on, or from behind the line of
/// `Last-Event-ID` or `?since=`.
pub(crate) async fn get_task_events(
    access: ProjectAccess<Member>,
    State(state): State<AppState>,
    PathId(task): PathId<TaskId>,
    headers: HeaderMap,
    query: QueryTexts,
) -> Result<Response> {
    let (services, project) = (state.services(), access.project_id());
    let task = services.task(project, task).await?.id;
    let last_id = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").trim());
    let line = match last_id.or(query.get("since")) {
        None | Some("") => 0,
        // A browser stops coming back.
        Some(END) => return Ok(StatusCode::NO_CONTENT.into_response()),
        Some(text) => text.parse::<i64>().ok().filter(|line| *line >= 0).ok_or_else(|| {
            Error::invalid("Last-Event-ID and since must be the number of the last line that was seen")
        })?,
    };
    let line = if line > 0 { line.min(services.task_output_length(task).await?) } else { 0 };
    let seen = Access { admin: false, projects: [project].into() };
    let wants = Wants { feeds: true, tasks: [task].into(), since: [(task, line)].into(), ..Wants::default() };
    let connection = state.hub().join(seen, wants);
    let follower = state.hub().feed(task, project).follow(&state, &connection, line, true);
    let joined = Joined { state, connection };
    let events = Events { joined, follower, proof: Proof::of(&headers), proved_at: Instant::now(), is_at_end: false };
    let greeting = stream::once(async { Ok(Bytes::from_static(GREETING.as_bytes())) });
    let events = stream::unfold(events, async |mut events| {
        let text = events.next().await?;
        Some((Ok::<_, std::convert::Infallible>(text), events))
    });
    let body = HttpBody::from_stream(futures_util::StreamExt::chain(greeting, events));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-cache"),
        // A proxy in front of us is not to collect events.
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, body).into_response())
}

/// A client that reads events.
struct Events {
    joined: Joined,
    follower: Follower,
    proof: Proof,
    /// When the client's right was looked at.
    proved_at: Instant,
    is_at_end: bool,
}

impl Events {
    /// The next events; `None` at the end, and when the client may not see the task any more or the server closes.
    async fn next(&mut self) -> Option<Bytes> {
        let Joined { state, connection } = &self.joined;
        let mut quiet_since = Instant::now();
        loop {
            if self.is_at_end || connection.is_closed() {
                return None;
            }
            if self.proved_at.elapsed() >= ACCESS_AGE {
                connection.set_access(self.proof.access(state).await.ok()?);
                self.proved_at = Instant::now();
                if !connection.may_see(self.follower.project()) {
                    return None;
                }
            }
            match self.follower.next(state).await {
                Ok(Some(News::Lines(batch))) => return Some(line_events(&batch)),
                Ok(Some(News::Status(status))) => {
                    self.is_at_end = status.is_final;
                    return Some(status_event(&status));
                }
                Ok(Some(News::End | News::Gone)) => return None,
                Ok(None) => {
                    if quiet_since.elapsed() >= HEARTBEAT {
                        return Some(Bytes::from_static(b":\n\n"));
                    }
                    // Nobody else asks whether the client still has its right.
                    let _ = timeout(REFRESH_PERIOD, connection.woken()).await;
                }
                Err(error) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "the output of a task cannot be read for a client"
                    );
                    quiet_since = Instant::now();
                    sleep(RETRY_PAUSE).await;
                }
            }
        }
    }
}

fn line_events(batch: &Batch) -> Bytes {
    let mut text = String::with_capacity(batch.text.len() + batch.lines.len() * 32);
    for (number, line) in (batch.first..).zip(&batch.lines) {
        event(&mut text, "line", &number.to_string(), &line_text(line));
    }
    text.into()
}

fn status_event(status: &Status) -> Bytes {
    let mut text = String::new();
    let id = if status.is_final { END.to_owned() } else { status.after.to_string() };
    event(&mut text, "status", &id, &status.text);
    text.into()
}

/// `data` is JSON and has no line feeds.
fn event(text: &mut String, kind: &str, id: &str, data: &str) {
    for part in ["event: ", kind, "\nid: ", id, "\ndata: ", data, "\n\n"] {
        text.push_str(part);
    }
}

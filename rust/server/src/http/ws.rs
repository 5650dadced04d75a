//! The WebSocket: live lines and status changes of the projects a user may see.
//!
//! Reference: `api/sockets/handler.go` (times and limits). Departures: a foreign origin is refused, and memberships are looked
//! at while frames are sent, not only when a task starts.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, rejection::WebSocketUpgradeRejection},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures_util::SinkExt as _;
use semaphore_model::Secret;
use semaphore_service::auth::Credentials;
use tokio::time::{Instant, interval_at, timeout};

use super::{
    access::{Session, credentials},
    csrf,
    error::ApiError,
    extract::QueryTexts,
    hub::{Access, Connection},
    openapi::describe::{Argument, Describer},
    state::AppState,
    ws_batch::{self, Source},
};

/// Time between two pings of ours.
const PING_PERIOD: Duration = Duration::from_secs(108);
/// A connection without a pong for this long is dropped.
const PONG_LIMIT: Duration = Duration::from_mins(2);
/// Time one frame may take to be written.
const WRITE_LIMIT: Duration = Duration::from_secs(20);
/// Largest message accepted from a client, in bytes; its content is ignored.
const MESSAGE_LIMIT: usize = 512;
/// What is read from a client at a time, in bytes: it sends pongs.
const READ_BUFFER: usize = 1024;
/// Close code for a message over [`MESSAGE_LIMIT`].
const TOO_BIG: u16 = 1009;
/// How often the access is read even if nothing is sent, so that a new member begins to receive.
pub(super) const REFRESH_PERIOD: Duration = Duration::from_secs(5);
/// How long an access that was read is used before it is read again.
pub(super) const ACCESS_AGE: Duration = Duration::from_secs(1);

/// `GET /api/ws`; with `?partial=true` unfinished lines are shown too, in frames that the reference does not have, and with
/// `?v=2` lines come in numbered batches.
pub(crate) async fn connect(
    _: Session,
    State(state): State<AppState>,
    headers: HeaderMap,
    query: QueryTexts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    // Reference: gorilla's answer to a request without upgrade headers.
    let Ok(upgrade) = upgrade else { return (StatusCode::BAD_REQUEST, "Bad Request\n").into_response() };
    if csrf::is_foreign(&headers, state.web_host()) {
        return (StatusCode::FORBIDDEN, "this page's origin may not use the WebSocket\n").into_response();
    }
    let proof = Proof::of(&headers);
    let access = match proof.access(&state).await {
        Ok(access) => access,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let wants = match ws_batch::wants(&query) {
        Ok(wants) => wants,
        Err(error) => return ApiError::from(error).into_response(),
    };
    // Before the answer: what happens after it is told.
    let connection = state.hub().join(access, wants);
    let joined = Joined { state, connection };
    upgrade
        .max_message_size(MESSAGE_LIMIT)
        .max_frame_size(MESSAGE_LIMIT)
        .read_buffer_size(READ_BUFFER)
        .on_upgrade(move |socket| serve(socket, joined, proof))
}

impl Argument for WebSocketUpgrade {
    fn describe(_: &mut Describer) {}
}

/// A client in the hub, also while the connection is still being upgraded; it leaves when this is dropped.
pub(super) struct Joined {
    pub(super) state: AppState,
    pub(super) connection: Arc<Connection>,
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.state.hub().leave(&self.connection);
    }
}

/// What the client proved itself with. It is looked at again while the connection is open: a log-out, a change of password
/// and a token taken back end the connection.
pub(super) struct Proof {
    authorization: Secret,
    cookie: Secret,
}

impl Proof {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let credentials = credentials(headers);
        Self { authorization: credentials.authorization.into(), cookie: credentials.cookie.into() }
    }

    /// What the user may see now; an error (no session any more, a deleted user, a closed database) ends the connection.
    pub(super) async fn access(&self, state: &AppState) -> semaphore_service::Result<Access> {
        let credentials = Credentials { authorization: self.authorization.expose(), cookie: self.cookie.expose() };
        let user = state.services().authenticate_again(&credentials).await?;
        let (admin, projects) = state.services().visible_projects(user.id).await?;
        Ok(Access { admin, projects })
    }
}

async fn serve(mut socket: WebSocket, joined: Joined, proof: Proof) {
    let farewell = exchange(&mut socket, &joined.connection, &joined.state, &proof).await;
    drop(joined);
    if let Some(close) = farewell {
        let _ = timeout(WRITE_LIMIT, socket.send(Message::Close(close))).await;
    }
}

/// Sends frames and answers pings until one side ends it; returns the close frame to send, if any.
async fn exchange(
    socket: &mut WebSocket,
    connection: &Arc<Connection>,
    state: &AppState,
    proof: &Proof,
) -> Option<Option<CloseFrame>> {
    let mut pings = interval_at(Instant::now() + PING_PERIOD, PING_PERIOD);
    let mut refresh = interval_at(Instant::now() + REFRESH_PERIOD, REFRESH_PERIOD);
    let mut heard_at = Instant::now();
    let mut access_at = Instant::now();
    let mut source = Source::new(state, connection);
    source.discover();
    loop {
        let messages = tokio::select! {
            incoming = socket.recv() => match incoming {
                Some(Ok(Message::Pong(_))) => {
                    heard_at = Instant::now();
                    continue;
                }
                Some(Ok(Message::Close(_))) => {
                    // The answer to it is queued and goes out with the next call.
                    let _ = timeout(WRITE_LIMIT, socket.recv()).await;
                    return None;
                }
                None => return None,
                Some(Ok(_)) => continue,
                Some(Err(_)) => return Some(Some(CloseFrame { code: TOO_BIG, reason: "".into() })),
            },
            outgoing = source.next() => {
                let Some(mut outgoing) = outgoing else { return Some(None) };
                if access_at.elapsed() >= ACCESS_AGE {
                    connection.set_access(proof.access(state).await.ok()?);
                    access_at = Instant::now();
                }
                outgoing.retain(|outgoing| outgoing.project.is_none_or(|project| connection.may_see(project)));
                if outgoing.is_empty() {
                    continue;
                }
                outgoing.into_iter().map(|outgoing| Message::Text(outgoing.text)).collect()
            }
            _ = refresh.tick() => {
                connection.set_access(proof.access(state).await.ok()?);
                access_at = Instant::now();
                source.discover();
                continue;
            }
            () = tokio::time::sleep_until(heard_at + PONG_LIMIT) => return None,
            _ = pings.tick() => vec![Message::Ping(bytes::Bytes::new())],
        };
        let is_news = !matches!(messages.as_slice(), [Message::Ping(_)]);
        if !matches!(timeout(WRITE_LIMIT, send(socket, messages)).await, Ok(Ok(()))) {
            return None;
        }
        if is_news {
            source.sent();
        }
    }
}

/// Many frames in few writes.
async fn send(socket: &mut WebSocket, messages: Vec<Message>) -> Result<(), axum::Error> {
    for message in messages {
        socket.feed(message).await?;
    }
    socket.flush().await
}

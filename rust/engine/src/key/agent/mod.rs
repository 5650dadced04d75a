//! An ssh agent of the job's own: holds one key, signs with it, and does nothing else.
//!
//! Reference: one agent per git command and one for the inventory; here one per key and job, which programs cannot tell
//! apart. Invariants: only the server's own user, root and the user of the job's programs are answered; nothing can be added
//! or removed; what it makes on disk goes with the value, also when a job ends by a panic.

mod place;
mod protocol;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, path::Path, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UnixListener, UnixStream},
    sync::Semaphore,
    task::{AbortHandle, JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use self::place::Socket;
use super::{KeyError, PrivateKey};

pub(crate) use place::remove_leftovers;
pub use place::{AgentPlace, SocketOwner};
#[cfg(fuzzing)]
pub(crate) use protocol::answer as answer_to;

/// Connections at a time; one more ends the oldest, so that nobody can keep others out.
const MOST_CONNECTIONS: usize = 128;

/// Slow signatures at a time: a computation goes on when its connection has ended, so these are what a flood can pile up.
const MOST_SIGNATURES: usize = 4;

/// Longest message that is read. Reference: the same.
const LONGEST_MESSAGE_BYTES: usize = 256 * 1024;

/// Pause after a failed `accept` (no descriptor left): it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running agent. Ends when it is closed or dropped.
#[derive(Debug)]
pub struct Agent {
    socket: Option<Socket>,
    path: std::path::PathBuf,
    stop: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Agent {
    /// Reads the key and starts an agent for it. Must be called in a runtime with IO and time enabled.
    ///
    /// `key_id` names the socket: `ssh-agent-<key id>-<10 hex>.sock`, as in the reference, in a directory of its own.
    ///
    /// # Errors
    /// If the key cannot be read or its passphrase is missing or wrong, or the socket cannot be made.
    pub async fn start(
        place: &AgentPlace,
        key_id: i32,
        private_key: Zeroizing<Vec<u8>>,
        passphrase: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Self, KeyError> {
        let parse = move || PrivateKey::parse(&private_key, passphrase.as_ref().map(|text| text.as_slice()));
        let key = tokio::task::spawn_blocking(parse)
            .await
            .map_err(|error| KeyError::socket("start a thread", std::io::Error::other(error)))??;
        Self::serve(place, key_id, key)
    }

    /// As [`Agent::start`], for a key that was read already.
    pub fn serve(place: &AgentPlace, key_id: i32, key: PrivateKey) -> Result<Self, KeyError> {
        let (socket, listener) = place.bind(key_id)?;
        let listener = listener
            .set_nonblocking(true)
            .and_then(|()| UnixListener::from_std(listener))
            .map_err(|source| KeyError::socket("listen on the socket", source))?;
        let stop = CancellationToken::new();
        let work = accept(listener, Arc::new(key), socket.owner(), stop.clone());
        let path = socket.path().to_owned();
        Ok(Self { socket: Some(socket), path, stop, task: Some(tokio::spawn(work)) })
    }

    /// The socket, for `SSH_AUTH_SOCK`. It does not exist any more when the agent is closed.
    pub fn socket(&self) -> &Path {
        &self.path
    }

    /// Removes the socket and ends all connections. Doing it again changes nothing.
    pub fn close(&mut self) {
        self.stop.cancel();
        self.socket = None;
    }

    /// As [`Agent::close`], and waits until the last connection has ended and the key is gone from memory.
    pub async fn closed(mut self) {
        self.close();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "an ssh agent did not end in order");
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.close();
    }
}

async fn accept(listener: UnixListener, key: Arc<PrivateKey>, owner: SocketOwner, stop: CancellationToken) {
    let signatures = Arc::new(Semaphore::new(MOST_SIGNATURES));
    let mut connections = JoinSet::new();
    let mut oldest_first: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => {
                oldest_first.retain(|connection| !connection.is_finished());
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) if may_connect(&stream, owner) => {
                if oldest_first.len() >= MOST_CONNECTIONS
                    && let Some(oldest) = oldest_first.pop_front()
                {
                    oldest.abort();
                }
                oldest_first.push_back(connections.spawn(serve(stream, Arc::clone(&key), Arc::clone(&signatures))));
            }
            Ok(_) => tracing::warn!("another user tried to use an ssh agent"),
            Err(error) => {
                tracing::warn!(%error, "an ssh agent cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    connections.shutdown().await;
}

/// Whether the process at the other end runs as this server, as root or as the user of the job's programs.
fn may_connect(stream: &UnixStream, owner: SocketOwner) -> bool {
    let own = nix::unistd::geteuid().as_raw();
    stream.peer_cred().is_ok_and(|peer| [0, own].contains(&peer.uid()) || owner.uid == Some(peer.uid()))
}

/// Answers one connection until it ends or breaks the protocol.
async fn serve(mut stream: UnixStream, key: Arc<PrivateKey>, signatures: Arc<Semaphore>) {
    loop {
        let Ok(length) = stream.read_u32().await else { return };
        let length = length as usize;
        if length == 0 || length > LONGEST_MESSAGE_BYTES {
            return;
        }
        // Grows with what really arrives, not with what is announced.
        let mut message = Vec::new();
        match (&mut stream).take(length as u64).read_to_end(&mut message).await {
            Ok(read) if read == length => {}
            _ => return,
        }
        let Some(answer) = answer(&key, &signatures, message).await else { return };
        let Ok(length) = u32::try_from(answer.len()) else { return };
        let whole = [length.to_be_bytes().as_slice(), &answer].concat();
        if stream.write_all(&whole).await.is_err() {
            return;
        }
    }
}

/// The answer, computed where it keeps nobody waiting.
async fn answer(key: &Arc<PrivateKey>, signatures: &Arc<Semaphore>, message: Vec<u8>) -> Option<Vec<u8>> {
    if key.is_slow() && protocol::is_sign_request(&message) {
        let key = Arc::clone(key);
        let permit = Arc::clone(signatures).acquire_owned().await.ok()?;
        let sign = move || {
            let answer = protocol::answer(&key, &message);
            drop(permit);
            answer
        };
        return tokio::task::spawn_blocking(sign).await.ok();
    }
    Some(protocol::answer(key, &message))
}

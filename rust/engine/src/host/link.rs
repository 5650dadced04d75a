//! One connection between a host and a server.
//!
//! Not for what is said on it.

use std::{collections::VecDeque, io, os::unix::net::UnixStream as StdUnixStream};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

use super::frame::{self, Frame};

/// What is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Frames that come in.
#[derive(Debug)]
pub(super) struct Incoming {
    reader: OwnedReadHalf,
    read: BytesMut,
}

impl Incoming {
    pub(super) fn new(reader: OwnedReadHalf) -> Self {
        Self { reader, read: BytesMut::new() }
    }

    /// The next frame; `None` at the end. Safe to cancel.
    pub(super) async fn next(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = frame::take(&mut self.read)? {
                return Ok(Some(frame));
            }
            self.read.reserve(READ_BYTES);
            if self.reader.read_buf(&mut self.read).await? == 0 {
                return Ok(None);
            }
        }
    }
}

/// Both directions.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) incoming: Incoming,
    writer: OwnedWriteHalf,
    outgoing: VecDeque<Bytes>,
}

impl Link {
    pub(super) fn new(stream: UnixStream) -> Self {
        let (reader, writer) = stream.into_split();
        Self { incoming: Incoming::new(reader), writer, outgoing: VecDeque::new() }
    }

    /// To be sent by [`Link::next`], in order.
    pub(super) fn send(&mut self, frame: Bytes) {
        self.outgoing.push_back(frame);
    }

    /// Whether everything was sent.
    pub(super) fn is_idle(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Sends what there is to send, until a frame comes; `None` when the other side has gone, or when something was sent that
    /// makes room for more. Safe to cancel.
    pub(super) async fn next(&mut self) -> io::Result<Turn> {
        let Some(first) = self.outgoing.front_mut() else {
            return Ok(self.incoming.next().await?.map_or(Turn::Gone, Turn::Heard));
        };
        tokio::select! {
            heard = self.incoming.next() => Ok(heard?.map_or(Turn::Gone, Turn::Heard)),
            sent = self.writer.write_buf(first) => {
                sent?;
                if first.is_empty() {
                    self.outgoing.pop_front();
                }
                Ok(Turn::Sent)
            }
        }
    }
}

/// What has happened on a link.
#[derive(Debug)]
pub(super) enum Turn {
    /// Something came.
    Heard(Frame),
    /// Something was sent.
    Sent,
    /// The other side has closed it.
    Gone,
}

/// A stream of the standard library for the runtime.
pub(super) fn stream(stream: StdUnixStream) -> io::Result<UnixStream> {
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

/// An error unless the other side is of this process's own user.
pub(super) fn check_peer(stream: &UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer == nix::unistd::geteuid().as_raw() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("the other side belongs to user {peer}")))
}

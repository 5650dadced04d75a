//! Connections: accepting, one task each, and a graceful end.
//!
//! Invariants: after the stop no connection is accepted, requests under way are finished up to a limit of time, idle
//! connections are closed at once; a client that sends its header slowly is cut off.

use std::{io, net::SocketAddr, time::Duration};

use axum::{body::Body, extract::Request};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{app::App, client_address::Peer};

/// Time a client has to send a request's header, also while a connection is idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// Pause after a failed accept (mostly: out of descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server cannot listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct ListenError {
    /// Interface and port as configured.
    pub address: String,
    /// Why.
    pub source: io::Error,
}

/// Listens on an interface (empty for all addresses) and a port (0 for any).
pub async fn listen(interface: &str, port: u16) -> Result<TcpListener, ListenError> {
    let host = interface.trim_start_matches('[').trim_end_matches(']');
    let bound = if host.is_empty() {
        // One socket for both families where the machine has IPv6.
        match TcpListener::bind(("::", port)).await {
            Err(error) if error.kind() != io::ErrorKind::AddrInUse => TcpListener::bind(("0.0.0.0", port)).await,
            bound => bound,
        }
    } else {
        TcpListener::bind((host, port)).await
    };
    bound.map_err(|source| ListenError { address: format!("{interface}:{port}"), source })
}

/// Serves until `stop` is cancelled, then lets requests finish for at most `grace`.
pub async fn serve(listener: TcpListener, app: App, stop: CancellationToken, grace: Duration) {
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    connections.spawn(connection(stream, peer, app.clone(), stop.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(grace, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests did not end in time and are cut off");
    }
}

async fn connection(stream: TcpStream, peer: SocketAddr, app: App, stop: CancellationToken) {
    // Answers are small and complete: waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let app = app.clone();
        async move {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer.ip()));
            Ok::<_, std::convert::Infallible>(app.call(request).await)
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(served);
    let result = tokio::select! {
        result = served.as_mut() => result,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%peer, %error, "connection ended");
    }
}

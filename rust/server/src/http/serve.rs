//! Connections: accepting, one task each, and a graceful end.
//!
//! Invariants: after the stop no connection is accepted, requests under way are finished up to a limit of time, idle
//! connections are closed at once; a client that sends its header slowly is cut off.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{body::Body, extract::Request, http::HeaderValue, response::Response};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    app::App,
    client_address::Peer,
    patient_body::PatientBody,
    tls::{Certificates, Redirect},
};

/// Time a client has to send a request's header, also while a connection is idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(75);

/// Time a client has to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

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

/// Who answers on a port.
#[derive(Clone, Debug)]
pub enum Responder {
    /// The application.
    App(App),
    /// Somebody who sends everybody to HTTPS.
    Redirect(Redirect),
}

impl Responder {
    async fn answer(&self, request: Request<Incoming>, peer: SocketAddr, is_encrypted: bool) -> Response {
        match self {
            Self::App(app) => {
                let pause = app.body_timeout();
                let mut request = request.map(|body| Body::new(PatientBody::new(body, pause)));
                request.extensions_mut().insert(Peer(peer.ip()));
                if is_encrypted {
                    // For whoever asks whether a cookie may travel here, as behind a proxy that speaks HTTPS.
                    request.headers_mut().insert("x-forwarded-proto", HeaderValue::from_static("https"));
                }
                app.call(request).await
            }
            Self::Redirect(redirect) => redirect.answer(&request.map(|_| Body::empty())),
        }
    }
}

/// Serves until `stop` is cancelled, then lets requests finish for at most `grace`. With certificates it speaks HTTPS.
pub async fn serve(
    listener: TcpListener,
    responder: Responder,
    certificates: Option<Arc<Certificates>>,
    stop: CancellationToken,
    grace: Duration,
) {
    let connections = TaskTracker::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    // Answers are small and complete: waiting for more would only delay them.
                    let _ = stream.set_nodelay(true);
                    let (responder, stop) = (responder.clone(), stop.clone());
                    match &certificates {
                        None => connections.spawn(speak(stream, peer, responder, false, stop)),
                        Some(certificates) => {
                            let acceptor = TlsAcceptor::from(certificates.current());
                            connections.spawn(encrypted(stream, peer, responder, acceptor, stop))
                        }
                    };
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

async fn encrypted(
    stream: TcpStream,
    peer: SocketAddr,
    responder: Responder,
    acceptor: TlsAcceptor,
    stop: CancellationToken,
) {
    let agreed = tokio::select! {
        agreed = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)) => agreed,
        () = stop.cancelled() => return,
    };
    match agreed {
        Ok(Ok(stream)) => speak(stream, peer, responder, true, stop).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "no TLS connection came about"),
        Err(_) => tracing::debug!(%peer, "a client took too long to agree on TLS"),
    }
}

async fn speak<S>(stream: S, peer: SocketAddr, responder: Responder, is_encrypted: bool, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let responder = responder.clone();
        async move { Ok::<_, std::convert::Infallible>(responder.answer(request, peer, is_encrypted).await) }
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

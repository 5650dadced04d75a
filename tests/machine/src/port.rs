//! Ports of this machine for servers that take a number instead of a listener.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

/// Below the range from which Linux takes the ports of connections: one of those may be taken by a connection before its
/// server listens, or while the server is restarted.
const FIRST: u32 = 12_000;
const COUNT: u32 = 18_000;

/// A port of 127.0.0.1 on which nobody listens; in one process each is given once.
///
/// # Panics
/// If all are taken.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Test programs that run side by side begin at different places.
    let begin = std::process::id().wrapping_mul(7919);
    (0..COUNT)
        .map(|_| begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT + FIRST)
        .filter_map(|port| u16::try_from(port).ok())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .expect("a free port")
}

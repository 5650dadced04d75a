//! A receiver of webhooks on loopback: keeps each document that is posted to it, and answers with a status of the test's choice.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::wait_until;

/// A document that was posted.
#[derive(Clone, Debug)]
pub struct Posted {
    /// Path and query it was posted to.
    pub path: String,
    /// Its declared type.
    pub content_type: String,
    /// All its headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// The document.
    pub body: Value,
    /// The document as it came.
    pub text: String,
    /// The status that was answered.
    pub status: u16,
}

/// A running receiver; it takes connections until the program ends.
#[derive(Debug)]
pub struct Hooks {
    port: u16,
    status: Arc<AtomicU16>,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Hooks {
    /// A receiver that answers 200.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (status, posted) = (Arc::new(AtomicU16::new(200)), Arc::new(Mutex::new(Vec::new())));
        let hooks = Self { port, status: Arc::clone(&status), posted: Arc::clone(&posted) };
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let (status, posted) = (Arc::clone(&status), Arc::clone(&posted));
                // A connection that ends in the middle is none of the test's.
                thread::spawn(move || drop(serve(connection, &status, &posted)));
            }
        });
        hooks
    }

    /// Its address, without a slash at the end.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What is answered from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// Everything that was posted below a path so far.
    pub fn posted(&self, path: &str) -> Vec<Posted> {
        let posted = self.posted.lock().expect("no panic while it is held");
        posted.iter().filter(|posted| posted.path.starts_with(path)).cloned().collect()
    }

    /// What was posted below a path, once it is `count` documents.
    #[track_caller]
    pub fn wait_for(&self, path: &str, count: usize) -> Vec<Posted> {
        wait_until(&format!("{count} documents come to {path}"), Duration::from_secs(30), || {
            let posted = self.posted(path);
            (posted.len() >= count).then_some(posted)
        })
    }
}

fn serve(connection: TcpStream, status: &AtomicU16, posted: &Mutex<Vec<Posted>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    let mut connection = connection;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let (mut length, mut content_type, mut headers) = (0, String::new(), Vec::new());
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap_or_default(),
                "content-type" => value.clone_into(&mut content_type),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let text = String::from_utf8_lossy(&body).into_owned();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let status = status.load(Ordering::SeqCst);
        posted.lock().expect("no panic while it is held").push(Posted {
            path,
            content_type,
            headers,
            body,
            text,
            status,
        });
        write!(connection, "HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\n\r\n")?;
    }
}

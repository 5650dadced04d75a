//! A stand-in for HashiCorp Vault and OpenBao on loopback: the key-value engine of version 2 as their documentation describes it.
//!
//! Not the real program, which is not on the machines where these tests run: entries without versions, one token, no policies.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

/// A running storage; it ends with the value.
#[derive(Debug)]
pub struct Vault {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    token: String,
    /// The JSON text of each entry's fields, by mount and path.
    entries: Mutex<HashMap<String, String>>,
    is_ending: AtomicBool,
}

impl Vault {
    /// A storage without entries, which this token opens.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start(token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { token: token.to_owned(), ..Shared::default() });
        let serving = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.is_ending.load(Ordering::Relaxed) {
                    return;
                }
                if let Ok(connection) = connection {
                    // A client that goes away is no business of the storage.
                    let _ = answer(&connection, &serving);
                }
            }
        });
        Self { address, shared, thread: Some(thread) }
    }

    /// Its address for a secret storage.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts an entry; `path` is mount and path, `fields` a JSON object.
    pub fn put(&self, path: &str, fields: &str) {
        self.shared.entries.lock().unwrap().insert(path.to_owned(), fields.to_owned());
    }

    /// The JSON text of an entry's fields.
    pub fn entry(&self, path: &str) -> Option<String> {
        self.shared.entries.lock().unwrap().get(path).cloned()
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(mut connection: &TcpStream, shared: &Shared) -> std::io::Result<()> {
    let mut reader = BufReader::new(connection);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "x-vault-token" => value.trim().clone_into(&mut token),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (status, text) = respond(shared, method, path, &token, &String::from_utf8_lossy(&body));
    let length = text.len();
    write!(
        connection,
        "HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
    )
}

fn respond(shared: &Shared, method: &str, path: &str, token: &str, body: &str) -> (u16, String) {
    if token != shared.token {
        return (403, r#"{"errors":["permission denied"]}"#.to_owned());
    }
    let Some((mount, entry)) = path.strip_prefix("/v1/").and_then(|path| path.split_once("/data/")) else {
        return (404, r#"{"errors":[]}"#.to_owned());
    };
    let name = format!("{mount}/{entry}");
    let mut entries = shared.entries.lock().unwrap();
    match method {
        "GET" => entries.get(&name).map_or_else(
            || (404, r#"{"errors":[]}"#.to_owned()),
            |fields| (200, format!(r#"{{"data":{{"data":{fields},"metadata":{{"version":1}}}}}}"#)),
        ),
        "POST" | "PUT" => match serde_json::from_str::<serde_json::Value>(body) {
            Ok(body) if body["data"].is_object() => {
                entries.insert(name, body["data"].to_string());
                (200, r#"{"data":{"version":1}}"#.to_owned())
            }
            _ => (400, r#"{"errors":["no data provided"]}"#.to_owned()),
        },
        _ => (405, r#"{"errors":["unsupported operation"]}"#.to_owned()),
    }
}

//! A git server over HTTP on loopback: git's own `http-backend` behind a small CGI server, with Basic authentication.
//!
//! It counts what is asked and sent, and can stall or cut the transfer of a pack, for tests that cancel one.

mod message;

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Condvar, Mutex, MutexGuard},
    thread::{self, JoinHandle},
    time::Duration,
};

use message::Head;
use tempfile::TempDir;

const CHUNK: usize = 16 << 10;

/// A running git server; it ends with this value, whatever its transfers do.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Option<JoinHandle<()>>,
}

/// Who may read a repository.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody, without a name.
    Anyone,
    /// Those with one of these names and passwords.
    Users(Vec<(String, String)>),
}

impl Access {
    /// One user.
    pub fn user(name: &str, password: &str) -> Self {
        Self::Users(vec![(name.to_owned(), password.to_owned())])
    }
}

/// How packs travel from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// As they should.
    Normal,
    /// That many bytes of a pack's answer, then nothing more until this is changed or the client goes away.
    StallAfter(usize),
    /// That many bytes, then the connection is closed.
    CutAfter(usize),
}

/// One request that was answered or is being answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The name in the Basic authentication, right or wrong.
    pub user: Option<String>,
    /// Status of the answer.
    pub status: u16,
}

#[derive(Debug)]
struct Shared {
    root: TempDir,
    backend: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    access: BTreeMap<String, Access>,
    transfer: Transfer,
    requests: Vec<Request>,
    sent: u64,
    stalled: usize,
    running: usize,
    ending: bool,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread of the git server panicked")
    }
}

impl Server {
    /// Starts a server without repositories.
    pub fn start() -> Self {
        let path = Command::new("git").arg("--exec-path").output().expect("git could not be started").stdout;
        let backend = Path::new(String::from_utf8_lossy(&path).trim()).join("git-http-backend");
        assert!(backend.is_file(), "{} is missing: it is a part of Debian's package git", backend.display());
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = State {
            access: BTreeMap::new(),
            transfer: Transfer::Normal,
            requests: Vec::new(),
            sent: 0,
            stalled: 0,
            running: 0,
            ending: false,
        };
        let root = tempfile::Builder::new().prefix("semaphore-git-").tempdir().unwrap();
        let shared = Arc::new(Shared { root, backend, state: Mutex::new(state), changed: Condvar::new() });
        let acceptor = Some(thread::spawn({
            let shared = Arc::clone(&shared);
            move || accept(&shared, &listener)
        }));
        Self { shared, address, acceptor }
    }

    /// Serves a repository as it is (what is pushed to the path is seen at once); returns its address
    /// `http://127.0.0.1:<port>/<name>.git`.
    pub fn serve(&self, name: &str, repository: &Path, access: Access) -> String {
        let name = format!("{name}.git");
        symlink(repository, self.shared.root.path().join(&name)).expect("a repository of that name is served already");
        let url = format!("http://{}/{name}", self.address);
        self.shared.state().access.insert(name, access);
        url
    }

    /// Changes who may read a repository that is served under this name.
    pub fn change_access(&self, name: &str, access: Access) {
        let before = self.shared.state().access.insert(format!("{name}.git"), access);
        assert!(before.is_some(), "no repository {name} is served");
    }

    /// Host and port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes how packs travel, also those that are stalled.
    pub fn transfer(&self, transfer: Transfer) {
        self.shared.state().transfer = transfer;
        self.shared.changed.notify_all();
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// Bytes of answers so far, without the header lines.
    pub fn bytes_sent(&self) -> u64 {
        self.shared.state().sent
    }

    /// Transfers that are stalled now.
    pub fn stalled(&self) -> usize {
        self.shared.state().stalled
    }

    /// Waits until that many transfers are stalled.
    #[track_caller]
    pub fn wait_until_stalled(&self, transfers: usize) {
        crate::wait_until("a transfer is stalled", Duration::from_mins(1), || {
            (self.stalled() == transfers).then_some(())
        });
    }

    /// Waits until no request is being answered any more: every client has what it wanted, or went away.
    #[track_caller]
    pub fn wait_until_idle(&self) {
        let idle = || (self.shared.state().running == 0).then_some(());
        crate::wait_until("no request is being answered", Duration::from_mins(1), idle);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut state) = self.shared.state.lock() {
            state.ending = true;
        }
        self.shared.changed.notify_all();
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    let mut threads = Vec::new();
    for stream in listener.incoming() {
        if shared.state().ending {
            break;
        }
        let Ok(stream) = stream else { continue };
        shared.state().running += 1;
        let shared = Arc::clone(shared);
        threads.push(thread::spawn(move || {
            // A client that goes away in the middle is what some tests are about.
            let _ = answer(&shared, &stream);
            let _ = stream.shutdown(Shutdown::Both);
            shared.state().running -= 1;
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

fn answer(shared: &Shared, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let Some((head, body)) = message::read(stream)? else { return Ok(()) };
    let name = head.target.trim_start_matches('/').split(['/', '?']).next().unwrap_or_default().to_owned();
    let access = shared.state().access.get(&name).cloned();
    let credentials = head.credentials();
    let status = match &access {
        None => 404,
        Some(Access::Anyone) => 200,
        Some(Access::Users(users)) if credentials.as_ref().is_some_and(|c| users.contains(c)) => 200,
        Some(Access::Users(_)) => 401,
    };
    let user = credentials.map(|(user, _)| user);
    let request = Request { method: head.method.clone(), target: head.target.clone(), user: user.clone(), status };
    let number = {
        let mut state = shared.state();
        state.requests.push(request);
        state.requests.len() - 1
    };
    match status {
        200 => run_backend(shared, stream, &head, &body, user, number),
        401 => refuse(stream, "401 Unauthorized", "WWW-Authenticate: Basic realm=\"test\"\r\n"),
        _ => refuse(stream, "404 Not Found", ""),
    }
}

fn refuse(mut stream: &TcpStream, status: &str, header: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {status}\r\n{header}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn run_backend(
    shared: &Shared,
    mut stream: &TcpStream,
    head: &Head,
    body: &[u8],
    user: Option<String>,
    number: usize,
) -> std::io::Result<()> {
    let (path, query) = head.target.split_once('?').unwrap_or((&head.target, ""));
    let mut command = Command::new(&shared.backend);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", shared.root.path())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")])
        .env("GIT_PROJECT_ROOT", shared.root.path())
        .envs([("GIT_HTTP_EXPORT_ALL", "1"), ("GATEWAY_INTERFACE", "CGI/1.1"), ("SERVER_PROTOCOL", "HTTP/1.1")])
        .envs([("REQUEST_METHOD", head.method.as_str()), ("PATH_INFO", path), ("QUERY_STRING", query)])
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("REMOTE_ADDR", "127.0.0.1");
    for (header, variable) in [
        ("content-type", "CONTENT_TYPE"),
        ("content-encoding", "HTTP_CONTENT_ENCODING"),
        ("git-protocol", "GIT_PROTOCOL"),
        ("accept-encoding", "HTTP_ACCEPT_ENCODING"),
    ] {
        if let Some(value) = head.headers.get(header) {
            command.env(variable, value);
        }
    }
    command.envs(user.map(|u| ("REMOTE_USER", u)));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut input = child.stdin.take().expect("a pipe");
    let mut output = child.stdout.take().expect("a pipe");
    let result = thread::scope(|scope| {
        // Both at once: the backend answers before it has read everything.
        scope.spawn(move || input.write_all(body));
        let (fields, mut rest) = message::cgi_head(&mut output)?;
        let status = fields.get("status").map_or("200 OK", String::as_str);
        shared.state().requests[number].status = status.split(' ').next().and_then(|s| s.parse().ok()).unwrap_or(500);
        write!(stream, "HTTP/1.1 {status}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n")?;
        for (name, value) in fields.iter().filter(|(name, _)| *name != "status") {
            write!(stream, "{name}: {value}\r\n")?;
        }
        stream.write_all(b"\r\n")?;
        let is_pack = head.method == "POST" && path.ends_with("/git-upload-pack");
        let complete = send_chunks(shared, stream, &mut rest, &mut output, is_pack)?;
        if complete { stream.write_all(b"0\r\n\r\n") } else { Ok(()) }
    });
    drop(output);
    let _ = child.kill();
    let _ = child.wait();
    result
}

/// Sends what the backend gives; false if the transfer was cut.
fn send_chunks(
    shared: &Shared,
    mut stream: &TcpStream,
    rest: &mut Vec<u8>,
    output: &mut impl Read,
    is_pack: bool,
) -> std::io::Result<bool> {
    let mut sent = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let part = if rest.is_empty() {
            let read = output.read(&mut buffer)?;
            buffer[..read].to_vec()
        } else {
            std::mem::take(rest)
        };
        if part.is_empty() {
            return Ok(true);
        }
        if is_pack && !may_go_on(shared, stream, sent) {
            return Ok(false);
        }
        write!(stream, "{:x}\r\n", part.len())?;
        stream.write_all(&part)?;
        stream.write_all(b"\r\n")?;
        sent += part.len();
        shared.state().sent += part.len() as u64;
    }
}

/// Waits while the transfer is to stall; false when it is to end.
fn may_go_on(shared: &Shared, stream: &TcpStream, sent: usize) -> bool {
    let mut state = shared.state();
    let mut waiting = false;
    let result = loop {
        match state.transfer {
            _ if state.ending => break false,
            Transfer::CutAfter(limit) if sent >= limit => break false,
            Transfer::StallAfter(limit) if sent >= limit => {}
            _ => break true,
        }
        if !waiting {
            waiting = true;
            state.stalled += 1;
        }
        state = shared.changed.wait_timeout(state, Duration::from_millis(50)).expect("no thread panicked").0;
        if is_gone(stream) {
            break false;
        }
    };
    if waiting {
        state.stalled -= 1;
    }
    result
}

/// Has the client closed its end? It has nothing more to say while it waits for an answer.
fn is_gone(stream: &TcpStream) -> bool {
    if stream.set_nonblocking(true).is_err() {
        return true;
    }
    let seen = stream.peek(&mut [0]);
    let _ = stream.set_nonblocking(false);
    match seen {
        Ok(count) => count == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

//! A mail server of the test's own on loopback: the package aiosmtpd of PyPI, which keeps what it is sent.
//!
//! It refuses receivers at `refused.test`.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{certificate, missing, tool, wait_until};

/// Who may log in, where a log-in is wanted.
pub const USERNAME: &str = "mailer";

/// Their password.
pub const PASSWORD: &str = "a password for mail";

/// How a server is talked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Without encryption and without a log-in.
    Plain,
    /// The connection turns to TLS, then somebody logs in; nothing is taken without.
    StartTls,
    /// TLS from the first byte, and a log-in.
    Tls,
    /// The same, with TLS 1.2 only.
    OldTls,
}

/// A running server; it ends with the value.
#[derive(Debug)]
pub struct MailServer {
    child: Child,
    host: &'static str,
    port: u16,
    kind: Kind,
    directory: TempDir,
}

impl MailServer {
    /// A server on 127.0.0.1; `None` with a note if aiosmtpd is not installed.
    pub fn start(kind: Kind) -> Option<Self> {
        Self::start_at("127.0.0.1", kind)
    }

    /// A server on an address of loopback.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start_at(host: &'static str, kind: Kind) -> Option<Self> {
        let python = tool("python3")?;
        let directory = TempDir::new().expect("a directory");
        certificate::make(directory.path())?;
        let has_package = Command::new(&python).args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        if !has_package.is_ok_and(|done| done.success()) {
            missing("aiosmtpd is not installed (make deps)");
            return None;
        }
        let port = TcpListener::bind((host, 0)).and_then(|listener| listener.local_addr()).expect("a free port").port();
        let place = |name: &str| directory.path().join(name);
        let options = json!({
            "kind": match kind { Kind::Plain => "plain", Kind::StartTls => "starttls", Kind::Tls | Kind::OldTls => "tls" },
            "old": kind == Kind::OldTls,
            "host": host, "port": port, "directory": directory.path(), "username": USERNAME, "password": PASSWORD,
            "certificate": place("certificate.pem"), "key": place("key.pem"),
        });
        let log = fs::File::create(place("log")).expect("a file");
        let mut child = Command::new(python)
            .args(["-c", include_str!("smtp/server.py")])
            .arg(options.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("python3");
        let mut said = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut said).expect("a line");
        assert_eq!(said, "ready\n", "{}", fs::read_to_string(place("log")).unwrap_or_default());
        Some(Self { child, host, port, kind, directory })
    }

    /// The configuration keys that lead a server of ours here.
    pub fn config(&self) -> Value {
        json!({
            "email_host": self.host, "email_port": self.port.to_string(), "email_sender": "Semaphore <from@example.test>",
            "email_username": USERNAME, "email_password": PASSWORD,
            "email_secure": self.kind != Kind::Plain, "email_tls": matches!(self.kind, Kind::Tls | Kind::OldTls),
        })
    }

    /// Its certificate, which vouches for itself.
    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("certificate.pem")
    }

    /// How many messages came.
    pub fn count(&self) -> usize {
        (0..1000).take_while(|number| self.file(*number).is_file()).count()
    }

    /// The message with this number, from 0 on, once it is there: `envelope`, `from`, `to`, `subject`, `text`, `html`,
    /// `encrypted`, `who`.
    #[track_caller]
    pub fn message(&self, number: usize) -> Value {
        let text = wait_until(&format!("message {number} comes"), Duration::from_secs(30), || {
            fs::read_to_string(self.file(number)).ok()
        });
        serde_json::from_str(&text).expect("JSON")
    }

    /// The code of six digits in a message.
    #[track_caller]
    pub fn code(&self, number: usize) -> String {
        let message = self.message(number);
        let lines = message["text"].as_str().expect("text").lines();
        let mut codes = lines.filter(|line| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_digit()));
        codes.next().unwrap_or_else(|| panic!("no code in {message}")).to_owned()
    }

    fn file(&self, number: usize) -> PathBuf {
        self.directory.path().join(format!("{number}.json"))
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! An OpenID Connect provider of the test's own on loopback: the program `oidc-provider-mock` of PyPI.
//!
//! It is somebody else's reading of the standard. It lets in whoever a form names, and takes every client.

use std::{
    fs,
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{free_port, tool, wait_until};

/// A running provider; it ends with the value.
#[derive(Debug)]
pub struct Provider {
    child: Child,
    port: u16,
    _directory: TempDir,
}

impl Provider {
    /// A provider that knows these people, each a JSON object of claims with `sub`; `None` with a note if it is not installed.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(people: &[String]) -> Option<Self> {
        let program = tool("oidc-provider-mock")?;
        let directory = TempDir::new().expect("a directory");
        let port = free_port();
        let log = fs::File::create(directory.path().join("log")).expect("a file");
        let child = Command::new(program)
            .args(["--port", &port.to_string(), "--require-nonce"])
            .args(people.iter().flat_map(|person| ["--user-claims", person]))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("oidc-provider-mock");
        let provider = Self { child, port, _directory: directory };
        wait_until("the provider answers", Duration::from_mins(1), || TcpStream::connect(("127.0.0.1", port)).ok());
        Some(provider)
    }

    /// Its issuer.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

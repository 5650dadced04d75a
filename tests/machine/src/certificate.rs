//! A certificate that vouches for itself, for servers on loopback; made by the program `openssl`.

use std::{path::Path, process::Command, process::Stdio};

use crate::tool;

/// Makes `key.pem` and `certificate.pem` for `localhost` and addresses of loopback; `None` with a note without openssl.
pub(crate) fn make(directory: &Path) -> Option<()> {
    let made = Command::new(tool("openssl")?)
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"])
        .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:127.0.0.2"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout"])
        .arg(directory.join("key.pem"))
        .arg("-out")
        .arg(directory.join("certificate.pem"))
        .stderr(Stdio::null())
        .status();
    assert!(made.is_ok_and(|made| made.success()), "no certificate can be made");
    Some(())
}

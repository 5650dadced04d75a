//! The keys of hosts that a project knows: how strictly they are checked, and the lines of a `known_hosts` file.
//!
//! Not for files or for ssh itself. Invariant: a text that [`check`] accepts contains nothing but empty lines, comments and
//! lines that OpenSSH reads as a host with its key.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// Longest text of known hosts that is kept for a project, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// How strictly the keys of hosts are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HostKeyMode {
    /// Not at all. The default of the reference.
    #[default]
    Off,
    /// Unknown hosts are accepted and remembered, changed keys refused.
    AcceptNew,
    /// Only hosts that are known.
    Strict,
}

impl HostKeyMode {
    /// The text of the mode, as in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::AcceptNew => "accept-new",
            Self::Strict => "strict",
        }
    }

    /// The mode with this text.
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Off, Self::AcceptNew, Self::Strict].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// What a project knows about the keys of hosts. In JSON both parts must be there: one that is left out by mistake must not
/// switch the checks off.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HostKeyPolicy {
    /// How strictly they are checked.
    pub mode: HostKeyMode,
    /// Lines of a `known_hosts` file.
    pub known_hosts: String,
}

/// A text that is no list of known hosts; fit for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownHostsError {
    /// One line is wrong.
    #[error("line {line} of the known hosts is not valid: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The text is longer than [`MAX_BYTES`].
    #[error("the known hosts are longer than {} bytes", MAX_BYTES)]
    TooLong,
}

/// Checks a whole text.
///
/// # Errors
/// The first line that is neither empty, nor a comment, nor a host with its key.
pub fn check(text: &str) -> Result<(), KnownHostsError> {
    if text.len() > MAX_BYTES {
        return Err(KnownHostsError::TooLong);
    }
    for (index, line) in text.lines().enumerate() {
        check_line(line).map_err(|reason| KnownHostsError::Line { line: index + 1, reason })?;
    }
    Ok(())
}

/// `known` with those lines of `more` that it does not have and that are valid; `None` if there is none, or if the whole would
/// be longer than [`MAX_BYTES`].
pub fn union(known: &str, more: &str) -> Option<String> {
    let added = added(known, more);
    if added.is_empty() || known.len() + added.len() + 1 > MAX_BYTES {
        return None;
    }
    let mut union = known.to_owned();
    if !union.is_empty() && !union.ends_with('\n') {
        union.push('\n');
    }
    union.push_str(&added);
    Some(union)
}

/// The lines of `after` that `before` does not have and that are a host with its key, each with its end of line.
pub fn added(before: &str, after: &str) -> String {
    let mut seen: std::collections::HashSet<&str> = before.lines().map(str::trim).collect();
    let mut added = String::new();
    for line in after.lines().map(str::trim) {
        let is_entry = !line.is_empty() && !line.starts_with('#') && check_line(line).is_ok();
        if is_entry && seen.insert(line) {
            added.push_str(line);
            added.push('\n');
        }
    }
    added
}

fn check_line(line: &str) -> Result<(), &'static str> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(());
    }
    if line.starts_with("-----") {
        return Err("this is a key file, not a line of known hosts");
    }
    if line.contains(|character: char| character.is_control() && character != '\t') {
        return Err("it contains a control character");
    }
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let mut hosts = words.next().unwrap_or_default();
    if hosts.starts_with('@') {
        if !["@cert-authority", "@revoked"].contains(&hosts) {
            return Err("the only markers are @cert-authority and @revoked");
        }
        hosts = words.next().ok_or("after the marker the host is missing")?;
    }
    check_hosts(hosts)?;
    let kind = words.next().ok_or("the type of the key is missing; a line is: host, type of the key, key")?;
    let key = words.next().ok_or("the key is missing; a line is: host, type of the key, key")?;
    check_key(kind, key)
}

fn check_hosts(hosts: &str) -> Result<(), &'static str> {
    if let Some(hashed) = hosts.strip_prefix('|') {
        let parts: Vec<&str> = hashed.split('|').collect();
        let is_sha1 = |text: &str| STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == 20);
        return match parts[..] {
            ["1", salt, hash] if is_sha1(salt) && is_sha1(hash) => Ok(()),
            _ => Err("the hashed host is damaged"),
        };
    }
    for host in hosts.split(',') {
        let name = host.strip_prefix('!').unwrap_or(host);
        if name.is_empty() {
            return Err("a host is empty");
        }
        if !name.chars().all(|character| character.is_ascii_alphanumeric() || ".-_:*?[]%".contains(character)) {
            return Err("a host contains a character that no host name has");
        }
    }
    Ok(())
}

/// Whether the key is what its type says: the type's name stands at the beginning of the encoded key.
fn check_key(kind: &str, key: &str) -> Result<(), &'static str> {
    if !kind.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err("the type of the key is not one of OpenSSH's (keys of SSH version 1 are not supported)");
    }
    let bytes = STANDARD.decode(key).map_err(|_| "the key is not base64")?;
    let named = bytes.split_first_chunk::<4>().and_then(|(length, rest)| {
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (name, rest) = rest.split_at_checked(length)?;
        (!rest.is_empty()).then_some(name)
    });
    match named {
        None => Err("the key is damaged"),
        Some(name) if name != kind.as_bytes() => Err("the key is not of the type that stands before it"),
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used)]
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
    const HASHED: &str = "|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|BBBBBBBBBBBBBBBBBBBBBBBBBBA=";

    #[test]
    fn what_openssh_writes_is_accepted() {
        let text = format!(
            "# a comment\r\n\n  github.com {ED25519}\n[127.0.0.1]:2222,[::1]:2222\t{ED25519} note of somebody\n\
             *.example.org,!bad.example.org {ED25519}\n@cert-authority *.example.org {ED25519}\n@revoked * {ED25519}\n\
             {HASHED} {ED25519}\nfe80::1%eth0 {ED25519}"
        );
        assert_eq!(check(&text), Ok(()));
    }

    #[test]
    fn a_bad_line_is_named() {
        let check_bad = |line: &str, words: &str| {
            let error = check(&format!("# first\nhost {ED25519}\n{line}\n")).expect_err(line);
            assert!(matches!(error, KnownHostsError::Line { line: 3, .. }), "{line}: {error:?}");
            assert!(error.to_string().contains(words), "{line}: {error}");
        };
        check_bad("github.com", "type of the key is missing");
        check_bad("github.com ssh-ed25519", "key is missing");
        check_bad(
            "github.com ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
            "not of the type",
        );
        check_bad("github.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5", "damaged");
        check_bad("github.com ssh-ed25519 #", "base64");
        check_bad("host 1024 35 1234", "SSH version 1");
        check_bad(&format!("|1|AAAA|BBBB {ED25519}"), "hashed");
        check_bad(&format!("|1|AAAAAAAAAAAAAAAAAAAAAAAAAAA=|BBBB {ED25519}"), "hashed");
        check_bad(&format!("@trusted host {ED25519}"), "markers");
        check_bad(&format!("a,,b {ED25519}"), "empty");
        check_bad(&format!("a;b {ED25519}"), "character");
        check_bad(&format!("host \u{1b}[1m {ED25519}"), "control");
        check_bad("-----BEGIN OPENSSH PRIVATE KEY-----", "key file");
        assert_eq!(check(&"#\n".repeat(MAX_BYTES)), Err(KnownHostsError::TooLong));
    }

    #[test]
    fn the_union_loses_and_repeats_nothing() {
        let (a, b) = (format!("a {ED25519}"), format!("b {ED25519}"));
        assert_eq!(union("", &format!("{a}\n{b}\n{a}\n")), Some(format!("{a}\n{b}\n")));
        assert_eq!(union(&a, &format!("{b}\nnonsense\n# comment\n")), Some(format!("{a}\n{b}\n")));
        assert_eq!(union(&format!("{a}\n{b}\n"), &a), None);
        assert_eq!(union(&"#\n".repeat(MAX_BYTES / 2), &a), None);
    }

    #[test]
    fn the_longest_text_is_the_longest() {
        let longest = "#".repeat(MAX_BYTES);
        assert_eq!(check(&longest), Ok(()));
        assert_eq!(check(&format!("{longest}#")), Err(KnownHostsError::TooLong));
        // A line and the line feed before it: there is just room for both, and a byte less is too little.
        let line = format!("a {ED25519}\n");
        let room = MAX_BYTES - line.len() - 1;
        assert_eq!(union(&"#".repeat(room), &line).map(|text| text.len()), Some(MAX_BYTES));
        assert_eq!(union(&"#".repeat(room + 1), &line), None);
    }

    #[test]
    fn modes_have_one_text() {
        for mode in [HostKeyMode::Off, HostKeyMode::AcceptNew, HostKeyMode::Strict] {
            assert_eq!(serde_json::to_value(mode).ok(), Some(mode.as_str().into()));
            assert_eq!(HostKeyMode::from_text(mode.as_str()), Some(mode));
        }
        assert_eq!(HostKeyMode::from_text("OFF"), None);
    }
}

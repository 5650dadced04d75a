//! The address of a repository as a typed value that can never become an option or another transport.
//!
//! Not for reaching anything: no name is resolved, no file looked at. Invariants of every [`GitUrl`]: one of the allowed
//! transports; no control character, also not percent-encoded; user, host and path do not begin with `-`; host and user of
//! ssh transports hold no shell character; credentials that stood in the text are kept apart and never shown.

use std::{fmt, path::Path, str::FromStr};

use thiserror::Error;
use zeroize::Zeroizing;

/// How a repository is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `ssh://`
    Ssh,
    /// `user@host:path`, ssh as well.
    Scp,
    /// `git://`
    Git,
    /// `file://`, cloned like a remote one.
    File,
    /// An absolute path: the directory is used in place, without git.
    Local,
}

/// Why a text is not an address that we accept. Texts of the address are shown without credentials.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GitUrlError {
    /// Nothing there.
    #[error("the git URL is empty: set the URL of the repository")]
    Empty,
    /// Would be read as an option by git.
    #[error("the git URL begins with `-`, which git would take for an option")]
    LooksLikeOption,
    /// Blank, tab or control character.
    #[error("the git URL contains a {0}")]
    BadCharacter(&'static str),
    /// `ext::...`, `fd::...` and the like run programs.
    #[error(
        "the git URL uses the remote helper `{0}::`, which is not allowed; use https, http, ssh, git, file or an absolute path"
    )]
    RemoteHelper(String),
    /// Not in the list.
    #[error(
        "the git URL uses the transport `{0}`, which is not allowed; use https, http, ssh, git, file or an absolute path"
    )]
    Transport(String),
    /// `https:///path`.
    #[error("the git URL names no host")]
    NoHost,
    /// `ssh://-x/path`, `host:-path`, ...
    #[error("the {0} of the git URL begins with `-`, which ssh or git would take for an option")]
    PartLooksLikeOption(&'static str),
    /// Anything that cannot be a host name, address or user.
    #[error("the {0} of the git URL is not valid")]
    BadPart(&'static str),
    /// Neither URL, nor `host:path`, nor absolute.
    #[error("the git URL is neither a URL, nor `user@host:path`, nor an absolute path")]
    Shape,
}

/// User and password, as they are typed at git's prompt. The password is zeroized on drop and not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// User name; may be empty.
    pub username: Zeroizing<String>,
    /// Password or token.
    pub password: Zeroizing<String>,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(***)")
    }
}

/// A parsed address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitUrl {
    transport: Transport,
    /// For git: without the credentials of http addresses and without the password of others.
    text: String,
    /// For people: `***` instead of credentials.
    shown: String,
    /// `scheme://host[:port]` of http addresses.
    origin: Option<String>,
    credential: Option<Credential>,
    /// What must not be shown: user and password as they stand in the text, and the password decoded.
    secrets: Vec<Zeroizing<String>>,
}

impl GitUrl {
    /// How it is reached.
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// The argument for git; holds no password.
    pub fn as_argument(&self) -> &str {
        &self.text
    }

    /// The directory, if it is used in place.
    pub fn local_path(&self) -> Option<&Path> {
        (self.transport == Transport::Local).then(|| Path::new(&self.text))
    }

    /// `scheme://host[:port]` of an http address: the only place its credentials are sent to.
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }

    /// The texts of this address that are hidden in logs; programs print addresses in their messages.
    pub fn secret_texts(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(|secret| secret.as_str())
    }

    /// Credentials that were part of the text of an http address.
    pub fn credential(&self) -> Option<&Credential> {
        self.credential.as_ref()
    }
}

/// For logs: credentials are replaced.
impl fmt::Display for GitUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl FromStr for GitUrl {
    type Err = GitUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Err(GitUrlError::Empty);
        }
        if text.starts_with('-') {
            return Err(GitUrlError::LooksLikeOption);
        }
        if text.chars().any(char::is_control) {
            return Err(GitUrlError::BadCharacter("control character"));
        }
        if text.trim() != text {
            return Err(GitUrlError::BadCharacter("blank at its beginning or end"));
        }
        if text.starts_with('/') {
            return Ok(Self::plain(Transport::Local, text));
        }
        if let Some((helper, _)) = text.split_once("::")
            && !helper.is_empty()
            && helper.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.' | b'_'))
        {
            return Err(GitUrlError::RemoteHelper(helper.to_owned()));
        }
        match text.split_once("://") {
            Some((scheme, rest)) => parse_url(scheme, rest, text),
            None => parse_scp(text),
        }
    }
}

impl GitUrl {
    fn plain(transport: Transport, text: &str) -> Self {
        Self {
            transport,
            text: text.to_owned(),
            shown: text.to_owned(),
            origin: None,
            credential: None,
            secrets: vec![],
        }
    }
}

fn parse_url(scheme: &str, rest: &str, text: &str) -> Result<GitUrl, GitUrlError> {
    let transport = match scheme {
        "http" => Transport::Http,
        "https" => Transport::Https,
        "ssh" => Transport::Ssh,
        "git" => Transport::Git,
        "file" => Transport::File,
        // The scheme is only echoed if it looks like one: the text could be anything.
        other if other.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')) => {
            return Err(GitUrlError::Transport(other.to_owned()));
        }
        _ => return Err(GitUrlError::Shape),
    };
    if has_encoded_control(rest) {
        return Err(GitUrlError::BadCharacter("percent-encoded control character"));
    }
    if transport == Transport::File {
        // git reads `file://host/path` as `//host/path`; only the form without a host means what it says.
        return if rest.starts_with('/') { Ok(GitUrl::plain(transport, text)) } else { Err(GitUrlError::Shape) };
    }
    // Of ssh:// and git:// git takes everything before the first `/` for the host, of the others what a browser would.
    let ends: &[char] = if matches!(transport, Transport::Http | Transport::Https) { &['/', '?', '#'] } else { &['/'] };
    let end = rest.find(ends).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (userinfo, host_and_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    check_host_and_port(host_and_port)?;
    if let Some(user) = userinfo {
        check_user(user, transport)?;
    }
    if matches!(transport, Transport::Http | Transport::Https) {
        let origin = format!("{scheme}://{host_and_port}");
        let shown = match userinfo {
            Some(_) => format!("{scheme}://***@{host_and_port}{path}"),
            None => text.to_owned(),
        };
        let credential = userinfo.filter(|user| !user.is_empty()).map(credential_of);
        return Ok(GitUrl {
            secrets: secrets_of(userinfo, credential.as_ref()),
            transport,
            text: format!("{origin}{path}"),
            shown,
            origin: Some(origin),
            credential,
        });
    }
    let mut url = GitUrl::plain(transport, text);
    if let Some((user, password)) = userinfo.and_then(|user| user.split_once(':')) {
        // ssh has no way to use it, and arguments are visible to every user of the machine.
        url.text = format!("{scheme}://{user}@{host_and_port}{path}");
        url.shown = format!("{scheme}://{user}:***@{host_and_port}{path}");
        if !password.is_empty() {
            url.secrets = vec![Zeroizing::new(password.to_owned()), Zeroizing::new(percent_decoded(password))];
        }
    }
    Ok(url)
}

fn parse_scp(text: &str) -> Result<GitUrl, GitUrlError> {
    // `[host:port]:path` and `user@[::1]:path`. As git reads it: the first `@[` counts, wherever it stands.
    let open = text.find("@[").map(|at| at + 1).or_else(|| text.starts_with('[').then_some(0));
    let split = match open {
        Some(open) => text[open..].find("]:").map(|close| open + close + 1),
        None => text.find(':'),
    };
    let Some(split) = split else { return Err(GitUrlError::Shape) };
    let (host_part, path) = (&text[..split], &text[split + 1..]);
    if host_part.contains('/') {
        return Err(GitUrlError::Shape);
    }
    let (user, host) = match host_part.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, host_part),
    };
    if let Some(user) = user {
        check_user(user, Transport::Scp)?;
    }
    check_host_and_port(host)?;
    if path.is_empty() {
        return Err(GitUrlError::Shape);
    }
    if path.starts_with('-') {
        return Err(GitUrlError::PartLooksLikeOption("path"));
    }
    Ok(GitUrl::plain(Transport::Scp, text))
}

fn check_host_and_port(text: &str) -> Result<(), GitUrlError> {
    if text.starts_with('-') {
        return Err(GitUrlError::PartLooksLikeOption("host"));
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or(GitUrlError::BadPart("host"))?;
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b'-' | b'%');
        if !host.bytes().all(known) {
            return Err(GitUrlError::BadPart("host"));
        }
        (host, after)
    } else {
        let (host, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        if !host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')) {
            return Err(GitUrlError::BadPart("host"));
        }
        (host, port)
    };
    if host.is_empty() {
        return Err(GitUrlError::NoHost);
    }
    if host.starts_with('-') {
        return Err(GitUrlError::PartLooksLikeOption("host"));
    }
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        Some(digits) if digits.is_empty() || digits.parse::<u16>().is_ok_and(|_| !digits.starts_with('+')) => Ok(()),
        _ => Err(GitUrlError::BadPart("port")),
    }
}

/// Users of ssh reach a command line (and `ProxyCommand %r`), so only plain characters; http users are only data.
fn check_user(user: &str, transport: Transport) -> Result<(), GitUrlError> {
    if user.starts_with('-') {
        return Err(GitUrlError::PartLooksLikeOption("user"));
    }
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '+' | '~' | '=' | '%' | ':');
    let good = match transport {
        // A second `@` or a backslash is read differently by different programs.
        Transport::Http | Transport::Https => !user.contains(['@', '\\']) && !user.contains(char::is_whitespace),
        // Without a name in front the password would be all there is, and what is left of it no address.
        _ => !user.is_empty() && !user.starts_with(':') && user.chars().all(plain),
    };
    if good { Ok(()) } else { Err(GitUrlError::BadPart("user")) }
}

fn credential_of(userinfo: &str) -> Credential {
    let (username, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
    Credential {
        username: Zeroizing::new(percent_decoded(username)),
        password: Zeroizing::new(percent_decoded(password)),
    }
}

/// A name alone is a token if it stands where a user should, so it is hidden too.
fn secrets_of(userinfo: Option<&str>, credential: Option<&Credential>) -> Vec<Zeroizing<String>> {
    let (Some(userinfo), Some(credential)) = (userinfo, credential) else { return vec![] };
    let written = userinfo.split_once(':').map_or(userinfo, |(_, password)| password);
    let decoded = if credential.password.is_empty() { &credential.username } else { &credential.password };
    vec![Zeroizing::new(written.to_owned()), decoded.clone()]
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        if let (b'%', Some(value)) = (first, encoded_byte(tail)) {
            bytes.push(value);
            rest = &tail[2..];
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The byte that two hexadecimal digits at the beginning of `text` stand for.
fn encoded_byte(text: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let value = digit(text.first()?)? * 16 + digit(text.get(1)?)?;
    u8::try_from(value).ok()
}

/// `%0a` in a user or host would add a line to what git tells its credential helpers.
fn has_encoded_control(text: &str) -> bool {
    text.bytes()
        .enumerate()
        .filter(|(_, byte)| *byte == b'%')
        .filter_map(|(at, _)| encoded_byte(&text.as_bytes()[at + 1..]))
        .any(|byte| byte.is_ascii_control())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn accepts(text: &str, transport: Transport) -> GitUrl {
        let url: GitUrl = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(url.transport(), transport, "{text:?}");
        url
    }

    #[track_caller]
    fn refuses(text: &str, part_of_reason: &str) {
        match text.parse::<GitUrl>() {
            Ok(url) => panic!("{text:?} was accepted as {url:?}"),
            Err(error) => assert!(error.to_string().contains(part_of_reason), "{text:?}: {error}"),
        }
    }

    #[test]
    fn allowed_forms() {
        for (text, transport) in [
            ("https://github.com/a/b.git", Transport::Https),
            ("https://host.example:8443/a/b", Transport::Https),
            ("http://[::1]:8080/a", Transport::Http),
            ("ssh://git@host/a/b.git", Transport::Ssh),
            ("ssh://git@host:2222/~/b", Transport::Ssh),
            ("git://host/a", Transport::Git),
            ("file:///srv/git/a b.git", Transport::File),
            ("git@github.com:a/b.git", Transport::Scp),
            ("host:a", Transport::Scp),
            ("user@[::1]:a", Transport::Scp),
            ("[host:2222]:a", Transport::Scp),
            ("/srv/playbooks", Transport::Local),
        ] {
            let url = accepts(text, transport);
            assert_eq!((url.as_argument(), url.to_string().as_str()), (text, text));
        }
    }

    #[test]
    fn injections_are_refused_with_a_reason() {
        refuses("", "is empty");
        for text in ["-", "--upload-pack=touch /tmp/x", "-u./x", "--config=core.sshCommand=x"] {
            refuses(text, "begins with `-`");
        }
        for text in ["ext::sh -c whoami", "ext::sh%20-c", "fd::3", "https::x", "x-y::z", "ext::https://host/a"] {
            refuses(text, "remote helper");
        }
        for text in
            ["ssh://-oProxyCommand=x/a", "ssh://u@-x/a", "https://-x/a", "-x:a", "u@-oProxyCommand=x:a", "[-x]:a"]
        {
            refuses(text, "begins with `-`");
        }
        refuses("ssh://-oProxyCommand=x@host/a", "user of the git URL begins with `-`");
        refuses("-u@host:a", "begins with `-`");
        refuses("host:-a", "path of the git URL begins with `-`");
        for text in ["https:///a", "https://", "ssh:///a", "https://u:p@/a", "git://:80/a", ":a", "u@:a"] {
            refuses(text, "no host");
        }
        for text in ["https://host/a\nb", "https://host/\0", "git@host:a\r", "/srv/a\u{7f}", "https://ho\tst/a"] {
            refuses(text, "control character");
        }
        for text in ["https://ho%0ast/a", "https://u%0Apassword=x@host/a", "https://host/%00"] {
            refuses(text, "percent-encoded control character");
        }
        for text in ["ftp://host/a", "ssh+git://host/a", "HTTPS://host/a", "rsync://host/a"] {
            refuses(text, "transport");
        }
        for text in
            ["https://ho st/a", "ssh://ho$(id)st/a", "u@ho`id`st:a", "https://a@b@host/a", "https://host\\@evil/a"]
        {
            refuses(text, "not valid");
        }
        for text in [
            "ssh://u;id@host/a",
            "ssh://:password@host/a",
            "$(id)@host:a",
            "@host:a",
            "https://host:port/a",
            "https://host:99999/a",
        ] {
            refuses(text, "not valid");
        }
        // git would log in at what stands before the `/`, not at what stands before the `?`.
        for text in
            ["ssh://host?`id`/a", "ssh://host#u@`id`/a", "git://host?$(id)/a", "ssh://host?x@-oProxyCommand=x/a"]
        {
            refuses(text, "git URL");
        }
        for text in ["relative/path", "./a", "file://host/a", "file://a", "a", "dir/x:y", "host:"] {
            refuses(text, "neither");
        }
        refuses(" https://host/a", "blank");
        // git takes the host from the first brackets behind an `@`, wherever they stand.
        for text in ["a:[b@[-x]:p", "[a]:x@[-b]:p", "host:dir@[-x]:p", "host:dir@[-x]"] {
            assert!(text.parse::<GitUrl>().is_err(), "{text}");
        }
        accepts("host:dir@x:[y]:z", Transport::Scp);
    }

    #[test]
    fn credentials_leave_the_text() {
        let url = accepts("https://bob:p%40ss@host:8443/a.git", Transport::Https);
        assert_eq!(url.as_argument(), "https://host:8443/a.git");
        assert_eq!(url.to_string(), "https://***@host:8443/a.git");
        assert_eq!(url.origin(), Some("https://host:8443"));
        let credential = url.credential().unwrap();
        assert_eq!((credential.username.as_str(), credential.password.as_str()), ("bob", "p@ss"));
        assert!(!format!("{url:?}").contains("p@ss") && !format!("{url:?}").contains("p%40ss"));
        let token = accepts("https://ghp_token@host/a", Transport::Https);
        assert_eq!(token.to_string(), "https://***@host/a");
        let ssh = accepts("ssh://u:p%40w@host:22/a", Transport::Ssh);
        assert_eq!((ssh.as_argument(), ssh.to_string().as_str()), ("ssh://u@host:22/a", "ssh://u:***@host:22/a"));
        assert_eq!(ssh.secret_texts().collect::<Vec<_>>(), ["p%40w", "p@w"]);
    }

    proptest! {
        #[test]
        fn a_password_is_neither_an_argument_nor_shown(
            scheme in "https?|ssh|git",
            user in "[a-z0-9.]{1,8}",
            password in "[A-Z0-9%~=+:]{6,16}",
            path in "/[a-z/]{0,8}",
        ) {
            if let Ok(url) = format!("{scheme}://{user}:{password}@host.example:22{path}").parse::<GitUrl>() {
                for text in [url.as_argument().to_owned(), url.to_string()] {
                    prop_assert!(!text.contains(&password), "{text}");
                }
                prop_assert!(url.secret_texts().any(|secret| secret == password));
                prop_assert_eq!(url.as_argument().parse::<GitUrl>().map(|url| url.transport()), Ok(url.transport()));
            }
        }

        #[test]
        fn an_accepted_url_is_never_an_option(text in "\\PC{0,40}|[-a-z:/@.\\[\\]%0-9 \\n]{0,40}|(ssh|https|git)://[-a-z@:./%]{0,20}") {
            if let Ok(url) = text.parse::<GitUrl>() {
                let argument = url.as_argument();
                prop_assert!(!argument.starts_with('-'));
                prop_assert!(!argument.chars().any(char::is_control));
                prop_assert!(!argument.starts_with("ext::"));
                if let Some((_, rest)) = argument.split_once("://") {
                    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
                    prop_assert!(!authority.starts_with('-') && !authority.contains("@-"), "{argument:?}");
                } else if url.transport() == Transport::Scp {
                    if !argument.contains('[') {
                        let (host, path) = argument.split_once(':').unwrap();
                        prop_assert!(!host.contains("@-") && !path.starts_with('-'), "{argument:?}");
                    }
                } else {
                    prop_assert!(argument.starts_with('/'));
                }
            }
        }
    }
}

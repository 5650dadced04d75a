//! Addresses of repositories: what is accepted can be no option, no program, no second line, and shows no password.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semaphore_engine::git::{GitUrl, Transport};

fuzz_target!(|text: &str| {
    let Ok(url) = text.parse::<GitUrl>() else { return };
    let argument = url.as_argument();
    assert!(!argument.is_empty() && !argument.starts_with('-'), "{argument:?} looks like an option");
    assert!(!argument.chars().any(char::is_control), "{argument:?} has a control character");
    let helper =
        argument.split_once("::").is_some_and(|(name, _)| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    assert!(!helper || argument.starts_with('/') || argument.starts_with("::"), "{argument:?} names a remote helper");
    match url.transport() {
        Transport::Local => assert!(argument.starts_with('/')),
        Transport::Scp => {
            assert!(!argument.contains("://"), "{argument:?}");
            // As git finds the host: brackets count at the beginning and behind the first `@`.
            let open = argument.find("@[").map_or(0, |at| at + 1);
            let bracket = argument[open..].starts_with('[').then(|| argument[open..].find(']')).flatten();
            let from = bracket.map_or(0, |end| open + end);
            let (host, path) = argument.split_at(from + argument[from..].find(':').expect("host:path"));
            let host = host.rsplit_once('@').map_or(host, |(_, host)| host).trim_start_matches('[');
            let path = &path[1..];
            assert!(!host.starts_with('-') && !path.starts_with('-'), "{argument:?} hides an option");
        }
        transport => {
            let (scheme, rest) = argument.split_once("://").expect("scheme://");
            assert!(["http", "https", "ssh", "git", "file"].contains(&scheme), "{argument:?} as {transport:?}");
            // Of ssh:// and git:// git takes everything before the first `/` for the host.
            let is_web = matches!(transport, Transport::Http | Transport::Https);
            let ends: &[char] = if is_web { &['/', '?', '#'] } else { &['/'] };
            let authority = rest.split(ends).next().unwrap_or_default();
            let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
            assert!(!authority.starts_with('-') && !host.starts_with('-'), "{argument:?} hides an option");
            assert!(!host.contains(['$', '`', ';', '|', '&', '<', '>', ' ', '"', '\'']), "{argument:?} for a shell");
        }
    }
    if let Some(credential) = url.credential() {
        let credentials = [credential.username.as_str(), credential.password.as_str()];
        assert!(
            !argument.split(['/', '?', '#']).nth(2).unwrap_or_default().contains('@'),
            "{argument:?} keeps a credential"
        );
        // Texts long enough not to be a part of the rest by chance, nor of the rest in the quotes of `Debug`.
        let rest = format!("{argument} {argument:?}");
        for secret in credentials.into_iter().filter(|secret| secret.len() > 3 && !rest.contains(*secret)) {
            assert!(!url.to_string().contains(secret) && !format!("{url:?}").contains(secret), "a credential is shown");
        }
    }
    // What is given to git is accepted again, and means the same.
    let again: GitUrl = argument.parse().expect("an accepted address is accepted again");
    assert_eq!((again.transport(), again.as_argument()), (url.transport(), argument));
});

//! Paths as the reference's router sees them: trailing slash, double slashes, dots, the prefix of `web_host`.
//!
//! Not for matching routes. Reference: `cropTrailingSlashMiddleware`, then the path cleaning of its router, which answers
//! 301 to the clean path.

use std::borrow::Cow;

/// What to do with a path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Normalised<'a> {
    /// Route this path.
    Route(Cow<'a, str>),
    /// Answer 301 with this path.
    Redirect(String),
    /// It lies outside the prefix: only the web page is served there.
    Outside(&'a str),
}

/// Decides about a path as it came, under the prefix `web_path` (empty or `/semaphore`).
pub(super) fn normalise<'a>(path: &'a str, web_path: &str) -> Normalised<'a> {
    let cropped = if path == "/" { path } else { path.strip_suffix('/').unwrap_or(path) };
    let clean = clean(cropped);
    if clean != cropped {
        return Normalised::Redirect(clean.into_owned());
    }
    if web_path.is_empty() {
        return Normalised::Route(Cow::Borrowed(cropped));
    }
    match cropped.strip_prefix(web_path) {
        Some("") => Normalised::Route(Cow::Borrowed("/")),
        // The path of the API counts by its first letters, as without a prefix.
        Some(rest) if rest.starts_with('/') => Normalised::Route(Cow::Borrowed(rest)),
        _ => Normalised::Outside(cropped),
    }
}

/// The shortest equal path: no empty and no `.` segments, `..` resolved. A slash at the end is kept.
fn clean(path: &str) -> Cow<'_, str> {
    let dirty = !path.starts_with('/') || path.contains("//") || path.contains("/.");
    if !dirty {
        return Cow::Borrowed(path);
    }
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            name => segments.push(name),
        }
    }
    let mut clean = format!("/{}", segments.join("/"));
    if path.ends_with('/') && clean != "/" {
        clean.push('/');
    }
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_what_the_reference_routes() {
        let route = |path: &'static str| Normalised::Route(Cow::Borrowed(path));
        for (path, web_path, expected) in [
            ("/", "", route("/")),
            ("/api/ping", "", route("/api/ping")),
            ("/api/ping/", "", route("/api/ping")),
            ("/api//ping", "", Normalised::Redirect("/api/ping".into())),
            ("/api/../api/ping", "", Normalised::Redirect("/api/ping".into())),
            ("/api/./ping", "", Normalised::Redirect("/api/ping".into())),
            ("/../..", "", Normalised::Redirect("/".into())),
            ("/.well-known/x", "", route("/.well-known/x")),
            ("//", "", route("/")),
            ("/sub", "/sub", route("/")),
            ("/sub/api/ping", "/sub", route("/api/ping")),
            ("/subway", "/sub", Normalised::Outside("/subway")),
            ("/api/ping", "/sub", Normalised::Outside("/api/ping")),
        ] {
            assert_eq!(normalise(path, web_path), expected, "{path} under {web_path:?}");
        }
    }
}

//! The web page: files of `web/dist` built into the program, a page that says how to build them, or the files of a
//! directory that somebody chose instead.
//!
//! Not for other files of the machine: nothing outside the page can be named. Reference: `servePublic`; every path without
//! a dot is the page itself, whatever the method.

use std::{borrow::Cow, path::Path};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use self::directory::Directory;
use super::error::not_found;

mod directory;

pub use directory::PageError;

/// Files of the web page. Without the feature `web` the list is empty.
#[cfg_attr(feature = "web", derive(RustEmbed))]
#[cfg_attr(feature = "web", folder = "../../web/dist")]
#[cfg_attr(feature = "web", allow_missing = true)]
struct Files;

/// Names below `assets/` carry a hash of the content: they never change.
const FOREVER: &str = "public, max-age=31536000, immutable";

/// Everything else is asked for again each time and answered 304.
const REVALIDATE: &str = "no-cache";

const PLACEHOLDER: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Semaphore</title></head><body>\n\
<h1>Semaphore is running</h1>\n<p>This program was built without its web page. Build the page with <code>npm ci &amp;&amp; npm run build</code> \
in the directory <code>web</code>, then build the server again, or run <code>make run</code>, which does both.</p>\n\
<p>The API works: <a href=\"api/ping\">api/ping</a>.</p>\n</body></html>\n";

/// The page, prepared at start.
#[derive(Debug)]
pub struct Assets {
    index: Bytes,
    index_tag: HeaderValue,
    /// Where the files lie if they are not those of the program.
    directory: Option<Directory>,
}

/// A file of the page.
struct Found {
    bytes: Cow<'static, [u8]>,
    /// The same, compressed with gzip.
    compressed: Option<Cow<'static, [u8]>>,
    tag: HeaderValue,
    /// Whether another content would have another name.
    immutable: bool,
}

impl Assets {
    /// Prepares the page for the path below which it is served: empty or `/semaphore`. A notice is shown on all of it.
    ///
    /// # Errors
    /// If there is a directory and no page in it.
    pub fn new(web_path: &str, notice: Option<&str>, directory: Option<&Path>) -> Result<Self, PageError> {
        let directory = directory.map(Directory::open).transpose()?;
        let page = match &directory {
            Some(directory) => directory.index()?,
            None => file("index.html")
                .map_or_else(|| PLACEHOLDER.to_owned(), |file| String::from_utf8_lossy(&file.data).into_owned()),
        };
        let page = with_notice(&with_base(&page, web_path), notice);
        Ok(Self { index_tag: tag(&hash(page.as_bytes())), index: page.into(), directory })
    }

    /// Answers a request outside the API; `path` is the decoded-as-sent path without the prefix of `web_host`.
    pub(crate) async fn serve(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        let name = path.trim_start_matches('/');
        if !path.contains('.') || name == "index.html" {
            return self.page(method, headers);
        }
        let found = match &self.directory {
            Some(directory) => directory.read(name).await,
            None => built_in(name, accepts_gzip(headers)),
        };
        let Some(found) = found else { return not_found().await };
        let Found { bytes, compressed, tag, immutable } = found;
        let caching = if immutable { FOREVER } else { REVALIDATE };
        let is_compressed = compressed.is_some();
        let mut response = answer(method, headers, &tag, || match compressed.unwrap_or(bytes) {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => bytes.into(),
        });
        let out = response.headers_mut();
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
        out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        let mime = mime_guess::from_path(name).first_or_octet_stream();
        if let Ok(mime) = HeaderValue::from_str(&with_charset(&mime)) {
            out.insert(header::CONTENT_TYPE, mime);
        }
        if is_compressed {
            out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    fn page(&self, method: &Method, headers: &HeaderMap) -> Response {
        let mut response = answer(method, headers, &self.index_tag, || self.index.clone());
        let out = response.headers_mut();
        out.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        out.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
        // The page takes log-in data: it must not be shown inside a foreign one.
        out.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
        out.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        response
    }
}

/// A file of the program, also compressed if that is wanted and worth it.
fn built_in(name: &str, with_compressed: bool) -> Option<Found> {
    let found = file(name)?;
    let compressed = with_compressed.then(|| file(&format!("{name}.gz"))).flatten().map(|file| file.data);
    let tag = tag(&found.metadata.sha256_hash());
    Some(Found { bytes: found.data, compressed, tag, immutable: name.starts_with("assets/") })
}

#[cfg(feature = "web")]
fn file(name: &str) -> Option<EmbeddedFile> {
    Files::get(name)
}

#[cfg(not(feature = "web"))]
fn file(_name: &str) -> Option<EmbeddedFile> {
    let Files {} = Files {};
    None
}

/// Reference: there the base of relative addresses is the whole public address, so a page that is opened under another name
/// of the machine stays blank; the path alone is right for every name.
fn with_base(page: &str, web_path: &str) -> String {
    let path = in_attribute(web_path.trim_end_matches('/'));
    page.replacen("<base href=\"/\">", &format!("<base href=\"{path}/\">"), 1)
}

/// The page reads the notice from its own head, so that it needs no request and stands above the log-in, too.
fn with_notice(page: &str, notice: Option<&str>) -> String {
    let Some(notice) = notice else { return page.to_owned() };
    page.replacen(
        "</head>",
        &format!("<meta name=\"semaphore-notice\" content=\"{}\"></head>", in_attribute(notice)),
        1,
    )
}

fn in_attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

fn answer(method: &Method, headers: &HeaderMap, entity_tag: &HeaderValue, body: impl FnOnce() -> Bytes) -> Response {
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let known =
        known.is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == entity_tag));
    let mut response = if known && (method == Method::GET || method == Method::HEAD) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        Body::from(body()).into_response()
    };
    let out = response.headers_mut();
    out.insert(header::ETAG, entity_tag.clone());
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn with_charset(mime: &mime_guess::Mime) -> String {
    if mime.type_() == mime_guess::mime::TEXT { format!("{mime}; charset=utf-8") } else { mime.to_string() }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|list| {
        list.split(',').any(|item| {
            let mut parts = item.split(';').map(str::trim);
            parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip")) && !parts.any(|part| part == "q=0")
        })
    })
}

/// A hash for entity tags, not for security.
fn hash(bytes: &[u8]) -> [u8; 8] {
    use std::hash::{DefaultHasher, Hasher};
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish().to_be_bytes()
}

fn tag(bytes: &[u8]) -> HeaderValue {
    let number = bytes.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    HeaderValue::from_str(&format!("\"{number:x}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"0\""))
}

#[cfg(test)]
mod tests;

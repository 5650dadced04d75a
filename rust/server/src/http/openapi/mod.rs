//! The description of the API for programs: an OpenAPI document of every route, and a page that shows it.
//!
//! Nothing of it is written by hand twice: the routing table gives method, path and access, the types of a handler its
//! parameters, bodies and statuses ([`describe`]), serde's attributes the schemas ([`schemas`]); [`notes`] has the rest.

pub(crate) mod describe;
mod document;
mod notes;
pub(crate) mod page;
mod schemas;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use bytes::Bytes;

pub use describe::Version;

/// The document as JSON; written once, when it is first asked for.
pub fn document(version: Version) -> Bytes {
    static DOCUMENTS: [OnceLock<Bytes>; 2] = [OnceLock::new(), OnceLock::new()];
    let index = match version {
        Version::V31 => 0,
        Version::V30 => 1,
    };
    let write = || {
        let mut text = serde_json::to_vec_pretty(&document::document(version)).unwrap_or_default();
        text.push(b'\n');
        Bytes::from(text)
    };
    DOCUMENTS[index].get_or_init(write).clone()
}

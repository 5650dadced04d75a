//! The description of the API: for programs, and on a page for people.

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::http::{
    access::Public,
    error::not_found,
    extract::{PathTexts, QueryTexts},
    openapi::{self, Version, page},
    state::AppState,
};

/// `GET /api/openapi.json`
pub(crate) async fn get_document(_: Public, query: QueryTexts) -> Response {
    let version = if query.get("version") == Some("3.0") { Version::V30 } else { Version::V31 };
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
    (headers, openapi::document(version)).into_response()
}

/// `GET /swagger`
pub(crate) async fn get_page(_: Public, State(state): State<AppState>) -> Response {
    page::page(state.web_path())
}

/// `GET /swagger/{file}`: what the page consists of.
pub(crate) async fn get_page_file(_: Public, path: PathTexts) -> Response {
    match page::file(path.get("file")) {
        Some(file) => file,
        None => not_found().await,
    }
}

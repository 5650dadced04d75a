//! Log-in through OpenID Connect providers: the way there and the way back.
//!
//! Whatever goes wrong leads to the log-in page, as in the reference; the reason is in the server's log and in a header.

use axum::{
    extract::{RawQuery, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use chrono::{TimeDelta, Utc};
use schemars::JsonSchema;
use semaphore_model::error_chain;
use semaphore_service::{Error, Settings, auth::Client, crypto::cookie::COOKIE_NAME, sign_in::oidc::Arrival};
use serde::Serialize;
use url::form_urlencoded;

use crate::http::{
    access::{Public, cookie},
    auto_redirect,
    client_address::ClientAddress,
    error::{ERROR_HEADER, in_header},
    extract::PathTexts,
    state::AppState,
};

/// Cookie that ties the way back to the browser that went. Reference: the same name.
const STATE_COOKIE: &str = "oauthstate";

/// How long somebody may take at the provider.
const ATTEMPT: TimeDelta = TimeDelta::minutes(15);

/// A provider as the log-in page shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ProviderButton {
    id: String,
    name: String,
    color: String,
    icon: String,
}

/// The providers in the order of their buttons.
pub(crate) fn buttons(settings: &Settings) -> Vec<ProviderButton> {
    let mut providers: Vec<_> = settings.sign_in.oidc_providers.iter().collect();
    providers.sort_by_key(|(_, provider)| provider.order);
    let button = |(id, provider): (&String, &semaphore_service::sign_in::OidcProvider)| ProviderButton {
        id: id.clone(),
        name: provider.display_name.clone(),
        color: provider.color.clone(),
        icon: provider.icon.clone(),
    };
    providers.into_iter().map(button).collect()
}

/// `GET /api/auth/oidc/{provider}/login`
pub(crate) async fn oidc_login(
    _: Public,
    State(state): State<AppState>,
    path: PathTexts,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let return_path = parameter(query.as_deref(), &["return", "return_to"]);
    match state.services().depart_to_provider(path.get("provider"), &return_path).await {
        Ok(departure) => {
            let expires = (Utc::now() + ATTEMPT).format("%a, %d %b %Y %H:%M:%S GMT");
            let value = departure.cookie.expose();
            let cookie =
                format!("{STATE_COOKIE}={value}; Expires={expires}; HttpOnly; SameSite=Lax{}", secure(&headers));
            redirect(&departure.location, &[cookie])
        }
        Err(error) => to_login_page(&state, path.get("provider"), &error),
    }
}

/// `GET /api/auth/oidc/{provider}/redirect` and what lies below it
pub(crate) async fn oidc_redirect(
    _: Public,
    State(state): State<AppState>,
    path: PathTexts,
    uri: Uri,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let client = Client { address: &address, user_agent: text("user-agent") };
    let value = |name: &str| parameter(uri.query(), &[name]);
    let refusal = format!("{} {}", value("error"), value("error_description"));
    // As it came, not decoded: it has to be the address that the provider was told. Before it are five segments and a slash.
    let rest = uri.path().splitn(7, '/').nth(6).map(|rest| format!("/{rest}")).unwrap_or_default();
    let arrival = Arrival {
        state: &value("state"),
        code: &value("code"),
        refusal: refusal.trim(),
        path: &rest,
        cookie: cookie(&headers, STATE_COOKIE).unwrap_or_default(),
    };
    let name = path.get("provider");
    match state.services().arrive_from_provider(name, arrival, client).await {
        Ok(welcome) => {
            let secure = secure(&headers);
            let session = format!("{COOKIE_NAME}={}; Path=/; HttpOnly; SameSite=Lax{secure}", welcome.session);
            let spent =
                format!("{STATE_COOKIE}=; Expires=Tue, 10 Nov 2009 23:00:00 GMT; HttpOnly; SameSite=Lax{secure}");
            redirect(&welcome.location, &[spent, session])
        }
        Err(error) => to_login_page(&state, name, &error),
    }
}

/// The first of these parameters that has a value.
fn parameter(query: Option<&str>, names: &[&str]) -> String {
    let pairs = || form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let find = |name: &&str| pairs().find(|(key, value)| key == name && !value.is_empty());
    names.iter().find_map(find).map(|(_, value)| value.into_owned()).unwrap_or_default()
}

/// Behind a TLS proxy a cookie must not travel in clear.
fn secure(headers: &HeaderMap) -> &'static str {
    let forwarded = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if forwarded.eq_ignore_ascii_case("https") { "; Secure" } else { "" }
}

fn to_login_page(state: &AppState, provider: &str, error: &Error) -> Response {
    tracing::warn!(provider, error = %error_chain(error), "OpenID Connect log-in");
    // Otherwise the browser would be sent to the provider again, and again.
    let path = match state.services().automatic_provider() {
        Some(_) => format!("/auth/login?{}", auto_redirect::LOCAL),
        None => "/auth/login".to_owned(),
    };
    let mut response = redirect(&state.services().page(&path), &[]);
    if error.kind != semaphore_service::Kind::Internal
        && let Ok(text) = HeaderValue::from_str(&in_header(&error.message))
    {
        response.headers_mut().insert(ERROR_HEADER, text);
    }
    response
}

fn redirect(location: &str, cookies: &[String]) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else { return StatusCode::BAD_REQUEST.into_response() };
    let mut response = (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response();
    for cookie in cookies {
        if let Ok(cookie) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response
}

//! Log-in and log-out.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use semaphore_model::Secret;
use semaphore_service::{
    Settings,
    auth::{Client, Verified},
    crypto::cookie::COOKIE_NAME,
};
use serde::{Deserialize, Serialize};

use crate::http::{
    access::{Public, credentials},
    auto_redirect,
    client_address::ClientAddress,
    error::Result,
    extract::SmallBody,
    handlers::oidc::{ProviderButton, buttons},
    state::AppState,
};

/// Second factors that are switched on.
#[derive(Serialize, JsonSchema)]
pub(crate) struct AuthMethods {
    #[serde(skip_serializing_if = "Option::is_none")]
    totp: Option<TotpMethod>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<EmailMethod>,
}

/// Codes by e-mail; there is nothing to say about them.
#[derive(Serialize, JsonSchema)]
struct EmailMethod {}

#[derive(Serialize, JsonSchema)]
struct TotpMethod {
    allow_recovery: bool,
}

impl AuthMethods {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            totp: settings.totp_enabled.then_some(TotpMethod { allow_recovery: settings.totp_allow_recovery }),
            email: settings.sign_in.email.enabled.then_some(EmailMethod {}),
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub(crate) struct LoginMetadata {
    oidc_providers: Vec<ProviderButton>,
    login_with_password: bool,
    auth_methods: AuthMethods,
}

/// `GET /api/auth/login`
pub(crate) async fn get_login_metadata(_: Public, State(state): State<AppState>) -> Json<LoginMetadata> {
    let settings = &state.services().settings;
    Json(LoginMetadata {
        oidc_providers: buttons(settings),
        login_with_password: !settings.password_login_disable,
        auth_methods: AuthMethods {
            // What cannot be sent is not offered.
            email: state.services().sends_codes().then_some(EmailMethod {}),
            ..AuthMethods::new(settings)
        },
    })
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LoginBody {
    auth: String,
    password: Secret,
}

/// `POST /api/auth/login`
pub(crate) async fn login(
    _: Public,
    State(state): State<AppState>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    SmallBody(body): SmallBody<LoginBody>,
) -> Result<Response> {
    let client = client(&headers, &address);
    let value = state.services().login(&body.auth, body.password.expose(), client).await?;
    Ok(with_cookie(StatusCode::NO_CONTENT, &session_cookie(&headers, &value)))
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct EmailBody {
    email: String,
}

/// `POST /api/auth/login/email`: sends a code and starts a session that waits for it.
pub(crate) async fn login_by_email(
    _: Public,
    State(state): State<AppState>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    SmallBody(body): SmallBody<EmailBody>,
) -> Result<Response> {
    let value = state.services().login_by_email(&body.email, client(&headers, &address)).await?;
    Ok(with_cookie(StatusCode::NO_CONTENT, &session_cookie(&headers, &value)))
}

/// `POST /api/auth/login/email/resend`: another code for the session that waits for one.
pub(crate) async fn resend_email_code(
    _: Public,
    State(state): State<AppState>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
) -> Result<Response> {
    let value = state.services().resend_code(credentials(&headers).cookie, &address).await?;
    Ok(with_cookie(StatusCode::NO_CONTENT, &session_cookie(&headers, &value)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn client<'a>(headers: &'a HeaderMap, address: &'a str) -> Client<'a> {
    Client { address, user_agent: text(headers, "user-agent") }
}

/// Behind a TLS proxy the cookie must not travel in clear.
fn session_cookie(headers: &HeaderMap, value: &str) -> String {
    let secure = if text(headers, "x-forwarded-proto").eq_ignore_ascii_case("https") { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")
}

/// `POST /api/auth/logout`
pub(crate) async fn logout(_: Public, State(state): State<AppState>, headers: HeaderMap) -> Result<Response> {
    state.services().logout(credentials(&headers).cookie).await?;
    let ended = format!("{COOKIE_NAME}=; Path=/; Expires=Tue, 10 Nov 2009 23:00:00 GMT; HttpOnly; SameSite=Lax");
    let mut response = with_cookie(StatusCode::NO_CONTENT, &ended);
    if state.services().automatic_provider().is_some() {
        auto_redirect::stay(&mut response);
    }
    Ok(response)
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct CodeBody {
    passcode: Secret,
}

/// `POST /api/auth/verify`. Reference: 200 after a code, 204 where none is wanted.
pub(crate) async fn verify_session(
    _: Public,
    State(state): State<AppState>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    body: Result<SmallBody<CodeBody>>,
) -> Result<Response> {
    let services = state.services();
    let Some(pending) = services.pending_session(credentials(&headers).cookie, false).await? else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    Ok(match services.give_code(&pending, body?.0.passcode.expose(), client(&headers, &address)).await? {
        Verified::Session => StatusCode::OK.into_response(),
        Verified::Account(value) => with_cookie(StatusCode::OK, &session_cookie(&headers, &value)),
    })
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct RecoveryBody {
    recovery_code: Secret,
}

/// `POST /api/auth/recovery`
pub(crate) async fn recover_session(
    _: Public,
    State(state): State<AppState>,
    headers: HeaderMap,
    ClientAddress(address): ClientAddress,
    body: Result<SmallBody<RecoveryBody>>,
) -> Result<StatusCode> {
    let services = state.services();
    if let Some(pending) = services.pending_session(credentials(&headers).cookie, true).await? {
        services.give_recovery_code(&pending, body?.0.recovery_code.expose(), &address).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

fn with_cookie(status: StatusCode, cookie: &str) -> Response {
    let mut response = status.into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

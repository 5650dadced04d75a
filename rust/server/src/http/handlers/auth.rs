//! Log-in and log-out.

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use semaphore_model::Secret;
use semaphore_service::{Settings, auth::Client, crypto::cookie::COOKIE_NAME};
use serde::{Deserialize, Serialize};

use crate::http::{
    access::{Public, credentials},
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
}

#[derive(Serialize, JsonSchema)]
struct TotpMethod {
    allow_recovery: bool,
}

impl AuthMethods {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { totp: settings.totp_enabled.then_some(TotpMethod { allow_recovery: settings.totp_allow_recovery }) }
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
        auth_methods: AuthMethods::new(settings),
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
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let client = Client { address: &address, user_agent: text("user-agent") };
    let value = state.services().login(&body.auth, body.password.expose(), client).await?;
    // Behind a TLS proxy the cookie must not travel in clear.
    let secure = if text("x-forwarded-proto").eq_ignore_ascii_case("https") { "; Secure" } else { "" };
    Ok(no_content_with_cookie(&format!("{COOKIE_NAME}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")))
}

/// `POST /api/auth/logout`
pub(crate) async fn logout(_: Public, State(state): State<AppState>, headers: HeaderMap) -> Result<Response> {
    state.services().logout(credentials(&headers).cookie).await?;
    Ok(no_content_with_cookie(&format!(
        "{COOKIE_NAME}=; Path=/; Expires=Tue, 10 Nov 2009 23:00:00 GMT; HttpOnly; SameSite=Lax"
    )))
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
) -> Result<StatusCode> {
    let services = state.services();
    let Some(pending) = services.pending_session(credentials(&headers).cookie, false).await? else {
        return Ok(StatusCode::NO_CONTENT);
    };
    services.give_code(&pending, body?.0.passcode.expose(), &address).await?;
    Ok(StatusCode::OK)
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

fn no_content_with_cookie(cookie: &str) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

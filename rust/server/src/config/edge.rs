//! How requests come in: the keys `tls.*`, `http.*` and `trusted_proxies`, and tokens that go out with tasks.

use std::{path::PathBuf, time::Duration};

use semaphore_service::jwt::TaskTokens;

use super::{ConfigError, load::Values};
use crate::http::{EdgeSettings, RequestLog};

/// How HTTPS is spoken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file of the certificate and what vouches for it.
    pub cert_file: PathBuf,
    /// PEM file of its private key.
    pub key_file: PathBuf,
    /// Port on which HTTP is answered with the address to use instead.
    pub http_redirect_port: Option<u16>,
}

pub(super) fn edge(values: &Values) -> Result<EdgeSettings, ConfigError> {
    let seconds = |key| Duration::from_secs(u64::try_from(values.integer(key)).unwrap_or_default());
    let proxies: Vec<String> = values.decode("trusted_proxies")?;
    let proxies = proxies.iter().map(|text| text.parse()).collect::<Result<_, _>>();
    Ok(EdgeSettings {
        trusted_proxies: proxies.map_err(|complaint| bad("trusted_proxies", complaint))?,
        log: match values.text("http.log") {
            "off" => RequestLog::Off,
            "errors" => RequestLog::Errors,
            _ => RequestLog::All,
        },
        body_timeout: seconds("http.body_timeout_sec"),
        request_timeout: seconds("http.request_timeout_sec"),
    })
}

pub(super) fn tls(values: &Values) -> Result<Option<TlsSettings>, ConfigError> {
    if !values.bool("tls.enabled") {
        return Ok(None);
    }
    let file = |key| {
        let path = values.set_text(key).map(PathBuf::from);
        path.ok_or_else(|| bad(key, "must name a PEM file, because tls.enabled is set".to_owned()))
    };
    let port = values.set_integer("tls.http_redirect_port").and_then(|port| u16::try_from(port).ok());
    Ok(Some(TlsSettings {
        cert_file: file("tls.cert_file")?,
        key_file: file("tls.key_file")?,
        http_redirect_port: port,
    }))
}

pub(super) fn task_tokens(values: &Values) -> Result<Option<TaskTokens>, ConfigError> {
    const KEY: &str = "auth.task_jwt.audience";
    let Some(audience) = values.set_text(KEY) else { return Ok(None) };
    if let Some(complaint) = TaskTokens::complaint(audience) {
        return Err(bad(KEY, complaint.to_owned()));
    }
    let limit = u64::try_from(values.integer("max_task_duration_sec")).unwrap_or_default();
    let task_limit = (limit > 0).then(|| Duration::from_secs(limit));
    Ok(Some(TaskTokens { audience: audience.to_owned(), task_limit }))
}

fn bad(key: &'static str, complaint: String) -> ConfigError {
    ConfigError::Value { key, shown: String::new(), complaint }
}

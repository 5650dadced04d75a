//! HTTPS: the certificate, read again when it is asked for, and the answer to those who come with HTTP.
//!
//! Not for other servers that we talk to. Invariants: TLS 1.2 or newer; a certificate that cannot be used does not replace one
//! that can.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tokio_rustls::rustls::{
    self, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use url::Url;

/// Why a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or is no PEM.
    #[error("configuration key {key}: cannot read {}", path.display())]
    File {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// There is no certificate in the file.
    #[error("configuration key tls.cert_file: there is no certificate in {}", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// Certificate and key do not belong together, or are of a kind that cannot be used.
    #[error("configuration keys tls.cert_file and tls.key_file: certificate and key cannot be used together")]
    Unusable(#[from] rustls::Error),
}

/// The certificate of the server, and where it comes from.
#[derive(Debug)]
pub struct Certificates {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<ServerConfig>>,
}

impl Certificates {
    /// Reads the PEM files of the certificate (with what vouches for it) and of its key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, CertificateError> {
        let current = RwLock::new(Arc::new(read(certificate, key)?));
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), current })
    }

    /// Reads them again for the connections that come from now on; on an error the old ones go on being used.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let new = Arc::new(read(&self.certificate, &self.key)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// What counts for a connection that is made now.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, CertificateError> {
    let failed = |key: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source| CertificateError::File { key, path, source }
    };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(failed("tls.cert_file", certificate))?;
    if chain.is_empty() {
        return Err(CertificateError::Empty { path: certificate.to_owned() });
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(failed("tls.key_file", key))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, secret)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Answers HTTP with the same address in HTTPS.
#[derive(Clone, Debug)]
pub struct Redirect {
    /// Host of `web_host`; without one the host that was asked counts, with our port.
    host: Option<String>,
    port: u16,
}

impl Redirect {
    /// To the host of `web_host`, or without it to the host that is asked and this port.
    pub fn new(web_host: &str, port: u16) -> Self {
        let url = Url::parse(web_host).ok();
        let host = url.as_ref().and_then(Url::host_str).map(|host| {
            let port = url.as_ref().and_then(Url::port).map_or_else(String::new, |port| format!(":{port}"));
            format!("{host}{port}")
        });
        Self { host, port }
    }

    /// Reference: 307 for reading methods, and 403 for all others, whose body has already come in clear.
    pub(super) fn answer(&self, request: &Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
            return (StatusCode::FORBIDDEN, "http requests forbidden\n").into_response();
        }
        let asked = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let host = self.host.clone().unwrap_or_else(|| self.with_port(asked));
        let rest = request.uri().path_and_query().map_or("/", |rest| rest.as_str());
        match HeaderValue::from_str(&format!("https://{host}{rest}")) {
            Ok(target) if !host.is_empty() => {
                (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, target)]).into_response()
            }
            _ => StatusCode::BAD_REQUEST.into_response(),
        }
    }

    fn with_port(&self, asked: &str) -> String {
        // The port behind the last colon, unless that is one of an address of IPv6.
        let name = match asked.rsplit_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            _ => asked,
        };
        match (name, self.port) {
            ("", _) => String::new(),
            (name, 443) => name.to_owned(),
            (name, port) => format!("{name}:{port}"),
        }
    }
}

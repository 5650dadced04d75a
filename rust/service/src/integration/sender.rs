//! Whether a request comes from whom an integration trusts.
//!
//! Invariants: texts are compared in constant time; an integration that wants a proof but has no secret lets nobody in (the
//! reference then takes the empty text for the secret, also after its key was deleted).

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use rand::RngCore;
use semaphore_model::{AccessKey, AccessKeyType, Integration, IntegrationAuthMethod, LoginPassword};
use sha2::Sha256;

use super::receive::ReceivedRequest;
use crate::crypto::hexadecimal;

/// Where GitHub puts its signature.
const GITHUB_HEADER: &str = "X-Hub-Signature-256";
/// Where Bitbucket does.
const BITBUCKET_HEADER: &str = "X-Hub-Signature";

/// Whether the request proves what the integration asks for. `key` is the integration's key with its plain secret.
pub(super) fn is_trusted(integration: &Integration, key: Option<&AccessKey>, request: &ReceivedRequest<'_>) -> bool {
    if integration.auth_method == IntegrationAuthMethod::None {
        return true;
    }
    let Some(secret) = key.map(secret).filter(|secret| !secret.password.is_empty()) else { return false };
    let password = secret.password.expose();
    match integration.auth_method {
        IntegrationAuthMethod::None => true,
        IntegrationAuthMethod::GitHub => is_signed(password, request, GITHUB_HEADER, "sha256="),
        IntegrationAuthMethod::Bitbucket => is_signed(password, request, BITBUCKET_HEADER, "sha256="),
        IntegrationAuthMethod::Hmac => is_signed(password, request, &integration.auth_header, ""),
        IntegrationAuthMethod::Token => is_equal(password, &request.header(&integration.auth_header)),
        IntegrationAuthMethod::Basic => basic(&request.header("Authorization")).is_some_and(|(login, given)| {
            // Both are compared, so that the time does not tell which one was wrong.
            is_equal(&secret.login, &login) & is_equal(password, &given)
        }),
        IntegrationAuthMethod::Other(_) => false,
    }
}

/// What a request lacks that is not trusted, for whoever looks after the integration.
pub(super) fn complaint(
    integration: &Integration,
    key: Option<&AccessKey>,
    request: &ReceivedRequest<'_>,
) -> Cow<'static, str> {
    if key.map(secret).is_none_or(|secret| secret.password.is_empty()) {
        return "the integration has no key with a secret that a proof could be compared with".into();
    }
    let header = match integration.auth_method {
        IntegrationAuthMethod::GitHub => GITHUB_HEADER,
        IntegrationAuthMethod::Bitbucket => BITBUCKET_HEADER,
        IntegrationAuthMethod::Hmac | IntegrationAuthMethod::Token => &integration.auth_header,
        IntegrationAuthMethod::Basic => "Authorization",
        IntegrationAuthMethod::None | IntegrationAuthMethod::Other(_) => {
            return "this server does not know the way in which its sender is to prove itself".into();
        }
    };
    if request.header(header).is_empty() {
        return format!("the header {header} with its proof is missing").into();
    }
    format!("the header {header} proves nothing: the secret is another one, or the body was changed on its way").into()
}

/// Login and password of a key. Reference: keys of other kinds count as empty; here a plain text is a password.
fn secret(key: &AccessKey) -> LoginPassword {
    match key.r#type {
        AccessKeyType::String => LoginPassword { login: String::new(), password: key.string.clone() },
        _ => key.login_password.clone(),
    }
}

/// Whether a header holds the HMAC of the body, in hexadecimal small letters behind `prefix`.
fn is_signed(secret: &str, request: &ReceivedRequest<'_>, header: &str, prefix: &str) -> bool {
    let header = request.header(header);
    let Some(given) = header.strip_prefix(prefix) else { return false };
    let expected = hexadecimal::encode(&keyed(secret.as_bytes(), request.body));
    is_equal(&expected, given)
}

/// Compares two texts in a time that does not depend on where they differ.
fn is_equal(expected: &str, given: &str) -> bool {
    // The digests under a key of the moment, not the texts: how far those agree is of no use to anybody.
    let mut key = [0_u8; 32];
    rand::rng().fill_bytes(&mut key);
    keyed(&key, expected.as_bytes()) == keyed(&key, given.as_bytes())
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// Login and password of an `Authorization` header.
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    let bytes = STANDARD.decode(encoded).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(login, password)| (login.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use semaphore_model::Secret;

    use super::*;

    fn request<'a>(headers: &'a [(String, String)], body: &'a [u8]) -> ReceivedRequest<'a> {
        ReceivedRequest { headers, body, method: "POST", query: "", address: "" }
    }

    /// Whether the request with this header passes; the key's login is `u`, its password `topsecret`.
    fn passes(method: &str, header: (&str, &str), password: &str) -> bool {
        let integration = Integration {
            auth_method: IntegrationAuthMethod::from(method),
            auth_header: "X-Proof".to_owned(),
            ..Integration::default()
        };
        let key = AccessKey {
            r#type: AccessKeyType::LoginPassword,
            login_password: LoginPassword { login: "u".to_owned(), password: Secret::new(password) },
            ..AccessKey::default()
        };
        let headers = [(header.0.to_lowercase(), header.1.to_owned())];
        is_trusted(&integration, Some(&key), &request(&headers, b"{\"a\":1}"))
    }

    #[test]
    fn each_way_to_prove_oneself_works_and_can_fail() {
        let signed = |secret: &[u8]| hexadecimal::encode(&keyed(secret, b"{\"a\":1}"));
        let (right, signature) = (signed(b"topsecret"), signed(b"another secret"));
        for (method, name, prefix) in [
            ("github", "X-Hub-Signature-256", "sha256="),
            ("bitbucket", "x-hub-signature", "sha256="),
            ("hmac", "X-Proof", ""),
        ] {
            let check = |text: &str| passes(method, (name, text), "topsecret");
            assert!(check(&format!("{prefix}{right}")), "{method}");
            assert!(!check(&format!("{prefix}{signature}")), "{method}");
            assert!(!check(&format!("{prefix}{}", right.to_uppercase())), "{method}");
            assert!(!check(""), "{method}");
        }
        assert!(!passes("github", ("X-Hub-Signature-256", &right), "topsecret"), "without its prefix");
        assert!(passes("token", ("X-Proof", "topsecret"), "topsecret"));
        assert!(!passes("token", ("X-Proof", "topsecre"), "topsecret"));
        assert!(passes("basic", ("Authorization", "basic dTp0b3BzZWNyZXQ="), "topsecret"));
        assert!(!passes("basic", ("Authorization", "Basic dTp3cm9uZw=="), "topsecret"));
        assert!(!passes("nosuch", ("X-Proof", "topsecret"), "topsecret"));
        assert!(passes("", ("X-Proof", ""), "topsecret"));
    }

    #[test]
    fn without_a_secret_nobody_is_trusted() {
        for method in ["github", "bitbucket", "hmac", "token", "basic"] {
            let integration =
                Integration { auth_method: IntegrationAuthMethod::from(method), ..Integration::default() };
            assert!(!is_trusted(&integration, None, &request(&[], b"")), "{method}");
            let empty = hexadecimal::encode(&keyed(b"", b"{\"a\":1}"));
            assert!(!passes(method, ("X-Proof", &empty), ""), "{method}");
        }
    }
}

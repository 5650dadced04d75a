//! API tokens: making them, and finding one in an `Authorization` header.
//!
//! Reference: a token is the lower-cased base64url text of 32 random bytes and is looked up lower-cased.

use base64::{Engine, engine::general_purpose::URL_SAFE};
use rand::RngCore;
use sha2::{Digest, Sha256};

/// Random bytes in a token.
const TOKEN_BYTES: usize = 32;

/// Characters of a token that are shown in lists and suffice to delete it.
pub const PREFIX_LENGTH: usize = 8;

/// A new token.
pub fn generate() -> String {
    let mut bytes = [0_u8; TOKEN_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    URL_SAFE.encode(bytes).to_lowercase()
}

/// What is stored of a token that is hashed: SHA-256 in hexadecimal. The token is random, so it needs no salt.
pub(crate) fn digest(token: &str) -> String {
    format!("{:x}", Sha256::digest(token.as_bytes()))
}

/// The token in an `Authorization` header, lower-cased; `None` if the header is of another scheme.
///
/// Reference: the word `bearer` may stand anywhere in the header, and the first `bearer ` is cut out.
pub fn from_header(header: &str) -> Option<String> {
    let header = header.to_lowercase();
    header.contains("bearer").then(|| header.replacen("bearer ", "", 1))
}

/// The JSON Web Token in an `Authorization` header, as it was sent: a bearer's value with two dots, which no API token has.
pub fn jwt_from_header(header: &str) -> Option<&str> {
    let (scheme, value) = header.trim().split_once(' ')?;
    let value = value.trim();
    (scheme.eq_ignore_ascii_case("bearer") && value.matches('.').count() == 2).then_some(value)
}

/// Whether a text can name tokens to delete: at least eight characters of base64url.
///
/// Reference: `validateAPIToken`.
pub fn is_prefix(text: &str) -> bool {
    text.len() >= PREFIX_LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=".contains(&byte))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_lower_case_and_differ() {
        let (one, two) = (generate(), generate());
        assert_eq!(one.len(), 44);
        assert_eq!(one, one.to_lowercase());
        assert_ne!(one, two);
        assert!(is_prefix(&one));
    }

    #[test]
    fn headers_are_read_as_the_reference_reads_them() {
        for (header, token) in [
            ("Bearer ABC", Some("abc")),
            ("BEARER abc", Some("abc")),
            ("Bearer  abc", Some(" abc")),
            ("x Bearer abc", Some("x abc")),
            ("Basic YWRtaW4=", None),
            ("abc", None),
        ] {
            assert_eq!(from_header(header).as_deref(), token, "{header}");
        }
    }

    #[test]
    fn prefixes_are_checked() {
        for (text, good) in
            [("abcdefgh", true), ("abc-_=12", true), ("abcdefg", false), ("abcdefg%", false), ("", false)]
        {
            assert_eq!(is_prefix(text), good, "{text}");
        }
    }
}

//! Keys as the configuration has them: standard base64. Not for how long a key must be.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// The bytes of a key. Reference: Go's decoder passes over line ends, which keys from files have.
pub(super) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    STANDARD.decode(without_line_ends(text).as_bytes()).ok().map(Zeroizing::new)
}

/// The bytes of the groups of four letters before the first that is no base64: what the reference takes for `cookie_hash`, of which it
/// passes over the error.
pub(super) fn decode_beginning(text: &str) -> Zeroizing<Vec<u8>> {
    let text = without_line_ends(text);
    let mut bytes = Zeroizing::new(Vec::new());
    for group in text.as_bytes().chunks(4) {
        match STANDARD.decode(group) {
            Ok(decoded) => bytes.extend(decoded),
            Err(_) => break,
        }
    }
    bytes
}

fn without_line_ends(text: &str) -> Zeroizing<String> {
    Zeroizing::new(text.chars().filter(|letter| !matches!(letter, '\r' | '\n')).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_passed_over_and_a_beginning_is_a_key() {
        assert_eq!(decode("AQID\r\nBAUG\n").as_deref(), Some(&vec![1, 2, 3, 4, 5, 6]));
        assert_eq!(decode("AQID BAUG"), None);
        assert_eq!(*decode_beginning("AQIDBAUG"), [1, 2, 3, 4, 5, 6]);
        assert_eq!(*decode_beginning("AQIDBA"), [1, 2, 3]);
        assert_eq!(*decode_beginning("AQID_-UGAQID"), [1, 2, 3]);
        assert!(decode_beginning("!!").is_empty());
    }
}

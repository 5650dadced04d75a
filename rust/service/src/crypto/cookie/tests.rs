#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::*;
use crate::crypto::vectors;

fn codec(vectors: &Value, encrypted: bool) -> CookieCodec {
    let encryption = if encrypted { vectors["cookie_encryption"].as_str().unwrap() } else { "" };
    CookieCodec::new(vectors["cookie_hash"].as_str().unwrap(), encryption).unwrap()
}

#[test]
fn cookies_of_the_go_server_are_read() {
    let vectors = &vectors()["session_cookie"];
    let examples = vectors["examples"].as_array().unwrap();
    assert!(examples.len() >= 14);
    for example in examples {
        let codec = codec(vectors, example["encrypted"].as_bool().unwrap());
        let stamp: i64 = example["timestamp"].as_str().unwrap().parse().unwrap();
        let session = codec.decode(example["cookie"].as_str().unwrap(), stamp + 5).unwrap();
        assert_eq!(i64::from(session.user.0), example["user"].as_i64().unwrap());
        assert_eq!(i64::from(session.session.0), example["session"].as_i64().unwrap());
    }
}

#[test]
fn what_is_written_is_what_go_writes() {
    let vectors = &vectors()["session_cookie"];
    for example in vectors["examples"].as_array().unwrap() {
        let payload = gob::encode(&[
            ("user", GobValue::Int(example["user"].as_i64().unwrap())),
            ("session", GobValue::Int(example["session"].as_i64().unwrap())),
        ]);
        let hex = example["gob_hex"].as_str().unwrap().as_bytes();
        let expected: Vec<u8> =
            hex.chunks(2).map(|digits| u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap()).collect();
        assert_eq!(payload, expected);
        if !example["encrypted"].as_bool().unwrap() {
            // Without a random vector the whole cookie must be equal, byte for byte.
            let session = CookieSession {
                user: UserId(example["user"].as_i64().unwrap() as i32),
                session: SessionId(example["session"].as_i64().unwrap() as i32),
            };
            let stamp = example["timestamp"].as_str().unwrap().parse().unwrap();
            assert_eq!(codec(vectors, false).encode(session, stamp), example["cookie"].as_str().unwrap());
        }
    }
}

#[test]
fn an_encrypted_cookie_comes_back_and_differs_each_time() {
    let vectors = &vectors()["session_cookie"];
    let codec = codec(vectors, true);
    let session = CookieSession { user: UserId(3), session: SessionId(70_000) };
    let (one, two) = (codec.encode(session, 1000), codec.encode(session, 1000));
    assert_ne!(one, two);
    assert_eq!(codec.decode(&one, 1001).unwrap(), session);
}

#[test]
fn changed_old_and_foreign_cookies_are_refused() {
    let vectors = &vectors()["session_cookie"];
    let codec = codec(vectors, true);
    let session = CookieSession { user: UserId(3), session: SessionId(4) };
    let cookie = codec.encode(session, 1_000_000);
    assert!(matches!(codec.decode(&cookie, 1_000_000 + MAX_AGE_SECONDS + 1), Err(CookieError::Expired)));
    assert!(codec.decode(&cookie, 1_000_000 + MAX_AGE_SECONDS).is_ok());

    let foreign = CookieCodec::new(&STANDARD.encode([9; 32]), "").unwrap();
    assert!(matches!(foreign.decode(&cookie, 1_000_000), Err(CookieError::Signature)));
    for text in ["", "garbage", "!!!", &"A".repeat(5000), &URL_SAFE.encode("1|2"), &URL_SAFE.encode("|||")] {
        assert!(codec.decode(text, 1_000_000).is_err(), "{text:.20}");
    }
    // Every changed byte is noticed.
    let raw = URL_SAFE.decode(&cookie).unwrap();
    for index in 0..raw.len() {
        let mut changed = raw.clone();
        changed[index] ^= 1;
        assert!(codec.decode(&URL_SAFE.encode(changed), 1_000_000).is_err(), "byte {index}");
    }
}

#[test]
fn gob_readers_survive_any_cut_and_any_changed_byte() {
    let stream = gob::encode(&[("user", GobValue::Int(-5)), ("name", GobValue::Text("x".to_owned()))]);
    let map = gob::decode(&stream).unwrap();
    assert_eq!(map.get("user"), Some(&GobValue::Int(-5)));
    assert_eq!(map.get("name"), Some(&GobValue::Text("x".to_owned())));
    for end in 0..stream.len() {
        assert!(gob::decode(&stream[..end]).is_err(), "cut at {end}");
    }
    for index in 0..stream.len() {
        for value in [0, 1, 0x7f, 0x80, 0xf8, 0xff] {
            let mut changed = stream.clone();
            changed[index] = value;
            let _any_answer_will_do = gob::decode(&changed);
        }
    }
}

#[test]
fn bad_keys_are_refused_and_none_is_shown() {
    assert!(matches!(CookieCodec::new("", ""), Err(CookieError::HashKey)));
    assert!(matches!(CookieCodec::new("%", ""), Err(CookieError::HashKey)));
    assert!(matches!(CookieCodec::new("AAAA", "c2hvcnQ="), Err(CookieError::EncryptionKey)));
    let codec = CookieCodec::new("c2VjcmV0", "").unwrap();
    assert!(!format!("{codec:?}").contains("secret"));
}

#[test]
fn values_of_one_length_are_read_as_the_others() {
    let codec = CookieCodec::new("bqXjvc3mJb5uZ8ZJ4H1rX1xS7c5Xk2v7aE1b2c3d4e8=", "").unwrap();
    let ids = [(1, 1), (0, -105_000_000), (0, i32::MAX), (300, 70_000), (i32::MAX, i32::MIN)];
    let mut lengths: Vec<_> = ids
        .into_iter()
        .map(|(user, session)| {
            let content = CookieSession { user: UserId(user), session: SessionId(session) };
            let value = codec.encode_alike(content, 1_000_000_000);
            assert_eq!(codec.decode(&value, 1_000_000_000).unwrap(), content);
            value.len()
        })
        .collect();
    lengths.dedup();
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::crypto::vectors;

#[test]
fn secrets_of_the_go_server_are_read() {
    let vectors = &vectors()["access_key"];
    let mut read = 0;
    for case in vectors["cases"].as_array().unwrap() {
        let (Some(stored), Some(plaintext)) = (case["stored"].as_str(), case["plaintext"].as_str()) else { continue };
        let cipher = AccessKeyCipher::new(case["access_key_encryption"].as_str().unwrap()).unwrap();
        assert_eq!(cipher.decrypt(stored).unwrap().as_slice(), plaintext.as_bytes(), "{}", case["name"]);
        read += 1;
    }
    assert!(read >= 10, "{read}");
}

#[test]
fn unreadable_secrets_and_keys_are_refused_for_the_right_reason() {
    let good = "Zml4dHVyZS1hY2Nlc3Mta2V5LWVuY3J5cHQta2V5MDE=";
    let check = |key: &str, stored: &str, expected: AccessKeyError| {
        let result = AccessKeyCipher::new(key).and_then(|cipher| cipher.decrypt(stored));
        assert_eq!(result.unwrap_err(), expected, "{key} {stored}");
    };
    check("c2hvcnQ=", "", AccessKeyError::KeySize(5));
    check("!!!not base64", "", AccessKeyError::KeyEncoding);
    check(good, "%%%", AccessKeyError::Encoding);
    check(good, "YWJj", AccessKeyError::TooShort);
    let other = "Zml4dHVyZS1jb29raWUtZW5jcnlwdC1rZXktMDEyMzQ=";
    let stored = AccessKeyCipher::new(good).unwrap().encrypt(b"x").unwrap();
    check(other, &stored, AccessKeyError::WrongKey);
}

#[test]
fn encryption_equals_go_for_a_fixed_nonce() {
    let example = &vectors()["access_key"]["fixed_nonce_example"];
    let cipher = AccessKeyCipher::new(example["key_b64"].as_str().unwrap()).unwrap();
    let nonce = example["nonce_ascii"].as_str().unwrap().as_bytes().try_into().unwrap();
    let stored = cipher.encrypt_with_nonce(example["plaintext"].as_str().unwrap().as_bytes(), &nonce).unwrap();
    assert_eq!(stored, example["stored"].as_str().unwrap());
}

#[test]
fn what_is_encrypted_comes_back_with_every_key_size() {
    for size in [0, 16, 24, 32] {
        let cipher = AccessKeyCipher::new(&STANDARD.encode(vec![7; size])).unwrap();
        assert_eq!(cipher.is_encrypting(), size > 0);
        let stored = cipher.encrypt("tajné".as_bytes()).unwrap();
        assert_eq!(cipher.decrypt(&stored).unwrap().as_slice(), "tajné".as_bytes());
        assert_eq!(cipher.encrypt(b"a").unwrap() == cipher.encrypt(b"a").unwrap(), size == 0, "nonces must differ");
    }
}

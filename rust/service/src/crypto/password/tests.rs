#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::{crypto::vectors, error::Kind};

#[tokio::test]
async fn hashes_of_the_go_server_are_checked() {
    let hasher = PasswordHasher::new(2);
    for example in vectors()["password"]["examples"].as_array().unwrap() {
        let Some(hash) = example["hash"].as_str() else { continue };
        let password = example["password"].as_str().unwrap();
        // The reference lets an empty password in; we do not.
        assert_eq!(hasher.verify(password, Some(hash)).await.unwrap(), !password.is_empty(), "{password}");
        assert!(!hasher.verify("something else", Some(hash)).await.unwrap());
    }
}

#[tokio::test]
async fn new_hashes_have_the_form_of_the_reference() {
    let hasher = PasswordHasher::new(2);
    let hash = hasher.hash("pass word").await.unwrap();
    assert!(hash.starts_with("$2a$11$"), "{hash}");
    assert_eq!(hash.len(), 60);
    assert!(hasher.verify("pass word", Some(&hash)).await.unwrap());
    assert!(!hasher.verify("pass word ", Some(&hash)).await.unwrap());
}

#[tokio::test]
async fn nobody_logs_in_without_a_user_a_hash_or_a_password() {
    let hasher = PasswordHasher::new(2);
    let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
    for (password, hash) in
        [("x", None), ("x", Some("")), ("", Some("")), ("x", Some("no hash")), (long.as_str(), None)]
    {
        assert!(!hasher.verify(password, hash).await.unwrap(), "{password:.5} {hash:?}");
    }
}

#[tokio::test]
async fn an_unknown_user_takes_as_long_as_a_known_one() {
    let hasher = PasswordHasher::new(1);
    let time = async |hash: Option<&str>| {
        let started = std::time::Instant::now();
        hasher.verify("wrong", hash).await.unwrap();
        started.elapsed().as_secs_f64()
    };
    let hash = hasher.hash("right").await.unwrap();
    let known = time(Some(&hash)).await;
    let unknown = time(None).await;
    // A look-up that skips hashing would be a thousand times faster.
    assert!(unknown > known / 4.0, "known {known} s, unknown {unknown} s");
}

#[tokio::test]
async fn empty_and_overlong_passwords_are_refused() {
    let hasher = PasswordHasher::new(1);
    for password in [String::new(), "x".repeat(73)] {
        assert_eq!(hasher.hash(&password).await.unwrap_err().kind, Kind::Invalid);
    }
    assert!(check_new(&"x".repeat(72)).is_ok());
}

#[tokio::test]
async fn a_full_queue_refuses_instead_of_growing() {
    let hasher = PasswordHasher::new(1);
    let (release, released) = std::sync::mpsc::channel::<()>();
    let blocked = tokio::spawn({
        let hasher = hasher.clone();
        async move { hasher.run(move || released.recv()).await }
    });
    let waiting: Vec<_> = (0..=MAX_WAITING)
        .map(|_| {
            let hasher = hasher.clone();
            tokio::spawn(async move { hasher.run(|| ()).await.map_err(|error| error.kind) })
        })
        .collect();
    // One of them found the queue full; the others wait until the first is done.
    let mut refused = 0;
    drop(release);
    for task in waiting {
        refused += usize::from(task.await.unwrap() == Err(Kind::Unavailable));
    }
    blocked.await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused, 1);
}

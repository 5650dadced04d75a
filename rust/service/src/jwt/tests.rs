//! The change of keys, which takes a month from outside.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{TimeDelta, Utc};

use crate::fixture::Fixture;

#[tokio::test]
async fn the_next_key_is_known_a_day_before_it_signs() {
    let fixture = Fixture::new().await;
    let services = &fixture.services;
    let start = Utc::now();
    let signs = async |after: TimeDelta| services.signing_key(start + after).await.unwrap().0.key_id;
    let known = async |after: TimeDelta| services.store.list_jwt_keys(start + after).await.unwrap().len();

    let first = signs(TimeDelta::zero()).await;
    assert_eq!((signs(TimeDelta::days(28)).await, known(TimeDelta::zero()).await), (first.clone(), 1));
    // In its last day the next one is there, but does not sign yet.
    assert_eq!((signs(TimeDelta::hours(30 * 24 - 1)).await, known(TimeDelta::zero()).await), (first.clone(), 2));
    let second = signs(TimeDelta::hours(30 * 24 + 1)).await;
    assert_ne!(second, first);
    assert_eq!([known(TimeDelta::hours(30 * 24 + 1)).await, known(TimeDelta::days(32)).await], [2, 1]);
    assert!(services.verifying_key(&first).await.unwrap().is_some());
    assert!(services.verifying_key("unknown").await.unwrap().is_none());
}

//! Lines of known hosts: what is accepted is what the invariants say, and the union neither loses, repeats nor breaks a line.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semaphore_model::known_hosts::{added, check, union};

fuzz_target!(|input: (&str, &str)| {
    let (known, more) = input;
    if check(known).is_ok() {
        for line in known.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            assert!(line.split([' ', '\t']).filter(|word| !word.is_empty()).count() >= 3, "{line:?}");
            assert!(!line.contains(|c: char| c.is_control() && c != '\t'), "{line:?}");
        }
    }
    let new = added(known, more);
    assert_eq!(check(&new), Ok(()), "{new:?}");
    assert_eq!(added(known, &new), new, "what is added is added as it is");
    match union(known, more) {
        None => assert!(new.is_empty() || known.len() + new.len() >= semaphore_model::known_hosts::MAX_BYTES),
        Some(whole) => {
            assert!(whole.starts_with(known) && whole.ends_with(&new), "{whole:?}");
            assert_eq!(union(&whole, more), None, "the second time there is nothing new");
            assert_eq!(check(&whole).is_ok(), check(known).is_ok(), "{whole:?}");
        }
    }
});

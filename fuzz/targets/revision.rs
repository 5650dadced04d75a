//! Branches and commits: what is accepted can be no option, refspec or expression.

#![no_main]

use libfuzzer_sys::fuzz_target;
use semaphore_engine::git::{Branch, CommitHash};

fuzz_target!(|text: &str| {
    let branch = text.parse::<Branch>();
    assert_eq!(branch.is_ok(), text.parse::<CommitHash>().is_ok());
    let Ok(branch) = branch else { return };
    assert_eq!(branch.as_str(), text);
    assert!(!text.is_empty() && !text.starts_with(['-', '+', '/', '.']), "{text:?}");
    assert!(
        !text.contains([':', '^', '~', '?', '*', '[', '\\', ' ']) && !text.chars().any(char::is_control),
        "{text:?}"
    );
    assert!(!text.contains("..") && !text.contains("@{") && !text.contains("//"), "{text:?}");
    assert!(!text.ends_with(['/', '.']) && !text.ends_with(".lock"), "{text:?}");
});

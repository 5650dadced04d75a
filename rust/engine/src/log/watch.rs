//! Texts that are looked for in passing lines, to tell later why a program failed.
//!
//! Not for hiding or changing anything. A text that lies across two records of one over-long line is not found.

use std::sync::atomic::{AtomicU32, Ordering};

use aho_corasick::AhoCorasick;

/// A few texts and which of them were seen.
#[derive(Debug)]
pub(crate) struct Watch {
    texts: AhoCorasick,
    seen: AtomicU32,
}

impl Watch {
    /// A watch for at most 32 texts; `None` if there are more.
    pub(crate) fn new(texts: &[&str]) -> Option<Self> {
        let count = u32::try_from(texts.len()).ok().filter(|count| *count <= u32::BITS)?;
        debug_assert!(count > 0);
        Some(Self { texts: AhoCorasick::new(texts).ok()?, seen: AtomicU32::new(0) })
    }

    /// Whether the text with this position in the list was seen.
    pub(crate) fn has_seen(&self, position: usize) -> bool {
        u32::try_from(position)
            .ok()
            .and_then(|position| 1_u32.checked_shl(position))
            .is_some_and(|bit| self.seen.load(Ordering::Acquire) & bit != 0)
    }

    pub(super) fn look_at(&self, line: &[u8]) {
        for found in self.texts.find_iter(line) {
            self.seen.fetch_or(1 << found.pattern().as_u32(), Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_seen_is_remembered() {
        let watch = Watch::new(&["Host key", "sshpass", "never"]).unwrap();
        watch.look_at(b"nothing");
        assert!(!watch.has_seen(0));
        watch.look_at(b"install sshpass, Host key verification failed");
        assert_eq!((0..4).map(|position| watch.has_seen(position)).collect::<Vec<_>>(), [true, true, false, false]);
        assert!(Watch::new(&["x"; 33]).is_none());
    }
}

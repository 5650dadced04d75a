//! How far git is, from what it prints with `--progress`.
//!
//! Not for the log: lines about progress are kept out of it, so that it says the same with and without somebody who watches.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;

use crate::job::{JobEvent, Programs};

/// Shortest time between two reports of one call.
const PAUSE: Duration = Duration::from_millis(100);
/// What git counts, as it says so.
const PHASES: [&str; 13] = [
    "Enumerating objects",
    "Counting objects",
    "Compressing objects",
    "Finding sources",
    "Getting sizes",
    "Receiving objects",
    "Unpacking objects",
    "Resolving deltas",
    "Checking connectivity",
    "Checking out files",
    "Updating files",
    "Filtering content",
    "Refreshing index",
];

/// What one line says.
#[derive(Debug, PartialEq, Eq)]
struct Progress<'line> {
    phase: &'line str,
    done: u64,
    total: Option<u64>,
}

/// Tells the host how far git is, ten times in a second at most.
pub(super) struct Reporter<'job> {
    programs: &'job Programs,
    last: Mutex<Option<Instant>>,
}

impl<'job> Reporter<'job> {
    pub(super) fn new(programs: &'job Programs) -> Self {
        Self { programs, last: Mutex::default() }
    }

    /// Looks at what there is of a line.
    pub(super) fn see(&self, line: &str) {
        let Some(progress) = parse(line) else { return };
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| now.duration_since(last) >= PAUSE) {
            *last = Some(now);
            let Progress { phase, done, total } = progress;
            self.programs.event(JobEvent::Progress { phase: phase.to_owned(), done, total });
        }
    }

    /// Looks at a line that is complete; `None` if it is about progress only. Words of the server may stand behind a state that
    /// git was about to write over: then only they are left.
    pub(super) fn edit(&self, line: Bytes) -> Option<Bytes> {
        let text = String::from_utf8_lossy(&line);
        self.see(&text);
        let pieces: Vec<_> = text.split('\r').filter(|piece| !is_about_progress(piece)).collect();
        if pieces.len() == text.split('\r').count() {
            return Some(line);
        }
        let is_said = pieces.iter().any(|piece| !piece.trim_end_matches("\x1b[K").trim().is_empty());
        is_said.then(|| Bytes::from(pieces.join("\r")))
    }
}

fn is_about_progress(piece: &str) -> bool {
    let is_summary = piece.starts_with("remote: Total ") && piece.contains("(delta ");
    is_summary || parse(piece).is_some()
}

/// What the newest state of a line says: git writes one behind the other, each ended by `\r`.
fn parse(line: &str) -> Option<Progress<'_>> {
    let states = line.rsplit('\r').map(|state| state.trim_end_matches("\x1b[K").trim());
    let state = states.into_iter().find(|state| !state.is_empty())?;
    let state = state.strip_prefix("remote: ").unwrap_or(state);
    let (phase, count) = state.split_once(':')?;
    if !PHASES.contains(&phase) {
        return None;
    }
    let count = count.trim_start();
    if let Some((_, count)) = count.split_once("% (") {
        let (done, rest) = count.split_once('/')?;
        let (total, _) = rest.split_once(')')?;
        return Some(Progress { phase, done: done.parse().ok()?, total: Some(total.parse().ok()?) });
    }
    let (done, _) = count.split_once(',').unwrap_or((count, ""));
    Some(Progress { phase, done: done.parse().ok()?, total: None })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;
    use crate::job::attended;

    #[test]
    fn the_newest_state_counts() {
        let is = |line, phase, done, total| assert_eq!(parse(line), Some(Progress { phase, done, total }), "{line:?}");
        is("Receiving objects:  45% (450/1000)", "Receiving objects", 450, Some(1000));
        is("Receiving objects: 100% (3/3), 1.20 KiB | 1.20 MiB/s, done.", "Receiving objects", 3, Some(3));
        is("remote: Enumerating objects: 523, done.\x1b[K", "Enumerating objects", 523, None);
        is(
            "remote: Counting objects:  33% (1/3)\x1b[K\rremote: Counting objects:  66% (2/3)\x1b[K\r",
            "Counting objects",
            2,
            Some(3),
        );
    }

    #[tokio::test]
    async fn a_flood_of_states_is_told_once() {
        let (programs, mut job) = attended(Arc::default(), []).unwrap();
        let reporter = Reporter::new(&programs);
        for done in 1..=100 {
            reporter.see(&format!("Receiving objects: {done}% ({done}/100)"));
        }
        drop(programs);
        let mut told = Vec::new();
        while let Some(event) = job.events.next().await {
            if let JobEvent::Progress { done, total, .. } = event {
                told.push((done, total));
            }
        }
        assert_eq!(told, [(1, Some(100))]);
    }

    #[tokio::test]
    async fn states_and_sums_are_kept_out_of_the_log_and_nothing_else() {
        let (programs, _job) = attended(Arc::default(), []).unwrap();
        let reporter = Reporter::new(&programs);
        let edit = |line: &'static str| reporter.edit(Bytes::from_static(line.as_bytes()));
        let total = "remote: Total 6 (delta 0), reused 0 (delta 0), pack-reused 0        ";
        assert_eq!(edit("Receiving objects:  83% (5/6)\rReceiving objects: 100% (6/6), done."), None);
        assert_eq!(edit("remote: Total 6 (delta 0), reused 0 (delta 0), pack-reused 0        "), None);
        // The server's sum comes while git counts.
        assert_eq!(reporter.edit(Bytes::from(format!("Receiving objects:  83% (5/6)\r{total}"))), None);
        assert_eq!(edit("Receiving objects:  83% (5/6)\rremote: Ticket: 5"), Some("remote: Ticket: 5".into()));
        assert_eq!(edit("one\rtwo\r"), Some("one\rtwo\r".into()));
    }

    #[test]
    fn other_lines_are_none() {
        for line in [
            "",
            "\r\r",
            "Cloning into 'x'...",
            "From file:///srv/git",
            "remote: Ticket: 5",
            "Receiving objects: soon",
            "Receiving objects: 10% (x/3)",
            "fatal: Receiving objects: 3",
        ] {
            assert_eq!(parse(line), None, "{line:?}");
        }
    }
}

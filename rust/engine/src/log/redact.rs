//! Hides secrets in lines.
//!
//! Not for deciding what is secret: the job gives the values. Works on whole lines, and on the parts of an over-long line as
//! if it had not been cut.

use std::{fmt, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use bytes::{Bytes, BytesMut};

use super::split::cut_position;

/// Shortest text that is hidden. Shorter ones (`no`, `1`, `dev`) would blot out ordinary words and tell the value by that.
pub const SHORTEST_SECRET_BYTES: usize = 4;

/// What stands in place of a secret.
const MASK: &[u8] = b"***";

/// Replaces every occurrence of the secrets of a job by `***`; cheap to clone.
///
/// Hidden are: the value; each line of a value of several lines, without the white space around it; and each of these as it
/// looks inside a JSON string. Occurrences that overlap are hidden together. Texts shorter than
/// [`SHORTEST_SECRET_BYTES`] are not hidden.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Option<Arc<Patterns>>,
}

struct Patterns {
    automaton: AhoCorasick,
    longest: usize,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.patterns.as_ref().map_or(0, |patterns| patterns.automaton.patterns_len());
        f.debug_struct("Redactor").field("patterns", &count).finish()
    }
}

/// The secrets cannot be searched for: there are too many, or they are too long (some gigabytes).
#[derive(Debug, thiserror::Error)]
#[error("cannot prepare the search for {count} secrets")]
pub struct RedactorError {
    count: usize,
    source: aho_corasick::BuildError,
}

impl Redactor {
    /// Prepares the search for these values.
    ///
    /// # Errors
    /// Only if the values exceed what the search can hold; the job must then not run.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, RedactorError> {
        let mut texts: Vec<Vec<u8>> = secrets.into_iter().flat_map(forms).collect();
        texts.sort_unstable();
        texts.dedup();
        let Some(longest) = texts.iter().map(Vec::len).max() else { return Ok(Self::default()) };
        let automaton = AhoCorasick::builder()
            // Overlapping occurrences must be seen, and the memory of a DFA is not worth its speed here.
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&texts);
        let count = texts.len();
        for text in &mut texts {
            zeroize::Zeroize::zeroize(text);
        }
        let automaton = automaton.map_err(|source| RedactorError { count, source })?;
        Ok(Self { patterns: Some(Arc::new(Patterns { automaton, longest })) })
    }

    /// The text with all secrets hidden; the same bytes, not copied, if there is none in it.
    pub fn redact(&self, text: Bytes) -> Bytes {
        let Some(patterns) = &self.patterns else { return text };
        if !patterns.automaton.is_match(&text) {
            return text;
        }
        let mut shown = BytesMut::with_capacity(text.len());
        mask(&text, &patterns.spans(&text, 0), text.len(), false, &mut shown);
        shown.freeze()
    }

    /// State for the parts of one line after another.
    pub fn line(&self) -> LineRedaction {
        LineRedaction { redactor: self.clone(), held: BytesMut::new(), masked: 0 }
    }
}

impl Patterns {
    /// Where secrets lie: ordered and disjoint. The first `masked` bytes count as secret.
    fn spans(&self, text: &[u8], masked: usize) -> Vec<(usize, usize)> {
        let mut found: Vec<(usize, usize)> = (masked > 0).then_some((0, masked)).into_iter().collect();
        match self.automaton.try_find_overlapping_iter(text) {
            Ok(matches) => found.extend(matches.map(|hit| (hit.start(), hit.end()))),
            // The automaton was built for this search; if it refuses nevertheless, nothing is shown.
            Err(_) => found.push((0, text.len())),
        }
        found.sort_unstable();
        found.dedup_by(|next, kept| {
            let joined = next.0 < kept.1;
            if joined {
                kept.1 = kept.1.max(next.1);
            }
            joined
        });
        found
    }
}

/// Copies `text[..end]` with the spans masked; `begun`: the mask of a span that begins at 0 was written before.
fn mask(text: &[u8], spans: &[(usize, usize)], end: usize, begun: bool, shown: &mut BytesMut) {
    let mut position = 0;
    for &(from, to) in spans.iter().take_while(|span| span.0 < end) {
        shown.extend_from_slice(&text[position..from]);
        if !(begun && from == 0) {
            shown.extend_from_slice(MASK);
        }
        position = to.min(end);
    }
    shown.extend_from_slice(&text[position..end]);
}

/// Redacts lines that come in parts: what is shown of all parts together is the redacted line.
#[derive(Debug)]
pub struct LineRedaction {
    redactor: Redactor,
    /// End of the previous part, in which a secret may begin.
    held: BytesMut,
    /// First bytes of `held` that belong to a secret whose mask was shown.
    masked: usize,
}

impl LineRedaction {
    /// What to show of the next part; `continued`: the line goes on in the part after it.
    pub fn part(&mut self, text: Bytes, continued: bool) -> Bytes {
        let Some(patterns) = self.redactor.patterns.clone() else { return text };
        if self.held.is_empty() && !continued {
            return self.redactor.redact(text);
        }
        let masked = std::mem::take(&mut self.masked);
        self.held.extend_from_slice(&text);
        let spans = patterns.spans(&self.held, masked);
        // All secrets that begin before this position are complete.
        let mut end = self.held.len();
        if continued {
            end = match end.saturating_sub(patterns.longest - 1) {
                0 => 0,
                position => cut_position(&self.held, position),
            };
            if let Some(&(_, to)) = spans.iter().find(|&&(from, to)| from < end && end < to) {
                self.masked = to - end;
            }
        }
        let mut shown = BytesMut::with_capacity(end);
        mask(&self.held, &spans, end, masked > 0, &mut shown);
        if end == 0 {
            // Nothing shown yet: what was masked before still is.
            self.masked = masked;
        }
        let rest = self.held.split_off(end);
        self.held = rest;
        shown.freeze()
    }
}

/// The forms in which a value is looked for.
fn forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let several = value.trim_ascii_end().contains(&b'\n');
    let whole = (!several).then_some(value.strip_suffix(b"\n").unwrap_or(value));
    for text in whole.into_iter().chain(lines) {
        if text.len() < SHORTEST_SECRET_BYTES {
            continue;
        }
        forms.push(text.to_vec());
        let in_json = std::str::from_utf8(text).ok().and_then(|text| serde_json::to_string(text).ok());
        if let Some(quoted) = in_json {
            let escaped = &quoted.as_bytes()[1..quoted.len() - 1];
            if escaped != text {
                forms.push(escaped.to_vec());
            }
        }
    }
    forms
}

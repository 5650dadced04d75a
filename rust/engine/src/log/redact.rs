//! Hides secrets in lines.
//!
//! Not for deciding what is secret: the job gives the values. Works on whole lines, and on the parts of an over-long line as
//! if it had not been cut.

use std::{fmt, ops::Range, sync::Arc};

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use bytes::{Bytes, BytesMut};
use zeroize::{Zeroize as _, Zeroizing};

use super::{form::forms, split::cut_position};

/// Shortest text that is hidden, in bytes. Shorter ones (`no`, `1`, `dev`) would blot out ordinary words, and tell the value by
/// that: a password of three characters is not protected by hiding it in logs. Together with its login it is (see
/// [`Redactor`]), because the pair is longer.
pub const SHORTEST_SECRET_BYTES: usize = 4;

/// What of a text is looked for at first; the rest is compared where this is found. An automaton of the whole texts would take
/// some forty bytes for each of their bytes: hundreds of megabytes for the private keys of a large job.
const ANCHOR_BYTES: usize = 8;

/// What stands in place of a secret.
const MASK: &[u8] = b"***";

/// Replaces every occurrence of the secrets of a job by `***`; cheap to clone.
///
/// Hidden are: the value; each line of a value of several lines, without the white space around it; and each of these as it
/// looks inside a JSON string, in base64 (both alphabets, alone and inside the encoding of a longer text) and in URLs and forms.
/// A job gives its `login:password` pairs as values too. Occurrences that overlap are hidden together. Texts shorter than
/// [`SHORTEST_SECRET_BYTES`] are not hidden. Other encodings (hexadecimal, reversed, a character a line) are not recognised.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Option<Arc<Patterns>>,
}

struct Patterns {
    /// Finds the anchors.
    automaton: AhoCorasick,
    /// Of each anchor the texts that begin with it.
    anchors: Vec<Range<usize>>,
    longest: usize,
    /// All texts in order.
    sorted: Vec<Zeroizing<Vec<u8>>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.patterns.as_ref().map_or(0, |patterns| patterns.sorted.len());
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
        let mut texts: Vec<_> = secrets.into_iter().flat_map(forms).collect();
        texts.sort_unstable_by(|one, other| one.as_slice().cmp(other));
        texts.dedup();
        let Some(longest) = texts.iter().map(|text| text.len()).max() else { return Ok(Self::default()) };
        let anchors: Vec<_> = texts
            .chunk_by(|one, other| anchor(one) == anchor(other))
            .scan(0, |end, texts| {
                let begin = std::mem::replace(end, *end + texts.len());
                Some(begin..*end)
            })
            .collect();
        let automaton = AhoCorasick::builder()
            // Overlapping occurrences must be seen, and the memory of a DFA is not worth its speed here.
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(anchors.iter().map(|texts_of| anchor(&texts[texts_of.start])));
        let automaton = automaton.map_err(|source| RedactorError { count: texts.len(), source })?;
        Ok(Self { patterns: Some(Arc::new(Patterns { automaton, anchors, longest, sorted: texts })) })
    }

    /// The text with all secrets hidden; the same bytes, not copied, if there is none in it.
    pub fn redact(&self, text: Bytes) -> Bytes {
        let Some(patterns) = &self.patterns else { return text };
        if !patterns.automaton.is_match(&text) {
            return text;
        }
        let spans = patterns.spans(&text, 0);
        if spans.is_empty() {
            return text;
        }
        let mut shown = BytesMut::with_capacity(text.len());
        mask(&text, &spans, 0..text.len(), false, &mut shown);
        shown.freeze()
    }

    /// Bytes of memory, nearly.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.patterns.as_ref().map_or(0, |patterns| {
            let texts: usize = patterns.sorted.iter().map(|text| text.len() + 32).sum();
            patterns.automaton.memory_usage() + texts
        })
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
            Ok(matches) => {
                for hit in matches {
                    let begin = hit.start();
                    let Some(length) = self.longest_at(hit.pattern().as_usize(), &text[begin..]) else { continue };
                    let end = begin + length;
                    match found.last_mut() {
                        Some(last) if (last.0..last.1).contains(&begin) => last.1 = last.1.max(end),
                        _ => found.push((begin, end)),
                    }
                }
            }
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

    /// Length of the longest secret that the text begins with, among those with this anchor.
    fn longest_at(&self, anchor: usize, text: &[u8]) -> Option<usize> {
        let texts = self.sorted.get(self.anchors.get(anchor)?.clone())?;
        let mut text = &text[..text.len().min(self.longest)];
        loop {
            // Everything that the text begins with is not behind it in order, and shares its beginning with what is nearest.
            let nearest = texts[..texts.partition_point(|secret| secret.as_slice() <= text)].last()?;
            let common = nearest.iter().zip(text).take_while(|(one, other)| one == other).count();
            if common == nearest.len() {
                return Some(common);
            }
            text = &text[..common];
        }
    }

    /// Where the longest end of the text begins that could be the beginning of a secret; the text's length if there is none.
    fn possible_secret(&self, text: &[u8]) -> usize {
        let first = text.len().saturating_sub(self.longest - 1);
        let begins = |end: &[u8]| {
            let next = self.sorted.partition_point(|secret| secret.as_slice() < end);
            self.sorted.get(next).is_some_and(|secret| secret.starts_with(end))
        };
        (first..text.len()).find(|&position| begins(&text[position..])).unwrap_or(text.len())
    }
}

fn anchor(text: &[u8]) -> &[u8] {
    &text[..text.len().min(ANCHOR_BYTES)]
}

/// Copies a part of the text with the spans masked; `begun`: the mask of a span that begins at 0 was written before.
fn mask(text: &[u8], spans: &[(usize, usize)], part: Range<usize>, begun: bool, shown: &mut BytesMut) {
    let mut position = part.start;
    for &(from, to) in spans.iter().filter(|span| span.1 > part.start).take_while(|span| span.0 < part.end) {
        shown.extend_from_slice(&text[position..from.max(position)]);
        if !(begun && from == 0) {
            shown.extend_from_slice(MASK);
        }
        position = to.min(part.end);
    }
    shown.extend_from_slice(&text[position..part.end]);
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
    /// Whether whole lines would be shown as they are: no line is under way, and nothing in them begins like a secret.
    pub(super) fn leaves(&self, lines: &[u8]) -> bool {
        self.held.is_empty()
            && self.redactor.patterns.as_ref().is_none_or(|patterns| !patterns.automaton.is_match(lines))
    }

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
        mask(&self.held, &spans, 0..end, masked > 0, &mut shown);
        if end == 0 {
            // Nothing shown yet: what was masked before still is.
            self.masked = masked;
        }
        let rest = self.held.split_off(end);
        self.held = rest;
        shown.freeze()
    }

    /// What may be shown of a line that is not complete: at most about `longest` bytes of the end of what there is of it.
    ///
    /// `rest` is what came after the parts given to [`LineRedaction::part`]; nothing is changed. What is shown is what the line
    /// will show there however it goes on: no secret is in it, and an end that could be the beginning of one is held back.
    pub fn provisional(&self, rest: &[u8], longest: usize) -> Bytes {
        let window = |room: usize| {
            let skipped = (self.held.len() + rest.len()).saturating_sub(room);
            let held = &self.held[skipped.min(self.held.len())..];
            let rest = &rest[skipped.saturating_sub(self.held.len())..];
            (skipped, [held, rest].concat())
        };
        let Some(patterns) = &self.redactor.patterns else {
            let (_, mut text) = window(longest);
            cut_front(&mut text);
            return text.into();
        };
        let (skipped, mut text) = window(longest + patterns.longest - 1);
        let spans = patterns.spans(&text, self.masked.saturating_sub(skipped).min(text.len()));
        // A secret that begins before the window ends before this.
        let begin = if skipped > 0 { (patterns.longest - 1).min(text.len()) } else { 0 };
        let end = patterns.possible_secret(&text).max(begin);
        let mut shown = BytesMut::with_capacity(text.len());
        mask(&text, &spans, begin..end, self.masked > 0 && skipped == 0, &mut shown);
        text.zeroize();
        if skipped > 0 {
            let mut shown = Vec::from(shown);
            cut_front(&mut shown);
            return shown.into();
        }
        shown.freeze()
    }
}

/// Removes the end of a UTF-8 character whose beginning was cut off.
fn cut_front(text: &mut Vec<u8>) {
    let count = text.iter().take(3).take_while(|byte| **byte & 0xC0 == 0x80).count();
    text.drain(..count);
}

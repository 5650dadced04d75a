//! The line splitter: whatever arrives in whatever pieces, the records joined again are the input, and no record is too long.

#![no_main]

use libfuzzer_sys::{
    arbitrary::{self, Arbitrary},
    fuzz_target,
};
use semaphore_engine::log::LineSplitter;

#[derive(Arbitrary, Debug)]
struct Input {
    longest: u8,
    pieces: Vec<Vec<u8>>,
}

fuzz_target!(|input: Input| {
    let longest = usize::from(input.longest).max(1);
    let mut splitter = LineSplitter::with_longest(longest);
    let mut records = Vec::new();
    for piece in &input.pieces {
        splitter.buffer().extend_from_slice(piece);
        splitter.split(|text, continued| records.push((text, continued)));
    }
    splitter.finish(|text, continued| records.push((text, continued)));

    let whole = input.pieces.concat();
    let mut joined = Vec::new();
    for (text, continued) in &records {
        assert!(text.len() <= longest, "a record of {} bytes, allowed are {longest}", text.len());
        assert!(!text.contains(&b'\n'), "a line break within a record");
        joined.extend_from_slice(text);
        if !continued {
            joined.push(b'\n');
        }
    }
    // A line's own `\r` before its end is dropped, and the last line may have had no end.
    let lines = |bytes: &[u8]| {
        let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        lines
    };
    let expected: Vec<_> =
        lines(&whole).into_iter().map(|l| l.strip_suffix(b"\r").map_or(l.clone(), <[u8]>::to_vec)).collect();
    assert_eq!(lines(&joined), expected, "records {records:?}");
});

//! Output as programs print it, for the benchmarks.

/// Text of one line as the server benchmark prints it; numbers make lines differ.
pub fn line(number: usize) -> String {
    format!("line {number} of the log, with some more text to make it realistic")
}

/// So many lines with line feeds.
pub fn lines(count: usize) -> Vec<u8> {
    let mut text = Vec::new();
    for number in 1..=count {
        text.extend_from_slice(line(number).as_bytes());
        text.push(b'\n');
    }
    text
}

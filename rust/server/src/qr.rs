//! A text as a QR code, for authenticator apps: in a PNG file or on a terminal.
//!
//! Not for pictures in general: one bit per pixel, not compressed, a few kilobytes.

use qrcodegen::{QrCode, QrCodeEcc};

/// Pixels of one side. Reference: the same.
const SIZE: usize = 256;
/// Modules of white around the code that readers want.
const QUIET: usize = 4;

/// The PNG; none if the text is too long for a QR code.
pub(crate) fn png(text: &str) -> Option<Vec<u8>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let modules = usize::try_from(code.size()).ok()?;
    let scale = SIZE / (modules + 2 * QUIET);
    if scale == 0 {
        return None;
    }
    let margin = (SIZE - modules * scale) / 2;
    let is_dark = |x: usize, y: usize| {
        let module = |at: usize| at.checked_sub(margin).and_then(|at| i32::try_from(at / scale).ok());
        // Outside the code `get_module` answers white.
        module(x).zip(module(y)).is_some_and(|(x, y)| code.get_module(x, y))
    };
    let mut rows = Vec::with_capacity(SIZE * (SIZE / 8 + 1));
    for y in 0..SIZE {
        // No filter; then a bit per pixel, 1 is white.
        rows.push(0);
        for byte in 0..SIZE / 8 {
            rows.push((0..8).fold(0, |bits, bit| bits << 1 | u8::from(!is_dark(byte * 8 + bit, y))));
        }
    }
    let side = u32::try_from(SIZE).ok()?.to_be_bytes();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    // One bit, grey, no interlace.
    chunk(&mut file, *b"IHDR", &[&side[..], &side[..], &[1, 0, 0, 0, 0]].concat());
    chunk(&mut file, *b"IDAT", &stored(&rows)?);
    chunk(&mut file, *b"IEND", &[]);
    Some(file)
}

/// The lines that show it on a terminal, two spaces a module; none if the text is too long for a QR code. Reference: the same
/// colours and margin.
pub(crate) fn terminal(text: &str) -> Option<Vec<String>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Low).ok()?;
    let range = -2..code.size() + 2;
    let module = |x, y| if code.get_module(x, y) { "\x1b[40m  \x1b[0m" } else { "\x1b[47m  \x1b[0m" };
    Some(range.clone().map(|y| range.clone().map(|x| module(x, y)).collect()).collect())
}

fn chunk(file: &mut Vec<u8>, name: [u8; 4], content: &[u8]) {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    file.extend(length.to_be_bytes());
    let start = file.len();
    file.extend(name);
    file.extend(content);
    let sum = crc32(&file[start..]);
    file.extend(sum.to_be_bytes());
}

/// A zlib stream of one block that is stored as it is.
fn stored(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(bytes.len()).ok()?;
    let mut stream = vec![0x78, 0x01, 0x01];
    stream.extend(length.to_le_bytes());
    stream.extend((!length).to_le_bytes());
    stream.extend(bytes);
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    stream.extend((high << 16 | low).to_be_bytes());
    Some(stream)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(sum & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standards() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(
            stored(b"Wikipedia").as_deref().map(|stream| &stream[stream.len() - 4..]),
            Some(&[0x11, 0xe6, 0x03, 0x98][..])
        );
        assert!(png(&"x".repeat(5000)).is_none());
        let lines = terminal("x").unwrap_or_default();
        assert_eq!((lines.len(), lines[2].matches("40m").count() > 10), (25, true), "21 modules and the margin");
    }
}

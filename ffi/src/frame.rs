//! Frames: how events are laid out in the buffers of `semaphore_rt_poll`.
//!
//! Little endian, 8-aligned: `u32 len | u16 kind | u16 flags | u64 source | u64 seq | i64 unix_ns | payload`. `len` counts head
//! and payload, not the zero bytes that fill up to the next multiple of 8.

use crate::code::{SEMAPHORE_FRAME_ALIGN, SEMAPHORE_FRAME_HEAD};

/// Head of a frame, without its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// One of `SEMAPHORE_FRAME_*`.
    pub kind: u16,
    /// Meaning depends on the kind.
    pub flags: u16,
    /// Handle of the log, operation or runtime it comes from.
    pub source: u64,
    /// Position in the log, or 0.
    pub seq: u64,
    /// Nanoseconds since 1970, UTC.
    pub unix_ns: i64,
}

/// Bytes a frame with this payload takes in a buffer, filling included.
pub const fn size(payload: usize) -> usize {
    (SEMAPHORE_FRAME_HEAD + payload).next_multiple_of(SEMAPHORE_FRAME_ALIGN)
}

/// Writes a frame at the start of `out` and returns the bytes used, or `None` if it does not fit.
pub fn write(out: &mut [u8], head: &Head, payload: &[u8]) -> Option<usize> {
    let used = size(payload.len());
    let length = u32::try_from(SEMAPHORE_FRAME_HEAD + payload.len()).ok()?;
    let out = out.get_mut(..used)?;
    let (front, rest) = out.split_at_mut(SEMAPHORE_FRAME_HEAD);
    front[0..4].copy_from_slice(&length.to_le_bytes());
    front[4..6].copy_from_slice(&head.kind.to_le_bytes());
    front[6..8].copy_from_slice(&head.flags.to_le_bytes());
    front[8..16].copy_from_slice(&head.source.to_le_bytes());
    front[16..24].copy_from_slice(&head.seq.to_le_bytes());
    front[24..32].copy_from_slice(&head.unix_ns.to_le_bytes());
    rest[..payload.len()].copy_from_slice(payload);
    rest[payload.len()..].fill(0);
    Some(used)
}

/// Appends `u32 length, bytes` to a payload.
pub fn append_bytes(payload: &mut Vec<u8>, bytes: &[u8]) {
    payload.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    payload.extend_from_slice(bytes);
}

/// Reads frames back: what a host does with its buffer.
#[cfg(test)]
pub(crate) mod decode {
    #![allow(clippy::unwrap_used)]
    use super::Head;

    /// Splits a buffer into heads and payloads.
    pub(crate) fn frames(mut bytes: &[u8]) -> Vec<(Head, Vec<u8>)> {
        let mut frames = Vec::new();
        while !bytes.is_empty() {
            let length = u32::from_le_bytes(bytes[0..4].try_into().unwrap()) as usize;
            let head = Head {
                kind: u16::from_le_bytes(bytes[4..6].try_into().unwrap()),
                flags: u16::from_le_bytes(bytes[6..8].try_into().unwrap()),
                source: u64::from_le_bytes(bytes[8..16].try_into().unwrap()),
                seq: u64::from_le_bytes(bytes[16..24].try_into().unwrap()),
                unix_ns: i64::from_le_bytes(bytes[24..32].try_into().unwrap()),
            };
            frames.push((head, bytes[32..length].to_vec()));
            bytes = &bytes[length.next_multiple_of(8)..];
        }
        frames
    }

    /// Splits the payload of a LOG frame into its records.
    pub(crate) fn lines(mut payload: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        while !payload.is_empty() {
            let length = u32::from_le_bytes(payload[0..4].try_into().unwrap()) as usize;
            lines.push(String::from_utf8_lossy(&payload[4..4 + length]).into_owned());
            payload = &payload[4 + length..];
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn frames_of_every_length_read_back_and_stay_aligned() {
        let head = Head { kind: 1, flags: 9, source: u64::MAX - 1, seq: 1 << 40, unix_ns: -5 };
        for length in 0..40 {
            let payload: Vec<u8> = (0..length).collect();
            let mut out = vec![0xaa; 200];
            let used = write(&mut out, &head, &payload).unwrap();
            assert_eq!(used % 8, 0);
            assert_eq!(used, size(payload.len()));
            assert_eq!(decode::frames(&out[..used]), vec![(head, payload)]);
            assert!(out[used..].iter().all(|byte| *byte == 0xaa), "nothing is written behind the frame");
        }
    }

    #[test]
    fn a_frame_that_does_not_fit_writes_nothing() {
        let head = Head { kind: 1, flags: 0, source: 1, seq: 1, unix_ns: 1 };
        let mut out = vec![0xaa; 39];
        assert_eq!(write(&mut out, &head, b"12345"), None);
        assert!(out.iter().all(|byte| *byte == 0xaa));
    }

    #[test]
    fn records_keep_empty_lines_and_any_byte() {
        let mut payload = Vec::new();
        for line in [&b"one"[..], b"", b"two\r\n", b""] {
            append_bytes(&mut payload, line);
        }
        assert_eq!(decode::lines(&payload), ["one", "", "two\r\n", ""]);
    }
}

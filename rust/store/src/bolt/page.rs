//! One page in memory: its header and elements, every offset checked.
//!
//! Not for reading files. A page is what the file holds of it with its overflow, or the value of a bucket that is small
//! enough to lie inline.

use super::BoltError;

/// Bytes of a page's header: id (8), flags (2), count (2), overflow (4).
pub(super) const HEADER: usize = 16;
/// Bytes of an element of a leaf or a branch.
const ELEMENT: usize = 16;

const FLAG_BRANCH: u16 = 1;
const FLAG_LEAF: u16 = 2;
/// Flag of a leaf's element whose value is a bucket.
const FLAG_BUCKET: u32 = 1;

/// A branch or leaf.
pub(super) struct Page {
    number: u64,
    bytes: Vec<u8>,
    count: usize,
    is_leaf: bool,
}

/// What a leaf holds under a key.
pub(super) struct Leaf<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) is_bucket: bool,
}

/// The number at this place of a header that is known to be there.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

/// As [`u16_at`], four bytes.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// As [`u16_at`], eight bytes.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at.checked_add(8)?)?.try_into().ok().map(u64::from_le_bytes)
}

impl Page {
    /// Checks the header. `number` is what the page is called in errors: 0 for an inline one.
    pub(super) fn new(number: u64, bytes: Vec<u8>) -> Result<Self, BoltError> {
        let damaged = |reason| BoltError::Damaged { page: number, reason };
        let flags = u16_at(&bytes, 8).ok_or(damaged("is too short"))?;
        let count = usize::from(u16_at(&bytes, 10).ok_or(damaged("is too short"))?);
        let is_leaf = match flags {
            FLAG_LEAF => true,
            FLAG_BRANCH => false,
            _ => return Err(damaged("is neither a branch nor a leaf")),
        };
        if bytes.len() < HEADER + count * ELEMENT {
            return Err(damaged("has more elements than room"));
        }
        if count == 0 && !is_leaf {
            return Err(damaged("is a branch without children"));
        }
        Ok(Self { number, bytes, count, is_leaf })
    }

    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn is_leaf(&self) -> bool {
        self.is_leaf
    }

    fn damaged(&self, reason: &'static str) -> BoltError {
        BoltError::Damaged { page: self.number, reason }
    }

    /// `length` bytes that begin `position` behind the element's own beginning.
    fn slice(&self, element: usize, position: u32, skip: u32, length: u32) -> Result<&[u8], BoltError> {
        let begin = [position, skip].iter().try_fold(element, |sum, part| sum.checked_add(*part as usize));
        begin
            .and_then(|begin| self.bytes.get(begin..begin.checked_add(length as usize)?))
            .ok_or(self.damaged("has an element that reaches beyond its end"))
    }

    fn word(&self, at: usize) -> Result<u32, BoltError> {
        u32_at(&self.bytes, at).ok_or(self.damaged("is too short"))
    }

    /// The key of an element of either kind.
    pub(super) fn key(&self, index: usize) -> Result<&[u8], BoltError> {
        if self.is_leaf {
            return Ok(self.leaf(index)?.key);
        }
        let element = HEADER + index * ELEMENT;
        self.slice(element, self.word(element)?, 0, self.word(element + 4)?)
    }

    /// An element of a leaf.
    pub(super) fn leaf(&self, index: usize) -> Result<Leaf<'_>, BoltError> {
        let element = HEADER + index * ELEMENT;
        let (flags, position) = (self.word(element)?, self.word(element + 4)?);
        let (key_length, value_length) = (self.word(element + 8)?, self.word(element + 12)?);
        Ok(Leaf {
            key: self.slice(element, position, 0, key_length)?,
            value: self.slice(element, position, key_length, value_length)?,
            is_bucket: flags & FLAG_BUCKET != 0,
        })
    }

    /// The page that an element of a branch leads to.
    pub(super) fn child(&self, index: usize) -> Result<u64, BoltError> {
        u64_at(&self.bytes, HEADER + index * ELEMENT + 8).ok_or(self.damaged("is too short"))
    }
}

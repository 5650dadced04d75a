//! A walk over the keys of a bucket, in order.
//!
//! It keeps the pages from the root to the leaf and nothing else. It ends with an error when pages lead in a circle or keys
//! are out of order.

use super::file::{Bucket, Place};
use super::page::Page;
use super::{BoltError, BoltFile};

/// A tree of Bolt is never deeper: pages of two elements would hold 2 to the power of this.
const DEEPEST: usize = 48;

/// A key with what is stored under it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: Vec<u8>,
    /// The value; for a bucket its head.
    pub value: Vec<u8>,
    /// Whether the value is a bucket.
    pub is_bucket: bool,
}

/// Where a walk is.
pub struct Cursor<'a> {
    file: &'a BoltFile,
    /// From the root to the leaf; the index is that of the element to look at next.
    path: Vec<(Page, usize)>,
    seen: u64,
    last: Option<Vec<u8>>,
}

impl<'a> Cursor<'a> {
    /// A walk over all keys.
    ///
    /// # Errors
    /// [`BoltError::Damaged`], [`BoltError::Read`].
    pub fn new(file: &'a BoltFile, bucket: &Bucket) -> Result<Self, BoltError> {
        Self::at(file, bucket, b"")
    }

    /// A walk that begins with the first key that is not smaller.
    ///
    /// # Errors
    /// [`BoltError::Damaged`], [`BoltError::Read`].
    pub fn at(file: &'a BoltFile, bucket: &Bucket, key: &[u8]) -> Result<Self, BoltError> {
        let mut cursor = Self { file, path: Vec::new(), seen: 0, last: None };
        let mut page = match &bucket.place {
            Place::Tree(root) => cursor.load(*root)?,
            Place::Inline(bytes) => Page::new(0, bytes.clone())?,
        };
        loop {
            let index = first_not_smaller(&page, key)?;
            if page.is_leaf() {
                cursor.path.push((page, index));
                return Ok(cursor);
            }
            // A child holds the keys from its own key up to the next one's.
            let is_there = index < page.count() && page.key(index)? == key;
            let index = if is_there { index } else { index.saturating_sub(1) };
            let child = page.child(index)?;
            cursor.push(page, index + 1)?;
            page = cursor.load(child)?;
        }
    }

    fn load(&mut self, number: u64) -> Result<Page, BoltError> {
        self.seen += 1;
        if self.seen > self.file.page_limit() {
            return Err(BoltError::Damaged { page: number, reason: "is reached more than once" });
        }
        self.file.page(number)
    }

    fn push(&mut self, page: Page, index: usize) -> Result<(), BoltError> {
        if self.path.len() >= DEEPEST {
            return Err(BoltError::Damaged { page: page.number(), reason: "lies too deep" });
        }
        self.path.push((page, index));
        Ok(())
    }

    /// The next key; `None` at the end.
    ///
    /// # Errors
    /// [`BoltError::Damaged`], [`BoltError::Read`].
    #[allow(clippy::should_implement_trait, reason = "an iterator of results would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Entry>, BoltError> {
        loop {
            let Some((page, index)) = self.path.last_mut() else { return Ok(None) };
            if *index >= page.count() {
                self.path.pop();
                continue;
            }
            let at = *index;
            *index += 1;
            if !page.is_leaf() {
                let child = page.child(at)?;
                let child = self.load(child)?;
                self.push(child, 0)?;
                continue;
            }
            let leaf = page.leaf(at)?;
            if self.last.as_deref().is_some_and(|last| last >= leaf.key) {
                return Err(BoltError::Damaged { page: page.number(), reason: "has its keys out of order" });
            }
            let entry = Entry { key: leaf.key.to_vec(), value: leaf.value.to_vec(), is_bucket: leaf.is_bucket };
            self.last = Some(entry.key.clone());
            return Ok(Some(entry));
        }
    }
}

/// Index of the first element whose key is not smaller; the number of elements if all are.
fn first_not_smaller(page: &Page, key: &[u8]) -> Result<usize, BoltError> {
    let (mut low, mut high) = (0, page.count());
    while low < high {
        let middle = low + (high - low) / 2;
        if page.key(middle)? < key { low = middle + 1 } else { high = middle }
    }
    Ok(low)
}

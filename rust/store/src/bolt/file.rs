//! The file: which of its two heads counts, its pages, its buckets.
//!
//! The file is opened read-only under a shared lock, so that no Go server writes meanwhile. A head ("meta page") names the
//! root of the newest complete transaction; the other one belongs to the transaction before it.

use super::page::{HEADER, Page, u16_at, u32_at, u64_at};
use super::{BoltError, Cursor};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const FLAG_META: u16 = 4;
/// Bytes of a head that its checksum covers.
const META_SUMMED: usize = 56;
/// Page sizes that are tried when the first head is damaged: 1 KiB to 64 KiB.
const PAGE_SIZES: std::ops::RangeInclusive<u32> = 10..=16;
/// No page with its overflow is bigger: a value of Bolt has less than 2 GiB.
const LARGEST_PAGE: u64 = 1 << 31;

/// An open Bolt file.
#[derive(Debug)]
pub struct BoltFile {
    path: PathBuf,
    file: Mutex<File>,
    meta: Meta,
    size: u64,
}

#[derive(Clone, Copy, Debug)]
struct Meta {
    page_size: u32,
    root: u64,
    /// Pages that were ever in use: no page has a higher number.
    pages: u64,
    transaction: u64,
    checksum: u64,
}

/// A bucket: where its keys are.
#[derive(Clone, Debug)]
pub struct Bucket {
    pub(super) place: Place,
    /// The last number that was given to an object without one.
    pub sequence: u64,
}

#[derive(Clone, Debug)]
pub(super) enum Place {
    /// A tree of pages, by its root.
    Tree(u64),
    /// A leaf in the value of the bucket's own key.
    Inline(Vec<u8>),
}

impl BoltFile {
    /// Opens a file and finds its newest complete transaction.
    ///
    /// # Errors
    /// [`BoltError::Read`], [`BoltError::InUse`], [`BoltError::NotBolt`].
    pub fn open(path: &Path) -> Result<Self, BoltError> {
        let failed = |source| BoltError::Read { path: path.to_owned(), source };
        let mut file = File::open(path).map_err(failed)?;
        match file.try_lock_shared() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(BoltError::InUse { path: path.to_owned() }),
            Err(std::fs::TryLockError::Error(error)) => {
                // Some network file systems know no locks; the Go server could not have run there either.
                tracing::warn!(%error, "the Bolt file cannot be locked");
            }
        }
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(BoltError::NotBolt { path: path.to_owned(), reason: "it is not a regular file" });
        }
        let size = metadata.len();
        let mut head = Vec::new();
        let largest = 2 << *PAGE_SIZES.end();
        Read::by_ref(&mut file).take(largest).read_to_end(&mut head).map_err(failed)?;
        let meta = newest_meta(&head).map_err(|reason| BoltError::NotBolt { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), meta, size })
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells the state of the file without reading all of it: every write of the Go server makes another one.
    pub fn state(&self) -> String {
        format!("{}-{:016x}-{}", self.meta.transaction, self.meta.checksum, self.size)
    }

    /// SHA-256 of the whole file, in hexadecimal digits.
    ///
    /// # Errors
    /// [`BoltError::Read`].
    pub fn digest(&self) -> Result<String, BoltError> {
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let failed = |source| BoltError::Read { path: self.path.clone(), source };
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut sum = Sha256::new();
        std::io::copy(&mut *file, &mut sum).map_err(failed)?;
        Ok(format!("{:x}", sum.finalize()))
    }

    /// Pages that were ever in use: a walk that sees more of them goes round in circles.
    pub(super) fn page_limit(&self) -> u64 {
        self.meta.pages
    }

    /// The bucket that holds the others.
    pub fn root(&self) -> Bucket {
        Bucket { place: Place::Tree(self.meta.root), sequence: 0 }
    }

    /// A bucket by its name, if it is there.
    ///
    /// # Errors
    /// [`BoltError::Damaged`], [`BoltError::Read`].
    pub fn bucket(&self, name: &str) -> Result<Option<Bucket>, BoltError> {
        let mut cursor = Cursor::at(self, &self.root(), name.as_bytes())?;
        let found = cursor.next()?;
        let Some(entry) = found.filter(|entry| entry.is_bucket && entry.key == name.as_bytes()) else {
            return Ok(None);
        };
        Bucket::from_value(&entry.value).map(Some)
    }

    /// A branch or leaf with its overflow.
    pub(super) fn page(&self, number: u64) -> Result<Page, BoltError> {
        let damaged = |reason| BoltError::Damaged { page: number, reason };
        // The first two pages are the heads.
        if number < 2 || number >= self.meta.pages {
            return Err(damaged("is referred to but not in use"));
        }
        let page_size = u64::from(self.meta.page_size);
        let begin = number.checked_mul(page_size).ok_or(damaged("lies beyond the end of the file"))?;
        let first = self.read(begin, page_size).map_err(|error| self.short(number, error))?;
        if u64_at(&first, 0) != Some(number) {
            return Err(damaged("has the number of another page"));
        }
        let overflow = u64::from(u32_at(&first, 12).ok_or(damaged("is too short"))?);
        let length = (overflow + 1) * page_size;
        if length > LARGEST_PAGE || begin.checked_add(length).is_none_or(|end| end > self.size) {
            return Err(damaged("reaches beyond the end of the file"));
        }
        let bytes =
            if overflow == 0 { first } else { self.read(begin, length).map_err(|error| self.short(number, error))? };
        Page::new(number, bytes)
    }

    fn short(&self, page: u64, error: std::io::Error) -> BoltError {
        if error.kind() == std::io::ErrorKind::UnexpectedEof {
            return BoltError::Damaged { page, reason: "lies beyond the end of the file" };
        }
        BoltError::Read { path: self.path.clone(), source: error }
    }

    fn read(&self, begin: u64, length: u64) -> std::io::Result<Vec<u8>> {
        let mut file = self.file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Bucket {
    /// The bucket that a value describes: the page of its root, its sequence, and the leaf itself when there is no root.
    pub(super) fn from_value(value: &[u8]) -> Result<Self, BoltError> {
        let damaged = BoltError::Damaged { page: 0, reason: "is the head of a bucket and too short" };
        let (Some(root), Some(sequence)) = (u64_at(value, 0), u64_at(value, 8)) else { return Err(damaged) };
        let place = match root {
            0 => Place::Inline(value.get(16..).filter(|page| page.len() >= HEADER).ok_or(damaged)?.to_vec()),
            root => Place::Tree(root),
        };
        Ok(Self { place, sequence })
    }
}

/// The head with the newest transaction among those that are whole.
fn newest_meta(head: &[u8]) -> Result<Meta, &'static str> {
    let first = meta(head);
    let page_sizes: Vec<u32> = match &first {
        Ok(meta) => vec![meta.page_size],
        Err(_) => PAGE_SIZES.map(|power| 1 << power).collect(),
    };
    let second = page_sizes.into_iter().find_map(|page_size| {
        let meta = meta(head.get(page_size as usize..)?).ok()?;
        (meta.page_size == page_size).then_some(meta)
    });
    match (first, second) {
        (Ok(first), Some(second)) if second.transaction > first.transaction => Ok(second),
        (Ok(first), _) => Ok(first),
        (Err(_), Some(second)) => Ok(second),
        (Err(reason), None) => Err(reason),
    }
}

fn meta(page: &[u8]) -> Result<Meta, &'static str> {
    const SHORT: &str = "it is too short";
    let meta = page.get(HEADER..HEADER + META_SUMMED + 8).ok_or(SHORT)?;
    let magic = u32_at(meta, 0).ok_or(SHORT)?;
    if magic.swap_bytes() == MAGIC {
        return Err("it was written on a machine with another byte order");
    }
    if magic != MAGIC || u16_at(page, 8) != Some(FLAG_META) {
        return Err("its beginning is not that of a Bolt file");
    }
    if u32_at(meta, 4) != Some(VERSION) {
        return Err("it has another version of the Bolt format");
    }
    let checksum = u64_at(meta, META_SUMMED).ok_or(SHORT)?;
    if checksum != fnv1a(meta.get(..META_SUMMED).ok_or(SHORT)?) {
        return Err("the checksum of its head is wrong");
    }
    let page_size = u32_at(meta, 8).ok_or(SHORT)?;
    if !page_size.is_power_of_two() || !PAGE_SIZES.contains(&page_size.trailing_zeros()) {
        return Err("its page size is not one of those known");
    }
    Ok(Meta {
        page_size,
        root: u64_at(meta, 16).ok_or(SHORT)?,
        pages: u64_at(meta, 40).ok_or(SHORT)?,
        transaction: u64_at(meta, 48).ok_or(SHORT)?,
        checksum,
    })
}

/// The checksum of heads: FNV-1a with 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

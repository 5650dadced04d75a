//! Bolt files for tests, written from scratch: pages, overflow, branches, buckets inline and in pages of their own.
//!
//! Not a second reader: what is written here is laid out as the Go library does it, and the recorded file of a Go server
//! keeps both honest.

use std::{collections::BTreeMap, fs, path::Path};

const PAGE: usize = 4096;
const HEADER: usize = 16;
const ELEMENT: usize = 16;

/// The keys and values of a bucket.
#[derive(Clone, Debug, Default)]
pub struct Bucket {
    /// The last number given to an object.
    pub sequence: u64,
    /// What is in it.
    pub keys: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Bucket {
    /// A bucket of documents that are numbered from 1 on, as the Go server does it.
    pub fn numbered(documents: impl IntoIterator<Item = serde_json::Value>) -> Self {
        let mut bucket = Self::default();
        for document in documents {
            bucket.sequence += 1;
            bucket.keys.insert(format!("{:010}", bucket.sequence).into_bytes(), document.to_string().into_bytes());
        }
        bucket
    }

    /// Adds a value under a number.
    #[must_use]
    pub fn with(mut self, number: i64, document: &serde_json::Value) -> Self {
        self.keys.insert(format!("{number:010}").into_bytes(), document.to_string().into_bytes());
        self
    }
}

struct Item {
    flags: u32,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Item {
    fn size(&self) -> usize {
        ELEMENT + self.key.len() + self.value.len()
    }
}

struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    fn next(&self) -> u64 {
        (self.bytes.len() / PAGE) as u64
    }

    fn put(&mut self, mut page: Vec<u8>) -> u64 {
        let number = self.next();
        page.resize(page.len().div_ceil(PAGE) * PAGE, 0);
        page[0..8].copy_from_slice(&number.to_le_bytes());
        let overflow = (page.len() / PAGE - 1) as u32;
        page[12..16].copy_from_slice(&overflow.to_le_bytes());
        self.bytes.extend(page);
        number
    }

    /// The pages of a tree; answers its root.
    fn tree(&mut self, items: &[Item]) -> u64 {
        let mut level: Vec<(Vec<u8>, u64)> = Vec::new();
        let mut rest = items;
        while !rest.is_empty() || level.is_empty() {
            let mut size = HEADER;
            let fits = |item: &&Item| {
                size += item.size();
                size <= PAGE
            };
            let count = rest.iter().take_while(fits).count().max(1).min(rest.len());
            let (page, behind) = rest.split_at(count);
            let first = page.first().map(|item| item.key.clone()).unwrap_or_default();
            level.push((first, self.put(leaf(page))));
            rest = behind;
        }
        while level.len() > 1 {
            let pages = level.chunks(20).map(|children| (children[0].0.clone(), self.put(branch(children))));
            level = pages.collect::<Vec<_>>();
        }
        level[0].1
    }
}

fn leaf(items: &[Item]) -> Vec<u8> {
    let mut page = vec![0; HEADER + items.len() * ELEMENT];
    page[8..10].copy_from_slice(&2_u16.to_le_bytes());
    page[10..12].copy_from_slice(&(items.len() as u16).to_le_bytes());
    for (index, item) in items.iter().enumerate() {
        let element = HEADER + index * ELEMENT;
        let words = [item.flags, (page.len() - element) as u32, item.key.len() as u32, item.value.len() as u32];
        for (at, word) in words.iter().enumerate() {
            page[element + at * 4..element + at * 4 + 4].copy_from_slice(&word.to_le_bytes());
        }
        page.extend_from_slice(&item.key);
        page.extend_from_slice(&item.value);
    }
    page
}

fn branch(children: &[(Vec<u8>, u64)]) -> Vec<u8> {
    let mut page = vec![0; HEADER + children.len() * ELEMENT];
    page[8..10].copy_from_slice(&1_u16.to_le_bytes());
    page[10..12].copy_from_slice(&(children.len() as u16).to_le_bytes());
    for (index, (key, child)) in children.iter().enumerate() {
        let element = HEADER + index * ELEMENT;
        let position = (page.len() - element) as u32;
        page[element..element + 4].copy_from_slice(&position.to_le_bytes());
        page[element + 4..element + 8].copy_from_slice(&(key.len() as u32).to_le_bytes());
        page[element + 8..element + 16].copy_from_slice(&child.to_le_bytes());
        page.extend_from_slice(key);
    }
    page
}

/// Writes a file with these buckets, by name.
pub fn write(path: &Path, buckets: &BTreeMap<String, Bucket>) {
    let mut writer = Writer { bytes: vec![0; 2 * PAGE] };
    let mut freelist = vec![0; HEADER];
    freelist[8..10].copy_from_slice(&16_u16.to_le_bytes());
    let freelist = writer.put(freelist);
    let mut root = Vec::new();
    for (name, bucket) in buckets {
        let items: Vec<Item> =
            bucket.keys.iter().map(|(key, value)| Item { flags: 0, key: key.clone(), value: value.clone() }).collect();
        let size: usize = items.iter().map(Item::size).sum::<usize>() + HEADER;
        let mut value = vec![0; 16];
        value[8..16].copy_from_slice(&bucket.sequence.to_le_bytes());
        if size <= PAGE / 4 {
            value.extend(leaf(&items));
        } else {
            let tree = writer.tree(&items);
            value[0..8].copy_from_slice(&tree.to_le_bytes());
        }
        root.push(Item { flags: 1, key: name.clone().into_bytes(), value });
    }
    let root = writer.tree(&root);
    let pages = writer.next();
    for (number, transaction) in [(0_u64, 6_u64), (1, 7)] {
        let mut meta = vec![0; 80];
        meta[0..8].copy_from_slice(&number.to_le_bytes());
        meta[8..10].copy_from_slice(&4_u16.to_le_bytes());
        for (at, word) in [0xED0C_DAED_u32, 2, PAGE as u32, 0].iter().enumerate() {
            meta[16 + at * 4..20 + at * 4].copy_from_slice(&word.to_le_bytes());
        }
        for (at, word) in [root, 0, freelist, pages, transaction].iter().enumerate() {
            meta[32 + at * 8..40 + at * 8].copy_from_slice(&word.to_le_bytes());
        }
        let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        let sum = meta[16..72].iter().fold(0xcbf2_9ce4_8422_2325, step);
        meta[72..80].copy_from_slice(&sum.to_le_bytes());
        let begin = number as usize * PAGE;
        writer.bytes[begin..begin + 80].copy_from_slice(&meta);
    }
    fs::write(path, writer.bytes).unwrap();
}

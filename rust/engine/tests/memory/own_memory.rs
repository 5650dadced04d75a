//! Looks for a text in the memory of this process without holding the text itself, and without disturbing what lies around:
//! the search takes no memory of its own once it has begun, so that nothing of it takes the place of what others have left.

use std::{
    fs::File,
    io::Read as _,
    ops::Range,
    os::unix::fs::FileExt as _,
    sync::{Mutex, PoisonError},
};

use zeroize::{Zeroize as _, Zeroizing};

/// Covers the text that is looked for, so that the search does not find its own.
const COVER: u8 = 0xA5;
/// Room for what is read at a time and for the list of areas; so much that neither comes from where small texts lie.
const ROOM_BYTES: usize = 1024 * 1024;
/// Most places that are told.
const MOST_PLACES: usize = 64;

/// The room of the search, taken once.
struct Room {
    chunk: Vec<u8>,
    areas: Vec<u8>,
    found: Vec<usize>,
}

static ROOM: Mutex<Room> = Mutex::new(Room { chunk: Vec::new(), areas: Vec::new(), found: Vec::new() });

impl Room {
    /// Takes the room, if that was not done before.
    fn take(&mut self) {
        if self.chunk.is_empty() {
            self.chunk.resize(ROOM_BYTES, 0);
            self.areas.resize(ROOM_BYTES, 0);
            self.found.reserve_exact(MOST_PLACES);
        }
    }

    fn read_areas(&mut self) -> usize {
        let mut file = File::open("/proc/self/maps").unwrap();
        let mut length = 0;
        loop {
            match file.read(&mut self.areas[length..]).unwrap() {
                0 => return length,
                read => length += read,
            }
        }
    }
}

/// A text to look for, covered.
pub(crate) struct Needle {
    covered: Vec<u8>,
}

impl Needle {
    /// A text of letters and digits that nobody else has.
    pub(crate) fn random(length: usize) -> Self {
        const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789AB";
        ROOM.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut covered = vec![0; length];
        File::open("/dev/urandom").unwrap().read_exact(&mut covered).unwrap();
        for byte in &mut covered {
            *byte = CHARACTERS[usize::from(*byte % 64)] ^ COVER;
        }
        Self { covered }
    }

    pub(crate) fn of(text: &[u8]) -> Self {
        assert!(text.len() >= 16, "too short to be found for sure");
        ROOM.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self { covered: text.iter().map(|byte| byte ^ COVER).collect() }
    }

    /// The text itself.
    pub(crate) fn text(&self) -> Zeroizing<Vec<u8>> {
        // Of the right size from the beginning: a text that grows leaves copies.
        let mut text = Zeroizing::new(Vec::with_capacity(self.covered.len()));
        text.extend(self.covered.iter().map(|byte| byte ^ COVER));
        text
    }

    #[track_caller]
    pub(crate) fn assert_held(&self) {
        assert!(!self.places().is_empty(), "the search does not find what must be there");
    }

    #[track_caller]
    pub(crate) fn assert_gone(&self) {
        assert_eq!(self.places(), Vec::<String>::new(), "a secret is still in memory");
    }

    /// Where in the writable memory of this process the text stands: address and area.
    pub(crate) fn places(&self) -> Vec<String> {
        let mut room = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
        let length = room.read_areas();
        let Room { chunk, areas: text, found } = &mut *room;
        found.clear();
        let own = [range(chunk), range(text)];
        let memory = File::open("/proc/self/mem").unwrap();
        let text = std::str::from_utf8(&text[..length]).unwrap();
        for area in text.lines().filter_map(writable) {
            self.look_at(&memory, &area, chunk, &own, found);
        }
        chunk.zeroize();
        chunk.resize(ROOM_BYTES, 0);
        let area_of = |place: &usize| text.lines().find(|line| writable(line).is_some_and(|area| area.contains(place)));
        found.iter().map(|place| format!("{place:#x} in {}", area_of(place).unwrap_or_default())).collect()
    }

    fn look_at(
        &self,
        memory: &File,
        area: &Range<usize>,
        chunk: &mut [u8],
        own: &[Range<usize>],
        found: &mut Vec<usize>,
    ) {
        let mut address = area.start;
        while address < area.end {
            let length = (area.end - address).min(chunk.len());
            let chunk = &mut chunk[..length];
            // Pages can go away in between: other tests run beside this one.
            if memory.read_exact_at(chunk, address as u64).is_ok() {
                for place in self.positions(chunk).map(|position| address + position) {
                    let is_own = own.iter().any(|own| own.contains(&place));
                    if !is_own && !found.contains(&place) && found.len() < MOST_PLACES {
                        found.push(place);
                    }
                }
            }
            if address + length == area.end {
                break;
            }
            // A text that lies across two chunks is found in the second.
            address += length - self.covered.len();
        }
    }

    fn positions<'a>(&'a self, chunk: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
        let first = self.covered[0] ^ COVER;
        let rest = chunk.len().saturating_sub(self.covered.len() - 1);
        memchr::memchr_iter(first, &chunk[..rest]).filter(|&position| {
            self.covered.iter().zip(&chunk[position..]).all(|(covered, byte)| covered ^ COVER == *byte)
        })
    }
}

fn range(bytes: &[u8]) -> Range<usize> {
    let start = bytes.as_ptr() as usize;
    start..start + bytes.len()
}

/// The area of a line of the list, if it can be written to.
fn writable(line: &str) -> Option<Range<usize>> {
    let (area, rest) = line.split_once(' ')?;
    let (from, to) = area.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    rest.starts_with("rw").then_some(address(from)?..address(to)?)
}

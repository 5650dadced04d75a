//! Handles: 64-bit numbers that name objects without being pointers.
//!
//! Layout: kind (8 bits) | generation (24 bits) | slot (32 bits). A lookup clones the object's `Arc`, so closing a handle while
//! another thread uses it is safe. A number that was closed never names an object again: a slot whose generations are used
//! up is retired. Zero is never a handle.

use std::sync::{
    PoisonError, RwLock,
    atomic::{AtomicUsize, Ordering},
};

const SHARDS: usize = 16;
const GENERATION_LIMIT: u32 = 1 << 24;

/// What a handle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A runtime.
    Runtime = 1,
    /// A task's log.
    Log = 2,
    /// A running or finished operation.
    Operation = 3,
    /// An installed key.
    Key = 4,
    /// A task pool.
    Pool = 5,
}

/// A table from handles to shared objects.
pub struct Table<T> {
    shards: [RwLock<Shard<T>>; SHARDS],
    next: AtomicUsize,
}

struct Shard<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    kind: u8,
    generation: u32,
    object: Option<T>,
}

impl<T: Clone> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Table<T> {
    /// An empty table.
    pub const fn new() -> Self {
        Self {
            shards: [const { RwLock::new(Shard { slots: Vec::new(), free: Vec::new() }) }; SHARDS],
            next: AtomicUsize::new(0),
        }
    }

    /// Stores the object that `make` builds from its own handle. Nothing is stored if `make` fails.
    pub fn insert_with<E>(&self, kind: Kind, make: impl FnOnce(u64) -> Result<T, E>) -> Result<u64, E> {
        let shard_number = self.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let mut shard = self.shards[shard_number].write().unwrap_or_else(PoisonError::into_inner);
        let index = shard.free.pop().unwrap_or_else(|| {
            shard.slots.push(Slot { kind: 0, generation: 1, object: None });
            (shard.slots.len() - 1) as u32
        });
        let slot = &mut shard.slots[index as usize];
        let handle = encode(kind as u8, slot.generation, index * SHARDS as u32 + shard_number as u32);
        match make(handle) {
            Ok(object) => {
                slot.kind = kind as u8;
                slot.object = Some(object);
                Ok(handle)
            }
            Err(error) => {
                shard.free.push(index);
                Err(error)
            }
        }
    }

    /// The object behind a handle, if the handle is current.
    pub fn get(&self, handle: u64) -> Option<T> {
        let (kind, generation, number) = decode(handle);
        let shard = self.shards[number as usize % SHARDS].read().unwrap_or_else(PoisonError::into_inner);
        let slot = shard.slots.get(number as usize / SHARDS)?;
        if slot.kind == kind && slot.generation == generation { slot.object.clone() } else { None }
    }

    /// Takes the object out; the handle is stale from now on.
    pub fn remove(&self, handle: u64) -> Option<T> {
        let (kind, generation, number) = decode(handle);
        let mut shard = self.shards[number as usize % SHARDS].write().unwrap_or_else(PoisonError::into_inner);
        let index = number as usize / SHARDS;
        let slot = shard.slots.get_mut(index)?;
        if slot.kind != kind || slot.generation != generation {
            return None;
        }
        let object = slot.object.take()?;
        slot.generation += 1;
        if slot.generation < GENERATION_LIMIT {
            shard.free.push(index as u32);
        }
        Some(object)
    }

    /// All objects of the table, at some moment.
    pub fn all(&self) -> Vec<T> {
        let mut objects = Vec::new();
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            objects.extend(shard.slots.iter().filter_map(|slot| slot.object.clone()));
        }
        objects
    }
}

fn encode(kind: u8, generation: u32, number: u32) -> u64 {
    u64::from(kind) << 56 | u64::from(generation) << 32 | u64::from(number)
}

fn decode(handle: u64) -> (u8, u32, u32) {
    ((handle >> 56) as u8, (handle >> 32) as u32 & (GENERATION_LIMIT - 1), handle as u32)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::*;

    fn insert(table: &Table<Arc<u32>>, kind: Kind, value: u32) -> u64 {
        table.insert_with(kind, |_| Ok::<_, ()>(Arc::new(value))).unwrap()
    }

    #[test]
    fn a_handle_names_its_object_until_it_is_closed() {
        let table = Table::new();
        let handle = insert(&table, Kind::Log, 7);
        assert_eq!(table.get(handle).as_deref(), Some(&7));
        assert_eq!(table.remove(handle).as_deref(), Some(&7));
        assert!(table.get(handle).is_none());
        assert!(table.remove(handle).is_none());
    }

    #[test]
    fn a_reused_slot_refuses_old_handles() {
        let table = Table::new();
        let mut old = Vec::new();
        // Every round looks at all handles before it: minutes where each access is checked.
        let rounds = if cfg!(miri) { 3 } else { 10 };
        for round in 0..rounds {
            let handles: Vec<u64> = (0..100).map(|i| insert(&table, Kind::Operation, round * 100 + i)).collect();
            for stale in &old {
                assert!(table.get(*stale).is_none(), "{stale:#x}");
            }
            for handle in &handles {
                assert!(table.remove(*handle).is_some());
            }
            old.extend(handles);
        }
        let distinct: std::collections::HashSet<_> = old.iter().collect();
        assert_eq!(distinct.len(), old.len());
        assert!(table.shards.iter().map(|s| s.read().unwrap().slots.len()).sum::<usize>() <= 112, "slots are reused");
    }

    #[test]
    fn foreign_kinds_and_invented_numbers_name_nothing() {
        let table = Table::new();
        let handle = insert(&table, Kind::Log, 1);
        let foreign = handle & !(0xff << 56) | (Kind::Operation as u64) << 56;
        for invented in [0, 1, u64::MAX, foreign, handle ^ 1, handle + (1 << 32), handle | 0xffff_ffff] {
            assert!(table.get(invented).is_none(), "{invented:#x}");
            assert!(table.remove(invented).is_none(), "{invented:#x}");
        }
        assert!(table.get(handle).is_some());
    }

    #[test]
    fn a_slot_without_generations_left_is_retired() {
        let table = Table::new();
        let first = insert(&table, Kind::Log, 1);
        let number = first as u32;
        table.shards[number as usize % SHARDS].write().unwrap().slots[0].generation = GENERATION_LIMIT - 1;
        let last = encode(Kind::Log as u8, GENERATION_LIMIT - 1, number);
        assert!(table.remove(last).is_some());
        assert!((0..SHARDS).all(|_| insert(&table, Kind::Log, 2) as u32 != number));
    }

    #[test]
    fn a_failing_constructor_leaves_nothing() {
        let table: Table<Arc<u32>> = Table::new();
        assert_eq!(table.insert_with(Kind::Log, |_| Err("no")), Err("no"));
        assert!(table.all().is_empty());
    }

    #[test]
    fn an_object_outlives_its_handle_while_it_is_used() {
        let table = Table::new();
        let handle = insert(&table, Kind::Log, 9);
        let used = table.get(handle).unwrap();
        drop(table.remove(handle));
        assert_eq!(*used, 9);
    }
}

//! The parts of semaphore-ffi that need no operating system, with their own tests, for Miri: what lies behind every handle,
//! buffer and frame. Not for what talks to programs or descriptors: that is checked by sanitizers and valgrind.
#![allow(dead_code, reason = "the rest of the library is not here")]

#[path = "../../ffi/src/boundary.rs"]
pub mod boundary;
#[path = "../../ffi/src/code.rs"]
pub mod code;
#[path = "../../ffi/src/failure.rs"]
pub mod failure;
#[path = "../../ffi/src/frame.rs"]
pub mod frame;
#[path = "../../ffi/src/handle.rs"]
pub mod handle;
#[path = "../../ffi/src/memory.rs"]
pub mod memory;

/// No runtime is open here, so nobody is told about a panic.
pub mod objects {
    /// A queue of events; there is none.
    pub struct NoQueue;

    impl NoQueue {
        /// Would tell a host.
        pub fn push_event(&self, _kind: u16, _flags: u16, _source: u64, _payload: Vec<u8>, _after: Option<(u64, u64)>) {}
    }

    /// The queues of all open runtimes.
    pub fn queues() -> Vec<NoQueue> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;

    use super::{
        handle::{Kind, Table},
        memory::SemaphoreBuf,
    };

    /// Threads that open, use and close handles of one table at the same time: no object is used after it is gone.
    #[test]
    fn objects_live_as_long_as_somebody_uses_them() {
        static TABLE: Table<Arc<Vec<u8>>> = Table::new();
        std::thread::scope(|scope| {
            for thread in 0..3_u8 {
                scope.spawn(move || {
                    for round in 0..8_u8 {
                        let made = TABLE.insert_with(Kind::Log, |_| Ok::<_, ()>(Arc::new(vec![thread, round]))).unwrap();
                        let used = TABLE.get(made).unwrap();
                        for other in TABLE.all() {
                            assert_eq!(other.len(), 2);
                        }
                        assert!(TABLE.remove(made).is_some() && TABLE.get(made).is_none());
                        assert_eq!(*used, [thread, round]);
                    }
                });
            }
        });
        assert!(TABLE.all().is_empty());
    }

    #[test]
    fn a_buffer_with_spare_room_is_freed_whole() {
        let mut bytes = Vec::with_capacity(100);
        bytes.extend_from_slice(b"secret");
        let mut buffer = SemaphoreBuf::from_vec(bytes);
        // SAFETY: filled just above and not copied.
        unsafe { buffer.free() };
        assert!(buffer.ptr.is_null());
    }
}

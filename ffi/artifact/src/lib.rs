//! `libsemaphore_ffi.so` and `libsemaphore_ffi.a`: the exported functions of `semaphore-ffi` and nothing else.
#![forbid(unsafe_code)]

pub use semaphore_ffi_lib::api;

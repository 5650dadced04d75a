//! The exported functions, and nothing else: each turns pointers into values, makes one call, and turns the answer back.
//!
//! Contract of every function: pointers are NULL only where the length is 0 or the text says so; borrowed memory does not
//! change while the call runs; functions may be called from any thread at any time. Those marked *fast* return within
//! microseconds; the others read a document.
#![expect(unsafe_code, reason = "exported symbols and pointers of the host")]
// Safety contracts are the module's, said once above; the parameters repeat them in each function of the header.
#![expect(clippy::missing_safety_doc, reason = "one contract for all functions, above")]

mod exec;
mod git;
mod job;
mod key;
mod library;
mod log;
mod pool;
mod runtime;

pub use exec::*;
pub use git::*;
pub use job::*;
pub use key::*;
pub use library::*;
pub use log::*;
pub use pool::*;
pub use runtime::*;

#[cfg(test)]
mod tests;

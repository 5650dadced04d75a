//! The C interface of Semaphore's engine: runtimes, task logs and programs behind integer handles.
//!
//! For hosts that are not Rust (the Go module in `go/`, C, C++). Not for logic of its own: logs, processes and status rules
//! are the engine's and the model's. The artifact crate beside this one makes the shared and the static library of it.
//!
//! Invariants: no pointer of the library leaves it except buffers; every exported function is inside the panic boundary;
//! nothing blocks but `semaphore_rt_wait`; no signal handler, no callback into the host on its own threads unless it set one.

pub mod api;
pub mod boundary;
pub mod code;
pub mod exec_spec;
pub mod failure;
pub mod frame;
pub mod git_spec;
pub mod handle;
pub mod installed_key;
pub mod job_spec;
pub mod key_spec;
pub mod log_frame;
pub mod logger;
pub mod machine;
pub mod memory;
pub mod objects;
pub mod operation;
pub mod pool;
pub mod pool_spec;
pub mod queue;
pub mod runtime;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod task_status;

pub use code::{SemaphoreHandle, SemaphoreStatus};

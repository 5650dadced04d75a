//! The process's one table of handles.
//!
//! It is the only global state of the library: a handle arrives without the runtime it belongs to.

use std::sync::Arc;

use crate::{
    failure::Failure,
    handle::{Kind, Table},
    installed_key::InstalledKey,
    logger::Log,
    operation::Operation,
    pool::Pool,
    queue::EventQueue,
    runtime::Runtime,
};

/// Something that a handle names.
#[derive(Clone)]
pub enum Object {
    /// A runtime.
    Runtime(Arc<Runtime>),
    /// A task's log.
    Log(Arc<Log>),
    /// An operation.
    Operation(Arc<Operation>),
    /// An installed key.
    Key(Arc<InstalledKey>),
    /// A task pool.
    Pool(Arc<Pool>),
}

/// All open handles.
pub static TABLE: Table<Object> = Table::new();

/// The runtime behind a handle.
pub fn runtime(handle: u64) -> Result<Arc<Runtime>, Failure> {
    match TABLE.get(handle) {
        Some(Object::Runtime(runtime)) => Ok(runtime),
        _ => Err(Failure::handle("runtime")),
    }
}

/// The log behind a handle.
pub fn log(handle: u64) -> Result<Arc<Log>, Failure> {
    match TABLE.get(handle) {
        Some(Object::Log(log)) => Ok(log),
        _ => Err(Failure::handle("log")),
    }
}

/// The operation behind a handle.
pub fn operation(handle: u64) -> Result<Arc<Operation>, Failure> {
    match TABLE.get(handle) {
        Some(Object::Operation(operation)) => Ok(operation),
        _ => Err(Failure::handle("operation")),
    }
}

/// The installed key behind a handle.
pub fn key(handle: u64) -> Result<Arc<InstalledKey>, Failure> {
    match TABLE.get(handle) {
        Some(Object::Key(key)) => Ok(key),
        _ => Err(Failure::handle("key")),
    }
}

/// The task pool behind a handle.
pub fn pool(handle: u64) -> Result<Arc<Pool>, Failure> {
    match TABLE.get(handle) {
        Some(Object::Pool(pool)) => Ok(pool),
        _ => Err(Failure::handle("pool")),
    }
}

/// Closes a handle of any kind; the object lives on while a call or a task uses it.
pub fn close(handle: u64) -> Result<(), Failure> {
    match TABLE.remove(handle).ok_or_else(|| Failure::handle("object"))? {
        Object::Runtime(runtime) => runtime.close(std::time::Duration::ZERO),
        Object::Log(log) => log.close(),
        Object::Operation(operation) => operation.abandon(),
        Object::Pool(pool) => pool.close(),
        Object::Key(key) => key.close(),
    }
    Ok(())
}

/// Stores a runtime.
pub fn insert_runtime(make: impl FnOnce(u64) -> Result<Arc<Runtime>, Failure>) -> Result<u64, Failure> {
    TABLE.insert_with(Kind::Runtime, |handle| make(handle).map(Object::Runtime))
}

/// Stores a log.
pub fn insert_log(make: impl FnOnce(u64) -> Result<Arc<Log>, Failure>) -> Result<u64, Failure> {
    TABLE.insert_with(Kind::Log, |handle| make(handle).map(Object::Log))
}

/// Stores an operation.
pub fn insert_operation(make: impl FnOnce(u64) -> Result<Arc<Operation>, Failure>) -> Result<u64, Failure> {
    TABLE.insert_with(Kind::Operation, |handle| make(handle).map(Object::Operation))
}

/// Stores an installed key.
pub fn insert_key(make: impl FnOnce(u64) -> Result<Arc<InstalledKey>, Failure>) -> Result<u64, Failure> {
    TABLE.insert_with(Kind::Key, |handle| make(handle).map(Object::Key))
}

/// Stores a task pool.
pub fn insert_pool(make: impl FnOnce(u64) -> Result<Arc<Pool>, Failure>) -> Result<u64, Failure> {
    TABLE.insert_with(Kind::Pool, |handle| make(handle).map(Object::Pool))
}

/// The event queues of all open runtimes.
pub fn queues() -> Vec<Arc<EventQueue>> {
    let queue = |object| match object {
        Object::Runtime(runtime) => Some(Arc::clone(runtime.queue())),
        Object::Log(_) | Object::Operation(_) | Object::Key(_) | Object::Pool(_) => None,
    };
    TABLE.all().into_iter().filter_map(queue).collect()
}

//! The `semaphore` program.
fn main() {}

//! Real parts for tests: an SSH server and a git server on loopback, and the tools of the machine.
//!
//! Not for anything of the product: this crate uses none of ours, so that every crate's tests may use it. Everything lives in
//! directories of its own, nothing of the machine is changed, and all of it ends with the value that stands for it.

#![forbid(unsafe_code)]

pub mod database;

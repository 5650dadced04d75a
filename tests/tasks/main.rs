//! Tasks through the real program: what they print is stored, what they are is shown, what they leave behind is nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ansible;
mod failure;
mod output;
mod restart;
mod robust;
mod stop;
mod websocket;

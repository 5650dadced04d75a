//! `task-host`: the process in which one task runs, started by the server.
//!
//! Not for what it does (`semaphore_engine::host`). It reads neither configuration nor environment, and opens no database.

use std::os::{fd::AsFd as _, unix::net::UnixStream};

use anyhow::Context;

use super::start;
use crate::signal::BlockedSignals;

#[expect(clippy::needless_pass_by_value, reason = "the signals are blocked from here on")]
pub(super) fn run(signals: BlockedSignals) -> anyhow::Result<()> {
    let server = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    server.peer_addr().context("this command is for the server, which starts one for each task")?;
    let mut signals = signals.listen().context("cannot wait for signals")?;
    let told_to_end = async move { signals.next().await };
    Ok(start::runtime()?.block_on(semaphore_engine::host::serve(server, told_to_end))?)
}

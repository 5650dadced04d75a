//! The signals that end the server, read from a descriptor instead of a handler.
//!
//! Not for signals of tasks. Invariant: the signals are blocked before any thread exists, so that every thread inherits
//! the mask and only this descriptor sees them. Children must be spawned with an empty mask (the engine does that).

use std::io;

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use tokio::sync::mpsc;

/// The blocked signals. Made in `main` before the runtime starts.
#[derive(Debug)]
pub struct BlockedSignals(SigSet);

/// The blocked signals, awaited.
#[derive(Debug)]
pub struct StopSignals(mpsc::UnboundedReceiver<&'static str>);

impl BlockedSignals {
    /// Blocks SIGTERM, SIGINT, SIGQUIT and, unless it is ignored (`nohup`), SIGHUP in this thread and those it starts.
    pub fn block() -> io::Result<Self> {
        let mut set = SigSet::empty();
        for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
            set.add(signal);
        }
        if !is_ignored(Signal::SIGHUP) {
            set.add(Signal::SIGHUP);
        }
        set.thread_block()?;
        Ok(Self(set))
    }

    /// Starts reading them, on a thread of its own: registering a descriptor with the runtime would need `unsafe`.
    pub fn listen(&self) -> io::Result<StopSignals> {
        let descriptor = SignalFd::with_flags(&self.0, SfdFlags::SFD_CLOEXEC)?;
        let (sender, receiver) = mpsc::unbounded_channel();
        // The thread ends with the process, or when nobody waits for signals any more.
        std::thread::Builder::new().name("signals".to_owned()).stack_size(64 << 10).spawn(move || {
            while let Ok(Some(info)) = descriptor.read_signal() {
                let signal = i32::try_from(info.ssi_signo).ok().and_then(|number| Signal::try_from(number).ok());
                if sender.send(signal.map_or("an unknown signal", Signal::as_str)).is_err() {
                    return;
                }
            }
        })?;
        Ok(StopSignals(receiver))
    }
}

impl StopSignals {
    /// Waits for the next signal and returns its name; waits for ever if signals cannot be read any more.
    pub async fn next(&mut self) -> &'static str {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

/// Whether the process ignores the signal. A blocked signal would arrive all the same, and `nohup` would have no effect.
fn is_ignored(signal: Signal) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    mask & (1 << (signal as i32 - 1)) != 0
}

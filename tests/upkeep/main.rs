//! Upkeep of an installation that the Go server made: its keys are changed, its faults are found, it is tried on a copy.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cookie;
mod doctor;
mod rehearse;
mod rekey;
mod world;

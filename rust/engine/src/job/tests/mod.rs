//! Whole jobs through [`start`](super::start): real git, bash and Python, and a recorder in the place of Ansible.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ansible;
mod ansible_scenes;
mod checkout;
mod git;
mod identity;
mod keys;
mod shell;
mod stop;
mod support;
mod terraform;

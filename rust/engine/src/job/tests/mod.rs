//! Whole jobs through [`start`](super::start): real git, bash and Python, and a recorder in the place of Ansible.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod ansible;
mod checkout;
mod git;
mod shell;
mod stop;
mod support;

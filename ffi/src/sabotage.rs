//! The library of the tests, which breaks on purpose: chosen components refuse their work, chosen functions meet a defect, and
//! memory is lost or used after it was freed.
//!
//! Compiled with the feature `sabotage` only; `xtask artifacts` proves that a shipped library holds nothing of it. Not for unit
//! tests, which have a switch of their own in `boundary`. The variables are read once, at the first call of the library:
//!
//! - `SEMAPHORE_SABOTAGE`: components ([`COMPONENTS`]) whose functions answer `SEMAPHORE_E_STATE`, separated by commas; `all` = every one.
//! - `SEMAPHORE_SABOTAGE_PANIC`: functions, without the prefix, that panic at their first call; `all` = every one.
#![expect(unsafe_code, reason = "an exported function, and memory that is used after it was freed")]

use std::{
    collections::BTreeSet,
    sync::{Mutex, OnceLock, PoisonError},
};

use crate::{code, failure::Failure};

/// The parts of the library that do work, each with the functions that ask for it.
pub const COMPONENTS: [(&str, &[&str]); 5] = [
    ("pumps", &["log_attach_fd"]),
    ("agents", &["key_install"]),
    ("git", &["git_start"]),
    ("executions", &["exec_start"]),
    ("jobs", &["job_start", "pool_start"]),
];

/// What the environment asked for.
struct Orders {
    refused: BTreeSet<&'static str>,
    unknown: Vec<String>,
    panics: Mutex<Panics>,
}

enum Panics {
    Chosen(BTreeSet<String>),
    AllBut(BTreeSet<&'static str>),
}

impl Orders {
    fn parse(components: &str, panics: &str) -> Self {
        let mut orders =
            Self { refused: BTreeSet::new(), unknown: Vec::new(), panics: Mutex::new(parse_panics(panics)) };
        for wanted in components.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let found: Vec<_> = COMPONENTS.iter().filter(|(name, _)| wanted == "all" || wanted == *name).collect();
            if found.is_empty() {
                orders.unknown.push(wanted.to_owned());
            }
            orders.refused.extend(found.iter().flat_map(|(_, functions)| functions.iter()));
        }
        orders
    }

    fn obey(&self, operation: &'static str) -> Result<(), Failure> {
        let must_panic = match &mut *self.panics.lock().unwrap_or_else(PoisonError::into_inner) {
            Panics::Chosen(left) => left.remove(operation),
            Panics::AllBut(met) => met.insert(operation),
        };
        assert!(!must_panic, "sabotaged: {operation}");
        if self.refused.contains(operation) {
            return Err(Failure::state(format!("this library is sabotaged: {operation} refuses")));
        }
        // A misspelt order must not look like a part that works without the library.
        if operation == "rt_open" && !self.unknown.is_empty() {
            return Err(Failure::argument(format!(
                "SEMAPHORE_SABOTAGE names no component: {}",
                self.unknown.join(", ")
            )));
        }
        Ok(())
    }
}

fn parse_panics(names: &str) -> Panics {
    let names: BTreeSet<String> =
        names.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    if names.contains("all") { Panics::AllBut(BTreeSet::new()) } else { Panics::Chosen(names) }
}

/// Refuses or panics as the environment asked; called at the beginning of every exported function.
pub(crate) fn obey(operation: &'static str) -> Result<(), Failure> {
    static ORDERS: OnceLock<Orders> = OnceLock::new();
    let read = |name| std::env::var(name).unwrap_or_default();
    ORDERS.get_or_init(|| Orders::parse(&read("SEMAPHORE_SABOTAGE"), &read("SEMAPHORE_SABOTAGE_PANIC"))).obey(operation)
}

/// Proof that the nets of the tests are alive: 0 answers `SEMAPHORE_OK`; 1 loses memory; 2 reads memory after it was freed. The
/// leak sanitizer must tell of 1, the address sanitizer of 2.
#[unsafe(no_mangle)]
pub extern "C" fn semaphore_sabotage_canary(kind: i32) -> i32 {
    match kind {
        1 => {
            std::hint::black_box(Box::leak(Box::new([7_u8; 37])));
        }
        2 => {
            let freed = Box::into_raw(Box::new([7_u8; 37]));
            // SAFETY: made just above.
            drop(unsafe { Box::from_raw(freed) });
            // SAFETY: none: this is the mistake that the address sanitizer must find.
            std::hint::black_box(unsafe { freed.cast::<u8>().read_volatile() });
        }
        _ => {}
    }
    code::SEMAPHORE_OK
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::code::{SEMAPHORE_E_ARG, SEMAPHORE_E_STATE};

    #[test]
    fn chosen_components_refuse_and_others_work() {
        let orders = Orders::parse("git, jobs", "");
        assert_eq!(orders.obey("git_start").unwrap_err().code, SEMAPHORE_E_STATE);
        assert_eq!(orders.obey("job_start").unwrap_err().code, SEMAPHORE_E_STATE);
        assert!(orders.obey("exec_start").is_ok() && orders.obey("rt_open").is_ok());
        let all = Orders::parse("all", "");
        for (_, functions) in COMPONENTS {
            assert!(functions.iter().all(|function| all.obey(function).is_err()), "{functions:?}");
        }
        assert_eq!(Orders::parse("gti", "").obey("rt_open").unwrap_err().code, SEMAPHORE_E_ARG);
    }

    #[test]
    fn a_chosen_function_panics_once() {
        for orders in [Orders::parse("", "stats"), Orders::parse("", "all")] {
            assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| orders.obey("stats"))).is_err());
            assert!(orders.obey("stats").is_ok());
        }
    }

    #[test]
    fn every_function_of_a_component_is_exported() {
        let list = include_str!("../../tests/ffi/symbols.txt");
        for function in COMPONENTS.iter().flat_map(|(_, functions)| *functions) {
            assert!(list.lines().any(|line| line == format!("semaphore_{function}")), "{function}");
        }
    }
}

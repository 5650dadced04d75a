//! The parser of Ansible's output: no text breaks it, and what it reports was in the text.

#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;
use semaphore_engine::app::ansible::Report;

fuzz_target!(|text: &str| {
    let mut report = Report::default();
    for line in text.lines() {
        report.line(line, DateTime::UNIX_EPOCH);
    }
    let (hosts, failures) = report.finish();
    assert!(hosts.len() + failures.len() <= text.lines().count(), "more facts than lines");
    for host in hosts {
        assert!(!host.host.is_empty(), "a host without a name");
    }
    for failure in failures {
        assert!(text.len() >= failure.error.len(), "{failure:?} is longer than the text");
    }
});

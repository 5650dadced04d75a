#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;

fn read(text: &str) -> (Vec<HostSummary>, Vec<HostFailure>) {
    let mut report = Report::default();
    for line in text.lines() {
        report.line(line, DateTime::UNIX_EPOCH);
    }
    report.finish()
}

/// `host|task|error` of each failure.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let (_, failures) = read(text);
    let found: Vec<_> =
        failures.iter().map(|failure| format!("{}|{}|{}", failure.host, failure.task, failure.error)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn hosts_and_failures_are_read_from_coloured_output() {
    let text = "PLAY [all] ****\n\nTASK [Break [it]] ****\n\
         \u{1b}[0;31mfatal: [web1]: FAILED! => {\"changed\": false, \"msg\": \"no space\"}\u{1b}[0m\n\
         \u{1b}[1;31mfatal: [db1]: UNREACHABLE! => {\"msg\": \"timed out\", \"unreachable\": true}\u{1b}[0m\n\
         TASK [May fail] ****\nfatal: [web2]: FAILED! => {\"msg\": \"never mind\"}\n...ignoring\n\
         failed: [web2 -> web3] (item=a) => {\"rc\": 1}\n\n\
         PLAY RECAP *****\n\u{1b}[0;33mweb1\u{1b}[0m                       : \u{1b}[0;32mok=1   \u{1b}[0m changed=0    unreachable=0    failed=1    skipped=2    rescued=0    ignored=0   \n\
         fe80::1                    : ok=0    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0\n";
    check(text, &["web1|Break [it]|no space", "db1|Break [it]|timed out", "web2|May fail|{\"rc\": 1}"]);
    let figures = |host: &HostSummary| (host.host.clone(), host.ok, host.failed, host.skipped, host.unreachable);
    assert_eq!(
        read(text).0.iter().map(figures).collect::<Vec<_>>(),
        [("web1".to_owned(), 1, 1, 2, 0), ("fe80::1".to_owned(), 0, 0, 0, 1)]
    );
}

/// Verbosity 3 and more: the answer is indented, with other lines of the same size around it.
#[test]
fn an_answer_of_many_lines_is_read_to_its_end() {
    check(
        "TASK [deep] ****\nfatal: [h1]: FAILED! => {\n    \"changed\": false,\n    \"invocation\": {\n        \"msg\": \"inner\"\n    },\n    \"msg\": \"outer\\nsecond \\\"line\\\" }\"\n}\n<h2> SSH: EXEC\n\
         fatal: [h2]: FAILED! => {\n    \"msg\": \"is cut\",\nTASK [next] ****\nok: [h1]\n",
        &["h1|deep|outer\nsecond \"line\" }", "h2|deep|is cut"],
    );
}

#[test]
fn answers_in_yaml_are_read() {
    check(
        "TASK [a] ****\nfatal: [h1]: FAILED! => \n    changed: false\n    msg: asked to fail\n\n\
         fatal: [h2]: FAILED! => changed=false \n  msg: |-\n    two\n    lines\n  rc: 1\n\n\
         fatal: [h3]: FAILED! => \n    msg: 'it''s'\n\
         fatal: [h4]: FAILED! => \n    rc: 5\n",
        &["h1|a|asked to fail", "h2|a|two\nlines", "h3|a|it's", "h4|a|rc: 5"],
    );
}

/// These print no names of tasks and no recap.
#[test]
fn other_callbacks_give_what_they_have() {
    check(
        "h1 | FAILED! => {\n    \"changed\": false,\n    \"msg\": \"no\"\n}\nh2 | UNREACHABLE! => {\"msg\": \"gone\"}\n\
         h3 | FAILED | rc=3 >>\nout of space\n\nh4 | SUCCESS => {\n    \"msg\": \"fine\"\n}\n",
        &["h1||no", "h2||gone", "h3||rc=3\nout of space"],
    );
    check("{\n    \"plays\": [\n        {\"msg\": \"fatal: no\"}\n    ]\n}\n", &[]);
}

#[test]
fn ignored_and_rescued_failures_do_not_count() {
    let recap = |host: &str, failed: u32, rescued: u32| {
        format!("{host} : ok=1 changed=0 unreachable=0 failed={failed} skipped=0 rescued={rescued} ignored=0\n")
    };
    let rescued = "TASK [x] ****\nfatal: [h1]: FAILED! => {\"msg\": \"saved\"}\nfatal: [h2]: FAILED! => {\"msg\": \"b\"}\n\
         TASK [y] ****\nfailed: [h1] (item=1) => {\"msg\": \"c\"}\nfailed: [h1] (item=a => {b) => {\"msg\": \"d\"}\n\
         PLAY RECAP ****\n";
    check(&format!("{rescued}{}", recap("h1", 1, 1)), &["h2|x|b", "h1|y|c", "h1|y|{b) => {\"msg\": \"d\"}"]);
    check(&format!("{rescued}{}{}", recap("h1", 0, 2), recap("h2", 1, 0)), &["h2|x|b"]);
    // Items of two hosts lie between each other; each host's `...ignoring` takes all of its items.
    check(
        "TASK [x] ****\nfatal: [h1]: FAILED! => {\"msg\": \"stays\"}\nTASK [x] ****\n\
         failed: [h1] (item=1) => {\"msg\": \"a\"}\nfailed: [h2] (item=1) => {\"msg\": \"b\"}\n\
         failed: [h1] (item=2) => {\"msg\": \"c\"}\n...ignoring\n...ignoring\n...ignoring\n",
        &["h1|x|stays"],
    );
    check(
        "TASK [x] ****\nfailed: [h1] (item=1) => {\"msg\": \"a\"}\nfatal: [h1]: UNREACHABLE! => {\"msg\": \"All items completed\"}\n",
        &["h1|x|a"],
    );
}

#[test]
fn a_censored_answer_says_so() {
    check(
        "TASK [x] ****\nfatal: [h1]: FAILED! => {\"censored\": \"hidden by no_log\", \"changed\": false}\nfatal: [h2]: FAILED! => {\"msg\": [\"a\"]}\n",
        &["h1|x|hidden by no_log", "h2|x|[\"a\"]"],
    );
}

#[test]
fn memory_does_not_grow_with_the_output() {
    let mut report = Report::default();
    let long = format!("fatal: [h1]: FAILED! => {{\"msg\": \"{}\"}}", "ä".repeat(100_000));
    for _ in 0..12_000 {
        report.line("TASK [x] ***", DateTime::UNIX_EPOCH);
        report.line(if report.failures.len() < 200 { &long } else { "fatal: [h]: FAILED! => {" }, DateTime::UNIX_EPOCH);
    }
    let (_, failures) = report.finish();
    assert_eq!(failures.len(), MOST_FAILURES);
    assert!(failures.iter().map(|failure| failure.error.len()).sum::<usize>() <= ALL_ERRORS_BYTES);
}

proptest! {
    #[test]
    fn any_text_is_accepted(text in "(PLAY RECAP \\*\n|fatal: \\[|TASK \\[|failed: \\[|\\]|=>|h \\| FAILED! => |\\.\\.\\.ignoring\n| : ok=1 rescued=1|\\{|\\}|    |msg: |\"msg\": |[a-z |=:0-9\u{1b}\\[\n])*") {
        read(&text);
    }

    #[test]
    fn any_bytes_are_accepted(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        read(&String::from_utf8_lossy(&bytes));
    }

    /// A line is the unit: asking in between, or having the output end anywhere, changes nothing about what comes before.
    #[test]
    fn the_report_of_a_beginning_is_the_beginning_of_the_report(cut in 0_usize..9) {
        let lines = ["TASK [a] ***", "fatal: [h]: FAILED! => {", "    \"msg\": \"m\"", "}", "TASK [b] ***",
            "failed: [i] (item=1) => {\"msg\": \"n\"}", "", "PLAY RECAP ***", "h : ok=1 failed=1"];
        let mut report = Report::default();
        for (number, line) in lines.iter().enumerate() {
            report.line(line, DateTime::UNIX_EPOCH);
            if number == cut {
                let now = report.clone().finish();
                prop_assert!(now.1.len() <= 2 && now.0.len() <= 1);
            }
        }
        let (hosts, failures) = report.finish();
        prop_assert_eq!((hosts.len(), failures.len()), (1, 2));
        prop_assert_eq!(failures[0].error.as_str(), "m");
    }
}

//! Expressions of cron side by side with the reference's library itself (robfig/cron 3, `.deps/bin/cron-reference`): made-up
//! expressions, good and bad, in zones whose clocks change, from any moment.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Mutex,
};

use chrono::{DateTime, SecondsFormat, Utc};
use proptest::prelude::*;
use semaphore_task::{Cron, Zone};
use semaphore_test_machine::tool;
use serde_json::{Value, json};

const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Africa/Monrovia",
    "America/St_Johns",
];

/// The library, asked line by line.
struct Reference {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reference {
    fn start() -> Option<Self> {
        let program = tool("cron-reference")?;
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, questions, answers })
    }

    fn ask(&mut self, expression: &str, zone: &str, from: &str) -> Value {
        writeln!(self.questions, "{}", json!({"expression": expression, "zone": zone, "from": from})).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap()
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is made of an expression here, as the library's program writes it.
fn here(expression: &str, zone: &str, from: &str) -> Value {
    let cron = match Cron::parse(expression) {
        Ok(cron) => cron,
        Err(error) => return json!({"next": null, "error": error.to_string()}),
    };
    let zone = Zone::parse(zone).unwrap();
    let mut at: DateTime<Utc> = from.parse().unwrap();
    let mut next = Vec::new();
    while next.len() < 6 {
        let Some(moment) = cron.next(at, zone) else { break };
        next.push(moment.to_rfc3339_opts(SecondsFormat::Secs, true));
        at = moment;
    }
    json!({"next": next})
}

/// One field: numbers in and a little out of its bounds, names, lists, ranges and steps.
fn field(least: u32, most: u32, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let number = (least.saturating_sub(1)..=most + 1, least..=most).prop_map(|(any, good)| {
        // One of sixteen may be out of bounds.
        if any % 16 == 0 { any.to_string() } else { good.to_string() }
    });
    let word = if names.is_empty() {
        Just("*".to_owned()).boxed()
    } else {
        prop::sample::select(names).prop_map(str::to_owned).boxed()
    };
    let value = prop_oneof![4 => number, 1 => word.clone()];
    let range = (least..=most, least..=most).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b)));
    let step = 1..=most.max(2);
    let part = prop_oneof![
        5 => Just("*".to_owned()),
        1 => Just("?".to_owned()),
        4 => value.clone(),
        3 => range.clone(),
        2 => step.clone().prop_map(|step| format!("*/{step}")),
        2 => (range, step.clone()).prop_map(|(range, step)| format!("{range}/{step}")),
        1 => (value, step).prop_map(|(value, step)| format!("{value}/{step}")),
    ];
    prop_oneof![4 => part.clone(), 1 => prop::collection::vec(part, 2..4).prop_map(|parts| parts.join(","))]
}

fn expression() -> impl Strategy<Value = String> {
    let months = &["jan", "FEB", "Mar", "dec", "foo"];
    let days = &["sun", "MON", "Sat", "7", "L"];
    let fields = (field(0, 59, &[]), field(0, 23, &[]), field(1, 31, &[]), field(1, 12, months), field(0, 6, days))
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"));
    let word = prop::sample::select(vec![
        "@yearly",
        "@annually",
        "@monthly",
        "@weekly",
        "@daily",
        "@midnight",
        "@hourly",
        "@every 90s",
        "@every 1h30m",
        "@every 1ms",
        "@every -5m",
        "@sometimes",
        "",
        "* * * *",
        "* * * * * *",
        "@every 1d",
        "@every 0.5h",
        "- * * * *",
        "*/0 * * * *",
        "5-3 * * * *",
    ]);
    let word = word.prop_map(str::to_owned);
    let plain = prop_oneof![12 => fields, 1 => word];
    let zone =
        prop::sample::select(vec!["", "", "", "CRON_TZ=Asia/Tokyo ", "TZ=America/New_York ", "CRON_TZ=Nowhere/City "]);
    (zone, plain).prop_map(|(zone, expression)| format!("{zone}{expression}"))
}

/// Any second of twenty years; the days on which clocks change are among them.
fn moment() -> impl Strategy<Value = String> {
    (1_104_537_600_i64..1_735_689_600, prop::sample::select(vec![0_u32, 1, 500_000_000, 999_999_999])).prop_map(
        |(seconds, fraction)| {
            DateTime::from_timestamp(seconds, fraction).unwrap().to_rfc3339_opts(SecondsFormat::Nanos, true)
        },
    )
}

#[test]
fn what_is_made_up_means_the_same_to_both() {
    let Some(reference) = Reference::start() else { return };
    let reference = Mutex::new(reference);
    let config = ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(expression in expression(), zone in prop::sample::select(&ZONES), from in moment())| {
        let there = reference.lock().unwrap().ask(&expression, zone, &from);
        let here = here(&expression, zone, &from);
        let error = there["error"].as_str().unwrap_or_default();
        if error.starts_with("panic") {
            prop_assert!(here["next"].is_null(), "what the library cannot read is refused");
        } else if error == "endless" {
            prop_assert!(here["next"].is_array(), "what the library never answers is answered");
        } else {
            prop_assert_eq!(&here["next"], &there["next"]);
            prop_assert_eq!(&here["error"], &there["error"]);
        }
    });
}

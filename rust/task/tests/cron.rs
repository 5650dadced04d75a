//! Expressions of cron against the answers of the reference's library (robfig/cron 3.0.1), recorded in `cron/robfig.jsonl`:
//! a line has an expression with its refusal, or with a zone, a moment and the next six.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use chrono::{DateTime, SecondsFormat, Utc};
use semaphore_task::{Cron, Zone};
use serde_json::Value;

/// The next moments as the recording writes them.
fn next(cron: &Cron, zone: &str, from: &str) -> Vec<String> {
    let zone = Zone::parse(zone).unwrap();
    let mut at: DateTime<Utc> = from.parse().unwrap();
    let mut found = Vec::new();
    while found.len() < 6 {
        let Some(next) = cron.next(at, zone) else { break };
        found.push(next.to_rfc3339_opts(SecondsFormat::Secs, true));
        at = next;
    }
    found
}

#[test]
fn expressions_are_read_and_reckoned_as_the_reference_does() {
    let mut wrong = Vec::new();
    let lines = include_str!("cron/robfig.jsonl").lines();
    for fact in lines.map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let expression = fact["expression"].as_str().unwrap();
        let found = match Cron::parse(expression) {
            Err(error) => Value::from(error.to_string()),
            Ok(_) if fact["error"].is_string() => Value::from("accepted"),
            Ok(cron) => next(&cron, fact["zone"].as_str().unwrap(), fact["from"].as_str().unwrap()).into(),
        };
        let expected = if fact["error"].is_string() { &fact["error"] } else { &fact["next"] };
        if found != *expected && !(expected.is_null() && found == Value::Array(Vec::new())) {
            wrong.push(format!("{fact}\n   here: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_expression_that_ends_after_its_zone_is_refused() {
    // The reference's library panics.
    assert!(Cron::parse("TZ=UTC").is_err());
    assert!(Zone::parse("Nowhere/City").is_err());
}

#[test]
fn a_month_that_lacks_a_day_has_an_end() {
    // The reference's library looks for ever: Samoa went without 30 December 2011.
    let cron = Cron::parse("0 0 1 * *").unwrap();
    let found = next(&cron, "Pacific/Apia", "2011-11-21T11:39:08Z");
    assert_eq!(found[..2], ["2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"]);
}

#[test]
fn a_month_later_than_a_31st_may_be_two_months_later() {
    // The clocks of St John's went back a minute after midnight: from the 1st of November to the 31st of October. What the
    // reference's library makes of it.
    let cron = Cron::parse("* * * 11 0").unwrap();
    let found = next(&cron, "America/St_Johns", "2008-12-01T03:28:00Z");
    assert_eq!(found[..3], ["2008-12-01T03:29:00Z", "2009-11-01T02:30:00Z", "2010-11-07T03:31:00Z"]);
}

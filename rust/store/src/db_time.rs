//! Times as the Go server stores them in SQLite: text, in several forms.
//!
//! Written is always `2006-01-02 15:04:05.999999999 +0000 UTC`, the form Go's driver writes and reads back. As text such
//! times sort in the order of time.

use crate::error::StoreError;
use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, Utc};
use semaphore_model::time::push_fraction;

/// A time in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DbTime(pub DateTime<Utc>);

impl DbTime {
    /// The text for the database.
    pub fn encode(self) -> String {
        let mut text = self.0.format("%Y-%m-%d %H:%M:%S").to_string();
        push_fraction(&mut text, &self.0);
        text.push_str(" +0000 UTC");
        text
    }

    /// Reads every form a Go server leaves behind: with `+0000 UTC`, with an offset and an optional zone name
    /// (`+0530 +0530`), RFC 3339, without a zone (taken as UTC), with a monotonic clock reading (`m=+0.1`), a bare date.
    ///
    /// Reference: a `run_at` with an offset is stored in a form the Go server itself cannot read back.
    pub fn decode(text: &str) -> Option<Self> {
        if let Some(time) = decode_written_form(text) {
            return Some(Self(time));
        }
        let text = text.split_once(" m=").map_or(text, |(time, _)| time).trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(time.with_timezone(&Utc)));
        }
        if let Ok(date) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return date.and_hms_opt(0, 0, 0).map(|time| Self(time.and_utc()));
        }
        let (date, rest) = text.split_once([' ', 'T'])?;
        let clock_end = rest.find([' ', '+', '-', 'Z']).unwrap_or(rest.len());
        let (clock, zone) = rest.split_at(clock_end);
        let clock_format = if clock.matches(':').count() == 1 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S%.f" };
        let local = NaiveDateTime::parse_from_str(&format!("{date} {clock}"), clock_format).ok()?;
        let offset = parse_offset(zone.trim())?;
        local.and_local_timezone(offset).single().map(|time| Self(time.with_timezone(&Utc)))
    }

    /// Like [`DbTime::decode`], with the column in the error.
    pub(crate) fn decode_column(column: &str, text: &str) -> Result<DateTime<Utc>, StoreError> {
        Self::decode(text).map(|time| time.0).ok_or_else(|| StoreError::Unreadable {
            column: column.to_owned(),
            value: text.chars().take(64).collect(),
            expected: "a time",
        })
    }
}

/// The form [`DbTime::encode`] writes, without the general parser: a list of output has a time in each line.
fn decode_written_form(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.strip_suffix(" +0000 UTC")?.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if separators.iter().any(|(index, separator)| bytes.get(*index) != Some(separator)) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        bytes
            .get(range)?
            .iter()
            .try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + u32::from(digit - b'0')))
    };
    let nanoseconds = match bytes.get(19..)? {
        [] => 0,
        [b'.', fraction @ ..] if (1..=9).contains(&fraction.len()) => {
            number(20..bytes.len())? * 10_u32.pow(9 - fraction.len() as u32)
        }
        _ => return None,
    };
    NaiveDate::from_ymd_opt(i32::try_from(number(0..4)?).ok()?, number(5..7)?, number(8..10)?)?
        .and_hms_nano_opt(number(11..13)?, number(14..16)?, number(17..19)?, nanoseconds)
        .map(|time| time.and_utc())
}

/// Offset of `+0000 UTC`, `+05:30`, `+0530 +0530`, `Z`, `UTC` or nothing.
fn parse_offset(zone: &str) -> Option<FixedOffset> {
    let first = zone.split_whitespace().next().unwrap_or_default();
    if matches!(first, "" | "Z" | "UTC" | "GMT") {
        return FixedOffset::east_opt(0);
    }
    let (sign, digits) = match first.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let digits: String = digits.chars().filter(|letter| *letter != ':').collect();
    let hours: i32 = digits.get(0..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..4).map_or(Some(0), |text| text.parse().ok())?;
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_stored_form_is_read() {
        let table = [
            ("2026-11-22 00:31:12 +0000 UTC", "2026-11-22T00:31:12Z"),
            ("2026-11-22 00:31:12.123456 +0000 UTC", "2026-11-22T00:31:12.123456Z"),
            ("2026-11-22 00:33:37.837097068 +0000 UTC", "2026-11-22T00:33:37.837097068Z"),
            ("2026-11-22 00:31:12.5 +0000 UTC m=+0.012345", "2026-11-22T00:31:12.5Z"),
            ("2026-11-22T00:31:12Z", "2026-11-22T00:31:12Z"),
            ("2026-11-22T00:31:12.25Z", "2026-11-22T00:31:12.25Z"),
            ("2026-11-22T06:01:12+05:30", "2026-11-22T00:31:12Z"),
            ("2026-11-22 00:31:12.123456", "2026-11-22T00:31:12.123456Z"),
            ("2026-11-22 00:31:12", "2026-11-22T00:31:12Z"),
            ("2026-11-22 00:31", "2026-11-22T00:31:00Z"),
            ("2026-11-22", "2026-11-22T00:00:00Z"),
            ("2026-11-22 06:01:12 +0530 +0530", "2026-11-22T00:31:12Z"),
            ("2026-11-22 06:01:12 +0530 IST", "2026-11-22T00:31:12Z"),
            ("2026-11-21 19:31:12-05:00", "2026-11-22T00:31:12Z"),
            ("2026-11-22 00:31:12Z", "2026-11-22T00:31:12Z"),
        ];
        for (text, expected) in table {
            let time = DbTime::decode(text).unwrap_or_else(|| unreachable!("{text}"));
            assert_eq!(semaphore_model::time::format(&time.0), expected, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2026-11-22 00:31:61 +0000 UTC",
            "2026-11-22 00:31:12. +0000 UTC",
            "é026-11-22 00:31:12 +0000 UTC",
            "2026-13-01 00:00:00",
            "2026-11-22 00:31:12 somewhere",
            "12",
        ] {
            assert_eq!(DbTime::decode(text), None, "{text}");
        }
    }

    #[test]
    fn the_written_form_reads_back_and_sorts_by_time() {
        let start = DateTime::parse_from_rfc3339("2026-11-22T00:31:12Z").unwrap().with_timezone(&Utc);
        let steps = [0, 1, 10, 500_000_000, 500_000_001, 510_000_000, 999_999_999, 1_000_000_000];
        let texts: Vec<String> =
            steps.iter().map(|step| DbTime(start + chrono::TimeDelta::nanoseconds(*step)).encode()).collect();
        assert_eq!(texts[0], "2026-11-22 00:31:12 +0000 UTC");
        assert_eq!(texts[3], "2026-11-22 00:31:12.5 +0000 UTC");
        assert!(texts.is_sorted(), "{texts:?}");
        for (text, step) in texts.iter().zip(steps) {
            assert_eq!(DbTime::decode(text).unwrap().0, start + chrono::TimeDelta::nanoseconds(step));
        }
    }
}

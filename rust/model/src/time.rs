//! Times in JSON as the reference writes them: RFC 3339 in UTC, fractions without trailing zeros.
//!
//! Use with `#[serde(with = "crate::time::rfc3339", default = "crate::time::zero")]`, or `rfc3339_option` for a time that
//! may be missing.

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

/// Go's zero time, `0001-01-01T00:00:00Z`: what the reference sends where a time was never set.
pub fn zero() -> DateTime<Utc> {
    chrono::NaiveDate::from_ymd_opt(1, 1, 1)
        .and_then(|date| date.and_hms_opt(0, 0, 0))
        .map_or(DateTime::<Utc>::MIN_UTC, |time| time.and_utc())
}

/// Formats a time as `2026-11-22T00:21:00.39773874Z`.
pub fn format(time: &DateTime<Utc>) -> String {
    let mut text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    // The `Z`: it stands behind the fraction.
    text.pop();
    push_fraction(&mut text, time);
    text.push('Z');
    text
}

/// Formats a time as `2098-01-01T00:00:00+05:30`, or with a `Z` where there is no offset.
pub fn format_with_offset(time: &DateTime<FixedOffset>) -> String {
    let mut text = time.naive_local().format("%Y-%m-%dT%H:%M:%S").to_string();
    push_fraction(&mut text, &time.to_utc());
    text + &if time.offset().local_minus_utc() == 0 { "Z".to_owned() } else { time.offset().to_string() }
}

/// Appends `.` and the nanoseconds without trailing zeros; nothing for a whole second.
pub fn push_fraction(text: &mut String, time: &DateTime<Utc>) {
    let nanoseconds = time.timestamp_subsec_nanos() % 1_000_000_000;
    if nanoseconds > 0 {
        let digits = format!("{nanoseconds:09}");
        text.push('.');
        text.push_str(digits.trim_end_matches('0'));
    }
}

/// The time without its fraction of a second, as the reference stores the creation of users and tokens.
pub fn truncate_to_second(time: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time)
}

/// Serde functions for a time that is always there.
pub mod rfc3339 {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the time as text.
    pub fn serialize<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::format(time))
    }

    /// Reads RFC 3339 with any offset.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(deserializer)?;
        DateTime::parse_from_rfc3339(&text)
            .map(|time| time.with_timezone(&Utc))
            .map_err(|_| D::Error::custom(format!("{text:?} is not a time such as 2026-11-22T08:30:00Z")))
    }
}

/// Serde functions for a time that may be missing.
pub mod rfc3339_option {
    use chrono::{DateTime, Utc};
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the time as text, or null.
    pub fn serialize<S: Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::rfc3339::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads RFC 3339 with any offset, or null.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
        #[derive(Deserialize)]
        struct Time(#[serde(with = "super::rfc3339")] DateTime<Utc>);
        Ok(Option::<Time>::deserialize(deserializer)?.map(|time| time.0))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn fractions_lose_their_trailing_zeros() {
        for (nanoseconds, text) in [
            (0, "08:30:00Z"),
            (500_000_000, "08:30:00.5Z"),
            (397_738_740, "08:30:00.39773874Z"),
            (1, "08:30:00.000000001Z"),
        ] {
            let time = DateTime::parse_from_rfc3339("2026-11-22T08:30:00Z").unwrap().with_timezone(&Utc)
                + chrono::TimeDelta::nanoseconds(nanoseconds);
            assert_eq!(format(&time), format!("2026-11-22T{text}"));
        }
        assert_eq!(format(&zero()), "0001-01-01T00:00:00Z");
    }

    #[test]
    fn an_offset_is_kept() {
        for (written, expected) in [
            ("2098-01-01T00:00:00+05:30", "2098-01-01T00:00:00+05:30"),
            ("2098-01-01T00:00:00.250-01:00", "2098-01-01T00:00:00.25-01:00"),
            ("2098-01-01T00:00:00+00:00", "2098-01-01T00:00:00Z"),
        ] {
            assert_eq!(format_with_offset(&DateTime::parse_from_rfc3339(written).unwrap()), expected);
        }
    }
}

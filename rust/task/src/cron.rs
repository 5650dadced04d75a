//! When a schedule runs: expressions of cron, read and reckoned as the reference's library does.
//!
//! Not for waiting: it only answers which moment comes next. Reference: robfig/cron v3, `ParseStandard`: five fields or a
//! descriptor (`@daily`, `@every 1h30m`), a time zone in front (`CRON_TZ=Europe/Berlin 0 5 * * *`); the texts of its refusals
//! are kept. Days that exist twice or not at all because the clock is changed are reckoned as it does, too: a time that is
//! left out is not made up for, one that comes twice counts twice.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike, Utc};

mod duration;

/// A time zone of the machine's or of the world's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// One of the list of the world.
    Named(chrono_tz::Tz),
    /// The one of this machine (`Local`).
    Local,
}

/// Why an expression or a zone is refused. The text is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CronError(String);

/// Result of reading an expression.
type Result<T, E = CronError> = std::result::Result<T, E>;

impl Zone {
    /// The zone with this name: one of the list of the world, `UTC` (also the empty name), or `Local`.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "" | "UTC" => Ok(Self::Named(chrono_tz::Tz::UTC)),
            "Local" => Ok(Self::Local),
            name => name.parse().map(Self::Named).map_err(|_| CronError(format!("unknown time zone {name}"))),
        }
    }

    /// Seconds that its clocks are ahead of UTC at a moment, given in seconds since 1970.
    fn offset(self, seconds: i64) -> i64 {
        let moment = utc(seconds).naive_utc();
        let offset = match self {
            Self::Named(zone) => zone.offset_from_utc_datetime(&moment).fix(),
            Self::Local => chrono::Local.offset_from_utc_datetime(&moment).fix(),
        };
        i64::from(offset.local_minus_utc())
    }

    /// What its clocks show.
    fn clock(self, seconds: i64) -> NaiveDateTime {
        utc(seconds + self.offset(seconds)).naive_utc()
    }

    /// The moment at which its clocks show this. Reference: Go's `time.Date`, also for times that do not exist.
    fn moment(self, shown: NaiveDateTime) -> i64 {
        let seconds = shown.and_utc().timestamp();
        match self.offset(seconds) {
            0 => seconds,
            offset => seconds - self.offset(seconds - offset),
        }
    }
}

fn utc(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// An expression that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cron {
    /// At certain minutes of certain days.
    Calendar(Calendar),
    /// Again and again after so many seconds, at least one.
    Every(i64),
}

/// Which minutes, as sets of bits; the highest bit says that the field was a star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    minute: u64,
    hour: u64,
    day: u64,
    month: u64,
    weekday: u64,
    /// Its own zone.
    zone: Option<Zone>,
}

const STAR: u64 = 1 << 63;

/// The values of a field: the least, the greatest, and names.
struct Bounds {
    least: u64,
    greatest: u64,
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds { least: 0, greatest: 59, names: &[] };
const HOURS: Bounds = Bounds { least: 0, greatest: 23, names: &[] };
const DAYS: Bounds = Bounds { least: 1, greatest: 31, names: &[] };
const MONTHS: Bounds = Bounds {
    least: 1,
    greatest: 12,
    names: &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
};
const WEEKDAYS: Bounds = Bounds { least: 0, greatest: 6, names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"] };

/// Years after which an expression counts as one that never comes. Reference: the same.
const YEARS: i32 = 5;

impl Cron {
    /// Reads an expression.
    pub fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(CronError("empty spec string".to_owned()));
        }
        let (zone, rest) = zone_in_front(text)?;
        if rest.starts_with('@') {
            return descriptor(rest, zone);
        }
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            let (found, shown) = (fields.len(), fields.join(" "));
            return Err(CronError(format!("expected exactly 5 fields, found {found}: [{shown}]")));
        };
        Ok(Self::Calendar(Calendar {
            minute: field(minute, &MINUTES)?,
            hour: field(hour, &HOURS)?,
            day: field(day, &DAYS)?,
            month: field(month, &MONTHS)?,
            weekday: field(weekday, &WEEKDAYS)?,
            zone,
        }))
    }

    /// The first moment after `after`, in `zone` unless the expression names its own; none if there is none in five years.
    pub fn next(&self, after: DateTime<Utc>, zone: Zone) -> Option<DateTime<Utc>> {
        match self {
            Self::Every(seconds) => {
                after.timestamp().checked_add(*seconds).and_then(|at| DateTime::from_timestamp(at, 0))
            }
            Self::Calendar(calendar) => calendar.next(after.timestamp(), calendar.zone.unwrap_or(zone)),
        }
    }
}

/// Cuts `TZ=` or `CRON_TZ=` off. Reference: an expression that ends after the name crashes it.
fn zone_in_front(text: &str) -> Result<(Option<Zone>, &str)> {
    let Some(named) = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ=")) else {
        return Ok((None, text));
    };
    let Some((name, rest)) = named.split_once(' ') else {
        return Err(CronError(format!("expected an expression after the time zone: {text}")));
    };
    let zone = Zone::parse(name).map_err(|error| CronError(format!("provided bad location {name}: {error}")))?;
    // Reference: `Local` is the zone of the server's schedules, not of the machine.
    Ok((Some(zone).filter(|zone| *zone != Zone::Local), rest.trim()))
}

fn descriptor(text: &str, zone: Option<Zone>) -> Result<Cron> {
    let first = |bounds: &Bounds| 1 << bounds.least;
    let (minute, any) = (first(&MINUTES), |bounds: &Bounds| bits(bounds.least, bounds.greatest, 1) | STAR);
    let (hour, day, month, weekday) = match text {
        "@yearly" | "@annually" => (first(&HOURS), first(&DAYS), first(&MONTHS), any(&WEEKDAYS)),
        "@monthly" => (first(&HOURS), first(&DAYS), any(&MONTHS), any(&WEEKDAYS)),
        "@weekly" => (first(&HOURS), any(&DAYS), any(&MONTHS), first(&WEEKDAYS)),
        "@daily" | "@midnight" => (first(&HOURS), any(&DAYS), any(&MONTHS), any(&WEEKDAYS)),
        "@hourly" => (any(&HOURS), any(&DAYS), any(&MONTHS), any(&WEEKDAYS)),
        other => {
            let Some(length) = other.strip_prefix("@every ") else {
                return Err(CronError(format!("unrecognized descriptor: {other}")));
            };
            let nanoseconds = duration::parse(length)
                .map_err(|reason| CronError(format!("failed to parse duration {other}: {reason}")))?;
            return Ok(Cron::Every((nanoseconds / 1_000_000_000).max(1)));
        }
    };
    Ok(Cron::Calendar(Calendar { minute, hour, day, month, weekday, zone }))
}

/// A field: ranges with commas between them.
fn field(text: &str, bounds: &Bounds) -> Result<u64> {
    text.split(',').filter(|part| !part.is_empty()).try_fold(0, |set, part| Ok(set | range(part, bounds)?))
}

/// `*`, `5`, `1-5`, each with a step behind a slash or without.
fn range(text: &str, bounds: &Bounds) -> Result<u64> {
    let with_step: Vec<&str> = text.split('/').collect();
    let ends: Vec<&str> = with_step[0].split('-').collect();
    let (start, mut end, mut star) = match ends[..] {
        ["*" | "?", ..] => (bounds.least, bounds.greatest, STAR),
        [one] => {
            let value = number_or_name(one, bounds)?;
            (value, value, 0)
        }
        [low, high] => (number_or_name(low, bounds)?, number_or_name(high, bounds)?, 0),
        _ => {
            number_or_name(ends[0], bounds)?;
            return Err(CronError(format!("too many hyphens: {text}")));
        }
    };
    let step = match with_step[..] {
        [_] => 1,
        [_, step] => {
            let step = number(step)?;
            if ends.len() == 1 {
                // Reference: `3/5` is `3-59/5`.
                end = bounds.greatest;
            }
            if step > 1 {
                star = 0;
            }
            step
        }
        _ => return Err(CronError(format!("too many slashes: {text}"))),
    };
    let (least, greatest) = (bounds.least, bounds.greatest);
    Err(CronError(if start < least {
        format!("beginning of range ({start}) below minimum ({least}): {text}")
    } else if end > greatest {
        format!("end of range ({end}) above maximum ({greatest}): {text}")
    } else if start > end {
        format!("beginning of range ({start}) beyond end of range ({end}): {text}")
    } else if step == 0 {
        format!("step of range should be a positive number: {text}")
    } else {
        return Ok(bits(start, end, step) | star);
    }))
}

fn number_or_name(text: &str, bounds: &Bounds) -> Result<u64> {
    let name = text.to_lowercase();
    match bounds.names.iter().position(|known| *known == name) {
        Some(index) => Ok(bounds.least + index as u64),
        None => number(text),
    }
}

/// A whole number that is not negative, with the words of Go's `Atoi` otherwise.
fn number(text: &str) -> Result<u64> {
    let refusal =
        |reason: &str| CronError(format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {reason}"));
    let number: i64 = text.parse().map_err(|error: std::num::ParseIntError| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let is_large = matches!(error.kind(), PosOverflow | NegOverflow);
        refusal(if is_large { "value out of range" } else { "invalid syntax" })
    })?;
    u64::try_from(number).map_err(|_| CronError(format!("negative number ({number}) not allowed: {text}")))
}

/// The bits from `start` to `end`, which are below 63, in steps.
fn bits(start: u64, end: u64, step: u64) -> u64 {
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    (start..=end).step_by(step).fold(0, |set, bit| set | 1 << bit)
}

fn has(set: u64, value: u32) -> bool {
    set & (1 << value) != 0
}

/// A walk from moment to moment; once a field was changed, the smaller ones begin at their least value.
struct Walk {
    zone: Zone,
    at: i64,
    reset: bool,
}

impl Walk {
    fn clock(&self) -> NaiveDateTime {
        self.zone.clock(self.at)
    }

    /// Goes to the beginning that `begin` makes of what the clocks show, unless something was changed before.
    fn begin(&mut self, begin: impl Fn(NaiveDateTime) -> NaiveDateTime) {
        if !self.reset {
            self.reset = true;
            self.at = self.zone.moment(begin(self.clock()));
        }
    }
}

fn midnight(date: NaiveDate) -> NaiveDateTime {
    date.and_time(NaiveTime::MIN)
}

/// Reference: Go's `time.AddDate`: a month after the 31st of October is the 1st of December.
fn a_month_later(now: NaiveDateTime) -> Option<NaiveDateTime> {
    let first = now.with_day(1)?.checked_add_months(Months::new(1))?;
    first.checked_add_days(Days::new(u64::from(now.day0())))
}

impl Calendar {
    fn matches_day(&self, day: NaiveDateTime) -> bool {
        let by_day = has(self.day, day.day());
        let by_weekday = has(self.weekday, day.weekday().num_days_from_sunday());
        if (self.day | self.weekday) & STAR != 0 { by_day && by_weekday } else { by_day || by_weekday }
    }

    /// Reference: `SpecSchedule.Next`, step by step, because what it does around changes of the clock is its own.
    fn next(&self, after: i64, zone: Zone) -> Option<DateTime<Utc>> {
        let sets = [self.minute, self.hour, self.month, self.day | self.weekday];
        if sets.iter().any(|set| set & !STAR == 0) {
            return None;
        }
        let mut walk = Walk { zone, at: after + 1, reset: false };
        let last_year = walk.clock().year() + YEARS;
        while walk.clock().year() <= last_year {
            if self.month(&mut walk) && self.day(&mut walk) && self.hour(&mut walk) && self.minute(&mut walk) {
                return DateTime::from_timestamp(walk.at, 0);
            }
        }
        None
    }

    /// Each of these goes on to a fitting value; false if a larger field changed meanwhile.
    fn month(&self, walk: &mut Walk) -> bool {
        while !has(self.month, walk.clock().month()) {
            walk.begin(|now| midnight(now.date().with_day(1).unwrap_or(now.date())));
            let Some(later) = a_month_later(walk.clock()) else { return false };
            walk.at = walk.zone.moment(later);
            if walk.clock().month() == 1 {
                return false;
            }
        }
        true
    }

    fn day(&self, walk: &mut Walk) -> bool {
        while !self.matches_day(walk.clock()) {
            walk.begin(|now| midnight(now.date()));
            let day = walk.clock().date();
            let Some(later) = walk.clock().checked_add_days(Days::new(1)) else { return false };
            walk.at = walk.zone.moment(later);
            // A midnight that does not exist.
            let hour = i64::from(walk.clock().hour());
            if hour != 0 {
                walk.at += if hour > 12 { (24 - hour) * 3600 } else { -hour * 3600 };
            }
            // A day that does not exist. Reference: it stays before it for ever.
            while walk.clock().date() <= day {
                walk.at += 3600;
            }
            if walk.clock().day() == 1 {
                return false;
            }
        }
        true
    }

    fn hour(&self, walk: &mut Walk) -> bool {
        while !has(self.hour, walk.clock().hour()) {
            walk.begin(|now| now.date().and_hms_opt(now.hour(), 0, 0).unwrap_or(now));
            walk.at += 3600;
            if walk.clock().hour() == 0 {
                return false;
            }
        }
        true
    }

    /// And the second, which is always 0.
    fn minute(&self, walk: &mut Walk) -> bool {
        while !has(self.minute, walk.clock().minute()) {
            if !walk.reset {
                walk.reset = true;
                walk.at -= walk.at.rem_euclid(60);
            }
            walk.at += 60;
            if walk.clock().minute() == 0 {
                return false;
            }
        }
        let seconds = i64::from(walk.clock().second());
        if seconds == 0 {
            return true;
        }
        walk.reset = true;
        walk.at += 60 - seconds;
        // Reference: it goes on from the minute that begins here, which may be one that does not fit.
        false
    }
}

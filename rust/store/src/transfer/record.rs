//! Rows on their way: as values to bind, made to fit the column they go to, and summed up so that two databases can be compared.

use super::table::{Column, Kind, Table};
use crate::db::{Moment, Param, Row};
use crate::sql::Dialect;
use crate::{Result, StoreError};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

/// Texts that are shortened if the target wants them shorter: they are read by people only.
const SHORTENED: &[&str] = &["name", "title", "message", "commit_message", "user_agent"];

/// The values of a row, in the order of its table's columns.
pub(crate) type Record = Vec<Param>;

/// How many rows there are and what they sum up to, whatever their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Rows.
    pub count: u64,
    /// The sum of the rows' SHA-256 values, cut to 128 bits.
    pub checksum: u128,
}

impl Sum {
    pub(crate) fn add(&mut self, record: &[Param]) {
        let mut hash = Sha256::new();
        for value in record {
            match value {
                Param::Int(None) | Param::Bool(None) | Param::Text(None) | Param::Time(None) | Param::Bytes(None) => {
                    hash.update(b"n");
                }
                Param::Int(Some(number)) => {
                    hash.update(b"i");
                    hash.update(number.to_le_bytes());
                }
                // Some databases keep numbers.
                Param::Bool(Some(value)) => {
                    hash.update(b"i");
                    hash.update(i64::from(*value).to_le_bytes());
                }
                Param::Text(Some(text)) | Param::Time(Some(Moment::Text(text))) => {
                    part(&mut hash, b's', text.as_bytes());
                }
                Param::Bytes(Some(bytes)) => part(&mut hash, b's', bytes),
                Param::Time(Some(Moment::Utc(time))) => {
                    hash.update(b"t");
                    hash.update(time.timestamp().to_le_bytes());
                    hash.update(time.timestamp_subsec_nanos().to_le_bytes());
                }
            }
        }
        let digest: [u8; 32] = hash.finalize().into();
        let half = digest.first_chunk::<16>().copied().unwrap_or_default();
        self.count += 1;
        self.checksum = self.checksum.wrapping_add(u128::from_le_bytes(half));
    }
}

/// With its length, so that two neighbours cannot pass for two others.
fn part(hash: &mut Sha256, kind: u8, bytes: &[u8]) {
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}

/// Roughly the memory of a record, in bytes.
pub(crate) fn weight(record: &[Param]) -> usize {
    let of = |value: &Param| match value {
        Param::Text(Some(text)) => text.len(),
        Param::Bytes(Some(bytes)) => bytes.len(),
        _ => 0,
    };
    record.iter().map(|value| 32 + of(value)).sum()
}

impl Column {
    /// Null of this column's type.
    pub(crate) const fn null(&self) -> Param {
        match self.kind {
            Kind::Int => Param::Int(None),
            Kind::Bool => Param::Bool(None),
            Kind::Text => Param::Text(None),
            Kind::Time => Param::Time(None),
            Kind::Bytes => Param::Bytes(None),
        }
    }

    /// What stands where nothing was said but null is refused. Reference: Go's zero values.
    pub(crate) fn zero(&self) -> Param {
        match self.kind {
            Kind::Int => 0.into(),
            Kind::Bool => false.into(),
            Kind::Text => "".into(),
            Kind::Time => semaphore_model::time::zero().into(),
            Kind::Bytes => Param::Bytes(Some(Vec::new())),
        }
    }

    /// The time as this column keeps it: databases differ in how they round, so we cut.
    pub(crate) fn time(&self, time: DateTime<Utc>) -> Param {
        let step = 10_u32.pow(9_u32.saturating_sub(self.digits));
        let rest = time.timestamp_subsec_nanos() % step;
        (time - chrono::TimeDelta::nanoseconds(rest.into())).into()
    }

    /// The text as this database keeps it.
    pub(crate) fn text(text: String, dialect: Dialect) -> Param {
        // As `Param` does when it is bound.
        let text =
            if dialect == Dialect::Postgres && text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
        text.into()
    }

    /// The value if the column takes it, shortened where that does no harm, which is noted; the error says why it does not.
    pub(crate) fn fit(&self, value: Param, notes: &mut Vec<String>) -> std::result::Result<Param, String> {
        let (Some(limit), Param::Text(Some(text))) = (self.limit, &value) else { return Ok(value) };
        let length = text.chars().count();
        if length <= limit {
            return Ok(value);
        }
        if !SHORTENED.contains(&self.name.as_str()) {
            return Err(format!("{} has {length} letters, {limit} are allowed", self.name));
        }
        notes.push(format!("{} was shortened to {limit} letters", self.name));
        Ok(text.chars().take(limit).collect::<String>().into())
    }

    /// Reads the column of a row, of whatever database, as a value for this column.
    fn read(&self, row: &Row, dialect: Dialect) -> Result<Param> {
        let name = self.name.as_str();
        Ok(match self.kind {
            Kind::Int => Param::Int(row.optional_number(name)?),
            Kind::Bool => Param::Bool(row.optional_number(name)?.map(|number| number != 0)),
            Kind::Text => row.optional_text(name)?.map_or(Param::Text(None), |text| Self::text(text, dialect)),
            Kind::Time => row.optional_time(name)?.map_or(Param::Time(None), |time| self.time(time)),
            Kind::Bytes => Param::Bytes(row.optional_bytes(name)?),
        })
    }
}

/// What of a row had to be changed to fit, and what does not fit.
#[derive(Debug, Default)]
pub(crate) struct Misfits {
    pub(crate) notes: Vec<String>,
    pub(crate) too_long: Vec<String>,
}

/// A row of any database as a record for this table. `dialect` is that of the database it goes to.
pub(crate) fn read(table: &Table, row: &Row, dialect: Dialect, misfits: &mut Misfits) -> Result<Record> {
    let mut of = |column: &Column| {
        let value = column.read(row, dialect).map_err(|error| match error {
            StoreError::Unreadable { column, value, expected } => {
                StoreError::Unreadable { column: format!("{}.{column}", table.name), value, expected }
            }
            other => other,
        })?;
        let is_null = matches!(
            value,
            Param::Int(None) | Param::Bool(None) | Param::Text(None) | Param::Time(None) | Param::Bytes(None)
        );
        // SQLite takes an empty text as a time, which reads as nothing.
        let value = if is_null && !column.nullable { column.zero() } else { value };
        column.fit(value, &mut misfits.notes).or_else(|why| {
            misfits.too_long.push(why);
            Ok(column.null())
        })
    };
    table.columns.iter().map(&mut of).collect()
}

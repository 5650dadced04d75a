//! Where rows come from: a database or a Bolt file.

use super::record::{self, Misfits, Record};
use super::table::{Reference, Table};
use super::{Result, TransferError};
use crate::bolt::Import;
use crate::db::{Db, Param};
use crate::sql::Dialect;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Rows of one batch at most.
const ROWS: usize = 1000;
/// Bytes of one batch, more or less: a line of output can have a megabyte.
const BYTES: usize = 2 << 20;

/// How far it is followed what a row needs. No table is farther from a project or a user.
const DEEPEST: usize = 6;

/// Some rows of a table.
pub(super) struct Batch {
    pub(super) records: Vec<Record>,
    /// Where the next batch begins.
    pub(super) place: String,
    /// Whether there is none.
    pub(super) is_last: bool,
    /// What had to be changed, and what cannot be carried over.
    pub(super) misfits: Misfits,
}

/// What a batch may hold.
#[derive(Default)]
pub(crate) struct Room {
    rows: usize,
    bytes: usize,
}

impl Room {
    /// Takes a record in; answers whether the batch is full.
    pub(crate) fn take(&mut self, record: &Record) -> bool {
        self.rows += 1;
        self.bytes += record::weight(record);
        self.rows >= ROWS || self.bytes >= BYTES
    }
}

pub(super) enum Source<'a> {
    Bolt(Box<Import<'a>>),
    Sql(SqlSource<'a>),
}

impl Source<'_> {
    /// The rows of a table behind a place; an empty place is the beginning. `table` is that of the database they go to.
    pub(super) async fn read(&self, table: &Table, place: &str) -> Result<Batch> {
        match self {
            Self::Sql(source) => source.read(table, place).await,
            Self::Bolt(import) => {
                let mut room = Room::default();
                let mut records = Vec::new();
                let next = import.read(table, place, |record| {
                    let is_full = room.take(&record);
                    records.push(record);
                    is_full
                })?;
                let is_last = next.is_none();
                Ok(Batch { records, place: next.unwrap_or_default(), is_last, misfits: Misfits::default() })
            }
        }
    }
}

/// Rows of another database.
#[derive(Clone)]
pub(super) struct SqlSource<'a> {
    pub(super) db: &'a Db,
    /// Of the database they go to.
    pub(super) dialect: Dialect,
    /// Its own tables, by name.
    pub(super) tables: BTreeMap<String, Table>,
    /// Those of the database they go to.
    pub(super) target: BTreeMap<String, Table>,
}

impl SqlSource<'_> {
    /// How many rows there are of a table, without those that refer to nothing.
    pub(super) async fn count(&self, table: &Table, all: bool) -> Result<u64> {
        let Some(own) = self.tables.get(&table.name) else { return Ok(0) };
        let filter = if all { String::new() } else { self.required(table, own, 0) };
        let text = format!("select count(*) as number from `{}` t0 where 1 = 1{filter}", table.name);
        let rows = self.db.fetch_all(text, Vec::new()).await?;
        Ok(rows.first().map_or(Ok(0), |row| row.long("number"))?.try_into().unwrap_or_default())
    }

    async fn read(&self, table: &Table, place: &str) -> Result<Batch> {
        let Some(own) = self.tables.get(&table.name) else {
            let misfits = Misfits::default();
            return Ok(Batch { records: Vec::new(), place: String::new(), is_last: true, misfits });
        };
        if let Some(missing) = own.columns.iter().find(|column| table.column(&column.name).is_none()) {
            return Err(TransferError::Column { table: table.name.clone(), column: missing.name.clone() });
        }
        let (text, values) = self.query(table, own, place)?;
        let (mut room, mut records, mut is_full) = (Room::default(), Vec::new(), false);
        let mut misfits = Misfits::default();
        let take = |row: &crate::db::Row| {
            let mut found = Misfits::default();
            let record = record::read(table, row, self.dialect, &mut found)?;
            misfits.notes.append(&mut found.notes);
            if !found.too_long.is_empty() {
                let place = place_of(table, &record).unwrap_or_default();
                misfits.too_long.extend(found.too_long.iter().map(|why| format!("{} {place}: {why}", table.name)));
            }
            is_full = room.take(&record) && !table.key.is_empty();
            records.push(record);
            Ok(is_full)
        };
        self.db.fetch_until(text, values, take).await?;
        let place = records.last().map(|record| place_of(table, record)).transpose()?.unwrap_or_default();
        Ok(Batch { records, place, is_last: !is_full, misfits })
    }

    /// The rows behind a place in the order of the key. What refers to nothing is left out, or null where that is allowed:
    /// SQLite lets such rows be when foreign keys were off once, the servers refuse them.
    fn query(&self, table: &Table, own: &Table, place: &str) -> Result<(String, Vec<Param>)> {
        let mut columns = Vec::new();
        for (index, column) in table.columns.iter().enumerate() {
            let name = &column.name;
            if own.column(name).is_none() {
                columns.push(format!("null as `{name}`"));
                continue;
            }
            match table.reference(index).filter(|_| column.nullable) {
                Some(to) if self.tables.contains_key(&to.table) => {
                    let exists = self.exists(to, name, 0);
                    columns.push(format!("case when {exists} then t0.`{name}` end as `{name}`"));
                }
                _ => columns.push(format!("t0.`{name}` as `{name}`")),
            }
        }
        let key: Vec<&str> = table.key.iter().map(|column| table.columns[*column].name.as_str()).collect();
        let (after, values) = if place.is_empty() { (String::new(), Vec::new()) } else { behind(table, &key, place)? };
        let filter = self.required(table, own, 0);
        let order = key.iter().map(|name| format!("t0.`{name}`")).collect::<Vec<_>>().join(", ");
        let order = if order.is_empty() { order } else { format!(" order by {order} limit {}", ROWS + 1) };
        Ok((
            format!("select {} from `{}` t0 where 1 = 1{filter}{after}{order}", columns.join(", "), table.name),
            values,
        ))
    }

    /// The condition that what a row of the table `t{depth}` needs is there and is carried over itself.
    fn required(&self, table: &Table, own: &Table, depth: usize) -> String {
        let mut text = String::new();
        for to in table.references.iter().filter(|to| !table.columns[to.column].nullable) {
            let name = &table.columns[to.column].name;
            if own.column(name).is_some() {
                let _infallible = write!(text, " and {}", self.exists(to, name, depth));
            }
        }
        text
    }

    /// The condition that what this column of the table `t{depth}` refers to is there and is carried over itself.
    fn exists(&self, to: &Reference, name: &str, depth: usize) -> String {
        let inner = depth + 1;
        let needs = match (self.target.get(&to.table), self.tables.get(&to.table)) {
            (Some(table), Some(own)) if inner < DEEPEST => self.required(table, own, inner),
            _ => String::new(),
        };
        let Reference { table, target, .. } = to;
        format!("exists (select 1 from `{table}` t{inner} where t{inner}.`{target}` = t{depth}.`{name}`{needs})")
    }
}

/// The condition that a row lies behind a place: `a > ? or (a = ? and b > ?)`.
fn behind(table: &Table, key: &[&str], place: &str) -> Result<(String, Vec<Param>)> {
    let values: Vec<serde_json::Value> = serde_json::from_str(place).map_err(|_| TransferError::Place)?;
    let param = |index: usize| match (values.get(index), table.columns[table.key[index]].null()) {
        (Some(serde_json::Value::Number(number)), _) => Ok(Param::Int(number.as_i64())),
        (Some(serde_json::Value::String(text)), Param::Text(_)) => Ok(Param::from(text)),
        _ => Err(TransferError::Place),
    };
    let (mut choices, mut bound) = (Vec::new(), Vec::new());
    for last in 0..key.len() {
        let mut parts = Vec::new();
        for (index, name) in key.iter().enumerate().take(last + 1) {
            parts.push(format!("t0.`{name}` {} ?", if index == last { ">" } else { "=" }));
            bound.push(param(index)?);
        }
        choices.push(format!("({})", parts.join(" and ")));
    }
    Ok((format!(" and ({})", choices.join(" or ")), bound))
}

fn place_of(table: &Table, record: &Record) -> Result<String> {
    let value = |column: &usize| match record.get(*column) {
        Some(Param::Int(Some(number))) => Ok(serde_json::Value::from(*number)),
        Some(Param::Text(Some(text))) => Ok(serde_json::Value::from(text.as_str())),
        _ => Err(TransferError::Place),
    };
    Ok(serde_json::Value::Array(table.key.iter().map(value).collect::<Result<_>>()?).to_string())
}

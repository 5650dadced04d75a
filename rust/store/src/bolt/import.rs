//! A Bolt file as the source of a transfer: it is read twice before anything is written, then in batches.

use super::document::{Document, Found};
use super::layout::{Layout, Numbering};
use super::plan::Plan;
use super::shape::{Object, Shaped, Shaper};
use super::{BoltError, BoltFile};
use crate::db::Param;
use crate::sql::Dialect;
use crate::transfer::table::Table;
use crate::transfer::{
    IMPORT_MAP, ImportOptions, Phase, Progress, Record, Report, Result, TOLD, TableReport, TransferError, Watch,
};
use std::collections::{BTreeMap, HashSet};

/// After how many rows somebody who watches is told.
const STRIDE: u64 = 1000;

/// An import of a Bolt file.
pub(crate) struct Import<'a> {
    file: &'a BoltFile,
    plan: Plan,
    changed: Vec<(&'static str, i64, i64, i64)>,
    dialect: Dialect,
    options: &'a ImportOptions,
    report: Report,
}

/// Where a walk over the objects of a table is: group, key, how many of those that are not in the file, how many were numbered.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize)]
struct Place(usize, Vec<u8>, usize, i64);

/// What becomes of an object, as a walk tells it.
struct Met<'a> {
    scope: i64,
    number: i64,
    shaped: Shaped,
    place: &'a dyn Fn() -> Place,
}

/// Columns of which SQL wants each combination once, by table; combinations with null do not count.
const UNIQUE: &[(&str, &[&str])] = &[
    ("project__template_vault", &["template_id", "vault_key_id", "name"]),
    ("project__invite", &["token"]),
    ("project__invite", &["project_id", "user_id"]),
    ("project__invite", &["project_id", "email"]),
    ("project__integration_alias", &["alias"]),
    ("project__template_role", &["template_id", "role_slug"]),
    ("user__totp", &["user_id"]),
    ("user__email_otp", &["code"]),
];

impl<'a> Import<'a> {
    /// Reads everything: gives ids, finds what cannot stay, sums up.
    pub(crate) fn plan(
        file: &'a BoltFile,
        tables: &[Table],
        dialect: Dialect,
        options: &'a ImportOptions,
        watch: Watch<'_>,
    ) -> Result<Self> {
        let plan = Plan::new(file)?;
        let mut import = Self { file, plan, changed: Vec::new(), dialect, options, report: Report::default() };
        for table in tables.iter().filter(|table| Layout::of(&table.name).is_some_and(is_numbered)) {
            import.settle(table)?;
        }
        import.changed = import.plan.changed();
        import.report.notes.clone_from(&import.plan.notes);
        let (mut done, mut too_long) = (0, Vec::new());
        for table in tables {
            let report = import.measure(table, &mut too_long, &mut done, watch)?;
            if report.sum.count > 0 || !report.notes.is_empty() {
                import.report.tables.push(report);
            }
        }
        if too_long.is_empty() { Ok(import) } else { Err(TransferError::TooLong { values: too_long }) }
    }

    pub(crate) fn report(&self) -> Report {
        self.report.clone()
    }

    /// The highest id of each table, also of objects that are gone.
    pub(crate) fn last_ids(&self) -> BTreeMap<String, i64> {
        self.plan.last_ids()
    }

    /// Finds the objects of a table that cannot stay. Tables come after those they refer to.
    fn settle(&mut self, table: &Table) -> Result<()> {
        let mut gone = Vec::new();
        let mut seen: Vec<HashSet<String>> = vec![HashSet::new(); UNIQUE.len()];
        self.walk(table, Place::default(), |met| {
            let keeps = match &met.shaped {
                Shaped::LeftOut(_) => false,
                Shaped::TooLong(_) => true,
                Shaped::Row(record, _) => !is_double(table, record, &mut seen),
            };
            if !keeps {
                gone.push((met.scope, met.number));
            }
            false
        })?;
        for (scope, number) in gone {
            self.plan.leave_out(&table.name, scope, number);
        }
        Ok(())
    }

    /// Counts and sums up a table as it will be.
    fn measure(
        &self,
        table: &Table,
        too_long: &mut Vec<String>,
        done: &mut u64,
        watch: Watch<'_>,
    ) -> Result<TableReport> {
        let mut report = TableReport { table: table.name.clone(), ..TableReport::default() };
        let mut tell = |done: u64| {
            watch(Progress { phase: Phase::Check, table: table.name.clone(), done, total: 0 });
        };
        if table.name == IMPORT_MAP {
            self.read(table, "", |record| {
                report.sum.add(&record);
                false
            })?;
            return Ok(report);
        }
        if let Some(orphans) = self.plan.orphans.get(table.name.as_str()) {
            report.notes.insert("left out: what it belongs to is gone".to_owned(), *orphans);
        }
        self.walk(table, Place::default(), |met| {
            *done += 1;
            if done.is_multiple_of(STRIDE) {
                tell(*done);
            }
            match met.shaped {
                Shaped::Row(record, notes) => {
                    report.sum.add(&record);
                    for note in notes {
                        *report.notes.entry(note).or_default() += 1;
                    }
                }
                Shaped::LeftOut(reason) => *report.notes.entry(format!("left out: {reason}")).or_default() += 1,
                Shaped::TooLong(value) if too_long.len() < TOLD => too_long.push(value),
                Shaped::TooLong(_) => {}
            }
            false
        })?;
        tell(*done);
        Ok(report)
    }

    /// Hands the rows of a table behind a place over until `take` has enough; answers where to go on, `None` at the end.
    pub(crate) fn read(
        &self,
        table: &Table,
        place: &str,
        mut take: impl FnMut(Record) -> bool,
    ) -> Result<Option<String>> {
        if table.name == IMPORT_MAP {
            return self.read_map(table, place, take);
        }
        let begin = if place.is_empty() {
            Place::default()
        } else {
            serde_json::from_str(place).map_err(|_| TransferError::Place)?
        };
        let mut next = None;
        self.walk(table, begin, |met| {
            let Shaped::Row(record, _) = met.shaped else { return false };
            let is_full = take(record);
            if is_full {
                next = Some((met.place)());
            }
            is_full
        })?;
        next.map(|place| serde_json::to_string(&place).map_err(|_| TransferError::Place)).transpose()
    }

    /// The ids that changed.
    fn read_map(&self, table: &Table, place: &str, mut take: impl FnMut(Record) -> bool) -> Result<Option<String>> {
        let begin = if place.is_empty() { 0 } else { place.parse().map_err(|_| TransferError::Place)? };
        for (index, (kind, scope, old, new)) in self.changed.iter().enumerate().skip(begin) {
            let record = table.columns.iter().map(|column| match column.name.as_str() {
                "kind" => (*kind).into(),
                "scope" => (*scope).into(),
                "old_id" => (*old).into(),
                _ => Param::from(*new),
            });
            if take(record.collect()) {
                return Ok(Some((index + 1).to_string()));
            }
        }
        Ok(None)
    }

    /// Goes over the objects of a table from a place on until `meet` has enough.
    fn walk(&self, table: &Table, begin: Place, mut meet: impl FnMut(Met<'_>) -> bool) -> Result<()> {
        let Some(layout) = Layout::of(&table.name) else { return Ok(()) };
        if self.options.without_output && table.name == "task__output" {
            return Ok(());
        }
        let Place(first, key, extra, mut count) = begin;
        let (mut key, mut extra) = (key, extra);
        for (index, group) in self.plan.groups(&table.name).iter().enumerate().skip(first) {
            if let Some(rows) = group.rows.as_ref().filter(|_| extra == 0) {
                let is_full = rows.read(self.file, layout, &key, |found| {
                    let Found { scope, number, key, mut document } = found;
                    self.plan.history.upgrade(&table.name, &mut document);
                    let shaped = self.shape(table, layout, (scope, number, &rows.name), &document, count + 1)?;
                    count += i64::from(matches!(shaped, Shaped::Row(..)));
                    let place = || Place(index, key.clone(), 0, count);
                    Ok::<_, TransferError>(meet(Met { scope, number, shaped, place: &place }))
                })?;
                if is_full {
                    return Ok(());
                }
            }
            for (at, (number, document)) in group.extras.iter().enumerate().skip(extra) {
                let shaped = self.shape(table, layout, (group.scope, *number, &table.name), document, count + 1)?;
                count += i64::from(matches!(shaped, Shaped::Row(..)));
                let place = || Place(index, Vec::new(), at + 1, count);
                if meet(Met { scope: group.scope, number: *number, shaped, place: &place }) {
                    return Ok(());
                }
            }
            (key, extra) = (Vec::new(), 0);
        }
        Ok(())
    }

    fn shape(
        &self,
        table: &Table,
        layout: &Layout,
        (scope, number, bucket): (i64, i64, &str),
        document: &Document,
        new_number: i64,
    ) -> Result<Shaped> {
        let shaper = Shaper { plan: &self.plan, dialect: self.dialect, web_host: &self.options.web_host };
        shaper.shape(table, &Object { layout, scope, number, new_number, document }).map_err(|column| {
            TransferError::Bolt(BoltError::Document {
                bucket: bucket.to_owned(),
                key: number.to_string(),
                reason: format!("its {column} is not what it should be"),
            })
        })
    }
}

fn is_numbered(layout: &Layout) -> bool {
    matches!(layout.numbering, Numbering::Upwards | Numbering::Downwards)
}

/// Whether an earlier row has the same values where SQL wants them once.
fn is_double(table: &Table, record: &Record, seen: &mut [HashSet<String>]) -> bool {
    let mut double = false;
    for ((_, columns), seen) in UNIQUE.iter().zip(seen).filter(|((name, _), _)| *name == table.name) {
        let values: Option<Vec<String>> = columns
            .iter()
            .map(|column| match table.column(column).and_then(|index| record.get(index)) {
                Some(Param::Int(Some(number))) => Some(number.to_string()),
                Some(Param::Text(Some(text))) => Some(text.to_lowercase()),
                _ => None,
            })
            .collect();
        double |= values.is_some_and(|values| !seen.insert(values.join("\0")));
    }
    double
}

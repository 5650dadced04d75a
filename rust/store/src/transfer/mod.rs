//! Carrying a whole installation over into an empty database: from a Bolt file, or from a database of another dialect.
//!
//! What it is for: `migrate --from-boltdb`, a server that is started on a Bolt file, `database copy`. Not for backups of
//! projects, which are documents of their own. How it goes: everything is read once and counted, checked and summed up; then
//! copied in batches, each with the place it has come to in the same transaction; then references that had to wait are
//! filled, the numbering is set, and everything is read back and compared. An interrupted transfer goes on where it was.
//! Invariants: the source is only read; a target that holds anything else is refused before anything is written.

mod record;
mod source;
mod state;
pub(crate) mod table;
mod writer;

pub(crate) use record::Record;
pub use record::Sum;
pub use state::TransferState;

use crate::bolt::{BoltError, BoltFile, Import};
use crate::{Store, StoreError};
use source::{Batch, Source, SqlSource};
use state::Step;
use std::collections::BTreeMap;
use table::Table;

/// Result of a transfer.
pub type Result<T> = std::result::Result<T, TransferError>;

/// Why a transfer did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// One of the databases.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A table cannot be written.
    #[error("cannot carry over the table {table}")]
    Table {
        /// The table.
        table: String,
        /// Why.
        #[source]
        source: Box<TransferError>,
    },
    /// The Bolt file.
    #[error(transparent)]
    Bolt(#[from] BoltError),
    /// The target has data of its own.
    #[error("the target is not empty: its table {table} has {rows} rows; nothing was changed")]
    NotEmpty {
        /// A table with rows.
        table: String,
        /// How many.
        rows: u64,
    },
    /// The target was filled, or begun to be filled, from something else.
    #[error("the target holds {} of another source, or of another state of this one; nothing was changed", if *is_done { "a finished transfer" } else { "an unfinished transfer" })]
    OtherSource {
        /// Whether that transfer came to its end.
        is_done: bool,
    },
    /// Values that the target does not take.
    #[error("the target does not take {} values; nothing was changed: {}", values.len(), values.join("; "))]
    TooLong {
        /// Which ones, the first twenty.
        values: Vec<String>,
    },
    /// The source has a column that the target lacks.
    #[error("the target has no column {column} in its table {table}: bring both databases to the same version")]
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// What was noted about an interrupted transfer is not understood.
    #[error("the note about how far the transfer has come is not understood: empty the target and begin again")]
    Place,
    /// What was read back is not what was read.
    #[error(
        "the table {table} was not carried over completely: {expected} rows were read, {found} are there, or their contents differ"
    )]
    Differs {
        /// The table.
        table: String,
        /// Rows of the source.
        expected: u64,
        /// Rows of the target.
        found: u64,
    },
}

/// The table that remembers which ids of a Bolt file became others.
pub(crate) const IMPORT_MAP: &str = "rs_import_map";

/// How many values are named that the target does not take.
pub(crate) const TOLD: usize = 20;

/// What a transfer is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done with the table.
    pub phase: Phase,
    /// The table.
    pub table: String,
    /// Rows of all tables so far in this phase.
    pub done: u64,
    /// Rows of all tables; 0 while they are counted.
    pub total: u64,
}

/// What is done with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Its rows are read, checked and summed up.
    Check,
    /// They are copied.
    Copy,
    /// They are read back.
    Compare,
}

/// What became of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableReport {
    /// The table.
    pub table: String,
    /// What was carried over.
    pub sum: Sum,
    /// Why rows were left out or changed, and how many.
    pub notes: BTreeMap<String, u64>,
}

/// What became of everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The tables with rows.
    pub tables: Vec<TableReport>,
    /// What was noticed beside the tables.
    pub notes: Vec<String>,
    /// Whether the target had everything before.
    pub was_done: bool,
}

/// Is told what a transfer is doing.
pub type Watch<'a> = &'a mut dyn FnMut(Progress);

/// How a Bolt file is imported.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Address of the page, with which links in texts begin; empty if it is not known.
    pub web_host: String,
    /// Leaves the output of tasks behind.
    pub without_output: bool,
    /// Reads and checks only.
    pub dry_run: bool,
}

impl Store {
    /// Imports a Bolt file into this database, which must be empty or hold the beginning of this very import.
    ///
    /// # Errors
    /// See [`TransferError`]. After one the call can be repeated: it goes on where it was.
    pub async fn import_bolt(&self, file: &BoltFile, options: &ImportOptions, watch: Watch<'_>) -> Result<Report> {
        let mut name = format!("bolt {} {}", file.digest()?, file.state());
        if options.without_output {
            name.push_str(" without output");
        }
        let state = self.check_target(&name, options.dry_run).await?;
        let mut tables = self.transfer_tables().await?;
        // A Bolt file knows nothing of ours, but what it becomes is remembered.
        tables.retain(|table| !table.is_own() || table.name == IMPORT_MAP);
        let import = Import::plan(file, &tables, self.db().dialect(), options, watch)?;
        let mut report = import.report();
        if state.is_some_and(|state| state.is_done) {
            report.was_done = true;
            return Ok(report);
        }
        if options.dry_run {
            return Ok(report);
        }
        let last = import.last_ids();
        Run { store: self, name, source: Source::Bolt(Box::new(import)), tables }.run(&report, last, watch).await?;
        Ok(report)
    }

    /// Copies everything of another database into this one, which must be empty or hold the beginning of this very copy.
    /// Nobody may write to either of them meanwhile. `name` tells the source from others.
    ///
    /// # Errors
    /// See [`TransferError`]. After one the call can be repeated: it goes on where it was.
    pub async fn copy_from(&self, from: &Self, name: &str, dry_run: bool, watch: Watch<'_>) -> Result<Report> {
        let name = format!("copy {name}");
        let state = self.check_target(&name, dry_run).await?;
        let tables = self.transfer_tables().await?;
        let own = table::tables(from.db()).await?;
        if let Some(missing) =
            own.iter().find(|table| !table.is_bookkeeping() && !tables.iter().any(|there| there.name == table.name))
        {
            return Err(TransferError::Column { table: missing.name.clone(), column: "(any)".to_owned() });
        }
        let source = SqlSource {
            db: from.db(),
            dialect: self.db().dialect(),
            tables: by_name(own),
            target: by_name(tables.clone()),
        };
        let mut last = BTreeMap::new();
        for table in tables.iter().filter(|table| table.has_id()) {
            last.insert(table.name.clone(), writer::last_id(from.db(), &table.name).await?);
        }
        let mut report = copy_report(&source, &tables, watch).await?;
        report.was_done = state.is_some_and(|state| state.is_done);
        if !dry_run && !report.was_done {
            Run { store: self, name, source: Source::Sql(source), tables }.run(&report, last, watch).await?;
        }
        Ok(report)
    }

    /// The tables that are carried over.
    async fn transfer_tables(&self) -> Result<Vec<Table>> {
        let mut tables = table::tables(self.db()).await?;
        tables.retain(|table| !table.is_bookkeeping());
        Ok(tables)
    }

    /// Refuses a target with data of its own.
    async fn check_target(&self, source: &str, dry_run: bool) -> Result<Option<TransferState>> {
        if !dry_run {
            self.make_own_tables().await?;
        }
        let state = self.transfer_state().await?;
        if let Some(state) = state {
            // Another state of the Bolt file has another digest.
            return if state.source == source {
                Ok(Some(state))
            } else {
                Err(TransferError::OtherSource { is_done: state.is_done })
            };
        }
        for table in self.transfer_tables().await? {
            let text = format!("select count(*) as number from `{}`", table.name);
            let rows = self.db().fetch_all(text, Vec::new()).await?;
            let rows = rows.first().map_or(Ok(0), |row| row.long("number"))?;
            if rows > 0 {
                return Err(TransferError::NotEmpty { table: table.name.clone(), rows: rows.unsigned_abs() });
            }
        }
        Ok(None)
    }
}

/// Reads a database and sums it up.
async fn copy_report(source: &SqlSource<'_>, tables: &[Table], watch: Watch<'_>) -> Result<Report> {
    let mut report = Report::default();
    let (mut done, mut total) = (0, 0);
    let mut too_long = Vec::new();
    for table in tables {
        total += source.count(table, false).await?;
    }
    let reader = Source::Sql(source.clone());
    for table in tables {
        let (all, kept) = (source.count(table, true).await?, source.count(table, false).await?);
        let mut notes = BTreeMap::new();
        if all > kept {
            notes.insert("left out: what it belongs to is gone".to_owned(), all - kept);
        }
        let sum = sum(&reader, table, |batch| {
            done += batch.records.len() as u64;
            for note in &batch.misfits.notes {
                *notes.entry(note.clone()).or_default() += 1;
            }
            too_long.extend(batch.misfits.too_long.iter().cloned());
            too_long.truncate(TOLD);
            watch(Progress { phase: Phase::Check, table: table.name.clone(), done, total });
        });
        let sum = sum.await?;
        if sum.count > 0 || !notes.is_empty() {
            report.tables.push(TableReport { table: table.name.clone(), sum, notes });
        }
    }
    if too_long.is_empty() { Ok(report) } else { Err(TransferError::TooLong { values: too_long }) }
}

/// Reads a table and sums it up; shows each batch.
async fn sum(source: &Source<'_>, table: &Table, mut shown: impl FnMut(&Batch)) -> Result<Sum> {
    let (mut sum, mut place) = (Sum::default(), String::new());
    loop {
        let batch = source.read(table, &place).await?;
        batch.records.iter().for_each(|record| sum.add(record));
        shown(&batch);
        if batch.is_last {
            return Ok(sum);
        }
        place = batch.place;
    }
}

/// A transfer under way.
struct Run<'a> {
    store: &'a Store,
    /// What tells the source from others.
    name: String,
    source: Source<'a>,
    tables: Vec<Table>,
}

impl Run<'_> {
    async fn run(&self, report: &Report, last: BTreeMap<String, i64>, watch: Watch<'_>) -> Result<()> {
        let steps = state::steps(self.store).await?;
        if steps.is_empty() {
            state::note_whole(self.store, &self.name, false).await?;
        }
        let total = report.tables.iter().map(|table| table.sum.count).sum();
        let mut done = 0;
        for table in &self.tables {
            let failed = |source| TransferError::Table { table: table.name.clone(), source: Box::new(source) };
            let step = steps.get(&table.name).cloned().unwrap_or_default();
            let mut tell = |rows| {
                done += rows;
                watch(Progress { phase: Phase::Copy, table: table.name.clone(), done, total });
            };
            self.copy(table, step, &mut tell).await.map_err(failed)?;
        }
        for table in self.tables.iter().filter(|table| !table.deferred().is_empty()) {
            let failed = |source| TransferError::Table { table: table.name.clone(), source: Box::new(source) };
            let step = steps.get(&links_of(table)).cloned().unwrap_or_default();
            self.link(table, step).await.map_err(failed)?;
        }
        for table in self.tables.iter().filter(|table| table.has_id()) {
            writer::number_from(self.store, &table.name, last.get(&table.name).copied().unwrap_or_default()).await?;
        }
        self.compare(report, total, watch).await?;
        state::note_whole(self.store, &self.name, true).await
    }

    /// Copies the rows of a table that are not there yet.
    async fn copy(&self, table: &Table, mut step: Step, tell: &mut dyn FnMut(u64)) -> Result<()> {
        tell(step.copied);
        while !step.is_done {
            let batch = self.source.read(table, &step.place).await?;
            let rows = batch.records.len() as u64;
            let place = if batch.is_last { step.place } else { batch.place };
            step = Step { place, copied: step.copied + rows, is_done: batch.is_last };
            // The last commit of all is a durable one; a batch that a power cut takes takes its note along.
            let mut transaction = self.store.begin_output().await?;
            writer::insert(&mut transaction, table, batch.records).await?;
            state::note(&mut transaction, &self.name, &table.name, &step).await?;
            transaction.commit().await?;
            tell(rows);
        }
        Ok(())
    }

    /// Fills the references of a table that had to wait.
    async fn link(&self, table: &Table, mut step: Step) -> Result<()> {
        while !step.is_done {
            let batch = self.source.read(table, &step.place).await?;
            let place = if batch.is_last { step.place } else { batch.place };
            step = Step { place, copied: step.copied, is_done: batch.is_last };
            let mut transaction = self.store.begin_output().await?;
            writer::link(&mut transaction, table, &batch.records).await?;
            state::note(&mut transaction, &self.name, &links_of(table), &step).await?;
            transaction.commit().await?;
        }
        Ok(())
    }

    /// Reads everything back.
    async fn compare(&self, report: &Report, total: u64, watch: Watch<'_>) -> Result<()> {
        let (db, tables) = (self.store.db(), by_name(self.tables.clone()));
        let reader = SqlSource { db, dialect: db.dialect(), tables: tables.clone(), target: tables };
        let reader = Source::Sql(reader);
        let mut done = 0;
        for table in &self.tables {
            let expected = report.tables.iter().find(|found| found.table == table.name);
            let expected = expected.map(|found| found.sum).unwrap_or_default();
            let found = sum(&reader, table, |batch| {
                done += batch.records.len() as u64;
                watch(Progress { phase: Phase::Compare, table: table.name.clone(), done, total });
            });
            let found = found.await?;
            if found != expected {
                let (expected, found) = (expected.count, found.count);
                return Err(TransferError::Differs { table: table.name.clone(), expected, found });
            }
        }
        Ok(())
    }
}

fn by_name(tables: Vec<Table>) -> BTreeMap<String, Table> {
    tables.into_iter().map(|table| (table.name.clone(), table)).collect()
}

/// Name of the step that fills the references of a table.
fn links_of(table: &Table) -> String {
    format!("{} links", table.name)
}

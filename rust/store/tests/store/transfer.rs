//! A Bolt file and databases of each kind become databases of the other kinds, without loss.

use crate::fixture::{Database, fixtures, stories};
use semaphore_store::bolt::BoltFile;
use semaphore_store::transfer::{ImportOptions, Report};

fn recorded() -> BoltFile {
    BoltFile::open(&fixtures().join("db/bolt/database.boltdb")).unwrap()
}

fn count(report: &Report, table: &str) -> u64 {
    report.tables.iter().find(|found| found.table == table).map_or(0, |found| found.sum.count)
}

async fn the_recorded_bolt_file_is_imported(database: Database) {
    let Some((store, _kept)) = database.empty().await else { return };
    let report = store.import_bolt(&recorded(), &ImportOptions::default(), &mut |_| {}).await.unwrap();
    println!("{report:#?}");
    assert_eq!(count(&report, "task"), 23);
}

stories! { the_recorded_bolt_file_is_imported }

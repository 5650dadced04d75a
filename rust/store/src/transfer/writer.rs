//! Putting records into a database: many rows with one statement, the references that must wait afterwards, the numbering last.

use super::Result;
use super::record::Record;
use super::table::Table;
use crate::Store;
use crate::db::{Db, Param, Transaction, params};
use crate::sql::Dialect;

/// Rows of one statement at most; a fixed number, so that the statement stays prepared.
const ROWS: usize = 100;

/// Puts the records in, without what must wait for other rows.
pub(super) async fn insert(transaction: &mut Transaction, table: &Table, records: Vec<Record>) -> Result<()> {
    let deferred = table.deferred();
    let columns = table.columns.len();
    let names: Vec<String> = table.columns.iter().map(|column| format!("`{}`", column.name)).collect();
    let row = format!("({})", vec!["?"; columns].join(", "));
    let rows = ROWS.min(transaction.dialect().parameter_limit() / columns.max(1)).max(1);
    let mut records = records.into_iter().peekable();
    while records.peek().is_some() {
        let mut values = Vec::with_capacity(rows * columns);
        let mut count = 0;
        for record in records.by_ref().take(rows) {
            count += 1;
            for (index, value) in record.into_iter().enumerate() {
                values.push(if deferred.contains(&index) { table.columns[index].null() } else { value });
            }
        }
        let text = format!(
            "insert into `{}` ({}) values {}",
            table.name,
            names.join(", "),
            vec![row.as_str(); count].join(", ")
        );
        transaction.execute(text, values).await?;
    }
    Ok(())
}

/// Fills what had to wait.
pub(super) async fn link(transaction: &mut Transaction, table: &Table, records: &[Record]) -> Result<()> {
    let deferred = table.deferred();
    let [key] = table.key.as_slice() else { return Ok(()) };
    let sets: Vec<String> = deferred.iter().map(|index| format!("`{}` = ?", table.columns[*index].name)).collect();
    let text = format!("update `{}` set {} where `{}` = ?", table.name, sets.join(", "), table.columns[*key].name);
    for record in records {
        let mut values: Vec<Param> = deferred.iter().map(|index| record[*index].clone()).collect();
        if values.iter().all(|value| matches!(value, Param::Int(None) | Param::Text(None))) {
            continue;
        }
        values.push(record[*key].clone());
        transaction.execute(text.clone(), values).await?;
    }
    Ok(())
}

/// The highest id that a table has given away, also to rows that are gone; 0 if that is not known.
pub(super) async fn last_id(db: &Db, table: &str) -> Result<i64> {
    let (text, values) = match db.dialect() {
        Dialect::Sqlite => ("select seq as number from sqlite_sequence where name = ?", params![table]),
        Dialect::Postgres => (
            "select last_value as number from pg_sequences where schemaname = current_schema() and \
             pg_get_serial_sequence('\"' || cast(? as text) || '\"', 'id') = \
             quote_ident(schemaname) || '.' || quote_ident(sequencename)",
            params![table],
        ),
        Dialect::MySql => (
            "select cast(coalesce(auto_increment, 1) as signed) - 1 as number from information_schema.tables \
             where table_schema = database() and table_name = ?",
            params![table],
        ),
    };
    let rows = db.fetch_all(text, values).await?;
    Ok(rows.first().map_or(Ok(0), |row| row.long("number"))?)
}

/// Makes sure that the next row of a table gets an id beyond this one and beyond those that are there.
pub(super) async fn number_from(store: &Store, table: &str, last: i64) -> Result<()> {
    let mut transaction = store.begin().await?;
    let rows =
        transaction.fetch_all(format!("select coalesce(max(id), 0) as number from `{table}`"), Vec::new()).await?;
    let there = rows.first().map_or(Ok(0), |row| row.long("number"))?;
    let last = last.max(there);
    match transaction.dialect() {
        // Nothing to go on from; the first id is 1 anyway.
        _ if last == 0 => {}
        Dialect::Sqlite => {
            let changed =
                transaction.execute("update sqlite_sequence set seq = ? where name = ?", params![last, table]);
            if changed.await? == 0 {
                let text = "insert into sqlite_sequence (name, seq) values (?, ?)";
                transaction.execute(text, params![table, last]).await?;
            }
        }
        Dialect::Postgres => {
            let text = "select setval(pg_get_serial_sequence('\"' || cast(? as text) || '\"', 'id'), ?) as number";
            transaction.fetch_all(text, params![table, last]).await?;
        }
        Dialect::MySql => {
            // The number was read from the database or counted: no text of a user is in it.
            transaction
                .execute_once(format!("alter table `{table}` auto_increment = {}", last + 1), Vec::new())
                .await?;
        }
    }
    Ok(transaction.commit().await?)
}

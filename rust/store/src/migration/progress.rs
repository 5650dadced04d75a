//! How far a step came on MySQL, which commits each statement that changes the schema by itself.
//!
//! One row in a table of our own, there only while steps run. A step whose row is found was interrupted: it goes on behind
//! the last statement that was noted, and the first one may find its work done already.

use super::connection::Connection;
use crate::Result;

/// The table's name.
pub(super) const TABLE: &str = "rs_migration_progress";

/// Makes the table if it is not there.
pub(super) async fn prepare(connection: &mut Connection) -> std::result::Result<(), sqlx::Error> {
    let text = "create table if not exists rs_migration_progress \
                (version varchar(64) not null primary key, direction varchar(8) not null, statements int not null)";
    connection.run(text).await
}

/// Notes that the first `done` statements of the step are done.
pub(super) async fn set(
    connection: &mut Connection,
    version: &str,
    is_undo: bool,
    done: usize,
) -> std::result::Result<(), sqlx::Error> {
    let direction = if is_undo { "undo" } else { "apply" };
    let text = "replace into rs_migration_progress (version, direction, statements) values (?, ?, ?)";
    connection.bound(text, &[version, direction, &done.to_string()]).await
}

/// Forgets the step, which is done.
pub(super) async fn forget(connection: &mut Connection, version: &str) -> std::result::Result<(), sqlx::Error> {
    connection.bound("delete from rs_migration_progress where version = ?", &[version]).await
}

/// The interrupted step and the number of its statements that are done.
pub(super) async fn get(connection: &mut Connection) -> Result<Option<(String, u32)>> {
    let rows = connection.rows("select version, statements from rs_migration_progress").await?;
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(Some((row.text("version")?, u32::try_from(row.long("statements")?).unwrap_or(0))))
}

/// How many statements of this step, in this direction, are done; `None` if it was not begun.
pub(super) async fn of(connection: &mut Connection, version: &str, is_undo: bool) -> Result<Option<usize>> {
    let rows = connection.rows("select version, direction, statements from rs_migration_progress").await?;
    let direction = if is_undo { "undo" } else { "apply" };
    for row in &rows {
        if row.text("version")? == version && row.text("direction")? == direction {
            return Ok(Some(usize::try_from(row.long("statements")?).unwrap_or(0)));
        }
    }
    Ok(None)
}

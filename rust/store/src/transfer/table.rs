//! What a database says about its own tables: columns, keys, references, and the order in which rows can be put in.
//!
//! Asked from the database itself, so that tables of our own that are made later are carried over without a word here.

use crate::db::{Db, Row, params};
use crate::sql::Dialect;
use crate::{Result, StoreError};

/// A table.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Columns of the primary key, in its order; empty if there is none.
    pub(crate) key: Vec<usize>,
    pub(crate) references: Vec<Reference>,
}

/// A column.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
    /// Letters it takes, where that is enforced.
    pub(crate) limit: Option<usize>,
    /// Digits of a second that a time keeps.
    pub(crate) digits: u32,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Int,
    /// PostgreSQL only: the others keep numbers.
    Bool,
    Text,
    Time,
    Bytes,
}

/// That a column holds the id of a row of another table.
#[derive(Clone, Debug)]
pub(crate) struct Reference {
    pub(crate) column: usize,
    pub(crate) table: String,
    /// Its name there.
    pub(crate) target: String,
    /// The row may be put in before the one it refers to, so the column is filled afterwards.
    pub(crate) deferred: bool,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    pub(crate) fn reference(&self, column: usize) -> Option<&Reference> {
        self.references.iter().find(|reference| reference.column == column)
    }

    /// Columns that are filled when all rows are there.
    pub(crate) fn deferred(&self) -> Vec<usize> {
        self.references.iter().filter(|reference| reference.deferred).map(|reference| reference.column).collect()
    }

    /// Whether rows are numbered by the column `id`.
    pub(crate) fn has_id(&self) -> bool {
        matches!(self.key.as_slice(), [only] if self.columns[*only].name == "id" && self.columns[*only].kind == Kind::Int)
    }

    /// Whether it is the database's own business rather than data.
    pub(crate) fn is_bookkeeping(&self) -> bool {
        matches!(self.name.as_str(), "migrations" | "rs_migration" | "rs_transfer")
    }

    /// Whether the Go server knows it.
    pub(crate) fn is_own(&self) -> bool {
        self.name.starts_with("rs_")
    }
}

/// The columns of all tables: table, column, type, whether null is refused, letters, digits of a second, place in the key.
const SQLITE_COLUMNS: &str = "select m.name as table_name, c.name as name, lower(c.type) as type, c.\"notnull\" as needed, \
     null as letters, 9 as digits, c.pk as place from sqlite_master m join pragma_table_info(m.name) c \
     where m.type = 'table' and m.name not like 'sqlite!_%' escape '!' order by m.name, c.cid";
const POSTGRES_COLUMNS: &str = "select cast(c.table_name as text) as table_name, cast(c.column_name as text) as name, \
     cast(c.data_type as text) as type, case when c.is_nullable = 'NO' then 1 else 0 end as needed, \
     cast(c.character_maximum_length as bigint) as letters, 6 as digits, coalesce((select cast(k.ordinal_position as integer) \
     from information_schema.key_column_usage k join information_schema.table_constraints t \
     on t.constraint_name = k.constraint_name and t.table_name = k.table_name and t.table_schema = k.table_schema \
     where t.constraint_type = 'PRIMARY KEY' and k.table_schema = c.table_schema and k.table_name = c.table_name \
     and k.column_name = c.column_name), 0) as place from information_schema.columns c \
     join information_schema.tables b on b.table_schema = c.table_schema and b.table_name = c.table_name \
     where c.table_schema = current_schema() and b.table_type = 'BASE TABLE' order by c.table_name, c.ordinal_position";
const MYSQL_COLUMNS: &str = "select cast(c.table_name as char(64)) as table_name, cast(c.column_name as char(64)) as name, \
     cast(c.data_type as char(64)) as type, cast(c.is_nullable = 'NO' as signed) as needed, \
     cast(c.character_maximum_length as signed) as letters, cast(coalesce(c.datetime_precision, 0) as signed) as digits, \
     cast(coalesce(k.ordinal_position, 0) as signed) as place from information_schema.columns c \
     join information_schema.tables b on b.table_schema = c.table_schema and b.table_name = c.table_name \
     left join information_schema.key_column_usage k on k.table_schema = c.table_schema and k.table_name = c.table_name \
     and k.column_name = c.column_name and k.constraint_name = 'PRIMARY' \
     where c.table_schema = database() and b.table_type = 'BASE TABLE' order by c.table_name, c.ordinal_position";

const SQLITE_REFERENCES: &str = "select m.name as table_name, f.\"from\" as name, f.\"table\" as target_table, \
     coalesce(f.\"to\", 'id') as target from sqlite_master m join pragma_foreign_key_list(m.name) f where m.type = 'table'";
const POSTGRES_REFERENCES: &str = "select cast(o.relname as text) as table_name, cast(a.attname as text) as name, \
     cast(r.relname as text) as target_table, cast(t.attname as text) as target from pg_constraint c \
     join pg_class o on o.oid = c.conrelid join pg_namespace n on n.oid = o.relnamespace \
     join pg_class r on r.oid = c.confrelid join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] \
     join pg_attribute t on t.attrelid = c.confrelid and t.attnum = c.confkey[1] \
     where c.contype = 'f' and n.nspname = current_schema()";
const MYSQL_REFERENCES: &str = "select cast(table_name as char(64)) as table_name, cast(column_name as char(64)) as name, \
     cast(referenced_table_name as char(64)) as target_table, cast(referenced_column_name as char(64)) as target \
     from information_schema.key_column_usage where table_schema = database() and referenced_table_name is not null";

/// All tables, each after those it refers to.
pub(crate) async fn tables(db: &Db) -> Result<Vec<Table>> {
    let (columns, references) = match db.dialect() {
        Dialect::Sqlite => (SQLITE_COLUMNS, SQLITE_REFERENCES),
        Dialect::Postgres => (POSTGRES_COLUMNS, POSTGRES_REFERENCES),
        Dialect::MySql => (MYSQL_COLUMNS, MYSQL_REFERENCES),
    };
    let mut tables: Vec<Table> = Vec::new();
    let mut keys: Vec<Vec<(i64, usize)>> = Vec::new();
    for row in db.fetch_all(columns, params![]).await? {
        let name = row.text("table_name")?;
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table { name, columns: Vec::new(), key: Vec::new(), references: Vec::new() });
            keys.push(Vec::new());
        }
        let (Some(table), Some(key)) = (tables.last_mut(), keys.last_mut()) else { continue };
        let place = row.long("place")?;
        if place > 0 {
            key.push((place, table.columns.len()));
        }
        table.columns.push(column(&row, &table.name, db.dialect())?);
    }
    for (table, mut key) in tables.iter_mut().zip(keys) {
        key.sort_unstable();
        table.key = key.into_iter().map(|(_, column)| column).collect();
        if table.key.is_empty() && table.name == "project__user" {
            // It has a unique pair instead of a key.
            table.key = ["project_id", "user_id"].iter().filter_map(|name| table.column(name)).collect();
        }
    }
    for row in db.fetch_all(references, params![]).await? {
        let (name, column) = (row.text("table_name")?, row.text("name")?);
        let Some(table) = tables.iter_mut().find(|table| table.name == name) else { continue };
        let Some(column) = table.column(&column) else { continue };
        let reference =
            Reference { column, table: row.text("target_table")?, target: row.text("target")?, deferred: false };
        table.references.push(reference);
    }
    Ok(ordered(tables))
}

fn column(row: &Row, table: &str, dialect: Dialect) -> Result<Column> {
    let (name, kind) = (row.text("name")?, row.text("type")?);
    let kind = match kind.as_str() {
        "boolean" if dialect == Dialect::Postgres => Kind::Bool,
        "bytea" => Kind::Bytes,
        kind if kind.contains("blob") || kind.contains("binary") => Kind::Bytes,
        kind if kind.contains("int") || kind.starts_with("bool") => Kind::Int,
        kind if kind.contains("char") || kind.contains("text") => Kind::Text,
        kind if kind.starts_with("datetime") || kind.starts_with("timestamp") => Kind::Time,
        _ => {
            return Err(StoreError::Unreadable {
                column: format!("{table}.{name}"),
                value: kind,
                expected: "a type of column that can be carried over",
            });
        }
    };
    // What has text in MySQL has a limit in bytes that nobody reaches, or one of 64 KiB that is well beyond the others'.
    let limit = row.optional_long("letters")?.filter(|letters| *letters <= 65_535);
    Ok(Column {
        name,
        kind,
        nullable: row.long("needed")? == 0,
        limit: limit.and_then(|letters| usize::try_from(letters).ok()).filter(|_| kind == Kind::Text),
        digits: u32::try_from(row.long("digits")?).unwrap_or_default(),
    })
}

/// Puts each table behind those it refers to. What goes round in circles is broken at columns that may be null.
fn ordered(mut left: Vec<Table>) -> Vec<Table> {
    let mut done: Vec<Table> = Vec::new();
    for table in &mut left {
        // A row may refer to a later one of its own table.
        let own = table.name.clone();
        for reference in table.references.iter_mut().filter(|reference| reference.table == own) {
            reference.deferred = true;
        }
    }
    while !left.is_empty() {
        let names: Vec<String> = left.iter().map(|table| table.name.clone()).collect();
        let waits =
            |table: &Table, reference: &Reference| reference.table != table.name && names.contains(&reference.table);
        let free = left.iter().position(|table| !table.references.iter().any(|reference| waits(table, reference)));
        let loose = || {
            left.iter().position(|table| {
                table.references.iter().all(|of| !waits(table, of) || table.columns[of.column].nullable)
            })
        };
        let mut next = left.remove(free.or_else(loose).unwrap_or_default());
        for reference in &mut next.references {
            reference.deferred |= names.contains(&reference.table);
        }
        done.push(next);
    }
    done
}

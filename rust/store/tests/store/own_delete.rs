//! The Go server deletes what our rows refer to, and does not notice them.

use crate::fixture::{Database, Kept, stories};
use crate::story::{Project, user};
use std::collections::{BTreeMap, BTreeSet};

/// A table of ours: its columns with their types, and what they refer to.
#[derive(Default)]
struct Shape {
    columns: Vec<(String, String)>,
    references: BTreeMap<String, (String, String)>,
}

/// What the catalogue says about our tables.
async fn shapes(database: Database, kept: &Kept) -> BTreeMap<String, Shape> {
    let (columns, references) = match database {
        Database::Sqlite => (
            "select m.name || '|' || c.name || '|' || lower(c.type) from sqlite_master m \
             join pragma_table_info(m.name) c where m.type = 'table' order by m.name, c.cid",
            "select m.name || '|' || f.\"from\" || '|' || f.\"table\" || '|' || f.\"to\" from sqlite_master m \
             join pragma_foreign_key_list(m.name) f where m.type = 'table'",
        ),
        Database::Postgres => (
            "select table_name || '|' || column_name || '|' || data_type from information_schema.columns \
             where table_schema = 'public' order by table_name, ordinal_position",
            "select c.conrelid::regclass || '|' || a.attname || '|' || c.confrelid::regclass || '|' || b.attname \
             from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] \
             join pg_attribute b on b.attrelid = c.confrelid and b.attnum = c.confkey[1] where c.contype = 'f'",
        ),
        Database::MariaDb => (
            "select concat_ws('|', table_name, column_name, data_type) from information_schema.columns \
             where table_schema = database() order by table_name, ordinal_position",
            "select concat_ws('|', table_name, column_name, referenced_table_name, referenced_column_name) \
             from information_schema.key_column_usage \
             where table_schema = database() and referenced_table_name is not null",
        ),
    };
    let mut shapes = BTreeMap::<String, Shape>::new();
    for line in kept.execute(columns).await.iter().filter(|line| is_ours(line)) {
        let [table, column, kind] = parts(line);
        shapes.entry(table).or_default().columns.push((column, kind));
    }
    for line in kept.execute(references).await.iter().filter(|line| is_ours(line)) {
        let [table, column, other, id] = parts(line);
        shapes.entry(table).or_default().references.insert(column, (other.trim_matches('"').to_owned(), id));
    }
    shapes
}

fn is_ours(line: &str) -> bool {
    line.starts_with("rs_") && !line.starts_with("rs_migration")
}

fn parts<const N: usize>(line: &str) -> [String; N] {
    line.split('|').map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

/// A name as this database wants it: two of the tables are called like words of SQL.
fn quoted(database: Database, name: &str) -> String {
    if database == Database::Postgres { format!("\"{name}\"") } else { format!("`{name}`") }
}

/// One row in each of our tables, about the newest object of each kind.
async fn fill(database: Database, kept: &Kept, shapes: &BTreeMap<String, Shape>) {
    let mut filled = BTreeSet::new();
    while filled.len() < shapes.len() {
        let before = filled.len();
        for (table, shape) in shapes {
            let is_ready = shape.references.values().all(|(other, _)| !is_ours(other) || filled.contains(other));
            if filled.contains(table) || !is_ready {
                continue;
            }
            let value = |(column, kind): &(String, String)| match shape.references.get(column) {
                Some((other, id)) => format!("(select max({id}) from {})", quoted(database, other)),
                None if kind.contains("int") => "1".to_owned(),
                None if kind.contains("bool") => "true".to_owned(),
                None if kind.contains("time") => "'2026-01-02 03:04:05'".to_owned(),
                None => "'x'".to_owned(),
            };
            let names: Vec<_> = shape.columns.iter().map(|(column, _)| quoted(database, column)).collect();
            let values: Vec<_> = shape.columns.iter().map(value).collect();
            let text = format!("insert into {table} ({}) values ({})", names.join(", "), values.join(", "));
            // Some have a row already, from what the story did.
            kept.execute(&format!("delete from {table}")).await;
            kept.execute(&text).await;
            filled.insert(table.clone());
        }
        assert!(filled.len() > before, "our tables refer to each other in a circle");
    }
}

async fn count(kept: &Kept, table: &str) -> String {
    kept.execute(&format!("select cast(count(*) as char(8)) from {table}")).await.concat().trim().to_owned()
}

/// Its statements, in its order, for an object of each kind that has rows of ours; `P`, `O` stand for the ids it binds.
/// Reference: `DeleteTaskWithOutputs`, `DeleteSchedule`, `DeleteIntegration`, `DeleteAccessKey`, `DeleteUser`,
/// `DeleteTemplate`, `DeleteProject`.
const DELETIONS: &[(&str, &[&str])] = &[
    ("task", &["delete from task__output where task_id=O", "delete from task where id=O"]),
    ("project__schedule", &["delete from project__schedule where project_id=P and id=O"]),
    ("project__integration", &["delete from project__integration where project_id=P and id=O"]),
    ("access_key", &["delete from access_key where project_id=P and id=O"]),
    ("user", &["delete from `user` where id=O"]),
    ("project__template", &["delete from project__template where project_id=P and id=O"]),
    (
        "project",
        &[
            "delete from project__template where project_id=P",
            "delete from project__user where project_id=P",
            "delete from project__repository where project_id=P",
            "delete from project__inventory where project_id=P",
            "delete from access_key where project_id=P",
            "delete from project where id=P",
        ],
    ),
];

async fn the_go_server_deletes_around_our_rows(database: Database) {
    let Some((store, kept)) = database.empty().await else { return };
    let project = Project::make(&store).await;
    let (id, template) = (project.id, project.template.id);
    let task = project.start_task(&store).await;
    let line = semaphore_model::TaskOutput { output: "a line".into(), ..semaphore_model::TaskOutput::default() };
    store.append_task_output(task.id, &[line]).await.unwrap();
    store.insert_user(user("goes")).await.unwrap();
    for text in [
        format!(
            "insert into project__schedule (template_id, project_id, cron_format) values ({template}, {id}, '* * * * *')"
        ),
        format!("insert into project__integration (name, project_id, template_id) values ('hook', {id}, {template})"),
        format!("insert into access_key (name, type, project_id) values ('unused', 'none', {id})"),
        format!("insert into event (project_id, created) values ({id}, '2026-01-02 03:04:05')"),
    ] {
        kept.execute(&text).await;
    }
    let shapes = shapes(database, &kept).await;
    assert!(shapes.len() > 20, "{:?}", shapes.keys());
    fill(database, &kept, &shapes).await;

    for (kind, statements) in DELETIONS {
        let about: Vec<_> = shapes
            .iter()
            .filter(|(_, shape)| shape.references.values().any(|(other, _)| other == kind))
            .map(|(table, _)| table.as_str())
            .collect();
        let mut rows = 0;
        for table in &about {
            rows += usize::from(count(&kept, table).await == "1");
        }
        assert!(rows > 0 || *kind == "access_key", "no row of ours is about {kind}");
        let newest = format!("select cast(max(id) as char(8)) from {}", quoted(database, kind));
        let object = kept.execute(&newest).await.concat();
        for statement in *statements {
            let statement = statement.replace("=P", &format!("={id}")).replace("=O", &format!("={}", object.trim()));
            let statement = if database == Database::Postgres { statement.replace('`', "\"") } else { statement };
            kept.execute(&statement).await;
        }
        for table in about {
            assert_eq!(count(&kept, table).await, "0", "{table} after {kind}");
        }
    }
    // What refers to nothing of the reference stays.
    assert_eq!(count(&kept, "rs_jwt_key").await, "1");
}

stories! {
    the_go_server_deletes_around_our_rows,
}

//! The same on PostgreSQL and MariaDB: every older database reaches the newest schema, which is that of the Go server.

use crate::fixture::{Database, fixtures, json, new_name, server_options};
use crate::migration::answers_as_recorded;
use semaphore_store::migration::{self, Place, Target};
use semaphore_store::{ServerKind, ServerOptions, Store, StoreError};
use semaphore_test_machine::database::{Kind, Server};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A server and what its recordings are called.
pub(crate) struct Machine {
    pub(crate) server: Arc<Server>,
    pub(crate) kind: ServerKind,
    pub(crate) folder: &'static str,
}

impl Machine {
    pub(crate) fn of(database: Database) -> Option<Self> {
        let (kind, server_kind) = match database {
            Database::Postgres => (ServerKind::Postgres, Kind::Postgres),
            Database::MariaDb => (ServerKind::MySql, Kind::MariaDb),
            Database::Sqlite => panic!("SQLite has no server"),
        };
        Some(Self { server: Server::shared(server_kind)?, kind, folder: database.folder() })
    }

    fn options(&self, name: &str) -> ServerOptions {
        server_options(&self.server, self.kind, name)
    }

    /// A new database with what a file of the recordings holds.
    pub(crate) fn load(&self, file: &str) -> String {
        let name = new_name();
        self.server.load(&name, &fixtures().join(file));
        name
    }

    /// Everything about the schema that matters, a list per table: columns in order, then keys and indexes with their names.
    pub(crate) fn describe(&self, database: &str) -> BTreeMap<String, Vec<String>> {
        match self.kind {
            ServerKind::Postgres => self.describe_postgres(database),
            ServerKind::MySql => self.describe_mariadb(database),
        }
    }

    fn describe_postgres(&self, database: &str) -> BTreeMap<String, Vec<String>> {
        let texts = [
            "select table_name || '|' || column_name || ' ' || udt_name || coalesce(character_maximum_length::text, '') \
             || ' ' || is_nullable || ' ' || coalesce(column_default, '') from information_schema.columns \
             where table_schema = 'public' order by table_name, ordinal_position",
            "select conrelid::regclass || '|' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint \
             where connamespace = 'public'::regnamespace order by 1",
            "select tablename || '|' || indexdef from pg_indexes where schemaname = 'public' order by 1",
        ];
        let mut tables = BTreeMap::<String, Vec<String>>::new();
        for text in texts {
            for line in self.server.execute(database, text) {
                let (table, rest) = line.split_once('|').unwrap();
                tables.entry(table.trim_matches('"').to_owned()).or_default().push(rest.to_owned());
            }
        }
        without_ours(tables)
    }

    fn describe_mariadb(&self, database: &str) -> BTreeMap<String, Vec<String>> {
        let names = "select table_name from information_schema.tables where table_schema = database()";
        let mut tables = BTreeMap::new();
        for name in self.server.execute(database, names) {
            let shown = self.server.execute(database, &format!("show create table `{name}`")).join("\n");
            let shown = shown.replace("\\n", "\n");
            let lines = shown.lines().skip(1).map(|line| line.trim().trim_end_matches(',').to_owned());
            let (mut columns, mut keys): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with('`'));
            keys.retain(|line| !line.starts_with(')'));
            keys.sort();
            columns.extend(keys);
            tables.insert(name, columns);
        }
        without_ours(tables)
    }

    fn rows(&self, database: &str, table: &str) -> String {
        let table = if self.kind == ServerKind::Postgres { format!("\"{table}\"") } else { format!("`{table}`") };
        self.server.execute(database, &format!("select count(*) from {table}")).concat()
    }
}

fn without_ours(mut tables: BTreeMap<String, Vec<String>>) -> BTreeMap<String, Vec<String>> {
    tables.retain(|table, _| !table.starts_with("rs_"));
    tables
}

fn assert_same(ours: &BTreeMap<String, Vec<String>>, theirs: &BTreeMap<String, Vec<String>>, what: &str) {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{what}");
    for (table, lines) in theirs {
        assert_eq!(&ours[table], lines, "{what}: table {table}");
    }
}

async fn run(options: &ServerOptions, target: Target) -> Result<Vec<&'static str>, StoreError> {
    migration::run(Place::Server(options), target, &mut |_| {}).await.map(|plan| plan.steps)
}

/// A new database, through every step and at once, is what the Go server makes of one.
async fn new_databases_are_those_of_the_go_server(database: Database) {
    let Some(machine) = Machine::of(database) else { return };
    let recorded =
        |version: &str| machine.describe(&machine.load(&format!("schema/schema.{}{version}.sql", machine.folder)));

    let at_once = new_name();
    let store = Store::open_server(&machine.options(&at_once)).await.unwrap();
    let mut versions: Vec<_> =
        store.list_schema_versions().await.unwrap().into_iter().map(|version| version.version).collect();
    assert_eq!(versions.last().map(String::as_str), Some(migration::newest_version()));
    // MariaDB's list was recorded in the order of the names.
    let mut recorded_versions: Vec<String> =
        serde_json::from_value(json("schema/migrations.json")[machine.folder]["latest"].clone()).unwrap();
    versions.sort();
    recorded_versions.sort();
    assert_eq!(versions, recorded_versions);
    store.close().await;
    let newest = recorded("");
    assert_same(&machine.describe(&at_once), &newest, "at once");

    let step_by_step = new_name();
    let options = machine.options(&step_by_step);
    for version in ["2.8.0", "2.10.0", "2.14.0", "2.16.8"] {
        run(&options, Target::ApplyTo(version.parse().unwrap())).await.unwrap();
        assert_same(&machine.describe(&step_by_step), &recorded(&format!(".v{version}")), version);
    }
    assert_eq!(run(&options, Target::Newest).await.unwrap().first(), Some(&"2.16.50"));
    assert_same(&machine.describe(&step_by_step), &newest, "step by step");
}

async fn older_databases_are_taken_along(database: Database) {
    let Some(machine) = Machine::of(database) else { return };
    let newest = machine.describe(&machine.load(&format!("schema/schema.{}.sql", machine.folder)));
    for version in ["hand-v2.8.0", "hand-v2.10.0", "hand-v2.14.0", "v2.14.1", "v2.16.8"] {
        let fixture = format!("{}-{version}", machine.folder);
        let name = machine.load(&format!("upgrade/{fixture}/dump.{}.sql", machine.folder));
        let before: Vec<_> = machine.describe(&name).into_keys().map(|t| (machine.rows(&name, &t), t)).collect();
        let store = Store::open_server(&machine.options(&name)).await.unwrap_or_else(|e| panic!("{fixture}: {e:?}"));
        answers_as_recorded(&store, &fixture).await;
        store.close().await;
        assert_same(&machine.describe(&name), &newest, &fixture);
        for (rows, table) in before {
            // Each project gets a view; the history grows; old events stay where the Go server leaves them.
            if !["migrations", "project__view", "event"].contains(&table.as_str()) {
                assert_eq!(machine.rows(&name, &table), rows, "{fixture}: {table}");
            }
        }
    }
}

crate::migration::servers! {
    new_databases_are_those_of_the_go_server,
    older_databases_are_taken_along,
}

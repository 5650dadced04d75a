//! Our migrations make the schema the Go server's make, and take its older databases along.

use crate::fixture;
use semaphore_model::ProjectId;
use semaphore_store::{AccessKeyFilter, ListOptions, Page, SqliteOptions, Store, StoreError, TaskFilter};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(path).create_if_missing(true).connect().await.unwrap()
}

async fn rows(connection: &mut SqliteConnection, text: String) -> Vec<sqlx::sqlite::SqliteRow> {
    sqlx::query(AssertSqlSafe(text)).fetch_all(connection).await.unwrap()
}

/// Everything about the schema that matters, as text: columns in order, keys, indexes; not the wording of the statements.
pub(crate) async fn describe(path: &Path) -> BTreeMap<String, Vec<String>> {
    let mut connection = connect(path).await;
    let mut description = BTreeMap::new();
    let tables = "select name, sql from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'";
    for table in rows(&mut connection, tables.into()).await {
        let name: String = table.get("name");
        let sql: String = table.get("sql");
        let mut lines = vec![format!("autoincrement {}", sql.to_lowercase().contains("autoincrement"))];
        for column in rows(&mut connection, format!("pragma table_info(`{name}`)")).await {
            lines.push(format!(
                "{} {} not null {} default {:?} key {}",
                column.get::<String, _>("name"),
                column.get::<String, _>("type").to_lowercase(),
                column.get::<i64, _>("notnull"),
                column.get::<Option<String>, _>("dflt_value"),
                column.get::<i64, _>("pk")
            ));
        }
        let mut keys: Vec<String> = rows(&mut connection, format!("pragma foreign_key_list(`{name}`)"))
            .await
            .iter()
            .map(|key| {
                let text = |column: &str| key.get::<Option<String>, _>(column).unwrap_or_default();
                format!(
                    "{} -> {}({}) {} {}",
                    text("from"),
                    text("table"),
                    text("to"),
                    text("on_delete"),
                    text("on_update")
                )
            })
            .collect();
        keys.sort();
        let mut indexes = Vec::new();
        for index in rows(&mut connection, format!("pragma index_list(`{name}`)")).await {
            let index_name: String = index.get("name");
            let columns: Vec<String> = rows(&mut connection, format!("pragma index_info(`{index_name}`)"))
                .await
                .iter()
                .map(|column| column.get("name"))
                .collect();
            let origin: String = index.get("origin");
            let shown = if origin == "c" { index_name } else { String::new() };
            indexes.push(format!("index {origin} {shown} unique {} {columns:?}", index.get::<i64, _>("unique")));
        }
        indexes.sort();
        lines.extend(keys);
        lines.extend(indexes);
        description.insert(name, lines);
    }
    connection.close().await.unwrap();
    description
}

#[tokio::test]
async fn the_schema_is_that_of_the_go_server() {
    let (store, directory) = fixture::empty().await;
    store.close().await;
    let recorded = directory.path().join("recorded.sqlite");
    let mut connection = connect(&recorded).await;
    let text = std::fs::read_to_string(fixture::fixtures().join("schema/schema.sqlite.sql")).unwrap();
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();

    let mut ours = describe(&directory.path().join("database.sqlite")).await;
    ours.retain(|table, _| !table.starts_with("rs_"));
    let theirs = describe(&recorded).await;
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (table, lines) in &theirs {
        assert_eq!(&ours[table], lines, "table {table}");
    }
    assert_eq!(ours.len(), 37);
}

#[tokio::test]
async fn the_history_is_that_of_the_go_server() {
    let (store, _directory) = fixture::empty().await;
    let versions: Vec<String> =
        store.list_schema_versions().await.unwrap().into_iter().map(|version| version.version).collect();
    assert_eq!(serde_json::json!(versions), fixture::json("schema/migrations.json")["sqlite"]["latest"]);
    assert_eq!(versions.last().map(String::as_str), Some(semaphore_store::migration::newest_version()));
}

#[tokio::test]
async fn the_file_is_private_and_opens_again() {
    let (store, directory) = fixture::empty().await;
    let path = directory.path().join("database.sqlite");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    store.close().await;
    let before = describe(&path).await;
    let store = Store::open(SqliteOptions::new(&path)).await.unwrap();
    assert_eq!(store.list_schema_versions().await.unwrap().len(), 14);
    store.close().await;
    assert_eq!(describe(&path).await, before);
}

/// What the Go server answered after it had brought the database to its newest version.
pub(crate) async fn answers_as_recorded(store: &Store, name: &str) {
    let expected = fixture::json(&format!("upgrade/{name}/expected.json"));
    let body = |path: &str| expected[path]["body"].clone();
    assert_eq!(serde_json::json!(*store.list_projects().await.unwrap()), body("/api/projects"), "{name}");
    // Views of the same position come in any order.
    let by_id = |mut views: serde_json::Value| {
        views.as_array_mut().unwrap().sort_by_key(|view| view["id"].as_i64());
        views
    };
    let views = serde_json::json!(store.list_views(ProjectId(1)).await.unwrap());
    assert_eq!(by_id(views), by_id(body("/api/project/1/views")), "{name}");
    let keys = store.list_access_keys(ProjectId(1), AccessKeyFilter::Shared, &ListOptions::default()).await.unwrap();
    assert_eq!(serde_json::json!(keys), body("/api/project/1/keys"), "{name}");
    let tasks = store.list_tasks(ProjectId(1), &TaskFilter::default(), Page::default()).await.unwrap();
    assert_eq!(serde_json::json!(tasks), body("/api/project/1/tasks"), "{name}");
}

/// Tells each story on each database that is a server.
macro_rules! servers {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            use crate::fixture::Database;

            #[tokio::test]
            async fn postgres() {
                super::$name(Database::Postgres).await;
            }

            #[tokio::test]
            async fn mariadb() {
                super::$name(Database::MariaDb).await;
            }
        }
    )*};
}
pub(crate) use servers;

#[tokio::test]
async fn older_databases_are_taken_along() {
    for name in ["sqlite-hand-v2.15.1", "sqlite-v2.15.4", "sqlite-v2.16.8"] {
        let (path, directory) = fixture::copy(&format!("upgrade/{name}/database.sqlite"));
        let mut options = SqliteOptions::new(&path);
        options.migrate = false;
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(Store::open(options).await, Err(StoreError::Outdated { .. })), "{name}");
        let schema_before = describe(&path).await;
        let store = Store::open(SqliteOptions::new(&path)).await.unwrap();
        assert_ne!(std::fs::read(&path).unwrap(), before);
        answers_as_recorded(&store, name).await;
        store.close().await;

        let files = std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path());
        let copies: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "backup")).collect();
        assert_eq!(copies.len(), 1, "{copies:?}");
        assert_eq!(std::fs::metadata(&copies[0]).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(describe(&copies[0]).await, schema_before, "{name}");

        let (fresh, fresh_directory) = fixture::empty().await;
        fresh.close().await;
        let ours = describe(&directory.path().join("database.sqlite")).await;
        assert_eq!(ours, describe(&fresh_directory.path().join("database.sqlite")).await, "{name}");
    }
}

#[tokio::test]
async fn newer_and_foreign_databases_are_refused_untouched() {
    let (path, _directory) = fixture::copy("db/sqlite/database.sqlite");
    let mut connection = connect(&path).await;
    sqlx::query("insert into migrations (version) values ('2.18.0'), ('9.9.9')")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    match Store::open(SqliteOptions::new(&path)).await {
        Err(StoreError::UnknownVersions { versions, newest_known }) => {
            assert_eq!((versions, newest_known), (vec!["2.18.0".to_owned(), "9.9.9".to_owned()], "2.17.15"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("other.sqlite");
    let mut connection = connect(&path).await;
    sqlx::query("create table something (id integer)").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert!(matches!(Store::open(SqliteOptions::new(&path)).await, Err(StoreError::ForeignDatabase)));

    let missing = directory.path().join("no/such/directory/database.sqlite");
    assert!(matches!(Store::open(SqliteOptions::new(missing)).await, Err(StoreError::File { .. })));
}

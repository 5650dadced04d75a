//! Back to older versions, steps that fail, and what cannot be undone, on all three databases.

use crate::fixture::{Database, Kept, fixtures, new_name, server_options, stories};
use crate::migration::{connect, describe};
use crate::migration_server::Machine;
use semaphore_store::migration::{self, Place, Plan, Progress, Target};
use semaphore_store::{Page, ServerOptions, SqliteOptions, StoreError, TaskFilter};
use sqlx::{AssertSqlSafe, Connection};
use std::collections::BTreeMap;

type Description = BTreeMap<String, Vec<String>>;

/// A database that is migrated by hand.
enum Subject {
    File(SqliteOptions),
    Server(Box<ServerOptions>, Machine, String),
}

impl Subject {
    fn of(database: Database, kept: &Kept) -> Self {
        match kept {
            Kept::Directory(directory) => Self::File(SqliteOptions::new(directory.path().join("database.sqlite"))),
            Kept::Server(server, name) => {
                let machine = Machine::of(database).unwrap();
                Self::Server(Box::new(server_options(server, machine.kind, name)), machine, name.clone())
            }
        }
    }

    fn place(&self) -> Place<'_> {
        match self {
            Self::File(options) => Place::Sqlite(options),
            Self::Server(options, ..) => Place::Server(options),
        }
    }

    async fn run(&self, target: Target) -> Result<Plan, StoreError> {
        migration::run(self.place(), target, &mut |_| {}).await
    }

    /// The schema, with columns in the order of their names: a column that comes back comes last.
    async fn describe(&self) -> Description {
        let description = match self {
            Self::File(options) => describe(&options.path).await,
            Self::Server(_, machine, name) => machine.describe(name),
        };
        sorted(description)
    }
}

fn sorted(mut description: Description) -> Description {
    description.retain(|table, _| !table.starts_with("rs_"));
    for lines in description.values_mut() {
        lines.sort();
    }
    description
}

/// What the Go server made of an empty database at this version (`.v2.16.8`; empty: the newest).
async fn recorded(database: Database, version: &str) -> Description {
    if database != Database::Sqlite {
        let machine = Machine::of(database).unwrap();
        let name = machine.load(&format!("schema/schema.{}{version}.sql", machine.folder));
        return sorted(machine.describe(&name));
    }
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("recorded.sqlite");
    let text = std::fs::read_to_string(fixtures().join(format!("schema/schema.sqlite{version}.sql"))).unwrap();
    let mut connection = connect(&path).await;
    sqlx::raw_sql(AssertSqlSafe(text)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    sorted(describe(&path).await)
}

fn assert_same(ours: &Description, theirs: &Description, what: &str) {
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "{what}");
    for (table, lines) in theirs {
        assert_eq!(&ours[table], lines, "{what}: table {table}");
    }
}

async fn there_and_back_again(database: Database) {
    let Some((store, kept)) = database.recorded().await else { return };
    let projects = store.list_projects().await.unwrap();
    let (all, page) = (TaskFilter::default(), Page::default());
    let tasks = store.list_tasks(projects[0].id, &all, page).await.unwrap();
    store.close().await;
    let subject = Subject::of(database, &kept);
    let newest = subject.describe().await;

    // Nothing before that can be undone: not even what could be is.
    let (below, stop) = if database == Database::Sqlite { ("2.14.0", "2.15.1.sqlite") } else { ("2.12.0", "2.13.0") };
    match subject.run(Target::UndoTo(below.parse().unwrap())).await {
        Err(StoreError::NoWayBack { version }) => assert_eq!(version, stop),
        other => panic!("{other:?}"),
    }
    assert_eq!(subject.describe().await, newest);

    let versions: &[&str] =
        if database == Database::Sqlite { &["2.16.8", "2.15.4", "2.15.1"] } else { &["2.16.8", "2.14.0"] };
    for version in versions {
        let plan = subject.run(Target::UndoTo(version.parse().unwrap())).await.unwrap();
        assert!(plan.is_undo && !plan.steps.is_empty());
        assert_same(&subject.describe().await, &recorded(database, &format!(".v{version}")).await, version);
    }
    if database != Database::Sqlite {
        subject.run(Target::UndoTo("2.13.0".parse().unwrap())).await.unwrap();
    }

    let store = database.reopen(&kept).await;
    assert_same(&subject.describe().await, &newest, "forward again");
    assert_eq!(*store.list_projects().await.unwrap(), *projects);
    assert_eq!(store.list_tasks(projects[0].id, &all, page).await.unwrap(), tasks);
    store.close().await;
}

/// 2.17.0 adds columns and then rows; the rows are what a rule of somebody else refuses.
async fn a_failing_step_leaves_no_half(database: Database) {
    let Some((store, kept)) = database.recorded().await else { return };
    store.close().await;
    let subject = Subject::of(database, &kept);
    subject.run(Target::UndoTo("2.16.50".parse().unwrap())).await.unwrap();
    let (obstacle, removal) = match database {
        Database::Sqlite => (
            "create trigger obstacle before insert on project__view begin select raise(abort, 'not today'); end",
            "drop trigger obstacle",
        ),
        Database::Postgres | Database::MariaDb => (
            "alter table project__view add constraint obstacle check (title <> 'All') ",
            "alter table project__view drop constraint obstacle",
        ),
    };
    kept.execute("delete from project__view where title = 'All'").await;
    kept.execute(obstacle).await;
    let before = subject.describe().await;
    let mut told = Vec::new();
    let mut tell = |progress| {
        if let Progress::Step { version, .. } = progress {
            told.push(version);
        }
    };
    let failed = migration::run(subject.place(), Target::Newest, &mut tell).await.unwrap_err();
    match (database, &failed) {
        (Database::MariaDb, StoreError::MigrationHalfDone { version: "2.17.0", done: 5, of: 6, .. }) => {
            assert!(failed.to_string().contains("goes on there"), "{failed}");
            let plan = migration::plan(subject.place(), Target::Newest).await.unwrap();
            assert_eq!(plan.half_done, Some(("2.17.0".to_owned(), 5)));
        }
        (Database::Sqlite | Database::Postgres, StoreError::Migration { version: "2.17.0", .. }) => {
            assert_eq!(subject.describe().await, before);
        }
        _ => panic!("{failed:?}"),
    }
    assert_eq!(told, ["2.17.0"], "the steps behind it wait");

    kept.execute(removal).await;
    let plan = subject.run(Target::Newest).await.unwrap();
    assert_eq!(plan.steps, ["2.17.0", "2.17.1", "2.17.2", "2.17.15"]);
    assert_same(&subject.describe().await, &recorded(database, "").await, "after all");
    let views = kept.execute("select title from project__view where type = 'all' and position = -1").await;
    assert_eq!(views, ["All", "All"], "one for each project, once");
    let plan = subject.run(Target::Newest).await.unwrap();
    assert!(plan.steps.is_empty() && plan.half_done.is_none());
}

/// MySQL, killed between a statement and the note of it: the statement finds its work done.
#[tokio::test]
async fn what_was_killed_before_its_note_goes_on() {
    let Some(machine) = Machine::of(Database::MariaDb) else { return };
    let name = new_name();
    let options = server_options(&machine.server, machine.kind, &name);
    let run = async |version: &str| {
        let target = Target::ApplyTo(version.parse().unwrap());
        migration::run(Place::Server(&options), target, &mut |_| {}).await.unwrap()
    };
    run("2.8.36").await;
    // A step that renames: its third statement ran, and only the second was noted.
    for text in [
        "create table rs_migration_progress \
         (version varchar(64) not null primary key, direction varchar(8) not null, statements int not null)",
        "insert into rs_migration_progress values ('2.8.38', 'apply', 2)",
        "alter table project__schedule rename to project__schedule_backup_8436583",
    ] {
        machine.server.execute(&name, text);
    }
    run("2.10.0").await;
    let newest = machine.load("schema/schema.mysql.v2.10.0.sql");
    assert_same(&sorted(machine.describe(&name)), &sorted(machine.describe(&newest)), "2.10.0");
}

#[tokio::test]
async fn unknown_versions_are_refused_on_servers_too() {
    for database in [Database::Postgres, Database::MariaDb] {
        let Some((store, kept)) = database.empty().await else { continue };
        store.close().await;
        kept.execute("insert into migrations (version) values ('2.18.0')").await;
        let subject = Subject::of(database, &kept);
        let before = subject.describe().await;
        for target in [Target::Newest, Target::UndoTo("2.14.0".parse().unwrap())] {
            match subject.run(target).await {
                Err(StoreError::UnknownVersions { versions, newest_known: "2.17.15" }) => {
                    assert_eq!(versions, ["2.18.0"]);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(subject.describe().await, before);
    }
}

stories! {
    there_and_back_again,
    a_failing_step_leaves_no_half,
}

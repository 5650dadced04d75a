//! `semaphore migrate` on PostgreSQL and MariaDB, killed in each step of the history: the next run goes on, and at the end there
//! is the schema with the rows that an undisturbed run makes.
//!
//! PostgreSQL never shows half a step. MariaDB commits each statement that changes the schema, so half a step may be there
//! while nobody migrates; only the end is compared.

use std::{
    io::{BufRead as _, BufReader, Lines},
    process::{Child, ChildStdout, Stdio},
    thread,
    time::Duration,
};

use semaphore_test_machine::database::{Kind, Server as Database};
use semaphore_tests::{Options, Server, project_root};
use serde_json::json;

use crate::{migrate, stderr, stdout, succeeds};

/// A database on a server, with an installation whose configuration names it.
struct Place<'a> {
    database: &'a Database,
    name: &'static str,
    server: Server,
}

const COLUMNS: &str = "select concat(table_name, ' ', column_name, ' ', data_type, ' ', \
    coalesce(character_maximum_length, 0), ' ', is_nullable, ' ', coalesce(column_default, '-')) \
    from information_schema.columns where ";

impl<'a> Place<'a> {
    fn new(database: &'a Database, name: &'static str) -> Self {
        let dialect = if database.kind() == Kind::Postgres { "postgres" } else { "mysql" };
        let config =
            json!({"dialect": dialect, dialect: {"host": database.address(), "user": database.user(), "name": name}});
        Self { database, name, server: Server::prepared(Options { config, ..Options::default() }) }
    }

    /// With an older database that the Go server made.
    fn recorded(database: &'a Database, name: &'static str) -> Self {
        let dialect = if database.kind() == Kind::Postgres { "postgres" } else { "mysql" };
        let file = format!("tests/conformance/fixtures/upgrade/{dialect}-hand-v2.8.0/dump.{dialect}.sql");
        database.load(name, &project_root().join(file));
        Self::new(database, name)
    }

    fn versions(&self) -> Vec<String> {
        self.database.execute(self.name, "select version from migrations")
    }

    /// Columns, keys and indexes of the reference's tables, sorted.
    fn shape(&self) -> Vec<String> {
        let texts: &[String] = &match self.database.kind() {
            Kind::Postgres => [
                format!("{COLUMNS} table_schema = 'public' and table_name not like 'rs!_%' escape '!'"),
                "select conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) from pg_constraint \
                 where connamespace = 'public'::regnamespace and conrelid::regclass::text not like 'rs!_%' escape '!' \
                 union all select indexdef from pg_indexes where schemaname = 'public' and tablename not like 'rs!_%' escape '!'"
                    .to_owned(),
            ],
            Kind::MariaDb => [
                format!("{COLUMNS} table_schema = database() and table_name not like 'rs!_%' escape '!'"),
                "select concat(table_name, ' ', constraint_name, ' ', column_name, ' ', ordinal_position, ' ', \
                 coalesce(referenced_table_name, ''), ' ', coalesce(referenced_column_name, '')) \
                 from information_schema.key_column_usage where table_schema = database() \
                 and table_name not like 'rs!_%' escape '!' \
                 union all select concat(table_name, ' ', index_name, ' ', seq_in_index, ' ', column_name, ' ', non_unique) \
                 from information_schema.statistics where table_schema = database() and table_name not like 'rs!_%' escape '!' \
                 union all select concat(table_name, ' ', constraint_name, ' ', delete_rule, ' ', update_rule) \
                 from information_schema.referential_constraints where constraint_schema = database() \
                 and table_name not like 'rs!_%' escape '!'"
                    .to_owned(),
            ],
        };
        let mut lines: Vec<_> = texts.iter().flat_map(|text| self.database.execute(self.name, text)).collect();
        lines.sort();
        lines
    }

    /// All rows of the reference's tables, sorted; of the history the versions only.
    fn rows(&self) -> Vec<String> {
        let schema = if self.database.kind() == Kind::Postgres { "'public'" } else { "database()" };
        let names = self.database.execute(
            self.name,
            &format!(
                "select table_name from information_schema.tables where table_schema = {schema} \
                 and table_name not like 'rs!_%' escape '!' and table_name <> 'migrations' order by 1"
            ),
        );
        let quote = if self.database.kind() == Kind::Postgres { '"' } else { '`' };
        let mut rows: Vec<String> = Vec::new();
        for name in names {
            let found = self.database.execute(self.name, &format!("select * from {quote}{name}{quote}"));
            // A step makes the first view, and PostgreSQL gives the number of an insert that was taken back to nobody.
            let number = |row: &str| if name == "project__view" { row.find('|').unwrap_or(0) } else { 0 };
            rows.extend(found.into_iter().map(|row| format!("{name}: {}", &row[number(&row)..])));
        }
        rows.extend(self.versions());
        rows.sort();
        rows
    }

    /// A run under way, with what it says.
    fn begin(&self) -> (Child, Lines<BufReader<ChildStdout>>) {
        let mut command = self.server.command(&["migrate", "--config"]);
        command.arg(self.server.config_path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        (child, lines)
    }

    /// Kills a run when it says that it begins its `count`th step, some milliseconds later; false if it came to its end.
    fn kill_in_step(&self, count: usize, later: u64) -> bool {
        let (mut child, mut lines) = self.begin();
        let begun = lines.by_ref().map_while(Result::ok).filter(|line| line.starts_with("Executing migration v"));
        let is_there = begun.take(count).count() == count;
        if is_there {
            // Where in the step it is hit is left to chance: each place must do.
            thread::sleep(Duration::from_millis(later));
            child.kill().unwrap();
        }
        child.wait().unwrap();
        is_there
    }
}

fn a_kill_in_each_step_leaves_what_goes_on(kind: Kind) {
    let Some(database) = Database::start(kind) else { return };
    let whole = Place::recorded(&database, "undisturbed");
    let killed = Place::recorded(&database, "killed");
    let first = whole.versions().len();
    let mut kills = 0;
    let mut done = first;
    // Each run does at least one step and is killed in the next one.
    while killed.kill_in_step(2, kills % 4 * 2) {
        kills += 1;
        let versions = killed.versions().len();
        assert!(versions > done, "a step that was told to be done is not: {versions} of {done}");
        done = versions;
        if kind == Kind::Postgres {
            let newest =
                killed.database.execute("killed", "select version from migrations order by upgraded_date desc limit 1");
            succeeds(&migrate(&whole.server, &["--apply-to", &newest[0]]));
            assert_eq!(whole.versions().len(), done, "steps are done in their order, {newest:?} is the newest");
            assert!(killed.shape() == whole.shape(), "half a step is visible after {newest:?}");
        }
    }
    // A fast machine does several steps before it is hit.
    assert!(kills > 8, "{kills} kills");
    let rest = migrate(&whole.server, &[]);
    assert!(rest.status.success(), "{}{}", stdout(&rest), stderr(&rest));
    let settled = migrate(&killed.server, &[]);
    assert!(settled.status.success() && !stdout(&settled).contains("Executing"), "{}", stdout(&settled));
    let (found, expected) = (killed.shape(), whole.shape());
    let other: Vec<_> = found.iter().filter(|line| !expected.contains(line)).collect();
    assert!(found == expected, "after {kills} kills: {other:#?}");
    assert_eq!(killed.rows(), whole.rows(), "after {kills} kills");
    let left = killed.database.execute(
        "killed",
        "select table_name from information_schema.tables where table_name = 'rs_migration_progress'",
    );
    assert!(left.is_empty(), "the note of an interrupted step is left: {left:?}");

    // The same while a new database is made at once.
    for (round, name) in ["new_0", "new_1", "new_2", "new_3"].into_iter().enumerate() {
        let new = Place::new(&database, name);
        assert!(new.kill_in_step(1, round as u64 * 25));
        succeeds(&migrate(&new.server, &[]));
        assert!(new.shape() == expected, "a new database, killed after {} ms", round * 25);
    }
}

#[test]
fn a_kill_in_each_step_on_postgres() {
    a_kill_in_each_step_leaves_what_goes_on(Kind::Postgres);
}

#[test]
fn a_kill_in_each_step_on_mariadb() {
    a_kill_in_each_step_leaves_what_goes_on(Kind::MariaDb);
}

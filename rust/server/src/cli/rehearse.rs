//! `server --rehearse`: the server on a copy of the database, to try this version on real data without any effect.
//!
//! What is different while it serves: no task, schedule, alert, webhook or runner is executed (`http/rehearsal.rs` and the
//! services see to it), and every page says so. Invariant: the original is opened for reading only.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use semaphore_store::{ServerKind, ServerOptions, Store};
use tempfile::TempDir;
use url::Url;

use super::{
    arguments::Server,
    doctor::{self, Level, database::inspect, machine::free_bytes},
    output::say,
    start::ConfigSource,
};
use crate::config::{Config, Database};

/// The variable that names the copy, as `--rehearse-dsn` does.
const DSN_VARIABLE: &str = "SEMAPHORE_REHEARSE_DSN";

/// A copy of the database that is gone when this is dropped, and what is said on every page.
pub(super) struct Rehearsal {
    /// Holds the copy and what would lie in `tmp_path`.
    directory: TempDir,
    /// What is said on every page.
    pub(super) notice: String,
}

/// Makes the copy and turns the configuration to it.
pub(super) async fn prepare(config: &mut Config, arguments: &Server) -> anyhow::Result<Rehearsal> {
    let directory = tempfile::Builder::new()
        .prefix("semaphore-rehearsal-")
        .tempdir()
        .context("cannot make a directory for the copy; TMPDIR names another place")?;
    let from_environment = || std::env::var(DSN_VARIABLE).ok().filter(|text| !text.is_empty());
    let dsn = arguments.rehearse_dsn.as_ref().map(|dsn| dsn.0.expose().to_owned()).or_else(from_environment);
    let (copy, line) = match (&config.database, dsn) {
        (original, Some(dsn)) => {
            let copy = parse_dsn(&dsn, original)?;
            refuse_original(original, &copy).await?;
            let line = line_of(&copy);
            (copy, line)
        }
        (Database::Bolt(path), None) => bail!(
            "the configuration names the BoltDB file {}: import it first (semaphore migrate --from-boltdb), or try the import with \
             --dry-run; nothing was changed",
            path.display()
        ),
        (Database::Sqlite(original), None) => {
            let copy = directory.path().join("database.sqlite");
            copy_file(original, &copy).await?;
            let line = line_of(&Database::Sqlite(copy.clone()));
            (Database::Sqlite(copy), line)
        }
        (Database::Server(options), None) => bail!(
            "the database {} is on a server, where this program makes no copy: make one with pg_dump or mysqldump, and name it with \
             --rehearse-dsn or {DSN_VARIABLE}; nothing was changed",
            options.database
        ),
    };
    let notice = format!(
        "this is a rehearsal on a copy of the database ({}): changes are not kept, and no task, schedule, alert, webhook or runner is \
         executed",
        chrono::Utc::now().format("%Y-%m-%d %H:%M UTC")
    );
    config.database = copy;
    config.database_line = line;
    config.tmp_path = directory.path().join("tmp");
    Ok(Rehearsal { directory, notice })
}

impl Rehearsal {
    /// Says what is in the copy, and what would be missing or wrong.
    pub(super) async fn announce(&self, source: &ConfigSource, config: &Config, store: &Store) -> anyhow::Result<()> {
        say(&format!("Rehearsal on {}", config.database_line))?;
        for (name, count) in store.count_entities().await.context("cannot count what is in the copy")? {
            say(&format!("{count:>10} {name}"))?;
        }
        let report = doctor::before_rehearsal(source, config, store).await;
        for line in report.lines(Level::Note) {
            say(&line)?;
        }
        say(&report.summary())?;
        Ok(())
    }

    /// Removes the copy.
    pub(super) fn close(self) {
        let path = self.directory.path().to_owned();
        if let Err(error) = self.directory.close() {
            tracing::warn!(%error, path = %path.display(), "the copy of the rehearsal could not be removed; remove it, it holds secrets");
        }
    }
}

async fn copy_file(original: &Path, copy: &Path) -> anyhow::Result<()> {
    let size = std::fs::metadata(original)
        .with_context(|| format!("there is no database {} to rehearse on", original.display()))?
        .len();
    let free = free_bytes(copy)?;
    ensure!(
        free > size,
        "the copy needs {} MiB, but {} MiB are free in {}: make room, or set TMPDIR to another place",
        size >> 20,
        free >> 20,
        copy.parent().unwrap_or(copy).display()
    );
    semaphore_store::copy_sqlite(original, copy)
        .await
        .with_context(|| format!("cannot copy the database {}; it was not changed", original.display()))
}

fn line_of(database: &Database) -> String {
    match database {
        Database::Sqlite(path) | Database::Bolt(path) => format!("SQLite copy {}", path.display()),
        Database::Server(options) => {
            let kind = if options.kind == ServerKind::Postgres { "Postgres" } else { "MySQL" };
            format!("{kind} copy {}@{} {}", options.user, options.host, options.database)
        }
    }
}

/// The database that a DSN names; user and password that it lacks are those of the original.
fn parse_dsn(dsn: &str, original: &Database) -> anyhow::Result<Database> {
    // The text itself may hold a password: no error repeats it.
    let example = "it must look like postgres://user@host:port/name, mysql://user@host:port/name or sqlite:///path/of/copy.sqlite";
    let url = Url::parse(dsn).ok().with_context(|| format!("the DSN of the rehearsal is not understood: {example}"))?;
    let kind = match url.scheme() {
        "sqlite" | "file" => return Ok(Database::Sqlite(decoded(url.path())?.into())),
        "postgres" | "postgresql" => ServerKind::Postgres,
        "mysql" | "mariadb" => ServerKind::MySql,
        other => bail!("the DSN of the rehearsal begins with {other:?}: {example}"),
    };
    let configured = match original {
        Database::Server(options) if options.kind == kind => Some(options),
        _ => None,
    };
    let or_configured = |text: &str, field: fn(&ServerOptions) -> String| -> anyhow::Result<String> {
        let text = decoded(text)?;
        Ok(if text.is_empty() { configured.map(field).unwrap_or_default() } else { text })
    };
    let database = decoded(url.path().trim_start_matches('/'))?;
    ensure!(!database.is_empty(), "the DSN of the rehearsal names no database: {example}");
    let mut options: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
    // A socket has no place in the authority of a URL.
    let socket = options.remove("host").or_else(|| options.remove("socket"));
    let host = match (socket, url.host_str(), url.port()) {
        (Some(socket), ..) => socket,
        (None, Some(host), Some(port)) => format!("{host}:{port}"),
        (None, Some(host), None) => host.to_owned(),
        (None, None, _) => configured.map(|options| options.host.clone()).unwrap_or_default(),
    };
    let password = or_configured(url.password().unwrap_or_default(), |options| options.password.expose().to_owned())?;
    if options.is_empty() {
        options = configured.map(|options| options.options.clone()).unwrap_or_default();
    }
    Ok(Database::Server(ServerOptions {
        kind,
        host,
        user: or_configured(url.username(), |options| options.user.clone())?,
        password: password.into(),
        database,
        options,
        connections: configured.map_or(20, |options| options.connections),
    }))
}

fn decoded(text: &str) -> anyhow::Result<String> {
    let bytes: Vec<u8> = url::form_urlencoded::parse(text.replace('+', "%2B").as_bytes())
        .next()
        .map_or_else(Vec::new, |(name, _)| name.into_owned().into_bytes());
    String::from_utf8(bytes).context("the DSN of the rehearsal is not UTF-8")
}

/// A rehearsal writes to its copy: it must not be the original under another name.
async fn refuse_original(original: &Database, copy: &Database) -> anyhow::Result<()> {
    const REFUSAL: &str =
        "the DSN of the rehearsal names the database of the configuration: name a copy of it; nothing was changed";
    match (original, copy) {
        (Database::Sqlite(original), Database::Sqlite(copy)) => {
            ensure!(copy.is_file(), "there is no database {} to rehearse on", copy.display());
            let same = std::fs::canonicalize(original).ok() == std::fs::canonicalize(copy).ok();
            ensure!(!same && !is_same_file(original, copy), REFUSAL);
        }
        (Database::Server(first), Database::Server(second)) if first.kind == second.kind => {
            ensure!(first.host != second.host || first.database != second.database, REFUSAL);
            let copy = inspect(copy).await.context("the copy of the rehearsal cannot be opened")?;
            let its_name = copy.identity().await;
            copy.close().await;
            // An original that cannot be reached from here cannot be damaged from here.
            if let Ok(original) = inspect(original).await {
                let name = original.identity().await;
                original.close().await;
                ensure!(name? != its_name?, REFUSAL);
            }
        }
        _ => {}
    }
    Ok(())
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) else { return false };
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn a_dsn_names_a_copy_and_takes_what_it_lacks_from_the_configuration() {
        let original = Database::Server(ServerOptions {
            kind: ServerKind::Postgres,
            host: "db:5432".into(),
            user: "semaphore".into(),
            password: "geheim".into(),
            database: "semaphore".into(),
            options: [("sslmode".to_owned(), "disable".to_owned())].into(),
            connections: 7,
        });
        let Database::Server(copy) = parse_dsn("postgres:///copy", &original).unwrap() else { panic!("no server") };
        assert_eq!(
            (copy.host.as_str(), copy.user.as_str(), copy.password.expose()),
            ("db:5432", "semaphore", "geheim")
        );
        assert_eq!((copy.database.as_str(), copy.options["sslmode"].as_str()), ("copy", "disable"));
        let text = "postgres://some%40one:p%2Fw@other:1/copy?host=/run/postgresql&sslmode=require";
        let Database::Server(copy) = parse_dsn(text, &original).unwrap() else { panic!("no server") };
        assert_eq!(
            (copy.host.as_str(), copy.user.as_str(), copy.password.expose()),
            ("/run/postgresql", "some@one", "p/w")
        );
        assert_eq!(copy.options["sslmode"], "require");
        assert!(
            matches!(parse_dsn("sqlite:///a%20b.sqlite", &original).unwrap(), Database::Sqlite(path) if path == Path::new("/a b.sqlite"))
        );
        for bad in ["geheim", "oracle://x:geheim@y/z", "mysql://user:geheim@host"] {
            let error = format!("{:#}", parse_dsn(bad, &original).unwrap_err());
            assert!(!error.contains("geheim"), "{error}");
        }
    }
}

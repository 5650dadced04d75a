//! `database copy`: everything of one database into an empty one, of the same or another dialect.
//!
//! Invariants: the source is not migrated or otherwise changed; ids stay as they are.

use std::path::Path;

use anyhow::{Context, bail, ensure};
use semaphore_store::{SqliteOptions, Store};

use super::{
    arguments::CopyDatabase,
    output::say,
    start::{self, ConfigSource},
    transfer::{Bar, tell},
};
use crate::config::{Config, Database, Sources};

pub(super) fn run(source: &ConfigSource, arguments: &CopyDatabase) -> anyhow::Result<()> {
    let from = start::config(source)?;
    let to = target(&arguments.to_config)?;
    ensure!(
        from.access_key_encryption == to.access_key_encryption,
        "the two configurations have different keys access_key_encryption: no secret could be read in the copy. Give both the \
         same key; nothing was changed"
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let source = open_source(&from).await?;
        say(&format!("From {}", from.database_line))?;
        let target = start::open(&to).await.context("the target cannot be opened")?;
        say(&format!("To {}", to.database_line))?;
        let mut bar = Bar::new();
        let copied = target
            .copy_from(&source, &from.database_line, arguments.dry_run, &mut |progress| bar.draw(&progress))
            .await;
        drop(bar);
        source.close().await;
        target.close().await;
        let report = copied?;
        tell(&report)?;
        say(match (arguments.dry_run, report.was_done) {
            (true, _) => "Dry run: nothing was copied.",
            (false, true) => "The database was copied before; nothing was changed.",
            (false, false) => "Copy finished successfully.",
        })?;
        Ok(())
    })
}

/// The configuration of the target: its file alone, because the environment speaks of the source.
fn target(path: &Path) -> anyhow::Result<Config> {
    let nothing = |_: &str| None;
    let sources = Sources {
        config_path: Some(path.to_owned()),
        no_config: false,
        directory: std::env::current_dir().unwrap_or_default(),
        environment: &nothing,
    };
    let config =
        Config::load(&sources).with_context(|| format!("the configuration of the target, {}", path.display()))?;
    if matches!(config.database, Database::Bolt(_)) {
        bail!("the target must be a SQL database, not a Bolt file");
    }
    Ok(config)
}

/// The source, as it is: one of an older version is refused.
async fn open_source(config: &Config) -> anyhow::Result<Store> {
    match &config.database {
        Database::Bolt(_) => bail!("a Bolt file is imported with `semaphore migrate --from-boltdb`"),
        Database::Sqlite(path) => {
            ensure!(path.exists(), "there is no database {}", path.display());
            let options = SqliteOptions { migrate: false, ..SqliteOptions::new(path) };
            Store::open(options).await.with_context(|| format!("cannot open the database {}", path.display()))
        }
        Database::Server(_) => start::store(config).await,
    }
}

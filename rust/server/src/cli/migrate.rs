//! `migrate`: brings the database to this version.

use super::{
    arguments::Migrate,
    bolt_import,
    output::say,
    start::{self, ConfigSource},
};

pub(super) fn run(source: &ConfigSource, arguments: &Migrate) -> anyhow::Result<()> {
    if let Some(file) = &arguments.from_boltdb {
        return bolt_import::run(source, arguments, file);
    }
    let unsupported = [("--apply-to", arguments.apply_to.is_some()), ("--undo-to", arguments.undo_to.is_some())];
    for (flag, is_given) in unsupported {
        anyhow::ensure!(!is_given, "{flag} is not supported by this build yet; nothing was changed");
    }
    let config = start::config(source)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = start::store(&config).await?;
        say(&config.database_line)?;
        store.close().await;
        Ok(())
    })
}

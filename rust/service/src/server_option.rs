//! Settings kept in the database; only administrators reach them.

use std::collections::BTreeMap;

use semaphore_model::{ServerOption, server_option::validate_key};

use crate::{error::Result, services::Services};

impl Services {
    /// All settings by key.
    pub async fn list_options(&self) -> Result<BTreeMap<String, String>> {
        let options = self.store.list_options("").await?;
        Ok(options.into_iter().map(|option| (option.key, option.value)).collect())
    }

    /// Stores a setting. Reference: any key was taken, although deleting refuses all but letters, digits, `_` and `.`.
    pub async fn set_option(&self, option: &ServerOption) -> Result<()> {
        validate_key(&option.key)?;
        Ok(self.store.set_option(&option.key, &option.value).await?)
    }
}

//! The configuration: whether it can be read, what nobody reads of it, and whether its keys are usable.

use semaphore_model::error_chain;
use semaphore_service::crypto::{access_key::AccessKeyCipher, cookie::CookieCodec};

use super::Report;
use crate::{
    cli::start::{ConfigSource, sources},
    config::{Config, unknown_keys},
};

const AREA: &str = "configuration";
const KEYS: &str = "keys";

/// The configuration, unless it is refused.
pub(super) fn check(source: &ConfigSource, report: &mut Report) -> Option<Config> {
    let sources = sources(source);
    let config = match Config::load(&sources) {
        Ok(config) => config,
        Err(error) => {
            report.problem(AREA, error_chain(&error), "the server does not start before this is mended");
            return None;
        }
    };
    let file =
        config.file.as_deref().map_or_else(|| "from the environment".to_owned(), |file| file.display().to_string());
    report.ok(AREA, file);
    for key in unknown_keys(&sources).unwrap_or_default() {
        let meant = key.meant.map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
        report.warning(AREA, format!("{} is not a key of the configuration{meant}", key.path), "");
    }
    for key in &config.without_effect {
        report.warning(AREA, format!("{key} has no effect in this build"), "");
    }
    check_keys(&config, report);
    Some(config)
}

fn check_keys(config: &Config, report: &mut Report) {
    if config.cookie_hash.is_empty() {
        report.warning(
            KEYS,
            "cookie_hash is not set: everybody has to log in again after each start",
            "set it to the base64 of 32 random bytes",
        );
    } else if let Err(error) = CookieCodec::new(config.cookie_hash.expose(), config.cookie_encryption.expose()) {
        report.problem(KEYS, error.to_string(), "the server does not start before this is mended");
    } else {
        report.ok(KEYS, "cookie_hash and cookie_encryption are usable");
    }
    if config.access_key_encryption.is_empty() {
        report.warning(
            KEYS,
            "access_key_encryption is not set: secrets are stored readable for whoever reads the database",
            "set it to the base64 of 32 random bytes, then run `semaphore vaults rekey`",
        );
    } else if let Err(error) = AccessKeyCipher::new(config.access_key_encryption.expose()) {
        report.problem(KEYS, error.to_string(), "the server does not start before this is mended");
    } else {
        report.ok(KEYS, "access_key_encryption is usable");
    }
}

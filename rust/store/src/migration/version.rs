//! Names of steps as numbers, so that `2.9.100` comes after `2.9.97`.

use semaphore_model::ValidationError;
use std::fmt;
use std::str::FromStr;

/// A version of the schema. `2.15` means the last step of that line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

impl SchemaVersion {
    /// Stands for "whatever the last one is".
    const END: u32 = u32::MAX;
}

impl FromStr for SchemaVersion {
    type Err = ValidationError;

    /// Reference: `ParseVersion`: two numbers or three; what follows the third is ignored, as in `2.15.1.sqlite`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused =
            || ValidationError::new(format!("{text:?} is not a schema version: use a form like 2.16.8 or 2.16"));
        let number = |part: &str| part.parse::<u32>().map_err(|_| refused());
        let mut parts = text.split('.');
        let (major, minor) = (parts.next().ok_or_else(refused)?, parts.next().ok_or_else(refused)?);
        let patch = parts.next().map_or(Ok(Self::END), number)?;
        Ok(Self { major: number(major)?, minor: number(minor)?, patch })
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        if self.patch == Self::END { Ok(()) } else { write!(f, ".{}", self.patch) }
    }
}

/// The number of a step of ours.
pub(super) fn of_step(version: &'static str) -> SchemaVersion {
    // Every name in the history is a version: a test says so.
    version.parse().unwrap_or(SchemaVersion { major: 0, minor: 0, patch: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let version = |text: &str| text.parse::<SchemaVersion>().ok();
        assert!(version("2.9.97") < version("2.9.100"));
        assert!(version("2.15.4") < version("2.15") && version("2.15") < version("2.16.0"));
        assert_eq!(version("2.15.1.sqlite"), version("2.15.1"));
        assert_eq!(version("2.16").unwrap_or_else(|| of_step("0.0.0")).to_string(), "2.16");
        for text in ["", "2", "x.1", "2.x", "2.1.x", "-1.0", "2.1.99999999999"] {
            assert_eq!(version(text), None, "{text}");
        }
        for step in super::super::history::steps().chain(super::super::sqlite_steps()) {
            assert!(version(step.version).is_some(), "{}", step.version);
        }
    }
}

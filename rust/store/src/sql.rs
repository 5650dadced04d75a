//! The words of SQL that differ between databases, and the pieces that are put together at run time.
//!
//! Queries are written once, with `?` for values and backquotes around names that are reserved words; SQLite and MySQL take
//! that as it is, PostgreSQL after [`Dialect::adapt`]. Only fixed words are ever put into a text: values are always bound.

use std::borrow::Cow;

/// Which database the text goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite 3.
    Sqlite,
}

impl Dialect {
    /// The text in the words of this database.
    pub(crate) fn adapt(self, text: Cow<'static, str>) -> Cow<'static, str> {
        match self {
            Self::Sqlite => text,
        }
    }

    /// How many values one statement may bind.
    pub(crate) const fn parameter_limit(self) -> usize {
        match self {
            Self::Sqlite => 32_766,
        }
    }
}

/// ` and column in (?, ?, ?)` for a list of `count` values.
pub(crate) fn and_in(column: &'static str, count: usize) -> String {
    let mut placeholders = "?, ".repeat(count);
    placeholders.truncate(placeholders.len().saturating_sub(2));
    format!(" and {column} in ({placeholders})")
}

/// `text` so that no letter of it is a wildcard in `like ? escape '\'`.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

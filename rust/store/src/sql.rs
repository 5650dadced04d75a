//! The words of SQL that differ between databases, and the pieces that are put together at run time.
//!
//! Queries are written once, with `?` for values and backquotes around names that are reserved words; SQLite and MySQL take
//! that as it is, PostgreSQL after [`Dialect::adapt`]. Only fixed words are ever put into a text: values are always bound.
//! Rules for a text that all three take: truth values are compared as such (`not expired`, never `expired = 0`) and set with
//! `true` and `false`; `like` escapes with `!`; what is deleted is not selected from at the same time.

use std::borrow::Cow;

/// Which database the text goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite 3.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl Dialect {
    /// The text in the words of this database.
    pub(crate) fn adapt(self, text: Cow<'static, str>) -> Cow<'static, str> {
        match self {
            Self::Sqlite | Self::MySql => text,
            Self::Postgres => Cow::Owned(for_postgres(&text)),
        }
    }

    /// How many values one statement may bind.
    pub(crate) const fn parameter_limit(self) -> usize {
        match self {
            Self::Sqlite => 32_766,
            Self::Postgres | Self::MySql => 65_535,
        }
    }

    /// What follows a `select` of rows that the transaction will change or build upon. SQLite has one writer anyway.
    pub(crate) const fn for_update(self) -> &'static str {
        match self {
            Self::Sqlite => "",
            Self::Postgres | Self::MySql => " for update",
        }
    }

    /// The day of a row's `created`. Reference: `2026-11-22` on SQLite, `2026-11-22T00:00:00Z` on the servers.
    pub(crate) const fn day_of_created(self) -> &'static str {
        match self {
            Self::Sqlite => "substr(created, 1, 10)",
            Self::Postgres => "to_char(created, 'YYYY-MM-DD\"T00:00:00Z\"')",
            Self::MySql => "date_format(created, '%Y-%m-%dT00:00:00Z')",
        }
    }
}

/// `?` becomes `$1`, `$2`, ...; backquotes become quotation marks; text between apostrophes stays.
fn for_postgres(text: &str) -> String {
    let mut adapted = String::with_capacity(text.len() + 16);
    let mut number = 0;
    let mut in_text = false;
    for letter in text.chars() {
        match letter {
            '\'' => {
                in_text = !in_text;
                adapted.push(letter);
            }
            '?' if !in_text => {
                number += 1;
                adapted.push('$');
                adapted.push_str(&number.to_string());
            }
            '`' if !in_text => adapted.push('"'),
            _ => adapted.push(letter),
        }
    }
    adapted
}

/// ` and column in (?, ?, ?)` for a list of `count` values.
pub(crate) fn and_in(column: &'static str, count: usize) -> String {
    let mut placeholders = "?, ".repeat(count);
    placeholders.truncate(placeholders.len().saturating_sub(2));
    format!(" and {column} in ({placeholders})")
}

/// `text` so that no letter of it is a wildcard in `like ? escape '!'`.
pub(crate) fn escape_like(text: &str) -> String {
    text.replace('!', "!!").replace('%', "!%").replace('_', "!_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn postgres_gets_its_own_words() {
        let text = "select * from `option` where `key` = ? or `key` like ? escape '!' and x <> 'a?`b'";
        assert_eq!(
            Dialect::Postgres.adapt(text.into()),
            r#"select * from "option" where "key" = $1 or "key" like $2 escape '!' and x <> 'a?`b'"#
        );
        assert_eq!(Dialect::MySql.adapt(text.into()), text);
    }
}

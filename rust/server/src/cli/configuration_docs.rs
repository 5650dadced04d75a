//! `config docs`: the table of keys as a page for people. docs/reference/configuration.md is its committed copy.

use std::fmt::Write;

use crate::config::{KEYS, Key, Kind, Rule, Support};

/// What stands before the table.
const HEAD: &str = "# Configuration

Written by `semaphore config docs --file docs/reference/configuration.md` from the table that the program itself reads; do not edit.

The configuration is a JSON file: `--config FILE`, or `SEMAPHORE_CONFIG_PATH`, or the first of `config.json` in the working
directory, `/usr/local/etc/semaphore/config.json` and `/etc/semaphore/config.json`. `--no-config` does without one. A dot in a key
stands for an object: `sqlite.host` is `{\"sqlite\": {\"host\": ...}}`.

An option of the same name in the database wins over the environment, the environment over the file, and the default counts for
what is empty, zero or false everywhere. In the environment a list or an object is JSON, and `1`, `true` and `yes` are true.
`semaphore config show` tells which value counts and where it comes from, `semaphore config check` what is wrong.

Secrets are marked with *secret*; no command and no log shows them. Keys marked with *no effect yet* are keys of the Go server that
this build does not act on.

| Key | Environment | Value | Default | Meaning |
|---|---|---|---|---|
";

/// The page.
pub(super) fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for key in KEYS {
        let variable = if key.env.is_empty() { String::new() } else { code(key.env) };
        let default = if key.default.is_empty() { String::new() } else { code(key.default) };
        // Writing into a text cannot fail.
        let _ =
            writeln!(page, "| {} | {variable} | {} | {default} | {} |", code(key.path), value(key), escaped(key.doc));
    }
    page
}

/// What a value must be.
fn value(key: &Key) -> String {
    let kind = match key.kind {
        Kind::Text => "text",
        Kind::Integer => "number",
        Kind::Bool => "true or false",
        Kind::List => "list of texts",
        Kind::Object => "object",
    };
    let kind = match key.rule {
        Rule::Any => kind.to_owned(),
        Rule::OneOf(values) => values.iter().map(|value| code(value)).collect::<Vec<_>>().join(", "),
        Rule::Port => "port, such as `3000` or `:3000`".to_owned(),
        Rule::PortNumber => "number of a port".to_owned(),
        Rule::NotNegative => "number, not negative".to_owned(),
        Rule::Identifier => "number of a user or group".to_owned(),
        Rule::AbsolutePath => "path from the root".to_owned(),
    };
    let secret = if key.secret { "; *secret*" } else { "" };
    let later = if key.support == Support::NotYet { "; *no effect yet*" } else { "" };
    format!("{kind}{secret}{later}")
}

fn code(text: &str) -> String {
    format!("`{}`", escaped(text))
}

/// A text that ends no cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

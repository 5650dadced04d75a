//! The questions of `setup`, in the reference's words and order, and the configuration that the answers make.

use std::path::{Component, Path, PathBuf};

use semaphore_service::crypto::fresh_key;
use serde_json::{Map, Value, json};

use super::questions::{is_wanted, secret, value};
use crate::{cli::output::say, config::complaint_about};

/// What is said first.
const WELCOME: &str = "
Hello! This sets up a Semaphore server:

1. a configuration file with keys of its own
2. the database and its tables
3. an administrator who can log in
";

/// The question about the database.
const DATABASE: &str = "What database to use:
   1 - MySQL
   2 - BoltDB (no longer possible)
   3 - PostgreSQL
   4 - SQLite
";

/// The three keys of a configuration file that nobody thinks up.
const GENERATED: [&str; 3] = ["cookie_hash", "cookie_encryption", "access_key_encryption"];

/// That somebody wants a BoltDB file.
#[derive(Debug, thiserror::Error)]
#[error(
    "this server keeps its data in SQL: choose SQLite instead of BoltDB, and bring an existing file along with \
     `semaphore migrate --from-boltdb FILE`; nothing was written"
)]
pub(super) struct NoBolt;

/// The path without `.` and `..`, as far as its text tells. Reference: `filepath.Clean`.
fn cleaned(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match (part, clean.components().next_back()) {
            (Component::ParentDir, Some(Component::Normal(_))) => {
                clean.pop();
            }
            (Component::ParentDir, Some(Component::RootDir)) => {}
            (part, _) => clean.push(part),
        }
    }
    clean
}

/// Asks everything that the configuration needs.
pub(super) fn ask(working_directory: &Path) -> anyhow::Result<Map<String, Value>> {
    say(WELCOME)?;
    let mut settings = Map::new();
    ask_database(&mut settings, working_directory)?;
    let path = text("tmp_path", "Playbook path", &default_playbook_path())?;
    // Reference: `filepath.Clean`.
    let path = cleaned(Path::new(&path));
    settings.insert("tmp_path".to_owned(), path.to_string_lossy().into());
    put(&mut settings, "web_host", "Public URL (optional, example: https://example.com/semaphore)", "")?;
    generate_keys(&mut settings);
    if enable(&mut settings, "email_alert", "Enable email alerts?")? {
        put(&mut settings, "email_host", "Mail server host", "localhost")?;
        put(&mut settings, "email_port", "Mail server port", "25")?;
        put(&mut settings, "email_sender", "Mail sender address", "semaphore@localhost")?;
    }
    if enable(&mut settings, "telegram_alert", "Enable telegram alerts?")? {
        put(&mut settings, "telegram_token", "Telegram bot token (you can get it from @BotFather)", "")?;
        put(&mut settings, "telegram_chat", "Telegram chat ID", "")?;
    }
    if enable(&mut settings, "slack_alert", "Enable slack alerts?")? {
        put(&mut settings, "slack_url", "Slack Webhook URL", "")?;
    }
    if enable(&mut settings, "rocketchat_alert", "Enable Rocket.Chat alerts?")? {
        put(&mut settings, "rocketchat_url", "Rocket.Chat Webhook URL", "")?;
    }
    if enable(&mut settings, "microsoft_teams_alert", "Enable Microsoft Team Channel alerts?")? {
        put(&mut settings, "microsoft_teams_url", "Microsoft Teams Webhook URL", "")?;
    }
    if enable(&mut settings, "ldap_enable", "Enable LDAP authentication?")? {
        ask_directory(&mut settings)?;
    }
    Ok(settings)
}

/// Puts in the three keys where they are missing.
pub(super) fn generate_keys(settings: &mut Map<String, Value>) {
    for key in GENERATED {
        settings.entry(key).or_insert_with(|| Value::from(fresh_key::generate().expose()));
    }
}

/// Where projects are worked on unless somebody says otherwise.
pub(super) fn default_playbook_path() -> String {
    std::env::temp_dir().join("semaphore").to_string_lossy().into_owned()
}

/// Address, user and name of a database on a server unless somebody says otherwise.
pub(super) fn server_defaults(dialect: &str) -> [(&'static str, &'static str); 3] {
    let address = if dialect == "postgres" { "127.0.0.1:5432" } else { "127.0.0.1:3306" };
    [("host", address), ("user", "root"), ("name", "semaphore")]
}

fn ask_database(settings: &mut Map<String, Value>, working_directory: &Path) -> anyhow::Result<()> {
    let complaint =
        |answer: &str| (!["1", "2", "3", "4"].contains(&answer)).then(|| "is none of 1, 3 and 4".to_owned());
    let dialect = match value(DATABASE, "1", complaint)?.as_str() {
        "2" => return Err(NoBolt.into()),
        "3" => "postgres",
        "4" => "sqlite",
        _ => "mysql",
    };
    let database = if dialect == "sqlite" {
        let default = working_directory.join("database.sqlite");
        json!({"host": value("db Hostname", &default.to_string_lossy(), |_| None)?})
    } else {
        ask_server(dialect)?
    };
    settings.insert(dialect.to_owned(), database);
    settings.insert("dialect".to_owned(), dialect.into());
    Ok(())
}

fn ask_server(dialect: &str) -> anyhow::Result<Value> {
    let [host, user, name] = server_defaults(dialect);
    let mut server = Map::new();
    server.insert("host".to_owned(), value("db Hostname", host.1, |_| None)?.into());
    server.insert("user".to_owned(), value("db User", user.1, |_| None)?.into());
    let password = secret("db Password", "")?;
    if !password.is_empty() {
        server.insert("pass".to_owned(), password.expose().into());
    }
    server.insert("name".to_owned(), value("db Name", name.1, |_| None)?.into());
    if dialect == "postgres" {
        server.insert("options".to_owned(), json!({"sslmode": "disable"}));
    }
    Ok(server.into())
}

fn ask_directory(settings: &mut Map<String, Value>) -> anyhow::Result<()> {
    put(settings, "ldap_server", "LDAP server host", "localhost:389")?;
    enable(settings, "ldap_needtls", "Enable LDAP TLS connection")?;
    put(settings, "ldap_binddn", "LDAP DN for bind", "cn=user,ou=users,dc=example")?;
    let password = secret("Password for LDAP bind user", "pa55w0rd")?;
    settings.insert("ldap_bindpassword".to_owned(), password.expose().into());
    put(settings, "ldap_searchdn", "LDAP DN for user search", "ou=users,dc=example")?;
    put(settings, "ldap_searchfilter", "LDAP search filter", "(uid=%s)")?;
    let mappings = json!({
        "dn": text("ldap_mappings.dn", "LDAP mapping for DN field", "dn")?,
        "uid": text("ldap_mappings.uid", "LDAP mapping for username field", "uid")?,
        "cn": text("ldap_mappings.cn", "LDAP mapping for full name field", "cn")?,
        "mail": text("ldap_mappings.mail", "LDAP mapping for email field", "mail")?,
    });
    settings.insert("ldap_mappings".to_owned(), mappings);
    Ok(())
}

/// Asks for the text of a key until it is good.
fn text(key: &str, question: &str, default: &str) -> anyhow::Result<String> {
    value(question, default, |answer| complaint_about(key, answer))
}

/// The same, and puts it in unless it is empty.
fn put(settings: &mut Map<String, Value>, key: &str, question: &str, default: &str) -> anyhow::Result<()> {
    let answer = text(key, question, default)?;
    if !answer.is_empty() {
        settings.insert(key.to_owned(), answer.into());
    }
    Ok(())
}

/// Asks whether a key is to be true.
fn enable(settings: &mut Map<String, Value>, key: &str, question: &str) -> anyhow::Result<bool> {
    let wanted = is_wanted(question)?;
    if wanted {
        settings.insert(key.to_owned(), true.into());
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_as_go_cleans_them() {
        for (path, clean) in
            [("/a/x/../pl/", "/a/pl"), ("/../a", "/a"), ("a/./b", "a/b"), ("../a", "../a"), ("../../a/..", "../..")]
        {
            assert_eq!(cleaned(Path::new(path)), Path::new(clean), "{path}");
        }
    }
}

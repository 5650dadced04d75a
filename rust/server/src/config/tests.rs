#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::HashSet, path::Path};

use super::*;
use semaphore_store::ServerKind;

fn load(file: &str, environment: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("config.json"), file).unwrap();
    load_in(directory.path(), None, environment)
}

fn load_in(
    directory: &Path,
    config_path: Option<PathBuf>,
    environment: &[(&str, &str)],
) -> Result<Config, ConfigError> {
    let look_up =
        |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    Config::load(&Sources { config_path, no_config: false, directory: directory.to_owned(), environment: &look_up })
}

const SMALL: &str = r#"{"dialect": "sqlite", "sqlite": {"host": "/data/db.sqlite"}}"#;

#[test]
fn an_almost_empty_file_gets_the_defaults_of_the_reference() {
    let config = load(SMALL, &[]).unwrap();
    assert!(matches!(&config.database, Database::Sqlite(path) if path == Path::new("/data/db.sqlite")));
    assert_eq!(config.database_line, "SQLite @/data/db.sqlite semaphore");
    assert_eq!((config.port, config.port_text.as_str()), (3000, ":3000"));
    assert_eq!(config.tmp_path, Path::new("/tmp/semaphore"));
    assert_eq!(config.home_dir_mode, HomeDirMode::TemplateDir);
    assert_eq!(config.git_client, "cmd_git");
    assert_eq!(config.max_parallel_tasks, 10);
    assert_eq!(config.schedule_timezone, "UTC");
    assert_eq!(config.team_invite_type, "username");
    assert_eq!(config.without_effect, [""; 0]);
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
    let file = r#"{"dialect": "sqlite", "sqlite": {"host": "/a"}, "port": "4000", "Max_Parallel_Tasks": 3}"#;
    let config = load(file, &[]).unwrap();
    assert_eq!((config.port, config.max_parallel_tasks), (4000, 3), "names match without regard to case");
    let environment = [
        ("SEMAPHORE_DB_HOST", "/b"),
        ("SEMAPHORE_PORT", ":5000"),
        ("SEMAPHORE_MAX_PARALLEL_TASKS", "7"),
        ("SEMAPHORE_NON_ADMIN_CAN_CREATE_PROJECT", "YES"),
        ("SEMAPHORE_PASSWORD_LOGIN_DISABLED", "no"),
        ("SEMAPHORE_FORWARDED_ENV_VARS", r#"["A", "B"]"#),
        ("SEMAPHORE_ENV_VARS", r#"{"X": "1"}"#),
    ];
    let config = load(file, &environment).unwrap();
    assert!(matches!(&config.database, Database::Sqlite(path) if path == Path::new("/b")));
    assert_eq!((config.port, config.max_parallel_tasks), (5000, 7));
    assert!(config.non_admin_can_create_project && !config.password_login_disable);
    assert_eq!(config.forwarded_env_vars, ["A", "B"]);
    assert_eq!(config.env_vars.get("X").map(String::as_str), Some("1"));
}

#[test]
fn zero_counts_as_absent_as_in_the_reference() {
    let file = r#"{"dialect": "sqlite", "sqlite": {"host": "/a"}, "max_parallel_tasks": 0, "tmp_path": ""}"#;
    let config = load(file, &[]).unwrap();
    assert_eq!(config.max_parallel_tasks, 10);
    assert_eq!(config.tmp_path, Path::new("/tmp/semaphore"));
}

#[test]
fn bad_values_name_the_key_and_what_would_be_good() {
    let check = |addition: &str, expected: &str| {
        let file = format!(r#"{{"dialect": "sqlite", "sqlite": {{"host": "/a"}}, {addition}}}"#);
        let error = load(&file, &[]).unwrap_err().to_string();
        assert_eq!(error, expected, "{addition}");
    };
    check(r#""port": "x""#, r#"configuration key port: "x" must be a TCP port such as 3000 or :3000"#);
    check(r#""port": "+1""#, r#"configuration key port: "+1" must be a TCP port such as 3000 or :3000"#);
    check(r#""port": "70000""#, r#"configuration key port: "70000" must be a TCP port such as 3000 or :3000"#);
    check(r#""port": 3000"#, "configuration key port: 3000 must be a text in quotes");
    check(
        r#""max_parallel_tasks": -1"#,
        "configuration key max_parallel_tasks: -1 must be a whole number that is not negative",
    );
    check(r#""git_client": "svn""#, r#"configuration key git_client: "svn" must be one of go_git, cmd_git"#);
    check(r#""cookie_hash": 5"#, "configuration key cookie_hash: *** must be a text in quotes");
    let error = load(SMALL, &[("SEMAPHORE_MAX_PARALLEL_TASKS", "many")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "environment variable SEMAPHORE_MAX_PARALLEL_TASKS (configuration key max_parallel_tasks) must be a whole number"
    );
}

#[test]
fn databases_on_servers_are_read() {
    let file = r#"{"dialect": "postgres", "postgres": {"host": "db:5433", "user": "u", "pass": "swordfish", "name": "n",
        "options": {"sslmode": "disable"}}, "mysql": {"host": "other"}}"#;
    let config = load(file, &[("SEMAPHORE_DB", "m")]).unwrap();
    let Database::Server(options) = &config.database else { panic!("{:?}", config.database) };
    assert_eq!((options.kind, options.host.as_str(), options.user.as_str()), (ServerKind::Postgres, "db:5433", "u"));
    assert_eq!((options.password.expose(), options.database.as_str()), ("swordfish", "m"));
    assert_eq!(options.options["sslmode"], "disable");
    assert_eq!(config.database_line, "Postgres u@db:5433 m");
    assert!(!format!("{config:?}").contains("swordfish"));
    let names = [("SEMAPHORE_DB", "m"), ("SEMAPHORE_DB_NAME", "o")];
    assert_eq!(load(file, &names).unwrap().database_line, "Postgres u@db:5433 o");
    assert_eq!(load(file, &[("SEMAPHORE_DB_NAME", "")]).unwrap().database_line, "Postgres u@db:5433 n");

    let config = load(r#"{"dialect": "mysql"}"#, &[("SEMAPHORE_DB_USER", "root")]).unwrap();
    assert_eq!(config.database_line, "MySQL root@0.0.0.0 semaphore");
    let file = r#"{"dialect": "mysql", "mysql": {"options": {"tls": true}}}"#;
    assert!(load(file, &[]).unwrap_err().to_string().contains("mysql.options is not understood"));
}

#[test]
fn other_dialects_are_refused_by_name() {
    assert!(matches!(load("{}", &[]), Err(ConfigError::NoDatabase)));
    let bolt = load(r#"{"bolt": {"host": "/a.boltdb"}}"#, &[]).unwrap();
    assert!(matches!(bolt.database, super::Database::Bolt(path) if path == std::path::Path::new("/a.boltdb")));
    assert!(load(r#"{"dialect": "oracle"}"#, &[]).unwrap_err().to_string().contains("must be one of"));
    assert!(load(r#"{"dialect": "sqlite"}"#, &[]).unwrap_err().to_string().contains("sqlite.host is missing"));
}

#[test]
fn files_are_found_and_refused_like_in_the_reference() {
    let empty = tempfile::tempdir().unwrap();
    // The search ends in system directories, which a test machine does not have.
    if !Path::new("/etc/semaphore/config.json").exists() && !Path::new("/usr/local/etc/semaphore/config.json").exists()
    {
        assert!(matches!(load_in(empty.path(), None, &[]), Err(ConfigError::NoFile)));
    }
    assert!(matches!(load_in(empty.path(), Some(empty.path().join("x.json")), &[]), Err(ConfigError::NoFile)));
    let other = empty.path().join("other.json");
    std::fs::write(&other, SMALL).unwrap();
    let named = [("SEMAPHORE_CONFIG_PATH", other.to_str().unwrap())];
    assert_eq!(load_in(empty.path(), None, &named).unwrap().file, Some(other.clone()));
    for (text, expected) in [("", "JSON object"), ("[]", "JSON object"), ("{", "not valid JSON")] {
        std::fs::write(&other, text).unwrap();
        let error = load_in(empty.path(), Some(other.clone()), &[]).unwrap_err().to_string();
        assert!(error.starts_with("Could not decode configuration!") && error.contains(expected), "{text:?}: {error}");
    }
    std::fs::write(&other, format!("{SMALL} trailing")).unwrap();
    assert!(load_in(empty.path(), Some(other), &[]).is_ok(), "only the first value is read");
}

#[test]
fn keys_without_effect_are_named_when_they_ask_for_something() {
    let file = r#"{"dialect": "sqlite", "sqlite": {"host": "/a"}, "subscription_key": "x", "log": {"tasks": {"enabled": false}},
        "tls": {"enabled": false}, "ha": {"enabled": true}}"#;
    let config = load(file, &[("SEMAPHORE_LDAP_ENABLE", "yes")]).unwrap();
    assert_eq!(config.without_effect, ["ha", "subscription_key"]);
}

#[test]
fn the_path_of_web_host_is_the_prefix() {
    for (web_host, prefix) in [
        ("", ""),
        ("http://semaphore.test:3000", ""),
        ("http://semaphore.test:3000/", ""),
        ("https://example.com/tools/semaphore/", "/tools/semaphore"),
        ("/sub/", "/sub"),
        ("localhost:3000", ""),
        ("semaphore.example.com:3000/sub", ""),
        ("//semaphore.example.com/sub", "/sub"),
        ("//semaphore.example.com", ""),
    ] {
        let config = load(SMALL, &[("SEMAPHORE_WEB_ROOT", web_host)]).unwrap();
        assert_eq!(config.web_path, prefix, "{web_host}");
    }
    assert!(load(SMALL, &[("SEMAPHORE_WEB_ROOT", "not a url")]).is_err());
}

#[test]
fn secrets_are_never_shown() {
    let secret =
        [("SEMAPHORE_COOKIE_HASH", "very-secret-hash"), ("SEMAPHORE_ACCESS_KEY_ENCRYPTION", "very-secret-key")];
    let shown = format!("{:?}", load(SMALL, &secret).unwrap());
    assert!(!shown.contains("very-secret"), "{shown}");
}

#[test]
fn the_table_is_consistent() {
    let mut paths = HashSet::new();
    for key in KEYS {
        assert!(paths.insert(key.path), "{} stands twice", key.path);
        assert!(key.env.is_empty() || key.env.starts_with("SEMAPHORE_"), "{}", key.env);
        assert!(key.doc.ends_with('.'), "{}", key.path);
    }
}

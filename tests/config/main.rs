//! Configuration: every supported key has an effect that can be seen from outside, and one that is wrong is refused by name.
//!
//! The server's own table of keys says which are supported; [`CASES`] must name exactly those.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

use base64::Engine as _;
use semaphore_server::config::{KEYS, Support};
use semaphore_test_machine::{database::Kind, ssh};
use semaphore_tests::{Client, Options, PASSWORD, Project, Server, git_repository, wait_until};
use serde_json::{Value, json};

mod alert;
mod command_line;
mod edge;
mod log;
mod mail;
mod process;
mod runner;
mod servers;
mod sign_in;

use alert::{
    dingtalk_alert, dingtalk_url, email as email_alert, gotify_alert, gotify_token, gotify_url, microsoft_teams_alert,
    microsoft_teams_url, rocketchat_alert, rocketchat_url, slack_alert, slack_url, telegram_alert, telegram_chat,
    telegram_token, telegram_url,
};
use edge::{
    body_timeout_sec, request_log, request_timeout_sec, secrets_path, task_jwt_audience, tls_cert_file, tls_enabled,
    tls_http_redirect_port, tls_key_file,
};
use log::{
    audit_secret, audit_url, events_compress, events_enabled, events_filename, events_format, events_localtime,
    events_logger, events_maxage, events_maxbackups, events_maxsize, log_format, results_compress, results_filename,
    results_localtime, results_logger, results_maxage, results_maxbackups, results_maxsize, syslog_address,
    syslog_enabled, syslog_format, syslog_network, syslog_tag, tasks_compress, tasks_enabled, tasks_filename,
    tasks_format, tasks_localtime, tasks_logger, tasks_maxage, tasks_maxbackups, tasks_maxsize,
};
use mail::{
    allow_create_external_user as email_create_external_user,
    allow_login_as_external_user as email_login_as_external_user, allowed_domains as email_domains, api_tokens,
    disable_for_oidc as email_not_for_oidc, email_enabled, host as email_host, password as email_password,
    port as email_port, secure as email_secure, sender as email_sender, tls as email_tls,
    tls_min_version as email_tls_min_version, totp_app_name, username as email_username,
};
use process::{
    control_groups, hand_over, limits_cpu_percent, limits_memory_mb, limits_pids, process_chroot, process_gid,
    process_sandbox, process_sandbox_paths, process_uid, process_user, task_host,
};
use runner::{
    runner_max_parallel_tasks, runner_one_off, runner_private_key_file, runner_token, runner_token_file, runner_webhook,
};
use sign_in::{
    address as ldap_address, bind_dn as ldap_bind_dn, bind_password as ldap_bind_password, ca_file as ldap_ca_file,
    enable as ldap_enable, group_attribute as ldap_group_attribute, group_roles,
    group_search_dn as ldap_group_search_dn, group_search_filter as ldap_group_search_filter,
    mapping_cn as ldap_mapping_cn, mapping_dn as ldap_mapping_dn, mapping_mail as ldap_mapping_mail,
    mapping_uid as ldap_mapping_uid, needtls as ldap_needtls, oidc_providers, search_dn as ldap_search_dn,
    search_filter as ldap_search_filter, skip_verify as ldap_skip_verify,
};

/// One line per key: its path, the test below that observes it.
macro_rules! keys {
    ($($path:literal => $test:ident;)*) => {
        const CASES: &[&str] = &[$($path),*];

        mod key {
            $(#[test]
            fn $test() {
                super::$test();
            })*
        }
    };
}

keys! {
    "dialect" => dialect;
    "postgres.host" => postgres_host;
    "postgres.user" => postgres_user;
    "postgres.pass" => postgres_pass;
    "postgres.name" => postgres_name;
    "postgres.options" => postgres_options;
    "mysql.host" => mysql_host;
    "mysql.user" => mysql_user;
    "mysql.pass" => mysql_pass;
    "mysql.name" => mysql_name;
    "mysql.options" => mysql_options;
    "bolt.host" => bolt_host;
    "bolt.accept_import" => bolt_accept_import;
    "sqlite.host" => sqlite_host;
    "sqlite.user" => sqlite_user;
    "sqlite.name" => sqlite_name;
    "port" => port;
    "interface" => interface;
    "web_host" => web_host;
    "web_directory" => web_directory;
    "tmp_path" => tmp_path;
    "home_dir_mode" => home_dir_mode;
    "ssh_config_path" => ssh_config_path;
    "process.user" => process_user;
    "process.uid" => process_uid;
    "process.gid" => process_gid;
    "process.chroot" => process_chroot;
    "process.sandbox" => process_sandbox;
    "process.sandbox_paths" => process_sandbox_paths;
    "git_client" => git_client;
    "cookie_hash" => cookie_hash;
    "cookie_encryption" => cookie_encryption;
    "access_key_encryption" => access_key_encryption;
    "max_parallel_tasks" => max_parallel_tasks;
    "task_lease_sec" => task_lease_sec;
    "max_tasks_per_template" => max_tasks_per_template;
    "task_output_archive_days" => task_output_archive_days;
    "delivery_log_days" => delivery_log_days;
    "max_task_duration_sec" => max_task_duration_sec;
    "process.prompt_timeout_sec" => prompt_timeout_sec;
    "process.terraform_stop_timeout_sec" => terraform_stop_timeout_sec;
    "process.task_host" => task_host;
    "process.hand_over" => hand_over;
    "process.control_groups" => control_groups;
    "process.limits.cpu_percent" => limits_cpu_percent;
    "process.limits.memory_mb" => limits_memory_mb;
    "process.limits.pids" => limits_pids;
    "password_login_disable" => password_login_disable;
    "non_admin_can_create_project" => non_admin_can_create_project;
    "apps" => apps;
    "env_vars" => env_vars;
    "forwarded_env_vars" => forwarded_env_vars;
    "auth.totp.enabled" => totp_enabled;
    "auth.totp.allow_recovery" => totp_allow_recovery;
    "auth.totp.app_name" => totp_app_name;
    "auth.email.enabled" => email_enabled;
    "auth.email.allow_login_as_external_user" => email_login_as_external_user;
    "auth.email.allow_create_external_user" => email_create_external_user;
    "auth.email.allowed_domains" => email_domains;
    "auth.email.disable_for_oidc" => email_not_for_oidc;
    "auth.api_tokens" => api_tokens;
    "email_host" => email_host;
    "email_port" => email_port;
    "email_sender" => email_sender;
    "email_username" => email_username;
    "email_password" => email_password;
    "email_secure" => email_secure;
    "email_tls" => email_tls;
    "email_tls_min_version" => email_tls_min_version;
    "email_alert" => email_alert;
    "telegram_alert" => telegram_alert;
    "telegram_chat" => telegram_chat;
    "telegram_token" => telegram_token;
    "telegram_url" => telegram_url;
    "slack_alert" => slack_alert;
    "slack_url" => slack_url;
    "rocketchat_alert" => rocketchat_alert;
    "rocketchat_url" => rocketchat_url;
    "microsoft_teams_alert" => microsoft_teams_alert;
    "microsoft_teams_url" => microsoft_teams_url;
    "dingtalk_alert" => dingtalk_alert;
    "dingtalk_url" => dingtalk_url;
    "gotify_alert" => gotify_alert;
    "gotify_url" => gotify_url;
    "gotify_token" => gotify_token;
    "trusted_proxies" => trusted_proxies;
    "schedule.timezone" => schedule_timezone;
    "teams.invites_enabled" => invites_enabled;
    "teams.members_can_leave" => members_can_leave;
    "teams.invite_type" => invite_type;
    "runner_registration_token" => runner_registration_token;
    "runner.token" => runner_token;
    "runner.token_file" => runner_token_file;
    "runner.private_key_file" => runner_private_key_file;
    "runner.one_off" => runner_one_off;
    "runner.webhook" => runner_webhook;
    "runner.max_parallel_tasks" => runner_max_parallel_tasks;
    "use_remote_runner" => use_remote_runner;
    "runner_lost_after_sec" => runner_lost_after_sec;
    "debugging.pprof_dump_dir" => profile_directory;
    "ldap_enable" => ldap_enable;
    "ldap_server" => ldap_address;
    "ldap_needtls" => ldap_needtls;
    "ldap_ca_file" => ldap_ca_file;
    "ldap_tls_skip_verify" => ldap_skip_verify;
    "ldap_binddn" => ldap_bind_dn;
    "ldap_bindpassword" => ldap_bind_password;
    "ldap_searchdn" => ldap_search_dn;
    "ldap_searchfilter" => ldap_search_filter;
    "ldap_mappings.dn" => ldap_mapping_dn;
    "ldap_mappings.mail" => ldap_mapping_mail;
    "ldap_mappings.uid" => ldap_mapping_uid;
    "ldap_mappings.cn" => ldap_mapping_cn;
    "ldap_group_attribute" => ldap_group_attribute;
    "ldap_group_searchdn" => ldap_group_search_dn;
    "ldap_group_searchfilter" => ldap_group_search_filter;
    "oidc_providers" => oidc_providers;
    "auth.group_roles" => group_roles;
    "auth.task_jwt.audience" => task_jwt_audience;
    "dirs.secrets_path" => secrets_path;
    "tls.enabled" => tls_enabled;
    "tls.cert_file" => tls_cert_file;
    "tls.key_file" => tls_key_file;
    "tls.http_redirect_port" => tls_http_redirect_port;
    "http.log" => request_log;
    "http.body_timeout_sec" => body_timeout_sec;
    "http.request_timeout_sec" => request_timeout_sec;
    "log.format" => log_format;
    "log.events.enabled" => events_enabled;
    "log.events.format" => events_format;
    "log.tasks.enabled" => tasks_enabled;
    "log.tasks.format" => tasks_format;
    "log.audit.url" => audit_url;
    "log.audit.secret" => audit_secret;
    "syslog.enabled" => syslog_enabled;
    "syslog.network" => syslog_network;
    "syslog.address" => syslog_address;
    "syslog.tag" => syslog_tag;
    "syslog.format" => syslog_format;
    "log.events.logger" => events_logger;
    "log.events.logger.filename" => events_filename;
    "log.events.logger.maxsize" => events_maxsize;
    "log.events.logger.maxage" => events_maxage;
    "log.events.logger.maxbackups" => events_maxbackups;
    "log.events.logger.localtime" => events_localtime;
    "log.events.logger.compress" => events_compress;
    "log.tasks.logger" => tasks_logger;
    "log.tasks.logger.filename" => tasks_filename;
    "log.tasks.logger.maxsize" => tasks_maxsize;
    "log.tasks.logger.maxage" => tasks_maxage;
    "log.tasks.logger.maxbackups" => tasks_maxbackups;
    "log.tasks.logger.localtime" => tasks_localtime;
    "log.tasks.logger.compress" => tasks_compress;
    "log.tasks.result_logger" => results_logger;
    "log.tasks.result_logger.filename" => results_filename;
    "log.tasks.result_logger.maxsize" => results_maxsize;
    "log.tasks.result_logger.maxage" => results_maxage;
    "log.tasks.result_logger.maxbackups" => results_maxbackups;
    "log.tasks.result_logger.localtime" => results_localtime;
    "log.tasks.result_logger.compress" => results_compress;
}

#[test]
fn every_supported_key_has_a_case() {
    let supported: BTreeSet<_> = KEYS.iter().filter(|k| k.support == Support::Yes).map(|k| k.path).collect();
    let cases: BTreeSet<_> = CASES.iter().copied().collect();
    let missing: Vec<_> = supported.difference(&cases).collect();
    let surplus: Vec<_> = cases.difference(&supported).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "keys without a case: {missing:?}; cases without a supported key: {surplus:?}"
    );
}

/// Runs a Bash script to its end; returns what it printed from the line "begin" on.
fn run(server: &Server, script: &str) -> Vec<String> {
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("script.sh", &format!("echo begin\n{script}"))]);
    let admin = server.admin();
    let project = Project::create(&admin, &format!("file://{}", repository.display()));
    let (row, lines) = project.run(&admin, "bash", "script.sh");
    assert_eq!(row["status"], "success", "{lines:?}");
    lines.into_iter().skip_while(|l| l != "begin").skip(1).collect()
}

/// Starts with a configuration that must be refused; returns what was said.
fn refused(config: Value) -> String {
    let server = Server::prepared(Options { config, ..Options::default() });
    let result = server.command(&["server", "--config"]).arg(server.config_path()).output().unwrap();
    assert!(!result.status.success(), "a bad configuration was accepted");
    String::from_utf8_lossy(&[result.stdout, result.stderr].concat()).into_owned()
}

fn info(server: &Server) -> Value {
    server.admin().get("/api/info").expect(200).json()
}

// ---------------------------------------------------------------- database and listener

fn dialect() {
    let said = refused(json!({"dialect": "mysql", "mysql": {"host": "127.0.0.1:1"}}));
    assert!(said.contains("cannot open the database semaphore at 127.0.0.1:1"), "{said}");
    let said = refused(json!({"dialect": "bolt"}));
    assert!(said.contains("no database is named"), "{said}");
    let said = refused(json!({"dialect": "nonsense"}));
    assert!(said.contains("dialect") && said.contains("nonsense"), "{said}");
}

fn bolt_host() {
    let said = refused(json!({"dialect": "bolt", "bolt": {"host": "/data/nowhere.boltdb"}}));
    assert!(said.contains("there is no Bolt file /data/nowhere.boltdb"), "{said}");
}

/// The import itself is observed in `tests/persistence`.
fn bolt_accept_import() {
    let file = std::env::temp_dir().join(format!("semaphore-{}.boltdb", std::process::id()));
    fs::write(&file, "no Bolt file").unwrap();
    let asked = refused(json!({"dialect": "bolt", "bolt": {"host": &file}}));
    let accepted = refused(json!({"dialect": "bolt", "bolt": {"host": &file, "accept_import": true}}));
    fs::remove_file(&file).unwrap();
    assert!(asked.contains("accept_import"), "{asked}");
    assert!(accepted.contains("is not a Bolt file that can be read"), "{accepted}");
}

fn postgres_host() {
    servers::works_on(Kind::Postgres);
}

fn postgres_user() {
    servers::wants(Kind::Postgres, "user");
}

fn postgres_pass() {
    servers::wants(Kind::Postgres, "pass");
}

fn postgres_name() {
    servers::makes(Kind::Postgres);
}

fn postgres_options() {
    servers::takes_options(Kind::Postgres);
}

fn mysql_host() {
    servers::works_on(Kind::MariaDb);
}

fn mysql_user() {
    servers::wants(Kind::MariaDb, "user");
}

fn mysql_pass() {
    servers::wants(Kind::MariaDb, "pass");
}

fn mysql_name() {
    servers::makes(Kind::MariaDb);
}

fn mysql_options() {
    servers::takes_options(Kind::MariaDb);
}

fn sqlite_host() {
    let mut server = Server::start();
    let other = server.directory().join("other.sqlite");
    server.stop();
    server.change_config(&json!({"sqlite": {"host": other}}));
    server.start_again();
    assert!(other.is_file());
    // A fresh database: nobody is in it.
    assert_eq!(server.anonymous().post("/api/auth/login", &json!({"auth": "admin", "password": PASSWORD})).status, 401);
}

fn shown_at_start(keys: Value, text: &str) {
    let server = Server::with_config(keys);
    let log = server.log();
    assert!(log.lines().any(|l| l.starts_with("SQLite") && l.contains(text)), "{log}");
}

fn sqlite_user() {
    shown_at_start(json!({"sqlite": {"user": "the-user"}}), "the-user@");
}

fn sqlite_name() {
    shown_at_start(json!({"sqlite": {"name": "the-name"}}), "the-name");
}

fn port() {
    let mut server = Server::start();
    let text = format!(":{}", server.port());
    server.stop();
    server.change_config(&json!({"port": text}));
    server.start_again();
    let said = refused(json!({"port": "seventy"}));
    assert!(said.contains("port") && said.contains("seventy"), "{said}");
}

/// Addresses on which the port is listened to, as /proc/net/tcp and tcp6 write them.
fn listening(port: u16) -> Vec<String> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|t| fs::read_to_string(t).unwrap_or_default());
    let end = format!(":{port:04X}");
    let rows = tables.iter().flat_map(|t| t.lines().skip(1)).map(|l| l.split_whitespace().collect::<Vec<_>>());
    rows.filter(|c| c[3] == "0A" && c[1].ends_with(&end)).map(|c| c[1].trim_end_matches(&end).to_owned()).collect()
}

fn interface() {
    let server = Server::with_config(json!({"interface": "127.0.0.1"}));
    assert_eq!(listening(server.port()), ["0100007F"]);
    let server = Server::with_config(json!({"interface": null}));
    assert!(listening(server.port()).iter().all(|a| a.chars().all(|c| c == '0')), "{:?}", listening(server.port()));
}

fn web_host() {
    let config = json!({"web_host": "https://semaphore.example.com/below"});
    let server = Server::with(Options { config, prefix: "/below".to_owned(), ..Options::default() });
    let client = server.anonymous();
    client.post("/below/api/auth/login", &json!({"auth": "admin", "password": PASSWORD})).expect(204);
    assert_eq!(client.get("/below/api/info").expect(200).json()["web_host"], "https://semaphore.example.com/below");
    assert_ne!(client.get("/api/ping").body, client.get("/below/api/ping").body, "the API answers outside its prefix");
}

// ---------------------------------------------------------------- tasks

fn tmp_path() {
    let place = tempfile::tempdir().unwrap();
    let server = Server::with_config(json!({"tmp_path": place.path().join("elsewhere")}));
    run(&server, "");
    let projects: Vec<_> =
        fs::read_dir(place.path().join("elsewhere")).unwrap().map(|e| e.unwrap().file_name()).collect();
    // Beside the projects lies what is the server's own: locks and mirrors.
    assert_eq!(projects.iter().filter(|name| *name != ".semaphore").collect::<Vec<_>>(), ["project_1"]);
}

fn home_dir_mode() {
    for (mode, home) in [("project_home", "tmp/project_1"), ("user_home", "home"), ("template_dir", "home")] {
        let server = Server::with_config(json!({"home_dir_mode": mode}));
        let home = server.directory().join(home);
        assert_eq!(run(&server, "echo \"$HOME\"\n"), [home.to_str().unwrap()], "{mode}");
    }
    assert!(refused(json!({"home_dir_mode": "nowhere"})).contains("home_dir_mode"));
}

fn git_client() {
    let server = Server::with_config(json!({"git_client": "go_git"}));
    assert_eq!(info(&server)["git_client"], "go_git");
    assert_eq!(run(&server, "echo works\n"), ["works"]);
    assert!(refused(json!({"git_client": "svn"})).contains("git_client"));
}

fn max_parallel_tasks() {
    for limit in [1, 2] {
        let server = Server::with_config(json!({"max_parallel_tasks": limit}));
        let repository = server.directory().join("repository");
        git_repository(&repository, &[("sleep.sh", "exec sleep 300\n")]);
        let admin = server.admin();
        let project = Project::create(&admin, repository.to_str().unwrap());
        let template = project.template(&admin, "bash", "sleep.sh");
        let tasks: Vec<_> = (0..3).map(|_| project.start(&admin, template)).collect();
        for task in &tasks[..limit] {
            admin.wait_for_status(project.id, *task, &["running"]);
        }
        let status = |task: i64| {
            admin.get(&format!("/api/project/{}/tasks/{task}", project.id)).expect(200).json()["status"].clone()
        };
        assert!(tasks[limit..].iter().all(|&t| status(t) == "waiting"), "more than {limit} tasks run");
    }
    assert!(refused(json!({"max_parallel_tasks": "many"})).contains("max_parallel_tasks"));
}

/// How long a server waits until it takes the tasks of a dead one, of which it can know nothing else.
fn task_lease_sec() {
    let mut dead =
        Server::with_config(json!({"task_lease_sec": 2, "max_parallel_tasks": 1, "process": {"task_host": "off"}}));
    let repository = dead.directory().join("repository");
    git_repository(&repository, &[("sleep.sh", "exec sleep 300\n"), ("hello.sh", "echo hello\n")]);
    let admin = dead.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let runs = project.start(&admin, project.template(&admin, "bash", "sleep.sh"));
    admin.wait_for_status(project.id, runs, &["running"]);
    let waits = project.start(&admin, project.template(&admin, "bash", "hello.sh"));
    let lease = dead.sql("select lease_seconds from rs_server");
    assert_eq!(lease, [[json!(2)]]);
    dead.crash();
    let heir = Server::with_config(json!({"sqlite": {"host": dead.database()}}));
    let admin = heir.admin();
    assert_eq!(admin.wait_for_end(project.id, runs)["status"], "error");
    assert_eq!(admin.wait_for_end(project.id, waits)["status"], "success");
    for pid in semaphore_tests::processes_with(dead.directory().to_str().unwrap()) {
        if pid != heir.process_id() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL);
        }
    }
    assert!(refused(json!({"task_lease_sec": -1})).contains("task_lease_sec"));
}

fn max_tasks_per_template() {
    let server = Server::with_config(json!({"max_tasks_per_template": 2}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let template = project.template(&admin, "bash", "hello.sh");
    let mut last = 0;
    for _ in 0..5 {
        last = project.start(&admin, template);
        admin.wait_for_end(project.id, last);
    }
    // It happens in the background.
    let kept = wait_until("old tasks are removed", Duration::from_secs(20), || {
        Some(server.sql("select id from task order by id")).filter(|kept| kept.len() <= 3)
    });
    assert!(kept.len() <= 3 && kept.last().unwrap()[0] == last, "{kept:?}");
}

fn max_task_duration_sec() {
    let server = Server::with_config(json!({"max_task_duration_sec": 1}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("sleep.sh", "exec sleep 300\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, lines) = project.run(&admin, "bash", "sleep.sh");
    assert_eq!(row["status"], "error", "{row} {lines:?}");
    let last = lines.last().unwrap();
    assert!(last.contains("longer than 1 s") && last.contains("max_task_duration_sec"), "{lines:?}");
}

/// Old output lies in the archive and is read as before; the command brings it back for the Go server.
fn task_output_archive_days() {
    let mut server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "seq 2500\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let [old, new] = [(); 2].map(|()| project.run(&admin, "bash", "hello.sh"));
    let rows =
        |server: &Server| server.sql("select task_id, count(*) from task__output group by task_id order by task_id");
    let before = rows(&server);
    let raw = |admin: &Client| {
        let path = format!("/api/project/{}/tasks/{}/raw_output", project.id, old.0["id"]);
        admin.get(&path).expect(200).body
    };
    let text = raw(&admin);
    server.stop();
    let age = format!(
        "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1])\n\
         database.execute(\"update task set created = '2020-01-01 00:00:00 +0000 UTC', end = '2020-01-01 00:00:01 +0000 UTC' \
         where id = {}\")\ndatabase.commit()",
        old.0["id"]
    );
    assert!(Command::new("python3").args(["-c", &age]).arg(server.database()).status().unwrap().success());
    server.start_again();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(rows(&server), before, "off by default");
    server.change_config(&json!({"task_output_archive_days": 30}));
    server.restart();
    wait_until("the old output is archived", Duration::from_secs(30), || {
        (server.sql("select state from rs_task_archive") == [[json!("archived")]]).then_some(())
    });
    assert_eq!(rows(&server), before[1..], "the younger task keeps its rows");
    assert_eq!((raw(&admin), admin.output(project.id, old.0["id"].as_i64().unwrap())), (text.clone(), old.1.clone()));
    server.stop();
    let unarchive = |arguments: &[&str]| {
        let done =
            server.command(&["task", "unarchive"]).args(arguments).arg("--config").arg(server.config_path()).output();
        let done = done.unwrap();
        (
            done.status.code(),
            String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr),
        )
    };
    assert_eq!(unarchive(&[]).0, Some(1));
    let (code, said) = unarchive(&["--id", "9999"]);
    assert!(code == Some(1) && said.contains("no output of task 9999 was restored"), "{said}");
    let (code, said) = unarchive(&["--all"]);
    assert!(code == Some(0) && said.contains("Output of 1 tasks restored"), "{said}");
    assert!(said.contains("will archive this output again"), "{said}");
    assert_eq!(rows(&server), before);
    let (code, said) = unarchive(&["--all"]);
    assert!(code == Some(0) && said.contains("Output of 0 tasks restored, 0 lines"), "{said}");
    server.change_config(&json!({"task_output_archive_days": null}));
    server.start_again();
    assert_eq!((raw(&server.admin()), new.1.len()), (text, old.1.len()));
    assert!(refused(json!({"task_output_archive_days": -1})).contains("task_output_archive_days"));
}

/// What came to an integration before that many days is gone.
fn delivery_log_days() {
    let mut server = Server::start();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let path = format!("/api/project/{}/integrations", project.id);
    let body =
        json!({"name": "Door", "project_id": project.id, "template_id": project.template(&admin, "bash", "hello.sh")});
    let path = format!("{path}/{}", admin.post(&path, &body).expect(201).id());
    let url = admin.post(&format!("{path}/aliases"), &json!({})).expect(200).json()["url"].as_str().unwrap().to_owned();
    let door = url[url.find("/api/").unwrap()..].to_owned();
    let send = |server: &Server| server.anonymous().post(&door, &json!({})).expect(204);
    let count = |server: &Server| {
        let rows = server.sql("select (select count(*) from rs_delivery), (select count(*) from rs_delivery_verdict)");
        assert_eq!(rows[0][0], rows[0][1]);
        rows[0][0].as_i64().unwrap()
    };
    for _ in 0..3 {
        send(&server);
    }
    server.stop();
    for (id, days) in [(1, 40), (2, 20)] {
        let then = format!("strftime('%Y-%m-%d %H:%M:%S +0000 UTC', 'now', '-{days} days')");
        server.change_database(&format!("update rs_delivery set received = {then} where id = {id}"));
    }
    for (days, left) in [(json!(null), 2), (json!(10), 1)] {
        server.change_config(&json!({"delivery_log_days": days}));
        server.start_again();
        wait_until("what is too old is gone", Duration::from_secs(30), || (count(&server) == left).then_some(()));
        server.stop();
    }
    assert!(refused(json!({"delivery_log_days": -1})).contains("delivery_log_days"));
}

/// Ansible is told by the repository to ask for a password that nobody has stored.
fn prompt_timeout_sec() {
    if semaphore_tests::ansible().is_none() {
        return;
    }
    let server = Server::with_config(json!({"process": {"prompt_timeout_sec": 2}}));
    let repository = server.directory().join("repository");
    let playbook = "- hosts: localhost\n  gather_facts: false\n  tasks: []\n";
    git_repository(&repository, &[("ansible.cfg", "[defaults]\nask_vault_pass = True\n"), ("site.yml", playbook)]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, lines) = project.run(&admin, "ansible", "site.yml");
    assert_eq!(row["status"], "error", "{row} {lines:?}");
    let last = lines.last().unwrap();
    assert!(last.contains("waits for input") && last.contains("Vault password") && last.contains("2 s"), "{lines:?}");
}

/// A stand-in for OpenTofu that takes 17 s to end when it is interrupted: longer than other tasks get when the server stops.
fn terraform_stop_timeout_sec() {
    let script = "#!/bin/sh\ncase \"$1\" in plan) ;; workspace) exit 1 ;; *) exit 0 ;; esac\ntrap 'sleep 17; echo > \"$(dirname \"$0\")/$END\"; exit 1' INT\necho planning\nwhile :; do sleep 0.1; done\n";
    let mut server = Server::with_config(json!({"process": {"terraform_stop_timeout_sec": 1}}));
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("main.tf", "")]);
    let program = server.directory().join("slow-tofu");
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    server.stop();
    let config = |seconds: u64, end: &str| {
        json!({"process": {"terraform_stop_timeout_sec": seconds}, "env_vars": {"END": end},
            "apps": {"tofu": {"active": true, "title": "Tofu", "path": program}}})
    };
    let directory = server.directory().to_owned();
    let mut template = None;
    for (seconds, end, ends_in_order) in [(1, "early", false), (40, "late", true)] {
        server.change_config(&config(seconds, end));
        server.start_again();
        let admin = server.admin();
        let (project, template) = template.get_or_insert_with(|| {
            let project = Project::create(&admin, repository.to_str().unwrap());
            let template = project.template(&admin, "tofu", "");
            (project, template)
        });
        let task = project.start(&admin, *template);
        wait_until("the plan has begun", Duration::from_secs(30), || {
            admin.output(project.id, task).iter().any(|line| line == "planning").then_some(())
        });
        server.stop();
        assert_eq!(directory.join(end).exists(), ends_in_order, "{seconds} s\n{}", server.log());
        server.start_again();
        let admin = server.admin();
        let lines = admin.output(project.id, task).join("\n");
        assert!(lines.contains(&format!("waiting up to {seconds} s for tofu")), "{lines}");
        server.stop();
    }
    assert!(server.log().contains("waiting for tasks of the Terraform family"), "{}", server.log());
}

fn apps() {
    let server =
        Server::with_config(json!({"apps": {"shout": {"active": true, "title": "Shout", "path": "/bin/bash"}}}));
    let apps = server.admin().get("/api/apps").expect(200).json();
    assert!(apps.as_array().unwrap().iter().any(|a| a["id"] == "shout" && a["title"] == "Shout"), "{apps}");
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("script", "echo loud\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let (row, lines) = project.run(&admin, "shout", "script");
    assert_eq!(row["status"], "success", "{lines:?}");
    assert_eq!(lines.last().map(String::as_str), Some("loud"));
}

fn env_vars() {
    let server = Server::with_config(json!({"env_vars": {"GREETING": "good morning"}}));
    assert_eq!(run(&server, "echo \"$GREETING\"\n"), ["good morning"]);
}

fn forwarded_env_vars() {
    let server = Server::with(Options {
        config: json!({"forwarded_env_vars": ["FORWARDED"]}),
        environment: vec![("FORWARDED".to_owned(), "yes".to_owned()), ("KEPT_BACK".to_owned(), "secret".to_owned())],
        ..Options::default()
    });
    assert_eq!(run(&server, "echo \"$FORWARDED,$KEPT_BACK\"\n"), ["yes,"]);
}

// ---------------------------------------------------------------- ssh and the user of tasks

/// The file is given to ssh by tasks and by the list of branches; both log in at a real sshd that only the file leads to.
fn ssh_config_path() {
    let mut server = Server::start();
    let admin = server.admin();
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello over ssh\n")]);
    let Some(sshd) = ssh::Server::start() else { return };
    let served = sshd.serve_repository(&repository);
    let path = served.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].to_owned())).unwrap();
    let project = Project::create(&admin, &format!("ssh://git.example{path}"));
    let key = server.directory().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "the pass phrase", "-a", "4", "-f"])
        .arg(&key)
        .status();
    assert!(made.unwrap().success());
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    sshd.authorize(&public);
    let config = server.directory().join("ssh_config");
    let text =
        format!("Host git.example\n  HostName {}\n  Port {}\n  User {}\n", sshd.host(), sshd.port(), sshd.user());
    fs::write(&config, text).unwrap();
    let ssh = json!({"login": sshd.user(), "passphrase": "the pass phrase", "private_key": fs::read_to_string(&key).unwrap()});
    let body = json!({"name": "ssh", "project_id": project.id, "type": "ssh", "ssh": ssh});
    let id = admin.post(&format!("/api/project/{}/keys", project.id), &body).expect(201).id();
    let url = format!("/api/project/{}/repositories/{}", project.id, project.repository);
    let mut body = admin.get(&url).expect(200).json();
    body["ssh_key_id"] = id.into();
    admin.put(&url, &body).expect(204);

    let (row, lines) = project.run(&admin, "bash", "hello.sh");
    assert_eq!(row["status"], "error", "{lines:?}");
    assert_ne!(admin.get(&format!("{url}/branches")).status, 200);
    server.stop();
    server.change_config(&json!({"ssh_config_path": config}));
    server.start_again();
    let admin = server.admin();
    assert_eq!(admin.get(&format!("{url}/branches")).expect(200).json(), json!(["main"]));
    let (row, lines) = project.run(&admin, "bash", "hello.sh");
    assert_eq!((&row["status"], lines.last().unwrap().as_str()), (&json!("success"), "hello over ssh"), "{lines:?}");
    // Nothing of the key is left: no socket, no directory.
    let left = fs::read_dir(server.directory().join(format!("tmp/project_{}", project.id))).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(left.iter().all(|name| !name.contains("ssh")), "{left:?}");
    assert!(!server.log().contains("the pass phrase"));
}

// ---------------------------------------------------------------- sessions and secrets

/// A session must not outlive a change of this key.
fn ends_sessions(key: &str) {
    let mut server = Server::start();
    let admin = server.admin();
    server.restart();
    admin.get("/api/user").expect(200);
    server.stop();
    server.change_config(&json!({key: "b3RoZXIga2V5IG9mIHRoZSBzYW1lIGxlbmd0aCAuLi4="}));
    server.start_again();
    admin.get("/api/user").expect(401);
    server.admin();
}

fn cookie_hash() {
    ends_sessions("cookie_hash");
}

fn cookie_encryption() {
    ends_sessions("cookie_encryption");
}

/// What the database holds of a key's secret.
fn stored_secret(server: &Server) -> Vec<u8> {
    let admin = server.admin();
    let project = admin.post("/api/projects", &json!({"name": "p"})).expect(201).id();
    let body = json!({"name": "k", "project_id": project, "type": "login_password", "login_password": {"login": "bob", "password": "a secret value"}});
    let id = admin.post(&format!("/api/project/{project}/keys"), &body).expect(201).id();
    let text = server.sql(&format!("select secret from access_key where id = {id}"))[0][0].as_str().unwrap().to_owned();
    base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
}

fn access_key_encryption() {
    let contains = |bytes: &[u8]| bytes.windows(14).any(|w| w == b"a secret value");
    assert!(!contains(&stored_secret(&Server::start())));
    assert!(contains(&stored_secret(&Server::with_config(json!({"access_key_encryption": null})))));
    // Keys from files end with a line end.
    let key = "bmV3IGtleSBuZXcga2V5IG5l\r\ndyBrZXkgbmV3IGtleSE=\n";
    assert!(!contains(&stored_secret(&Server::with_config(json!({"access_key_encryption": key, "cookie_hash": key})))));
}

fn password_login_disable() {
    let server = Server::with_config(json!({"password_login_disable": true}));
    let nobody = server.anonymous();
    assert_eq!(nobody.get("/api/auth/login").expect(200).json()["login_with_password"], false);
    // The reference only hides the form.
    let answer = nobody.post("/api/auth/login", &json!({"auth": "admin", "password": PASSWORD}));
    assert!((400..500).contains(&answer.status), "{} {}", answer.status, answer.body);
}

fn ordinary_user(server: &Server) -> Client {
    let body =
        json!({"name": "u", "username": "ordinary", "email": "u@example.com", "password": PASSWORD, "admin": false});
    server.admin().post("/api/users", &body).expect(201);
    server.client("ordinary", PASSWORD)
}

fn non_admin_can_create_project() {
    let server = Server::with_config(json!({"non_admin_can_create_project": true}));
    ordinary_user(&server).post("/api/projects", &json!({"name": "mine"})).expect(201);
    let server = Server::start();
    // Reference: 401, not 403.
    ordinary_user(&server).post("/api/projects", &json!({"name": "mine"})).expect(401);
}

// ---------------------------------------------------------------- what pages are told

fn totp_enabled() {
    let methods =
        |server: &Server| server.anonymous().get("/api/auth/login").expect(200).json()["auth_methods"].clone();
    assert!(methods(&Server::with_config(json!({"auth": {"totp": {"enabled": true}}})))["totp"].is_object());
    assert!(methods(&Server::start())["totp"].is_null());
}

fn totp_allow_recovery() {
    for allowed in [true, false] {
        let server = Server::with_config(json!({"auth": {"totp": {"enabled": true, "allow_recovery": allowed}}}));
        assert_eq!(
            server.anonymous().get("/api/auth/login").expect(200).json()["auth_methods"]["totp"]["allow_recovery"],
            allowed
        );
    }
}

fn trusted_proxies() {
    let after_guesses = |config: Value| {
        let server = Server::with_config(config);
        let login = |password: &str, address: &str| {
            let body = json!({"auth": "admin", "password": password}).to_string();
            let headers = [("X-Forwarded-For", address)];
            server.anonymous().send_with("POST", "/api/auth/login", Some(&body), &headers).status
        };
        for number in 0..10 {
            assert_eq!(login("wrong", &format!("198.51.100.{number}")), 401);
        }
        login(PASSWORD, "198.51.100.99")
    };
    // Who is not trusted is one client, whatever it says.
    assert_eq!(after_guesses(json!({"trusted_proxies": ["10.0.0.0/8"]})), 429);
    assert_eq!(after_guesses(json!({"trusted_proxies": ["127.0.0.1"]})), 204);
    assert!(refused(json!({"trusted_proxies": ["10.0.0.0/99"]})).contains("trusted_proxies"));
}

fn schedule_timezone() {
    assert_eq!(
        info(&Server::with_config(json!({"schedule": {"timezone": "Europe/Berlin"}})))["schedule_timezone"],
        "Europe/Berlin"
    );
}

fn invites_enabled() {
    // Like the reference: what is not set is not there.
    assert_eq!(info(&Server::start())["teams"], json!({"invite_type": "username"}));
    let told = info(&Server::with_config(json!({"teams": {"invites_enabled": true}})));
    assert_eq!(told["teams"], json!({"invite_type": "username", "invites_enabled": true}));
}

fn members_can_leave() {
    let told = info(&Server::with_config(json!({"teams": {"members_can_leave": true}})));
    assert_eq!(told["teams"], json!({"invite_type": "username", "members_can_leave": true}));
}

fn invite_type() {
    assert_eq!(info(&Server::with_config(json!({"teams": {"invite_type": "both"}})))["teams"]["invite_type"], "both");
    assert!(refused(json!({"teams": {"invite_type": "pigeon"}})).contains("teams.invite_type"));
}

// ---------------------------------------------------------------- runners and profiles

fn runner_registration_token() {
    let register = |server: &Server, token: &str| {
        server.anonymous().post("/api/internal/runners", &json!({"registration_token": token})).status
    };
    let server = Server::with_config(json!({"runner_registration_token": "let me in"}));
    assert_eq!((register(&server, "let me in"), register(&server, "let me"), register(&server, "")), (200, 400, 400));
    assert!(!server.log().contains("let me in"), "the token is in the log");
    let server = Server::with_config(json!({"runner_registration_token": ""}));
    assert_eq!(register(&server, ""), 400, "without a token nobody registers");
}

/// Starts a task; the client and the project of it.
fn started(server: &Server) -> (Client, Project, i64) {
    let repository = server.directory().join("repository");
    git_repository(&repository, &[("hello.sh", "echo hello\n")]);
    let admin = server.admin();
    let project = Project::create(&admin, repository.to_str().unwrap());
    let task = project.start(&admin, project.template(&admin, "bash", "hello.sh"));
    (admin, project, task)
}

fn use_remote_runner() {
    for (config, status) in [(json!({}), "success"), (json!({"use_remote_runner": true}), "error")] {
        let server = Server::with_config(config.clone());
        assert_eq!(info(&server)["use_remote_runner"], config["use_remote_runner"] == true);
        let (admin, project, task) = started(&server);
        assert_eq!(admin.wait_for_end(project.id, task)["status"], status);
        let lines = admin.output(project.id, task);
        assert_eq!(
            lines.contains(&"Failed to run task: no runners available".to_owned()),
            status == "error",
            "{lines:?}"
        );
    }
}

fn runner_lost_after_sec() {
    let server = Server::with_config(json!({"use_remote_runner": true, "runner_lost_after_sec": 1}));
    let (_, runner) = (started(&server), server.anonymous());
    let body = json!({"registration_token": semaphore_tests::REGISTRATION_TOKEN});
    let token = runner.post("/api/internal/runners", &body).expect(200).json()["token"].as_str().unwrap().to_owned();
    server.change_database("update runner set active = 1");
    let poll =
        || runner.send_with("GET", "/api/internal/runners", None, &[("X-Runner-Token", &token)]).expect(200).json();
    poll();
    let admin = server.admin();
    let template = admin.get("/api/project/1/templates").expect(200).json()[0]["id"].as_i64().unwrap();
    let task = admin.post("/api/project/1/tasks", &json!({"template_id": template})).expect(201).id();
    wait_until("the runner gets the task", std::time::Duration::from_secs(20), || {
        poll()["new_jobs"].is_array().then_some(())
    });
    admin.wait_for_end(1, task);
    let last = admin.output(1, task).pop().unwrap();
    assert!(last.contains("has not been heard of for 1 s"), "{last}");
    assert!(refused(json!({"runner_lost_after_sec": -1})).contains("runner_lost_after_sec"));
}

fn profile_directory() {
    let server = Server::prepared(Options::default());
    let directory = server.directory().join("profiles");
    let mut server = server;
    server.change_config(&json!({"debugging": {"pprof_dump_dir": directory}}));
    server.start_again();
    server.admin().post("/api/debug/pprof/dump", &Value::Null).expect(204);
    let profiles: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(profiles.len(), 1, "{profiles:?}");
    assert_eq!(fs::metadata(&profiles[0]).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&profiles[0]).unwrap();
    for wanted in ["VmRSS:", "# mappings", "[heap]", "# threads"] {
        assert!(text.contains(wanted), "no {wanted} in {text}");
    }
}

fn web_directory() {
    let mut server = Server::prepared(Options::default());
    let page = server.directory().join("page");
    fs::create_dir_all(page.join("js")).unwrap();
    fs::write(server.directory().join("secret.txt"), "not for you").unwrap();
    fs::write(page.join("index.html"), "<head><base href=\"/\"></head>another page").unwrap();
    fs::write(page.join("js/app.js"), "first()").unwrap();
    std::os::unix::fs::symlink(server.directory().join("secret.txt"), page.join("link.txt")).unwrap();
    server.change_config(&json!({"web_directory": page, "web_host": "http://localhost/sub"}));
    server.start_again();
    let client = server.anonymous();
    for path in ["/sub/", "/sub/project/1/history"] {
        assert_eq!(client.get(path).expect(200).body, "<head><base href=\"/sub/\"></head>another page", "{path}");
    }
    assert_eq!(client.get("/sub/js/app.js").expect(200).body, "first()");
    fs::write(page.join("js/app.js"), "second()").unwrap();
    assert_eq!(client.get("/sub/js/app.js").expect(200).body, "second()");
    for path in ["/sub/link.txt", "/sub/favicon.svg", "/sub/js/%2e%2e/%2e%2e/secret.txt"] {
        client.get(path).expect(404);
    }
    let said = refused(json!({"web_directory": server.directory().join("nowhere")}));
    assert!(said.contains("nowhere") && said.contains("index.html"), "{said}");
}

// ---------------------------------------------------------------- options in the database

#[test]
fn options_of_the_database_win_over_file_and_environment_from_the_next_start_on() {
    let mut server = Server::with(Options {
        config: json!({"teams": {"invite_type": "both"}, "non_admin_can_create_project": true}),
        environment: vec![("SEMAPHORE_SCHEDULE_TIMEZONE".to_owned(), "Asia/Tokyo".to_owned())],
        ..Options::default()
    });
    for (key, value) in [
        ("teams.invite_type", "email"),
        ("schedule.timezone", "Europe/Berlin"),
        ("non_admin_can_create_project", "false"),
        ("forwarded_env_vars", "PATH"),
        ("env_vars.FROM_OPTION", "seen"),
        ("oidc_providers.company.display_name", "The company"),
        ("sqlite.host", "/nowhere/database.sqlite"),
        // Bad ones are told and left out: a server that does not start has no way to set them right.
        ("max_parallel_tasks", "many"),
        ("git_client", "svn"),
    ] {
        server.admin().post("/api/options", &json!({"key": key, "value": value})).expect(200);
    }
    assert_eq!(info(&server)["teams"]["invite_type"], "both", "only from the next start on");
    server.restart();
    let told = info(&server);
    assert_eq!(told["teams"]["invite_type"], "email");
    assert_eq!(told["schedule_timezone"], "Europe/Berlin");
    assert_eq!(told["git_client"], "cmd_git");
    let offered = server.anonymous().get("/api/auth/login").expect(200).json();
    assert_eq!(offered["oidc_providers"][0]["name"], "The company", "{offered}");
    ordinary_user(&server).post("/api/projects", &json!({"name": "mine"})).expect(401);
    let log = server.log();
    assert!(log.contains("max_parallel_tasks must be a whole number") && log.contains("git_client must be"), "{log}");
    assert_eq!(run(&server, "echo $FROM_OPTION"), ["seen"]);
    // One that makes the whole of them unreadable is told, too.
    let order = json!({"key": "oidc_providers.company.order", "value": "first"});
    server.admin().post("/api/options", &order).expect(200);
    server.restart();
    assert!(server.log().contains("oidc_providers is not understood"), "{}", server.log());
}

// ---------------------------------------------------------------- rules for all keys

#[test]
fn the_environment_wins_over_the_file() {
    let server = Server::with(Options {
        config: json!({"schedule": {"timezone": "Europe/Berlin"}}),
        environment: vec![("SEMAPHORE_SCHEDULE_TIMEZONE".to_owned(), "Asia/Tokyo".to_owned())],
        ..Options::default()
    });
    assert_eq!(info(&server)["schedule_timezone"], "Asia/Tokyo");
}

#[test]
fn a_key_without_effect_is_named_at_start() {
    let server = Server::with_config(json!({"subscription_key": "x", "unknown_to_everybody": 1}));
    let log = server.log();
    assert!(log.contains("subscription_key"), "{log}");
}

#[test]
fn a_file_that_is_not_json_is_refused_with_its_name() {
    let server = Server::prepared(Options::default());
    fs::write(server.config_path(), "{ \"port\": ").unwrap();
    let result = server.command(&["server", "--config"]).arg(server.config_path()).output().unwrap();
    let said = String::from_utf8_lossy(&result.stderr).into_owned();
    assert!(!result.status.success() && said.contains("config.json"), "{said}");
}

#[test]
fn no_secret_of_the_configuration_is_ever_logged() {
    let server = Server::start();
    server.admin();
    let log = server.log();
    for secret in ["lqXjvc3mJb5u", "c2VtYXBob3JlLWNvbmZvcm1hbmNl", PASSWORD] {
        assert!(!log.contains(secret), "{log}");
    }
}

//! The keys of logs: each seen in a file, on the standard error, by a receiver of syslog or by one of webhooks.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::{TcpListener, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use chrono::{NaiveDateTime, Utc};
use semaphore_test_machine::hook::Hooks;
use semaphore_tests::{Client, Options, Project, Server, wait_until};
use serde_json::{Value, json};

use super::refused;

/// One of the files: its switch, its object, and what makes it one line longer.
struct LogFile {
    /// `events` or `tasks`, which has the switch and the form.
    group: &'static str,
    /// `logger` or `result_logger`.
    logger: &'static str,
    /// The variable of the object.
    variable: &'static str,
    happen: fn(&Client),
}

const EVENTS: LogFile =
    LogFile { group: "events", logger: "logger", variable: "SEMAPHORE_EVENT_LOGGER", happen: make_project };
const TASKS: LogFile =
    LogFile { group: "tasks", logger: "logger", variable: "SEMAPHORE_TASK_LOGGER", happen: run_task };
const RESULTS: LogFile =
    LogFile { group: "tasks", logger: "result_logger", variable: "SEMAPHORE_TASK_RESULT_LOGGER", happen: run_task };

fn make_project(admin: &Client) {
    admin.post("/api/projects", &json!({"name": "p"})).expect(201);
}

/// A task that ends at once, because there is no repository.
fn run_task(admin: &Client) {
    let project = Project::create(admin, "/nowhere");
    let task = project.start(admin, project.template(admin, "bash", "x.sh"));
    assert_eq!(admin.wait_for_end(project.id, task)["status"], "error");
}

impl LogFile {
    /// A server that is not started, with these parts of the object over a file `logs/it.log`; prepares its directory.
    fn prepare(&self, parts: &Value, environment: &[(&str, &str)]) -> Server {
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let mut server = Server::prepared(Options { environment, ..Options::default() });
        fs::create_dir(server.directory().join("logs")).unwrap();
        let mut object = json!({"filename": self.path(&server)});
        object.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        server.change_config(&json!({"log": {self.group: {"enabled": true, self.logger: object}}}));
        server
    }

    fn path(&self, server: &Server) -> PathBuf {
        let _ = self;
        server.directory().join("logs/it.log")
    }

    /// What the file has after something happened and the server ended: then everything is written.
    fn after(&self, mut server: Server) -> (Vec<String>, Vec<String>) {
        server.start_again();
        (self.happen)(&server.admin());
        server.stop();
        let text = fs::read_to_string(self.path(&server)).unwrap_or_default();
        let mut names: Vec<_> = fs::read_dir(server.directory().join("logs")).unwrap().collect();
        names.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
        let names = names.into_iter().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        (text.lines().map(str::to_owned).collect(), names)
    }

    fn old(&self, server: &Server, names: &[&str]) {
        let _ = self;
        for name in names {
            fs::write(server.directory().join("logs").join(name), "old\n").unwrap();
        }
    }

    fn enabled(&self) {
        let (lines, names) = self.after(self.prepare(&json!({}), &[]));
        assert!(!lines.is_empty() && names == ["it.log"], "{names:?}");
        let mut server = self.prepare(&json!({}), &[]);
        server.change_config(&json!({"log": {self.group: {"enabled": false}}}));
        assert!(self.after(server).1.is_empty());
    }

    fn format(&self) {
        let mut server = self.prepare(&json!({}), &[]);
        server.change_config(&json!({"log": {self.group: {"format": "json"}}}));
        for line in self.after(server).0 {
            let record: Value = serde_json::from_str(&line).unwrap();
            assert!(record["time"].is_string() && record["project"].is_number(), "{line}");
        }
        for line in self.after(self.prepare(&json!({}), &[])).0 {
            assert!(NaiveDateTime::parse_from_str(&line[..19], "%Y-%m-%d %H:%M:%S").is_ok(), "{line}");
        }
        let said = refused(json!({"log": {self.group: {"format": "xml"}}}));
        assert!(said.contains(&format!("log.{}.format", self.group)), "{said}");
    }

    fn logger(&self) {
        let place = tempfile::tempdir().unwrap();
        let other = place.path().join("other.log");
        let object = json!({"filename": other}).to_string();
        let server = self.prepare(&json!({}), &[(self.variable, &object)]);
        assert!(self.after(server).1.is_empty());
        assert!(!fs::read_to_string(other).unwrap().is_empty());
    }

    fn filename(&self) {
        let mut server = self.prepare(&json!({}), &[]);
        server.change_config(&json!({"log": {self.group: {self.logger: {"filename": null}}}}));
        server.start_again();
        let log = server.log();
        assert!(log.contains(&format!("log.{0}.enabled without log.{0}.logger.filename", self.group)), "{log}");
    }

    fn maxsize(&self) {
        for (megabytes, files) in [(1, 2), (2, 1)] {
            let server = self.prepare(&json!({"maxsize": megabytes}), &[]);
            fs::write(self.path(&server), "x".repeat((1 << 20) - 1) + "\n").unwrap();
            let names = self.after(server).1;
            assert_eq!(names.len(), files, "{names:?}");
        }
    }

    fn maxage(&self) {
        let server = self.prepare(&json!({"maxage": 1}), &[]);
        let recent = Utc::now().format("it-%Y-%m-%dT%H-%M-%S%.3f.log").to_string();
        self.old(
            &server,
            &["it-2020-01-01T00-00-00.000.log", "it-2020-01-02T00-00-00.000.log.gz", "it-notes.log", &recent],
        );
        assert_eq!(self.after(server).1, [recent.as_str(), "it-notes.log", "it.log"]);
    }

    fn maxbackups(&self) {
        let server = self.prepare(&json!({"maxbackups": 1}), &[]);
        self.old(&server, &["it-2020-01-01T00-00-00.000.log", "it-2020-01-02T00-00-00.000.log", "it-notes.log"]);
        assert_eq!(self.after(server).1, ["it-2020-01-02T00-00-00.000.log", "it-notes.log", "it.log"]);
    }

    fn localtime(&self) {
        for (is_local, hours) in [(true, 9), (false, 0)] {
            let server = self.prepare(&json!({"maxsize": 1, "localtime": is_local}), &[("TZ", "JST-9")]);
            fs::write(self.path(&server), "x".repeat((1 << 20) - 1) + "\n").unwrap();
            let names = self.after(server).1;
            let moment = NaiveDateTime::parse_from_str(&names[0], "it-%Y-%m-%dT%H-%M-%S%.3f.log").unwrap();
            let ahead = moment - Utc::now().naive_utc();
            assert_eq!((ahead.num_minutes() + 30).div_euclid(60), hours, "{names:?}");
        }
    }

    fn compress(&self) {
        let server = self.prepare(&json!({"compress": true}), &[]);
        self.old(&server, &["it-2020-01-01T00-00-00.000.log"]);
        let packed = server.directory().join("logs/it-2020-01-01T00-00-00.000.log.gz");
        let mut server = server;
        server.start_again();
        (self.happen)(&server.admin());
        server.stop();
        let unpacked = Command::new("gzip").arg("-dc").arg(packed).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&unpacked.stdout), "old\n");
    }
}

macro_rules! files {
    ($($name:ident => $file:ident.$part:ident;)*) => {
        $(pub(crate) fn $name() {
            $file.$part();
        })*
    };
}

files! {
    events_enabled => EVENTS.enabled;
    events_format => EVENTS.format;
    events_logger => EVENTS.logger;
    events_filename => EVENTS.filename;
    events_maxsize => EVENTS.maxsize;
    events_maxage => EVENTS.maxage;
    events_maxbackups => EVENTS.maxbackups;
    events_localtime => EVENTS.localtime;
    events_compress => EVENTS.compress;
    tasks_enabled => TASKS.enabled;
    tasks_format => TASKS.format;
    tasks_logger => TASKS.logger;
    tasks_filename => TASKS.filename;
    tasks_maxsize => TASKS.maxsize;
    tasks_maxage => TASKS.maxage;
    tasks_maxbackups => TASKS.maxbackups;
    tasks_localtime => TASKS.localtime;
    tasks_compress => TASKS.compress;
    results_logger => RESULTS.logger;
    results_filename => RESULTS.filename;
    results_maxsize => RESULTS.maxsize;
    results_maxage => RESULTS.maxage;
    results_maxbackups => RESULTS.maxbackups;
    results_localtime => RESULTS.localtime;
    results_compress => RESULTS.compress;
}

/// What the server says is text or JSON; the number of a request is in both.
pub(crate) fn log_format() {
    let server = Server::with_config(json!({"log": {"format": "json"}}));
    let id = "request-of-the-test";
    server.anonymous().send_with("GET", "/api/user", None, &[("X-Request-Id", id)]).expect(401);
    let log = server.log();
    // Beside it stand the lines that the reference writes on its standard output.
    let records: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert_eq!(records.len(), log.lines().filter(|line| line.starts_with('{')).count());
    let found = records.iter().find(|record| record["request_id"] == id).unwrap_or_else(|| panic!("{log}"));
    assert_eq!(found["path"], "/api/user");
    assert!(found["time"].is_string() && found["level"] == "info" && found["target"].is_string(), "{found}");
    let server = Server::start();
    server.anonymous().send_with("GET", "/api/user", None, &[("X-Request-Id", id)]).expect(401);
    assert!(server.log().lines().any(|line| !line.starts_with('{') && line.contains(id)), "{}", server.log());
    assert!(refused(json!({"log": {"format": "xml"}})).contains("log.format"));
}

/// What comes to a receiver of datagrams about the start of a server with these keys.
fn datagrams(keys: &Value) -> Vec<String> {
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut syslog = json!({"enabled": true, "network": "udp", "address": receiver.local_addr().unwrap().to_string()});
    syslog.as_object_mut().unwrap().extend(keys.as_object().unwrap().clone());
    let mut server = Server::with_config(json!({"syslog": syslog}));
    server.stop();
    receiver.set_nonblocking(true).unwrap();
    let mut buffer = vec![0; 64 << 10];
    let mut came = Vec::new();
    while let Ok(bytes) = receiver.recv(&mut buffer) {
        came.push(String::from_utf8(buffer[..bytes].to_vec()).unwrap());
    }
    came
}

pub(crate) fn syslog_enabled() {
    assert!(datagrams(&json!({})).iter().any(|message| message.contains("msg=stopped")));
    assert!(datagrams(&json!({"enabled": false})).is_empty());
}

pub(crate) fn syslog_network() {
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = receiver.local_addr().unwrap().to_string();
    let mut server = Server::with_config(json!({"syslog": {"enabled": true, "network": "tcp", "address": address}}));
    let (connection, _) = receiver.accept().unwrap();
    server.stop();
    let lines: Vec<_> = BufReader::new(connection).lines().map_while(Result::ok).collect();
    assert!(lines.last().unwrap().contains("msg=stopped"), "{lines:?}");
    // The sockets of a daemon on this machine, of either kind.
    let directory = tempfile::tempdir().unwrap();
    let (stream, datagram) = (directory.path().join("stream"), directory.path().join("datagram"));
    let receiver = UnixListener::bind(&stream).unwrap();
    let mut server = Server::with_config(json!({"syslog": {"enabled": true, "network": "unix", "address": stream}}));
    let (connection, _) = receiver.accept().unwrap();
    server.stop();
    let lines: Vec<_> = BufReader::new(connection).lines().map_while(Result::ok).collect();
    assert!(
        lines.iter().all(|line| line.starts_with('<')) && lines.last().unwrap().contains("msg=stopped"),
        "{lines:?}"
    );
    let receiver = UnixDatagram::bind(&datagram).unwrap();
    receiver.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let syslog = json!({"enabled": true, "network": "unixgram", "address": datagram});
    let mut server = Server::with_config(json!({"syslog": syslog}));
    // A socket of this kind holds few records, and the server waits for nobody: they are read while it says them.
    let reader = std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        let said = std::iter::from_fn(|| Some(receiver.recv(&mut buffer).map(|bytes| buffer[..bytes].to_vec())));
        let said = said.map(|record| String::from_utf8(record.unwrap()).unwrap());
        said.take_while(|record| !record.contains("msg=stopped")).collect::<Vec<_>>()
    });
    server.stop();
    let came = reader.join().unwrap();
    assert!(!came.is_empty() && came.iter().all(|record| record.starts_with("<6>")), "{came:?}");
    assert!(refused(json!({"syslog": {"enabled": true, "network": "pigeon"}})).contains("syslog.network"));
}

pub(crate) fn syslog_address() {
    let said = refused(json!({"syslog": {"enabled": true, "network": "udp"}}));
    assert!(said.contains("syslog.address"), "{said}");
}

pub(crate) fn syslog_tag() {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for (keys, tag) in [(json!({}), "semaphore"), (json!({"tag": "the-tag"}), "the-tag")] {
        let came = datagrams(&keys);
        let start = format!(" {} {tag}[", host.trim());
        assert!(came.iter().all(|message| message.starts_with("<6>20") && message.contains(&start)), "{came:?}");
    }
}

pub(crate) fn syslog_format() {
    let came = datagrams(&json!({"format": "rfc5424", "tag": "the-tag"}));
    for message in &came {
        let parts: Vec<_> = message.splitn(7, ' ').collect();
        assert!(parts[0] == "<14>1" && parts[3] == "the-tag" && parts[5] == "-", "{message}");
        assert!(parts[6].starts_with("- ") || parts[6].starts_with("[the-tag@0 "), "{message}");
    }
    assert!(came.iter().any(|message| message.ends_with(" - stopped\n")), "{came:?}");
    assert!(refused(json!({"syslog": {"enabled": true, "format": "xml"}})).contains("syslog.format"));
}

pub(crate) fn audit_url() {
    let hooks = Hooks::start();
    let url = format!("{}/audit?token=secret-of-the-address", hooks.address());
    let server = Server::with_config(json!({"log": {"audit": {"url": url}}}));
    make_project(&server.admin());
    let posted = hooks.wait_for("/audit?token=secret-of-the-address", 1).remove(0);
    assert_eq!((&posted.body["action"], &posted.body["username"]), (&json!("create"), &json!("admin")));
    assert!(posted.headers.iter().all(|(name, _)| name != "x-semaphore-signature"));
    assert!(!server.log().contains("secret-of-the-address"));
}

pub(crate) fn audit_secret() {
    const SIGN: &str = "import hmac, sys; print(hmac.new(b'key', sys.stdin.buffer.read(), 'sha256').hexdigest())";
    let hooks = Hooks::start();
    let server = Server::with_config(json!({"log": {"audit": {"url": hooks.address(), "secret": "key"}}}));
    make_project(&server.admin());
    let posted = hooks.wait_for("/", 1).remove(0);
    let mut python =
        Command::new("python3").args(["-c", SIGN]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut python.stdin.take().unwrap(), posted.text.as_bytes()).unwrap();
    let expected = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    let signature = posted.headers.iter().find(|(name, _)| name == "x-semaphore-signature").unwrap();
    assert_eq!(signature.1, format!("sha256={}", expected.trim()));
    let server = Server::with_config(json!({"log": {"audit": {"secret": "key"}}}));
    wait_until("the missing address is told", Duration::from_secs(10), || {
        server.log().contains("log.audit.secret without log.audit.url").then_some(())
    });
}

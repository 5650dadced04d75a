//! The real program as a process: its own directory, database, keys and port; ended with SIGTERM when dropped.

use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Client, ansible, free_port, program, task_hosts, tofu, wait_until};

/// Password of the administrator `admin` that every fixture has.
pub const PASSWORD: &str = "a password of the tests";
/// How long a stop may take before it counts as hanging.
const STOP_LIMIT: Duration = Duration::from_secs(40);

/// What differs from the usual fixture.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Keys laid over [`base_config`]; `null` removes one.
    pub config: Value,
    /// Path of `web_host`, below which everything is served; mostly empty.
    pub prefix: String,
    /// More variables for the server's environment.
    pub environment: Vec<(String, String)>,
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    directory: TempDir,
    port: u16,
    options: Options,
    /// Instead of the usual program.
    program: Option<PathBuf>,
    process: Option<Child>,
}

/// What remote runners register with at a server of the tests.
pub const REGISTRATION_TOKEN: &str = "registration-token-of-the-tests";

/// The configuration of a fixture in this directory.
pub fn base_config(directory: &Path, port: u16) -> Value {
    json!({
        "dialect": "sqlite",
        "sqlite": {"host": directory.join("database.sqlite")},
        "interface": "127.0.0.1",
        "port": port.to_string(),
        "tmp_path": directory.join("tmp"),
        "git_client": "cmd_git",
        "max_parallel_tasks": 10,
        "cookie_hash": "lqXjvc3mJb5uZ8ZJ4H1rX1xS7c5Xk2v7aE1b2c3d4e8=",
        "cookie_encryption": "c2VtYXBob3JlLWNvbmZvcm1hbmNlLWNvb2tpZS1rZTE=",
        "access_key_encryption": "c2VtYXBob3JlLWNvbmZvcm1hbmNlLWFjY2Vzcy1rZTE=",
        "runner_registration_token": REGISTRATION_TOKEN,
    })
}

impl Server {
    /// Starts a server with the usual configuration.
    #[track_caller]
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    /// Starts a server with keys laid over the usual configuration.
    #[track_caller]
    pub fn with_config(config: Value) -> Self {
        Self::with(Options { config, ..Options::default() })
    }

    /// Starts a server with options.
    #[track_caller]
    pub fn with(options: Options) -> Self {
        let mut server = Self::prepared(options);
        server.start_again();
        server
    }

    /// A server that is not running yet: directory, configuration and a database with the administrator.
    #[track_caller]
    pub fn prepared(options: Options) -> Self {
        let directory = tempfile::Builder::new().prefix("semaphore-fixture-").tempdir().unwrap();
        fs::create_dir(directory.path().join("home")).unwrap();
        let port = free_port();
        let server = Self { directory, port, options, program: None, process: None };
        server.write_config();
        fs::copy(database_with_admin(), server.database()).unwrap();
        server
    }

    fn write_config(&self) {
        let mut config = base_config(self.directory(), self.port);
        merge(&mut config, &self.options.config);
        fs::write(self.config_path(), config.to_string()).unwrap();
    }

    /// Lays keys over the configuration; they count from the next start on.
    pub fn change_config(&mut self, keys: &Value) {
        if self.options.config.is_null() {
            self.options.config = json!({});
        }
        merge(&mut self.options.config, keys);
        self.write_config();
    }

    /// Another program from the next start on.
    pub fn use_program(&mut self, program: &Path) {
        self.program = Some(program.to_owned());
    }

    /// Starts the process and waits until it answers.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.process.is_none(), "it is running already");
        let log = File::options().create(true).append(true).open(self.log_path()).unwrap();
        let child = self
            .command(&["server", "--config"])
            .arg(self.config_path())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("the program could not be started");
        self.process = Some(child);
        let client = Client::new(self.port);
        wait_until("the server listens", Duration::from_secs(30), || {
            if let Some(status) = self.process.as_mut().and_then(|p| p.try_wait().unwrap()) {
                self.process = None;
                panic!("the server ended at once with {status}:\n{}", self.log());
            }
            std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()
        });
        client.get(&format!("{}/api/ping", self.options.prefix)).expect(200);
    }

    /// A command of the program in the fixture's environment, nothing inherited.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.program.as_deref().unwrap_or_else(|| program()));
        command.args(arguments).current_dir(self.directory()).env_clear().stdin(Stdio::null());
        command.env("PATH", search_path()).env("HOME", self.directory().join("home"));
        command.env("LANG", "C.UTF-8").env("TZ", "UTC").env("GIT_CONFIG_NOSYSTEM", "1");
        command.envs(self.options.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Asks the process to end and waits for it.
    #[track_caller]
    pub fn stop(&mut self) -> ExitStatus {
        let mut child = self.process.take().expect("it is running");
        kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
        end_of(&mut child).unwrap_or_else(|| panic!("the server did not stop within {STOP_LIMIT:?}:\n{}", self.log()))
    }

    /// Ends the process as a crash would: SIGKILL, nothing is written any more.
    #[track_caller]
    pub fn crash(&mut self) {
        let mut child = self.process.take().expect("it is running");
        kill(Pid::from_raw(child.id() as i32), Signal::SIGKILL).unwrap();
        child.wait().unwrap();
    }

    /// Stops and starts it on the same data and port; sessions go on.
    #[track_caller]
    pub fn restart(&mut self) {
        let status = self.stop();
        assert!(status.success(), "the server ended with {status} on SIGTERM:\n{}", self.log());
        self.start_again();
    }

    /// A client without a session.
    pub fn anonymous(&self) -> Client {
        Client::new(self.port)
    }

    /// A client that is logged in as the administrator.
    #[track_caller]
    pub fn admin(&self) -> Client {
        self.client("admin", PASSWORD)
    }

    /// A client that is logged in.
    #[track_caller]
    pub fn client(&self, login: &str, password: &str) -> Client {
        let client = Client::new(self.port);
        client.login(login, password);
        client
    }

    /// Changes the database file behind the server's back, with another program: what no route can bring about.
    #[track_caller]
    pub fn change_database(&self, statement: &str) {
        const WRITE: &str = "import sqlite3, sys\n\
            database = sqlite3.connect(sys.argv[1], timeout=10)\n\
            database.execute(sys.argv[2])\n\
            database.commit()";
        let result =
            Command::new("python3").args(["-c", WRITE]).arg(self.database()).arg(statement).output().expect("python3");
        assert!(result.status.success(), "{statement}: {}", String::from_utf8_lossy(&result.stderr));
    }

    /// Rows of a query on the database file, each an array of its columns; read by another program (Python's sqlite3).
    #[track_caller]
    pub fn sql(&self, query: &str) -> Vec<Vec<Value>> {
        const READ: &str = "import json, sqlite3, sys\n\
            database = sqlite3.connect('file:' + sys.argv[1] + '?mode=ro', uri=True, timeout=10)\n\
            text = lambda v: v.decode('utf-8', 'replace') if isinstance(v, bytes) else v\n\
            print(json.dumps([[text(v) for v in row] for row in database.execute(sys.argv[2])]))";
        let result =
            Command::new("python3").args(["-c", READ]).arg(self.database()).arg(query).output().expect("python3");
        assert!(result.status.success(), "{query}: {}", String::from_utf8_lossy(&result.stderr));
        serde_json::from_slice(&result.stdout).unwrap()
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Its database file.
    pub fn database(&self) -> PathBuf {
        self.directory().join("database.sqlite")
    }

    /// Its configuration file.
    pub fn config_path(&self) -> PathBuf {
        self.directory().join("config.json")
    }

    fn log_path(&self) -> PathBuf {
        self.directory().join("server.log")
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Number of the running process.
    #[track_caller]
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("it is running").id()
    }

    /// Resident memory of the process in KiB: now and the highest so far.
    #[track_caller]
    pub fn memory_kib(&self) -> (u64, u64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process_id())).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|l| l.starts_with(name)).expect("a field of /proc/<pid>/status");
            line.split_whitespace().nth(1).and_then(|v| v.parse().ok()).expect("a number")
        };
        (field("VmRSS:"), field("VmHWM:"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = self.process.as_mut() {
            let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM);
            end_of(child);
        }
        // What outlives a server on purpose has nobody who would come for it.
        for host in task_hosts(self.directory()) {
            let _ = kill(Pid::from_raw(host as i32), Signal::SIGKILL);
        }
    }
}

/// Waits for the end of a server that was asked to end; `None` if it had to be killed.
fn end_of(child: &mut Child) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < STOP_LIMIT {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(Duration::from_millis(10));
    }
    let _ = killpg(Pid::from_raw(child.id() as i32), Signal::SIGKILL);
    let _ = child.wait();
    None
}

/// The tests' own Ansible and OpenTofu first, then the PATH of the caller.
pub(crate) fn search_path() -> OsString {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let own = ansible().into_iter().chain(tofu()).chain(std::env::split_paths(&inherited));
    std::env::join_paths(own).unwrap()
}

/// A database with the administrator in it, made once per test program by the program's own command line.
fn database_with_admin() -> &'static Path {
    static SEED: OnceLock<PathBuf> = OnceLock::new();
    SEED.get_or_init(|| {
        let directory = tempfile::Builder::new().prefix("semaphore-seed-").tempdir().unwrap();
        let config = directory.path().join("config.json");
        fs::write(&config, base_config(directory.path(), 3000).to_string()).unwrap();
        let result = Command::new(program())
            .args([
                "user",
                "add",
                "--admin",
                "--login",
                "admin",
                "--name",
                "Administrator",
                "--email",
                "admin@example.com",
            ])
            .args(["--password", PASSWORD, "--config"])
            .arg(&config)
            .output()
            .expect("the program could not be started");
        let text = [result.stdout, result.stderr].concat();
        assert!(result.status.success(), "user add: {}: {}", result.status, String::from_utf8_lossy(&text));
        // Beside the test program, not among the temporary files: nothing has to be removed when the tests end.
        let path = std::env::current_exe().unwrap().with_extension("seed.sqlite");
        fs::copy(directory.path().join("database.sqlite"), &path).unwrap();
        path
    })
}

/// Lays `over` on `base`: objects key by key, `null` removes, everything else replaces.
pub(crate) fn merge(base: &mut Value, over: &Value) {
    let Value::Object(over) = over else { return };
    let base = base.as_object_mut().expect("an object is merged into an object");
    for (key, value) in over {
        if value.is_null() {
            base.remove(key);
        } else if value.is_object() && base.get(key).is_some_and(Value::is_object) {
            merge(&mut base[key], value);
        } else {
            base.insert(key.clone(), value.clone());
        }
    }
}

//! PostgreSQL and MariaDB servers of the test's own: a fresh data directory, a port on loopback, an unprivileged user.

use std::{
    fs,
    net::TcpStream,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use crate::{free_port, missing, wait_until};

use tempfile::TempDir;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// PostgreSQL; the user `semaphore` needs no password.
    Postgres,
    /// MariaDB; the user `root` needs no password.
    MariaDb,
}

/// A running server; it ends with the last clone of the value.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    child: Child,
    port: u16,
    programs: Programs,
    directory: TempDir,
}

impl Server {
    /// The server of this kind that other tests of the process use as well; `None` with a note if it is not installed, which
    /// is a failure with `CI=true`.
    pub fn shared(kind: Kind) -> Option<Arc<Self>> {
        static SHARED: [Mutex<Weak<Server>>; 2] = [Mutex::new(Weak::new()), Mutex::new(Weak::new())];
        let mut shared = SHARED[usize::from(kind == Kind::MariaDb)].lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return Some(server);
        }
        let server = Arc::new(Self::start(kind)?);
        *shared = Arc::downgrade(&server);
        Some(server)
    }

    /// A new server; `None` as for [`Server::shared`].
    pub fn start(kind: Kind) -> Option<Self> {
        let programs = match kind {
            Kind::Postgres => postgres_programs(),
            Kind::MariaDb => mariadb_programs(),
        };
        let Some(programs) = programs else {
            missing(&format!("{kind:?} is not installed (make deps)"));
            return None;
        };
        Some(Self::run(kind, &programs).unwrap_or_else(|error| panic!("{kind:?} cannot be started: {error}")))
    }

    fn run(kind: Kind, programs: &Programs) -> std::io::Result<Self> {
        let directory = TempDir::new()?;
        let account = unprivileged(kind);
        if let Some((uid, gid)) = account {
            if let Some(closed) = closed_to_others(directory.path()) {
                let text = format!("its account cannot enter {}: set TMPDIR to another directory", closed.display());
                return Err(std::io::Error::other(text));
            }
            chown(directory.path(), Some(uid), Some(gid))?;
        }
        let data = directory.path().join("data");
        let mut prepare = as_account(kind, &programs.prepare, directory.path());
        match kind {
            Kind::Postgres => {
                prepare.args(["--username=semaphore", "--auth=trust", "--encoding=UTF8", "-D"]).arg(&data)
            }
            Kind::MariaDb => prepare
                .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
                .arg(format!("--datadir={}", data.display())),
        };
        let log = directory.path().join("log");
        let output = prepare.stdout(Stdio::null()).stderr(fs::File::create(&log)?).status()?;
        if !output.success() {
            return Err(std::io::Error::other(fs::read_to_string(&log)?));
        }
        let port = free_port();
        let child = serve(kind, programs, directory.path(), port)?;
        let server = Self { kind, child, port, programs: programs.clone(), directory };
        wait_until(&format!("{kind:?} answers (see {})", log.display()), Duration::from_mins(1), || {
            server.answers().then_some(())
        });
        Ok(server)
    }

    /// Ends the server while it is used: connections break. PostgreSQL ends as in a crash; MariaDB in order, because here it
    /// keeps the last second in memory only.
    ///
    /// # Panics
    /// If it cannot be ended.
    pub fn stop(&mut self) {
        let signal = if self.kind == Kind::Postgres { "-QUIT" } else { "-TERM" };
        let asked = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(asked.is_ok_and(|asked| asked.success()), "the database server cannot be ended");
        self.child.wait().expect("the end of the database server");
    }

    /// Starts it again on its data and port after [`Server::stop`], and waits until it answers.
    ///
    /// # Panics
    /// If it does not.
    pub fn start_again(&mut self) {
        self.child =
            serve(self.kind, &self.programs, self.directory.path(), self.port).expect("the database server starts");
        wait_until("the database server answers again", Duration::from_mins(1), || self.answers().then_some(()));
    }

    fn answers(&self) -> bool {
        match self.kind {
            // It accepts connections before it is ready, and says so only in its protocol.
            Kind::Postgres => Command::new("psql")
                .args(["-h", "127.0.0.1", "-U", "semaphore", "-c", "select 1", "postgres", "-p"])
                .arg(self.port.to_string())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
            Kind::MariaDb => TcpStream::connect(("127.0.0.1", self.port)).is_ok(),
        }
    }

    /// Which kind of server it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Lets somebody in who needs a password and may do everything.
    ///
    /// # Panics
    /// If the server does not take the user.
    pub fn add_user(&self, name: &str, password: &str) {
        match self.kind {
            Kind::Postgres => {
                self.execute("postgres", &format!("create role {name} superuser login password '{password}'"));
                // The first rule that fits counts.
                let rules = &self.execute("postgres", "show hba_file")[0];
                let others = fs::read_to_string(rules).expect("the rules of PostgreSQL");
                let rule = format!("host all {name} 127.0.0.1/32 scram-sha-256\n{others}");
                fs::write(rules, rule).expect("the rules of PostgreSQL");
                self.execute("postgres", "select pg_reload_conf()");
            }
            Kind::MariaDb => {
                self.execute("mysql", &format!("create user '{name}'@'127.0.0.1' identified by '{password}'"));
                self.execute("mysql", &format!("grant all on *.* to '{name}'@'127.0.0.1'"));
            }
        }
    }

    /// Address as `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Who logs in without a password and may do everything.
    pub fn user(&self) -> &'static str {
        match self.kind {
            Kind::Postgres => "semaphore",
            Kind::MariaDb => "root",
        }
    }

    /// Feeds a file with SQL to the server's own client, into a database that is made first.
    ///
    /// # Panics
    /// If the client or the SQL fails.
    pub fn load(&self, database: &str, file: &Path) {
        let without = if self.kind == Kind::Postgres { "postgres" } else { "mysql" };
        self.execute(without, &format!("create database {database}"));
        let input = fs::File::open(file).expect("the file");
        let done = self.client(database).stdin(input).stdout(Stdio::null()).status().expect("the client");
        assert!(done.success(), "{} cannot be loaded", file.display());
    }

    /// Runs a statement with the server's own client; answers the rows it printed.
    ///
    /// # Panics
    /// If the client or the SQL fails.
    pub fn execute(&self, database: &str, statement: &str) -> Vec<String> {
        let flag = if self.kind == Kind::Postgres { "-c" } else { "-e" };
        let done = self.client(database).args([flag, statement]).stdin(Stdio::null()).output().expect("the client");
        assert!(done.status.success(), "{statement}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).lines().map(str::to_owned).collect()
    }

    /// The server's own client: rows without a frame, the first error is the end.
    fn client(&self, database: &str) -> Command {
        let port = self.port.to_string();
        let (program, arguments): (_, &[&str]) = match self.kind {
            Kind::Postgres => {
                ("psql", &["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "semaphore", "-p"])
            }
            Kind::MariaDb => ("mariadb", &["--no-defaults", "-B", "-N", "-h", "127.0.0.1", "-u", "root", "-P"]),
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(port).arg(database);
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The data is thrown away with its directory. PostgreSQL has to take back its shared memory: SIGQUIT is its quickest end.
        if self.kind == Kind::Postgres {
            let asked = Command::new("kill").args(["-QUIT", &self.child.id().to_string()]).status();
            if asked.is_ok_and(|asked| asked.success()) {
                let _ = self.child.wait();
                return;
            }
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command of the account that the server runs as, in its directory.
fn as_account(kind: Kind, program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).env("TMPDIR", directory).stdin(Stdio::null());
    if let Some((uid, gid)) = unprivileged(kind) {
        command.uid(uid).gid(gid);
    }
    command
}

/// Starts the server on the data in its directory.
fn serve(kind: Kind, programs: &Programs, directory: &Path, port: u16) -> std::io::Result<Child> {
    let data = directory.join("data");
    let mut serve = as_account(kind, &programs.serve, directory);
    match kind {
        Kind::Postgres => serve
            .arg("-D")
            .arg(&data)
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=300", "-p"])
            .arg(port.to_string())
            .arg("-k")
            .arg(directory),
        Kind::MariaDb => serve
            .arg("--no-defaults")
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", directory.join("socket").display()))
            .arg(format!("--port={port}"))
            .args(["--bind-address=127.0.0.1", "--innodb-flush-log-at-trx-commit=0", "--max-connections=300"]),
    };
    let log = fs::File::options().create(true).append(true).open(directory.join("log"))?;
    serve.stdout(Stdio::null()).stderr(log).spawn()
}

#[derive(Clone, Debug)]
struct Programs {
    prepare: PathBuf,
    serve: PathBuf,
}

fn postgres_programs() -> Option<Programs> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let bin =
        versions.filter_map(Result::ok).map(|entry| entry.path().join("bin")).find(|bin| bin.join("initdb").is_file());
    let bin = bin?;
    Some(Programs { prepare: bin.join("initdb"), serve: bin.join("postgres") })
}

fn mariadb_programs() -> Option<Programs> {
    let find = |name: &str| {
        ["/usr/sbin", "/usr/bin", "/usr/local/bin"]
            .iter()
            .map(|bin| Path::new(bin).join(name))
            .find(|path| path.is_file())
    };
    Some(Programs { prepare: find("mariadb-install-db")?, serve: find("mariadbd")? })
}

/// The first directory above this one that only its owner can enter.
fn closed_to_others(path: &Path) -> Option<&Path> {
    let open = |above: &Path| fs::metadata(above).is_ok_and(|found| found.permissions().mode() & 0o001 != 0);
    path.ancestors().skip(1).find(|above| !open(above))
}

/// The account of the package, if the test runs as root: both servers refuse to be root.
fn unprivileged(kind: Kind) -> Option<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let name = match kind {
        Kind::Postgres => "postgres:",
        Kind::MariaDb => "mysql:",
    };
    let accounts = fs::read_to_string("/etc/passwd").ok()?;
    let entry = accounts.lines().find(|line| line.starts_with(name))?;
    let mut fields = entry.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

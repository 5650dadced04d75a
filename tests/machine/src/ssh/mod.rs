//! A real OpenSSH server on loopback, with a user who logs in by key or password and becomes another one with sudo.
//!
//! It needs root: sshd runs in mount and process namespaces of its own, in which `/etc/passwd`, `/etc/shadow`, `/etc/sudoers`
//! and the directories that are written to (`/home`, `/srv`, `/run`, `/var/log`) are the fixture's. The machine's own users
//! and files stay as they are; with the last process of the namespace everything in it is gone.

mod account;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::{free_port, missing, tool, wait_until};

const NAMESPACE: &str = include_str!("namespace.sh");
const LIMIT: Duration = Duration::from_secs(20);

/// A running SSH server; it ends with this value.
#[derive(Debug)]
pub struct Server {
    directory: TempDir,
    process: Child,
    lifeline: Option<ChildStdin>,
    port: u16,
    password: String,
    sudo_password: String,
}

impl Server {
    /// Starts a server, or says why this machine cannot (a panic with CI=true): it takes root, namespaces, openssh-server
    /// and sudo.
    pub fn start() -> Option<Self> {
        let programs = ["sshd", "ssh-keygen", "sudo", "unshare", "nsenter", "perl"].map(tool);
        if programs.iter().any(Option::is_none) {
            return None;
        }
        if fs::metadata("/proc/self").expect("/proc").uid() != 0 {
            missing("the SSH server of the tests needs root (it gives its users a password and sudo in a namespace)");
            return None;
        }
        let namespaces =
            Command::new("unshare").args(["--mount", "--pid", "--fork", "true"]).output().expect("unshare");
        if !namespaces.status.success() {
            missing(
                "the SSH server of the tests needs mount and process namespaces, which this machine does not allow",
            );
            return None;
        }
        let sshd = programs.into_iter().flatten().next().expect("sshd was found");
        (0..5).find_map(|_| Self::try_start(&sshd)).or_else(|| panic!("five ports in a row were taken"))
    }

    /// `None` if somebody else took the port meanwhile.
    fn try_start(sshd: &Path) -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("semaphore-ssh-").tempdir().unwrap();
        let port = free_port();
        let password = account::password("login");
        let sudo_password = account::password("become");
        account::write(directory.path(), &password, &sudo_password);
        write_configuration(directory.path(), port);
        generate_key(&directory.path().join("etc/ssh/host_key"));
        let script = directory.path().join("namespace.sh");
        fs::write(&script, NAMESPACE).unwrap();
        let errors = fs::File::create(directory.path().join("log/start.log")).unwrap();
        let mut process = Command::new("unshare")
            .args(["--mount", "--pid", "--fork", "--mount-proc", "--kill-child=SIGKILL", "sh"])
            .arg(&script)
            .arg(directory.path())
            .arg(sshd)
            .stdin(Stdio::piped())
            .stdout(errors.try_clone().unwrap())
            .stderr(errors)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .current_dir("/")
            .spawn()
            .expect("unshare could not be started");
        let lifeline = process.stdin.take();
        let mut server = Self { directory, process, lifeline, port, password, sudo_password };
        let listening = wait_until("the SSH server listens", LIMIT, || {
            if server.process.try_wait().unwrap().is_some() {
                return Some(false);
            }
            banner(port).map(|_| true)
        });
        if listening && server.log().contains("Server listening on 127.0.0.1") {
            return Some(server);
        }
        let log = server.log();
        assert!(listening || log.contains("Address already in use"), "the SSH server ended at once:\n{log}");
        None
    }

    /// Its port on [`Self::host`].
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address.
    pub fn host(&self) -> &'static str {
        "127.0.0.1"
    }

    /// The user who may log in, and may become everybody else with sudo.
    pub fn user(&self) -> &'static str {
        account::USER
    }

    /// A user who cannot log in; somebody to become.
    pub fn other_user(&self) -> &'static str {
        account::OTHER_USER
    }

    /// The password with which the user logs in. It contains blanks, quotes and characters of the shell.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// What sudo asks the user for; another text than the login's password.
    pub fn sudo_password(&self) -> &str {
        &self.sudo_password
    }

    /// Lets the holder of the key log in; `public_key` is a line as in a `.pub` file.
    pub fn authorize(&self, public_key: &str) {
        let path = self.home().join(".ssh/authorized_keys");
        let mut file = fs::File::options().append(true).open(path).unwrap();
        writeln!(file, "{}", public_key.trim()).unwrap();
    }

    /// Takes back every permission that [`Self::authorize`] gave.
    pub fn authorize_nobody(&self) {
        fs::write(self.home().join(".ssh/authorized_keys"), "").unwrap();
    }

    /// The user's home directory as this process sees it. Sessions know it as `/home/<user>`.
    pub fn home(&self) -> PathBuf {
        self.directory.path().join("home").join(account::USER)
    }

    /// The line for a `known_hosts` file that names the server's present key.
    pub fn known_hosts_line(&self) -> String {
        format!("[{}]:{} {}", self.host(), self.port, self.host_key())
    }

    /// The server's present public key, `<type> <base64>`.
    pub fn host_key(&self) -> String {
        let text = fs::read_to_string(self.directory.path().join("etc/ssh/host_key.pub")).unwrap();
        text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Gives the server another host key, as a reinstalled machine or a man in the middle would have; sessions go on.
    pub fn rotate_host_key(&mut self) {
        let old = self.host_key();
        let directory = self.directory.path().join("etc/ssh");
        generate_key(&directory.join("next"));
        fs::rename(directory.join("next.pub"), directory.join("host_key.pub")).unwrap();
        fs::rename(directory.join("next"), directory.join("host_key")).unwrap();
        assert_ne!(old, self.host_key());
        let starts = |log: &str| log.matches("Server listening on").count();
        let before = starts(&self.log());
        let hup = Command::new("nsenter").args(self.target(&["--mount", "--pid"])).args(["kill", "-HUP", "1"]).status();
        assert!(hup.expect("nsenter").success(), "the SSH server could not be told of its new key");
        wait_until("the SSH server listens with its new key", LIMIT, || {
            (starts(&self.log()) > before && banner(self.port).is_some()).then_some(())
        });
    }

    /// Serves a repository of this machine as it is (what is pushed to the path is seen at once); returns its address
    /// `ssh://<user>@127.0.0.1:<port>/srv/<name>`. Everybody must be allowed to read its files.
    pub fn serve_repository(&self, path: &Path) -> String {
        let name = path.file_name().and_then(|n| n.to_str()).expect("a repository with a name");
        let name = if name.to_ascii_lowercase().ends_with(".git") { name.to_owned() } else { format!("{name}.git") };
        fs::create_dir(self.directory.path().join("srv").join(&name))
            .expect("a repository of that name is served already");
        let inside = format!("/srv/{name}");
        let mounted = Command::new("nsenter")
            .args(self.target(&["--mount"]))
            .args(["mount", "--bind"])
            .arg(path)
            .arg(&inside)
            .output()
            .expect("nsenter");
        let said = String::from_utf8_lossy(&mounted.stderr);
        assert!(mounted.status.success(), "{} cannot be served: {said}", path.display());
        format!("ssh://{}@{}:{}{inside}", self.user(), self.host(), self.port)
    }

    /// What the server has logged so far (sshd's own words, level VERBOSE).
    pub fn log(&self) -> String {
        let read = |name: &str| fs::read_to_string(self.directory.path().join("log").join(name)).unwrap_or_default();
        read("start.log") + &read("sshd.log")
    }

    /// The logins so far, each as `<method> for <user>`, for example `publickey for deploy`.
    pub fn logins(&self) -> Vec<String> {
        let log = self.log();
        let accepted = log.lines().filter_map(|line| line.strip_prefix("Accepted ")?.split_once(" from "));
        accepted.map(|(login, _)| login.to_owned()).filter(|login| login.contains(" for ")).collect()
    }

    /// Command lines of everything that runs inside: the server itself, its sessions, what they started.
    pub fn processes(&self) -> Vec<String> {
        let inside = |pid: &str| fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
        let wanted = inside(&self.first_process());
        let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
        let numbers = entries.filter_map(|e| e.file_name().into_string().ok()).filter(|n| n.parse::<u32>().is_ok());
        let found = numbers.filter(|pid| wanted.is_some() && inside(pid) == wanted);
        found
            .filter_map(|pid| fs::read(format!("/proc/{pid}/cmdline")).ok())
            .map(|text| String::from_utf8_lossy(&text).replace('\0', " ").trim().to_owned())
            .collect()
    }

    /// Number, as this process sees it, of the namespace's process 1.
    fn first_process(&self) -> String {
        let unshare = self.process.id();
        let children = fs::read_to_string(format!("/proc/{unshare}/task/{unshare}/children")).unwrap_or_default();
        children.trim().to_owned()
    }

    fn target(&self, which: &[&str]) -> Vec<String> {
        let mut arguments = vec!["--target".to_owned(), self.first_process()];
        arguments.extend(which.iter().map(|w| (*w).to_owned()));
        arguments
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let start = Instant::now();
        while start.elapsed() < LIMIT {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The first line of an SSH server, if one answers there.
fn banner(port: u16) -> Option<String> {
    let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).ok()?;
    line.starts_with("SSH-2.0").then_some(line)
}

fn generate_key(path: &Path) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "test host", "-f"]).arg(path).output();
    let made = made.expect("ssh-keygen");
    assert!(made.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&made.stderr));
}

fn write_configuration(directory: &Path, port: u16) {
    for name in ["etc/ssh", "log", "srv"] {
        fs::create_dir_all(directory.join(name)).unwrap();
    }
    let text = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey /etc/ssh/host_key\nPidFile none\nUsePAM no\nUseDNS no\n\
         PermitRootLogin no\nAllowUsers {user}\nPubkeyAuthentication yes\nPasswordAuthentication yes\n\
         KbdInteractiveAuthentication no\nAuthorizedKeysFile .ssh/authorized_keys\nPrintMotd no\nPrintLastLog no\n\
         X11Forwarding no\nMaxStartups 100\nLogLevel VERBOSE\nSubsystem sftp internal-sftp\n",
        user = account::USER,
    );
    fs::write(directory.join("etc/ssh/sshd_config"), text).unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o711)).unwrap();
}

//! The command line as people and scripts use it: the program in a directory of its own, with what it prints and leaves there.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use semaphore_tests::{program, project_root};
use serde_json::{Value, json};
use tempfile::TempDir;

mod configuration;
mod go_flags;
mod lists;
mod projects;
mod reference;
mod runner;
mod setup;

/// Keys of the fixtures.
const KEY: &str = "c2VtYXBob3JlLWNvbmZvcm1hbmNlLWFjY2Vzcy1rZTE=";

/// A directory that commands run in.
struct Place(TempDir);

/// What a command did.
#[derive(Debug)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Place {
    fn new() -> Self {
        Self(tempfile::Builder::new().prefix("semaphore-command-").tempdir().unwrap())
    }

    /// With a configuration in it that names a SQLite file which is not there yet.
    fn with_config() -> Self {
        let place = Self::new();
        let config = json!({
            "dialect": "sqlite", "sqlite": {"host": place.path("database.sqlite")}, "tmp_path": place.path("tmp"),
            "cookie_hash": KEY, "cookie_encryption": KEY, "access_key_encryption": KEY,
        });
        fs::write(place.path("config.json"), config.to_string()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap()
    }

    /// Names of what is in the directory.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.0.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.run_with(arguments, "", &[])
    }

    fn run_with(&self, arguments: &[&str], input: &str, environment: &[(&str, &str)]) -> Run {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(self.0.path()).env_clear().envs(environment.iter().copied());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", self.0.path()).env("TZ", "UTC");
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        // Whoever needs no input may be at its end already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        Run {
            code: output.status.code().expect("an exit code"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A command that must succeed; what it printed.
    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        self.run(arguments).expect(0).stdout
    }

    #[track_caller]
    fn add_admin(&self) {
        self.done(&[
            "user",
            "add",
            "--admin",
            "--login",
            "adm",
            "--name",
            "Adm",
            "--email",
            "adm@example.test",
            "--password",
            "pw",
        ]);
    }
}

impl Run {
    #[track_caller]
    fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

fn fixture(name: &str) -> PathBuf {
    project_root().join("tests/conformance/fixtures").join(name)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Whether this machine has a configuration of its own, which a command without one would find and work on.
fn machine_has_config() -> bool {
    ["/usr/local/etc/semaphore/config.json", "/etc/semaphore/config.json"].iter().any(|path| Path::new(path).exists())
}

//! A watch for secrets where they must not be: command lines while something runs, and afterwards files, logs and output.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

/// Reads the command lines of all processes of the machine over and over until it is asked what it saw.
#[derive(Debug)]
pub struct SecretWatch {
    secrets: Vec<String>,
    ended: Arc<AtomicBool>,
    reader: Option<JoinHandle<(usize, BTreeSet<String>)>>,
}

impl SecretWatch {
    /// Starts to look for these texts.
    pub fn start(secrets: &[&str]) -> Self {
        let secrets: Vec<String> = secrets.iter().map(|s| (*s).to_owned()).collect();
        assert!(secrets.iter().all(|s| s.len() > 5), "too short to be found for sure");
        let ended = Arc::new(AtomicBool::new(false));
        let reader = Some(thread::spawn({
            let (secrets, ended) = (secrets.clone(), Arc::clone(&ended));
            move || {
                let (mut rounds, mut found) = (0, BTreeSet::new());
                while !ended.load(Ordering::Relaxed) {
                    found.extend(command_lines().filter(|line| secrets.iter().any(|s| line.contains(s))));
                    rounds += 1;
                    thread::sleep(Duration::from_millis(2));
                }
                (rounds, found)
            }
        }));
        Self { secrets, ended, reader }
    }

    /// Ends the watch; panics if a secret was on a command line, is in a file below the directory, or in one of the texts.
    #[track_caller]
    pub fn assert_unseen(mut self, directory: &Path, texts: &[&str]) {
        self.ended.store(true, Ordering::Relaxed);
        let (rounds, found) = self.reader.take().expect("it runs").join().expect("the watch did not panic");
        assert!(rounds > 0, "nobody looked at the command lines");
        assert!(found.is_empty(), "a secret is on a command line: {found:?}");
        let mut files = Vec::new();
        collect(directory, &mut files);
        assert!(!files.is_empty(), "{} holds no file", directory.display());
        for secret in &self.secrets {
            let holders: Vec<_> = files.iter().filter(|(_, bytes)| contains(bytes, secret.as_bytes())).collect();
            let names: Vec<_> = holders.iter().map(|(name, _)| name).collect();
            assert!(names.is_empty(), "the secret {secret:?} is in the files {names:?}");
            assert!(
                !texts.iter().any(|text| text.contains(secret.as_str())),
                "the secret {secret:?} is shown: {texts:?}"
            );
        }
    }
}

impl Drop for SecretWatch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

fn command_lines() -> impl Iterator<Item = String> {
    let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    let processes = entries.filter(|e| e.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit));
    let lines = processes.filter_map(|e| fs::read(e.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
}

fn collect(directory: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok) {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => collect(&entry.path(), files),
            Ok(kind) if kind.is_file() => {
                let bytes = fs::read(entry.path()).unwrap_or_default();
                files.push((entry.path().display().to_string(), bytes));
            }
            _ => {}
        }
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

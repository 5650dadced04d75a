//! The server looks at itself: a profile of its memory, and giving back what it does not need.
//!
//! Not for numbers that are watched over time: those are metrics. Invariant: a profile holds names and sizes of mappings
//! and threads, never their content.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::Utc;

use crate::{
    error::{Error, Result},
    services::Services,
};

/// How long the database may take to answer the simplest question.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);

/// Mappings that are told one by one; the rest is summed up.
const LARGEST_MAPPINGS: usize = 40;

/// One kind of memory mapping, summed over all mappings of its name.
#[derive(Clone, Copy, Debug, Default)]
struct Mapping {
    resident_kib: u64,
    private_dirty_kib: u64,
    swapped_kib: u64,
}

impl Services {
    /// Forgets what can be read again, and gives free memory back to the system.
    pub async fn give_memory_back(&self) {
        *self.ansible_version.lock().await = None;
        self.ansible_reports.forget();
        // The walk over the heap can take a while.
        let trimmed = tokio::task::spawn_blocking(semaphore_engine::process::give_memory_back).await;
        if let Err(error) = trimmed {
            tracing::warn!(%error, "cannot give memory back");
        }
    }

    /// Asks the database something; an error if it does not answer in time.
    pub async fn check_database(&self) -> Result<()> {
        match tokio::time::timeout(DATABASE_PATIENCE, self.store.ping()).await {
            Ok(answer) => Ok(answer?),
            Err(elapsed) => Err(Error::unavailable("the database does not answer").with_source(elapsed)),
        }
    }

    /// Writes a profile of the server's memory into `debugging.pprof_dump_dir` and returns its path.
    ///
    /// 400 with an empty body if no directory is configured. Reference: a heap profile of the Go runtime; ours is a text
    /// about mappings and threads as the system sees them.
    pub async fn write_profile(&self) -> Result<PathBuf> {
        let directory = self.settings.profile_directory.clone().ok_or_else(|| {
            Error::invalid("set debugging.pprof_dump_dir in the configuration to the directory of profiles").bare()
        })?;
        let failed = |error: io::Error| Error::internal("cannot write a memory profile", error);
        tokio::task::spawn_blocking(move || write_profile(&directory))
            .await
            .map_err(|error| Error::internal("cannot write a memory profile", error))?
            .map_err(failed)
    }
}

fn write_profile(directory: &Path) -> io::Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let now = Utc::now();
    let path = directory.join(format!("mem-{}.prof", now.timestamp_millis()));
    let text = profile(&now.to_rfc3339())?;
    // A new file only: a link that waits under this name is not followed.
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    io::Write::write_all(&mut file, text.as_bytes())?;
    Ok(path)
}

fn profile(time: &str) -> io::Result<String> {
    let mut text = format!("memory profile of the semaphore server, {time}\n\n# process\n");
    let status = fs::read_to_string("/proc/self/status")?;
    for line in
        status.lines().filter(|line| ["Vm", "Rss", "Threads", "FDSize"].iter().any(|wanted| line.starts_with(wanted)))
    {
        text.push_str(line);
        text.push('\n');
    }
    let mut mappings: Vec<_> = mappings(&fs::read_to_string("/proc/self/smaps")?).into_iter().collect();
    mappings.sort_by_key(|(_, mapping)| std::cmp::Reverse(mapping.resident_kib));
    text.push_str("\n# mappings: resident, private dirty and swapped KiB, name\n");
    let others = mappings.split_off(mappings.len().min(LARGEST_MAPPINGS));
    let rest = others.iter().fold(Mapping::default(), |sum, (_, mapping)| sum.plus(*mapping));
    mappings.push((format!("{} more", others.len()), rest));
    for (name, mapping) in mappings {
        let Mapping { resident_kib, private_dirty_kib, swapped_kib } = mapping;
        let _ = writeln!(text, "{resident_kib:>10} {private_dirty_kib:>10} {swapped_kib:>10} {name}");
    }
    text.push_str("\n# threads: id, state, name\n");
    for entry in fs::read_dir("/proc/self/task")? {
        let directory = entry?.path();
        // A thread may end while it is read.
        let Ok(status) = fs::read_to_string(directory.join("status")) else { continue };
        let field =
            |wanted: &str| status.lines().find_map(|line| line.strip_prefix(wanted)).map(str::trim).unwrap_or_default();
        let _ = writeln!(text, "{:>10} {} {}", field("Pid:"), field("State:"), field("Name:"));
    }
    Ok(text)
}

impl Mapping {
    fn plus(self, other: Self) -> Self {
        Self {
            resident_kib: self.resident_kib + other.resident_kib,
            private_dirty_kib: self.private_dirty_kib + other.private_dirty_kib,
            swapped_kib: self.swapped_kib + other.swapped_kib,
        }
    }
}

/// The mappings of `/proc/self/smaps` by the name of their file, of the heap, or `anonymous`.
fn mappings(smaps: &str) -> BTreeMap<String, Mapping> {
    let mut all: BTreeMap<String, Mapping> = BTreeMap::new();
    let mut name = String::new();
    for line in smaps.lines() {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some(field) = first.strip_suffix(':') {
            let kib = words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
            let mut mapping = Mapping::default();
            match field {
                "Rss" => mapping.resident_kib = kib,
                "Private_Dirty" => mapping.private_dirty_kib = kib,
                "Swap" => mapping.swapped_kib = kib,
                _ => continue,
            }
            let sum = all.entry(name.clone()).or_default();
            *sum = sum.plus(mapping);
        } else {
            // Address, rights, offset, device, inode; then the name, which may hold blanks.
            let rest: Vec<_> = words.skip(4).collect();
            name = if rest.is_empty() { "anonymous".to_owned() } else { rest.join(" ") };
        }
    }
    all
}

//! The machine: facts that the web page shows, and the temporary directory.

use std::time::{Duration, Instant};

use semaphore_engine::process::{ProcessSpec, StopHandle, StopMode, output};
use semaphore_model::ProjectId;

use crate::{
    error::{Error, Result},
    services::Services,
};

/// How long an answer of `ansible --version` is kept. Reference: it is started for every request.
const KEPT: Duration = Duration::from_mins(5);

/// How long Ansible has to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Longest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 * 1024;

/// What `ansible --version` said, and when.
pub(crate) type VersionCache = tokio::sync::Mutex<Option<(Instant, String)>>;

impl Services {
    /// The output of `ansible --version`; empty where Ansible is not installed.
    pub async fn ansible_version(&self) -> String {
        let mut cache = self.ansible_version.lock().await;
        if let Some((_, text)) = cache.as_ref().filter(|(asked, _)| asked.elapsed() < KEPT) {
            return text.clone();
        }
        let text = self.ask_ansible().await;
        *cache = Some((Instant::now(), text.clone()));
        text
    }

    /// Removes what tasks of all projects left in the temporary directory; nothing else that lies there.
    pub async fn clear_cache(&self) -> Result<()> {
        for project in project_directories(&self.engine.tmp_path)? {
            self.clear_project_cache(project).await?;
        }
        Ok(())
    }

    async fn ask_ansible(&self) -> String {
        let spec = ProcessSpec::new("ansible", "/")
            .arg("--version")
            .env("PATH", &self.program_path)
            .env("HOME", &self.home)
            .env("LANG", "C.UTF-8");
        let stop = StopHandle::new();
        let asked = output(spec, MAX_ANSWER, stop.token());
        tokio::pin!(asked);
        let answer = tokio::select! {
            answer = &mut asked => answer,
            () = tokio::time::sleep(PATIENCE) => {
                stop.request(StopMode::Forced);
                asked.await
            }
        };
        match answer {
            Ok(answer) if answer.exit.success() => String::from_utf8_lossy(&answer.stdout).into_owned(),
            Ok(_) | Err(_) => String::new(),
        }
    }
}

/// Projects that have a directory below `tmp_path`.
fn project_directories(tmp_path: &std::path::Path) -> Result<Vec<ProjectId>> {
    let entries = match std::fs::read_dir(tmp_path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::internal("cannot read the temporary directory", error)),
    };
    let project = |name: std::ffi::OsString| name.to_str()?.strip_prefix("project_")?.parse().ok().map(ProjectId);
    Ok(entries.filter_map(std::result::Result::ok).filter_map(|entry| project(entry.file_name())).collect())
}

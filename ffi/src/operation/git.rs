//! One piece of git's work.
//!
//! Not for how it is done, which is `semaphore_engine::git`'s.

use std::sync::{Arc, atomic::Ordering};

use semaphore_engine::{
    git::{self, GitClient, GitError},
    job::{Job, attended},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Control, Finish, Operation,
    end::{Story, carry, git_end, watch},
};
use crate::{
    code,
    failure::Failure,
    git_spec::{GitWork, PreparedGit},
    logger::Log,
    runtime::Runtime,
};

impl Operation {
    /// Starts one piece of work; what git says goes to the log, if there is one.
    pub fn start_git(
        handle: u64,
        runtime: &Arc<Runtime>,
        log: Option<&Arc<Log>>,
        prepared: PreparedGit,
    ) -> Result<Arc<Self>, Failure> {
        let (programs, job) = attended(Arc::clone(&prepared.config), prepared.secrets())
            .map_err(|error| Failure::argument(error.to_string()))?;
        let Job { events, control } = job;
        let (operation, finish) = Self::open(handle, runtime, log, Control::Git(control))?;
        runtime.counts().git.fetch_add(1, Ordering::Relaxed);
        let followed = log.cloned();
        let (client, mut story) = if prepared.progress {
            let queue = Arc::clone(runtime.queue());
            let tell = move |payload| queue.push_event(code::SEMAPHORE_FRAME_PROGRESS, 0, handle, payload, None);
            (git::client_with_progress(programs), Story::watched(tell))
        } else {
            (git::client(programs), Story::default())
        };
        let over = CancellationToken::new();
        let this = Arc::clone(&operation);
        runtime.spawn_operation("git", async move {
            let work = async {
                let result = this.run_git(client, prepared, finish).await;
                over.cancel();
                result
            };
            let follow = async {
                match followed {
                    Some(log) => drop(carry(events, over.cancelled(), &log, &mut story).await),
                    None => watch(events, over.cancelled(), &story).await,
                }
            };
            let (finish, ()) = tokio::join!(work, follow);
            drop(finish);
        });
        Ok(operation)
    }

    /// Gives the guard back when the work is done: its output is not in the log yet.
    async fn run_git(&self, client: Box<dyn GitClient>, prepared: PreparedGit, mut finish: Finish) -> Finish {
        let result = tokio::select! {
            result = work(client.as_ref(), &prepared) => result,
            () = self.watch(prepared.deadline, || {}) => return finish,
        };
        finish.ended = Some(git_end(result));
        finish
    }
}

async fn work(client: &dyn GitClient, prepared: &PreparedGit) -> Result<Value, GitError> {
    let working = &prepared.working;
    Ok(match &prepared.work {
        GitWork::Clone => done(client.clone_repository(working).await?),
        GitWork::Pull => done(client.pull(working).await?),
        GitWork::Checkout(commit) => done(client.checkout(working, commit).await?),
        GitWork::CanBePulled => json!({"can_be_pulled": client.can_be_pulled(working).await?}),
        GitWork::LastCommitHash => json!({"hash": client.last_commit_hash(working).await?}),
        GitWork::LastCommitMessage => json!({"message": client.last_commit_message(working).await?}),
        GitWork::RemoteHash => json!({"hash": client.remote_commit_hash(working).await?}),
        GitWork::RemoteBranches => json!({"branches": client.remote_branches(working).await?}),
    })
}

fn done((): ()) -> Value {
    json!({})
}

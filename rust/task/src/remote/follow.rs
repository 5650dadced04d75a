//! Follows the process of one task: gathers what it says, hands it over, and lets it go once it is stored.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use semaphore_engine::{
    host::{self, HostEvents},
    job::{JobEvent, Outcome, Problem, ProblemCode},
};
use semaphore_model::{TaskId, TaskStatus};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, timeout_at},
};

/// How much text is handed over at once; an event that is bigger goes alone.
const MOST_BYTES: usize = 256 * 1024;
/// How long a first word waits for others.
const GATHERING: Duration = Duration::from_millis(20);
/// Shortest time between two reports about one task that has not much to say.
const PACE: Duration = Duration::from_millis(200);

/// What a process said.
pub(super) struct Told {
    pub(super) task: TaskId,
    /// In order; empty if the process has gone without a word.
    pub(super) events: Vec<JobEvent>,
    /// The directory of a process that has gone so.
    pub(super) gone: Option<PathBuf>,
    /// Where to say what became of it.
    pub(super) verdict: oneshot::Sender<Verdict>,
}

/// What became of the events that were handed over. Without a verdict nothing is let go: the next runner is told all of it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// They are stored.
    Stored,
    /// Nobody wants them, nor what follows.
    Unwanted,
}

/// Follows until the process has ended and everything is stored.
pub(super) async fn follow(task: TaskId, mut events: HostEvents, directory: PathBuf, told: mpsc::Sender<Told>) {
    let mut next_report = Instant::now();
    loop {
        let first = events.next().await;
        let has_gone = first.is_none();
        if has_gone {
            // It was killed: what it had started must not go on without it.
            host::end(&directory).await;
        }
        let mut batch: Vec<_> = first.into_iter().collect();
        let until = next_report.max(Instant::now() + GATHERING);
        while !batch.is_empty() && !is_urgent(batch.last()) && bytes(&batch) < MOST_BYTES {
            match timeout_at(until, events.ahead()).await {
                Ok(Some(event)) => batch.push(event),
                Ok(None) | Err(_) => break,
            }
        }
        batch.retain(|event| {
            !matches!(event, JobEvent::Partial { .. } | JobEvent::Progress { .. } | JobEvent::Program(_))
        });
        if batch.is_empty() && !has_gone {
            continue;
        }
        let is_over = has_gone || matches!(batch.last(), Some(JobEvent::Done(_)));
        next_report = Instant::now() + PACE;
        if is_over {
            tell_memory(&directory, &mut batch);
        }
        let is_stopped = matches!(batch.last(), Some(JobEvent::Done(Outcome::Stopped(_))));
        let (verdict, answer) = oneshot::channel();
        let gone = has_gone.then(|| directory.clone());
        if told.send(Told { task, events: batch, gone, verdict }).await.is_err() {
            return;
        }
        match answer.await {
            Ok(Verdict::Stored) => {}
            Ok(Verdict::Unwanted) => {
                // Asking for the next one lets the one before go.
                while events.next().await.is_some() {}
                host::end(&directory).await;
                host::forget(&directory);
                return;
            }
            Err(_) => return,
        }
        if is_over {
            events.finish().await;
            if is_stopped {
                // What it has left behind in spite of its stop.
                host::end(&directory).await;
            }
            host::forget(&directory);
            return;
        }
    }
}

/// Says so if the memory of a job that failed was too small.
fn tell_memory(directory: &Path, batch: &mut Vec<JobEvent>) {
    let Some(JobEvent::Done(Outcome::Failed(_) | Outcome::Broken { .. })) = batch.last() else { return };
    if let Some(message) = host::out_of_memory(directory) {
        let problem = Problem { code: ProblemCode::MemoryLimit, message };
        batch.insert(batch.len() - 1, JobEvent::Problem(problem));
    }
}

/// Whether somebody waits for it.
fn is_urgent(last: Option<&JobEvent>) -> bool {
    matches!(last, Some(JobEvent::Done(_) | JobEvent::Status(TaskStatus::WaitingConfirmation)))
}

fn bytes(batch: &[JobEvent]) -> usize {
    let of_event = |event: &JobEvent| match event {
        JobEvent::Log(records) => records.iter().map(|record| record.text.len() + 64).sum(),
        _ => 0,
    };
    batch.iter().map(of_event).sum()
}

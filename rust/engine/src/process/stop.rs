//! Asking a child to end, and how each kind of program is ended.
//!
//! Not for finding out why: the job knows its reasons, here only the force counts.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::leader::Watched;

/// With what force to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopMode {
    /// By the stop plan of the program.
    Graceful,
    /// By SIGKILL at once.
    Forced,
}

/// Asks a job's processes to end; usable from any thread, outside of async code, before and after they run.
#[derive(Clone, Debug)]
pub struct StopHandle {
    sender: watch::Sender<Option<StopMode>>,
}

impl Default for StopHandle {
    fn default() -> Self {
        Self::new()
    }
}

impl StopHandle {
    /// A handle nobody listens to yet.
    pub fn new() -> Self {
        Self { sender: watch::Sender::new(None) }
    }

    /// A token that hears this handle; what was asked before is heard too.
    pub fn token(&self) -> StopToken {
        StopToken { receiver: Some(self.sender.subscribe()) }
    }

    /// Asks for an end; asking a second time asks for an end at once. Returns what is asked for now.
    pub fn stop(&self) -> StopMode {
        let mode = if self.requested().is_some() { StopMode::Forced } else { StopMode::Graceful };
        self.request(mode);
        mode
    }

    /// Asks for an end with this force; never weakens what was asked before, so repeating it changes nothing.
    pub fn request(&self, mode: StopMode) {
        self.sender.send_if_modified(|now| {
            let stronger = *now < Some(mode);
            if stronger {
                *now = Some(mode);
            }
            stronger
        });
    }

    /// What was asked for.
    pub fn requested(&self) -> Option<StopMode> {
        *self.sender.borrow()
    }
}

/// The listening side of a [`StopHandle`]; one for each process of a job.
#[derive(Clone, Debug)]
pub struct StopToken {
    receiver: Option<watch::Receiver<Option<StopMode>>>,
}

impl StopToken {
    /// A token that is never asked to stop.
    pub fn never() -> Self {
        Self { receiver: None }
    }

    /// What was asked for.
    pub fn requested(&self) -> Option<StopMode> {
        self.receiver.as_ref().and_then(|receiver| *receiver.borrow())
    }

    /// Waits until a stop of at least this force is asked for; for ever if nobody can ask any more.
    pub async fn wait_for(&self, least: StopMode) -> StopMode {
        if let Some(mut receiver) = self.receiver.clone()
            && let Ok(mode) = receiver.wait_for(|now| *now >= Some(least)).await
            && let Some(mode) = *mode
        {
            return mode;
        }
        std::future::pending().await
    }
}

/// How a program is ended gracefully. Every plan ends with SIGKILL to the group and to all members of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopPlan {
    /// SIGTERM to the session, 1.5 s for it to end. Here and below, a program can have another time than 1.5 s.
    Shell,
    /// SIGINT to the leader, 1.5 s; SIGTERM to the session, 0.25 s.
    Ansible,
    /// SIGINT to the leader only, `stop_timeout`; SIGINT once more, 1.5 s. Never SIGTERM: it would end provider plugins in mid-apply.
    Terraform {
        /// Time for the orderly end; 120 s unless configured.
        stop_timeout: Duration,
    },
}

/// A plan with the time that this program gets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) plan: StopPlan,
    /// How long each polite signal has; `None` = [`GRACE`].
    pub(super) grace: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Target {
    Leader,
    Session,
}

struct Step {
    signal: i32,
    target: Target,
    wait: Duration,
}

/// How often what is left of a session is looked for.
const SESSION_POLL: Duration = Duration::from_millis(25);
const GRACE: Duration = Duration::from_millis(1500);
const LAST_GRACE: Duration = Duration::from_millis(250);

impl StopPlan {
    fn steps(self, grace: Duration) -> Vec<Step> {
        match self {
            Self::Shell => vec![Step { signal: libc::SIGTERM, target: Target::Session, wait: grace }],
            Self::Ansible => vec![
                Step { signal: libc::SIGINT, target: Target::Leader, wait: grace },
                Step { signal: libc::SIGTERM, target: Target::Session, wait: LAST_GRACE },
            ],
            Self::Terraform { stop_timeout } => vec![
                Step { signal: libc::SIGINT, target: Target::Leader, wait: stop_timeout },
                Step { signal: libc::SIGINT, target: Target::Leader, wait: grace },
            ],
        }
    }
}

/// Ends the session of `leader`: returns when the leader has exited (unreaped) and nothing of the session runs any more.
pub(super) async fn carry_out(ending: Ending, leader: &Watched, token: &StopToken, forced: bool) {
    if !forced {
        tokio::select! {
            biased;
            _ = token.wait_for(StopMode::Forced) => {}
            () = ask(leader, ending.plan.steps(ending.grace.unwrap_or(GRACE))) => {}
        }
    }
    leader.kill_session().await;
}

async fn ask(leader: &Watched, steps: Vec<Step>) {
    for step in steps {
        let leader_runs = !leader.has_exited();
        match step.target {
            Target::Leader if !leader_runs => continue,
            Target::Leader => leader.signal(step.signal),
            Target::Session => leader.signal_session(step.signal),
        }
        let gone = async {
            leader.exited().await;
            while step.target == Target::Session && leader.session_lives() {
                tokio::time::sleep(SESSION_POLL).await;
            }
        };
        if tokio::time::timeout(step.wait, gone).await.is_ok() && !leader.session_lives() {
            return;
        }
    }
}

//! Which tasks are this server's: at its start, while it runs beside others on one database, and when one of them dies.
//!
//! Each server raises a number in its row; one whose number stands still for as long as it said itself is dead, and one of the
//! others has its tasks then: waiting ones run there, one that ran ends with the reason (nobody knows how far it came). Time is
//! measured by this process alone, so no clock is compared and a clock that jumps means nothing. Not for refusing the steps of
//! a server that lost a task: the store does that in each step's transaction.

use std::{
    collections::HashMap,
    convert::Infallible,
    path::Path,
    pin::pin,
    time::{Duration, Instant},
};

use semaphore_model::{ProjectId, TaskId};
use semaphore_store::{OtherServers, ServerPresence, Store, TaskCommand};
use semaphore_task::{Pool, PortError, StopError};
use tokio::task::JoinHandle;

use super::{
    TaskPorts,
    presence::{self, Presence},
    runner_watch::RunnerWatch,
};
use crate::Result;

/// Longest pause between two looks at what other servers want of this one.
const LONGEST_TICK: Duration = Duration::from_secs(1);

/// How often in the time of its lease a server shows that it lives.
const BEATS: u32 = 3;

/// How many times the lease of a server its tasks wait for it that have processes of their own: those may live, and a server that
/// is started again there goes on with them.
const RETURN_LEASES: u32 = 20;

const RESTARTED: &str = "the server was restarted while the task ran";

/// A server's place among those on its database.
#[derive(Debug)]
pub struct Ownership {
    own: ServerPresence,
    /// None if `tmp_path` takes no file: others wait for the end of the lease then.
    presence: Option<Presence>,
    /// The beats of other servers, and since when they stand.
    seen: HashMap<String, (i64, Instant)>,
    /// Since when owners of tasks are not there whose processes cannot be reached from here.
    absent: HashMap<String, Instant>,
    /// The last look at them.
    looked: Instant,
    /// What is seen of the remote runners of its tasks.
    runners: RunnerWatch,
    /// Whose tasks are this server's and may not all be taken up, and why they end if they ran.
    unfinished: Vec<(String, String)>,
    /// What is being carried out, with the numbers of the commands: their rows are still there.
    rounds: Vec<(JoinHandle<()>, Vec<i64>)>,
}

impl Ownership {
    /// Takes up what an earlier process left: the tasks of servers that are known to be dead, and those that belong to nobody.
    /// The tasks of others stay theirs.
    pub async fn begin(ports: &TaskPorts) -> Result<Self> {
        let services = &ports.services;
        let tmp_path = &services.engine.tmp_path;
        let presence = Presence::show(tmp_path, &services.server_id)
            .inspect_err(|error| tracing::warn!(%error, path = %tmp_path.display(), "no lock file can be made: after a crash others wait for the end of the lease"))
            .ok();
        match presence::place(tmp_path) {
            Ok(place) => ports.set_place(place),
            Err(error) => {
                tracing::warn!(%error, path = %tmp_path.display(), "no file can be made: processes of tasks are not found again by other servers");
            }
        }
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let own = ServerPresence {
            id: services.server_id.clone(),
            host: host.trim().to_owned(),
            pid: std::process::id(),
            beat: 0,
            lease: services.settings.task_lease,
            max_parallel_tasks: ports.pool()?.limits().max_parallel_tasks,
        };
        services.store.register_server(&own).await?;
        let mut ownership = Self {
            own,
            presence,
            seen: HashMap::new(),
            absent: HashMap::new(),
            looked: Instant::now(),
            runners: RunnerWatch::new(),
            unfinished: Vec::new(),
            rounds: Vec::new(),
        };
        ownership.look_at_others(ports).await?;
        let adopted = services.store.adopt_tasks(&ownership.own.id).await?;
        if !ports.take_up(&adopted, RESTARTED).await? {
            ownership.unfinished.push((String::new(), RESTARTED.to_owned()));
        }
        if let Err(error) = ports.end_abandoned().await {
            tracing::warn!(%error, cause = ?error.source, "processes of deleted tasks cannot be looked for");
        }
        Ok(ownership)
    }

    /// Keeps what is this server's, carries out what was asked for elsewhere, and takes over from servers that die, until
    /// `ended`; then everything that is left may be had by others at once.
    pub async fn keep(self, ports: &TaskPorts, ended: impl Future<Output = ()>) -> Result<()> {
        // Beside the beat: a report that is not stored soon must not make others take this server for dead.
        tokio::select! {
            done = self.keep_tasks(ports, ended) => done,
            never = take_mail(ports) => match never {},
        }
    }

    async fn keep_tasks(mut self, ports: &TaskPorts, ended: impl Future<Output = ()>) -> Result<()> {
        let mut ended = pin!(ended);
        let beat = self.own.lease / BEATS;
        let mut next_beat = Instant::now();
        let mut is_quiet = true;
        loop {
            tokio::select! {
                () = &mut ended => break,
                () = tokio::time::sleep(beat.min(LONGEST_TICK)) => {}
            }
            let done = async {
                if next_beat <= Instant::now() {
                    self.beat(ports).await?;
                    next_beat = Instant::now() + beat;
                }
                self.obey(ports).await
            };
            match Box::pin(done).await {
                Ok(()) => is_quiet = true,
                Err(error) => {
                    // The others could not show themselves either: they are watched anew.
                    self.seen.clear();
                    if std::mem::take(&mut is_quiet) {
                        tracing::warn!(%error, cause = ?error.source, "the leases of tasks cannot be renewed; this is tried again");
                    }
                }
            }
        }
        let removed = ports.services.store.remove_server(&self.own.id).await;
        drop(self.presence.take());
        Ok(removed?)
    }

    async fn beat(&mut self, ports: &TaskPorts) -> Result<()> {
        let store = &ports.services.store;
        if !store.renew_server(&self.own.id).await? {
            tracing::warn!("another server took this one for dead, or our tables were dropped");
            store.register_server(&self.own).await?;
            let pool = ports.pool()?;
            for lost in store.keep_tasks(&self.own.id, &pool.tasks()).await? {
                pool.lose(lost);
            }
        }
        self.look_at_others(ports).await?;
        for (from, reason) in std::mem::take(&mut self.unfinished) {
            self.take_up(ports, from, reason).await;
        }
        if let Some(hosts) = ports.pool()?.hosts() {
            hosts.sweep();
        }
        Ok(())
    }

    async fn look_at_others(&mut self, ports: &TaskPorts) -> Result<()> {
        let (store, tmp_path) = (&ports.services.store, &ports.services.engine.tmp_path);
        let others = store.list_other_servers(&self.own.id).await?;
        for Dead { id: from, beat, reason, is_within_reach } in self.dead(others, tmp_path) {
            let reach = (!is_within_reach).then(|| ports.place());
            if store.take_over(&from, beat, &self.own.id, reach).await? {
                tracing::warn!(server = from, reason, "the tasks of another server are this one's now");
                self.take_up(ports, from.clone(), reason).await;
            }
            presence::forget(tmp_path, &from);
        }
        Ok(())
    }

    /// The servers that are dead.
    fn dead(&mut self, others: OtherServers, tmp_path: &Path) -> Vec<Dead> {
        let now = Instant::now();
        // This process itself stood still: nothing that it missed counts.
        if now.duration_since(self.looked) > self.own.lease {
            self.seen.clear();
        }
        self.looked = now;
        self.seen.retain(|id, _| others.present.iter().any(|server| server.id == *id));
        let mut dead = Vec::new();
        let is_present = |owner: &String| others.present.iter().any(|server| server.id == *owner);
        self.absent.retain(|id, _| others.owners.contains(id) && !is_present(id));
        for id in others.owners.iter().filter(|owner| !is_present(owner)) {
            let since = *self.absent.entry(id.clone()).or_insert(now);
            let is_within_reach = now.duration_since(since) >= self.own.lease * RETURN_LEASES;
            let reason = "the server that ran it has ended".to_owned();
            dead.push(Dead { id: id.clone(), beat: None, reason, is_within_reach });
        }
        for server in others.present {
            let seen = self.seen.entry(server.id.clone()).or_insert((server.beat, now));
            if seen.0 != server.beat {
                *seen = (server.beat, now);
            }
            let beat = Some(server.beat);
            if presence::is_dead(tmp_path, &server.id) {
                dead.push(Dead { id: server.id, beat, reason: RESTARTED.to_owned(), is_within_reach: true });
            } else if now.duration_since(seen.1) >= server.lease {
                let (host, pid) = (server.host, server.pid);
                let reason = format!("the server that ran it ({host}, process {pid}) does not answer any more");
                dead.push(Dead { id: server.id, beat, reason, is_within_reach: false });
            }
        }
        dead
    }

    /// Takes up the tasks that were another server's; what cannot be done now is done with a later beat.
    async fn take_up(&mut self, ports: &TaskPorts, from: String, reason: String) {
        let taken = match ports.services.store.list_taken_tasks(&self.own.id, &from).await {
            Ok(tasks) => ports.take_up(&tasks, &reason).await,
            Err(error) => Err(error.into()),
        };
        let is_complete = taken.unwrap_or_else(|error| {
            tracing::error!(%error, cause = ?error.source, "tasks of another server cannot be taken up yet");
            false
        });
        if !is_complete {
            self.unfinished.push((from, reason));
        }
    }

    async fn obey(&mut self, ports: &TaskPorts) -> Result<()> {
        let pool = ports.pool()?;
        // What tasks of other servers held back may go on, and limits may have been changed.
        pool.replace_exclusive(ports.services.store.list_exclusive_inventories().await?);
        pool.look_again();
        self.runners.look(ports).await?;
        // Before the look: what a round that has ended did not remove is to be done again.
        self.rounds.retain(|(round, _)| !round.is_finished());
        let store = &ports.services.store;
        let mut commands = store.list_task_commands(&self.own.id).await?;
        commands.retain(|(number, ..)| !self.rounds.iter().any(|(_, numbers)| numbers.contains(number)));
        if !commands.is_empty() {
            let numbers = commands.iter().map(|(number, ..)| *number).collect();
            // They may take longer than a lease lasts.
            let round = tokio::spawn(carry_out(pool.clone(), store.clone(), commands));
            self.rounds.push((round, numbers));
        }
        Ok(())
    }
}

/// A server that is dead.
struct Dead {
    id: String,
    /// The beat at which it stands, if it is said to be there.
    beat: Option<i64>,
    /// What is said of its tasks that ran.
    reason: String,
    /// Whether all its tasks can be taken, those with processes of their own too: they can be reached, or nobody came back to them
    /// for long enough.
    is_within_reach: bool,
}

/// Takes what remote runners have told to other servers, for as long as it is polled.
async fn take_mail(ports: &TaskPorts) -> Infallible {
    let mut is_quiet = true;
    loop {
        tokio::time::sleep(LONGEST_TICK).await;
        match ports.take_mail().await {
            Ok(()) => is_quiet = true,
            Err(error) => {
                if std::mem::take(&mut is_quiet) {
                    tracing::warn!(%error, cause = ?error.source, "reports of remote runners that came to other servers cannot be taken; this is tried again");
                }
            }
        }
    }
}

/// Does what is asked for. What the database does not take now is left for the next look: to stop or confirm twice does no harm.
async fn carry_out(pool: Pool, store: Store, commands: Vec<(i64, ProjectId, TaskId, TaskCommand)>) {
    for (number, project, task, command) in commands {
        let done = match command {
            TaskCommand::Stop => pool.stop(task, false).await,
            TaskCommand::ForceStop => pool.stop(task, true).await,
            TaskCommand::Confirm => pool.confirm(task, true).await,
            TaskCommand::Reject => pool.confirm(task, false).await,
        };
        match done {
            // It ended on the way, or somebody else decided.
            Ok(()) | Err(StopError::NotActive | StopError::NothingToConfirm) => {}
            Err(StopError::Port(error @ PortError::Unavailable(_))) => {
                let error = semaphore_model::error_chain(&error);
                tracing::warn!(task.id = %task, project.id = %project, ?command, error, "what was asked for on another server cannot be done yet; this is tried again");
                continue;
            }
            Err(error) => {
                let error = semaphore_model::error_chain(&error);
                tracing::error!(task.id = %task, project.id = %project, ?command, error, "what was asked for on another server cannot be done");
            }
        }
        if let Err(error) = store.remove_task_command(number).await {
            tracing::warn!(task.id = %task, project.id = %project, ?command, %error, "what was asked for on another server was done and is done once more");
        }
    }
}

//! The clock of the schedules: sleeps until the next one is due and starts its task.
//!
//! Not for rules about schedules. Invariants: a moment is fired once, on however many servers, because it is stored together
//! with its task; moments of one schedule are fired in order; what was due while no server ran is passed over; a schedule that was not
//! changed keeps its next moment when others change; a row is read again before it is fired, so that one that was switched off does
//! nothing.
//!
//! Reference: `SchedulePool`. There every change of any schedule starts the waiting of all `@every` schedules anew.

use std::{collections::HashMap, future::Future, pin::pin, sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{
    Misfire, NewTask, Overlap, ProjectId, RepositoryId, Schedule, ScheduleId, SchedulePolicy, ScheduleType,
};
use semaphore_store::{ScheduleFire, StoreError};
use semaphore_task::{Cron, CronError, Zone};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    error::{Error, Kind, Result},
    services::Services,
    task::{TaskOrigin, TaskPorts},
};

/// How often all schedules are read without being told of a change: other programs write them, too, and the clock of the
/// machine may be set.
const RELOAD: Duration = Duration::from_mins(1);

/// How long after its single time a schedule that this server did not know yet is fired all the same: its time may pass between the
/// request and the look at it, and a change that came to another server is seen with the next reading only.
const STILL_DUE: Duration = RELOAD.saturating_mul(2);

/// By how much a clock may run slow between two looks without having been set back.
const CLOCK_SLACK: TimeDelta = TimeDelta::seconds(2);

/// How far back missed moments are looked for.
const LONGEST_ABSENCE: TimeDelta = TimeDelta::days(31);

/// How long a task that is due waits for a database that is away, and how often it is tried; not beyond the next moment.
const PATIENCE: TimeDelta = TimeDelta::minutes(10);
const PAUSE: Duration = Duration::from_secs(2);

/// Of the host's name, in the name of the server; with the process id it has to fit into the column of 64.
const SERVER_NAME_CHARACTERS: usize = 50;

/// `schedule.timezone` names no time zone.
#[derive(Debug, thiserror::Error)]
#[error("{name:?} is no time zone: use a name such as Europe/Berlin, UTC or Local")]
pub struct ZoneError {
    name: String,
    source: CronError,
}

/// Starts the tasks of schedules. One per server.
#[derive(Debug)]
pub struct Scheduler {
    services: Arc<Services>,
    ports: Arc<TaskPorts>,
    zone: Zone,
    /// What this server calls itself in the rows of what it fired.
    name: Arc<str>,
    /// Whether the schedules were read before: only what passed before the start was missed.
    has_read: bool,
    entries: HashMap<ScheduleId, Entry>,
    /// The last look at the clock, and when that was.
    looked: (DateTime<Utc>, Instant),
}

/// A schedule that waits for its next moment.
#[derive(Debug)]
struct Entry {
    /// As it was read; a change makes a new entry.
    schedule: Schedule,
    rule: Rule,
    /// None when there is no further one: a single time that was fired stays known until its row says so.
    next: Option<DateTime<Utc>>,
    /// The firing that was begun last; it may still be under way.
    firing: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Rule {
    Again(Cron),
    Once,
}

impl Scheduler {
    /// A scheduler in the time zone of the settings.
    pub fn new(services: Arc<Services>, ports: Arc<TaskPorts>) -> Result<Self, ZoneError> {
        let name = &services.settings.schedule_timezone;
        let zone = Zone::parse(name).map_err(|source| ZoneError { name: name.clone(), source })?;
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host.trim().chars().take(SERVER_NAME_CHARACTERS).collect();
        let name = format!("{host}:{}", std::process::id()).into();
        Ok(Self {
            services,
            ports,
            zone,
            name,
            has_read: false,
            entries: HashMap::new(),
            looked: (Utc::now(), Instant::now()),
        })
    }

    /// Fires schedules until `stop` is ready.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let services = Arc::clone(&self.services);
        let mut stop = pin!(stop);
        let mut reload = Instant::now();
        loop {
            if reload <= Instant::now() {
                if let Err(error) = self.reload().await {
                    tracing::error!(%error, cause = ?error.source, "the schedules cannot be read; those known go on");
                }
                reload = Instant::now() + RELOAD;
            }
            self.follow_clock();
            let next = self.entries.values().filter_map(|entry| entry.next).min();
            let wait = next.and_then(|next| (next - Utc::now()).to_std().ok().or(Some(Duration::ZERO)));
            let due = Instant::now() + wait.unwrap_or(RELOAD).min(RELOAD);
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = services.schedules_changed.notified() => reload = Instant::now(),
                () = tokio::time::sleep_until(due.min(reload)) => self.fire_due(),
            }
        }
    }

    /// Takes over what the database has. Entries that are as before keep their next moment.
    async fn reload(&mut self) -> Result<()> {
        let now = Utc::now();
        let mut before = std::mem::take(&mut self.entries);
        let schedules = match self.services.store.list_all_schedules().await {
            Ok(schedules) => schedules,
            Err(error) => {
                self.entries = before;
                return Err(error.into());
            }
        };
        let at_start = !std::mem::replace(&mut self.has_read, true);
        for schedule in schedules {
            // Reference: whether it is active does not count for those that wait for a commit.
            if schedule.repository_id.is_none() && !schedule.active {
                continue;
            }
            match before.remove(&schedule.id) {
                Some(entry) if is_same(&entry.schedule, &schedule) => {
                    self.entries.insert(schedule.id, entry);
                }
                _ => self.enter(schedule, now, at_start).await,
            }
        }
        Ok(())
    }

    /// Adds a schedule that is new or was changed.
    async fn enter(&mut self, schedule: Schedule, now: DateTime<Utc>, at_start: bool) {
        let missed = if at_start { self.missed(&schedule, now).await } else { None };
        let (rule, next) = match (&schedule.r#type, schedule.run_at) {
            (ScheduleType::RunAt, Some(time)) if time > now => (Rule::Once, Some(time)),
            // One that was fired elsewhere starts no second task: the row of the moment is there.
            (ScheduleType::RunAt, Some(time)) if !at_start && time >= now - STILL_DUE => (Rule::Once, Some(time)),
            (ScheduleType::RunAt, Some(_)) if missed.is_some() => (Rule::Once, missed),
            (ScheduleType::RunAt, Some(_)) => {
                tracing::warn!(schedule.id = %schedule.id, "the time of a schedule passed while no server ran; it is not made up for");
                return finish(&self.services, &schedule).await;
            }
            (ScheduleType::Cron, _) if schedule.cron_format.is_empty() => return,
            (ScheduleType::Cron, _) => match Cron::parse(&schedule.cron_format) {
                Ok(cron) => {
                    let next = missed.or_else(|| cron.next(now, self.zone));
                    (Rule::Again(cron), next)
                }
                Err(error) => {
                    tracing::warn!(schedule.id = %schedule.id, %error, "a schedule cannot be read and is passed over");
                    return;
                }
            },
            (ScheduleType::RunAt, None) | (ScheduleType::Other(_), _) => {
                tracing::warn!(schedule.id = %schedule.id, kind = %schedule.r#type, "a schedule has no time and is passed over");
                return;
            }
        };
        self.entries.insert(schedule.id, Entry { schedule, rule, next, firing: None });
    }

    /// The last moment that passed while no server ran, if the rules of the schedule make up for it. Without a task that
    /// it made before, nobody knows since when a schedule with an expression is waited for, and nothing was missed.
    async fn missed(&self, schedule: &Schedule, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let store = &self.services.store;
        let known = match store.get_schedule_policy(schedule.id).await {
            Ok(SchedulePolicy { misfire: Misfire::RunOnce, .. }) => store.get_last_fire(schedule.id).await,
            Ok(_) => return None,
            Err(error) => Err(error),
        };
        let last = match known {
            Ok(last) => last,
            Err(error) => {
                tracing::error!(schedule.id = %schedule.id, %error, "whether a schedule missed a run cannot be read; none is made up for");
                return None;
            }
        };
        if schedule.r#type == ScheduleType::RunAt {
            return schedule.run_at.filter(|time| *time <= now && last.is_none_or(|last| last < *time));
        }
        let cron = Cron::parse(&schedule.cron_format).ok()?;
        // However many there were, the last one counts; a bound, because a machine may have been off for years.
        let after = last?.max(now - LONGEST_ABSENCE);
        std::iter::successors(cron.next(after, self.zone), |moment| cron.next(*moment, self.zone))
            .take_while(|moment| *moment <= now)
            .last()
    }

    /// A clock that was set back brings nearer moments; those that were fired already are fired once all the same.
    fn follow_clock(&mut self) {
        let (now, instant) = (Utc::now(), Instant::now());
        let (then, seen) = std::mem::replace(&mut self.looked, (now, instant));
        let passed = TimeDelta::from_std(instant.duration_since(seen)).unwrap_or_default();
        if now - then > passed - CLOCK_SLACK {
            return;
        }
        tracing::warn!("the clock of this machine was set back: schedules go by the new time");
        for entry in self.entries.values_mut() {
            if let (Rule::Again(cron), Some(next)) = (&entry.rule, entry.next)
                && let Some(nearer) = cron.next(now, self.zone).filter(|nearer| *nearer < next)
            {
                entry.next = Some(nearer);
            }
        }
    }

    /// Fires what is due and reckons the next moments.
    fn fire_due(&mut self) {
        let now = Utc::now();
        let (services, ports, zone) = (&self.services, &self.ports, self.zone);
        for entry in self.entries.values_mut() {
            let Some(due) = entry.next.filter(|next| *next <= now) else { continue };
            let period = match &entry.rule {
                Rule::Again(Cron::Every(seconds)) => Some(TimeDelta::seconds(*seconds)),
                Rule::Again(_) | Rule::Once => None,
            };
            entry.next = match &entry.rule {
                Rule::Once => None,
                Rule::Again(cron) => cron.next(now, zone),
            };
            let until = entry.next.map_or(now + PATIENCE, |next| next.min(now + PATIENCE));
            let moment = Moment { due, period, until, server: Arc::clone(&self.name) };
            let before = entry.firing.take().filter(|firing| !firing.is_finished());
            // A repository that is slow to answer is not asked again meanwhile: both would see the same new commit.
            if before.is_some() && entry.schedule.repository_id.is_some() {
                entry.firing = before;
                continue;
            }
            let fired = fire(Arc::clone(services), Arc::clone(ports), entry.schedule.clone(), moment, before);
            entry.firing = Some(tokio::spawn(fired));
        }
    }
}

/// Whether two readings of a row ask for the same moments.
fn is_same(one: &Schedule, other: &Schedule) -> bool {
    let moments = |schedule: &Schedule| {
        (schedule.r#type.clone(), schedule.cron_format.clone(), schedule.run_at, schedule.repository_id)
    };
    moments(one) == moments(other)
}

/// What is fired.
struct Moment {
    due: DateTime<Utc>,
    period: Option<TimeDelta>,
    /// When a database that is away is waited for no longer.
    until: DateTime<Utc>,
    server: Arc<str>,
}

/// Starts the task of a schedule, if the schedule still says so. A database that is away for a short time costs no run; that
/// it is not fired twice, the row of the moment sees to.
async fn fire(
    services: Arc<Services>,
    ports: Arc<TaskPorts>,
    known: Schedule,
    moment: Moment,
    before: Option<JoinHandle<()>>,
) {
    let id = known.id;
    // One after the other: tasks come in the order of their moments, and the rule about overlapping runs sees the one before.
    if let Some(before) = before {
        drop(before.await);
        if Utc::now() >= moment.until {
            tracing::warn!(schedule.id = %id, due = %moment.due, "a moment of a schedule was over before the one ahead of it was done");
            return;
        }
    }
    loop {
        let Err(error) = try_fire(&services, &ports, &known, &moment).await else { return };
        let left = (moment.until - Utc::now()).to_std().unwrap_or_default();
        if error.kind == Kind::Unavailable && !left.is_zero() {
            tracing::warn!(schedule.id = %id, due = %moment.due, %error, "a task that is due waits for the database");
            // No longer than until the next moment, which waits for this one.
            tokio::time::sleep(PAUSE.min(left)).await;
            if Utc::now() < moment.until {
                continue;
            }
        }
        tracing::error!(schedule.id = %id, due = %moment.due, %error, cause = ?error.source, "a schedule could not start its task");
        return;
    }
}

/// Fails only where the database does, and it may help to try again.
async fn try_fire(services: &Services, ports: &TaskPorts, known: &Schedule, moment: &Moment) -> Result<()> {
    let (project, id) = (known.project_id, known.id);
    let schedule = match services.store.get_schedule(project, id).await {
        Ok(schedule) => schedule,
        Err(StoreError::NotFound) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !is_same(&schedule, known) || !(schedule.active || schedule.repository_id.is_some()) {
        return Ok(());
    }
    match start(services, ports, &schedule, moment).await {
        Ok(true) => tracing::info!(schedule.id = %id, project.id = %project, "a schedule started its task"),
        Ok(false) => tracing::debug!(schedule.id = %id, "no new commit"),
        Err(error) if error.kind == Kind::Unavailable => return Err(error),
        Err(error) if error.kind == Kind::Conflict => {
            tracing::debug!(schedule.id = %id, due = %moment.due, %error, "a schedule starts no task");
        }
        Err(error) => {
            tracing::error!(schedule.id = %id, project.id = %project, %error, cause = ?error.source, "a schedule could not start its task");
        }
    }
    if schedule.r#type == ScheduleType::RunAt {
        finish(services, &schedule).await;
        services.schedules_changed.notify_one();
    }
    Ok(())
}

/// Starts the task; false if the schedule waits for a commit and there is no new one.
async fn start(services: &Services, ports: &TaskPorts, schedule: &Schedule, moment: &Moment) -> Result<bool> {
    let project = schedule.project_id;
    let policy = services.store.get_schedule_policy(schedule.id).await?;
    if policy.overlap == Overlap::Skip && services.store.has_unfinished_task(project, schedule.id).await? {
        return Err(Error::conflict("an earlier task of the schedule has not ended"));
    }
    let mut commit = None;
    if let Some(repository) = schedule.repository_id {
        commit = new_commit(services, project, repository, schedule).await?;
        if commit.is_none() {
            return Ok(false);
        }
    }
    let fire =
        ScheduleFire { due: moment.due, period: moment.period, commit: commit.as_deref(), server: &moment.server };
    let new = match schedule.task_params.clone() {
        Some(params) => NewTask::from_params(schedule.template_id, params),
        None => NewTask { template_id: schedule.template_id, ..NewTask::default() },
    };
    services.create_task_by(ports, TaskOrigin::Schedule(schedule.id, fire), project, new).await?;
    Ok(true)
}

/// The commit of the branch, if it is another one than that which was run last.
async fn new_commit(
    services: &Services,
    project: ProjectId,
    repository: RepositoryId,
    schedule: &Schedule,
) -> Result<Option<String>> {
    let repository = services.find(project, repository).await?;
    let hash = services.repository_commit(&repository).await?;
    Ok((schedule.last_commit_hash.as_deref() != Some(hash.as_str())).then_some(hash))
}

/// What becomes of a schedule with a single time when that is over.
async fn finish(services: &Services, schedule: &Schedule) {
    let (project, id) = (schedule.project_id, schedule.id);
    let done = if schedule.delete_after_run {
        services.store.delete_schedule(project, id).await
    } else {
        services.store.set_schedule_active(project, id, false).await
    };
    match done {
        Ok(()) | Err(StoreError::NotFound) => {}
        Err(error) => {
            tracing::error!(schedule.id = %id, %error, "a schedule whose time is over cannot be switched off");
        }
    }
}

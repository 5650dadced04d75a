//! A task pool: jobs that wait for their turn, by the limits of `semaphore_task`, and those that run.
//!
//! Not for what a job does: when it is its turn the host hands over its specification and its secrets (`semaphore_pool_start`),
//! so no secret of a waiting job is ever here. Not for storage: what is to be kept is the host's.
//!
//! Invariants: first come, first served, except that a job which a limit holds back does not hold back those behind it; every job
//! that was taken ends with one OP_DONE; places are given out on the runtime's thread only, so the order of READY is that of the
//! queue; a place is free when the OP_DONE of its job is on its way. Locks: the pool's before a job's.

mod job;

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
};

use semaphore_engine::job::StopReason;
use semaphore_task::Places;
use serde_json::{Value, json};
use tokio::sync::Notify;

pub use self::job::{Ask, Begin, Place, PooledJob};
use crate::{
    code,
    failure::Failure,
    objects,
    operation::Operation,
    pool_spec::{JobEntry, PoolLimits, exists},
    queue::unix_ns_now,
    runtime::Runtime,
};

/// How a pool comes to its end; a later one is stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DrainMode {
    /// What was taken goes on to its end.
    All,
    /// What has begun goes on to its end.
    Running,
    /// What has begun is stopped.
    Stop,
    /// What has begun is killed.
    Kill,
}

impl DrainMode {
    /// The mode of a number of the interface.
    pub fn from_number(number: i32) -> Result<Self, Failure> {
        match number {
            code::SEMAPHORE_DRAIN_ALL => Ok(Self::All),
            code::SEMAPHORE_DRAIN_RUNNING => Ok(Self::Running),
            code::SEMAPHORE_DRAIN_STOP => Ok(Self::Stop),
            _ => Err(Failure::argument(format!("{number} is not a mode of draining"))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Running => "running",
            Self::Stop => "stop",
            Self::Kill => "kill",
        }
    }
}

/// A task pool.
pub struct Pool {
    handle: u64,
    runtime: Arc<Runtime>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    limits: PoolLimits,
    places: Places,
    /// Jobs that have not begun, in order.
    queue: VecDeque<Arc<PooledJob>>,
    /// All jobs whose end is not told yet.
    jobs: HashMap<i64, Arc<PooledJob>>,
    /// Jobs whose OP_DONE is not on its way.
    open: usize,
    drain: Option<DrainMode>,
}

impl Pool {
    /// Opens a pool and starts what gives out its places.
    pub fn open(handle: u64, runtime: &Arc<Runtime>, limits: PoolLimits) -> Result<Arc<Self>, Failure> {
        runtime.check_open()?;
        let pool = Arc::new(Self {
            handle,
            runtime: Arc::clone(runtime),
            state: Mutex::new(State {
                limits,
                places: Places::default(),
                queue: VecDeque::new(),
                jobs: HashMap::new(),
                open: 0,
                drain: None,
            }),
            changed: Notify::new(),
        });
        runtime.counts().pools.fetch_add(1, Ordering::Relaxed);
        runtime.spawn_operation("pool", Arc::clone(&pool).dispatch());
        Ok(pool)
    }

    /// Its runtime.
    pub fn runtime(&self) -> &Arc<Runtime> {
        &self.runtime
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Consistent between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes jobs, all or none; the handles of their operations in the same order.
    pub fn submit(self: &Arc<Self>, entries: &[JobEntry]) -> Result<Vec<u64>, Failure> {
        self.runtime.check_open()?;
        let mut state = self.lock();
        if state.drain.is_some() {
            return Err(Failure::state("the pool is drained: it takes no more jobs"));
        }
        if let Some(entry) = entries.iter().find(|entry| state.jobs.contains_key(&entry.id)) {
            return Err(exists(entry.id));
        }
        let mut handles = Vec::with_capacity(entries.len());
        for entry in entries {
            let opened = objects::insert_operation(|handle| {
                let job = PooledJob::new(entry.id, handle, entry.claim(), self);
                let operation = Operation::open_pooled(handle, &job)?;
                state.jobs.insert(entry.id, Arc::clone(&job));
                state.queue.push_back(job);
                state.open += 1;
                Ok(operation)
            });
            match opened {
                Ok(handle) => handles.push(handle),
                Err(failure) => {
                    // The runtime was closed in between, which ends those that were taken.
                    drop(state);
                    for handle in handles {
                        let _ = objects::close(handle);
                    }
                    return Err(failure);
                }
            }
        }
        drop(state);
        self.changed.notify_one();
        Ok(handles)
    }

    /// Replaces the limits; what runs goes on.
    pub fn set_limits(&self, limits: PoolLimits) {
        self.lock().limits = limits;
        self.changed.notify_one();
    }

    /// The job with this number.
    pub fn job(&self, id: i64) -> Result<Arc<PooledJob>, Failure> {
        let job = self.lock().jobs.get(&id).cloned();
        job.ok_or_else(|| Failure::new(code::SEMAPHORE_E_NOT_FOUND, format!("no job of the pool has the number {id}")))
    }

    /// Sends a job back behind the others; one that runs is stopped first.
    pub fn requeue(&self, id: i64, delay: std::time::Duration) -> Result<(), Failure> {
        let job = self.job(id)?;
        // Held, so that no drain comes between.
        let state = self.lock();
        if state.drain.is_some_and(|mode| mode > DrainMode::All) {
            return Err(Failure::state("the pool is drained: a job cannot go back into its queue"));
        }
        job.ask_again(delay)
    }

    /// Takes no more jobs, and ends those it has as the mode says. A weaker mode than before changes nothing.
    pub fn drain(&self, mode: DrainMode) {
        let jobs: Vec<_> = {
            let mut state = self.lock();
            if state.drain.is_some_and(|before| before >= mode) {
                return;
            }
            state.drain = Some(mode);
            state.jobs.values().cloned().collect()
        };
        for job in jobs {
            match mode {
                DrainMode::All => {}
                DrainMode::Running => job.give_back(None),
                DrainMode::Stop => job.give_back(Some(StopReason::Requested)),
                DrainMode::Kill => job.give_back(Some(StopReason::Forced)),
            }
        }
        self.changed.notify_one();
    }

    /// Nobody uses it any more.
    pub fn close(&self) {
        self.drain(DrainMode::Kill);
    }

    /// Queue and running jobs as JSON.
    pub fn snapshot(&self) -> Vec<u8> {
        let state = self.lock();
        let queue: Vec<Value> = state.queue.iter().map(|job| job.show()).collect();
        let mut begun: Vec<_> = state.jobs.values().filter(|job| job.has_place()).collect();
        begun.sort_by_key(|job| (job.began_ns(), job.id));
        let running: Vec<Value> = begun.into_iter().map(|job| job.show()).collect();
        json!({
            "max_parallel": state.limits.max_parallel,
            "drain": state.drain.map(DrainMode::name),
            "queue": queue,
            "running": running,
        })
        .to_string()
        .into_bytes()
    }

    /// Gives out places until the pool is drained.
    async fn dispatch(self: Arc<Self>) {
        let _counted = Counted(&self.runtime);
        loop {
            tokio::select! {
                () = self.changed.notified() => {}
                // Its jobs stop by themselves then.
                () = self.runtime.stopping().cancelled(), if !self.is_killed() => {
                    self.drain(DrainMode::Stop);
                    self.lock().drain = Some(DrainMode::Kill);
                }
            }
            self.give_places();
            let state = self.lock();
            if state.drain.is_some() && state.open == 0 {
                drop(state);
                self.runtime.queue().push_last_event(code::SEMAPHORE_FRAME_DRAINED, self.handle);
                return;
            }
        }
    }

    fn is_killed(&self) -> bool {
        self.lock().drain == Some(DrainMode::Kill)
    }

    fn give_places(&self) {
        let mut begin = Vec::new();
        {
            let mut guard = self.lock();
            let state = &mut *guard;
            // What waits is given back, one after the other: a place that comes free meanwhile is for none of them.
            if state.drain.is_some_and(|mode| mode > DrainMode::All) {
                return;
            }
            let (limits, places) = (&state.limits, &mut state.places);
            let now = unix_ns_now();
            let mut position = 0;
            while !places.is_full(limits.max_parallel)
                && let Some(job) = state.queue.get(position)
            {
                let of_project = limits.of_project(job.claim.project);
                if !places.admits(&job.claim, limits.max_parallel, of_project) || !job.make_ready(now) {
                    position += 1;
                    continue;
                }
                places.take(&job.claim);
                begin.extend(state.queue.remove(position));
            }
        }
        for job in begin {
            job.tell_ready();
        }
    }

    /// A job is on its way back into the queue: its place is free.
    fn back_to_queue(&self, job: &Arc<PooledJob>) {
        let mut state = self.lock();
        state.places.give_back(&job.claim);
        state.queue.push_back(Arc::clone(job));
        if state.drain.is_some_and(|mode| mode > DrainMode::All) {
            job.refuse_again();
        }
    }

    /// A job has ended: its number is free, its place not yet.
    fn retire(&self, job: &PooledJob) {
        let mut state = self.lock();
        state.jobs.remove(&job.id);
        state.queue.retain(|other| other.id != job.id);
    }

    /// The end of a job is told.
    fn give_place_back(&self, job: &PooledJob, had_place: bool) {
        let mut state = self.lock();
        state.open -= 1;
        if had_place {
            state.places.give_back(&job.claim);
        }
        drop(state);
        self.changed.notify_one();
    }
}

/// The pool is counted as working while this lives.
struct Counted<'a>(&'a Runtime);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.counts().pools.fetch_sub(1, Ordering::Relaxed);
    }
}

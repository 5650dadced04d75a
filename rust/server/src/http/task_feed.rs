//! What is told live about one task: its lines, numbered from 1, and its changes of status, in their order.
//!
//! The lines are read from the store, once for all who follow the task, when the pool says that something was stored (and
//! now and then without that: the task may run on another server). The newest wait in a ring of bounded size; who is too slow
//! for it reads the store for themselves and comes back to the ring. So nothing is lost or told twice, and a follower costs
//! memory for what is just being sent to them. Not for connections: `ws_batch` and `handlers::task_events`.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use semaphore_model::{ProjectId, TaskId};
use semaphore_service::Result;
use semaphore_store::OutputCursor;
use semaphore_task::TaskState;
use tokio::{
    sync::Notify,
    task::AbortHandle,
    time::{Instant, sleep, sleep_until},
};

use super::{
    hub::Connection,
    state::AppState,
    task_news::{Batch, Status, batches},
};

/// Bytes of frames that a ring keeps.
const RING_BYTES: usize = 2 << 20;
/// Lines that are read from the store at a time.
const PIECE_LINES: u32 = 1_000;
/// A shorter piece of fewer lines was the end of the output; a longer one may have been ended by its length.
const SHORT_PIECE_BYTES: usize = 1 << 20;
/// Shortest time between two looks into the store, so that lines come in batches.
const PAUSE: Duration = Duration::from_millis(50);
/// How often the task's row is looked at.
const LOOK_PERIOD: Duration = Duration::from_secs(2);
/// Time between two attempts while the database does not answer.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// An output with more lines is not read from its beginning for the ring: who wants the beginning reads it.
const SHORT_OUTPUT: i64 = 1_000;

/// The feed of one task. It is read as long as somebody holds it.
#[derive(Debug)]
pub(super) struct Feed {
    live: Arc<Live>,
    reader: Mutex<Option<AbortHandle>>,
}

impl Drop for Feed {
    fn drop(&mut self) {
        if let Some(reader) = lock(&self.reader).take() {
            reader.abort();
        }
    }
}

#[derive(Debug)]
struct Live {
    task: TaskId,
    project: ProjectId,
    /// Something was stored.
    wake: Notify,
    told: Mutex<Told>,
    has_begun: AtomicBool,
}

#[derive(Debug, Default)]
struct Told {
    /// Changes that the reader has not seen yet.
    changes: Vec<TaskState>,
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    /// Number of the last line that was read.
    end: i64,
    /// All of them: a task has few.
    statuses: Vec<Arc<Status>>,
    /// Nothing will come any more.
    is_complete: bool,
    /// Because the task was deleted.
    is_gone: bool,
    followers: Vec<Weak<Connection>>,
}

/// What a follower gets.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// The next lines.
    Lines(Arc<Batch>),
    /// A change of status; all lines that were stored before it were told before it.
    Status(Arc<Status>),
    /// Everything was told, the final status before.
    End,
    /// The task was deleted.
    Gone,
}

/// Somebody's place in a feed.
#[derive(Debug)]
pub(super) struct Follower {
    feed: Arc<Feed>,
    /// Number of the last line that was taken.
    line: i64,
    /// How many statuses were taken.
    statuses: usize,
    /// Where reading for oneself goes on.
    place: Option<OutputCursor>,
    /// What was read for oneself and not taken yet.
    ahead: VecDeque<Arc<Batch>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feed {
    pub(super) fn new(task: TaskId, project: ProjectId) -> Self {
        let (wake, told, has_begun) = (Notify::new(), Mutex::default(), AtomicBool::new(false));
        Self { live: Arc::new(Live { task, project, wake, told, has_begun }), reader: Mutex::default() }
    }

    pub(super) fn task(&self) -> TaskId {
        self.live.task
    }

    pub(super) fn project(&self) -> ProjectId {
        self.live.project
    }

    /// Lines were stored.
    pub(super) fn wake(&self) {
        self.live.wake.notify_one();
    }

    /// The row changed, after it was stored.
    pub(super) fn changed(&self, task: &TaskState) {
        lock(&self.live.told).changes.push(task.clone());
        self.wake();
    }

    /// A place behind a line that is stored (0: the beginning), for a connection that is woken when there is news. With
    /// `from_now` the newest status comes first, else all that were told.
    pub(super) fn follow(
        self: &Arc<Self>,
        state: &AppState,
        connection: &Arc<Connection>,
        line: i64,
        from_now: bool,
    ) -> Follower {
        let statuses = {
            let mut told = lock(&self.live.told);
            told.followers.retain(|follower| follower.strong_count() > 0);
            told.followers.push(Arc::downgrade(connection));
            if from_now { told.statuses.len().saturating_sub(1) } else { 0 }
        };
        let mut reader = lock(&self.reader);
        if reader.is_none() {
            *reader = Some(tokio::spawn(Arc::clone(&self.live).read(state.clone())).abort_handle());
        }
        Follower { feed: Arc::clone(self), line, statuses, place: None, ahead: VecDeque::new() }
    }
}

impl Live {
    /// Reads the store until everything was told.
    async fn read(self: Arc<Self>, state: AppState) {
        let mut reader =
            Reader { place: OutputCursor::default(), look_at: Instant::now(), held: Vec::new(), told: None };
        loop {
            match reader.pass(&self, &state).await {
                Ok(true) => return,
                Ok(false) => {
                    sleep(PAUSE).await;
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = sleep_until(reader.look_at) => {}
                    }
                }
                Err(error) => {
                    tracing::debug!(task.id = %self.task, error = &error as &dyn std::error::Error, "the output of a task cannot be read for its followers");
                    sleep(RETRY_PAUSE).await;
                }
            }
        }
    }

    /// Puts lines into the ring, the oldest out of it, and wakes the followers.
    fn publish(&self, end: i64, batches: Vec<Batch>) {
        let mut told = lock(&self.told);
        told.end = end;
        for batch in batches {
            told.bytes += batch.bytes();
            told.batches.push_back(Arc::new(batch));
        }
        while told.bytes > RING_BYTES
            && told.batches.len() > 1
            && let Some(oldest) = told.batches.pop_front()
        {
            told.bytes -= oldest.bytes();
        }
        told.wake_followers();
    }
}

impl Told {
    fn wake_followers(&self) {
        for follower in self.followers.iter().filter_map(Weak::upgrade) {
            follower.wake();
        }
    }
}

/// What the reader of a feed remembers.
struct Reader {
    place: OutputCursor,
    /// When the row is looked at next.
    look_at: Instant,
    /// Changes that were taken and not told yet.
    held: Vec<TaskState>,
    /// The state that was told last.
    told: Option<TaskState>,
}

impl Reader {
    /// Tells what there is; whether it was everything. After an error it can be called again.
    async fn pass(&mut self, live: &Live, state: &AppState) -> Result<bool> {
        let services = state.services();
        if !live.has_begun.load(Ordering::Acquire) {
            let length = services.task_output_length(live.task).await?;
            if length > SHORT_OUTPUT {
                self.place = services.task_output_place(live.task, length).await?;
                live.publish(length, Vec::new());
            }
            live.has_begun.store(true, Ordering::Release);
        }
        let row = if self.look_at <= Instant::now() {
            let row = services.find_task(live.project, live.task).await?;
            self.look_at = Instant::now() + LOOK_PERIOD;
            Some(row)
        } else {
            None
        };
        // Before the lines are read: those that were stored before the change are then told before it.
        self.held.append(&mut lock(&live.told).changes);
        let is_gone = matches!(row, Some(None));
        // What the pool says comes in order; the row may be a step ahead of it.
        if let Some(Some(row)) = row
            && self.held.is_empty()
            && self.told.as_ref().is_none_or(|told| !is_same(told, &row))
        {
            self.held.push(TaskState {
                id: row.id,
                project_id: live.project,
                template_id: row.template_id,
                user_id: row.user_id,
                status: row.status,
                start: row.start,
                end: row.end,
                version: row.version,
            });
        }
        loop {
            let (lines, place) = services.task_output_piece(live.task, self.place.clone(), PIECE_LINES).await?;
            let is_end = lines.len() < PIECE_LINES as usize
                && lines.iter().map(|line| line.output.len()).sum::<usize>() < SHORT_PIECE_BYTES;
            let first = self.place.lines() + 1;
            self.place = place;
            if !lines.is_empty() {
                live.publish(self.place.lines(), batches(live.project, live.task, first, lines));
            }
            if is_end {
                break;
            }
        }
        if self.held.is_empty() && !is_gone {
            return Ok(false);
        }
        let mut told = lock(&live.told);
        for change in self.held.drain(..) {
            told.is_complete |= change.status.is_finished() && change.end.is_some();
            told.statuses.push(Arc::new(Status::new(&change, self.place.lines())));
            self.told = Some(change);
        }
        told.is_gone = is_gone && !told.is_complete;
        told.is_complete |= is_gone;
        told.wake_followers();
        Ok(told.is_complete)
    }
}

/// Whether a row says what was told.
fn is_same(told: &TaskState, row: &semaphore_model::Task) -> bool {
    told.status == row.status && told.end.is_some() == row.end.is_some() && told.start.is_some() == row.start.is_some()
}

impl Follower {
    pub(super) fn task(&self) -> TaskId {
        self.feed.task()
    }

    pub(super) fn project(&self) -> ProjectId {
        self.feed.project()
    }

    /// What comes next, if it is there. Dropping the future loses nothing; what was answered counts as taken.
    pub(super) async fn next(&mut self, state: &AppState) -> Result<Option<News>> {
        loop {
            if let Some(batch) = self.ahead.pop_front() {
                self.line = batch.last();
                return Ok(Some(News::Lines(batch)));
            }
            match self.live_news() {
                Wanted::News(news) => return Ok(Some(news)),
                Wanted::Nothing => return Ok(None),
                Wanted::Store { end } => self.read_ahead(state, end).await?,
            }
        }
    }

    fn live_news(&mut self) -> Wanted {
        let live = &self.feed.live;
        let told = lock(&live.told);
        if let Some(status) = told.statuses.get(self.statuses)
            && status.after <= self.line
        {
            self.statuses += 1;
            return Wanted::News(News::Status(Arc::clone(status)));
        }
        let next = self.line + 1;
        if told.batches.front().is_some_and(|batch| batch.first <= next)
            && let Some(batch) = told.batches.get(told.batches.partition_point(|batch| batch.last() < next))
        {
            let batch = if batch.first == next { Arc::clone(batch) } else { Arc::new(batch.tail(next)) };
            self.line = batch.last();
            self.place = None;
            return Wanted::News(News::Lines(batch));
        }
        if self.line < told.end {
            return Wanted::Store { end: told.end };
        }
        if told.is_complete && self.statuses == told.statuses.len() {
            return Wanted::News(if told.is_gone { News::Gone } else { News::End });
        }
        Wanted::Nothing
    }

    /// Reads lines that the ring does not have.
    async fn read_ahead(&mut self, state: &AppState, end: i64) -> Result<()> {
        let (services, task) = (state.services(), self.task());
        let place = match self.place.clone() {
            Some(place) => place,
            None => services.task_output_place(task, self.line).await?,
        };
        let (lines, place) = services.task_output_piece(task, place, PIECE_LINES).await?;
        if lines.is_empty() {
            // The output was deleted in the meantime: there is nothing to tell of it.
            self.line = end;
            return Ok(());
        }
        self.place = Some(place);
        self.ahead = batches(self.project(), task, self.line + 1, lines).into_iter().map(Arc::new).collect();
        Ok(())
    }
}

/// What a follower's next news takes.
enum Wanted {
    News(News),
    Nothing,
    Store { end: i64 },
}

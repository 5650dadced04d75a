//! Which remote runner works on a task and how far it is with it, in a table of our own: from the choice of the runner until it
//! has nothing to do with the task any more, which may be after the task's end.
//!
//! Every server answers the polls of runners from here. A place of a runner is taken for as long as there is a row; one of a task
//! that has ended here only while the runner is heard of: a machine that is gone works on nothing. Not for what runners are: that
//! is `runner.rs`. There is no reference to the runner: its removal has to be seen here. Without the table no
//! task is given to a runner, and one that runs ends as one whose server died.

use crate::db::{FromRow, Param, Row, Transaction, params};
use crate::sql::and_in;
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{ProjectId, Runner, RunnerId, TaskId, TaskStatus, TemplateId};

/// How far a runner is with a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RunnerStage {
    /// It is chosen, and is not told yet.
    Chosen,
    /// It is told when it asks.
    Ready,
    /// It was told, and said nothing about it.
    Offered,
    /// It reported about it.
    Reported,
    /// The task has ended here; the runner may still work on it and is told to stop.
    Left,
}

impl RunnerStage {
    const ALL: [Self; 5] = [Self::Chosen, Self::Ready, Self::Offered, Self::Reported, Self::Left];

    const fn number(self) -> i32 {
        self as i32
    }
}

/// Which runner may have a task.
#[derive(Clone, Debug)]
pub struct RunnerWish {
    /// Tag that runners of the project must have. Reference: not looked at for those of all projects.
    pub tag: Option<String>,
    /// Runners that were not heard of since are passed over, unless they have a webhook that wakes them.
    pub heard_since: DateTime<Utc>,
    /// The secret part of the address where the task finds its state, if it has one; at most 64 characters.
    pub alias: String,
}

/// What is known about where a task is to run.
#[derive(Clone, Debug, Default)]
pub struct RunnerTags {
    /// Tag of its template.
    pub template: Option<String>,
    /// Tag of the template's inventory.
    pub inventory: Option<String>,
    /// Whether the task names an inventory of its own, and the tag of that one.
    pub own: Option<Option<String>>,
}

/// A task that a runner has.
#[derive(Clone, Debug)]
pub struct RunnerTask {
    /// The task.
    pub task_id: TaskId,
    /// Its project.
    pub project_id: ProjectId,
    /// Its template.
    pub template_id: TemplateId,
    /// Its status.
    pub status: TaskStatus,
    /// The commit that was checked out for it, if that is known.
    pub commit_hash: Option<String>,
    /// The runner.
    pub runner_id: RunnerId,
    /// The secret part of the address where the task finds its state, if it has one.
    pub alias: String,
    /// How far it is.
    pub stage: RunnerStage,
    /// When the stage changed last.
    pub changed: DateTime<Utc>,
    /// When the runner reported about it last, give or take some seconds.
    pub heard: Option<DateTime<Utc>>,
    /// The server that the task belongs to, if it has not ended.
    pub owner: Option<String>,
}

/// A task of a server, with what is known of its runner.
#[derive(Clone, Debug)]
pub struct WatchedTask {
    /// The task.
    pub task: RunnerTask,
    /// Its runner; none if it was removed.
    pub runner: Option<Runner>,
    /// How many more the runner would begin, as it said last; none if it does not say so.
    pub room: Option<i64>,
}

/// A runner that a task may have, and how many it has.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The runner.
    pub runner: Runner,
    /// How many tasks it has, and may still work on.
    pub taken: i64,
    /// How many more it would begin; none if it does not say so, or was not heard of lately.
    pub room: Option<i64>,
}

impl Candidate {
    /// Whether it may have one more, and would begin it. One with a webhook may be started anew for it.
    pub fn is_free(&self) -> bool {
        self.has_place() && (self.has_room() || !self.runner.webhook.is_empty())
    }

    /// Whether its limit here is not reached.
    pub fn has_place(&self) -> bool {
        self.runner.max_parallel_tasks == 0 || self.taken < i64::from(self.runner.max_parallel_tasks)
    }

    /// Whether it would begin one more, for all that is known.
    pub fn has_room(&self) -> bool {
        self.room.is_none_or(|room| room > 0)
    }

    /// Whether it was heard of since, or has a webhook that wakes it.
    pub fn is_there(&self, since: DateTime<Utc>) -> bool {
        is_heard(&self.runner, since) || !self.runner.webhook.is_empty()
    }
}

fn is_heard(runner: &Runner, since: DateTime<Utc>) -> bool {
    runner.touched.is_some_and(|touched| touched >= since)
}

/// What the search for a runner came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// This one has the task now.
    Runner(RunnerId),
    /// There are runners, and none can take it now.
    Busy,
    /// There is none that ever could.
    Nobody,
}

impl FromRow for RunnerTask {
    fn from_row(row: &Row) -> Result<Self> {
        let stage = row.int("stage")?;
        let status = row.text("status")?;
        Ok(Self {
            task_id: row.id("task_id")?,
            project_id: row.id("project_id")?,
            template_id: row.id("template_id")?,
            status: TaskStatus::parse(&status).unwrap_or(TaskStatus::Error),
            commit_hash: row.optional_text("commit_hash")?,
            runner_id: row.id("runner_id")?,
            alias: row.text("alias")?,
            stage: RunnerStage::ALL.into_iter().find(|known| known.number() == stage).unwrap_or(RunnerStage::Left),
            changed: row.time("changed")?,
            heard: row.optional_time("heard")?,
            owner: row.optional_text("owner")?,
        })
    }
}

const SELECT: &str = "select k.task_id, k.runner_id, k.alias, k.stage, k.changed, k.heard, t.project_id, t.template_id, t.status, \
     t.commit_hash, l.owner \
     from rs_task_runner k join task t on t.id = k.task_id left join rs_task_lease l on l.task_id = k.task_id";

/// Reference: those of the project come first, the newest of each first.
const OF_PROJECT: &str = "r.active = ? and (r.project_id is null or r.project_id = ?) order by r.id desc";

/// Runners with the tasks that they have, those that may still run there after their end, and those that are not begun.
const CANDIDATES: &str = "select r.*, (select count(*) from rs_task_runner k where k.runner_id = r.id and k.stage < ?) as taken, \
     (select count(*) from rs_task_runner k where k.runner_id = r.id and k.stage = ?) as left_there, \
     (select count(*) from rs_task_runner k where k.runner_id = r.id and k.stage < ?) as pending, \
     (select m.room from rs_runner_room m where m.runner_id = r.id) as room from runner r where ";

impl Store {
    /// The tasks that a runner has, oldest first.
    pub async fn list_tasks_of_runner(&self, runner: RunnerId) -> Result<Vec<RunnerTask>> {
        let text = format!("{SELECT} where k.runner_id = ? order by k.task_id");
        self.fetch_own(text, params![runner]).await?.iter().map(RunnerTask::from_row).collect()
    }

    /// The runner that has a task.
    pub async fn find_runner_of_task(&self, id: TaskId) -> Result<Option<RunnerTask>> {
        let rows = self.fetch_own(format!("{SELECT} where k.task_id = ?"), params![id]).await?;
        rows.first().map(RunnerTask::from_row).transpose()
    }

    /// The task that a runner has, and that was given this secret part of an address.
    pub async fn find_task_of_alias(&self, alias: &str) -> Result<Option<RunnerTask>> {
        let text = format!("{SELECT} where k.alias = ? and k.stage < ?");
        let rows = self.fetch_own(text, params![alias, RunnerStage::Left.number()]).await?;
        let task = rows.first().map(RunnerTask::from_row).transpose()?;
        // MySQL compares texts without regard to case.
        Ok(task.filter(|task| task.alias == alias))
    }

    /// The tasks of a server that runners have.
    pub async fn list_watched_tasks(&self, owner: &str) -> Result<Vec<WatchedTask>> {
        let text = format!("{SELECT} where l.owner = ? and k.stage < ? order by k.task_id");
        let rows = self.fetch_own(text, params![owner, RunnerStage::Left.number()]).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let runners = self.list_runners().await?;
        let rooms = self.fetch_own("select runner_id, room from rs_runner_room", Vec::new()).await?;
        let room = |row: &Row| Ok::<_, crate::StoreError>((row.id::<RunnerId>("runner_id")?, row.long("room")?));
        let rooms = rooms.iter().map(room).collect::<Result<Vec<_>>>()?;
        let watched = |row| {
            let task = RunnerTask::from_row(row)?;
            let runner = runners.iter().find(|runner| runner.id == task.runner_id).cloned();
            let room = rooms.iter().find(|(id, _)| *id == task.runner_id).map(|(_, room)| *room);
            Ok(WatchedTask { task, runner, room })
        };
        rows.iter().map(watched).collect()
    }

    /// Which runners have tasks that have not ended: task, runner and its name, which is empty if it was removed.
    pub async fn list_runners_at_work(&self) -> Result<Vec<(TaskId, RunnerId, String)>> {
        let text = "select k.task_id, k.runner_id, r.name from rs_task_runner k \
             left join runner r on r.id = k.runner_id where k.stage < ?";
        let rows = self.fetch_own(text, params![RunnerStage::Left.number()]).await?;
        let at_work = |row: &Row| {
            let name = row.optional_text("name")?.unwrap_or_default();
            Ok((row.id("task_id")?, row.id("runner_id")?, name))
        };
        rows.iter().map(at_work).collect()
    }

    /// Tags that say where a task is to run.
    pub async fn find_runner_tags(&self, id: TaskId) -> Result<RunnerTags> {
        let text = "select p.runner_tag as of_template, i.runner_tag as of_inventory, o.id as own, o.runner_tag as of_own \
             from task t join project__template p on p.id = t.template_id \
             left join project__inventory i on i.id = p.inventory_id \
             left join project__inventory o on o.id = t.inventory_id and o.project_id = t.project_id where t.id = ?";
        let rows = self.db().fetch_all(text, params![id]).await?;
        let Some(row) = rows.first() else { return Ok(RunnerTags::default()) };
        let tag = |column| Ok::<_, crate::StoreError>(row.optional_text(column)?.filter(|tag| !tag.is_empty()));
        Ok(RunnerTags {
            template: tag("of_template")?,
            inventory: tag("of_inventory")?,
            own: if row.optional_long("own")?.is_some() { Some(tag("of_own")?) } else { None },
        })
    }

    /// The runners that may have tasks of a project, in the order in which they are asked.
    pub async fn list_candidates(&self, project: ProjectId, wish: &RunnerWish) -> Result<Vec<Candidate>> {
        let rows = self.fetch_own(format!("{CANDIDATES}{OF_PROJECT}"), of_project(project)).await?;
        candidates(&rows, wish)
    }

    /// The runner is told of the task from now on; answers false if it has it no longer.
    pub async fn ready_runner_task(&self, id: TaskId) -> Result<bool> {
        self.move_runner_task(id, None, &[RunnerStage::Chosen, RunnerStage::Ready], RunnerStage::Ready).await
    }

    /// A runner is being told of a task; answers false if it was taken back from it.
    pub async fn offer_runner_task(&self, id: TaskId, runner: RunnerId) -> Result<bool> {
        self.move_runner_task(id, Some(runner), &[RunnerStage::Ready, RunnerStage::Offered], RunnerStage::Offered).await
    }

    /// The runner was told of a task and has not begun it, as is known for certain: it was not told, then.
    pub async fn return_offered_task(&self, id: TaskId, runner: RunnerId) -> Result<bool> {
        self.move_runner_task(id, Some(runner), &[RunnerStage::Offered], RunnerStage::Ready).await
    }

    /// Takes a task back that the runner was not told of; answers false if it was, and changes nothing then.
    pub async fn take_back_runner_task(&self, id: TaskId) -> Result<bool> {
        self.move_runner_task(id, None, &[RunnerStage::Chosen, RunnerStage::Ready], RunnerStage::Chosen).await
    }

    async fn move_runner_task(
        &self,
        id: TaskId,
        runner: Option<RunnerId>,
        from: &[RunnerStage],
        to: RunnerStage,
    ) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let lock = transaction.dialect().for_update();
        let text = format!("select runner_id, stage from rs_task_runner where task_id = ?{lock}");
        let Some(row) = transaction.fetch_optional(text, params![id]).await? else {
            return transaction.rollback().await.map(|()| false);
        };
        let stage = row.int("stage")?;
        let is_its = runner.is_none_or(|runner| row.id::<RunnerId>("runner_id").is_ok_and(|found| found == runner));
        if !is_its || !from.iter().any(|from| from.number() == stage) {
            return transaction.rollback().await.map(|()| false);
        }
        if stage == to.number() {
            return transaction.rollback().await.map(|()| true);
        }
        let text = "update rs_task_runner set stage = ?, changed = ? where task_id = ?";
        transaction.execute(text, params![to.number(), Utc::now(), id]).await?;
        transaction.commit().await.map(|()| true)
    }

    /// Notes that a runner reported about these tasks.
    pub async fn note_runner_reports(&self, runner: RunnerId, tasks: &[TaskId], now: DateTime<Utc>) -> Result<()> {
        if tasks.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin_output().await?;
        let condition = and_in("task_id", tasks.len());
        let text =
            format!("update rs_task_runner set stage = ?, heard = ? where runner_id = ? and stage < ?{condition}");
        let reported = RunnerStage::Reported.number();
        let of_tasks = |mut values: Vec<Param>| {
            values.extend(tasks.iter().map(|id| (*id).into()));
            values
        };
        let begun = transaction.execute_own(text.clone(), of_tasks(params![reported, now, runner, reported])).await?;
        if begun > 0 {
            // Until its next poll nobody may believe that there is as much room as before.
            transaction.fill_runner_room(runner, i64::try_from(begun).unwrap_or(i64::MAX)).await?;
        }
        let left = RunnerStage::Left.number();
        transaction.execute_own(text, of_tasks(params![reported, now, runner, left])).await?;
        transaction.commit().await
    }

    /// A runner has ended a task that had ended here.
    pub async fn forget_left_task(&self, runner: RunnerId, id: TaskId) -> Result<()> {
        let mut transaction = self.begin_output().await?;
        let text = "delete from rs_task_runner where task_id = ? and runner_id = ? and stage = ?";
        transaction.execute_own(text, params![id, runner, RunnerStage::Left.number()]).await?;
        transaction.commit().await
    }
}

/// The values of [`CANDIDATES`].
fn counted() -> Vec<Param> {
    let left = RunnerStage::Left.number();
    params![left, left, RunnerStage::Reported.number()]
}

fn of_project(project: ProjectId) -> Vec<Param> {
    let mut values = counted();
    values.extend(params![true, project]);
    values
}

/// What a runner said that is gone, or sleeps until its webhook wakes it, counts no more.
fn candidate(row: &Row, wish: &RunnerWish) -> Result<Candidate> {
    let runner = Runner::from_row(row)?;
    let (taken, left, pending) = (row.long("taken")?, row.long("left_there")?, row.long("pending")?);
    let is_heard = is_heard(&runner, wish.heard_since);
    let room = row.optional_long("room")?.filter(|_| is_heard).map(|room| room - pending);
    Ok(Candidate { runner, taken: if is_heard { taken + left } else { taken }, room })
}

fn candidates(rows: &[Row], wish: &RunnerWish) -> Result<Vec<Candidate>> {
    let mut found = rows.iter().map(|row| candidate(row, wish)).collect::<Result<Vec<_>>>()?;
    let is_meant = |found: &Candidate| wish.tag.as_ref().is_none_or(|tag| found.runner.tag == *tag);
    found.retain(|found| found.runner.project_id.is_none() || is_meant(found));
    found.sort_by_key(|found| found.runner.project_id.is_none());
    Ok(found)
}

impl Transaction {
    /// Gives a task to the first runner that can take it now. Servers that choose the same runner wait for each other.
    pub(crate) async fn choose_runner(&mut self, project: ProjectId, id: TaskId, wish: &RunnerWish) -> Result<Choice> {
        let rows = self.fetch_all(format!("{CANDIDATES}{OF_PROJECT}"), of_project(project)).await?;
        let mut found = candidates(&rows, wish)?;
        if found.is_empty() {
            return Ok(Choice::Nobody);
        }
        found.retain(|found| found.is_free() && found.is_there(wish.heard_since));
        // Before one that has to be started for it by its webhook.
        found.sort_by_key(|found| !found.has_room());
        for Candidate { runner, .. } in found {
            let text = format!("select id from runner where id = ?{}", self.dialect().for_update());
            if self.fetch_optional(text, params![runner.id]).await?.is_none() {
                continue;
            }
            // Another server may have given it a task before the lock was there.
            let mut values = counted();
            values.extend(params![runner.id]);
            let now = self.fetch_optional(format!("{CANDIDATES}r.id = ?"), values).await?;
            if !now.map(|row| candidate(&row, wish)).transpose()?.is_some_and(|now| now.is_free()) {
                continue;
            }
            self.execute("delete from rs_task_runner where task_id = ?", params![id]).await?;
            let text = "insert into rs_task_runner (task_id, runner_id, alias, stage, changed) values (?, ?, ?, ?, ?)";
            let chosen = RunnerStage::Chosen.number();
            self.execute(text, params![id, runner.id, &wish.alias, chosen, Utc::now()]).await?;
            return Ok(Choice::Runner(runner.id));
        }
        Ok(Choice::Busy)
    }

    /// The runner that a task has.
    pub(crate) async fn runner_of(&mut self, id: TaskId) -> Result<Option<RunnerId>> {
        let row = self.fetch_optional("select runner_id from rs_task_runner where task_id = ?", params![id]).await?;
        row.map(|row| row.id("runner_id")).transpose()
    }

    /// The task has ended. `left`: its runner may still work on it if it was told of it.
    pub(crate) async fn end_runner_task(&mut self, id: TaskId, left: bool) -> Result<()> {
        if !left {
            return self.execute_own("delete from rs_task_runner where task_id = ?", params![id]).await.map(drop);
        }
        let text = "update rs_task_runner set stage = ?, changed = ? where task_id = ? and stage >= ?";
        let values = params![RunnerStage::Left.number(), Utc::now(), id, RunnerStage::Offered.number()];
        self.execute_own(text, values).await?;
        // With a runner that was removed nobody can be told to stop.
        let text = "delete from rs_task_runner where task_id = ? and (stage < ? or not exists \
             (select 1 from runner r where r.id = rs_task_runner.runner_id))";
        self.execute_own(text, params![id, RunnerStage::Left.number()]).await.map(drop)
    }

    /// A task that had begun waits again: it counts as running no longer, and its next beginning is a new one.
    pub(crate) async fn return_to_queue(&mut self, id: TaskId) -> Result<()> {
        self.execute_own("update rs_task_lease set running = 0 where task_id = ?", params![id]).await?;
        self.execute_own("delete from rs_task_runner where task_id = ?", params![id]).await?;
        self.execute_own("delete from rs_task_output_mark where task_id = ?", params![id]).await.map(drop)
    }

    /// Tasks that the runner had ended here, and its room; with the runner nobody can be told to stop.
    pub(crate) async fn forget_runner(&mut self, runner: RunnerId) -> Result<()> {
        self.forget_runner_room(runner).await?;
        let text = "delete from rs_task_runner where runner_id = ? and stage = ?";
        self.execute_own(text, params![runner, RunnerStage::Left.number()]).await.map(drop)
    }
}

//! Alerts that are to be sent: rows made together with the status they tell, in a table of our own.
//!
//! Not for deciding what is told, nor for sending. A row waits while it has a `next_attempt`; it is being sent while it has a
//! `claimed_by`; with neither it is done, sent or given up. Invariants: a row is claimed by one server at a time; one whose server did
//! not come back is never sent again, because nobody knows whether it was (at most once).

use crate::db::{Row, Transaction, params, writes};
use crate::error::StoreError;
use crate::{Result, Store};
use chrono::{DateTime, Utc};
use semaphore_model::{AlertChannel, ProjectId, TaskId, TaskStatus, UserId};

/// Rows that are removed at a time.
const REMOVED_AT_ONCE: u32 = 500;

/// What is said of a row whose server ended while it sent.
const ABANDONED: &str =
    "the server ended while it was being sent: whether it arrived is not known, and it is not sent again";

/// An alert to send, about the status that it is stored with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAlert {
    /// Through which channel.
    pub channel: AlertChannel,
    /// To whom, where a channel has receivers of its own.
    pub receiver: Option<UserId>,
}

/// An alert that this server, and no other, sends now.
#[derive(Clone, Debug)]
pub struct ClaimedAlert {
    /// Row of `rs_alert_outbox`.
    pub id: i64,
    /// The project of the task.
    pub project_id: ProjectId,
    /// The task it is about.
    pub task_id: TaskId,
    /// The status it tells, which the task may have left.
    pub status: TaskStatus,
    /// To whom, where the channel has receivers of its own.
    pub receiver: Option<UserId>,
    /// Which attempt this is, counted from 1.
    pub attempt: u32,
}

/// What there is to do for a channel.
#[derive(Clone, Debug)]
pub enum NextAlert {
    /// Send this one.
    Send(ClaimedAlert),
    /// Nothing before this moment.
    At(DateTime<Utc>),
    /// Nothing.
    Nothing,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug)]
pub enum AlertEnd<'a> {
    /// It was taken.
    Sent,
    /// It was not taken: again at this moment, with the reason.
    Again(DateTime<Utc>, &'a str),
    /// It is not tried again, with the reason.
    GivenUp(&'a str),
}

/// An alert of a task, as people see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SentAlert {
    /// Through which channel.
    pub channel: AlertChannel,
    /// The status it tells.
    pub status: TaskStatus,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was taken.
    pub sent: Option<DateTime<Utc>>,
    /// When it is tried again.
    pub next_attempt: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub failure: Option<String>,
}

fn status_from(row: &Row) -> Result<TaskStatus> {
    let text = row.text("status")?;
    TaskStatus::parse(&text).ok_or_else(|| StoreError::Unreadable {
        column: "status".to_owned(),
        value: text,
        expected: "a status of a task",
    })
}

fn channel_from(row: &Row) -> Result<AlertChannel> {
    let text = row.text("channel")?;
    AlertChannel::from_text(&text).ok_or_else(|| StoreError::Unreadable {
        column: "channel".to_owned(),
        value: text,
        expected: "a channel of alerts",
    })
}

impl Store {
    /// Takes the next alert of a channel that is due at `now`, for `owner` until `until`; durable when this returns.
    pub async fn claim_alert(
        &self,
        channel: AlertChannel,
        owner: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<NextAlert> {
        let text = "select o.id, o.task_id, o.status, o.recipient, o.attempts, o.next_attempt, t.project_id \
             from rs_alert_outbox o join task t on t.id = o.task_id \
             where o.channel = ? and o.next_attempt is not null order by o.next_attempt, o.id limit 1";
        loop {
            let rows = self.fetch_own(text, params![channel.as_str()]).await?;
            let Some(row) = rows.first() else { return Ok(NextAlert::Nothing) };
            let due = row.time("next_attempt")?;
            if due > now {
                return Ok(NextAlert::At(due));
            }
            let attempts = u32::try_from(row.long("attempts")?).unwrap_or_default();
            let found = ClaimedAlert {
                id: row.long("id")?,
                project_id: row.id("project_id")?,
                task_id: row.id("task_id")?,
                status: status_from(row)?,
                receiver: row.text("recipient")?.parse().ok().map(UserId),
                attempt: attempts + 1,
            };
            let mut transaction = self.begin().await?;
            // Of two servers that found it one changes the row.
            let claim = "update rs_alert_outbox set claimed_by = ?, claimed_until = ?, next_attempt = null, attempts = ? \
                 where id = ? and next_attempt is not null and attempts = ?";
            let values = params![owner, until, i64::from(found.attempt), found.id, i64::from(attempts)];
            let claimed = transaction.execute_own(claim, values).await?;
            transaction.commit().await?;
            if claimed > 0 {
                return Ok(NextAlert::Send(found));
            }
        }
    }

    /// Gives up the alerts of a channel whose server did not come back in time; answers how many.
    pub async fn give_up_abandoned_alerts(&self, channel: AlertChannel, now: DateTime<Utc>) -> Result<u64> {
        let abandoned = "channel = ? and claimed_by is not null and claimed_until < ?";
        let text = format!("select id from rs_alert_outbox where {abandoned} limit 1");
        if self.fetch_own(text, params![channel.as_str(), now]).await?.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        let text = format!("update rs_alert_outbox set claimed_by = null, failure = ? where {abandoned}");
        let given_up = transaction.execute_own(text, params![ABANDONED, channel.as_str(), now]).await?;
        transaction.commit().await?;
        Ok(given_up)
    }

    /// The alerts of a task, in the order of their making.
    pub async fn list_task_alerts(&self, task_id: TaskId) -> Result<Vec<SentAlert>> {
        let text = "select channel, status, attempts, sent, next_attempt, failure from rs_alert_outbox \
             where task_id = ? order by id";
        let rows = self.fetch_own(text, params![task_id]).await?;
        let alert = |row: &Row| {
            Ok(SentAlert {
                channel: channel_from(row)?,
                status: status_from(row)?,
                attempts: u32::try_from(row.long("attempts")?).unwrap_or_default(),
                sent: row.optional_time("sent")?,
                next_attempt: row.optional_time("next_attempt")?,
                failure: row.optional_text("failure")?,
            })
        };
        rows.iter().map(alert).collect()
    }

    /// Removes the alerts of tasks that ended before a moment; answers how many.
    pub async fn remove_old_alerts(&self, before: DateTime<Utc>) -> Result<u64> {
        let text = format!(
            "select o.id from rs_alert_outbox o join task t on t.id = o.task_id \
             where t.status in ('success', 'error', 'stopped') and coalesce(t.`end`, t.created) < ? limit {REMOVED_AT_ONCE}"
        );
        let mut removed = 0;
        loop {
            let rows = self.fetch_own(text.clone(), params![before]).await?;
            if rows.is_empty() {
                return Ok(removed);
            }
            let mut transaction = self.begin().await?;
            let mut gone = 0;
            for row in &rows {
                let values = params![row.long("id")?];
                gone += transaction.execute_own("delete from rs_alert_outbox where id = ?", values).await?;
            }
            transaction.commit().await?;
            removed += gone;
            if gone == 0 {
                return Ok(removed);
            }
        }
    }
}

writes! {
    /// Writes down how an attempt of `owner` ended. Nothing happens if the row is not theirs any more.
    end_alert_attempt(id: i64, owner: &str, now: DateTime<Utc>, end: AlertEnd<'_>) -> ();
}

impl Transaction {
    /// Adds the alerts about a status of a task, beside something more important: those that are there already stay as they are.
    pub(crate) async fn insert_alerts(
        &mut self,
        task_id: TaskId,
        status: TaskStatus,
        alerts: &[NewAlert],
    ) -> Result<()> {
        let text = "insert into rs_alert_outbox (task_id, channel, status, recipient, attempts, next_attempt) \
             select id, ?, ?, ?, 0, ? from task where id = ? and not exists (select 1 from rs_alert_outbox o \
             where o.task_id = ? and o.channel = ? and o.status = ? and o.recipient = ?)";
        let now = Utc::now();
        for alert in alerts {
            let (channel, status) = (alert.channel.as_str(), status.as_str());
            let receiver = alert.receiver.map(|id| id.to_string()).unwrap_or_default();
            let values = params![channel, status, &receiver, now, task_id, task_id, channel, status, &receiver];
            self.execute_own(text, values).await?;
        }
        Ok(())
    }

    /// Writes down how an attempt of `owner` ended. Nothing happens if the row is not theirs any more.
    pub async fn end_alert_attempt(
        &mut self,
        id: i64,
        owner: &str,
        now: DateTime<Utc>,
        end: AlertEnd<'_>,
    ) -> Result<()> {
        let (sent, next, failure) = match end {
            AlertEnd::Sent => (Some(now), None, None),
            AlertEnd::Again(next, failure) => (None, Some(next), Some(failure)),
            AlertEnd::GivenUp(failure) => (None, None, Some(failure)),
        };
        let text = "update rs_alert_outbox set claimed_by = null, claimed_until = null, sent = ?, next_attempt = ?, \
             failure = ? where id = ? and claimed_by = ?";
        self.execute_own(text, params![sent, next, failure, id, owner]).await.map(drop)
    }
}

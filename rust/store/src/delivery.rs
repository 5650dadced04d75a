//! What came to the addresses of integrations, and what became of it at each of them, in tables of our own.
//!
//! Not for deciding about a request, nor for what it contained: that comes and goes sealed. Invariants: an address keeps its
//! newest deliveries only, and those without a good proof have a small place of their own, so that strangers neither fill the
//! disk nor push out what others sent; a delivery is found through an integration of the project only.

use crate::db::{FromRow, Param, Row, Transaction, params};
use crate::own_table::nothing_if_missing;
use crate::{Result, Store, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{DeliveryId, DeliveryOutcome, IntegrationId, ProjectId, Secret, TaskId, UserId};

/// Deliveries that an address keeps.
const KEPT: u32 = 1000;
/// The same for those without a good proof.
const KEPT_UNPROVEN: u32 = 100;
/// Deliveries without a good proof that are written down in a minute.
const UNPROVEN_A_MINUTE: u32 = 60;
/// Rows that are removed at a time.
const REMOVED_AT_ONCE: u32 = 500;

/// A request that came, or a repetition of one.
#[derive(Clone, Debug)]
pub struct NewDelivery<'a> {
    /// The project of the address.
    pub project_id: ProjectId,
    /// Whose address it came to; none for one of the project.
    pub integration_id: Option<IntegrationId>,
    /// Whether a good proof came with it, or an integration takes it without one.
    pub is_proven: bool,
    /// The end of the address it came to.
    pub alias: &'a str,
    /// When it came.
    pub received: DateTime<Utc>,
    /// Where it came from.
    pub address: &'a str,
    /// Its method.
    pub method: &'a str,
    /// The status it was answered with; none for a repetition, which nobody waited for.
    pub status: Option<u16>,
    /// How long that took.
    pub milliseconds: u32,
    /// How long its body was, kept or not.
    pub body_bytes: u64,
    /// What it repeats.
    pub replay_of: Option<DeliveryId>,
    /// Who had it repeated.
    pub user_id: Option<UserId>,
    /// What the sender wrote, encrypted.
    pub sealed: Secret,
}

/// What became of it at one integration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryVerdict {
    /// The integration.
    pub integration_id: IntegrationId,
    /// In one word.
    pub outcome: DeliveryOutcome,
    /// Why; may be empty.
    pub message: String,
    /// The task it started.
    pub task_id: Option<TaskId>,
}

/// A delivery as one integration sees it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Row of `rs_delivery`.
    pub id: DeliveryId,
    /// Whose address it came to; none for one of the project, where the rules decide.
    pub integration_id: Option<IntegrationId>,
    /// The end of the address it came to.
    pub alias: String,
    /// When it came.
    pub received: DateTime<Utc>,
    /// Where it came from.
    pub address: String,
    /// Its method.
    pub method: String,
    /// The status it was answered with.
    pub status: Option<u16>,
    /// How long that took.
    pub milliseconds: u32,
    /// How long its body was, kept or not.
    pub body_bytes: u64,
    /// What it repeats.
    pub replay_of: Option<DeliveryId>,
    /// Who had it repeated.
    pub user_id: Option<UserId>,
    /// What became of it here.
    pub verdict: DeliveryVerdict,
}

impl FromRow for Delivery {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.id("id")?,
            integration_id: row.optional_id("integration_id")?,
            alias: row.text("alias")?,
            received: row.time("received")?,
            address: row.text("address")?,
            method: row.text("method")?,
            status: row.optional_id::<i32>("status")?.and_then(|status| u16::try_from(status).ok()),
            milliseconds: u32::try_from(row.long("milliseconds")?).unwrap_or(u32::MAX),
            body_bytes: u64::try_from(row.long("body_bytes")?).unwrap_or_default(),
            replay_of: row.optional_id("replay_of")?,
            user_id: row.optional_id("user_id")?,
            verdict: DeliveryVerdict {
                integration_id: row.id("verdict_integration_id")?,
                outcome: row.word("outcome")?,
                message: row.text("message")?,
                task_id: row.optional_id("task_id")?,
            },
        })
    }
}

/// All columns but the sealed one, which is large.
const SELECT: &str = "select d.id, d.integration_id, d.alias, d.received, d.address, d.method, d.status, d.milliseconds, \
     d.body_bytes, d.replay_of, d.user_id, v.integration_id as verdict_integration_id, v.outcome, v.message, v.task_id";
const FROM: &str = "from rs_delivery_verdict v join rs_delivery d on d.id = v.delivery_id \
     where v.integration_id = ? and d.project_id = ?";

/// The deliveries that share a place with this one.
fn place(delivery: &NewDelivery<'_>) -> (&'static str, Vec<Param>) {
    let is_proven = i64::from(delivery.is_proven);
    match delivery.integration_id {
        Some(id) => {
            ("project_id = ? and integration_id = ? and is_proven = ?", params![delivery.project_id, id, is_proven])
        }
        None => {
            ("project_id = ? and integration_id is null and is_proven = ?", params![delivery.project_id, is_proven])
        }
    }
}

impl Store {
    /// Writes a delivery down, with what became of it at each integration. None if there were too many without a good proof just
    /// now. It reaches the disk with the next ordinary commit.
    ///
    /// Errors: [`StoreError::OwnTableMissing`], for [`Store::make_own_tables`] and once more.
    pub async fn insert_delivery(
        &self,
        delivery: &NewDelivery<'_>,
        verdicts: &[DeliveryVerdict],
    ) -> Result<Option<DeliveryId>> {
        let mut transaction = self.begin_output().await?;
        if !delivery.is_proven && transaction.is_flooded(delivery).await? {
            return Ok(None);
        }
        let id = transaction.insert_delivery(delivery).await?;
        // Rows of an earlier table whose numbers began at 1 as well.
        transaction.execute("delete from rs_delivery_verdict where delivery_id = ?", params![id]).await?;
        let text = "insert into rs_delivery_verdict (delivery_id, integration_id, outcome, message, task_id) \
             select ?, id, ?, ?, ? from project__integration where id = ?";
        for verdict in verdicts {
            let DeliveryVerdict { integration_id, outcome, message, task_id } = verdict;
            let values = params![id, outcome.as_str(), message, *task_id, *integration_id];
            transaction.execute(text, values).await?;
        }
        transaction.forget_beyond_limit(delivery).await?;
        transaction.commit().await?;
        Ok(Some(id))
    }

    /// Deliveries that an integration of the project saw, the newest first; only older ones than `before`.
    pub async fn list_deliveries(
        &self,
        project_id: ProjectId,
        integration_id: IntegrationId,
        before: Option<DeliveryId>,
        limit: u32,
    ) -> Result<Vec<Delivery>> {
        let before = before.unwrap_or(DeliveryId(i32::MAX));
        let text = format!("{SELECT} {FROM} and v.delivery_id < ? order by v.delivery_id desc limit {limit}");
        let rows = self.fetch_own(text, params![integration_id, project_id, before]).await?;
        rows.iter().map(Delivery::from_row).collect()
    }

    /// One of them, with what the sender wrote, still encrypted.
    pub async fn get_delivery(
        &self,
        project_id: ProjectId,
        integration_id: IntegrationId,
        id: DeliveryId,
    ) -> Result<(Delivery, Secret)> {
        let text = format!("{SELECT}, d.sealed {FROM} and v.delivery_id = ?");
        let rows = self.fetch_own(text, params![integration_id, project_id, id]).await?;
        let row = rows.first().ok_or(StoreError::NotFound)?;
        Ok((Delivery::from_row(row)?, row.text("sealed")?.into()))
    }

    /// Removes the deliveries that came before a moment; answers how many.
    pub async fn remove_old_deliveries(&self, before: DateTime<Utc>) -> Result<u64> {
        let text = format!("select id from rs_delivery where received < ? limit {REMOVED_AT_ONCE}");
        let mut removed = 0;
        loop {
            let rows = self.fetch_own(text.clone(), params![before]).await?;
            if rows.is_empty() {
                return Ok(removed);
            }
            let mut transaction = self.begin_output().await?;
            let mut gone = 0;
            for row in &rows {
                gone += nothing_if_missing(transaction.delete_delivery(row.id("id")?).await)?;
            }
            transaction.commit().await?;
            removed += gone;
            if gone == 0 {
                return Ok(removed);
            }
        }
    }
}

impl Transaction {
    /// Whether so many came to the address without a good proof in the last minute that no more are written down.
    async fn is_flooded(&mut self, delivery: &NewDelivery<'_>) -> Result<bool> {
        let (place, values) = place(delivery);
        let offset = UNPROVEN_A_MINUTE - 1;
        let text = format!("select received from rs_delivery where {place} order by id desc limit 1 offset {offset}");
        let Some(row) = self.fetch_optional(text, values).await? else { return Ok(false) };
        Ok(row.time("received")? > delivery.received - TimeDelta::minutes(1))
    }

    async fn insert_delivery(&mut self, delivery: &NewDelivery<'_>) -> Result<DeliveryId> {
        let text = "insert into rs_delivery (project_id, integration_id, is_proven, alias, received, address, method, status, \
             milliseconds, body_bytes, replay_of, user_id, sealed) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let values = params![
            delivery.project_id,
            delivery.integration_id,
            i64::from(delivery.is_proven),
            delivery.alias,
            delivery.received,
            delivery.address,
            delivery.method,
            delivery.status.map(i32::from),
            delivery.milliseconds,
            i64::try_from(delivery.body_bytes).unwrap_or(i64::MAX),
            delivery.replay_of,
            delivery.user_id,
            &delivery.sealed
        ];
        self.insert(text, values).await
    }

    async fn forget_beyond_limit(&mut self, delivery: &NewDelivery<'_>) -> Result<()> {
        let (place, values) = place(delivery);
        let kept = if delivery.is_proven { KEPT } else { KEPT_UNPROVEN };
        // One more than comes at a time, so that what servers did at the same time is made up for.
        let text = format!("select id from rs_delivery where {place} order by id desc limit 2 offset {kept}");
        for row in self.fetch_all(text, values).await? {
            self.delete_delivery(row.id("id")?).await?;
        }
        Ok(())
    }

    async fn delete_delivery(&mut self, id: DeliveryId) -> Result<u64> {
        self.execute("delete from rs_delivery_verdict where delivery_id = ?", params![id]).await?;
        self.execute("delete from rs_delivery where id = ?", params![id]).await
    }
}

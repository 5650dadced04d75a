//! Events that are to be told outside: copies made in the transaction of the event, in a table of our own.
//!
//! Not for the telling. A copy stays until its delivery is written down, whatever becomes of the event meanwhile: it goes with its
//! project, the copy does not. Invariant: one of several servers is the teller; whoever finds that the teller is not among the
//! servers that are there takes its place, and no clock is compared for that.

use crate::db::{Row, Transaction, params};
use crate::error::StoreError;
use crate::own_table::nothing_if_missing;
use crate::{Result, Store};
use semaphore_model::Event;

/// Number of the only row that says who tells.
const TELLER: i32 = 1;

/// A copy of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Grows with each record; in the order of the commits of one server.
    pub id: i64,
    /// Row of `event`.
    pub event_id: i64,
    /// The event as JSON.
    pub event: String,
}

impl AuditRecord {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.long("id")?, event_id: row.long("event_id")?, event: row.text("record")? })
    }
}

impl Transaction {
    /// Keeps a copy of an event of this transaction.
    pub(crate) async fn insert_audit_record(&mut self, event: &Event) -> Result<()> {
        let record = serde_json::to_string(event).map_err(|error| StoreError::Unreadable {
            column: "event".to_owned(),
            value: error.to_string(),
            expected: "an event that can be written as JSON",
        })?;
        let text = "insert into rs_audit_outbox (event_id, record) values (?, ?)";
        self.execute_own(text, params![i64::from(event.id.0), record]).await.map(drop)
    }
}

impl Store {
    /// Whether this server tells from now on: it did, or whoever did is not among the servers that are there.
    pub async fn claim_audit(&self, server: &str) -> Result<bool> {
        let rows = self.fetch_own("select owner from rs_audit_teller where number = ?", params![TELLER]).await?;
        let owner = rows.first().map(|row| row.text("owner")).transpose()?;
        if owner.as_deref() == Some(server) {
            return Ok(true);
        }
        if owner.is_none() {
            self.make_own_tables().await?;
        }
        let mut transaction = self.begin_output().await?;
        let claimed = match owner {
            // Of two that insert it the second is refused, and asks again later.
            None => {
                let text = "insert into rs_audit_teller (number, owner) select ?, ? \
                     where not exists (select 1 from rs_audit_teller)";
                transaction.execute(text, params![TELLER, server]).await?
            }
            Some(former) => {
                let text = "update rs_audit_teller set owner = ? where number = ? and owner = ? \
                     and owner not in (select id from rs_server)";
                transaction.execute(text, params![server, TELLER, former]).await?
            }
        };
        transaction.commit().await?;
        Ok(claimed > 0)
    }

    /// Lets another server tell at once.
    pub async fn release_audit(&self, server: &str) -> Result<()> {
        let mut transaction = self.begin_output().await?;
        let text = "update rs_audit_teller set owner = '' where number = ? and owner = ?";
        nothing_if_missing(transaction.execute(text, params![TELLER, server]).await)?;
        transaction.commit().await
    }

    /// The oldest records that are not delivered, at most `limit`.
    pub async fn next_audit_records(&self, limit: u32) -> Result<Vec<AuditRecord>> {
        let text = format!("select id, event_id, record from rs_audit_outbox order by id limit {limit}");
        self.fetch_own(text, Vec::new()).await?.iter().map(AuditRecord::from_row).collect()
    }

    /// How many records are not delivered.
    pub async fn count_audit_records(&self) -> Result<u64> {
        let rows = self.fetch_own("select count(*) as waiting from rs_audit_outbox", Vec::new()).await?;
        let waiting = rows.first().map_or(Ok(0), |row| row.long("waiting"))?;
        Ok(u64::try_from(waiting).unwrap_or_default())
    }

    /// Removes a record that was delivered. After a power failure it may be there again: it is delivered at least once.
    pub async fn remove_audit_record(&self, id: i64) -> Result<()> {
        let mut transaction = self.begin_output().await?;
        nothing_if_missing(transaction.execute("delete from rs_audit_outbox where id = ?", params![id]).await)?;
        transaction.commit().await
    }
}

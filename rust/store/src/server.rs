//! The servers on this database, in a table of our own: that they live, and what becomes of the tasks of one that does not.
//!
//! A server raises its `beat` again and again, in one statement for all its tasks; whoever sees it stand still for the time
//! that the server itself named takes its tasks over. No clock is compared with another one, and a clock that jumps means
//! nothing. Not for the decision that somebody is dead: that is the service's, which watches.

use crate::db::params;
use crate::error::StoreError;
use crate::own_table::nothing_if_missing;
use crate::{Result, Store};
use chrono::Utc;
use std::time::Duration;

/// A server that said it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerPresence {
    /// Random, new with each start; at most 64 characters.
    pub id: String,
    /// Name of its machine.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// Grows for as long as it lives.
    pub beat: i64,
    /// How long `beat` may stand still; whole seconds.
    pub lease: Duration,
    /// How many tasks it runs at the same time; 0 = no limit.
    pub max_parallel_tasks: u32,
}

/// What one server sees of the others.
#[derive(Clone, Debug, Default)]
pub struct OtherServers {
    /// Those that said they are there.
    pub present: Vec<ServerPresence>,
    /// Owners of tasks, whether they are there or not.
    pub owners: Vec<String>,
}

impl Store {
    /// Says that a server is there, once more if it was forgotten.
    pub async fn register_server(&self, server: &ServerPresence) -> Result<()> {
        match self.try_register(server).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.make_own_tables().await?;
                self.try_register(server).await
            }
            registered => registered,
        }
    }

    async fn try_register(&self, server: &ServerPresence) -> Result<()> {
        let mut transaction = self.begin_output().await?;
        transaction.execute("delete from rs_server where id = ?", params![&server.id]).await?;
        let text = "insert into rs_server (id, host, pid, beat, lease_seconds, max_parallel_tasks, started) \
             values (?, ?, ?, ?, ?, ?, ?)";
        let lease = i64::try_from(server.lease.as_secs()).unwrap_or(i64::MAX);
        let host: String = server.host.chars().take(255).collect();
        let values = params![&server.id, host, server.pid, server.beat, lease, server.max_parallel_tasks, Utc::now()];
        transaction.execute(text, values).await?;
        transaction.commit().await
    }

    /// Renews all that a server has; answers false if it was taken for dead, or the table was dropped.
    pub async fn renew_server(&self, id: &str) -> Result<bool> {
        let mut transaction = self.begin_output().await?;
        let renewed = transaction.execute("update rs_server set beat = beat + 1 where id = ?", params![id]).await;
        let renewed = nothing_if_missing(renewed)? > 0;
        transaction.commit().await?;
        Ok(renewed)
    }

    /// The other servers, and the other owners of tasks.
    pub async fn list_other_servers(&self, own: &str) -> Result<OtherServers> {
        let text = "select id, host, pid, beat, lease_seconds, max_parallel_tasks from rs_server where id <> ?";
        let mut present = Vec::new();
        for row in self.fetch_own(text, params![own]).await? {
            let number = |column| Ok::<_, StoreError>(u32::try_from(row.long(column)?).unwrap_or_default());
            present.push(ServerPresence {
                id: row.text("id")?,
                host: row.text("host")?,
                pid: number("pid")?,
                beat: row.long("beat")?,
                lease: Duration::from_secs(number("lease_seconds")?.into()),
                max_parallel_tasks: number("max_parallel_tasks")?,
            });
        }
        let text = "select distinct owner from rs_task_lease where owner <> ?";
        let rows = self.fetch_own(text, params![own]).await?;
        let owners = rows.iter().map(|row| row.text("owner")).collect::<Result<_>>()?;
        Ok(OtherServers { present, owners })
    }

    /// Gives all tasks of a server to another one; answers false, and changes nothing, if its beat is not the one that was
    /// seen. `None`: it was not among those that are there. Of several servers that try, one has the tasks. With `reach`, tasks
    /// with a process of their own stay where they are unless it is at this place: it may live, and a server there goes on with it.
    pub async fn take_over(&self, from: &str, seen: Option<i64>, owner: &str, reach: Option<&str>) -> Result<bool> {
        let mut transaction = self.begin().await?;
        let lock = transaction.dialect().for_update();
        let row = transaction.fetch_optional(format!("select beat from rs_server where id = ?{lock}"), params![from]);
        let beat = row.await?.map(|row| row.long("beat")).transpose()?;
        if beat.is_some() && beat != seen {
            transaction.rollback().await?;
            return Ok(false);
        }
        transaction.execute("delete from rs_server where id = ?", params![from]).await?;
        let text = "update rs_task_lease set owner = ?, previous_owner = ?, acquired = ? where owner = ?";
        let changed = match reach {
            None => transaction.execute(text, params![owner, from, Utc::now(), from]).await?,
            Some(place) => {
                let elsewhere =
                    "select h.task_id from rs_task_host h where h.task_id = rs_task_lease.task_id and h.place <> ?";
                let text = format!("{text} and not exists ({elsewhere})");
                transaction.execute(text, params![owner, from, Utc::now(), from, place]).await?
            }
        };
        transaction.commit().await?;
        Ok(changed > 0)
    }

    /// A server ends: whoever sees it next may have its waiting tasks at once.
    pub async fn remove_server(&self, id: &str) -> Result<()> {
        let mut transaction = self.begin().await?;
        transaction.execute_own("delete from rs_server where id = ?", params![id]).await?;
        transaction.commit().await
    }
}

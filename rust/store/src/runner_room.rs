//! How many tasks a remote runner would begin now beside those that it has reported, in its own words (`rs_runner_room`).
//!
//! It stands in the database because any server answers the polls of runners, and any other chooses the runner of a task. A
//! runner without a row says nothing about it: those of the reference. Not for the choice: that is `task_runner.rs`.

use crate::db::{Transaction, params};
use crate::{Result, Store};
use semaphore_model::RunnerId;

impl Store {
    /// Notes what the runner says with its poll; nothing is written if it said the same before.
    pub async fn note_runner_room(&self, id: RunnerId, room: Option<u32>) -> Result<()> {
        let rows = self.fetch_own("select room from rs_runner_room where runner_id = ?", params![id]).await?;
        let known = rows.first().map(|row| row.int("room")).transpose()?;
        let room = room.map(|room| i32::try_from(room).unwrap_or(i32::MAX));
        if known == room {
            return Ok(());
        }
        let mut transaction = self.begin_output().await?;
        // Polls that overlap wait for each other, and nothing is noted of a runner that was removed meanwhile.
        let text = format!("select id from runner where id = ?{}", transaction.dialect().for_update());
        let is_known = transaction.fetch_optional(text, params![id]).await?.is_some();
        transaction.forget_runner_room(id).await?;
        if let Some(room) = room.filter(|_| is_known) {
            let text = "insert into rs_runner_room (runner_id, room) values (?, ?)";
            transaction.execute_own(text, params![id, room]).await?;
        }
        transaction.commit().await
    }
}

impl Transaction {
    /// The runner has begun so many of the tasks that it had room for; its next poll says what is left.
    pub(crate) async fn fill_runner_room(&mut self, id: RunnerId, begun: i64) -> Result<()> {
        let text = "update rs_runner_room set room = room - ? where runner_id = ? and room >= ?";
        self.execute_own(text, params![begun, id, begun]).await.map(drop)
    }

    /// Nothing is known about the room of the runner any more.
    pub(crate) async fn forget_runner_room(&mut self, id: RunnerId) -> Result<()> {
        self.execute_own("delete from rs_runner_room where runner_id = ?", params![id]).await.map(drop)
    }
}

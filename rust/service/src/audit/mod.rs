//! The audit webhook: each event is posted to an address outside, in order, until it was taken.
//!
//! What is to be told is a row made in the transaction of the event (store, `audit_outbox`), so neither a crash nor a receiver that is
//! down for days loses one. Told at least once: a receiver that must not count twice looks at `id`. Of several servers on one
//! database one tells. Not for alerts. Invariants: nobody waits for the receiver; the secret and the address (it may hold a
//! token) are in no log and no error.

mod post;

use std::{sync::Arc, time::Duration};

use semaphore_model::{Event, Secret};
use semaphore_store::AuditRecord;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use self::post::Receiver;
use crate::{
    Result,
    event::{action, told_description},
    services::Services,
};

/// Records that are read at a time.
const AT_ONCE: u32 = 100;

/// How often somebody looks whether another server stored something, or has ended.
const LOOK: Duration = Duration::from_secs(3);

/// Pause after the first refusal; it doubles with each following one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// Where events are told. Ours; the reference has nothing of the kind.
#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// The address that records are posted to.
    pub url: Secret,
    /// Signs each record; empty leaves the signature out.
    pub secret: Secret,
}

/// What wakes the telling.
#[derive(Debug, Default)]
pub(crate) struct AuditDesk {
    news: Notify,
}

impl Services {
    /// Says that an event was stored here.
    pub fn event_stored(&self) {
        self.audit.news.notify_one();
    }

    /// Tells what there is to tell until `stop` is true, if an address is configured; what is left is told after the next start.
    pub async fn deliver_audit(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(settings) = &self.settings.audit else { return };
        let mut receiver = Receiver::new(settings);
        let mut refusals = 0_u32;
        while !*stop.borrow() {
            let pause = match Box::pin(self.tell(&mut receiver, &stop)).await {
                Ok(()) => {
                    if refusals > 0 {
                        tracing::info!(refusals, "the audit webhook takes records again");
                    }
                    refusals = 0;
                    LOOK
                }
                Err(failure) => {
                    if refusals == 0 {
                        let waiting = self.store.count_audit_records().await.unwrap_or_default();
                        tracing::warn!(
                            failure,
                            waiting,
                            "the audit webhook takes no records; they are kept and posted again"
                        );
                    }
                    refusals = refusals.saturating_add(1);
                    FIRST_PAUSE.saturating_mul(1 << refusals.min(10).saturating_sub(1)).min(LONGEST_PAUSE)
                }
            };
            tokio::select! {
                // What is new does not make a receiver answer that does not.
                () = self.audit.news.notified(), if refusals == 0 => {}
                () = tokio::time::sleep(pause) => {}
                changed = stop.changed() => if changed.is_err() { break },
            }
        }
        if let Err(error) = self.store.release_audit(&self.server_id).await {
            tracing::debug!(%error, "another server tells audit records only when this one counts as dead");
        }
    }

    /// Tells everything that is stored, if it is this server that tells; the error says why a record was not taken.
    async fn tell(&self, receiver: &mut Receiver<'_>, stop: &watch::Receiver<bool>) -> std::result::Result<(), String> {
        let unready =
            |error: crate::Error| format!("the database does not answer: {}", semaphore_model::error_chain(&error));
        loop {
            if !self.store.claim_audit(&self.server_id).await.map_err(|error| unready(error.into()))? {
                return Ok(());
            }
            let records = self.store.next_audit_records(AT_ONCE).await.map_err(|error| unready(error.into()))?;
            if records.is_empty() {
                return Ok(());
            }
            for record in records {
                if *stop.borrow() {
                    return Ok(());
                }
                let body = self.audit_document(&record).await.map_err(unready)?;
                receiver.post(record.id, &body).await?;
                self.store.remove_audit_record(record.id).await.map_err(|error| unready(error.into()))?;
            }
        }
    }

    /// What is posted about an event: its fields, with the names that its user and project have now.
    async fn audit_document(&self, record: &AuditRecord) -> Result<String> {
        let Ok(event) = serde_json::from_str::<Event>(&record.event) else {
            return Ok(json!({"id": record.id, "event_id": record.event_id, "event": record.event}).to_string());
        };
        let user = match event.user_id {
            Some(id) => crate::task::unless_gone(self.store.get_user(id).await)?.map(|user| user.username),
            None => None,
        };
        let project = match event.project_id {
            Some(id) => crate::task::unless_gone(self.store.get_project(id).await)?.map(|project| project.name),
            None => None,
        };
        let mut document = json!({
            "id": record.id,
            "event_id": record.event_id,
            "time": event.created,
            "action": action(&event),
            "object_type": event.object_type,
            "object_id": event.object_id,
            "description": told_description(&event),
            "user_id": event.user_id,
            "username": user,
            "project_id": event.project_id,
            "project_name": project,
        });
        if let Value::Object(fields) = &mut document {
            fields.retain(|_, value| !value.is_null());
        }
        Ok(document.to_string())
    }
}

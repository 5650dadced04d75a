//! What becomes of missed and overlapping moments of a schedule, and which moments come next.

use chrono::{DateTime, Utc};
use semaphore_model::{EventObject, Schedule, SchedulePolicy, UserId};
use semaphore_store::StoreError;
use semaphore_task::{Cron, Zone};

use crate::{
    error::{Error, Result},
    event::event,
    owned::Owned,
    services::Services,
};

/// How many moments are shown.
const SHOWN: usize = 5;

impl Services {
    /// The next moments of an expression of cron, in the server's time zone unless it names one; 400 with the reason.
    pub fn next_moments(&self, expression: &str) -> Result<Vec<DateTime<Utc>>> {
        let invalid = |error: &dyn std::fmt::Display| Error::invalid(format!("Cron: {error}"));
        let cron = Cron::parse(expression).map_err(|error| invalid(&error))?;
        let zone = Zone::parse(&self.settings.schedule_timezone).map_err(|error| invalid(&error))?;
        Ok(std::iter::successors(cron.next(Utc::now(), zone), |last| cron.next(*last, zone)).take(SHOWN).collect())
    }

    /// The rules of a schedule.
    pub async fn schedule_policy(&self, schedule: &Owned<Schedule>) -> Result<SchedulePolicy> {
        Ok(self.store.get_schedule_policy(schedule.id).await?)
    }

    /// Sets the rules of a schedule.
    pub async fn set_schedule_policy(
        &self,
        user: UserId,
        schedule: &Owned<Schedule>,
        policy: SchedulePolicy,
    ) -> Result<()> {
        match self.write_schedule_policy(user, schedule, policy).await {
            Err(StoreError::OwnTableMissing { .. }) => {
                self.store.make_own_tables().await?;
                Ok(self.write_schedule_policy(user, schedule, policy).await?)
            }
            written => Ok(written?),
        }
    }

    async fn write_schedule_policy(
        &self,
        user: UserId,
        schedule: &Schedule,
        policy: SchedulePolicy,
    ) -> Result<(), StoreError> {
        let mut transaction = self.store.begin().await?;
        transaction.set_schedule_policy(schedule.id, policy).await?;
        let (misfire, overlap) = (policy.misfire.as_str(), policy.overlap.as_str());
        let description = format!("Schedule ID {}: missed runs {misfire}, overlapping runs {overlap}", schedule.id);
        let told = event(user, schedule.project_id, EventObject::Schedule, schedule.id, description);
        transaction.insert_event(told).await?;
        transaction.commit().await
    }
}

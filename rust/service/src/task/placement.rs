//! Where a task is to run: on a server's machine, or on a remote runner, and on which.
//!
//! Not for the choice itself: the store makes it in the transaction with which the task begins.

use chrono::{DateTime, TimeDelta, Utc};
use semaphore_model::{ProjectId, TaskId, TemplateId};
use semaphore_store::{Candidate, RunnerWish, StoreError};

use crate::Services;

/// A runner asks each second; one that did not for so long is not there.
pub(crate) const RUNNER_SILENCE: TimeDelta = TimeDelta::seconds(30);

/// Since when a runner must have been heard of to be there.
pub(crate) fn heard_since(now: DateTime<Utc>) -> DateTime<Utc> {
    now - RUNNER_SILENCE
}

impl Services {
    /// Which remote runner a task wants; none if it runs on a server's machine. Reference: the tag of the template comes before
    /// that of the inventory.
    pub(super) async fn runner_wish(
        &self,
        project: ProjectId,
        template: TemplateId,
        task: TaskId,
    ) -> Result<Option<RunnerWish>, StoreError> {
        let tags = self.store.find_runner_tags(task).await?;
        let mut of_inventory = tags.inventory;
        if let Some(own) = tags.own
            && self.store.get_plain_template(project, template).await?.allows_override_of_inventory()
        {
            of_inventory = own;
        }
        let tag = tags.template.or(of_inventory);
        let is_remote = self.settings.use_remote_runner || tag.is_some();
        // Nobody sees it but the runner, its server and its program.
        let alias = format!("{:032x}", rand::random::<u128>());
        Ok(is_remote.then(|| RunnerWish { tag, heard_since: heard_since(Utc::now()), alias }))
    }
}

/// Why none of these runners takes a task now, as code and sentence; none if one could.
pub(super) fn runners_hold(runners: &[Candidate], since: DateTime<Utc>) -> Option<(&'static str, String)> {
    if runners.is_empty() || runners.iter().any(|found| found.is_free() && found.is_there(since)) {
        return None;
    }
    let there: Vec<_> = runners.iter().filter(|found| found.is_there(since)).collect();
    // By its own limit, or because it ends.
    let is_closed = there.iter().any(|found| found.has_place());
    Some(match (there.len(), runners.len()) {
        (0, 1) => ("runner_silent", "the remote runner that may run it has not been heard of lately".to_owned()),
        (0, all) => {
            ("runner_silent", format!("none of the {all} remote runners that may run it has been heard of lately"))
        }
        (1, _) if is_closed => ("runner_limit", "the remote runner that may run it takes no more tasks now".to_owned()),
        (there, _) if is_closed => {
            ("runner_limit", format!("none of the {there} remote runners that may run it takes another task now"))
        }
        (1, _) => ("runner_limit", "the remote runner that may run it has as many tasks as it may have".to_owned()),
        (there, _) => (
            "runner_limit",
            format!("each of the {there} remote runners that may run it has as many tasks as it may have"),
        ),
    })
}

#[cfg(test)]
mod tests {
    use semaphore_model::Runner;

    use super::*;

    #[test]
    fn who_waits_for_a_runner_is_told_what_is_the_matter_with_them() {
        let now = Utc::now();
        let runner = |taken, silent: i64, webhook: &str| Candidate {
            runner: Runner {
                max_parallel_tasks: 1,
                touched: Some(now - TimeDelta::seconds(silent)),
                webhook: webhook.to_owned(),
                ..Runner::default()
            },
            taken,
            room: None,
        };
        let closed = |taken, webhook: &str| Candidate { room: Some(0), ..runner(taken, 1, webhook) };
        let check = |runners: &[Candidate], code: Option<&str>, text: &str| {
            let hold = runners_hold(runners, heard_since(now));
            assert_eq!(hold.as_ref().map(|(code, _)| *code), code, "{hold:?}");
            assert!(hold.is_none_or(|(_, message)| message.contains(text)), "{text}");
        };
        check(&[], None, "");
        check(&[runner(0, 1, "")], None, "");
        check(&[runner(1, 1, "")], Some("runner_limit"), "the remote runner");
        check(&[runner(1, 1, ""), runner(1, 2, "")], Some("runner_limit"), "each of the 2");
        check(&[runner(1, 1, ""), runner(0, 90, "")], Some("runner_limit"), "the remote runner");
        check(&[runner(0, 90, "")], Some("runner_silent"), "heard of lately");
        check(&[runner(0, 90, ""), runner(0, 90, "")], Some("runner_silent"), "none of the 2");
        check(&[runner(0, 90, "https://wake.me")], None, "");
        check(&[closed(0, "")], Some("runner_limit"), "takes no more");
        check(&[closed(0, ""), runner(1, 1, "")], Some("runner_limit"), "none of the 2");
        check(&[closed(0, ""), runner(0, 1, "")], None, "");
        check(&[closed(0, "https://wake.me")], None, "");
    }
}

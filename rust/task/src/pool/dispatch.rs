//! Which waiting tasks are started, and the places of those that run.
//!
//! Not for the order of the queue (`queue.rs`) or the counting of places (`places.rs`).

use std::{collections::HashMap, sync::Arc};

use semaphore_model::{Flavour, ProjectId, TaskId, TaskStatus};
use tokio::sync::mpsc;

use super::{Running, Shared, State};
use crate::{places::Claim, ports::QueuedTask, runner::Runner};

/// Starts every queued task that no limit holds back, one of each project in turn.
pub(super) async fn dispatch(shared: &Arc<Shared>) {
    let mut limits = HashMap::new();
    loop {
        let next = shared.lock().next_project(shared);
        let Some(project) = next else { return };
        let known = limits.get(&project).copied();
        let limit = if let Some(known) = known { known } else { project_limit(shared, project).await };
        limits.insert(project, limit);
        shared.lock().start_one(shared, project, limit);
    }
}

async fn project_limit(shared: &Shared, project: ProjectId) -> u32 {
    match shared.repository.project_limit(project).await {
        Ok(limit) => limit,
        // Without an answer the project's own limit is not applied now; the global one still is.
        Err(error) => {
            tracing::warn!(project.id = %project, error = &error as &dyn std::error::Error, "cannot read the limit of a project");
            0
        }
    }
}

impl State {
    /// The project to be looked at, if there is a place for one of its tasks. None as soon as the pool closes: what waits stays
    /// as it is.
    fn next_project(&self, shared: &Shared) -> Option<ProjectId> {
        if shared.closing.is_cancelled() || self.places.is_full(shared.limits.max_parallel_tasks) {
            return None;
        }
        self.queue.next_project()
    }

    /// Starts one task of the project, or puts the project aside.
    fn start_one(&mut self, shared: &Arc<Shared>, project: ProjectId, of_project: u32) {
        let max_parallel = shared.limits.max_parallel_tasks;
        if shared.closing.is_cancelled() || self.places.is_full(max_parallel) {
            return;
        }
        if !self.places.has_room(project, of_project) {
            self.queue.park(project);
            return;
        }
        let places = &self.places;
        let admits = |task: &QueuedTask| places.admits(&claim(task), max_parallel, of_project);
        let Some((arrival, mut task)) = self.queue.take(project, admits) else { return };
        debug_assert!(task.state.status.may_become(TaskStatus::Starting, Flavour::Strict));
        task.state.status = TaskStatus::Starting;
        let (commands, inbox) = mpsc::unbounded_channel();
        let id = task.state.id;
        let runner = Runner::new(Arc::clone(shared), task.clone(), inbox);
        self.places.take(&claim(&task));
        self.running.insert(id, Running { task, arrival, stages: Vec::new(), commands });
        let shared = Arc::clone(shared);
        let tracker = shared.tracker.clone();
        tracker.spawn(async move {
            let _place = Place { shared, id };
            runner.run().await;
        });
    }
}

/// The place of a task among the running ones; given back however its runner ends, by a panic too.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    pub(super) id: TaskId,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.forget(self.id);
    }
}

pub(super) fn claim(task: &QueuedTask) -> Claim {
    Claim {
        project: task.state.project_id,
        template: task.state.template_id,
        allow_parallel: task.allow_parallel,
        inventory: task.inventory,
    }
}

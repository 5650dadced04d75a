//! Tasks that wait: in which order they are looked at.
//!
//! Projects take turns, so that one with many tasks does not keep another one's from running. Within a project the oldest task
//! comes first that its template lets run. What a limit holds back is put aside and not looked at again before something about
//! it has changed: no step here takes longer because many tasks wait. Not for the limits themselves (`places.rs`).

use std::collections::{BTreeMap, HashMap, VecDeque};

use semaphore_model::{ProjectId, TaskId, TemplateId};

use crate::ports::QueuedTask;

/// When a task came: it keeps its place when it is put back.
pub(crate) type Arrival = u64;

/// The tasks of a template that the limits treat alike.
type Lane = (TemplateId, bool);

#[derive(Default)]
pub(crate) struct Queue {
    arrivals: Arrival,
    places: HashMap<TaskId, (ProjectId, Lane, Arrival)>,
    projects: HashMap<ProjectId, Waiting>,
    /// Projects to be looked at; each is in it once at most.
    turns: VecDeque<ProjectId>,
}

#[derive(Default)]
struct Waiting {
    /// Never empty.
    lanes: HashMap<Lane, BTreeMap<Arrival, QueuedTask>>,
    /// The first task of each lane that is to be looked at.
    open: BTreeMap<Arrival, Lane>,
    in_turn: bool,
}

impl Waiting {
    fn open(&mut self, lane: Lane) {
        if let Some(first) = self.lanes.get(&lane).and_then(|tasks| tasks.keys().next()) {
            self.open.insert(*first, lane);
        }
    }

    fn close(&mut self, lane: Lane) {
        self.open.retain(|_, open| *open != lane);
    }

    fn remove(&mut self, lane: Lane, arrival: Arrival) -> Option<QueuedTask> {
        let tasks = self.lanes.get_mut(&lane)?;
        let task = tasks.remove(&arrival);
        if tasks.is_empty() {
            self.lanes.remove(&lane);
        }
        if self.open.remove(&arrival).is_some() {
            self.open(lane);
        }
        task
    }
}

impl Queue {
    /// Adds a task behind the others; one that is there already stays where it is.
    pub(crate) fn push(&mut self, task: QueuedTask) {
        let arrival = self.arrive();
        self.insert(arrival, task);
    }

    /// The place behind all others.
    pub(crate) fn arrive(&mut self) -> Arrival {
        self.arrivals += 1;
        self.arrivals
    }

    /// Adds a task at the place that it had.
    pub(crate) fn insert(&mut self, arrival: Arrival, task: QueuedTask) {
        let (project, id) = (task.state.project_id, task.state.id);
        let lane = (task.state.template_id, task.allow_parallel);
        if self.places.contains_key(&id) {
            return;
        }
        self.places.insert(id, (project, lane, arrival));
        let waiting = self.projects.entry(project).or_default();
        let is_new = !waiting.lanes.contains_key(&lane);
        let tasks = waiting.lanes.entry(lane).or_default();
        let before = tasks.keys().next().copied();
        tasks.insert(arrival, task);
        // A lane that is put aside stays so: what holds its first task back holds this one back.
        let takes_its_place = before.is_some_and(|before| arrival < before && waiting.open.remove(&before).is_some());
        if is_new || takes_its_place {
            waiting.open.insert(arrival, lane);
        }
        if is_new {
            self.wake(project);
        }
    }

    /// Takes a task out, wherever it is.
    pub(crate) fn remove(&mut self, id: TaskId) -> Option<QueuedTask> {
        let (project, lane, arrival) = self.places.remove(&id)?;
        let waiting = self.projects.get_mut(&project)?;
        let task = waiting.remove(lane, arrival);
        if waiting.lanes.is_empty() {
            self.projects.remove(&project);
            self.turns.retain(|turn| *turn != project);
        }
        task
    }

    /// The project whose turn it is.
    pub(crate) fn next_project(&self) -> Option<ProjectId> {
        self.turns.front().copied()
    }

    /// Takes the oldest task of the project that is admitted; it is the next project's turn then. Lanes whose first task is not
    /// admitted are put aside, and so is a project without a task that is.
    pub(crate) fn take(
        &mut self,
        project: ProjectId,
        admits: impl Fn(&QueuedTask) -> bool,
    ) -> Option<(Arrival, QueuedTask)> {
        self.park(project);
        let waiting = self.projects.get_mut(&project)?;
        while let Some((&arrival, &lane)) = waiting.open.first_key_value() {
            let is_admitted = waiting.lanes.get(&lane).and_then(|tasks| tasks.get(&arrival)).is_some_and(&admits);
            if !is_admitted {
                waiting.open.remove(&arrival);
                continue;
            }
            let task = waiting.remove(lane, arrival)?;
            self.places.remove(&task.state.id);
            if waiting.lanes.is_empty() {
                self.projects.remove(&project);
            } else {
                self.wake(project);
            }
            return Some((arrival, task));
        }
        None
    }

    /// The project is not looked at again before something changes.
    pub(crate) fn park(&mut self, project: ProjectId) {
        if let Some(waiting) = self.projects.get_mut(&project)
            && std::mem::take(&mut waiting.in_turn)
        {
            // Nearly always the first one.
            if self.turns.front() == Some(&project) {
                self.turns.pop_front();
            } else {
                self.turns.retain(|turn| *turn != project);
            }
        }
    }

    /// A template's tasks that may run beside others, or those that may not, are not looked at before something changes.
    pub(crate) fn close(&mut self, project: ProjectId, template: TemplateId, allow_parallel: bool) {
        if let Some(waiting) = self.projects.get_mut(&project) {
            waiting.close((template, allow_parallel));
        }
    }

    /// A task of the template has ended: its project, and those of its tasks that waited for this, are looked at.
    pub(crate) fn open(&mut self, project: ProjectId, template: TemplateId) {
        if let Some(waiting) = self.projects.get_mut(&project) {
            for allow_parallel in [false, true] {
                waiting.open((template, allow_parallel));
            }
            self.wake(project);
        }
    }

    /// Everything is looked at once more.
    pub(crate) fn open_all(&mut self) {
        let projects: Vec<_> = self.projects.keys().copied().collect();
        for project in projects {
            if let Some(waiting) = self.projects.get_mut(&project) {
                let lanes: Vec<_> = waiting.lanes.keys().copied().collect();
                for lane in lanes {
                    waiting.open(lane);
                }
            }
            self.wake(project);
        }
    }

    /// Gives a project its turn, behind the others.
    fn wake(&mut self, project: ProjectId) {
        if let Some(waiting) = self.projects.get_mut(&project)
            && !waiting.open.is_empty()
            && !std::mem::replace(&mut waiting.in_turn, true)
        {
            self.turns.push_back(project);
        }
    }

    pub(crate) fn contains(&self, id: TaskId) -> bool {
        self.places.contains_key(&id)
    }

    /// All tasks, oldest first.
    pub(crate) fn in_order(&self) -> Vec<&QueuedTask> {
        let lanes = self.projects.values().flat_map(|waiting| waiting.lanes.values());
        let mut tasks: Vec<_> = lanes.flatten().collect();
        tasks.sort_unstable_by_key(|(arrival, _)| **arrival);
        tasks.into_iter().map(|(_, task)| task).collect()
    }

    /// The tasks of a project, or of one of its templates, oldest first.
    pub(crate) fn of(&self, project: ProjectId, template: Option<TemplateId>) -> Vec<TaskId> {
        let Some(waiting) = self.projects.get(&project) else { return Vec::new() };
        let lanes = waiting.lanes.iter().filter(|((of, _), _)| template.is_none_or(|template| *of == template));
        let mut tasks: Vec<_> = lanes.flat_map(|(_, tasks)| tasks).collect();
        tasks.sort_unstable_by_key(|(arrival, _)| **arrival);
        tasks.into_iter().map(|(_, task)| task.state.id).collect()
    }
}

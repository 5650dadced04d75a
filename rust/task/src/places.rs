//! Who may run now: the limits of a pool, of its projects, and of templates that do not run in parallel.
//!
//! Only counting: no queue, no clock, no IO. The pool of this crate and that of the C interface share it, so that both keep the
//! same rules.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
};

use semaphore_model::{InventoryId, ProjectId, TemplateId};

/// What the limits look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The task's project.
    pub project: ProjectId,
    /// Its template.
    pub template: TemplateId,
    /// Whether another task of the same template may run at the same time.
    pub allow_parallel: bool,
    /// The inventory that it uses.
    pub inventory: Option<InventoryId>,
}

/// The places that are taken.
#[derive(Debug, Default)]
pub struct Places {
    taken: u32,
    projects: HashMap<ProjectId, u32>,
    templates: HashMap<(ProjectId, TemplateId), u32>,
    inventories: HashMap<InventoryId, u32>,
    /// Inventories that one task at a time uses, as far as it is known here.
    exclusive: HashSet<InventoryId>,
}

impl Places {
    /// Whether nobody is admitted, whatever is asked for; `max_parallel` 0 = no limit.
    pub fn is_full(&self, max_parallel: u32) -> bool {
        max_parallel > 0 && self.taken >= max_parallel
    }

    /// Whether a project may have one task more; a limit of 0 is none.
    pub fn has_room(&self, project: ProjectId, of_project: u32) -> bool {
        of_project == 0 || self.projects.get(&project).copied().unwrap_or(0) < of_project
    }

    /// Whether a task may run beside those that have places. Limits of 0 are none.
    pub fn admits(&self, claim: &Claim, max_parallel: u32, of_project: u32) -> bool {
        let running = |template| self.templates.get(&(claim.project, template)).copied().unwrap_or(0);
        !self.is_full(max_parallel)
            && self.has_room(claim.project, of_project)
            && (claim.allow_parallel || running(claim.template) == 0)
            && !claim.inventory.is_some_and(|id| self.exclusive.contains(&id) && self.inventories.contains_key(&id))
    }

    /// One task at a time uses the inventory.
    pub fn set_exclusive(&mut self, inventory: InventoryId) {
        self.exclusive.insert(inventory);
    }

    /// Whether one task at a time uses the inventory, as far as it is known here.
    pub fn is_exclusive(&self, inventory: InventoryId) -> bool {
        self.exclusive.contains(&inventory)
    }

    /// One task at a time uses each of these inventories, and no other.
    pub fn replace_exclusive(&mut self, inventories: HashSet<InventoryId>) {
        self.exclusive = inventories;
    }

    /// Gives a task a place. Every place is given back once.
    pub fn take(&mut self, claim: &Claim) {
        self.taken += 1;
        *self.projects.entry(claim.project).or_default() += 1;
        *self.templates.entry((claim.project, claim.template)).or_default() += 1;
        if let Some(inventory) = claim.inventory {
            *self.inventories.entry(inventory).or_default() += 1;
        }
    }

    /// Takes a task's place back.
    pub fn give_back(&mut self, claim: &Claim) {
        self.taken = self.taken.saturating_sub(1);
        count_down(&mut self.projects, &claim.project);
        count_down(&mut self.templates, &(claim.project, claim.template));
        if let Some(inventory) = claim.inventory {
            count_down(&mut self.inventories, &inventory);
        }
    }
}

/// One less; what came down to nothing is forgotten.
fn count_down<K: Eq + Hash>(counts: &mut HashMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(project: i32, template: i32, allow_parallel: bool) -> Claim {
        Claim { project: ProjectId(project), template: TemplateId(template), allow_parallel, inventory: None }
    }

    #[test]
    fn limits_of_pool_project_and_template_hold() {
        let mut places = Places::default();
        places.take(&claim(1, 1, false));
        assert!(!places.admits(&claim(1, 1, false), 0, 0), "the template runs");
        assert!(places.admits(&claim(1, 1, true), 0, 0), "it may run twice");
        assert!(places.admits(&claim(2, 1, false), 0, 0), "numbers of templates belong to their project");
        assert!(!places.admits(&claim(1, 2, false), 0, 1), "the project is full");
        assert!(places.admits(&claim(2, 2, false), 2, 1));
        assert!(!places.admits(&claim(2, 2, false), 1, 1), "the pool is full");
    }

    #[test]
    fn an_inventory_that_is_for_one_task_is_not_used_by_two() {
        let with = |template, inventory| Claim { inventory: Some(InventoryId(inventory)), ..claim(1, template, true) };
        let mut places = Places::default();
        places.take(&with(1, 5));
        assert!(places.admits(&with(2, 5), 0, 0), "several may use it");
        places.set_exclusive(InventoryId(5));
        assert!(
            !places.admits(&with(2, 5), 0, 0)
                && places.admits(&with(2, 6), 0, 0)
                && places.admits(&claim(1, 2, true), 0, 0)
        );
        places.give_back(&with(1, 5));
        assert!(places.admits(&with(2, 5), 0, 0), "nobody uses it");
        places.take(&with(2, 5));
        places.replace_exclusive(HashSet::new());
        assert!(places.admits(&with(3, 5), 0, 0));
    }

    #[test]
    fn a_place_that_was_given_back_is_free_and_nothing_is_kept() {
        let mut places = Places::default();
        let claims = [claim(1, 1, true), claim(1, 1, true), claim(1, 2, false)];
        for claim in &claims {
            places.take(claim);
        }
        places.give_back(&claims[0]);
        assert!(!places.admits(&claim(1, 1, false), 0, 0), "one of two still runs");
        places.give_back(&claims[1]);
        assert!(places.admits(&claim(1, 1, false), 0, 0));
        places.give_back(&claims[2]);
        assert!(places.projects.is_empty() && places.templates.is_empty() && places.taken == 0);
    }
}

//! What an import will do with each object, settled before anything is written: its new id, and whether it can stay at all.
//!
//! Ids of Bolt are peculiar to a project, a user or a task; SQL has one numbering per table. An object keeps its id if no other
//! has it before, in the order of the projects; the others are numbered behind all. The same file gives the same plan, so
//! that an interrupted import goes on with it.

use super::document::{Document, Found, Rows, reference};
use super::history::History;
use super::layout::{self, Layout, Name, Numbering, Scope};
use super::{BoltError, BoltFile, Cursor};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What becomes of an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) new: i64,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is carried over.
    Kept,
    /// It cannot stay: what it needs is gone.
    LeftOut,
    /// It was deleted, and an event still tells of it.
    Gone,
}

/// The objects of a table that belong together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) scope: i64,
    pub(super) rows: Option<Rows>,
    /// Objects that are not in the file: those that migrations make, and those that stand in for what is gone.
    pub(super) extras: Vec<(i64, Document)>,
}

/// The plan of an import.
pub(super) struct Plan {
    pub(super) history: History,
    groups: BTreeMap<&'static str, Vec<Group>>,
    slots: HashMap<&'static str, HashMap<(i64, i64), Slot>>,
    /// The highest id of each table.
    last: BTreeMap<&'static str, i64>,
    /// Rows whose project, user or task is gone, by table.
    pub(super) orphans: BTreeMap<&'static str, u64>,
    /// Values of users that must be unique and are not: user, column, new value.
    pub(super) renamed: BTreeMap<(i64, &'static str), String>,
    pub(super) notes: Vec<String>,
}

impl Plan {
    /// Reads the keys of a file and the documents that decide about others.
    pub(super) fn new(file: &BoltFile) -> Result<Self, BoltError> {
        let Some(history) = History::read(file)? else {
            return Err(BoltError::NotBolt {
                path: file.path().to_owned(),
                reason: "it is a Bolt file, but not one of Semaphore: it has no migrations",
            });
        };
        let mut plan = Self {
            history,
            groups: BTreeMap::new(),
            slots: HashMap::new(),
            last: BTreeMap::new(),
            orphans: BTreeMap::new(),
            renamed: BTreeMap::new(),
            notes: Vec::new(),
        };
        plan.find_groups(file)?;
        plan.add_migrated(file)?;
        plan.add_stand_ins(file)?;
        plan.number(file)?;
        plan.reserve_for_events(file)?;
        plan.rename_users(file)?;
        Ok(plan)
    }

    pub(super) fn groups(&self, table: &str) -> &[Group] {
        self.groups.get(table).map_or(&[], Vec::as_slice)
    }

    pub(super) fn slot(&self, table: &str, scope: i64, old: i64) -> Option<Slot> {
        self.slots.get(table)?.get(&(scope, old)).copied()
    }

    pub(super) fn leave_out(&mut self, table: &str, scope: i64, old: i64) {
        if let Some(slot) = self.slots.get_mut(table).and_then(|slots| slots.get_mut(&(scope, old))) {
            slot.state = State::LeftOut;
        }
    }

    /// The highest id of each table, also of objects that are gone.
    pub(super) fn last_ids(&self) -> BTreeMap<String, i64> {
        self.last.iter().map(|(table, last)| ((*table).to_owned(), *last)).collect()
    }

    /// All ids that change: table, scope, old, new; sorted.
    pub(super) fn changed(&self) -> Vec<(&'static str, i64, i64, i64)> {
        let mut changed: Vec<_> = self
            .slots
            .iter()
            .flat_map(|(table, slots)| slots.iter().map(|((scope, old), slot)| (*table, *scope, *old, *slot)))
            .filter(|(_, _, old, slot)| slot.state != State::LeftOut && slot.new != *old)
            .map(|(table, scope, old, slot)| (table, scope, old, slot.new))
            .collect();
        changed.sort_unstable();
        changed
    }

    fn find_groups(&mut self, file: &BoltFile) -> Result<(), BoltError> {
        let mut cursor = Cursor::new(file, &file.root())?;
        while let Some(entry) = cursor.next()? {
            let bucket_name = String::from_utf8_lossy(&entry.key).into_owned();
            if !entry.is_bucket {
                self.notes
                    .push(format!("the file has a key {bucket_name:?} outside of all buckets; it was passed over"));
                continue;
            }
            let bucket = super::Bucket::from_value(&entry.value)?;
            match layout::name(&bucket_name) {
                Name::Rows(table, scope) => {
                    let rows = Rows { scope, name: bucket_name, bucket };
                    self.groups.entry(table).or_default().push(Group { scope, rows: Some(rows), extras: Vec::new() });
                }
                Name::Versions | Name::Index => {}
                Name::Unknown => {
                    let count = Rows { scope: 0, name: bucket_name.clone(), bucket }.numbers(file)?.len();
                    self.notes.push(format!(
                        "the bucket {bucket_name} ({count} numbered keys) is not known; it was passed over"
                    ));
                }
            }
        }
        let mut owners: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for table in ["project", "user", "task"] {
            owners.insert(table, self.numbers(file, table, 0)?.into_iter().collect());
        }
        for (table, groups) in &mut self.groups {
            let owner = match Layout::of(table).map(|layout| layout.scope) {
                Some(Scope::Project) => "project",
                Some(Scope::User) => "user",
                Some(Scope::Task) => "task",
                _ => continue,
            };
            // The newest task has the smallest number.
            groups.sort_by_key(|group| if owner == "task" { -group.scope } else { group.scope });
            let (kept, gone): (Vec<_>, Vec<_>) =
                std::mem::take(groups).into_iter().partition(|group| owners[owner].contains(&group.scope));
            *groups = kept;
            for rows in gone.into_iter().filter_map(|group| group.rows) {
                let count = count(file, &rows)?;
                if count > 0 {
                    *self.orphans.entry(table).or_default() += count;
                }
            }
        }
        Ok(())
    }

    /// Numbers of the objects of a table in one scope.
    fn numbers(&self, file: &BoltFile, table: &str, scope: i64) -> Result<Vec<i64>, BoltError> {
        let Some(group) = self.groups(table).iter().find(|group| group.scope == scope) else { return Ok(Vec::new()) };
        let mut numbers = group.rows.as_ref().map_or(Ok(Vec::new()), |rows| rows.numbers(file))?;
        numbers.extend(group.extras.iter().map(|(number, _)| *number));
        Ok(numbers)
    }

    /// The documents of a table in one scope.
    fn documents(&self, file: &BoltFile, table: &str, scope: i64) -> Result<Vec<Found>, BoltError> {
        let Some(layout) = Layout::of(table) else { return Ok(Vec::new()) };
        let rows = self.groups(table).iter().find(|group| group.scope == scope).and_then(|group| group.rows.as_ref());
        let mut documents = Vec::new();
        if let Some(rows) = rows {
            rows.read(file, layout, b"", |mut found| {
                self.history.upgrade(table, &mut found.document);
                documents.push(found);
                Ok::<_, BoltError>(false)
            })?;
        }
        Ok(documents)
    }

    fn add(&mut self, table: &'static str, scope: i64, number: i64, document: Document) {
        let groups = self.groups.entry(table).or_default();
        let at = groups.iter().position(|group| group.scope >= scope).unwrap_or(groups.len());
        if groups.get(at).is_none_or(|group| group.scope != scope) {
            groups.insert(at, Group { scope, rows: None, extras: Vec::new() });
        }
        groups[at].extras.push((number, document));
    }

    /// Objects that the Go server's own migrations would have made.
    fn add_migrated(&mut self, file: &BoltFile) -> Result<(), BoltError> {
        for project in self.numbers(file, "project", 0)? {
            let views = self.groups("project__view").iter().find(|group| group.scope == project);
            let view = self.history.view_of_all(project, views.and_then(|group| group.rows.as_ref()));
            if let Some((number, view)) = view {
                self.add("project__view", project, number, view);
            }
            if self.history.lacks("2.10.24") {
                let mut number = 0;
                for found in self.documents(file, "project__template", project)? {
                    if let Some(vault) = self.history.vault_of(number + 1, found.number, &found.document) {
                        number += 1;
                        self.add("project__template_vault", project, number, vault);
                    }
                }
            }
        }
        Ok(())
    }

    /// SQL wants a key for each repository and a repository for each template; Bolt lets them be deleted.
    fn add_stand_ins(&mut self, file: &BoltFile) -> Result<(), BoltError> {
        for project in self.numbers(file, "project", 0)? {
            let mut keys: BTreeSet<i64> = self.numbers(file, "access_key", project)?.into_iter().collect();
            let mut missing = BTreeSet::new();
            for found in self.documents(file, "project__repository", project)? {
                missing.extend(
                    Some(reference(&found.document, "ssh_key_id").unwrap_or_default()).filter(|id| !keys.contains(id)),
                );
            }
            let repositories: BTreeSet<i64> = self.numbers(file, "project__repository", project)?.into_iter().collect();
            let mut lost = BTreeSet::new();
            for found in self.documents(file, "project__template", project)? {
                let id = reference(&found.document, "repository_id").unwrap_or_default();
                lost.extend(Some(id).filter(|id| !repositories.contains(id)));
            }
            if !lost.is_empty() {
                missing.extend(Some(0));
            }
            for id in missing.into_iter().filter(|id| keys.insert(*id)) {
                let key =
                    json!({"name": format!("Missing key {id}"), "type": "none", "project_id": project, "owner": ""});
                self.add("access_key", project, id, object(key));
                self.notes.push(format!(
                    "project {project}: key {id} is gone but used by a repository; an empty key stands in for it"
                ));
            }
            for id in lost {
                let repository = json!({"name": format!("Missing repository {id}"), "project_id": project, "git_url": "",
                    "git_branch": "", "ssh_key_id": 0});
                self.add("project__repository", project, id, object(repository));
                self.notes.push(format!(
                    "project {project}: repository {id} is gone but used by a template; an empty repository stands in for it"
                ));
            }
        }
        Ok(())
    }

    /// Gives all objects their ids.
    fn number(&mut self, file: &BoltFile) -> Result<(), BoltError> {
        for (table, groups) in &self.groups {
            let Some(layout) = Layout::of(table) else { continue };
            if !matches!(layout.numbering, Numbering::Upwards | Numbering::Downwards) {
                continue;
            }
            let mut all = Vec::new();
            for group in groups {
                let numbers = group.rows.as_ref().map_or(Ok(Vec::new()), |rows| rows.numbers(file))?;
                let extras = group.extras.iter().map(|(number, _)| *number);
                all.extend(numbers.into_iter().chain(extras).map(|number| (group.scope, number)));
            }
            let mut last = all.iter().map(|(_, number)| layout.natural_id(*number)).max().unwrap_or_default().max(0);
            let mut taken = HashSet::new();
            let slots = self.slots.entry(table).or_default();
            for (scope, number) in all {
                let natural = layout.natural_id(number);
                let new = if natural > 0 && taken.insert(natural) {
                    natural
                } else {
                    last += 1;
                    last
                };
                slots.entry((scope, number)).or_insert(Slot { new, state: State::Kept });
            }
            self.last.insert(table, last);
        }
        Ok(())
    }

    /// Events tell of objects that are gone: their numbers must not become those of others.
    fn reserve_for_events(&mut self, file: &BoltFile) -> Result<(), BoltError> {
        let (Some(layout), Some(rows)) =
            (Layout::of("event"), self.groups("event").first().and_then(|group| group.rows.clone()))
        else {
            return Ok(());
        };
        rows.read(file, layout, b"", |found| {
            if let Some((table, scope, old)) = object_of_event(&found.document)
                && let Some(layout) = Layout::of(table)
            {
                let slots = self.slots.entry(table).or_default();
                let last = self.last.entry(table).or_default();
                let natural = layout.natural_id(old);
                slots.entry((scope, old)).or_insert_with(|| {
                    // What was deleted last may have had the highest number of all.
                    let new = if natural > *last { natural } else { *last + 1 };
                    *last = new;
                    Slot { new, state: State::Gone }
                });
            }
            Ok::<_, BoltError>(false)
        })?;
        Ok(())
    }

    /// SQL wants each name and address of a user once; Bolt does not look when a user is changed.
    fn rename_users(&mut self, file: &BoltFile) -> Result<(), BoltError> {
        for column in ["username", "email"] {
            let mut taken = HashSet::new();
            for found in self.documents(file, "user", 0)? {
                let value = found.document.get(column).and_then(Value::as_str).unwrap_or_default();
                if taken.insert(value.to_lowercase()) {
                    continue;
                }
                let new = format!("{value}-{}", found.number);
                taken.insert(new.to_lowercase());
                self.notes
                    .push(format!("user {}: another user has the same {column}; it becomes {new:?}", found.number));
                self.renamed.insert((found.number, column), new);
            }
        }
        Ok(())
    }
}

/// What an event tells of: table, scope, number.
pub(super) fn object_of_event(document: &Document) -> Option<(&'static str, i64, i64)> {
    let table = layout::table_of_event(document.get("object_type")?.as_str()?)?;
    let number = reference(document, "object_id")?;
    let scope = match Layout::of(table)?.scope {
        Scope::Project => reference(document, "project_id")?,
        _ => 0,
    };
    Some((table, scope, number))
}

fn object(value: Value) -> Document {
    match value {
        Value::Object(document) => document,
        _ => Document::new(),
    }
}

fn count(file: &BoltFile, rows: &Rows) -> Result<u64, BoltError> {
    let mut cursor = Cursor::new(file, &rows.bucket)?;
    let mut count = 0;
    while cursor.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

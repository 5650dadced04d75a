//! Which bucket holds the rows of which table, and how they are numbered there. Reference: the object properties of `db/Store.go`
//! and the bucket names of `db/bolt`.
//!
//! A bucket is named after its table; one that belongs to a project, user or task has that object's id behind it, with ten
//! digits. The documents have the names of the columns.

/// The highest id of the Go server on Bolt: tasks, events and runners for everybody are numbered downwards from it.
pub(super) const MAX_ID: i64 = 2_147_483_647;

/// How the objects of a table lie in a Bolt file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) table: &'static str,
    pub(super) scope: Scope,
    pub(super) numbering: Numbering,
}

/// To what the numbers of objects are peculiar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// One bucket for all.
    Everything,
    /// A bucket for each project.
    Project,
    /// A bucket for each user.
    User,
    /// A bucket for each task.
    Task,
}

/// How objects are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbering {
    /// The key is the number.
    Upwards,
    /// The key is what is left to the highest id: the newest come first.
    Downwards,
    /// The key numbers the object in its own bucket only, and nothing refers to it: SQL numbers it anew.
    Anew,
    /// It has no number: it is known by its text, or by what it joins.
    None,
}

const fn layout(table: &'static str, scope: Scope, numbering: Numbering) -> Layout {
    Layout { table, scope, numbering }
}

/// All tables that Bolt files can hold.
const LAYOUTS: &[Layout] = &[
    layout("user", Scope::Everything, Numbering::Upwards),
    layout("project", Scope::Everything, Numbering::Upwards),
    layout("role", Scope::Everything, Numbering::None),
    layout("option", Scope::Everything, Numbering::None),
    layout("runner", Scope::Everything, Numbering::Downwards),
    layout("task", Scope::Everything, Numbering::Downwards),
    layout("event", Scope::Everything, Numbering::Downwards),
    layout("session", Scope::User, Numbering::Upwards),
    layout("user__token", Scope::User, Numbering::None),
    layout("user__totp", Scope::User, Numbering::Upwards),
    layout("user__email_otp", Scope::User, Numbering::Upwards),
    layout("access_key", Scope::Project, Numbering::Upwards),
    layout("project__environment", Scope::Project, Numbering::Upwards),
    layout("project__integration", Scope::Project, Numbering::Upwards),
    layout("project__integration_alias", Scope::Project, Numbering::Upwards),
    layout("project__integration_extract_value", Scope::Project, Numbering::Upwards),
    layout("project__integration_matcher", Scope::Project, Numbering::Upwards),
    layout("project__inventory", Scope::Project, Numbering::Upwards),
    layout("project__invite", Scope::Project, Numbering::Upwards),
    layout("project__repository", Scope::Project, Numbering::Upwards),
    layout("project__schedule", Scope::Project, Numbering::Upwards),
    layout("project__secret_storage", Scope::Project, Numbering::Upwards),
    layout("project__task_params", Scope::Project, Numbering::Upwards),
    layout("project__template", Scope::Project, Numbering::Upwards),
    layout("project__template_role", Scope::Project, Numbering::Upwards),
    layout("project__template_vault", Scope::Project, Numbering::Upwards),
    layout("project__terraform_inventory_alias", Scope::Project, Numbering::None),
    layout("project__terraform_inventory_state", Scope::Project, Numbering::Upwards),
    layout("project__user", Scope::Project, Numbering::None),
    layout("project__view", Scope::Project, Numbering::Upwards),
    layout("task__ansible_error", Scope::Task, Numbering::Anew),
    layout("task__ansible_host", Scope::Task, Numbering::Anew),
    layout("task__output", Scope::Task, Numbering::Anew),
    layout("task__stage", Scope::Task, Numbering::Upwards),
    layout("task__stage_result", Scope::Task, Numbering::Anew),
];

impl Layout {
    /// How the objects of a table lie.
    pub(super) fn of(table: &str) -> Option<&'static Self> {
        LAYOUTS.iter().find(|layout| layout.table == table)
    }

    /// The id that an object has in SQL if nobody else has it.
    pub(super) const fn natural_id(&self, key: i64) -> i64 {
        match self.numbering {
            Numbering::Downwards => MAX_ID - key,
            _ => key,
        }
    }
}

/// What a bucket is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Rows of a table, with the number of what they belong to (0 for everything).
    Rows(&'static str, i64),
    /// The history of versions.
    Versions,
    /// What can be derived from the rows: it finds tokens and aliases by their text.
    Index,
    /// Something else.
    Unknown,
}

/// What the bucket of this name is.
pub(super) fn name(bucket: &str) -> Name {
    match bucket {
        "migrations" => return Name::Versions,
        "events" => return Name::Rows("event", 0),
        "token" | "integration_alias_-000000001" | "terraform_alias_-000000001" => return Name::Index,
        _ => {}
    }
    if let Some(layout) = LAYOUTS.iter().find(|layout| layout.table == bucket && layout.scope == Scope::Everything) {
        return Name::Rows(layout.table, 0);
    }
    let number = bucket.rsplit_once('_').filter(|(_, digits)| digits.len() >= 10);
    let found = number.and_then(|(table, digits)| Some((Layout::of(table)?, digits.parse::<i64>().ok()?)));
    match found {
        Some((layout, number)) if layout.scope != Scope::Everything && number > 0 => Name::Rows(layout.table, number),
        _ => Name::Unknown,
    }
}

/// The table of what an event is about, by its `object_type`.
pub(super) fn table_of_event(object_type: &str) -> Option<&'static str> {
    Some(match object_type {
        "task" => "task",
        "environment" => "project__environment",
        "inventory" => "project__inventory",
        "key" => "access_key",
        "project" => "project",
        "repository" => "project__repository",
        "schedule" => "project__schedule",
        "template" => "project__template",
        "user" => "user",
        "view" => "project__view",
        "integration" => "project__integration",
        "integrationextractvalue" => "project__integration_extract_value",
        "integrationmatcher" => "project__integration_matcher",
        _ => return None,
    })
}

/// Columns that may be null in SQL but never are when the Go server writes them: it cannot read null there.
pub(super) const NEVER_NULL: &[(&str, &str)] = &[
    ("project", "type"),
    ("project__environment", "name"),
    ("project__repository", "name"),
    ("project__inventory", "name"),
    ("project__integration", "auth_header"),
    ("project__integration_extract_value", "body_data_type"),
    ("project__integration_extract_value", "key"),
    ("project__integration_extract_value", "variable"),
    ("project__integration_extract_value", "variable_type"),
    ("project__integration_matcher", "match_type"),
    ("project__integration_matcher", "method"),
    ("project__integration_matcher", "body_data_type"),
    ("project__integration_matcher", "key"),
    ("project__integration_matcher", "value"),
    ("project__template", "autorun"),
    ("task", "environment"),
    ("task__stage", "type"),
];

/// References that SQLite alone checks.
pub(super) const LOOSE_REFERENCES: &[(&str, &str, &str)] =
    &[("task", "user_id", "user"), ("session", "user_id", "user")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_known_by_their_names() {
        let table = [
            ("user", Name::Rows("user", 0)),
            ("user__token_0000000003", Name::Rows("user__token", 3)),
            ("task__output_2147483646", Name::Rows("task__output", 2_147_483_646)),
            ("project__integration_alias_0000000001", Name::Rows("project__integration_alias", 1)),
            ("integration_alias_-000000001", Name::Index),
            ("events", Name::Rows("event", 0)),
            ("project__template", Name::Unknown),
            ("project__view_12", Name::Unknown),
            ("task_0000000001", Name::Unknown),
        ];
        for (bucket, expected) in table {
            assert_eq!(name(bucket), expected, "{bucket}");
        }
    }
}

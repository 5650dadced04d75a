//! A document as a row of its table: values of the right types, references with their new numbers.

use super::document::{Document, integer, project};
use super::layout::{LOOSE_REFERENCES, Layout, MAX_ID, NEVER_NULL, Numbering, Scope};
use super::links;
use super::plan::{Plan, State, object_of_event};
use crate::db::Param;
use crate::sql::Dialect;
use crate::transfer::Record;
use crate::transfer::table::{Column, Kind, Table};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// What a document becomes.
pub(super) enum Shaped {
    /// A row, and what was changed in it.
    Row(Record, Vec<String>),
    /// Nothing, for a reason.
    LeftOut(String),
    /// Nothing: the target does not take it.
    TooLong(String),
}

/// What shapes documents.
pub(super) struct Shaper<'a> {
    pub(super) plan: &'a Plan,
    pub(super) dialect: Dialect,
    pub(super) web_host: &'a str,
}

/// A document on its way.
pub(super) struct Object<'a> {
    pub(super) layout: &'a Layout,
    pub(super) scope: i64,
    /// Its number in the file.
    pub(super) number: i64,
    /// Its id in SQL, if it is numbered anew.
    pub(super) new_number: i64,
    pub(super) document: &'a Document,
}

impl Shaper<'_> {
    /// The row of a document; the error is the name of a column that holds something else than it should.
    pub(super) fn shape(&self, table: &Table, object: &Object<'_>) -> Result<Shaped, String> {
        let numbered = matches!(object.layout.numbering, Numbering::Upwards | Numbering::Downwards);
        let slot = self.plan.slot(&table.name, object.scope, object.number);
        if numbered && slot.is_none_or(|slot| slot.state != State::Kept) {
            return Ok(Shaped::LeftOut("what it needs is gone, or it is there twice".to_owned()));
        }
        let (mut record, mut notes) = (Record::with_capacity(table.columns.len()), Vec::new());
        for (index, column) in table.columns.iter().enumerate() {
            if column.name == "id" && object.layout.numbering != Numbering::None {
                record.push(slot.filter(|_| numbered).map_or(object.new_number, |slot| slot.new).into());
                continue;
            }
            if column.name == "project_id" && object.layout.scope == Scope::Project {
                record.push(object.scope.into());
                continue;
            }
            let loose = LOOSE_REFERENCES.iter().find(|(of, name, _)| *of == table.name && *name == column.name);
            let target = table.reference(index).map(|to| to.table.as_str()).or(loose.map(|(_, _, target)| *target));
            let target = target.and_then(Layout::of).filter(|_| column.kind == Kind::Int);
            let value = match target {
                Some(target) => match self.reference(target, column, object) {
                    Ok((value, note)) => {
                        notes.extend(note);
                        value
                    }
                    Err(reason) => return Ok(Shaped::LeftOut(reason)),
                },
                None => self.value(table, column, object)?,
            };
            match column.fit(value, &mut notes) {
                Ok(value) => record.push(value),
                Err(why) => {
                    let place = format!("{} {} of {}", table.name, object.number, object.scope);
                    return Ok(Shaped::TooLong(format!("{place}: {why}")));
                }
            }
        }
        Ok(Shaped::Row(record, notes))
    }

    /// A reference with its new number. The error is why the object cannot stay.
    fn reference(
        &self,
        target: &Layout,
        column: &Column,
        object: &Object<'_>,
    ) -> Result<(Param, Option<String>), String> {
        let scope = match target.scope {
            Scope::Everything => 0,
            Scope::Project => project(object.layout, object.scope, object.document).unwrap_or_default(),
            Scope::User | Scope::Task => object.scope,
        };
        let old = object.document.get(&column.name).and_then(integer).unwrap_or_default();
        // The bucket says to whom it belongs.
        let old = match (object.layout.scope, target.table) {
            (Scope::User, "user") | (Scope::Task, "task") => object.scope,
            _ => old,
        };
        if old == 0 && column.nullable {
            return Ok((Param::Int(None), None));
        }
        match self.plan.slot(target.table, scope, old) {
            Some(slot) if slot.state == State::Kept => Ok((slot.new.into(), None)),
            // What belongs to a project goes with it, as in SQL.
            _ if column.nullable && column.name != "project_id" => {
                Ok((Param::Int(None), Some(format!("{} is empty now: what it refers to is gone", column.name))))
            }
            _ => Err(format!("its {} is gone", column.name.trim_end_matches("_id"))),
        }
    }

    fn value(&self, table: &Table, column: &Column, object: &Object<'_>) -> Result<Param, String> {
        let name = column.name.as_str();
        if table.name == "event" && name == "object_id" {
            return Ok(self.object_of_event(object.document));
        }
        let never_null = !column.nullable || NEVER_NULL.contains(&(table.name.as_str(), name));
        let value = match object.document.get(name) {
            None | Some(Value::Null) => return Ok(if never_null { column.zero() } else { column.null() }),
            Some(value) => value,
        };
        Ok(match column.kind {
            Kind::Int => integer(value).ok_or(name)?.into(),
            Kind::Bool => (integer(value).ok_or(name)? != 0).into(),
            Kind::Time => {
                let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok()).ok_or(name)?;
                column.time(time.with_timezone(&Utc))
            }
            Kind::Text => {
                let text = match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                Column::text(self.text(table, name, text, object), self.dialect)
            }
            Kind::Bytes => return Err(name.to_owned()),
        })
    }

    /// The text with the new numbers of what it tells of.
    fn text(&self, table: &Table, column: &str, text: String, object: &Object<'_>) -> String {
        if table.name == "user"
            && let Some((_, new)) =
                self.plan.renamed.iter().find(|((user, name), _)| *user == object.number && *name == column)
        {
            return new.clone();
        }
        if !links::COLUMNS.contains(&(table.name.as_str(), column)) {
            return text;
        }
        let lookup = |table: &str, project: i64, old: i64| {
            let scope =
                if Layout::of(table).is_some_and(|layout| layout.scope == Scope::Project) { project } else { 0 };
            self.plan.slot(table, scope, old).map(|slot| slot.new)
        };
        let text = links::renumbered(&text, self.web_host, &lookup).unwrap_or(text);
        match object_of_event(object.document) {
            // "Task ID 2147483640 (Deploy) finished": so high a number is nothing else.
            Some((target, scope, old)) if table.name == "event" && target == "task" => {
                let new = self.plan.slot(target, scope, old).map_or(MAX_ID - old, |slot| slot.new);
                text.replace(&old.to_string(), &new.to_string())
            }
            _ => text,
        }
    }

    fn object_of_event(&self, document: &Document) -> Param {
        match object_of_event(document) {
            Some((table, scope, old)) => Param::Int(self.plan.slot(table, scope, old).map(|slot| slot.new)),
            None => Param::Int(document.get("object_id").and_then(integer)),
        }
    }
}

//! How a list is sorted and cut.

use crate::Result;
use crate::error::StoreError;
use semaphore_model::ValidationError;

/// Which part of a list is wanted. `count` 0 means all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many rows at most; 0 for all.
    pub count: u32,
    /// How many rows to leave out at the beginning; only with a count.
    pub offset: u32,
}

impl Page {
    /// The first `count` rows.
    pub const fn first(count: u32) -> Self {
        Self { count, offset: 0 }
    }

    /// ` limit .. offset ..`, or nothing.
    pub(crate) fn clause(self) -> Result<String> {
        match (self.count, self.offset) {
            (0, 0) => Ok(String::new()),
            (0, _) => Err(StoreError::Invalid(ValidationError::new("offset cannot be without limit"))),
            (count, 0) => Ok(format!(" limit {count}")),
            (count, offset) => Ok(format!(" limit {count} offset {offset}")),
        }
    }
}

/// Sorting of a list as the client asks for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// Column; none or empty for the list's own order.
    pub sort: Option<String>,
    /// From high to low.
    pub descending: bool,
    /// Which part.
    pub page: Page,
}

impl ListOptions {
    /// The SQL expression to sort by: the one of the wanted column, or `default`.
    ///
    /// `sortable` maps the names clients use to expressions. An unknown name is [`StoreError::Invalid`] with the reference's
    /// text.
    pub(crate) fn order(&self, sortable: &[(&str, &'static str)], default: &'static str) -> Result<String> {
        let wanted = self.sort.as_deref().filter(|name| !name.is_empty());
        let expression = match wanted {
            None => default,
            Some(name) => sortable
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, expression)| *expression)
                .ok_or_else(|| ValidationError::new("invalid sort column"))?,
        };
        let direction = if self.descending { "desc" } else { "asc" };
        Ok(if expression.is_empty() { String::new() } else { format!(" order by {expression} {direction}") })
    }
}

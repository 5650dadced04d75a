//! Backups: a project as one document, and a project made of one.
//!
//! Secrets, members, tasks and events are not part of it. Invariants: a document that cannot be restored whole leaves nothing
//! behind (the reference leaves half a project); objects of the document are checked by the same rules as those that come one
//! by one, so that nothing gets in this way that could not otherwise.

mod by_hand;
mod document;
mod export;
mod restore;
mod restore_automation;
mod restore_template;
mod verify;

pub use self::document::Backup;

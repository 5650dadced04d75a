//! Methods that HTTP itself does not have, by which Terraform locks a state.
//!
//! The router knows the usual methods only, so the rows of these stand in routers of their own.

/// A method that HTTP itself does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extension {
    /// Takes the lock of a Terraform state.
    Lock,
    /// Takes it away.
    Unlock,
}

impl Extension {
    /// The extension method of this name.
    pub(crate) fn of(method: &str) -> Option<Self> {
        match method {
            "LOCK" => Some(Self::Lock),
            "UNLOCK" => Some(Self::Unlock),
            _ => None,
        }
    }
}

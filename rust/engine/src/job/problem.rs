//! Reasons that people can act on: a code for programs, a sentence for people.

use serde::{Deserialize, Serialize};

/// Why a job cannot do well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs.
    pub code: ProblemCode,
    /// For people: what, why, and what to do. No secret.
    pub message: String,
}

/// What kind of reason it is. The texts are part of the API and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    /// A program that the job needs is not installed, or not in the job's PATH.
    ToolMissing,
    /// A key is of a type that cannot be used in its place.
    KeyType,
    /// A private key cannot be read, or is no private key.
    KeyUnreadable,
    /// The passphrase of a private key is missing or wrong.
    KeyPassphrase,
    /// A host's key is not among the known ones, or has changed.
    HostKey,
    /// The inventory has no host.
    InventoryEmpty,
    /// The inventory's file does not exist or may not be used.
    InventoryMissing,
    /// The playbook, script or directory does not exist.
    PlaybookMissing,
    /// The repository's address, branch or commit is not valid or cannot be reached.
    Repository,
    /// A password of a vault was refused.
    VaultPassword,
    /// A program asks for something that nobody answers.
    WaitsForInput,
    /// The user, group or root directory of `process` cannot be used.
    ProcessIdentity,
    /// Anything else in what the job was given.
    Specification,
    /// The machine: full disk, no permission, no more processes.
    Machine,
}

impl ProblemCode {
    /// The text of the code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ToolMissing => "tool_missing",
            Self::KeyType => "key_type",
            Self::KeyUnreadable => "key_unreadable",
            Self::KeyPassphrase => "key_passphrase",
            Self::HostKey => "host_key",
            Self::InventoryEmpty => "inventory_empty",
            Self::InventoryMissing => "inventory_missing",
            Self::PlaybookMissing => "playbook_missing",
            Self::Repository => "repository",
            Self::VaultPassword => "vault_password",
            Self::WaitsForInput => "waits_for_input",
            Self::ProcessIdentity => "process_identity",
            Self::Specification => "specification",
            Self::Machine => "machine",
        }
    }
}

//! Reasons that people can act on: a code for programs, a sentence for people.

use semaphore_model::error_chain;
use serde::{Deserialize, Serialize};

use super::{ProgramError, stage::StageError};
use crate::{
    app::{AppError, Password, PathError},
    git::GitError,
    process::{self, SpawnError},
};

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
    /// A host refused the login: the key or password is not the right one.
    LoginRefused,
    /// A program asks for something that nobody answers.
    WaitsForInput,
    /// The user, group or root directory of `process` cannot be used.
    ProcessIdentity,
    /// Anything else in what the job was given.
    Specification,
    /// The machine: full disk, no permission, no more processes.
    Machine,
    /// The server ended while the job ran.
    Interrupted,
    /// The job took longer than it may.
    TimeLimit,
    /// The job needs more memory than it may have.
    MemoryLimit,
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
            Self::LoginRefused => "login_refused",
            Self::WaitsForInput => "waits_for_input",
            Self::ProcessIdentity => "process_identity",
            Self::Specification => "specification",
            Self::Machine => "machine",
            Self::Interrupted => "interrupted",
            Self::TimeLimit => "time_limit",
            Self::MemoryLimit => "memory_limit",
        }
    }
}

impl Problem {
    /// A reason with its sentence, which must hold no secret.
    pub(crate) fn new(code: ProblemCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// The reason of a stage that could not do its work; `None` if the job was stopped: that is no failure.
    pub(crate) fn of_stage(error: &StageError) -> Option<Self> {
        if error.stop_reason().is_some() {
            return None;
        }
        match error {
            StageError::Git(error) => error.problem(),
            _ => None,
        }
        .or_else(|| Some(Self::new(code_of_stage(error), error_chain(error))))
    }
}

fn code_of_stage(error: &StageError) -> ProblemCode {
    match error {
        StageError::App(error) => code_of_app(error),
        StageError::Git(GitError::Program(error)) | StageError::Program(error) => code_of_program(error),
        StageError::Git(error) => error.code().unwrap_or(ProblemCode::Repository),
        StageError::GitUrl(_) | StageError::Revision(_) | StageError::LocalRepository { .. } => ProblemCode::Repository,
        StageError::Path(error) => code_of_path(error),
        StageError::File { .. } | StageError::Sandbox(_) => ProblemCode::Machine,
        StageError::Key { source, .. } => source.code(),
        StageError::Identity(error) => error.code(),
        StageError::KeyType(_) => ProblemCode::KeyType,
        StageError::MissingSecret(_) => ProblemCode::Specification,
    }
}

fn code_of_app(error: &AppError) -> ProblemCode {
    match error {
        AppError::Path(error) => code_of_path(error),
        AppError::NoInventory => ProblemCode::InventoryMissing,
        AppError::File { .. } => ProblemCode::Machine,
        AppError::Program(error) => code_of_program(error),
        AppError::WrongPassword { which: Password::Vault, .. } => ProblemCode::VaultPassword,
        AppError::WrongPassword { .. } => ProblemCode::LoginRefused,
        AppError::NoDirectory { .. } => ProblemCode::PlaybookMissing,
        _ => ProblemCode::Specification,
    }
}

fn code_of_path(error: &PathError) -> ProblemCode {
    match error {
        PathError::Empty("inventory")
        | PathError::LooksLikeOption { what: "inventory", .. }
        | PathError::Escapes { what: "inventory", .. }
        | PathError::ControlCharacter("inventory") => ProblemCode::InventoryMissing,
        _ => ProblemCode::PlaybookMissing,
    }
}

fn code_of_program(error: &ProgramError) -> ProblemCode {
    match error {
        ProgramError::Start(error) => code_of_spawn(error),
        ProgramError::Problem(process::Problem::WaitsForInput { .. }) => ProblemCode::WaitsForInput,
        ProgramError::Identity(error) => error.code(),
        ProgramError::Stopped(_) | ProgramError::Problem(_) | ProgramError::Unconfined | ProgramError::Sandbox(_) => {
            ProblemCode::Machine
        }
    }
}

/// What kind of reason keeps a program from being started.
pub(crate) fn code_of_spawn(error: &SpawnError) -> ProblemCode {
    match error {
        SpawnError::NotFound { .. }
        | SpawnError::NoPath { .. }
        | SpawnError::Missing { .. }
        | SpawnError::NotExecutable { .. }
        | SpawnError::Interpreter { .. }
        | SpawnError::Format { .. } => ProblemCode::ToolMissing,
        SpawnError::NoProgram
        | SpawnError::NulByte { .. }
        | SpawnError::VariableName { .. }
        | SpawnError::TooLong { .. } => ProblemCode::Specification,
        SpawnError::Identity { .. } => ProblemCode::ProcessIdentity,
        SpawnError::Directory { .. }
        | SpawnError::NotADirectory { .. }
        | SpawnError::Descriptor { .. }
        | SpawnError::Sandbox { .. }
        | SpawnError::System { .. } => ProblemCode::Machine,
    }
}

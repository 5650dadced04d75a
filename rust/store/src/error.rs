//! What can go wrong between us and the database, by what a caller can do about it.

use semaphore_model::ValidationError;
use sqlx::error::DatabaseError;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::sqlite::SqliteError;

/// Error of a store call.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The object is not there, or belongs to another project.
    #[error("no such object")]
    NotFound,
    /// A value that must be unique is taken.
    #[error("a value that must be unique is already taken")]
    Duplicate {
        /// The database's own words; they name the column.
        #[source]
        source: sqlx::Error,
    },
    /// A reference to an object that does not exist, or the removal of one that is still referred to.
    #[error("an object is missing that is referred to, or one is still referred to that was to go")]
    Referenced {
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// A value the database does not take, such as nothing where something is needed.
    #[error("the database refuses a value")]
    Refused {
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// The call itself makes no sense; the text is for the client.
    #[error(transparent)]
    Invalid(#[from] ValidationError),
    /// Another process kept the database locked for longer than the busy timeout; trying again may help.
    #[error("the database is locked by another process")]
    Busy {
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// The database cannot be reached, opened, or written to (missing file, rights, full disk).
    #[error("the database is not available")]
    Unavailable {
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// The file of a SQLite database was moved or removed while it was open; nothing was changed. When it comes back, so does
    /// the database.
    #[error("the file {} of the database {}", path.display(), if *replaced { "was replaced by another one" } else { "is not there any more" })]
    Displaced {
        /// Where it was.
        path: std::path::PathBuf,
        /// Whether another file is there now.
        replaced: bool,
    },
    /// The file or its directory cannot be prepared.
    #[error("cannot prepare the database file {path}")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The system's own words.
        #[source]
        source: std::io::Error,
    },
    /// A stored value is not what its column should hold.
    #[error("column {column} holds {value:?}, which is not {expected}")]
    Unreadable {
        /// The column.
        column: String,
        /// The value as stored.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
    /// The database was written by a newer or a different server; nothing was changed.
    #[error(
        "the database has schema versions this server does not know ({}); it knows versions up to {newest_known}",
        versions.join(", ")
    )]
    UnknownVersions {
        /// The versions nobody here knows, as in the `migrations` table.
        versions: Vec<String>,
        /// The newest version this server knows.
        newest_known: &'static str,
    },
    /// The database is older than this server and migrating was not wanted; nothing was changed.
    #[error("the database lacks schema versions {}; run the migrate command", missing.join(", "))]
    Outdated {
        /// The versions that are missing, in order.
        missing: Vec<&'static str>,
    },
    /// The file is a database but not one of ours.
    #[error("the database has tables but no migrations table: it does not belong to Semaphore")]
    ForeignDatabase,
    /// One step of the history failed; the step was rolled back, earlier ones stay.
    #[error("the migration to schema version {version} failed")]
    Migration {
        /// The step.
        version: &'static str,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// One step of the history failed on MySQL, which keeps what the statements before did; the next migration goes on there.
    #[error(
        "the migration to schema version {version} failed after {done} of {of} statements, which MySQL keeps; \
         when the cause is removed, the migrate command goes on there"
    )]
    MigrationHalfDone {
        /// The step.
        version: &'static str,
        /// How many statements are done.
        done: usize,
        /// How many the step has.
        of: usize,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A step that cannot be undone lies between the database and where it was to go; nothing was changed.
    #[error(
        "schema version {version} cannot be undone: the steps before 2.14.0 (SQLite: the first one) have no way back"
    )]
    NoWayBack {
        /// The newest such step.
        version: &'static str,
    },
    /// The copy of the database that is made before its first change could not be written; nothing was changed.
    #[error("the copy {path} of the database could not be written, so nothing was changed")]
    Backup {
        /// The copy.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        source: sqlx::Error,
    },
    /// A table of our own (prefix `rs_`) is not there; see `own_table.rs` for what that means.
    #[error("a table of our own is missing in the database")]
    OwnTableMissing {
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// The task belongs to another server, or has ended there; nothing was changed.
    #[error("another server has taken the task over")]
    Taken,
    /// Anything else the database says.
    #[error("the database reports an error")]
    Database {
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
}

impl StoreError {
    /// Whether the object is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound)
    }

    /// What a person has to know about a database that does not answer or take anything at the moment; `None` for other errors.
    pub fn unavailability(&self) -> Option<&'static str> {
        let source = match self {
            Self::Busy { .. } => return Some("the database is busy, try again in a moment"),
            Self::Displaced { replaced: false, .. } => {
                return Some(
                    "the file of the database was moved or removed: nothing was stored; bring it back and try again",
                );
            }
            Self::Displaced { replaced: true, .. } => {
                return Some(
                    "the file of the database was replaced by another one: nothing was stored; bring it back, or restart the server",
                );
            }
            Self::Unavailable { source } => source,
            _ => return None,
        };
        let code = source.as_database_error().and_then(DatabaseError::code).unwrap_or_default();
        let primary = code.parse::<i64>().map(|code| code & 0xff);
        let is_sqlite =
            source.as_database_error().is_some_and(|error| error.try_downcast_ref::<SqliteError>().is_some());
        Some(match (is_sqlite, primary, code.as_ref()) {
            (true, Ok(13), _) | (false, _, "53100") => {
                "the disk of the database is full: nothing was stored; make room and try again"
            }
            (true, Ok(8), _) | (false, _, "25006") => {
                "the database can only be read, not written to: nothing was stored"
            }
            (true, Ok(10 | 14), _) => "the file of the database cannot be read or written: nothing was stored",
            _ => "the database is not available, try again in a moment",
        })
    }

    /// Whether the same call may succeed a moment later.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unavailable { .. } | Self::Displaced { .. })
    }
}

/// What a database's own error code means for a caller.
enum Condition {
    Busy,
    Unavailable,
    Refused,
    OwnTableMissing,
    Other,
}

fn condition(error: &dyn DatabaseError) -> Condition {
    let code = error.code().unwrap_or_default();
    if error.try_downcast_ref::<SqliteError>().is_some() {
        // The low byte of the extended codes: BUSY, LOCKED; READONLY, IOERR, FULL, CANTOPEN.
        return match code.parse::<i64>().unwrap_or_default() & 0xff {
            5 | 6 => Condition::Busy,
            8 | 10 | 13 | 14 => Condition::Unavailable,
            // ERROR is nearly everything: only its text tells.
            1 if is_own_table_missing(error.message()) => Condition::OwnTableMissing,
            _ => Condition::Other,
        };
    }
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return match error.number() {
            // Lock wait timeout, deadlock.
            1205 | 1213 => Condition::Busy,
            // Disk full, too many connections, shutting down, read-only, gone away.
            1021 | 1040 | 1053 | 1114 | 1290 | 1836 | 2006 | 2013 => Condition::Unavailable,
            // Too long, out of range, not a valid text.
            1264 | 1366 | 1406 => Condition::Refused,
            // No such table; its name comes after that of the database, whatever the language.
            1146 if error.message().contains(".rs_") => Condition::OwnTableMissing,
            _ => Condition::Other,
        };
    }
    match code.as_ref() {
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Condition::Busy,
        // Connection exceptions, no resources, operator intervention, read-only transaction.
        code if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) || code == "25006" => {
            Condition::Unavailable
        }
        // Data exceptions: too long, out of range.
        code if code.starts_with("22") => Condition::Refused,
        // No such table; the message is in the server's language.
        "42P01" if error.message().contains("rs_") => Condition::OwnTableMissing,
        _ => Condition::Other,
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(source: sqlx::Error) -> Self {
        use sqlx::error::ErrorKind;
        match &source {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(error) => {
                let condition = condition(error.as_ref());
                match (error.kind(), condition) {
                    (ErrorKind::UniqueViolation, _) => Self::Duplicate { source },
                    (ErrorKind::ForeignKeyViolation, _) => Self::Referenced { source },
                    (ErrorKind::NotNullViolation | ErrorKind::CheckViolation, _) | (_, Condition::Refused) => {
                        Self::Refused { source }
                    }
                    (_, Condition::Busy) => Self::Busy { source },
                    (_, Condition::Unavailable) => Self::Unavailable { source },
                    (_, Condition::OwnTableMissing) => Self::OwnTableMissing { source },
                    (_, Condition::Other) => Self::Database { source },
                }
            }
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                Self::Unavailable { source }
            }
            _ => Self::Database { source },
        }
    }
}

fn is_own_table_missing(message: &str) -> bool {
    message
        .strip_prefix("no such table: ")
        .is_some_and(|table| table.strip_prefix("main.").unwrap_or(table).starts_with("rs_"))
}

//! Opening and closing a store.

use crate::cache::{Cache, FOREIGN_WRITE_DELAY, FOREIGN_WRITE_PATIENCE};
use crate::db::{Db, Durability, FromRow, Param, SqliteDb, Transaction};
use crate::error::StoreError;
use crate::event_tap::{EventListeners, EventTap};
use crate::open_file::OpenFile;
use crate::session::{Identity, IdentityKey};
use crate::{Result, migration};
use semaphore_model::{Project, UserId};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Where a SQLite database is and how it is used.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file; it is made, with rights 0600, if it is not there. Its directory must exist.
    pub path: PathBuf,
    /// How many connections read at the same time.
    pub readers: u32,
    /// How long to wait for another process that writes.
    pub busy_timeout: Duration,
    /// Whether a database of an older version is brought to the newest one.
    pub migrate: bool,
}

impl SqliteOptions {
    /// The file with the usual settings: 3 readers, 10 s, migrating.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), readers: 3, busy_timeout: Duration::from_secs(10), migrate: true }
    }
}

/// The database of an installation. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

struct Shared {
    db: Db,
    generation: Arc<AtomicU64>,
    events: Arc<EventListeners>,
    foreign_writes: ForeignWrites,
    identities: Cache<IdentityKey, Arc<Identity>>,
    projects: Cache<Option<UserId>, Arc<Vec<Project>>>,
}

/// When `pragma data_version` was asked last and what it said.
struct ForeignWrites {
    start: Instant,
    next_check_ms: AtomicU64,
    data_version: AtomicI64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a SQLite database: checks its versions before anything is written, copies and migrates it, opens the connections.
    ///
    /// Errors: [`StoreError::UnknownVersions`] and the other refusals leave the file as it was.
    pub async fn open(options: SqliteOptions) -> Result<Self> {
        let place = migration::Place::Sqlite(&options);
        if options.migrate {
            migration::run(place, migration::Target::Newest, &mut |_| {}).await?;
        } else {
            let missing = migration::plan(place, migration::Target::Newest).await?.steps;
            if !missing.is_empty() {
                return Err(StoreError::Outdated { missing });
            }
        }
        let connect = connect_options(&options);
        let writer = pool(1).connect_with(connect.clone().journal_mode(SqliteJournalMode::Wal)).await?;
        let readers = pool(options.readers.max(1)).connect_lazy_with(connect.pragma("query_only", "on"));
        let db = Db::Sqlite(SqliteDb {
            readers,
            writer,
            turn: Arc::new(Mutex::new(())),
            durability: AtomicU8::new(Durability::Full as u8),
            file: OpenFile::new(&options.path),
        });
        let store = Self::new(db);
        if options.migrate {
            store.make_own_tables().await?;
        }
        Ok(store)
    }

    /// Makes the tables of our own that are not there: after [`StoreError::OwnTableMissing`], before the same write once more.
    pub async fn make_own_tables(&self) -> Result<()> {
        migration::own::prepare(self.db(), &self.shared.generation).await
    }

    pub(crate) fn new(db: Db) -> Self {
        Self {
            shared: Arc::new(Shared {
                db,
                generation: Arc::new(AtomicU64::new(1)),
                events: Arc::default(),
                foreign_writes: ForeignWrites {
                    start: Instant::now(),
                    next_check_ms: AtomicU64::new(0),
                    data_version: AtomicI64::new(-1),
                },
                identities: Cache::new(1024),
                projects: Cache::new(256),
            }),
        }
    }

    /// Opens a transaction for a use case that writes several objects.
    pub async fn begin(&self) -> Result<Transaction> {
        let mut transaction = self.db().begin(Durability::Full, &self.shared.generation).await?;
        transaction.events = EventTap::of(&self.shared.events);
        Ok(transaction)
    }

    pub(crate) fn event_listeners(&self) -> &EventListeners {
        &self.shared.events
    }

    /// Opens a transaction for the output of tasks: its commit reaches the disk with the next ordinary one.
    pub(crate) async fn begin_output(&self) -> Result<Transaction> {
        self.db().begin(Durability::Normal, &self.shared.generation).await
    }

    /// Ends all connections and writes the WAL back into the file. Calls after it fail with [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.db().close().await;
    }

    pub(crate) fn db(&self) -> &Db {
        &self.shared.db
    }

    pub(crate) fn identities(&self) -> &Cache<IdentityKey, Arc<Identity>> {
        &self.shared.identities
    }

    pub(crate) fn projects(&self) -> &Cache<Option<UserId>, Arc<Vec<Project>>> {
        &self.shared.projects
    }

    /// The generation cached answers must have; looks for writes of other processes when that is due.
    pub(crate) async fn generation(&self) -> Result<u64> {
        let foreign = &self.shared.foreign_writes;
        let now = u64::try_from(foreign.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = foreign.next_check_ms.load(Ordering::Relaxed);
        let next = now.saturating_add(FOREIGN_WRITE_DELAY.as_millis() as u64);
        if now >= due && foreign.next_check_ms.compare_exchange(due, next, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        {
            let version = self.data_version().await?;
            if foreign.data_version.swap(version, Ordering::AcqRel) != version {
                self.shared.generation.fetch_add(1, Ordering::AcqRel);
            }
        }
        Ok(self.shared.generation.load(Ordering::Acquire))
    }

    /// Asked on SQLite's writing connection: there it changes for writes of other processes only. The servers cannot be
    /// asked, so there may always have been such a write; nor can a connection that waits for another process to let it write.
    async fn data_version(&self) -> Result<i64> {
        let changed = || Ok(self.shared.foreign_writes.data_version.load(Ordering::Acquire).wrapping_add(1));
        match self.db() {
            Db::Postgres(_) | Db::MySql(_) => changed(),
            Db::Sqlite(db) => {
                let Ok(_turn) = tokio::time::timeout(FOREIGN_WRITE_PATIENCE, db.turn.lock()).await else {
                    return changed();
                };
                let mut connection = db.writer.acquire().await?;
                let rows = crate::db::fetch_rows(&mut connection, "pragma data_version".into(), Vec::new()).await?;
                rows.first().map_or(Ok(0), |row| row.long("data_version"))
            }
        }
    }

    /// All entities of a query.
    pub(crate) async fn fetch<T: FromRow>(
        &self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<Vec<T>> {
        self.db().fetch_all(text, values).await?.iter().map(T::from_row).collect()
    }

    /// The only entity of a query; [`StoreError::NotFound`] without a row.
    pub(crate) async fn fetch_one<T: FromRow>(
        &self,
        text: impl Into<Cow<'static, str>>,
        values: Vec<Param>,
    ) -> Result<T> {
        let row = self.db().fetch_optional(text, values).await?.ok_or(StoreError::NotFound)?;
        T::from_row(&row)
    }
}

pub(crate) fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .min_connections(0)
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None)
        .acquire_timeout(Duration::from_secs(30))
}

pub(crate) fn connect_options(options: &SqliteOptions) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&options.path)
        .create_if_missing(false)
        .foreign_keys(true)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(options.busy_timeout)
        .statement_cache_capacity(64)
        // Kibibytes per connection: an idle server has to stay small.
        .pragma("cache_size", "-512")
        // Rows that are read ahead: a line of output can have a megabyte, and with few rows a list costs a change of threads
        // for each of them.
        .row_buffer_size(32)
        // Bytes the WAL keeps after a checkpoint, so that one big write does not leave a big file.
        .pragma("journal_size_limit", "16777216")
        .disable_statement_logging()
}

/// Makes the file with rights for its owner only; SQLite gives the WAL the same rights.
pub(crate) fn create_private_file(path: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|source| StoreError::File { path: path.to_owned(), source })
}

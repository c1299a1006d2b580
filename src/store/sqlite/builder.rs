use std::path::PathBuf;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::SqliteStore;
use super::dialect::Sqlite;
use crate::store::StoreError;
use crate::store::sql::{CONNECTING, Connections, Sql, TIMEOUT, Tidying, fault, set_up};

const READERS: u32 = 4;

/// Settings of a [`SqliteStore`].
#[derive(Debug, Clone)]
#[must_use]
pub struct SqliteStoreBuilder {
    path: PathBuf,
    timeout: Duration,
    readers: u32,
    migrate: bool,
}

impl SqliteStoreBuilder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            timeout: TIMEOUT,
            readers: READERS,
            migrate: true,
        }
    }

    /// How long a call may take, 200 ms by default. It is unavailable then.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many lookups may go on at a time, 4 by default and at least one. Each has a thread.
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers.max(1);
        self
    }

    /// Leaves the tables alone: whoever runs the service makes them, by `docs/sql/sqlite.sql` and then
    /// `docs/sql/sqlite.2.sql` and `docs/sql/sqlite.3.sql`.
    pub fn without_migrations(mut self) -> Self {
        self.migrate = false;
        self
    }

    /// Opens the file.
    ///
    /// # Errors
    /// If the file cannot be opened or set up, or was made by a version that this one cannot work with; or
    /// if migrations are switched off and a table is missing.
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(self.migrate)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(self.timeout)
            .disable_statement_logging();
        let pool = PoolOptions::new()
            .acquire_timeout(CONNECTING)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None);
        let writing = options.clone().journal_mode(SqliteJournalMode::Wal);
        // Setting up may wait for another process that does.
        let patient = PoolOptions::new()
            .max_connections(1)
            .connect_with(writing.clone().busy_timeout(crate::store::sql::SET_UP));
        let patient = Connections::new(patient.await.map_err(fault::<Sqlite>)?);
        set_up(&Sqlite, &patient, self.migrate).await?;
        patient.close().await;

        let reading = options.create_if_missing(false).pragma("query_only", "ON");
        let sql = Sql {
            dialect: Sqlite,
            readers: Connections::new(
                pool.clone()
                    .max_connections(self.readers)
                    .connect_lazy_with(reading.clone()),
            ),
            writers: Connections::new(
                pool.max_connections(1)
                    .connect_lazy_with(writing.create_if_missing(false)),
            ),
            timeout: self.timeout,
            tidying: Tidying::default(),
        };
        Ok(SqliteStore(sql, reading))
    }
}

mod builder;
mod dialect;
mod feed;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnectOptions;

use super::sql::{Sql, stores};
use super::{
    Found, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter, TokenKey,
    TokenRecord, TokenUse,
};
use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::replay::ReplayId;
use crate::revocation::{Beat, Feed, Revocation, Subscription, Target};

pub use builder::SqliteStoreBuilder;
use dialect::Sqlite;

/// A store in an SQLite file, for the processes of one machine: of token records, of revocations, of
/// [what may be presented once](crate::replay), and with a feed.
///
/// ```no_run
/// use std::sync::Arc;
/// use tower_bearer::store::SqliteStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(SqliteStore::open("/var/lib/acme/tokens.db").await?);
/// # Ok(())
/// # }
/// ```
///
/// # What is promised
/// - **Durability.** The file is in WAL mode with `synchronous = FULL`: a change that was acknowledged was
///   handed to the disk by `fsync`, and survives a crash of the process, of the system, and a loss of
///   power, if the disk keeps its word.
/// - **One at a time.** Changes are made by one connection in each process, which takes the file's write
///   lock first (`BEGIN IMMEDIATE`) and waits for other processes until the call's time is over. Lookups
///   have connections of their own and wait for no change.
/// - **Several processes** may have the file open. What one of them ended, the [`Feed`] of the others
///   tells: within 100 ms, since they look at the file's counter of changes that often, and the time that
///   a read takes. The file must be on a local disk: WAL works over no network.
/// - **Any text**, with NUL too, is a subject and an id.
/// - Times are kept in milliseconds, and so is the idle limit.
///
/// - **What may be presented once** is remembered by all processes that have the file open. Each that is new
///   is a write to the disk. What has been over for an hour is removed beside that, some at a time, and by
///   [`prune`](super::TokenStore::prune), which counts it with the tokens.
///
/// The tables are those of `docs/sql/sqlite.sql`, `docs/sql/sqlite.2.sql` and `docs/sql/sqlite.3.sql`; the
/// store makes them when it is opened.
pub struct SqliteStore(Sql<Sqlite>, SqliteConnectOptions);

impl SqliteStore {
    /// Opens a file with the default settings, and makes it if there is none.
    ///
    /// # Errors
    /// If the file cannot be opened or set up, or was made by a version that this one cannot work with.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::builder(path).open().await
    }

    /// Begins to choose settings.
    pub fn builder(path: impl AsRef<Path>) -> SqliteStoreBuilder {
        SqliteStoreBuilder::new(PathBuf::from(path.as_ref()))
    }

    /// Waits for calls under way, and closes the file. Later calls fail.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writers.close().await;
    }
}

stores!(SqliteStore);

#[async_trait]
impl Feed for SqliteStore {
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError> {
        Ok(Box::new(feed::Polled::begin(&self.1).await?))
    }

    async fn beat(&self, beat: Beat) -> Result<(), StoreError> {
        self.0.beat(beat).await
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.1.get_filename())
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}

mod builder;
mod changes;
mod dialect;
mod feed;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::PgConnectOptions;

use super::sql::{Sql, stores};
use super::{
    Found, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter, TokenKey,
    TokenRecord, TokenUse,
};
use crate::audit::AuditEvent;
use crate::clock::Timestamp;
use crate::replay::ReplayId;
use crate::revocation::{Beat, Feed, Revocation, Subscription, Target};

pub use builder::PostgresStoreBuilder;
use dialect::Postgres;

/// A store in PostgreSQL, for any number of nodes: of token records, of revocations, of
/// [what may be presented once](crate::replay), and with a feed.
///
/// ```no_run
/// use std::sync::Arc;
/// use tower_bearer::store::PostgresStore;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(PostgresStore::connect("postgres://acme@db.internal/acme").await?);
/// # Ok(())
/// # }
/// ```
///
/// # What is promised
/// - **Durability** is the server's: with its default settings, `fsync` and `synchronous_commit` on, a
///   change that was acknowledged is on its disk. A replica that is promoted has what was sent to it;
///   only one that is named in `synchronous_standby_names` has all that was acknowledged. Connect to the
///   primary: a lookup on a replica may not see what was ended.
/// - **One after another for each subject.** Every change takes an advisory lock for its subject first,
///   within its transaction, so that an insert waits for an end of all that is under way.
/// - **One round trip** to insert a record without a limit, to change or end one, to record uses and to add
///   a revocation, its notification with it. An insert within a limit takes four and one or two for each
///   token that it ends, an end of all four, a replacement six.
/// - **The feed** is `LISTEN` and `NOTIFY`, within the transaction of the change itself. An ending too
///   long for a notification, of more than 7,900 bytes, is told as one of
///   [`Anything`](crate::revocation::Ending::Anything). A subscription has a connection of its own,
///   and fails when that is lost. Poolers that hand out connections by transaction do not let it listen.
/// - **Lost connections** are made anew, by tasks that go on when the call that needed one has given up:
///   each may take a second. A lookup tries another at once; a change that was under way is
///   unavailable, and so is any call whose time is over. The server is told the same limit
///   (`statement_timeout`).
/// - **Texts** with a NUL are refused, since PostgreSQL has none, and so are a subject and an id of more
///   than 2,600 bytes together, since an index has none; targets of revocations are not limited. All are
///   compared byte by byte (`COLLATE "C"`). The database must be in UTF-8.
/// - Times are kept in milliseconds, and so is the idle limit.
///
/// - **What may be presented once** is remembered for all nodes, by one statement. What has been over for an hour
///   is removed beside that, some at a time, and by [`prune`](super::TokenStore::prune), which counts it with
///   the tokens.
///
/// The tables are those of `docs/sql/postgres.sql`, `docs/sql/postgres.2.sql` and `docs/sql/postgres.3.sql`; the
/// store makes them when it connects.
///
/// TLS needs the `postgres-tls` feature, and `sslmode=verify-full` in the URL where it must not be done
/// without.
pub struct PostgresStore(Sql<Postgres>, PgConnectOptions);

impl PostgresStore {
    /// Connects with the default settings.
    ///
    /// # Errors
    /// If the server cannot be reached, or the tables cannot be made, or they are of a version that this
    /// one cannot work with.
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Begins to choose settings.
    pub fn builder(url: impl Into<Box<str>>) -> PostgresStoreBuilder {
        PostgresStoreBuilder::new(url.into())
    }

    /// Waits for calls under way, and closes the connections. Later calls fail.
    pub async fn close(&self) {
        self.0.writers.close().await;
    }
}

stores!(PostgresStore);

#[async_trait]
impl Feed for PostgresStore {
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError> {
        let channel = &self.0.dialect.channel;
        let listener = feed::Listener::begin(&self.1, channel, self.0.timeout);
        Ok(Box::new(listener.await?))
    }

    async fn beat(&self, beat: Beat) -> Result<(), StoreError> {
        self.0.beat(beat).await
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("host", &self.1.get_host())
            .field("port", &self.1.get_port())
            .field("database", &self.1.get_database())
            .field("timeout", &self.0.timeout)
            .finish_non_exhaustive()
    }
}

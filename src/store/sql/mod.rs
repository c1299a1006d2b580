//! What the SQL stores share: everything but the dialect.

mod audit;
mod connections;
mod dialect;
mod error;
mod migration;
mod record;
mod replays;
mod revocations;
mod tokens;
mod tx;

use std::time::Duration;

use super::StoreError;
use crate::revocation::{Beat, FeedMessage};

use connections::Connection;
pub(super) use connections::{CONNECTING, Connections};
pub(super) use dialect::{Arg, Columns, Dialect, Statement, args, calls, rows};
pub(super) use error::{fault, problem};
pub(super) use migration::set_up;
pub(super) use replays::Tidying;
pub(super) use tx::Tx;
#[cfg(feature = "postgres")]
pub(super) use {
    record::{Written, columns, millis, read},
    revocations::{key as revocation_key, put, put_args},
};

/// How long a call may take, so that a request with a deadline of 250 ms is answered.
pub(super) const TIMEOUT: Duration = Duration::from_millis(200);
/// How long connecting and setting up the tables may take.
pub(super) const SET_UP: Duration = Duration::from_secs(30);

/// A store in one dialect. Reads and changes may have pools of their own.
pub(super) struct Sql<D: Dialect> {
    pub(super) dialect: D,
    pub(super) readers: Connections<D::Db>,
    pub(super) writers: Connections<D::Db>,
    pub(super) timeout: Duration,
    pub(super) tidying: Tidying,
}

impl<D: Dialect> Sql<D> {
    /// Gives up on `work` when the time for a call is over.
    async fn within<T>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        limited(D::NAME, self.timeout, work).await
    }

    /// Rows that are read. Where a connection turns out to be lost, another is tried.
    async fn read(
        &self,
        sql: impl Into<Statement>,
        args: &[Arg<'_>],
    ) -> Result<Vec<<D::Db as sqlx::Database>::Row>, StoreError> {
        const TRIES: usize = 3;
        let Statement(sql) = sql.into();
        let mut tries = 1;
        loop {
            let mut conn = self.reader().await?;
            match D::fetch(&mut conn, Statement(sql.clone()), args).await {
                Err(sqlx::Error::Io(_)) if tries < TRIES => {
                    conn.close_on_drop();
                    tries += 1;
                }
                result => return result.map_err(fault::<D>),
            }
        }
    }

    /// Gives a sign of life.
    pub(super) async fn beat(&self, beat: Beat) -> Result<(), StoreError> {
        let message = FeedMessage::Beat(beat).encode();
        self.within(D::beat(self, &message)).await
    }

    async fn reader(&self) -> Result<Connection<D::Db>, StoreError> {
        self.readers.acquire().await.map_err(fault::<D>)
    }

    /// Begins a change, alone among those of `subject`.
    pub(super) async fn begin(&self, subject: Option<&str>) -> Result<Tx<'_, D>, StoreError> {
        Tx::begin(&self.dialect, &self.writers, D::begin(subject)).await
    }

    /// The rows of a statement that is a change as a whole.
    pub(super) async fn change(
        &self,
        sql: impl Into<Statement>,
        args: &[Arg<'_>],
    ) -> Result<Vec<<D::Db as sqlx::Database>::Row>, StoreError> {
        let mut tx = Tx::without_begin(&self.dialect, &self.writers).await?;
        let rows = tx.fetch(sql, args).await;
        tx.finish_without_commit(rows)
    }
}

/// Gives up on `work` when so much time is over.
pub(super) async fn limited<T>(
    store: &'static str,
    timeout: Duration,
    work: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let late = |error: tokio::time::error::Elapsed| StoreError::Unavailable {
        store,
        source: error.into(),
    };
    tokio::time::timeout(timeout, work).await.map_err(late)?
}

/// Has a newtype of [`Sql`] be the stores that it is.
macro_rules! stores {
    ($store:ty) => {
        #[async_trait::async_trait]
        impl $crate::store::TokenStore for $store {
            async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
                self.0.insert(&record).await
            }

            async fn insert_within(
                &self,
                record: TokenRecord,
                limit: SubjectLimit,
                now: Timestamp,
            ) -> Result<Vec<Box<str>>, StoreError> {
                self.0.insert_within(&record, limit, now).await
            }

            async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
                self.0.find(digest).await
            }

            async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
                self.0.get(key).await
            }

            async fn list(
                &self,
                subject: &str,
                filter: &TokenFilter,
                page: &Page,
            ) -> Result<Vec<TokenRecord>, StoreError> {
                self.0.list(subject, filter, page).await
            }

            async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
                self.0.touch(uses).await
            }

            async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
                self.0.revoke(key, at).await
            }

            async fn revoke_all(
                &self,
                subject: &str,
                filter: &TokenFilter,
                at: Timestamp,
            ) -> Result<u64, StoreError> {
                self.0.revoke_all(subject, filter, at).await
            }

            async fn update(
                &self,
                key: TokenKey<'_>,
                change: &TokenChange,
            ) -> Result<TokenRecord, StoreError> {
                self.0.update(key, change).await
            }

            async fn replace(
                &self,
                id: &str,
                successor: TokenRecord,
                overlap: Duration,
                now: Timestamp,
            ) -> Result<(), StoreError> {
                self.0.replace(id, &successor, overlap, now).await
            }

            async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
                let tokens = self.0.prune_tokens(before, limit).await?;
                let left = u64::try_from(limit)
                    .unwrap_or(u64::MAX)
                    .saturating_sub(tokens);
                Ok(tokens + self.0.prune_replays(before, left).await?)
            }
        }

        #[async_trait::async_trait]
        impl $crate::replay::ReplayStore for $store {
            async fn remember_once(
                &self,
                id: &ReplayId,
                until: Timestamp,
                now: Timestamp,
            ) -> Result<bool, StoreError> {
                self.0.remember_once(id, until, now).await
            }
        }

        #[async_trait::async_trait]
        impl $crate::revocation::RevocationStore for $store {
            async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
                self.0.put(revocation).await
            }

            async fn latest_before(
                &self,
                targets: &[Target],
            ) -> Result<Option<Timestamp>, StoreError> {
                self.0.latest_before(targets).await
            }

            async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
                self.0.prune_revocations(now, limit).await
            }
        }

        #[async_trait::async_trait]
        impl $crate::audit::AuditWriter for $store {
            async fn write(
                &self,
                events: &[AuditEvent],
            ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
                Ok(self.0.add_lines(events).await?)
            }
        }
    };
}

pub(super) use stores;

//! A store across a network, as verifiers and nodes meet one.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tower_bearer::async_trait;
use tower_bearer::clock::Timestamp;
use tower_bearer::store::{
    Found, MemoryStore, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter,
    TokenKey, TokenRecord, TokenStore, TokenUse,
};

/// Rows in memory that are always waited for. It counts what it is asked, may be out of reach, and may lose
/// an answer.
#[derive(Debug, Default)]
pub(crate) struct Remote {
    /// The rows, for a test that goes there itself.
    pub(crate) rows: Arc<MemoryStore>,
    is_down: AtomicBool,
    loses_answer: AtomicBool,
    lookups: AtomicUsize,
    touches: Mutex<Vec<usize>>,
    prunes: Mutex<Vec<usize>>,
}

impl Remote {
    /// Cuts the connection, or mends it.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    /// The next replacement takes place, and its answer does not arrive.
    pub(crate) fn lose_next_answer(&self) {
        self.loses_answer.store(true, Ordering::SeqCst);
    }

    /// How many tokens were looked up.
    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    /// How many uses each batch had that was recorded.
    pub(crate) fn touches(&self) -> Vec<usize> {
        self.touches.lock().expect("the counts").clone()
    }

    /// How many rows each removal asked for at most.
    pub(crate) fn prunes(&self) -> Vec<usize> {
        self.prunes.lock().expect("the counts").clone()
    }

    async fn reach(&self) -> Result<&MemoryStore, StoreError> {
        tokio::task::yield_now().await;
        if self.is_down.load(Ordering::SeqCst) {
            return Err(unavailable("connection refused"));
        }
        Ok(&self.rows)
    }
}

fn unavailable(why: &str) -> StoreError {
    StoreError::Unavailable {
        store: "remote",
        source: why.into(),
    }
}

#[async_trait]
impl TokenStore for Remote {
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
        self.reach().await?.insert(record).await
    }

    async fn insert_within(
        &self,
        record: TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        self.reach().await?.insert_within(record, limit, now).await
    }

    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        let found = self.reach().await?.find(digest).await?;
        // As a database would: the row alone.
        Ok(found.map(|found| {
            let mut row = found.record().clone();
            row.last_used = found.last_used();
            Found::new(row)
        }))
    }

    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        self.reach().await?.get(key).await
    }

    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.reach().await?.list(subject, filter, page).await
    }

    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        self.reach().await?.touch(uses).await?;
        self.touches.lock().expect("the counts").push(uses.len());
        Ok(())
    }

    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        self.reach().await?.revoke(key, at).await
    }

    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.reach().await?.revoke_all(subject, filter, at).await
    }

    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        self.reach().await?.update(key, change).await
    }

    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let store = self.reach().await?;
        store.replace(id, successor, overlap, now).await?;
        match self.loses_answer.swap(false, Ordering::SeqCst) {
            true => Err(unavailable("the connection was lost")),
            false => Ok(()),
        }
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.prunes.lock().expect("the counts").push(limit);
        self.reach().await?.prune(before, limit).await
    }
}

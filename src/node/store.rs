use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::uses::{UseOf, Uses};
use crate::clock::Timestamp;
use crate::revocation::{Doubt, Ending, Recent, Watch};
use crate::store::{
    Found, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter, TokenKey,
    TokenRecord, TokenStore, TokenUse,
};

/// The store as this node's verifiers and issuers see it.
pub(super) struct NodeStore {
    inner: Arc<dyn TokenStore>,
    recent: Arc<Recent>,
    uses: Arc<Uses>,
}

impl NodeStore {
    pub(super) fn new(inner: Arc<dyn TokenStore>, recent: Arc<Recent>, uses: Arc<Uses>) -> Self {
        Self {
            inner,
            recent,
            uses,
        }
    }

    pub(super) fn inner(&self) -> &dyn TokenStore {
        &*self.inner
    }

    /// What was found after generation `seen` was read, watched over, and with the uses of this node.
    fn watched(&self, mut found: Found, seen: u64) -> Found {
        let own = found.take_on_admitted();
        if own.is_none() {
            let here = self.uses.last_use(found.record().key());
            let last_used = found.last_used().max(here);
            found = found.with_last_used(last_used);
        }
        let recorded = found.clone();
        let then = own.or_else(|| Some(Arc::new(UseOf::new(&self.uses, recorded))));
        let watch = Watch::new(&self.recent, seen, found.identity(), then);
        found.with_on_admitted(Arc::new(watch))
    }

    /// The record, with the uses of this node.
    fn used(&self, mut record: TokenRecord) -> TokenRecord {
        record.last_used = record.last_used.max(self.uses.last_use(record.key()));
        record
    }
}

#[async_trait]
impl TokenStore for NodeStore {
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
        self.inner.insert(record).await
    }

    async fn insert_within(
        &self,
        record: TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        let subject = record.subject.clone();
        // The store must not take a session for idle that was used here.
        self.uses.flush_of(&subject, &*self.inner).await?;
        let doubt = Doubt::begin(&self.recent);
        let ended = self.inner.insert_within(record, limit, now).await;
        if let Ok(ended) = &ended {
            for id in ended {
                self.recent.note(token(&subject, id));
            }
        }
        doubt.end_unless_unknown(&ended);
        ended
    }

    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
        let seen = self.recent.generation();
        let found = self.inner.find(digest).await?;
        Ok(found.map(|found| self.watched(found, seen)))
    }

    fn find_now(&self, digest: &TokenDigest) -> Option<Result<Option<Found>, StoreError>> {
        let seen = self.recent.generation();
        let found = self.inner.find_now(digest)?;
        Some(found.map(|found| Some(self.watched(found?, seen))))
    }

    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        let record = self.inner.get(key).await?;
        Ok(record.map(|record| self.used(record)))
    }

    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        let records = self.inner.list(subject, filter, page).await?;
        Ok(records
            .into_iter()
            .map(|record| self.used(record))
            .collect())
    }

    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        self.inner.touch(uses).await
    }

    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        let doubt = Doubt::begin(&self.recent);
        let revoked = self.inner.revoke(key, at).await;
        if revoked.is_ok() {
            self.recent.note(token(key.subject, key.id));
        }
        doubt.end_unless_unknown(&revoked);
        revoked
    }

    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let doubt = Doubt::begin(&self.recent);
        let ended = self.inner.revoke_all(subject, filter, at).await;
        if ended.is_ok() {
            self.recent.note(Ending::Tokens {
                subject: subject.into(),
                filter: filter.clone(),
            });
        }
        doubt.end_unless_unknown(&ended);
        ended
    }

    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        let doubt = Doubt::begin(&self.recent);
        let updated = self.inner.update(key, change).await;
        if let Ok(record) = &updated {
            // Here a token that was switched off is over at once, for requests under way too.
            self.recent.note(if record.disabled {
                token(key.subject, key.id)
            } else {
                Ending::of_update(record)
            });
        }
        doubt.end_unless_unknown(&updated);
        Ok(self.used(updated?))
    }

    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let subject = successor.subject.clone();
        let doubt = Doubt::begin(&self.recent);
        let replaced = self.inner.replace(id, successor, overlap, now).await;
        if replaced.is_ok() {
            self.recent
                .note(Ending::of_replacement(&subject, id, overlap));
        }
        doubt.end_unless_unknown(&replaced);
        replaced
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.inner.prune(before, limit).await
    }
}

impl fmt::Debug for NodeStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

fn token(subject: &str, id: &str) -> Ending {
    Ending::Token {
        subject: subject.into(),
        id: id.into(),
    }
}

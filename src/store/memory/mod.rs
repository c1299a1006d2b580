mod entry;
mod maps;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::{RwLock, RwLockWriteGuard};
use std::time::Duration;

use async_trait::async_trait;

use super::{
    Found, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter, TokenKey,
    TokenRecord, TokenStore, TokenUse, WhenFull,
};
use crate::clock::Timestamp;
use entry::Entry;
use maps::{
    SHARDS, Shard, Subjects, Tokens, add, digest_of, forget, live_of_kind, point, read, shard_of,
    write,
};

/// A store in memory, for one process.
///
/// Lookups on several cores meet only where their tokens share one of 64 shards, and none waits for a
/// listing. Nothing is removed but by [`prune`](TokenStore::prune).
pub struct MemoryStore {
    // Locked before any shard. Whoever changes a record holds this for writing, so that changes take
    // place one after another; lookups by digest go past it.
    subjects: RwLock<Subjects>,
    // Several are locked in rising order.
    shards: [Shard; SHARDS],
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            subjects: RwLock::default(),
            shards: std::array::from_fn(|_| Shard::default()),
        }
    }

    fn shard(&self, digest: &TokenDigest) -> &RwLock<Tokens> {
        &self.shards[shard_of(digest)].0
    }

    fn lookup(&self, digest: &TokenDigest) -> Option<Found> {
        read(self.shard(digest)).get(digest).map(Entry::found)
    }

    fn record(&self, digest: &TokenDigest) -> Option<TokenRecord> {
        read(self.shard(digest)).get(digest).map(Entry::record)
    }

    /// Every shard at once, for what must be seen as a whole.
    fn lock_all(&self) -> Vec<RwLockWriteGuard<'_, Tokens>> {
        self.shards.iter().map(|shard| write(&shard.0)).collect()
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl TokenStore for MemoryStore {
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
        let mut subjects = write(&self.subjects);
        let mut tokens = write(self.shard(&record.digest));
        add(&mut subjects, &mut tokens, record)
    }

    async fn insert_within(
        &self,
        record: TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        let mut subjects = write(&self.subjects);
        let mut shards = self.lock_all();
        let mut live = live_of_kind(&subjects, &shards, &record, now);
        let surplus = (live.len() + 1).saturating_sub(limit.max.get());
        if surplus > 0 && limit.when_full == WhenFull::Refuse {
            return Err(StoreError::LimitReached);
        }
        add(&mut subjects, &mut shards[shard_of(&record.digest)], record)?;
        live.sort_unstable();
        let mut ended = Vec::with_capacity(surplus);
        for (_, id, digest) in live.into_iter().take(surplus) {
            if let Some(entry) = shards[shard_of(&digest)].get_mut(&digest) {
                entry.revoke(now);
                ended.push(id);
            }
        }
        Ok(ended)
    }

    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
        Ok(self.lookup(digest))
    }

    fn find_now(&self, digest: &TokenDigest) -> Option<Result<Option<Found>, StoreError>> {
        Some(Ok(self.lookup(digest)))
    }

    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        let subjects = read(&self.subjects);
        Ok(digest_of(&subjects, key).and_then(|digest| self.record(&digest)))
    }

    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        let subjects = read(&self.subjects);
        let Some(held) = subjects.get(subject) else {
            return Ok(Vec::new());
        };
        let start = page.start().map_or(Bound::Unbounded, Bound::Excluded);
        Ok(held
            .range::<str, _>((start, Bound::Unbounded))
            .filter_map(|(_, digest)| self.record(digest))
            .filter(|record| filter.matches(record))
            .take(page.limit())
            .collect())
    }

    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        let subjects = read(&self.subjects);
        for TokenUse { key, at } in uses {
            if let Some(digest) = digest_of(&subjects, *key)
                && let Some(entry) = read(self.shard(&digest)).get(&digest)
            {
                entry.touch(*at);
            }
        }
        Ok(())
    }

    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        let subjects = write(&self.subjects);
        let digest = digest_of(&subjects, key).ok_or(StoreError::NotFound)?;
        let mut tokens = write(self.shard(&digest));
        let entry = tokens.get_mut(&digest).ok_or(StoreError::NotFound)?;
        Ok(entry.revoke(at))
    }

    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let subjects = write(&self.subjects);
        let mut shards = self.lock_all();
        let mut ended = 0;
        for digest in subjects.get(subject).into_iter().flat_map(BTreeMap::values) {
            if let Some(entry) = shards[shard_of(digest)].get_mut(digest)
                && filter.matches(entry.shared())
                && entry.revoke(at)
            {
                ended += 1;
            }
        }
        Ok(ended)
    }

    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        let mut subjects = write(&self.subjects);
        let mut shards = self.lock_all();
        let old = digest_of(&subjects, key).ok_or(StoreError::NotFound)?;
        let new = *change.new_digest().unwrap_or(&old);
        if new != old && shards[shard_of(&new)].contains_key(&new) {
            return Err(StoreError::AlreadyExists);
        }
        let entry = shards[shard_of(&old)].get_mut(&old);
        let entry = entry.filter(|entry| !entry.is_revoked());
        let entry = entry.ok_or(StoreError::Ended)?;
        entry.edit(|record| change.apply(record));
        let record = entry.record();
        if new != old
            && let Some(entry) = shards[shard_of(&old)].remove(&old)
        {
            shards[shard_of(&new)].insert(new, entry);
            point(&mut subjects, &record);
        }
        Ok(record)
    }

    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut subjects = write(&self.subjects);
        let mut shards = self.lock_all();
        let key = TokenKey {
            subject: &successor.subject,
            id,
        };
        let old = digest_of(&subjects, key).ok_or(StoreError::NotFound)?;
        let entry = shards[shard_of(&old)].get(&old);
        if entry.is_none_or(|entry| !entry.shared().is_replaceable()) {
            return Err(StoreError::Ended);
        }
        let (home, heir) = (shard_of(&successor.digest), successor.id.clone());
        add(&mut subjects, &mut shards[home], successor)?;
        if let Some(entry) = shards[shard_of(&old)].get_mut(&old) {
            entry.edit(|record| record.give_way_to(heir, overlap, now));
        }
        Ok(())
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut over = Vec::new();
        for shard in &self.shards {
            let tokens = read(&shard.0);
            let ended = tokens.iter().filter(|(_, entry)| entry.is_over(before));
            over.extend(ended.take(limit - over.len()).map(|(digest, _)| *digest));
        }
        let mut subjects = write(&self.subjects);
        let mut removed = 0;
        for digest in over {
            let mut tokens = write(self.shard(&digest));
            // Looked at again, since a use may have come between.
            if tokens
                .get(&digest)
                .is_some_and(|entry| entry.is_over(before))
                && let Some(entry) = tokens.remove(&digest)
            {
                forget(&mut subjects, entry.shared());
                removed += 1;
            }
        }
        Ok(removed)
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tokens: usize = self.shards.iter().map(|shard| read(&shard.0).len()).sum();
        f.debug_struct("MemoryStore")
            .field("tokens", &tokens)
            .finish_non_exhaustive()
    }
}

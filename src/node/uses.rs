use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;
use crate::hasher::DigestHasher;
use crate::identity::OnAdmitted;
use crate::refusal::Refusal;
use crate::store::{Found, StoreError, TokenDigest, TokenStore, TokenUse};

const SHARDS: usize = 16;
/// How many uses are written at once.
const BATCH: usize = 1000;

/// The latest uses of tokens on this node, until they are written and for one round longer: a lookup that
/// began before they were written still finds them here.
#[derive(Debug)]
pub(super) struct Uses {
    shards: [Mutex<Shard>; SHARDS],
    /// How many are kept, written or not.
    kept: AtomicUsize,
    max: usize,
    lost: AtomicU64,
    /// One flush at a time: a use that is written twice is harmless, one that is taken for written is not.
    writing: tokio::sync::Mutex<()>,
}

type Shard = HashMap<TokenDigest, Kept, BuildHasherDefault<DigestHasher>>;

#[derive(Debug)]
struct Kept {
    found: Found,
    at: Timestamp,
    /// The use up to which it is written.
    written: Option<Timestamp>,
}

impl Kept {
    fn is_pending(&self) -> bool {
        self.written.is_none_or(|written| written < self.at)
    }
}

impl Uses {
    pub(super) fn new(max: usize) -> Self {
        Self {
            shards: Default::default(),
            kept: AtomicUsize::new(0),
            max,
            lost: AtomicU64::new(0),
            writing: tokio::sync::Mutex::new(()),
        }
    }

    /// When this node last saw the token used, if it still knows.
    pub(super) fn last_use(&self, digest: &TokenDigest) -> Option<Timestamp> {
        self.shard(digest).get(digest).map(|kept| kept.at)
    }

    pub(super) fn pending(&self) -> usize {
        let count = |shard| {
            self.lock(shard)
                .values()
                .filter(|kept| kept.is_pending())
                .count()
        };
        (0..SHARDS).map(count).sum()
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes everything that waits. What the store does not take stays.
    pub(super) async fn flush(&self, store: &dyn TokenStore) {
        let _one_at_a_time = self.writing.lock().await;
        for shard in 0..SHARDS {
            self.forget_written(shard);
            let pending = self.collect(shard, |_| true);
            self.write(store, &pending).await;
        }
    }

    /// Writes what waits of one subject's tokens.
    pub(super) async fn flush_of(
        &self,
        subject: &str,
        store: &dyn TokenStore,
    ) -> Result<(), StoreError> {
        let of_subject = |found: &Found| &*found.record().subject == subject;
        for shard in 0..SHARDS {
            let pending = self.collect(shard, of_subject);
            for batch in pending.chunks(BATCH) {
                store.touch(&uses_of(batch)).await?;
            }
        }
        Ok(())
    }

    fn record(&self, found: &Found, at: Timestamp) {
        let digest = &found.record().digest;
        let mut shard = self.shard(digest);
        if let Some(kept) = shard.get_mut(digest) {
            kept.at = kept.at.max(at);
            return;
        }
        if self.kept.load(Ordering::Relaxed) >= self.max {
            self.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.kept.fetch_add(1, Ordering::Relaxed);
        let found = found.clone();
        let kept = Kept {
            found,
            at,
            written: None,
        };
        shard.insert(*digest, kept);
    }

    async fn write(&self, store: &dyn TokenStore, pending: &[(Found, Timestamp)]) {
        for batch in pending.chunks(BATCH) {
            if let Err(error) = store.touch(&uses_of(batch)).await {
                warn(&error);
                return;
            }
            for (found, at) in batch {
                let digest = &found.record().digest;
                if let Some(kept) = self.shard(digest).get_mut(digest) {
                    kept.written = Some(*at);
                }
            }
        }
    }

    fn collect(&self, shard: usize, wanted: impl Fn(&Found) -> bool) -> Vec<(Found, Timestamp)> {
        let shard = self.lock(shard);
        let pending = shard.values().filter(|kept| kept.is_pending());
        pending
            .filter(|kept| wanted(&kept.found))
            .map(|kept| (kept.found.clone(), kept.at))
            .collect()
    }

    fn forget_written(&self, shard: usize) {
        let mut shard = self.lock(shard);
        let before = shard.len();
        shard.retain(|_, kept| kept.is_pending());
        self.kept.fetch_sub(before - shard.len(), Ordering::Relaxed);
    }

    fn shard(&self, digest: &TokenDigest) -> MutexGuard<'_, Shard> {
        self.lock(usize::from(digest.as_bytes()[8]) % SHARDS)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the uses that wait, each `lag`.
pub(super) async fn write_on(uses: Arc<Uses>, store: Arc<dyn TokenStore>, lag: Duration) {
    loop {
        tokio::time::sleep(lag).await;
        uses.flush(&*store).await;
    }
}

/// Records the uses of one token.
pub(super) struct UseOf {
    uses: Arc<Uses>,
    found: Found,
}

impl UseOf {
    pub(super) fn new(uses: &Arc<Uses>, found: Found) -> Self {
        Self {
            uses: Arc::clone(uses),
            found,
        }
    }
}

impl OnAdmitted for UseOf {
    fn admitted(&self, _now: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }

    fn used(&self, now: Timestamp) {
        self.uses.record(&self.found, now);
    }
}

fn uses_of(batch: &[(Found, Timestamp)]) -> Vec<TokenUse<'_>> {
    let uses = batch.iter().map(|(found, at)| TokenUse {
        key: found.record().key(),
        at: *at,
    });
    uses.collect()
}

fn warn(error: &StoreError) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "tower_bearer",
        error = error as &(dyn std::error::Error + 'static),
        "uses of tokens were not written, and will be tried again"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasher, BuildHasherDefault, RandomState};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::health::Health;
use super::spare::{Harm, Spare};
use crate::clock::Timestamp;
use crate::hasher::DigestHasher;
use crate::identity::OnAdmitted;
use crate::refusal::Refusal;
use crate::store::{Found, StoreError, TokenKey, TokenStore, TokenUse};

const SHARDS: usize = 16;
/// How many uses are written at once.
const BATCH: usize = 1000;

/// The latest uses of tokens on this node, until they are written and for one round longer: a lookup that
/// began before they were written still finds them here.
///
/// A later use of a token takes the place of the one that waits. Where too many tokens wait, the use goes
/// whose loss hurts the least ([`Harm`]), which may be the one that comes.
#[derive(Debug)]
pub(super) struct Uses {
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    /// How many are kept, written or not.
    kept: AtomicUsize,
    max: usize,
    lost: AtomicU64,
    /// Which go first.
    spare: Mutex<Spare>,
    /// One flush at a time: a use that is written twice is harmless, one that is taken for written is not.
    writing: tokio::sync::Mutex<()>,
}

/// By a hash of whose token it is and its id, and not by its digest, which may be renewed meanwhile.
type Shard = HashMap<u64, Kept, BuildHasherDefault<DigestHasher>>;

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

    fn is_of(&self, token: TokenKey<'_>) -> bool {
        self.found.record().key() == token
    }

    fn harm(&self) -> Harm {
        Harm::of(&self.found, self.written, self.at)
    }
}

impl Uses {
    pub(super) fn new(max: usize) -> Self {
        Self {
            shards: Default::default(),
            hasher: RandomState::new(),
            spare: Mutex::default(),
            kept: AtomicUsize::new(0),
            max,
            lost: AtomicU64::new(0),
            writing: tokio::sync::Mutex::new(()),
        }
    }

    /// When this node last saw the token used, if it still knows.
    pub(super) fn last_use(&self, token: TokenKey<'_>) -> Option<Timestamp> {
        let name = self.hasher.hash_one(token);
        let shard = self.shard(name);
        let kept = shard.get(&name)?;
        kept.is_of(token).then_some(kept.at)
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

    /// Writes everything that waits. What the store does not take stays. Says whether it took all.
    pub(super) async fn flush(&self, store: &dyn TokenStore) -> bool {
        let _one_at_a_time = self.writing.lock().await;
        let mut pending = Vec::new();
        for shard in 0..SHARDS {
            self.forget_written(shard);
            pending.extend(self.collect(shard, |_| true));
        }
        let is_all = self.write(store, &pending).await;
        // Now those go first that are written.
        self.spare().clear();
        is_all
    }

    /// Writes what waits of one subject's tokens.
    pub(super) async fn flush_of(
        &self,
        subject: &str,
        store: &dyn TokenStore,
    ) -> Result<(), StoreError> {
        let of_subject = |found: &Found| &*found.record().subject == subject;
        let pending: Vec<_> = (0..SHARDS)
            .flat_map(|shard| self.collect(shard, of_subject))
            .collect();
        for batch in pending.chunks(BATCH) {
            store.touch(&uses_of(batch)).await?;
        }
        Ok(())
    }

    fn record(&self, found: &Found, at: Timestamp) {
        let token = found.record().key();
        let name = self.hasher.hash_one(token);
        if let Some(kept) = self.shard(name).get_mut(&name) {
            if kept.is_of(token) {
                kept.at = kept.at.max(at);
            } else {
                self.lose();
            }
            return;
        }
        let kept = Kept {
            found: found.clone(),
            at,
            written: None,
        };
        let is_full = self.kept.load(Ordering::Relaxed) >= self.max;
        if is_full && !self.make_room(kept.harm()) {
            self.lose();
            return;
        }
        match self.shard(name).entry(name) {
            Entry::Vacant(place) => {
                place.insert(kept);
                self.kept.fetch_add(1, Ordering::Relaxed);
            }
            // Another request was faster.
            Entry::Occupied(mut place) if place.get().is_of(kept.found.record().key()) => {
                place.get_mut().at = place.get().at.max(at);
            }
            Entry::Occupied(_) => self.lose(),
        }
    }

    /// Has the use go whose loss hurts the least, if it hurts less than this one's.
    fn make_room(&self, than: Harm) -> bool {
        let mut spare = self.spare();
        if spare.is_empty() {
            let harms = (0..SHARDS).flat_map(|shard| self.harms(shard));
            spare.fill(harms);
        }
        while let Some((harm, name)) = spare.next_below(than) {
            let mut shard = self.shard(name);
            // It may have been used, or written, since that was worked out.
            if shard.get(&name).is_some_and(|kept| kept.harm() == harm) {
                shard.remove(&name);
                self.kept.fetch_sub(1, Ordering::Relaxed);
                if harm != Harm::None {
                    self.lose();
                }
                return true;
            }
        }
        false
    }

    fn harms(&self, shard: usize) -> Vec<(Harm, u64)> {
        let shard = self.lock(shard);
        shard
            .iter()
            .map(|(name, kept)| (kept.harm(), *name))
            .collect()
    }

    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    fn spare(&self) -> MutexGuard<'_, Spare> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn write(&self, store: &dyn TokenStore, pending: &[(Found, Timestamp)]) -> bool {
        for batch in pending.chunks(BATCH) {
            if let Err(error) = store.touch(&uses_of(batch)).await {
                warn(&error);
                return false;
            }
            for (found, at) in batch {
                let token = found.record().key();
                let name = self.hasher.hash_one(token);
                if let Some(kept) = self.shard(name).get_mut(&name)
                    && kept.is_of(token)
                {
                    kept.written = Some(*at);
                }
            }
        }
        true
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

    fn shard(&self, name: u64) -> MutexGuard<'_, Shard> {
        self.lock((name >> 60) as usize % SHARDS)
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard> {
        self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes the uses that wait, each `lag`.
pub(super) async fn write_on(
    uses: Arc<Uses>,
    store: Arc<dyn TokenStore>,
    health: Arc<Health>,
    lag: Duration,
) {
    loop {
        tokio::time::sleep(lag).await;
        if uses.flush(&*store).await {
            health.wrote_uses();
        }
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

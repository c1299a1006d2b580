use std::collections::HashMap;
use std::fmt;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;

use super::{Revocation, RevocationStore, Target};
use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::store::StoreError;

/// Revocations in memory, for one process. They are forgotten when it ends.
#[derive(Default)]
pub struct MemoryRevocations {
    known: RwLock<HashMap<Target, Span>>,
}

struct Span {
    before: Timestamp,
    until: Timestamp,
}

impl MemoryRevocations {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn latest(&self, targets: &[Target]) -> Option<Timestamp> {
        let known = self.read();
        let spans = targets.iter().filter_map(|target| known.get(target));
        spans.map(|span| span.before).max()
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Target, Span>> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Target, Span>> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RevocationStore for MemoryRevocations {
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let Revocation {
            target,
            before,
            until,
        } = revocation.clone();
        let mut known = self.write();
        let span = known.entry(target).or_insert(Span { before, until });
        span.before = span.before.max(before);
        span.until = span.until.max(until);
        Ok(())
    }

    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.latest(targets))
    }

    fn latest_before_now(
        &self,
        identity: &Identity,
    ) -> Option<Result<Option<Timestamp>, StoreError>> {
        if self.read().is_empty() {
            return Some(Ok(None));
        }
        Some(Ok(self.latest(&Target::of_identity(identity))))
    }

    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let mut known = self.write();
        let mut removed = 0;
        known.retain(|_, span| {
            let is_over = removed < limit && span.until <= now;
            removed += usize::from(is_over);
            !is_over
        });
        Ok(removed as u64)
    }
}

impl fmt::Debug for MemoryRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryRevocations")
            .field("known", &self.read().len())
            .finish()
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{ReplayId, ReplayStore, SPARE};
use crate::clock::Timestamp;
use crate::error::StoreError;

const LIMIT: usize = 500_000;
/// How many of those that are over one call removes: more than it adds.
const AT_ONCE: usize = 4;

/// Ids in memory, for one process. They are forgotten when it ends.
///
/// It has a limit, 500,000 ids unless set, which take some 60 MB. What is over is kept for an hour more
/// while there is room. Where as many are remembered that are not over, a new one is unavailable, and
/// whoever presents it is not let in: to forget another in its place would let that one in twice. Only
/// those who hold good tokens get an id in here; a limit on how often each may ask, before this one, keeps
/// one of them from taking all the room.
pub struct MemoryReplayStore {
    limit: usize,
    known: Mutex<Known>,
}

/// Trees, so that no call pays for a table that grows, and no choice of ids makes them slow.
#[derive(Default)]
struct Known {
    ends: BTreeMap<ReplayId, Timestamp>,
    /// The same, in the order of their ends.
    in_order: BTreeSet<(Timestamp, ReplayId)>,
}

impl MemoryReplayStore {
    /// A store that remembers nothing yet, with the default limit.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(LIMIT)
    }

    /// A store for this many ids, at least one.
    #[must_use]
    pub fn with_limit(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            known: Mutex::default(),
        }
    }

    fn remember(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if until <= now {
            return Ok(false);
        }
        let mut known = self.known();
        let long_over = now.saturating_sub(SPARE);
        for _ in 0..AT_ONCE {
            known.forget_the_first(long_over);
        }
        match known.ends.get(id).copied() {
            Some(end) if end > now => return Ok(false),
            Some(end) => {
                known.in_order.remove(&(end, *id));
            }
            None if known.ends.len() >= self.limit && !known.forget_the_first(now) => {
                return Err(full());
            }
            None => {}
        }
        known.ends.insert(*id, until);
        known.in_order.insert((until, *id));
        Ok(true)
    }

    // A poisoned lock guards whole data: nothing between two changes to it can panic.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Forgets the one that ends first, if it is over at `now`. Says whether it was.
    fn forget_the_first(&mut self, now: Timestamp) -> bool {
        let Some((_, id)) = self.in_order.first().filter(|(end, _)| *end <= now) else {
            return false;
        };
        self.ends.remove(id);
        self.in_order.pop_first();
        true
    }
}

impl Default for MemoryReplayStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl ReplayStore for MemoryReplayStore {
    async fn remember_once(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.remember(id, until, now)
    }

    fn remember_once_now(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Result<bool, StoreError>> {
        Some(self.remember(id, until, now))
    }
}

impl fmt::Debug for MemoryReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayStore")
            .field("known", &self.known().ends.len())
            .field("limit", &self.limit)
            .finish()
    }
}

fn full() -> StoreError {
    StoreError::Unavailable {
        store: "memory",
        source: "as many ids are remembered as there is room for".into(),
    }
}

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use redis::Value;
use tokio::time::Instant;

use super::RedisStore;
use super::error::malformed;
use super::keys::Pointer;
use super::link::together;
use super::record;
use super::scripts::SCRIPTS;
use super::topology::Node;
use crate::clock::Timestamp;
use crate::store::{StoreError, TokenDigest};

/// How many keys a step of the walk looks at, and how many calls are under way at once.
const STEP: usize = 500;
const AT_ONCE: usize = 50;
/// For how long a call walks. The next goes on from there.
const WALK: Duration = Duration::from_secs(5);

/// Where the walks that ended early go on.
#[derive(Default)]
pub(super) struct Walks {
    indexes: Mutex<Option<Place>>,
    revocations: Mutex<Option<Place>>,
}

impl Walks {
    fn place(&self, what: What) -> &Mutex<Option<Place>> {
        match what {
            What::Indexes => &self.indexes,
            What::Revocations => &self.revocations,
        }
    }
}

/// A place on the keys of a server.
struct Place {
    node: Option<Node>,
    cursor: String,
}

/// What is walked through.
#[derive(Clone, Copy)]
enum What {
    Indexes,
    Revocations,
}

impl RedisStore {
    pub(super) async fn prune_tokens(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.walk(What::Indexes, before, limit).await
    }

    pub(super) async fn prune_revocations(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<u64, StoreError> {
        self.walk(What::Revocations, now, limit).await
    }

    /// Looks at every key of a sort, some at a time, until `limit` records or revocations were removed or
    /// the call's time is over. The next call goes on there.
    async fn walk(&self, what: What, time: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let time = record::time(time);
        let pattern = match what {
            What::Indexes => self.inner.keys.all_indexes(),
            What::Revocations => self.inner.keys.all_revocations(),
        };
        let place = self.inner.walks.place(what);
        let begin = lock(place).take();
        let masters = self.within(self.inner.link.masters()).await?;
        let end = Instant::now() + WALK;
        let mut removed = 0;
        for Place { node, mut cursor } in route(begin, masters) {
            loop {
                if removed >= limit || Instant::now() >= end {
                    *lock(place) = Some(Place { node, cursor });
                    return Ok(removed as u64);
                }
                let step = self.step(node.as_ref(), &cursor, &pattern);
                let (next, mut keys) = self.within(step).await?;
                if matches!(what, What::Indexes) {
                    keys.retain(|key| self.inner.keys.is_index(key));
                }
                removed += self.prune_keys(what, keys, &time, limit - removed).await?;
                if removed >= limit {
                    // This step may have more.
                    continue;
                }
                cursor = next;
                if cursor == "0" {
                    break;
                }
            }
        }
        Ok(removed as u64)
    }

    async fn step(
        &self,
        node: Option<&Node>,
        cursor: &str,
        pattern: &str,
    ) -> Result<(String, Vec<Vec<u8>>), StoreError> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor)
            .arg("MATCH")
            .arg(pattern)
            .arg("COUNT")
            .arg(STEP);
        self.read(self.inner.link.ask_node(node, scan).await?)
    }

    async fn prune_keys(
        &self,
        what: What,
        mut keys: Vec<Vec<u8>>,
        time: &[u8],
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut removed = 0;
        while removed < limit && !keys.is_empty() {
            let left = limit - removed;
            // Each may remove its share, and whoever may have more comes again.
            let some = keys.split_off(keys.len() - keys.len().min(AT_ONCE).min(left));
            let share = left / some.len();
            let calls = some
                .iter()
                .map(|key| self.prune_key(what, key, time, share));
            let counts = self.within(together(calls)).await?;
            removed += counts.iter().sum::<usize>();
            let full = some.into_iter().zip(counts);
            let full = full.filter(|(_, count)| matches!(what, What::Indexes) && *count == share);
            keys.extend(full.map(|(key, _)| key));
        }
        Ok(removed)
    }

    async fn prune_key(
        &self,
        what: What,
        key: &[u8],
        time: &[u8],
        limit: usize,
    ) -> Result<usize, StoreError> {
        match what {
            What::Indexes => self.prune_subject(key, time, limit).await,
            What::Revocations => {
                let mut call = SCRIPTS.revocation_prune.key(key);
                call.arg(time);
                self.read(self.inner.link.run(&call).await?)
            }
        }
    }

    async fn prune_subject(
        &self,
        index: &[u8],
        before: &[u8],
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut call = SCRIPTS.prune.key(index);
        call.arg(before).arg(limit);
        let removed: Vec<Value> = self.read(self.inner.link.run(&call).await?)?;
        let parts = removed.into_iter().map(|part| self.read(part));
        let parts = parts.collect::<Result<Vec<Vec<u8>>, _>>()?;
        // What stands between the braces.
        let tag = index
            .rsplit(|byte| matches!(byte, b'{' | b'}'))
            .nth(1)
            .and_then(|tag| std::str::from_utf8(tag).ok())
            .ok_or_else(|| malformed("the name of an index"))?;
        let mut pointers = Vec::new();
        for parts in parts.chunks_exact(3) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            let digest = parts[0].as_slice().try_into();
            let digest = digest.map_err(|_| malformed("a digest"))?;
            let held = Pointer {
                tag: tag.to_owned(),
                claim: text(&parts[1]),
                id: text(&parts[2]),
            };
            let digest = TokenDigest::from_bytes(digest);
            pointers.push((self.inner.keys.pointer(&digest), held));
        }
        for some in pointers.chunks(AT_ONCE) {
            // One that stays finds nothing.
            let calls = some
                .iter()
                .map(|(pointer, held)| self.drop_pointer(pointer, held));
            drop(together(calls).await);
        }
        Ok(pointers.len())
    }
}

/// From the place where an earlier call ended, if it did, and then over everything: what lies before that
/// place may be over by now.
fn route(begin: Option<Place>, masters: Vec<Option<Node>>) -> Vec<Place> {
    let from_the_start = |node| Place {
        node,
        cursor: "0".to_owned(),
    };
    let mut route = Vec::new();
    if let Some(begin) = begin
        && let Some(at) = masters.iter().position(|node| *node == begin.node)
    {
        route.push(begin);
        route.extend(masters[at + 1..].iter().cloned().map(from_the_start));
    }
    route.extend(masters.into_iter().map(from_the_start));
    route
}

fn lock<T>(place: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

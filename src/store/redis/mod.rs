mod builder;
mod changing;
mod claim;
mod error;
mod feed;
mod heard;
mod inserting;
mod keys;
mod link;
mod origin;
mod prune;
mod reading;
mod record;
mod replays;
mod revocations;
mod scripts;
mod tokens;
mod topology;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::store::StoreError;

pub use builder::RedisStoreBuilder;
use keys::Keys;
use link::Link;
use origin::Origin;
use prune::Walks;

/// Token records, revocations, [what may be presented once](crate::replay) and the
/// [feed](crate::revocation::Feed) between nodes, in Redis: one server or a cluster, 7.0 or newer. A clone is
/// the same store.
///
/// # Rules
/// 1. **A record is a hash** in the slot of its subject, with an index of its subject's ids beside it. Each
///    call that changes records is one script there, so it is atomic, in a cluster too.
/// 2. **A pointer leads from a digest to its record.** It lies elsewhere and is laid first; one that leads to
///    no record, or to one of another digest, finds nothing and may be taken over.
/// 3. **Time is what the calls are told.** Redis's own expiry removes a record with an absolute limit a day
///    after that was over, counted from its minting, and a revocation a day after its end, if
///    [`prune`](crate::store::TokenStore::prune) has not. Records that only lie idle, or were revoked, are
///    left to it. It walks through all keys of the server; each of its steps has the time of a call. After
///    five seconds a call of it ends, and the next goes on from there. What may be presented once goes an hour
///    after its end, by Redis's expiry alone, counted from when it was presented.
/// 4. **What is ended is told in the same script,** on the channel `<prefix>:endings`. A subscription has a
///    connection of its own to each master, and fails when one is lost or the masters change. `FLUSHALL` and
///    `FLUSHDB` are heard of; that somebody removed single keys by hand is not.
/// 5. **A call takes no longer than its [timeout](RedisStoreBuilder::timeout),** and is unavailable then. A
///    lost connection is made anew by itself, within a second of the server's return.
///
/// # Durability
/// A write is as durable as the server makes it. With `appendonly yes` and `appendfsync always` it is on
/// disk before the call returns. With `appendfsync everysec`, the default, a crash may take back the last
/// second, and with it revocations and what was presented once; without an append-only file, all since the
/// last snapshot.
///
/// Replicas are written later, and no call waits for them. When a master fails, the replica that takes over
/// may lack the last writes that were acknowledged: a token that was minted is unknown then, and one that
/// was revoked may be good again until it is revoked once more; a proof that was presented just before may be
/// presented again. With `min-replicas-to-write 1` and a small
/// `min-replicas-max-lag` a master that has lost its replicas stops to take writes, and so bounds what can
/// be lost; nothing makes it none. Where no revocation may be lost, run a master without a replica that
/// takes over, or use PostgreSQL with a synchronous standby. A failover
/// by hand (`CLUSTER FAILOVER`) loses nothing.
///
/// # Clusters
/// Slots may move and masters may fail over while the store is in use. What is asked of a slot on its way
/// follows it, or is unavailable for that moment; it is never answered from half of the slot. The
/// subscriptions end whenever the masters change, and a node looks up anew what it remembers.
///
/// Sentinel is not asked for the master. Where it is in use, have the URL name something that leads to the
/// master at all times. A server that was a master and is a replica by now is unavailable for what changes
/// anything.
///
/// Redis must not throw keys away when its memory is full: where `maxmemory` is set and `maxmemory-policy`
/// is not `noeviction`, [`connect`](RedisStoreBuilder::connect) refuses. A server that does not tell is
/// trusted.
///
/// The user needs `~<prefix>:*`, `&<prefix>:endings`, and the commands of hashes, strings, sorted sets, keys,
/// scripts and publishing, `INFO`, `CLIENT TRACKING` and `CLUSTER SLOTS`.
///
/// ```no_run
/// use tower_bearer::store::RedisStore;
///
/// # async fn example() -> Result<(), tower_bearer::store::StoreError> {
/// let store = RedisStore::connect("redis://127.0.0.1/").await?;
/// let cluster = RedisStore::builder("redis://10.0.0.1/")
///     .cluster(["redis://10.0.0.2/", "redis://10.0.0.3/"])
///     .key_prefix("shop")
///     .connect()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    inner: Arc<Inner>,
}

struct Inner {
    link: Link,
    origin: Origin,
    keys: Keys,
    channel: String,
    timeout: Duration,
    walks: Walks,
}

impl RedisStore {
    /// Connects to one server, with the default settings. The URL is
    /// `redis://user:password@host:port/database`, or begins with `rediss://` for TLS.
    ///
    /// # Errors
    /// As [`RedisStoreBuilder::connect`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Self::builder(url).connect().await
    }

    /// Sets up a store on the server of this URL.
    pub fn builder(url: impl Into<Box<str>>) -> RedisStoreBuilder {
        RedisStoreBuilder::new(url.into())
    }

    async fn within<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        link::within(self.inner.timeout, call).await
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("key_prefix", &self.inner.keys.prefix())
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}

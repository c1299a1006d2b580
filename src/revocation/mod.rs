//! What was ended before its time, and how every node learns of it.
//!
//! 1. **Stored tokens are ended in their store.** JWTs, and tokens of your own, are in none: what is ended
//!    of them is written to a [`RevocationStore`] by [`Revocations`], by token, session, subject, client,
//!    key, or all. A [`Revocable`](crate::verifier::Revocable) verifier looks there.
//! 2. **The store is written first,** then this node is told, and the call returns then. From that moment
//!    this node lets nothing in by what was ended, though it be remembered in a cache or already verified:
//!    the generation of revocations is looked at once more before the inner service is called.
//! 3. **Other nodes hear it through the [`Feed`]** of their store. A node that cannot hear trusts nothing
//!    that it remembers and looks everything up, until it can.

mod doubt;
mod ending;
mod endpoint;
mod feed;
mod memory;
mod recent;
mod revocations;
mod revoker;
mod target;
mod told;
mod watch;
#[cfg(any(feature = "redis", feature = "sql"))]
mod wire;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::store::StoreError;

pub use ending::Ending;
pub use endpoint::RevocationEndpoint;
pub use feed::{Beat, Feed, FeedMessage, Subscription};
pub use memory::MemoryRevocations;
pub use revocations::Revocations;
pub use revoker::Revoker;
pub use target::{Revocation, Target};

#[cfg(feature = "tokio")]
pub(crate) use doubt::Doubt;
pub(crate) use recent::Recent;
pub(crate) use revocations::judge;
pub(crate) use target::is_ended;
pub(crate) use watch::Watch;

/// Keeps what was ended of the tokens that no store knows.
///
/// # Contract
/// - For one target the latest [`before`](Revocation::before) and the latest [`until`](Revocation::until)
///   count, in whatever order they come.
/// - When [`put`](Self::put) has returned `Ok`, the revocation is durable, every later call sees it, and
///   every subscription to the store's feed, if it has one, will hear of it.
/// - Nothing is forgotten before its `until` is over by the time that [`prune`](Self::prune) is told; a
///   store's own expiry may tidy up only later than that.
/// - A failure is an error, never an absent revocation.
#[async_trait]
pub trait RevocationStore: fmt::Debug + Send + Sync {
    /// Keeps a revocation.
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError>;

    /// The latest [`before`](Revocation::before) of all that is known about these targets.
    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError>;

    /// Does what [`latest_before`](Self::latest_before) does for
    /// [`Target::of_identity`], if nothing has to be waited for, and says `None` otherwise.
    fn latest_before_now(
        &self,
        identity: &Identity,
    ) -> Option<Result<Option<Timestamp>, StoreError>> {
        let _ = identity;
        None
    }

    /// Forgets what is over at `now`: at most `limit`, and says how many.
    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError>;
}

#[async_trait]
impl<S: RevocationStore + ?Sized> RevocationStore for Arc<S> {
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        (**self).put(revocation).await
    }

    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        (**self).latest_before(targets).await
    }

    fn latest_before_now(
        &self,
        identity: &Identity,
    ) -> Option<Result<Option<Timestamp>, StoreError>> {
        (**self).latest_before_now(identity)
    }

    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        (**self).prune(now, limit).await
    }
}

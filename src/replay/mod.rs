//! What may be presented once: the ids of proofs of possession (RFC 9449 §11.1).
//!
//! 1. **An id is a digest,** made of what it is an id of and of the texts that name it, such as the key of
//!    a proof and its `jti`. What a stranger chose has no length and no content by the time it is kept.
//! 2. **Whoever comes first is told so,** and everybody after them, on every node of the same store, that
//!    it was taken before.
//! 3. **It is remembered until a moment** by the clock of whoever asks: for as long as it would otherwise be
//!    accepted by any of those who share the store. Stores tidy up by themselves what has been over for an hour, so that a clock that is set back by
//!    less lets nothing in for a second time.
//!
//! ```
//! use std::time::Duration;
//! use tower_bearer::clock::Timestamp;
//! use tower_bearer::replay::{MemoryReplayStore, ReplayId, ReplayStore};
//!
//! # #[tokio::main] async fn main() -> Result<(), tower_bearer::error::StoreError> {
//! let store = MemoryReplayStore::new();
//! let now = Timestamp::from_unix_secs(1_700_000_000);
//! let until = now.saturating_add(Duration::from_secs(60));
//!
//! let id = ReplayId::of("dpop", ["the key's thumbprint", "the proof's jti"]);
//! assert!(store.remember_once(&id, until, now).await?);
//! assert!(!store.remember_once(&id, until, now).await?);
//! # Ok(()) }
//! ```
//!
//! [`MemoryReplayStore`] is for a service of one process. Where several processes take the same proofs, all
//! of them need one store: `SqliteStore`, `PostgresStore` and `RedisStore` are such.

mod id;
mod memory;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::error::StoreError;

pub use id::ReplayId;
pub use memory::MemoryReplayStore;

/// For how long what is over is kept, for clocks that are set back.
pub(crate) const SPARE: Duration = Duration::from_secs(3600);

/// Remembers what may be presented once.
///
/// # Contract
/// - Of any number of calls that name one id, on whatever nodes and however close together, exactly one is
///   told `true`, until the end that this one gave. The others change nothing.
/// - The end is exact, to the millisecond of the times that are told: at `until` the id may be taken again.
///   Times are those of the callers alone; a store's own clock may tidy up, later than they do.
/// - What is over at `now` already is never taken.
/// - Nothing else is forgotten early, however many ids there are. A store that has no room for another fails.
/// - A call ends in bounded time, with an error if need be: nothing around it has a deadline of its own.
/// - A failure is an error, never `true`. An id may have been taken by a call that failed, or whose future
///   was dropped, or may yet be: its next caller may be told `false`, and whoever holds the id needs a new one.
/// - What is over goes in the end, without anybody's asking.
/// - A store that wraps another forwards [`remember_once_now`](Self::remember_once_now) to it.
///
/// The `testing` feature has tests of this contract, `testing::replay::conformance`.
#[async_trait]
pub trait ReplayStore: fmt::Debug + Send + Sync {
    /// Says whether this id was not remembered at `now`, and has it remembered until `until`.
    ///
    /// # Errors
    /// If the store cannot be reached, did not answer in time, or has no room. Whoever presented the id must
    /// not be let in.
    async fn remember_once(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Does what [`remember_once`](Self::remember_once) does if nothing has to be waited for; otherwise
    /// does nothing, and says `None`.
    ///
    /// A store that answers here spares each request a boxed future.
    fn remember_once_now(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Result<bool, StoreError>> {
        let _ = (id, until, now);
        None
    }
}

#[async_trait]
impl<S: ReplayStore + ?Sized> ReplayStore for Arc<S> {
    async fn remember_once(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        (**self).remember_once(id, until, now).await
    }

    fn remember_once_now(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Result<bool, StoreError>> {
        (**self).remember_once_now(id, until, now)
    }
}

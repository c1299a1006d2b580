//! What one process puts between its verifiers and issuers and a store that several share.
//!
//! 1. **What is ended here is over here at once.** When a call has returned that ended tokens, this node lets
//!    nothing in by them: neither a request under way, nor what a cache remembers.
//! 2. **What is ended elsewhere is heard,** by the store's
//!    [`Feed`](crate::revocation::Feed). A node that does not hear its own beats
//!    any more looks everything up, until it hears them again.
//! 3. **Uses are kept in memory and written in batches,** each [`lag`](NodeBuilder::lag). On this node they
//!    count at once: a session slides by each, and a listing shows it. On another, a session may look idle by
//!    the lag too long, so the lag must be far below any idle limit. Nothing slides past an absolute limit.
//!    Where more tokens are used in that time than may wait, it is chosen which use is lost.
//! 4. **What is over is removed** in bounded batches, where that is asked for.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use tower_bearer::issue::TokenIssuer;
//! use tower_bearer::node::Node;
//! use tower_bearer::store::{MemoryStore, TokenFormat};
//! use tower_bearer::verifier::OpaqueTokenVerifier;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let node = Node::builder(Arc::new(MemoryStore::new())).start()?;
//! let format = TokenFormat::new("st_")?;
//! let sessions = TokenIssuer::opaque(node.tokens(), format.clone());
//! let verifier = OpaqueTokenVerifier::new(node.tokens(), format);
//! # drop((sessions, verifier));
//!
//! // When the server has answered its last request:
//! node.shutdown(Duration::from_secs(5)).await?;
//! # Ok(()) }
//! ```

mod builder;
mod follower;
mod health;
mod housekeeping;
mod spare;
mod store;
mod uses;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::timeout;

use self::health::Health;
use self::store::NodeStore;
use self::uses::Uses;
use crate::clock::Timestamp;
use crate::revocation::Recent;
use crate::store::TokenStore;

pub use builder::NodeBuilder;

/// What one process puts in front of a shared store. Its tasks end when it is dropped; what was not written
/// then is lost, so call [`shutdown`](Self::shutdown) first.
pub struct Node {
    store: Arc<NodeStore>,
    recent: Arc<Recent>,
    uses: Arc<Uses>,
    health: Arc<Health>,
    tasks: Vec<JoinHandle<()>>,
}

/// How a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeState {
    /// Whether everything that other nodes end is heard of here.
    pub is_trusted: bool,
    /// Since when that is so, or is not.
    pub trust_changed_at: Timestamp,
    /// How many uses wait to be written.
    pub pending_uses: usize,
    /// How many uses were not kept, since too many waited. Their sessions may end sooner.
    pub lost_uses: u64,
    /// When all that waited was last written, if it ever was.
    pub uses_written_at: Option<Timestamp>,
    /// When what is over was last removed, all of it, if it ever was.
    pub pruned_at: Option<Timestamp>,
    /// How many tokens and revocations were removed then.
    pub pruned: u64,
}

/// Uses that could not be written before a node was shut down. Their sessions may end sooner.
#[derive(Debug)]
pub struct LostUses {
    uses: usize,
}

impl Node {
    /// Begins a node in front of `tokens`.
    pub fn builder(tokens: Arc<dyn TokenStore>) -> NodeBuilder {
        NodeBuilder::new(tokens)
    }

    /// The store, for verifiers and issuers: by this way everything is noticed.
    #[must_use]
    pub fn tokens(&self) -> Arc<dyn TokenStore> {
        Arc::clone(&self.store) as _
    }

    /// How the node is doing.
    #[must_use]
    pub fn state(&self) -> NodeState {
        let (is_trusted, times) = self.health.look(&self.recent);
        NodeState {
            is_trusted,
            trust_changed_at: times.trust,
            pending_uses: self.uses.pending(),
            lost_uses: self.uses.lost(),
            uses_written_at: times.uses_written,
            pruned_at: times.pruned.map(|(at, _)| at),
            pruned: times.pruned.map_or(0, |(_, removed)| removed),
        }
    }

    /// Writes the uses that wait. Says how many are left, which is none unless the store failed.
    pub async fn flush(&self) -> usize {
        if self.uses.flush(self.store.inner()).await {
            self.health.wrote_uses();
        }
        self.uses.pending()
    }

    /// Ends the node's tasks, and writes the uses that wait, `limit` at most.
    ///
    /// # Errors
    /// If some could not be written.
    pub async fn shutdown(mut self, limit: Duration) -> Result<(), LostUses> {
        for task in self.tasks.drain(..) {
            task.abort();
            // It was aborted, or is over.
            let _ = task.await;
        }
        let _ = timeout(limit, self.flush()).await;
        match self.uses.pending() {
            0 => Ok(()),
            uses => Err(LostUses { uses }),
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("store", &self.store)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for LostUses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} uses of tokens were not written", self.uses)
    }
}

impl Error for LostUses {}

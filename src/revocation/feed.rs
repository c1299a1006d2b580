use std::fmt;

use async_trait::async_trait;

use super::Ending;
use crate::store::StoreError;

/// How nodes hear of what others end.
///
/// A store that is shared by several nodes tells each ending to all of them, as part of the very write that
/// makes it so, and has a feed to hear it by.
///
/// # Contract
/// - A subscription that was made hears of every ending whose write began afterwards, or fails.
/// - So does it hear of every beat; both come the same way, so that whoever hears their own beat knows that
///   the way is open.
#[async_trait]
pub trait Feed: fmt::Debug + Send + Sync {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the store cannot be reached.
    async fn subscribe(&self) -> Result<Box<dyn Subscription>, StoreError>;

    /// Has every subscription hear of a sign of life.
    ///
    /// # Errors
    /// If the store cannot be reached.
    async fn beat(&self, beat: Beat) -> Result<(), StoreError>;
}

/// One node's ear at a [`Feed`].
#[async_trait]
pub trait Subscription: Send {
    /// What comes next. A future that is dropped loses nothing.
    ///
    /// # Errors
    /// If something may have been missed. The subscription is of no use any more.
    async fn next(&mut self) -> Result<FeedMessage, StoreError>;
}

/// A sign of life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beat {
    /// The node that gave it: a random number.
    pub node: u64,
    /// How many it gave before.
    pub number: u64,
}

/// What is heard on a [`Feed`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FeedMessage {
    /// Something was ended.
    Ending(Ending),
    /// A node is alive.
    Beat(Beat),
}

use std::sync::Arc;

use super::memory::Memory;
use crate::identity::Identity;

/// Has a [`Cached`](super::Cached) verifier forget: after a key was withdrawn, or a token was ended in a way
/// that its store does not tell of. Clones speak of the same cache.
///
/// Once a call has returned, a request that comes in is judged afresh, and what was being judged meanwhile
/// is answered and not remembered.
#[derive(Debug, Clone)]
pub struct CacheHandle {
    memory: Arc<Memory>,
}

impl CacheHandle {
    pub(super) fn new(memory: Arc<Memory>) -> Self {
        Self { memory }
    }

    /// Forgets everything, refusals too.
    pub fn forget_all(&self) {
        self.memory.forget_all();
    }

    /// Forgets the identities of which `is_over` is true, such as all of one subject. It looks at each that
    /// is remembered, and must not use the cache itself.
    pub fn forget_where(&self, is_over: impl Fn(&Identity) -> bool) {
        self.memory.forget_where(is_over);
    }

    /// How many identities are remembered, those too old to be taken among them.
    #[must_use]
    pub fn len(&self) -> usize {
        self.memory.len()
    }

    /// Whether no identity is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

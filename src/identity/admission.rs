use std::sync::Arc;

use super::Identity;
use crate::clock::Timestamp;
use crate::refusal::Refusal;

/// Has the last word on each request that an identity is about to be let in for, and is told of it so.
///
/// A verifier attaches one with [`Identity::with_on_admitted`]; the layer calls it once the policy is
/// met, just before the inner service. A request that was refused before does not count as a use.
pub trait OnAdmitted: Send + Sync {
    /// A request is let in at `now`, unless this refuses it. Called on the request's path: it must not
    /// block.
    ///
    /// # Errors
    /// If the credential was ended while the request was under way.
    fn admitted(&self, now: Timestamp) -> Result<(), Refusal>;

    /// Whether an identity that was found earlier may still be taken from memory. Where it may not, its
    /// credential is judged again.
    fn is_current(&self) -> bool {
        true
    }
}

/// Letting a request in by an identity.
impl Identity {
    /// With something that has the last word on each request, and is told of those that are let in.
    #[must_use]
    pub fn with_on_admitted(mut self, listener: Arc<dyn OnAdmitted>) -> Self {
        self.on_admitted = Some(listener);
        self
    }

    /// This identity for one request: its end as of now, its end if the request is not let in, and what is
    /// told if it is.
    #[cfg(feature = "tokens")]
    pub(crate) fn for_request(
        mut self,
        expires_at: Option<Timestamp>,
        recheck_at: Option<Timestamp>,
        on_admitted: Option<Arc<dyn OnAdmitted>>,
    ) -> Self {
        self.expires_at = expires_at;
        self.recheck_at = recheck_at;
        self.on_admitted = on_admitted;
        self
    }

    /// This identity with a listener around the one that it has, which is handed an identity without any.
    #[cfg(feature = "tokens")]
    pub(crate) fn watched<L: OnAdmitted + 'static>(
        mut self,
        wrap: impl FnOnce(Self, Option<Arc<dyn OnAdmitted>>) -> L,
    ) -> Self {
        let inner = self.on_admitted.take();
        self.on_admitted = Some(Arc::new(wrap(self.clone(), inner)));
        self
    }

    /// Asks whoever has the last word, and tells them that a request is let in by this identity at `now`.
    ///
    /// The layer does this; so does whoever lets requests in by a verifier without the layer.
    ///
    /// # Errors
    /// If the credential was ended since the identity was made.
    pub fn admitted(&self, now: Timestamp) -> Result<(), Refusal> {
        match &self.on_admitted {
            Some(listener) => listener.admitted(now),
            None => Ok(()),
        }
    }

    /// Whether this identity, found earlier, may still be taken from memory; a cache asks.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let listener = self.on_admitted.as_deref();
        listener.is_none_or(OnAdmitted::is_current)
    }
}

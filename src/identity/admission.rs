use std::fmt;
use std::sync::Arc;

use super::Identity;
use crate::clock::Timestamp;
use crate::refusal::Refusal;

/// Has the last word on each request that an identity is about to be let in for, and is told of each that
/// was a use.
///
/// A verifier attaches one with [`Identity::with_on_admitted`]. The layer asks it once the policy is met,
/// just before the inner service is called, and tells it of the use once there is a response, or nobody
/// waits for one any more. A request that was refused is none: neither by the layer nor further in, by a
/// [`RequireLayer`](crate::RequireLayer), an extractor or a handler, all of which leave their
/// [`Refusal`](crate::Refusal) in the response's extensions (a tonic method, its `Status`).
pub trait OnAdmitted: Send + Sync {
    /// A request is let in at `now`, unless this refuses it. Called on the request's path: it must not
    /// block.
    ///
    /// # Errors
    /// If the credential was ended while the request was under way.
    fn admitted(&self, now: Timestamp) -> Result<(), Refusal>;

    /// The request that was let in at `now` was a use of the credential. It must not block.
    fn used(&self, now: Timestamp) {
        let _ = now;
    }

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

    /// Asks whoever has the last word, and tells them that a request is let in by this identity at `now`,
    /// and so is a use of it.
    ///
    /// For whoever lets requests in by a verifier without the layer, which does it by itself.
    ///
    /// # Errors
    /// If the credential was ended since the identity was made.
    pub fn admitted(&self, now: Timestamp) -> Result<(), Refusal> {
        self.let_in(now).map(drop)
    }

    /// The same, with the use still to be told of.
    pub(crate) fn let_in(&self, now: Timestamp) -> Result<PendingUse, Refusal> {
        if let Some(listener) = &self.on_admitted {
            listener.admitted(now)?;
        }
        let listener = self.on_admitted.clone();
        Ok(PendingUse { listener, now })
    }

    #[cfg(feature = "tokens")]
    pub(crate) fn on_admitted(&self) -> Option<&dyn OnAdmitted> {
        self.on_admitted.as_deref()
    }

    /// Whether this identity, found earlier, may still be taken from memory; a cache asks.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let listener = self.on_admitted.as_deref();
        listener.is_none_or(OnAdmitted::is_current)
    }
}

/// A request that was let in. It counts as a use when this is settled, or dropped before.
pub(crate) struct PendingUse {
    listener: Option<Arc<dyn OnAdmitted>>,
    now: Timestamp,
}

impl PendingUse {
    /// Of a request that nobody is told of.
    pub(crate) fn none() -> Self {
        let (listener, now) = (None, Timestamp::EPOCH);
        Self { listener, now }
    }

    /// There is a response. One that is a refusal from further in makes no use.
    pub(crate) fn settle(&mut self, is_refused: bool) {
        if let Some(listener) = self.listener.take()
            && !is_refused
        {
            listener.used(self.now);
        }
    }
}

impl Drop for PendingUse {
    fn drop(&mut self) {
        self.settle(false);
    }
}

impl fmt::Debug for PendingUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingUse").finish_non_exhaustive()
    }
}

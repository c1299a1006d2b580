use std::sync::Arc;

use super::recent::{Recent, Since};
use crate::clock::Timestamp;
use crate::identity::{Identity, OnAdmitted};
use crate::refusal::Refusal;
use crate::sync::{AtomicU64, Ordering};

/// Looks once more whether a credential was ended while the request, or what remembers its identity, went
/// on.
pub(crate) struct Watch {
    recent: Arc<Recent>,
    /// The generation up to which nothing has become of it.
    seen: AtomicU64,
    identity: Identity,
    then: Option<Arc<dyn OnAdmitted>>,
}

impl Watch {
    /// Watches over an identity that was looked up after generation `seen` was read, and lets `then` have
    /// its word afterwards.
    pub(crate) fn new(
        recent: &Arc<Recent>,
        seen: u64,
        identity: Identity,
        then: Option<Arc<dyn OnAdmitted>>,
    ) -> Self {
        Self {
            recent: Arc::clone(recent),
            seen: AtomicU64::new(seen),
            identity,
            then,
        }
    }

    fn look(&self) -> Since {
        let seen = self.seen.load(Ordering::Acquire);
        let since = self.recent.since(seen, &self.identity);
        // Mostly nothing was ended at all, and cores that share a token are not to wait for each other.
        if let Since::Untouched(generation) = since
            && generation > seen
        {
            self.seen.fetch_max(generation, Ordering::AcqRel);
        }
        since
    }
}

impl OnAdmitted for Watch {
    fn admitted(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.look() {
            // One that is in doubt was looked up by this request itself, or a moment ago: what other nodes
            // end is heard of within a bound, and this is within it.
            Since::Untouched(_) | Since::Doubtful => {}
            Since::Ended => return Err(self.named(Refusal::revoked("token was ended meanwhile"))),
            Since::Overrun => {
                let detail = "too many tokens were ended meanwhile to tell";
                return Err(self.named(Refusal::unavailable(detail)));
            }
        }
        match &self.then {
            Some(then) => then.admitted(now),
            None => Ok(()),
        }
    }

    fn used(&self, now: Timestamp) {
        if let Some(then) = &self.then {
            then.used(now);
        }
    }

    fn is_current(&self) -> bool {
        self.recent.is_trusted()
            && matches!(self.look(), Since::Untouched(_))
            && self.then.as_deref().is_none_or(OnAdmitted::is_current)
    }
}

impl Watch {
    fn named(&self, refusal: Refusal) -> Refusal {
        match self.identity.credential_id() {
            Some(id) => refusal.with_credential_id(id),
            None => refusal,
        }
    }
}

use std::sync::Arc;

use crate::identity::{CredentialKind, Identity, OnAdmitted};
use crate::refusal::Refusal;
use crate::store::{Digests, Found, StoreError, TokenFormat, TokenState, TokenStore};
use crate::verifier::{Answer, Presented};

/// What the verifiers of stored tokens are made of.
#[derive(Debug, Clone)]
pub(in crate::verifier) struct Core {
    store: Arc<dyn TokenStore>,
    digests: Digests,
    kinds: &'static [CredentialKind],
}

impl Core {
    pub(in crate::verifier) fn new(
        store: Arc<dyn TokenStore>,
        kinds: &'static [CredentialKind],
    ) -> Arc<Self> {
        Arc::new(Self {
            store,
            digests: Digests::plain(),
            kinds,
        })
    }

    pub(in crate::verifier) fn with_digests(&self, digests: Digests) -> Arc<Self> {
        Arc::new(Self {
            digests,
            ..self.clone()
        })
    }

    pub(super) fn answer(self: &Arc<Self>, format: &TokenFormat, presented: &Presented) -> Answer {
        if !format.matches_shape(presented.token.expose_bytes()) {
            return Answer::Now(Err(Refusal::invalid("not in the format of these tokens")));
        }
        self.look_up(presented)
    }

    /// Judges a token by its record alone, whatever it looks like.
    pub(in crate::verifier) fn look_up(self: &Arc<Self>, presented: &Presented) -> Answer {
        let text = presented.token.expose_bytes();
        if let Some(found) = self.digests.find_now(text, &*self.store) {
            return Answer::Now(self.judge(found, presented));
        }
        let (core, presented) = (Arc::clone(self), presented.clone());
        Answer::Later(Box::pin(async move {
            let text = presented.token.expose_bytes();
            let found = core.digests.find(text, &*core.store).await;
            core.judge(found, &presented)
        }))
    }

    fn judge(
        &self,
        found: Result<Option<Found>, StoreError>,
        presented: &Presented,
    ) -> Result<Identity, Refusal> {
        match found {
            Ok(Some(found)) => self.admit(found, presented),
            Ok(None) => Err(Refusal::invalid("unknown token")),
            Err(error) => {
                Err(Refusal::unavailable("the token store gave no answer").with_source(error))
            }
        }
    }

    fn admit(&self, mut found: Found, presented: &Presented) -> Result<Identity, Refusal> {
        let now = presented.now;
        let record = found.record();
        let last_used = found.last_used();
        let refusal = if !self.kinds.contains(&record.kind) {
            Refusal::invalid("a token of another kind")
        } else {
            match record.state_if_used(last_used, now) {
                TokenState::Active => {
                    self.renew_digest(&found, presented.token.expose_bytes());
                    let listener = self.listener(&mut found);
                    // A request that is let in is a use, and moves the end. One that the clock stepped
                    // back from is not older than the last.
                    let used = listener.is_some().then_some(now).max(last_used);
                    let end = found.record().ends_if_used(used);
                    // One that is not let in is none: a cache must look again by then.
                    let unused_end = found.record().ends_if_used(last_used);
                    return Ok(found.identity().for_request(end, unused_end, listener));
                }
                TokenState::Revoked => Refusal::revoked("token was revoked"),
                TokenState::Disabled => Refusal::disabled("token is disabled"),
                TokenState::Expired => Refusal::expired("token has expired"),
                TokenState::Idle => Refusal::expired("token was idle for too long"),
            }
        };
        Err(refusal.with_credential_id(record.id.clone()))
    }

    /// Has a token that was found by an older sort of digest found by the first one from now on.
    fn renew_digest(&self, found: &Found, text: &[u8]) {
        if !self.digests.is_older(found.record().pepper.as_deref()) {
            return;
        }
        #[cfg(feature = "tokio")]
        super::touch::renew_digest(&self.store, found, self.digests.digest(text), &self.digests);
        #[cfg(not(feature = "tokio"))]
        let _ = text;
    }

    /// What records the use: the store's own listener, or else a call to the store in the background.
    fn listener(&self, found: &mut Found) -> Option<Arc<dyn OnAdmitted>> {
        let own = found.take_on_admitted();
        #[cfg(feature = "tokio")]
        let own = own.or_else(|| {
            let store = Arc::clone(&self.store);
            Some(Arc::new(super::touch::Touch::new(store, found.clone())))
        });
        own
    }
}

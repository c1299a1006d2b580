use std::sync::Arc;

use tokio::runtime::Handle;

use crate::clock::Timestamp;
use crate::identity::OnAdmitted;
use crate::refusal::Refusal;
use crate::store::{Digests, Found, TokenChange, TokenDigest, TokenStore, TokenUse};

/// Records a use in a store that has no listener of its own, by a task on the runtime at hand.
///
/// A use that could not be recorded does not move the idle limit: the token ends sooner, never later.
pub(super) struct Touch {
    store: Arc<dyn TokenStore>,
    found: Found,
}

impl Touch {
    pub(super) fn new(store: Arc<dyn TokenStore>, found: Found) -> Self {
        Self { store, found }
    }
}

impl OnAdmitted for Touch {
    fn admitted(&self, _now: Timestamp) -> Result<(), Refusal> {
        Ok(())
    }

    fn used(&self, now: Timestamp) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let store = Arc::clone(&self.store);
        let found = self.found.clone();
        runtime.spawn(async move {
            let key = found.record().key();
            let recorded = store.touch(&[TokenUse { key, at: now }]).await;
            #[cfg(feature = "tracing")]
            if let Err(error) = &recorded {
                tracing::warn!(
                    credential.id = key.id,
                    error = error as &(dyn std::error::Error + 'static),
                    "use of a token was not recorded"
                );
            }
            drop(recorded);
        });
    }
}

/// Gives a token another digest, by a task on the runtime at hand. Where that fails, its next use tries
/// again.
pub(super) fn renew_digest(
    store: &Arc<dyn TokenStore>,
    found: &Found,
    digest: TokenDigest,
    digests: &Digests,
) {
    let Ok(runtime) = Handle::try_current() else {
        return;
    };
    let (store, found) = (Arc::clone(store), found.clone());
    let change = TokenChange::new().digest(digest, digests.pepper().map(Into::into));
    runtime.spawn(async move {
        let key = found.record().key();
        let renewed = store.update(key, &change).await;
        #[cfg(feature = "tracing")]
        if let Err(error) = &renewed {
            tracing::warn!(
                credential.id = key.id,
                error = error as &(dyn std::error::Error + 'static),
                "digest of a token was not renewed"
            );
        }
        drop(renewed);
    });
}

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::{Answer, Presented, TokenVerifier, VerifyFuture};
use crate::identity::Identity;
use crate::refusal::Refusal;

type Lookup = dyn Fn(Identity) -> VerifyFuture + Send + Sync;

/// A verifier and a lookup, by [`enriched`](super::TokenVerifierExt::enriched).
pub struct Enriched {
    inner: Arc<dyn TokenVerifier>,
    lookup: Arc<Lookup>,
}

impl Enriched {
    pub(super) fn new<S, F, Fut>(inner: Arc<dyn TokenVerifier>, state: S, lookup: F) -> Self
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S, Identity) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Identity, Refusal>> + Send + 'static,
    {
        Self {
            inner,
            lookup: Arc::new(move |identity| {
                let confirmation = identity.confirmation().cloned();
                let looked_up = lookup(state.clone(), identity);
                Box::pin(async move {
                    let identity = looked_up.await?;
                    // What the token is bound to is no matter of who the caller is.
                    Ok(match confirmation {
                        Some(confirmation) => identity.with_confirmation(confirmation),
                        None => identity,
                    })
                })
            }),
        }
    }

    fn answer(&self, presented: &Presented) -> Answer {
        match Answer::of(&self.inner, presented) {
            Answer::Now(Err(refusal)) => Answer::Now(Err(refusal)),
            Answer::Now(Ok(identity)) => Answer::Later((self.lookup)(identity)),
            Answer::Later(verified) => {
                let lookup = Arc::clone(&self.lookup);
                Answer::Later(Box::pin(async move { lookup(verified.await?).await }))
            }
        }
    }
}

#[async_trait]
impl TokenVerifier for Enriched {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

impl fmt::Debug for Enriched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enriched")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}

use std::sync::Arc;

use async_trait::async_trait;

use super::token::Core;
use super::{Answer, Presented, TokenVerifier};
use crate::clock::Timestamp;
use crate::identity::{Identity, OnAdmitted};
use crate::refusal::Refusal;
use crate::store::{Digests, OPAQUE_KINDS, TokenStore};

/// A verifier of tokens that a store must know besides, by [`backed`](super::TokenVerifierExt::backed): such
/// as the JWT of a bot, which is good until the next one is made.
///
/// 1. The inner verifier judges the token.
/// 2. One that it accepts is looked up by the digest of its text. Its record must be good as that of an opaque
///    token must be, and have the same subject and id (`jti`).
/// 3. The identity is the inner verifier's, with the kind and the name that the record gives it, and the
///    earlier of both ends.
/// 4. The use is recorded once the request was let in.
///
/// [`TokenIssuer::regenerate_jwt`](crate::issue::TokenIssuer::regenerate_jwt) makes such tokens.
#[derive(Debug)]
pub struct Backed {
    inner: Arc<dyn TokenVerifier>,
    core: Arc<Core>,
}

impl Backed {
    pub(super) fn new(inner: Arc<dyn TokenVerifier>, store: Arc<dyn TokenStore>) -> Self {
        Self {
            inner,
            core: Core::new(store, OPAQUE_KINDS),
        }
    }

    /// With digests that are made, or were made, in other ways than by a plain SHA-256. The issuer is to have
    /// the same.
    #[must_use]
    pub fn with_digests(self, digests: Digests) -> Self {
        Self {
            core: self.core.with_digests(digests),
            ..self
        }
    }

    fn answer(&self, presented: &Presented) -> Answer {
        match Answer::of(&self.inner, presented) {
            Answer::Now(Ok(identity)) => match self.core.look_up(presented) {
                Answer::Now(stored) => {
                    Answer::Now(stored.and_then(|stored| both(identity, &stored)))
                }
                Answer::Later(looking) => {
                    Answer::Later(Box::pin(async move { both(identity, &looking.await?) }))
                }
            },
            Answer::Now(Err(refusal)) => Answer::Now(Err(refusal)),
            Answer::Later(judging) => {
                let (core, presented) = (Arc::clone(&self.core), presented.clone());
                Answer::Later(Box::pin(async move {
                    let identity = judging.await?;
                    both(identity, &core.look_up(&presented).wait().await?)
                }))
            }
        }
    }
}

/// The identity as the inner verifier found it, bounded by its record.
fn both(identity: Identity, stored: &Identity) -> Result<Identity, Refusal> {
    let fits = identity.subject() == stored.subject()
        && identity.credential_id() == stored.credential_id();
    if !fits {
        return Err(Refusal::invalid("record of another token"));
    }
    let record = stored.clone();
    Ok(identity
        .backed_by(stored)
        .watched(|_, inner| Both { inner, record }))
}

/// Asks the inner verifier's listener, then the record's.
struct Both {
    inner: Option<Arc<dyn OnAdmitted>>,
    record: Identity,
}

impl OnAdmitted for Both {
    fn admitted(&self, now: Timestamp) -> Result<(), Refusal> {
        if let Some(inner) = &self.inner {
            inner.admitted(now)?;
        }
        match self.record.on_admitted() {
            Some(record) => record.admitted(now),
            None => Ok(()),
        }
    }

    fn used(&self, now: Timestamp) {
        let record = self.record.on_admitted();
        for listener in self.inner.as_deref().into_iter().chain(record) {
            listener.used(now);
        }
    }

    fn is_current(&self) -> bool {
        self.inner.as_deref().is_none_or(OnAdmitted::is_current) && self.record.is_current()
    }
}

#[async_trait]
impl TokenVerifier for Backed {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

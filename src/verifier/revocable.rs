use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::{Answer, Presented, TokenVerifier};
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::revocation::{Revocations, Target, judge};
use crate::store::StoreError;

/// A verifier of tokens that can be revoked, by [`revocable`](super::TokenVerifierExt::revocable).
///
/// 1. The inner verifier judges the token.
/// 2. One that it accepts and gives no id (`jti`) is known from then on by the digest of its signing input,
///    `sha256:` and 64 hexadecimal digits; or of its whole text, if it is no JWT. The signature is left out,
///    since some have a valid twin.
/// 3. What is known of its id, session, subject, client, key and issuer is looked up. A token that was ended
///    is refused as revoked; if the store gives no answer, it could not be judged, unless
///    [`fail_open`](Self::fail_open) says otherwise.
/// 4. Whether it was ended meanwhile is looked at once more when the request is let in.
#[derive(Debug)]
pub struct Revocable {
    inner: Arc<dyn TokenVerifier>,
    revocations: Revocations,
    fails_open: bool,
}

impl Revocable {
    pub(super) fn new(inner: Arc<dyn TokenVerifier>, revocations: Revocations) -> Self {
        Self {
            inner,
            revocations,
            fails_open: false,
        }
    }

    /// Lets tokens pass while the store gives no answer, revoked or not.
    #[must_use]
    pub fn fail_open(mut self) -> Self {
        self.fails_open = true;
        self
    }

    fn answer(&self, presented: &Presented) -> Answer {
        // Read before the token is looked at: what is ended from now on is found by this.
        let seen = self.revocations.recent().generation();
        let desk = Desk {
            revocations: self.revocations.clone(),
            fails_open: self.fails_open,
            seen,
        };
        match Answer::of(&self.inner, presented) {
            Answer::Now(Ok(identity)) => desk.answer(named(identity, presented)),
            Answer::Now(Err(refusal)) => Answer::Now(Err(refusal)),
            Answer::Later(judging) => {
                let presented = presented.clone();
                Answer::Later(Box::pin(async move {
                    let identity = named(judging.await?, &presented);
                    desk.answer(identity).wait().await
                }))
            }
        }
    }
}

/// Where it is looked up whether a token was ended.
struct Desk {
    revocations: Revocations,
    fails_open: bool,
    seen: u64,
}

impl Desk {
    fn answer(self, identity: Identity) -> Answer {
        let store = self.revocations.store();
        if let Some(latest) = store.latest_before_now(&identity) {
            return Answer::Now(self.judge(identity, latest));
        }
        Answer::Later(Box::pin(async move {
            let targets = Target::of_identity(&identity);
            let latest = self.revocations.store().latest_before(&targets).await;
            self.judge(identity, latest)
        }))
    }

    fn judge(
        &self,
        identity: Identity,
        latest: Result<Option<crate::clock::Timestamp>, StoreError>,
    ) -> Result<Identity, Refusal> {
        let latest = match latest {
            Ok(latest) => latest,
            Err(error) if self.fails_open => {
                #[cfg(feature = "tracing")]
                tracing::warn!(
                    error = &error as &(dyn std::error::Error + 'static),
                    "let a token pass without knowing whether it was revoked"
                );
                drop(error);
                None
            }
            Err(error) => {
                let detail = "the revocation store gave no answer";
                return Err(Refusal::unavailable(detail).with_source(error));
            }
        };
        judge(identity, latest, self.seen, self.revocations.recent())
    }
}

/// The identity, with an id for its credential if it has none.
fn named(identity: Identity, presented: &Presented) -> Identity {
    if identity.credential_id().is_some() {
        return identity;
    }
    let text = presented.token.expose_bytes();
    let is_jws = text.iter().filter(|byte| **byte == b'.').count() == 2;
    let signed = text.iter().rposition(|byte| *byte == b'.');
    let named = match signed {
        Some(end) if is_jws => &text[..end],
        _ => text,
    };
    let digest: [u8; 32] = Sha256::digest(named).into();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    identity.with_credential_id(format!("sha256:{hex}"))
}

#[async_trait]
impl TokenVerifier for Revocable {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

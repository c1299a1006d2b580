use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;

use super::{Answer, Presented, TokenVerifier};
use crate::identity::Identity;
use crate::refusal::Refusal;

/// A verifier with a limit on its time, by [`deadline`](super::TokenVerifierExt::deadline).
///
/// The limit is kept by tokio's timer. An answer that needs no waiting is passed on as it is; one that
/// does, outside a tokio runtime, is refused as unavailable.
///
/// # Panics
/// Tokio does, in a runtime that was built without its timer. `#[tokio::main]` has one.
#[derive(Debug)]
pub struct Deadline {
    inner: Arc<dyn TokenVerifier>,
    limit: Duration,
}

impl Deadline {
    pub(super) fn new(inner: Arc<dyn TokenVerifier>, limit: Duration) -> Self {
        Self { inner, limit }
    }

    fn answer(&self, presented: &Presented) -> Answer {
        let verified = match Answer::of(&self.inner, presented) {
            Answer::Now(result) => return Answer::Now(result),
            Answer::Later(verified) => verified,
        };
        let limit = self.limit;
        Answer::Later(Box::pin(async move {
            if Handle::try_current().is_err() {
                return Err(Refusal::unavailable("a deadline needs a tokio runtime"));
            }
            tokio::time::timeout(limit, verified)
                .await
                .unwrap_or(Err(Refusal::unavailable("the verifier took too long")))
        }))
    }
}

#[async_trait]
impl TokenVerifier for Deadline {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

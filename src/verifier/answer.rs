use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use super::{Presented, TokenVerifier};
use crate::identity::Identity;
use crate::refusal::Refusal;

/// The future of a verifier's answer.
pub type VerifyFuture = Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send>>;

/// A verifier's answer, or the way to it.
#[must_use]
pub enum Answer {
    /// The answer.
    Now(Result<Identity, Refusal>),
    /// Something has to be waited for.
    Later(VerifyFuture),
}

impl Answer {
    /// Has `verifier` judge a token: by [`begin`](TokenVerifier::begin) where it has something to say
    /// there, and otherwise by [`verify`](TokenVerifier::verify), in a box.
    ///
    /// A verifier that wraps another asks it through this.
    pub fn of<V>(verifier: &Arc<V>, presented: &Presented) -> Self
    where
        V: TokenVerifier + ?Sized + 'static,
    {
        verifier.begin(presented).unwrap_or_else(|| {
            let (verifier, presented) = (Arc::clone(verifier), presented.clone());
            Self::Later(Box::pin(async move { verifier.verify(&presented).await }))
        })
    }

    /// Waits for the answer, where that is needed.
    ///
    /// # Errors
    /// The refusal that was answered.
    pub async fn wait(self) -> Result<Identity, Refusal> {
        match self {
            Self::Now(result) => result,
            Self::Later(future) => future.await,
        }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(result) => f.debug_tuple("Now").field(result).finish(),
            Self::Later(_) => f.write_str("Later(..)"),
        }
    }
}

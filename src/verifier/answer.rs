use std::fmt;
use std::pin::Pin;

use crate::identity::Identity;
use crate::refusal::Refusal;

/// The future of a verifier's answer.
pub type VerifyFuture = Pin<Box<dyn Future<Output = Result<Identity, Refusal>> + Send>>;

/// What [`TokenVerifier::begin`](super::TokenVerifier::begin) has to say.
#[must_use]
pub enum Answer {
    /// The answer.
    Now(Result<Identity, Refusal>),
    /// Something has to be waited for.
    Later(VerifyFuture),
}

impl Answer {
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

use std::fmt;

use async_trait::async_trait;

use super::{Answer, Presented, TokenVerifier, VerifyFuture};
use crate::identity::Identity;
use crate::refusal::Refusal;

/// A verifier made of a closure, by [`verify_fn`] or [`verify_with`].
pub struct FnVerifier {
    call: Box<dyn Fn(Presented) -> VerifyFuture + Send + Sync>,
}

/// A verifier that calls `verify` with each token.
///
/// ```
/// use tower_bearer::identity::{CredentialKind, Identity};
/// use tower_bearer::{Refusal, verifier::verify_fn};
///
/// let verifier = verify_fn(async |presented| match presented.token.expose_secret() {
///     "spring-sale" => Ok(Identity::new("visitor", CredentialKind::Other)),
///     _ => Err(Refusal::invalid("no such coupon")),
/// });
/// ```
///
/// An `async` closure cannot capture here ("captures state from its environment", says the compiler): one
/// that needs a database or the like takes it through [`verify_with`].
pub fn verify_fn<F, Fut>(verify: F) -> FnVerifier
where
    F: Fn(Presented) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity, Refusal>> + Send + 'static,
{
    FnVerifier {
        call: Box::new(move |presented| Box::pin(verify(presented))),
    }
}

/// A verifier that calls `verify` with a clone of `state` and each token.
///
/// ```
/// use std::{collections::HashMap, sync::Arc};
/// use tower_bearer::identity::{CredentialKind, Identity};
/// use tower_bearer::{Refusal, verifier::verify_with};
///
/// let owners = Arc::new(HashMap::from([("spring-sale", "marketing")]));
/// let verifier = verify_with(owners, async |owners, presented| {
///     match owners.get(presented.token.expose_secret()) {
///         Some(owner) => Ok(Identity::new(*owner, CredentialKind::Other)),
///         None => Err(Refusal::invalid("no such coupon")),
///     }
/// });
/// ```
pub fn verify_with<S, F, Fut>(state: S, verify: F) -> FnVerifier
where
    S: Clone + Send + Sync + 'static,
    F: Fn(S, Presented) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Identity, Refusal>> + Send + 'static,
{
    verify_fn(move |presented| verify(state.clone(), presented))
}

#[async_trait]
impl TokenVerifier for FnVerifier {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        (self.call)(presented.clone()).await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(Answer::Later((self.call)(presented.clone())))
    }
}

impl fmt::Debug for FnVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FnVerifier(..)")
    }
}

//! What tests need: the contracts of this crate's traits, a way to log in as anybody, and an identity
//! provider.
//!
//! The contracts are plain async functions that panic where one is broken, and run on whatever runtime the
//! implementation needs. [`log_in_as`] is for a handler that is called by itself. [`provider`] is for a
//! service that takes tokens from elsewhere.

#[cfg(feature = "jwt")]
pub mod dpop;
#[cfg(feature = "tokens")]
pub mod feed;
#[cfg(feature = "jwt")]
mod jws;
#[cfg(feature = "jwt")]
pub mod provider;
#[cfg(any(feature = "jwt", feature = "tokens"))]
pub mod replay;
#[cfg(feature = "tokens")]
pub mod revocation;
#[cfg(feature = "tokens")]
pub mod store;
#[cfg(any(feature = "jwt", feature = "tokens"))]
mod support;
pub mod verifier;

use std::sync::Arc;

use crate::caller::AuthenticatedUser;
use crate::challenge::ChallengerBuilder;
use crate::identity::Identity;

/// The user that a layer with the default settings would leave with a request of `identity`.
///
/// For a test that calls a handler itself, or that puts the user into a request's extensions in place of
/// the layer.
///
/// ```
/// use tower_bearer::AuthenticatedUser;
/// use tower_bearer::identity::{CredentialKind, Identity};
/// use tower_bearer::testing::log_in_as;
///
/// async fn hello(user: AuthenticatedUser) -> String {
///     format!("hello, {}", user.subject())
/// }
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let alice = log_in_as(Identity::new("alice", CredentialKind::Session));
/// assert_eq!(hello(alice).await, "hello, alice");
/// # });
/// ```
#[must_use]
pub fn log_in_as(identity: Identity) -> AuthenticatedUser {
    AuthenticatedUser::new(identity, Arc::new(ChallengerBuilder::default().build()))
}

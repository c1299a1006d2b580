//! Tests that an implementation of this crate's traits can prove itself with, and a way to log in as
//! anybody in the tests of a service.
//!
//! The former are plain async functions that panic where the contract is broken, and run on whatever
//! runtime the implementation needs.

#[cfg(feature = "tokens")]
pub mod feed;
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

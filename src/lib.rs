//! Bearer authentication for axum, tower and tonic.
#![cfg_attr(docsrs, feature(doc_cfg))]
// Beside the workspace's lints, those for a library alone: examples print, and keep modules of their own.
#![warn(unreachable_pub, clippy::print_stdout, clippy::print_stderr)]

pub mod caller;
pub mod challenge;
pub mod clock;
pub mod credential;
pub mod error;
#[cfg(feature = "axum")]
mod extract;
mod head;
pub mod identity;
pub mod issue;
#[cfg(feature = "jwt")]
mod json;
#[cfg(feature = "jwt")]
pub mod keys;
pub mod middleware;
pub mod observe;
pub mod policy;
pub mod refusal;
pub mod scope;
#[cfg(feature = "tokens")]
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tonic")]
mod tonic;
pub mod verifier;

pub use async_trait::async_trait;
pub use caller::AuthenticatedUser;
pub use error::ConfigError;
pub use head::RequestHead;
pub use middleware::{BearerAuthLayer, RequireLayer};
pub use refusal::{Reason, Refusal};
pub use verifier::TokenVerifier;

//! Bearer authentication for axum, tower and tonic.
#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub mod middleware;
pub mod observe;
pub mod policy;
pub mod refusal;
pub mod scope;
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

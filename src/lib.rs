//! Bearer authentication for axum, tower and tonic.
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod clock;
pub mod credential;
pub mod error;
pub mod identity;
pub mod issue;
#[cfg(feature = "jwt")]
mod json;
#[cfg(feature = "jwt")]
pub mod keys;
pub mod refusal;
pub mod scope;
pub mod verifier;

pub use async_trait::async_trait;
pub use error::ConfigError;
pub use refusal::{Reason, Refusal};
pub use verifier::TokenVerifier;

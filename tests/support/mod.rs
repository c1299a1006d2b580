//! What the integration tests share.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod answers;
pub mod challenge;
pub mod clock;
pub mod inner;
pub mod log;
pub mod verifiers;
pub mod wire;

#[cfg(feature = "tonic")]
pub mod grpc;

//! What the integration tests share.
#![allow(dead_code, missing_docs, unreachable_pub, unused_imports)]

pub mod answers;
#[cfg(all(feature = "aws-lc-rs", feature = "jwt", feature = "testing"))]
pub mod bound;
pub mod challenge;
pub mod clock;
pub mod example;
pub mod inner;
pub mod log;
pub mod verifiers;
pub mod wire;

#[cfg(feature = "tonic")]
pub mod grpc;

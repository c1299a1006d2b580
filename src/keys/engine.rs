//! The back end at work: one parsed key, and whether a signature by it is good.

use super::algorithm::Algorithm;
#[cfg(feature = "aws-lc-rs")]
use super::aws_lc;
use super::backend::CryptoBackend;
use super::material::Material;
#[cfg(feature = "rust-crypto")]
use super::rust_crypto;
use crate::error::ConfigError;

/// A key as its back end holds it. Without a back end there is none.
#[derive(Clone)]
pub(crate) enum Engine {
    #[cfg(feature = "aws-lc-rs")]
    AwsLcRs(aws_lc::Verifier),
    #[cfg(feature = "rust-crypto")]
    RustCrypto(rust_crypto::Verifier),
}

impl Engine {
    pub(crate) fn new(
        backend: CryptoBackend,
        algorithm: Algorithm,
        material: &Material,
    ) -> Result<Self, ConfigError> {
        match backend {
            #[cfg(feature = "aws-lc-rs")]
            CryptoBackend::AwsLcRs => aws_lc::Verifier::new(algorithm, material).map(Self::AwsLcRs),
            #[cfg(feature = "rust-crypto")]
            CryptoBackend::RustCrypto => {
                rust_crypto::Verifier::new(algorithm, material).map(Self::RustCrypto)
            }
            #[cfg(not(all(feature = "aws-lc-rs", feature = "rust-crypto")))]
            other => Err(other.not_compiled()),
        }
    }

    pub(crate) fn is_good(&self, message: &[u8], signature: &[u8]) -> bool {
        match *self {
            #[cfg(feature = "aws-lc-rs")]
            Self::AwsLcRs(ref verifier) => verifier.is_good(message, signature),
            #[cfg(feature = "rust-crypto")]
            Self::RustCrypto(ref verifier) => verifier.is_good(message, signature),
        }
    }
}

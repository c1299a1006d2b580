//! RustCrypto, through jsonwebtoken's factory for it and never through its process-wide default.

use jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm as Name, DecodingKey};

use super::algorithm::Algorithm;
use super::backend::{CryptoBackend, rejected};
use super::material::Material;
use crate::error::ConfigError;

/// The longest modulus that the `rsa` crate verifies with, in bytes.
const MAX_MODULUS_LEN: usize = 512;

#[derive(Clone)]
pub(crate) struct Verifier {
    algorithm: Name,
    key: DecodingKey,
}

impl Verifier {
    pub(crate) fn new(algorithm: Algorithm, material: &Material) -> Result<Self, ConfigError> {
        let name = algorithm
            .to_jsonwebtoken()
            .ok_or_else(|| CryptoBackend::RustCrypto.lacks(algorithm))?;
        let key = match material {
            Material::Secret(secret) => DecodingKey::from_secret(secret),
            Material::Rsa { n, .. } if n.len() > MAX_MODULUS_LEN => {
                return Err(ConfigError::new(
                    "key",
                    "rust-crypto takes RSA moduli of at most 4096 bits: choose the back end aws-lc-rs",
                ));
            }
            Material::Rsa { n, e } => DecodingKey::from_rsa_raw_components(n, e),
            Material::Ec(_, point) => DecodingKey::from_ec_der(point),
            Material::Ed25519(key) => DecodingKey::from_ed_der(key),
        };
        // Made once to see whether the key is taken; kept it cannot be, as it is neither Send nor Sync.
        (DEFAULT_PROVIDER.verifier_factory)(&name, &key).map_err(|_| rejected(algorithm))?;
        Ok(Self {
            algorithm: name,
            key,
        })
    }

    pub(crate) fn is_good(&self, message: &[u8], signature: &[u8]) -> bool {
        (DEFAULT_PROVIDER.verifier_factory)(&self.algorithm, &self.key)
            .is_ok_and(|verifier| verifier.verify(message, &signature.to_vec()).is_ok())
    }
}

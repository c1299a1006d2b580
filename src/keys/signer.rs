//! Signing, through jsonwebtoken's factories and never through its process-wide default.

#[cfg(feature = "aws-lc-rs")]
use std::sync::Arc;

#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::rand::SystemRandom;
#[cfg(feature = "aws-lc-rs")]
use aws_lc_rs::signature::{ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::jwk::EllipticCurve;

#[cfg(feature = "aws-lc-rs")]
use super::algorithm::Curve;
use super::algorithm::{Algorithm, Family};
use super::backend::{CryptoBackend, rejected};
use super::der::Reader;
use super::material::Material;
use crate::error::ConfigError;

/// A private key as its back end takes it.
#[derive(Clone)]
pub(crate) enum Signer {
    Common {
        provider: &'static CryptoProvider,
        algorithm: jsonwebtoken::Algorithm,
        key: EncodingKey,
    },
    // jsonwebtoken has no ES512.
    #[cfg(feature = "aws-lc-rs")]
    Es512(Arc<EcdsaKeyPair>),
}

impl Signer {
    /// The key in `private` (a secret, PKCS #1 for RSA, PKCS #8 for the rest), and its public part.
    pub(crate) fn new(
        backend: CryptoBackend,
        algorithm: Algorithm,
        private: &[u8],
    ) -> Result<(Self, Material), ConfigError> {
        #[cfg(feature = "aws-lc-rs")]
        if backend == CryptoBackend::AwsLcRs && algorithm == Algorithm::ES512 {
            let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P521_SHA512_FIXED_SIGNING, private)
                .map_err(|_| rejected(algorithm))?;
            let material = Material::ec(Curve::P521, key.public_key().as_ref())?;
            return Ok((Self::Es512(Arc::new(key)), material));
        }
        let provider = provider(backend)?;
        let name = algorithm
            .to_jsonwebtoken()
            .ok_or_else(|| backend.lacks(algorithm))?;
        let (key, material) = match algorithm.family() {
            Family::Hmac => (
                EncodingKey::from_secret(private),
                Material::secret(algorithm, private)?,
            ),
            Family::Rsa => (
                EncodingKey::from_rsa_der(private),
                rsa_public(private).ok_or_else(|| rejected(algorithm))??,
            ),
            Family::Ec(curve) => {
                let (_, x, y) =
                    (provider.key_utils.ec_pub_components_from_private_key)(private, name)
                        .map_err(|_| rejected(algorithm))?;
                (
                    EncodingKey::from_ec_der(private),
                    Material::ec(curve, &[&[4][..], &x, &y].concat())?,
                )
            }
            Family::Ed25519 => {
                let x = (provider.key_utils.ed_pub_components_from_private_key)(
                    private,
                    &EllipticCurve::Ed25519,
                )
                .map_err(|_| rejected(algorithm))?;
                (EncodingKey::from_ed_der(private), Material::ed25519(&x)?)
            }
        };
        let signer = Self::Common {
            provider,
            algorithm: name,
            key,
        };
        Ok((signer, material))
    }

    /// The signature over `message`, or `None` where the back end fails.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Common {
                provider,
                algorithm,
                key,
            } => (provider.signer_factory)(algorithm, key)
                .ok()?
                .try_sign(message)
                .ok(),
            #[cfg(feature = "aws-lc-rs")]
            Self::Es512(key) => {
                let signature = key.sign(&SystemRandom::new(), message).ok()?;
                Some(signature.as_ref().to_vec())
            }
        }
    }
}

fn provider(backend: CryptoBackend) -> Result<&'static CryptoProvider, ConfigError> {
    match backend {
        #[cfg(feature = "aws-lc-rs")]
        CryptoBackend::AwsLcRs => Ok(&jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER),
        #[cfg(feature = "rust-crypto")]
        CryptoBackend::RustCrypto => Ok(&jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER),
        #[cfg(not(all(feature = "aws-lc-rs", feature = "rust-crypto")))]
        other => Err(other.not_compiled()),
    }
}

/// Modulus and exponent of an RSAPrivateKey (RFC 8017 §A.1.2); the back end reads the rest.
fn rsa_public(der: &[u8]) -> Option<Result<Material, ConfigError>> {
    let mut key = Reader::sequence(der).ok()?;
    let _version = key.unsigned().ok()?;
    let modulus = key.unsigned().ok()?;
    let exponent = key.unsigned().ok()?;
    Some(Material::rsa(modulus, exponent))
}

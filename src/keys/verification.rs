use std::fmt;
use std::sync::Arc;

use super::algorithm::Algorithm;
use super::backend::CryptoBackend;
use super::der::{self, KeyType, Malformed, Reader};
use super::engine::Engine;
use super::jwk::Jwk;
use super::material::Material;
use super::pem;
use crate::error::ConfigError;

/// A key that verifies signatures by one algorithm.
///
/// The algorithm is a property of the key (RFC 8725 §3.1): a token that names another is refused. A
/// clone shares the key. What is refused on import is listed in the [module's](super) documentation.
///
/// ```
/// use tower_bearer::keys::{Algorithm, VerificationKey};
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// let pem = "-----BEGIN PUBLIC KEY-----
/// MCowBQYDK2VwAyEArfJW5Hnwl3HQKkZnAUnuylRhk4mgo/qCFodsmRi2qec=
/// -----END PUBLIC KEY-----";
/// let key = VerificationKey::from_pem(Algorithm::EdDSA, pem)?.with_kid("2026-01");
/// assert_eq!(key.kid(), Some("2026-01"));
/// # }
/// # Ok::<(), tower_bearer::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct VerificationKey {
    algorithm: Algorithm,
    kid: Option<Arc<str>>,
    /// For whom alone it signs, where its JWK says so. It may be a template.
    issuer: Option<Box<str>>,
    backend: CryptoBackend,
    material: Arc<Material>,
    engine: Engine,
}

impl VerificationKey {
    /// An HMAC secret: at least as many bytes as the hash has, made by a random generator.
    ///
    /// # Errors
    /// If the secret is too short, if `algorithm` is no HMAC, or if no back end is compiled in.
    pub fn from_secret(
        algorithm: Algorithm,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        if !algorithm.is_symmetric() {
            return Err(ConfigError::new(
                "key",
                format!("{algorithm} verifies with a public key, not with a secret"),
            ));
        }
        Self::from_material(algorithm, Material::secret(algorithm, secret.as_ref())?)
    }

    /// A public key in PEM (RFC 7468): one `PUBLIC KEY`, or one `RSA PUBLIC KEY`.
    ///
    /// # Errors
    /// If the text is anything else (a certificate or a private key, say), or the key is refused.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let (label, der) = pem::decode(pem.as_ref())?;
        let material = match label {
            "PUBLIC KEY" => from_spki(&der),
            "RSA PUBLIC KEY" => from_pkcs1(&der),
            "CERTIFICATE" => {
                return Err(bad(
                    "it is a certificate; give the public key that is in it \
                     (openssl x509 -pubkey -noout)",
                ));
            }
            label if label.ends_with("PRIVATE KEY") => return Err(private()),
            _ => {
                return Err(bad(
                    "its PEM label is neither PUBLIC KEY nor RSA PUBLIC KEY",
                ));
            }
        };
        Self::from_material(algorithm, material?)
    }

    /// A public key in DER: a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), or for RSA also an RSAPublicKey
    /// (RFC 8017 §A.1.1).
    ///
    /// # Errors
    /// If the bytes are anything else, or the key is refused.
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let der = der.as_ref();
        let first = Reader::sequence(der).map_err(|_| malformed())?.peek();
        let material = match first {
            Some(der::INTEGER) => from_pkcs1(der),
            _ => from_spki(der),
        };
        Self::from_material(algorithm, material?)
    }

    /// A JWK (RFC 7517) that says by itself which algorithm it is for: by `alg`, or by its curve.
    ///
    /// Its `kid` becomes the key's.
    ///
    /// # Errors
    /// If the JWK is malformed, names no algorithm, or the key is refused.
    pub fn from_jwk(json: &str) -> Result<Self, ConfigError> {
        Jwk::parse(json)?.into_key(None)
    }

    /// A JWK for `algorithm`, which it need not name.
    ///
    /// # Errors
    /// If the JWK is malformed, names another algorithm, or the key is refused.
    pub fn from_jwk_for(algorithm: Algorithm, json: &str) -> Result<Self, ConfigError> {
        let key = Jwk::parse(json)?.into_key(Some(algorithm))?;
        if key.algorithm == algorithm {
            Ok(key)
        } else {
            Err(ConfigError::new(
                "JWK",
                format!("it is for {} and not for {algorithm}", key.algorithm),
            ))
        }
    }

    /// This key under a `kid`, in place of the one it may have.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<Arc<str>>) -> Self {
        self.kid = Some(kid.into());
        self
    }

    /// This key on a stated back end.
    ///
    /// # Errors
    /// If the back end is not compiled in, or does not work with this key.
    pub fn with_backend(mut self, backend: CryptoBackend) -> Result<Self, ConfigError> {
        self.engine = Engine::new(backend, self.algorithm, &self.material)?;
        self.backend = backend;
        Ok(self)
    }

    /// The algorithm it is for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its id within a set (`kid`).
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The back end that does the arithmetic.
    #[must_use]
    pub fn backend(&self) -> CryptoBackend {
        self.backend
    }

    /// The id, shared.
    pub(crate) fn shared_kid(&self) -> Option<Arc<str>> {
        self.kid.clone()
    }

    /// Whether a token means and is signed by the one if it is so with the other.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.algorithm == other.algorithm
            && self.kid == other.kid
            && self.issuer == other.issuer
            && (Arc::ptr_eq(&self.material, &other.material) || self.material == other.material)
    }

    /// For whom alone it signs, if that is said.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    pub(super) fn for_issuer(mut self, issuer: Option<Box<str>>) -> Self {
        self.issuer = issuer;
        self
    }

    pub(super) fn material(&self) -> &Material {
        &self.material
    }

    pub(crate) fn from_material(
        algorithm: Algorithm,
        material: Material,
    ) -> Result<Self, ConfigError> {
        if !material.fits(algorithm) {
            return Err(ConfigError::new(
                "key",
                format!("{algorithm} works with another type of key than this one"),
            ));
        }
        let backend = CryptoBackend::compiled()?;
        Ok(Self {
            algorithm,
            kid: None,
            issuer: None,
            backend,
            engine: Engine::new(backend, algorithm, &material)?,
            material: Arc::new(material),
        })
    }

    /// Whether `signature` is this key's over `message`.
    pub(crate) fn is_good(&self, message: &[u8], signature: &[u8]) -> bool {
        // Length and range are looked at here, so that both back ends see the same signatures.
        self.material.is_in_range(self.algorithm, signature)
            && self.engine.is_good(message, signature)
    }
}

impl fmt::Debug for VerificationKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationKey")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .field("backend", &self.backend)
            .finish_non_exhaustive()
    }
}

/// SubjectPublicKeyInfo: the algorithm, and the key in a bit string.
fn from_spki(der: &[u8]) -> Result<Material, ConfigError> {
    let (key_type, key) = spki(der).map_err(|_| malformed())?;
    match key_type {
        KeyType::Rsa => from_pkcs1(key),
        KeyType::Ec(curve) => Material::ec(curve, key),
        KeyType::Ed25519 => Material::ed25519(key),
    }
}

fn spki(der: &[u8]) -> Result<(KeyType, &[u8]), Malformed> {
    let mut info = Reader::sequence(der)?;
    let key_type = info.key_type()?;
    let key = info.bits()?;
    info.end()?;
    Ok((key_type, key))
}

/// RSAPublicKey: modulus and exponent.
fn from_pkcs1(der: &[u8]) -> Result<Material, ConfigError> {
    let mut key = Reader::sequence(der).map_err(|_| malformed())?;
    let first = key.unsigned().map_err(|_| malformed())?;
    // A private key, in PKCS #1 or PKCS #8, begins with a version of 0 or 1.
    if first.len() < 2 {
        return Err(private());
    }
    let exponent = key.unsigned().map_err(|_| malformed())?;
    key.end().map_err(|_| malformed())?;
    Material::rsa(first, exponent)
}

fn malformed() -> ConfigError {
    bad("it is no public key of RSA, P-256, P-384, P-521 or Ed25519 in DER")
}

fn private() -> ConfigError {
    bad("it is a private key where the public one belongs")
}

fn bad(problem: &'static str) -> ConfigError {
    ConfigError::new("key", problem)
}

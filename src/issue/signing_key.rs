use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::error::ConfigError;
use crate::keys::der::{self, KeyType, Malformed, Reader};
use crate::keys::signer::Signer;
use crate::keys::{Algorithm, CryptoBackend, Family, VerificationKey, pem};

/// A key that signs by one algorithm: a secret, or the private half of a pair.
///
/// What a [`VerificationKey`] is refused for, a signing key is refused for too. It does not print, and
/// its bytes are wiped when the last clone is dropped.
///
/// ```
/// use tower_bearer::issue::SigningKey;
/// use tower_bearer::keys::Algorithm;
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// let key = SigningKey::generate(Algorithm::EdDSA)?.with_kid("2026-01");
/// assert_eq!(key.verification_key().kid(), Some("2026-01"));
/// # }
/// # Ok::<(), tower_bearer::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    // A secret, PKCS #1 for RSA, PKCS #8 for the rest: kept for a change of back end.
    private: Arc<Zeroizing<Vec<u8>>>,
    signer: Signer,
    public: VerificationKey,
}

impl SigningKey {
    /// An HMAC secret: at least as many bytes as the hash has, made by a random generator.
    ///
    /// # Errors
    /// If the secret is too short, if `algorithm` is no HMAC, or if no back end is compiled in.
    pub fn from_secret(
        algorithm: Algorithm,
        secret: impl AsRef<[u8]>,
    ) -> Result<Self, ConfigError> {
        if !algorithm.is_symmetric() {
            return Err(bad(
                "it is a secret, and the algorithm signs with a private key",
            ));
        }
        Self::from_private(algorithm, secret.as_ref(), CryptoBackend::compiled()?)
    }

    /// A private key in PEM: one `PRIVATE KEY` (PKCS #8), or for RSA also one `RSA PRIVATE KEY`.
    ///
    /// # Errors
    /// If the text is anything else, or the key is refused.
    pub fn from_pem(algorithm: Algorithm, pem: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let (label, der) = pem::decode(pem.as_ref())?;
        match label {
            "PRIVATE KEY" | "RSA PRIVATE KEY" => Self::from_der(algorithm, &der[..]),
            "EC PRIVATE KEY" => Err(bad(
                "it is in SEC 1; convert it to PKCS #8 (openssl pkcs8 -topk8 -nocrypt)",
            )),
            label if label.ends_with("PRIVATE KEY") => Err(bad("it is encrypted")),
            _ => Err(bad("it is no private key")),
        }
    }

    /// A private key in DER: PKCS #8 (RFC 5958), or for RSA also RSAPrivateKey (RFC 8017 §A.1.2).
    ///
    /// # Errors
    /// If the bytes are anything else, or the key is refused.
    pub fn from_der(algorithm: Algorithm, der: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let der = der.as_ref();
        let private = match (algorithm.family(), read(der).map_err(|_| malformed())?) {
            (Family::Rsa, Private::Pkcs1(key) | Private::Pkcs8(KeyType::Rsa, key)) => key,
            (Family::Ec(wanted), Private::Pkcs8(KeyType::Ec(curve), _)) if wanted == curve => der,
            (Family::Ed25519, Private::Pkcs8(KeyType::Ed25519, _)) => der,
            _ => {
                return Err(ConfigError::new(
                    "signing key",
                    format!("{algorithm} works with another type of key than this one"),
                ));
            }
        };
        Self::from_private(algorithm, private, CryptoBackend::compiled()?)
    }

    /// A new key of random bytes, for an HMAC or for EdDSA. It is known to nobody else and lost with the
    /// process.
    ///
    /// # Errors
    /// If `algorithm` is another, if the operating system gives no random bytes, or if no back end is
    /// compiled in.
    pub fn generate(algorithm: Algorithm) -> Result<Self, ConfigError> {
        // PKCS #8 around a seed (RFC 8410 §7).
        const ED25519_PREFIX: [u8; 16] = [
            0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22,
            0x04, 0x20,
        ];
        let (prefix, random) = match algorithm.family() {
            Family::Hmac => (&[][..], algorithm.hash_len()),
            Family::Ed25519 => (&ED25519_PREFIX[..], 32),
            Family::Rsa | Family::Ec(_) => {
                return Err(bad(
                    "one of this type is made by other tools, such as openssl genpkey",
                ));
            }
        };
        let mut private = Zeroizing::new(vec![0; prefix.len() + random]);
        private[..prefix.len()].copy_from_slice(prefix);
        getrandom::fill(&mut private[prefix.len()..])
            .map_err(|_| bad("the operating system gives no random bytes"))?;
        Self::from_private(algorithm, &private, CryptoBackend::compiled()?)
    }

    /// This key under a `kid`, which its tokens will name.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<Arc<str>>) -> Self {
        self.public = self.public.with_kid(kid);
        self
    }

    /// This key on a stated back end.
    ///
    /// # Errors
    /// If the back end is not compiled in, or does not work with this key.
    pub fn with_backend(self, backend: CryptoBackend) -> Result<Self, ConfigError> {
        let (signer, _) = Signer::new(backend, self.algorithm(), &self.private)?;
        Ok(Self {
            private: self.private,
            signer,
            public: self.public.with_backend(backend)?,
        })
    }

    /// The algorithm it signs by.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The key that verifies what this one signs; for an HMAC that is the same secret.
    #[must_use]
    pub fn verification_key(&self) -> &VerificationKey {
        &self.public
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        self.signer.sign(message)
    }

    fn from_private(
        algorithm: Algorithm,
        private: &[u8],
        backend: CryptoBackend,
    ) -> Result<Self, ConfigError> {
        let (signer, public) = Signer::new(backend, algorithm, private)?;
        let public = VerificationKey::from_material(algorithm, public)?;
        // A private half that is not of its public half would give out tokens that nobody accepts.
        let proof = b"tower-bearer";
        if !signer
            .sign(proof)
            .is_some_and(|signature| public.is_good(proof, &signature))
        {
            return Err(bad("its private and public halves do not fit together"));
        }
        Ok(Self {
            private: Arc::new(Zeroizing::new(private.to_vec())),
            signer,
            public,
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// What a private key is wrapped in.
enum Private<'a> {
    Pkcs1(&'a [u8]),
    Pkcs8(KeyType, &'a [u8]),
}

fn read(bytes: &[u8]) -> Result<Private<'_>, Malformed> {
    let mut key = Reader::sequence(bytes)?;
    let _version = key.unsigned()?;
    if key.peek() == Some(der::INTEGER) {
        return Ok(Private::Pkcs1(bytes));
    }
    Ok(Private::Pkcs8(
        key.key_type()?,
        key.value(der::OCTET_STRING)?,
    ))
}

fn malformed() -> ConfigError {
    bad("it is no private key of RSA, P-256, P-384, P-521 or Ed25519 in DER")
}

fn bad(problem: &'static str) -> ConfigError {
    ConfigError::new("signing key", problem)
}

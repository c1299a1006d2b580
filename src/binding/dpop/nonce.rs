//! Nonces that need no memory (RFC 9449 §8, §9): a slot of time, and a tag over it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::keys::signer::Signer;
use crate::keys::{Algorithm, CryptoBackend, VerificationKey, base64url};

/// The key by which a service knows its own nonces. It does not print.
///
/// Nodes that answer for one another have the same. Where they do not, or a node is started anew, a client
/// is told to use another nonce, and does: that costs a request more, and is no failure.
#[derive(Clone)]
pub struct NonceKey {
    signer: Arc<Signer>,
    verifier: VerificationKey,
}

impl NonceKey {
    /// A key for one process, of random bytes.
    ///
    /// # Errors
    /// If the operating system gives no random bytes, or no crypto back end is compiled in.
    pub fn random() -> Result<Self, ConfigError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *secret).map_err(|_| {
            ConfigError::new("nonce key", "the operating system gives no random bytes")
        })?;
        Self::from_secret(secret.as_slice())
    }

    /// A key that several nodes share: at least 32 bytes, made by a random generator.
    ///
    /// # Errors
    /// If the secret is shorter, or no crypto back end is compiled in.
    pub fn from_secret(secret: impl AsRef<[u8]>) -> Result<Self, ConfigError> {
        let backend = CryptoBackend::compiled()?;
        let (signer, material) = Signer::new(backend, ALGORITHM, secret.as_ref())?;
        Ok(Self {
            signer: Arc::new(signer),
            verifier: VerificationKey::from_material(ALGORITHM, material)?,
        })
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey([REDACTED])")
    }
}

const ALGORITHM: Algorithm = Algorithm::HS256;

/// Makes and knows nonces. Each is that of a slot of time, and good in the next one too.
#[derive(Debug)]
pub(super) struct Nonces {
    key: NonceKey,
    slot_len: Duration,
}

/// What a nonce is worth.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The one that is given out now, good before this time.
    Current { until: Timestamp },
    /// One that is good before this time, and no longer given out.
    Aging { until: Timestamp },
    /// One that is too old, or none of ours.
    Unknown,
}

impl Nonces {
    pub(super) fn new(key: NonceKey, slot_len: Duration) -> Self {
        Self { key, slot_len }
    }

    /// The nonce to be used from `now` on; `None` where the back end fails.
    pub(super) fn at(&self, now: Timestamp) -> Option<HeaderValue> {
        let slot = self.slot(now).to_be_bytes();
        let mut bytes = slot.to_vec();
        bytes.extend(self.key.signer.sign(&message(slot))?);
        HeaderValue::try_from(URL_SAFE_NO_PAD.encode_to_string(bytes)).ok()
    }

    pub(super) fn judge(&self, nonce: &str, now: Timestamp) -> Standing {
        let Some(slot) = self.slot_of(nonce) else {
            return Standing::Unknown;
        };
        let current = self.slot(now);
        let end = slot.saturating_add(2).saturating_mul(self.slot_secs());
        let until = Timestamp::from_unix_secs(end);
        // Another node's clock may be a little ahead.
        if slot == current || slot == current + 1 {
            Standing::Current { until }
        } else if slot == current - 1 {
            Standing::Aging { until }
        } else {
            Standing::Unknown
        }
    }

    /// The slot of a nonce of ours.
    fn slot_of(&self, nonce: &str) -> Option<i64> {
        const LEN: usize = 54;
        if nonce.len() != LEN {
            return None;
        }
        let bytes = base64url::decode_to_vec(nonce.as_bytes())?;
        let (slot, tag) = bytes.split_first_chunk()?;
        let is_ours = self.key.verifier.is_good(&message(*slot), tag);
        is_ours.then(|| i64::from_be_bytes(*slot))
    }

    fn slot(&self, now: Timestamp) -> i64 {
        now.as_unix_secs().div_euclid(self.slot_secs())
    }

    fn slot_secs(&self) -> i64 {
        i64::try_from(self.slot_len.as_secs())
            .unwrap_or(i64::MAX)
            .max(1)
    }
}

/// What is signed: the slot, and what for.
fn message(slot: [u8; 8]) -> Vec<u8> {
    [b"tower-bearer DPoP nonce".as_slice(), &slot].concat()
}

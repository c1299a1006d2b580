//! The name under which a token is remembered: a digest of its text under a random key.
//!
//! With aws-lc it is a tag of AES-128-GCM-SIV over the token as associated data, and otherwise SHA-256
//! after a block with the key; docs/security.md says why either does. The key is made for one cache and
//! leaves it as little as the digests do.

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::credential::Scheme;
use crate::error::ConfigError;
use crate::hasher::DigestHasher;
use crate::verifier::Presented;

/// A token's digest.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Digest([u8; 16]);

/// Makes digests under one random key.
pub(super) struct Digester {
    keyed: Keyed,
}

impl Digester {
    pub(super) fn new() -> Result<Self, ConfigError> {
        let keyed = Keyed::random().ok_or_else(|| {
            ConfigError::new("cached", "no randomness for the key of its digests")
        })?;
        Ok(Self { keyed })
    }

    /// `None` if the token cannot be digested, and so not be remembered.
    pub(super) fn digest(&self, presented: &Presented) -> Option<Digest> {
        let scheme = match presented.scheme {
            Scheme::Bearer => 0,
            Scheme::Dpop => 1,
        };
        // Whom a bound token names is one thing to whoever checks the proof, and another to who does not.
        let how = scheme | u8::from(presented.checks_proof) << 1;
        let text = presented.token.expose_bytes();
        self.keyed.digest(how, text).map(Digest)
    }
}

#[cfg(feature = "aws-lc-rs")]
struct Keyed(aws_lc_rs::aead::LessSafeKey);

#[cfg(feature = "aws-lc-rs")]
impl Keyed {
    fn random() -> Option<Self> {
        use aws_lc_rs::aead::{AES_128_GCM_SIV, LessSafeKey, UnboundKey};

        let mut key = zeroize::Zeroizing::new([0; 16]);
        getrandom::fill(&mut *key).ok()?;
        let key = UnboundKey::new(&AES_128_GCM_SIV, &*key).ok()?;
        Some(Self(LessSafeKey::new(key)))
    }

    fn digest(&self, how: u8, text: &[u8]) -> Option<[u8; 16]> {
        use aws_lc_rs::aead::{Aad, NONCE_LEN, Nonce};

        // One nonce for each way to present a token: equal tokens are to have equal tags, and tags are not published.
        let mut nonce = [0; NONCE_LEN];
        nonce[0] = how;
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(text), &mut []);
        tag.ok()?.as_ref().try_into().ok()
    }
}

#[cfg(not(feature = "aws-lc-rs"))]
struct Keyed(sha2::Sha256);

#[cfg(not(feature = "aws-lc-rs"))]
impl Keyed {
    fn random() -> Option<Self> {
        use sha2::Digest as _;

        // A whole block, so that it is worked through once and not for each token.
        let mut block = zeroize::Zeroizing::new([0; 64]);
        getrandom::fill(&mut *block).ok()?;
        Some(Self(sha2::Sha256::new_with_prefix(block.as_slice())))
    }

    fn digest(&self, how: u8, text: &[u8]) -> Option<[u8; 16]> {
        use sha2::Digest as _;

        let digest = self.0.clone().chain_update([how]).chain_update(text);
        digest.finalize().first_chunk().copied()
    }
}

impl Hash for Digest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Evenly spread under a key that nobody knows, so eight bytes of it do.
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest([REDACTED])")
    }
}

/// Takes what a [`Digest`] gives as it is.
pub(super) type DigestHash = BuildHasherDefault<DigestHasher>;

use std::fmt;
use std::hash::{Hash, Hasher};

use sha2::{Digest, Sha256};

/// What a store keeps in place of a token: the SHA-256 of its whole text.
///
/// A token has 256 random bits, so its digest needs neither salt nor stretching: nobody finds the token
/// from it. For the same reason digests are compared as any bytes are. How long a comparison takes could
/// at most tell the beginning of a stored digest, and even the whole of it opens nothing.
///
/// It does not print, since it would tie a line in a log to a row in a database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TokenDigest([u8; 32]);

impl TokenDigest {
    /// The digest of a token's text.
    #[must_use]
    pub fn of(text: &[u8]) -> Self {
        Self(Sha256::digest(text).into())
    }

    /// A digest as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Hash for TokenDigest {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // A digest is evenly spread, so eight bytes of it do.
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        state.write_u64(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenDigest([REDACTED])")
    }
}

/// A random value that is kept with a token, from which, and from the token's text, the text of its
/// successor is worked out. Neither alone tells anything about it.
///
/// It does not print.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenSeed([u8; 32]);

impl TokenSeed {
    /// A seed as it was stored.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes to store.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for TokenSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSeed([REDACTED])")
    }
}

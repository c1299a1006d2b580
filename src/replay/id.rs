use std::fmt;

use sha2::{Digest, Sha256};

/// What may be presented once: a SHA-256 of what it is an id of, and of its parts.
///
/// It does not print, since it would tie a line in a log to a row in a database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplayId([u8; 32]);

impl ReplayId {
    /// The id that these parts make in this context, such as `dpop`.
    ///
    /// Each goes in with its length, so that other parts are another id though they read the same one after
    /// another: `["a", "bc"]` is none of `["ab", "c"]`, and none of `["abc"]`.
    #[must_use]
    pub fn of<P: AsRef<[u8]>>(context: &str, parts: impl IntoIterator<Item = P>) -> Self {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        };
        add(context.as_bytes());
        for part in parts {
            add(part.as_ref());
        }
        Self(digest.finalize().into())
    }

    /// An id as it was stored.
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

impl fmt::Debug for ReplayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayId([REDACTED])")
    }
}

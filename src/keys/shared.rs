use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::set::KeySet;
use super::supply::Supply;
use super::verification::VerificationKey;

/// A [`KeySet`] that is changed while verifiers use it. Clones share it.
///
/// A verifier that was built on one goes by the new keys from the moment [`store`](Self::store) returns:
/// a token that was judged by a key which is no longer held is refused as the last word, also one under
/// way or in a cache. Whoever reads keys from elsewhere stores them here.
///
/// ```
/// use tower_bearer::keys::{Algorithm, KeySet, SharedKeySet, VerificationKey};
/// use tower_bearer::verifier::jwt::JwtVerifier;
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// # let (old, new) = ([7; 32], [8; 32]);
/// let old = VerificationKey::from_secret(Algorithm::HS256, old)?.with_kid("2026-01");
/// let new = VerificationKey::from_secret(Algorithm::HS256, new)?.with_kid("2026-02");
/// let keys = SharedKeySet::new(KeySet::new([old])?);
/// let verifier = JwtVerifier::builder(&keys)
///     .issuer("https://id.example.com")
///     .audience("https://api.example.com")
///     .build()?;
/// keys.store(KeySet::new([new])?); // and the verifier goes by it
/// # }
/// # Ok::<(), tower_bearer::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct SharedKeySet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    // Swapped and numbered under one lock, so that a number belongs to one set.
    keys: RwLock<Arc<KeySet>>,
    generation: AtomicU64,
}

impl SharedKeySet {
    /// Begins with these keys.
    #[must_use]
    pub fn new(keys: impl Into<Arc<KeySet>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                keys: RwLock::new(keys.into()),
                generation: AtomicU64::new(0),
            }),
        }
    }

    /// The keys as they are now.
    #[must_use]
    pub fn load(&self) -> Arc<KeySet> {
        self.snapshot().0
    }

    /// Puts other keys in the place of those held.
    pub fn store(&self, keys: impl Into<Arc<KeySet>>) {
        let keys = keys.into();
        let mut held = self
            .inner
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *held = keys;
        self.inner.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// How often other keys were stored: a number that never stands for two sets.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.inner.generation.load(Ordering::SeqCst)
    }

    /// The keys, with the generation that they are of.
    pub(crate) fn snapshot(&self) -> (Arc<KeySet>, u64) {
        let held = self
            .inner
            .keys
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&held), self.generation())
    }
}

/// Where a verifier has its keys from: a [`KeySet`] that stays as it is, a [`SharedKeySet`], or a
/// [`RemoteKeySet`](super::RemoteKeySet).
///
/// Made by `into()` from any of them, from a single [`VerificationKey`], and from
/// [`SigningKeys`](crate::issue::SigningKeys).
#[derive(Debug, Clone)]
pub struct VerifierKeys(pub(crate) Source);

#[derive(Debug, Clone)]
pub(crate) enum Source {
    Fixed(Arc<KeySet>),
    Shared(SharedKeySet, Option<Supply>),
}

impl From<Arc<KeySet>> for VerifierKeys {
    fn from(keys: Arc<KeySet>) -> Self {
        Self(Source::Fixed(keys))
    }
}

impl From<KeySet> for VerifierKeys {
    fn from(keys: KeySet) -> Self {
        Arc::new(keys).into()
    }
}

impl From<VerificationKey> for VerifierKeys {
    fn from(key: VerificationKey) -> Self {
        KeySet::from(key).into()
    }
}

impl From<SharedKeySet> for VerifierKeys {
    fn from(keys: SharedKeySet) -> Self {
        Self(Source::Shared(keys, None))
    }
}

impl From<&SharedKeySet> for VerifierKeys {
    fn from(keys: &SharedKeySet) -> Self {
        keys.clone().into()
    }
}

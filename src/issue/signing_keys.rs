use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::rotation_error::KeyRotationError;
use super::signing_key::SigningKey;
use crate::clock::{Clock, SystemClock, Timestamp};
use crate::error::ConfigError;
use crate::keys::{KeySet, SharedKeySet, VerificationKey, VerifierKeys};

/// The key that signs, the one that will, and those that did. Clones share them.
///
/// A key lives through these steps, each of which reaches every issuer, verifier and
/// [`JwksService`](super::JwksService) of these keys at once:
///
/// 1. [`publish`](Self::publish) makes the next key known: it is in the public set, and tokens by it are
///    accepted, but none are signed by it yet. Others need the time to read the set.
/// 2. [`rotate`](Self::rotate) has it sign. The one before stays in the set, for the tokens that it signed.
/// 3. [`retire`](Self::retire) withdraws that one, once its last token is over, or to end all of them.
///
/// A key of a pair that has no `kid` is named by its thumbprint (RFC 7638). Secrets get no name by
/// themselves, since a thumbprint would tell something of them, and are in no public set.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey, SigningKeys};
/// use tower_bearer::keys::Algorithm;
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// let keys = SigningKeys::new(SigningKey::generate(Algorithm::EdDSA)?.with_kid("2026-01"));
/// let issuer = JwtIssuer::builder(&keys)
///     .issuer("https://id.example.com")
///     .audience("https://api.example.com")
///     .lifetime(Duration::from_secs(600))
///     .build()?;
/// let verifier = issuer.verifier().build()?; // goes along with each step
///
/// keys.publish(SigningKey::generate(Algorithm::EdDSA)?.with_kid("2026-02"))?;
/// // … a day later:
/// keys.rotate()?;
/// assert_eq!(keys.current().kid(), Some("2026-02"));
/// // … once the tokens of the old key are over:
/// keys.retire("2026-01")?;
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SigningKeys {
    shared: Arc<Shared>,
}

struct Shared {
    state: RwLock<State>,
    verifying: SharedKeySet,
}

struct State {
    current: Arc<SigningKey>,
    next: Option<Next>,
    /// Oldest first.
    old: Vec<VerificationKey>,
    /// The public halves as a JWK Set, written when keys change.
    public: Bytes,
    publish_ahead: Duration,
    clock: Arc<dyn Clock>,
}

struct Next {
    key: SigningKey,
    published: Timestamp,
}

impl SigningKeys {
    /// Begins with the key that signs now.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        let key = named(key);
        let verifying = SharedKeySet::new(KeySet::from(key.verification_key().clone()));
        let mut state = State {
            current: Arc::new(key),
            next: None,
            old: Vec::new(),
            public: Bytes::new(),
            publish_ahead: Duration::ZERO,
            clock: Arc::new(SystemClock),
        };
        state.write_public_set();
        Self {
            shared: Arc::new(Shared {
                state: RwLock::new(state),
                verifying,
            }),
        }
    }

    /// Has [`rotate`](Self::rotate) refuse to take a key into use before it has been published for this
    /// long: as long as others may keep the public set, which is at least the
    /// [`max_age`](super::JwksService::max_age) that it is served with. Zero unless set. It holds for all
    /// clones.
    #[must_use]
    pub fn with_publish_ahead(self, ahead: Duration) -> Self {
        self.write().publish_ahead = ahead;
        self
    }

    /// By this clock in place of the system's, for all clones. It tells how long a key has been published.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock + 'static) -> Self {
        self.write().clock = Arc::new(clock);
        self
    }

    /// Makes the key known that will sign next: it is in the public set, and tokens by it are accepted.
    ///
    /// # Errors
    /// If another is waiting already; if the key, or the one that signs, is a secret without a `kid`; if
    /// it has the `kid` of another key; or if it is a secret and the others are not, or the other way
    /// round.
    pub fn publish(&self, next: SigningKey) -> Result<(), KeyRotationError> {
        let next = named(next);
        let mut state = self.write();
        if state.next.is_some() {
            return Err(KeyRotationError::AlreadyPublished);
        }
        let mut keys: Vec<_> = state.verifying().cloned().collect();
        keys.push(next.verification_key().clone());
        if keys.iter().any(|key| key.kid().is_none()) {
            return Err(ConfigError::new(
                "signing key",
                "a secret beside another needs a name, by with_kid",
            )
            .into());
        }
        self.shared.verifying.store(KeySet::new(keys)?);
        state.next = Some(Next {
            key: next,
            published: state.clock.now(),
        });
        state.write_public_set();
        Ok(())
    }

    /// Has the published key sign from now on. The one before is kept for the tokens that it signed.
    ///
    /// # Errors
    /// If none is published, or not for as long as [`with_publish_ahead`](Self::with_publish_ahead) says.
    pub fn rotate(&self) -> Result<(), KeyRotationError> {
        let mut state = self.write();
        let Some(next) = &state.next else {
            return Err(KeyRotationError::NothingPublished);
        };
        let ready = next.published.saturating_add(state.publish_ahead);
        if state.clock.now() < ready {
            return Err(KeyRotationError::TooEarly { ready });
        }
        state.rotate()
    }

    /// As [`rotate`](Self::rotate), however short a time the key has been published: for a key that fell
    /// into other hands. Whoever keeps the older set refuses the new tokens until they read it anew.
    ///
    /// # Errors
    /// If none is published.
    pub fn rotate_at_once(&self) -> Result<(), KeyRotationError> {
        self.write().rotate()
    }

    /// Withdraws a key that signed before, or one that was published and has not signed yet. Tokens by it
    /// are refused from the moment this returns by every verifier that shares these keys; others
    /// take them until they read the public set anew.
    ///
    /// # Errors
    /// If there is no such key, or if it is the one that signs.
    pub fn retire(&self, kid: &str) -> Result<(), KeyRotationError> {
        let is_meant = |key: &VerificationKey| key.kid() == Some(kid);
        let mut state = self.write();
        if is_meant(state.current.verification_key()) {
            return Err(KeyRotationError::StillSigning);
        }
        let is_next = |next: &Next| is_meant(next.key.verification_key());
        if state.next.as_ref().is_some_and(is_next) {
            state.next = None;
        } else {
            let place = state.old.iter().position(is_meant);
            state.old.remove(place.ok_or(KeyRotationError::Unknown)?);
        }
        let left = KeySet::new(state.verifying().cloned())?;
        self.shared.verifying.store(left);
        state.write_public_set();
        Ok(())
    }

    /// What verifies the tokens that are signed now.
    #[must_use]
    pub fn current(&self) -> VerificationKey {
        self.read().current.verification_key().clone()
    }

    /// Every key whose tokens are accepted: those that signed, oldest first, the one that signs, and the
    /// one that will.
    #[must_use]
    pub fn verification_keys(&self) -> Vec<VerificationKey> {
        self.read().verifying().cloned().collect()
    }

    /// The public halves as a JWK Set (RFC 7517 §5), each with `use`, `alg` and `kid`: what others verify
    /// by. [`JwksService`](super::JwksService) serves it.
    ///
    /// # Errors
    /// If the keys are secrets: there is nothing to publish of them.
    pub fn public_jwks(&self) -> Result<String, ConfigError> {
        self.require_public()?;
        Ok(String::from_utf8_lossy(&self.public_set()).into_owned())
    }

    /// The JWK Set; an empty one if the keys are secrets.
    pub(super) fn public_set(&self) -> Bytes {
        self.read().public.clone()
    }

    /// Beside a secret stand secrets alone, so this says the same for as long as the keys live.
    pub(super) fn require_public(&self) -> Result<(), ConfigError> {
        if self.read().current.algorithm().is_symmetric() {
            return Err(ConfigError::new(
                "signing keys",
                "they are secrets, of which nothing is public",
            ));
        }
        Ok(())
    }

    pub(crate) fn signer(&self) -> Arc<SigningKey> {
        Arc::clone(&self.read().current)
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        let state = &self.shared.state;
        state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        let state = &self.shared.state;
        state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn verifying(&self) -> impl Iterator<Item = &VerificationKey> {
        let next = self.next.as_ref().map(|next| next.key.verification_key());
        self.old
            .iter()
            .chain([self.current.verification_key()])
            .chain(next)
    }

    /// The same keys verify as before, so verifiers need not be told.
    fn rotate(&mut self) -> Result<(), KeyRotationError> {
        let next = self.next.take().ok_or(KeyRotationError::NothingPublished)?;
        let before = std::mem::replace(&mut self.current, Arc::new(next.key));
        self.old.push(before.verification_key().clone());
        Ok(())
    }

    fn write_public_set(&mut self) {
        let keys: Vec<_> = self.verifying().filter_map(VerificationKey::jwk).collect();
        self.public = json!({ "keys": keys }).to_string().into();
    }
}

impl From<SigningKey> for SigningKeys {
    fn from(key: SigningKey) -> Self {
        Self::new(key)
    }
}

impl From<&Self> for SigningKeys {
    fn from(keys: &Self) -> Self {
        keys.clone()
    }
}

impl From<SigningKeys> for VerifierKeys {
    fn from(keys: SigningKeys) -> Self {
        Self::from(&keys)
    }
}

impl From<&SigningKeys> for VerifierKeys {
    fn from(keys: &SigningKeys) -> Self {
        keys.shared.verifying.clone().into()
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.read();
        f.debug_struct("SigningKeys")
            .field("current", &state.current)
            .field("next", &state.next.as_ref().map(|next| &next.key))
            .field("old", &state.old)
            .field("publish_ahead", &state.publish_ahead)
            .finish_non_exhaustive()
    }
}

/// The key under its own `kid`, or else its thumbprint; a secret has none.
fn named(key: SigningKey) -> SigningKey {
    let public = key.verification_key();
    match public.kid() {
        Some(_) => key,
        None => match public.thumbprint() {
            Some(thumbprint) => key.with_kid(thumbprint),
            None => key,
        },
    }
}

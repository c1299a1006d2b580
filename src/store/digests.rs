use std::fmt;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{Found, StoreError, TokenDigest, TokenStore};
use crate::error::ConfigError;

const MIN_SECRET: usize = 32;

/// A secret without which nobody can make the digest of a token: the key of an HMAC-SHA-256 (RFC 2104).
///
/// It does not print, and is wiped when it is dropped.
#[derive(Clone)]
pub struct Pepper(Arc<Inner>);

struct Inner {
    name: Box<str>,
    secret: Zeroizing<Box<[u8]>>,
}

impl Pepper {
    /// A pepper of this name, which is no secret: records say by it under which one their digest was made.
    ///
    /// # Errors
    /// If the name is empty, or the secret is shorter than 32 bytes.
    pub fn new(
        name: impl Into<Box<str>>,
        secret: impl Into<Box<[u8]>>,
    ) -> Result<Self, ConfigError> {
        let (name, secret) = (name.into(), Zeroizing::new(secret.into()));
        if name.is_empty() {
            return Err(ConfigError::new("pepper", "it has no name"));
        }
        if secret.len() < MIN_SECRET {
            return Err(ConfigError::new("pepper", "shorter than 32 bytes"));
        }
        Ok(Self(Arc::new(Inner { name, secret })))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pepper({:?})", self.0.name)
    }
}

/// How the digests of tokens are made, and were made before. A clone is the same.
///
/// 1. A new token's digest is made in the first way.
/// 2. A token that is presented is looked for in that way, then in each of the others.
/// 3. One that was found in another way, and is good, is given a digest of the first way, in the background
///    (feature `tokio`). So an older pepper can go once every token was used, or is over.
///
/// Where several nodes share a store, all of them must know a new pepper before any makes digests under it:
/// it is [`upcoming`](Self::upcoming) first.
///
/// ```
/// use tower_bearer::store::{Digests, Pepper};
///
/// # fn example(old: Vec<u8>, new: Vec<u8>) -> Result<Digests, tower_bearer::ConfigError> {
/// // Digests were plain at first, then made under the pepper of 2025; new ones are made under that of 2026.
/// let digests = Digests::peppered(Pepper::new("2026", new)?)
///     .also(Pepper::new("2025", old)?)?
///     .also_plain()?;
/// # Ok(digests) }
/// ```
#[derive(Debug, Clone)]
pub struct Digests {
    schemes: Arc<[Scheme]>,
    // Which of them is not in use on every node yet.
    upcoming: Option<usize>,
}

#[derive(Debug, Clone)]
enum Scheme {
    Plain,
    Peppered(Pepper),
}

impl Digests {
    /// A plain SHA-256.
    #[must_use]
    pub fn plain() -> Self {
        Self {
            schemes: Arc::new([Scheme::Plain]),
            upcoming: None,
        }
    }

    /// HMAC-SHA-256 under a pepper.
    #[must_use]
    pub fn peppered(pepper: Pepper) -> Self {
        Self {
            schemes: Arc::new([Scheme::Peppered(pepper)]),
            upcoming: None,
        }
    }

    /// Looks for tokens by an older pepper too.
    ///
    /// # Errors
    /// If there is one of this name already.
    pub fn also(self, older: Pepper) -> Result<Self, ConfigError> {
        self.with(Scheme::Peppered(older))
    }

    /// Looks for tokens by a plain SHA-256 too.
    ///
    /// # Errors
    /// If that is so already.
    pub fn also_plain(self) -> Result<Self, ConfigError> {
        self.with(Scheme::Plain)
    }

    /// Looks for tokens by the pepper that is to come too, and leaves them their digests: other nodes make
    /// such already.
    ///
    /// # Errors
    /// If there is one of this name already, or another is to come.
    pub fn upcoming(self, pepper: Pepper) -> Result<Self, ConfigError> {
        if self.upcoming.is_some() {
            return Err(ConfigError::new("pepper", "two are to come"));
        }
        let place = self.schemes.len();
        let digests = self.with(Scheme::Peppered(pepper))?;
        Ok(Self {
            upcoming: Some(place),
            ..digests
        })
    }

    /// The digest of a new token.
    pub(crate) fn digest(&self, text: &[u8]) -> TokenDigest {
        self.schemes[0].digest(text)
    }

    /// The name of the pepper under which that is made.
    pub(crate) fn pepper(&self) -> Option<&str> {
        self.schemes[0].name()
    }

    /// Whether a digest that was made under the pepper of this name is to give way to the first sort.
    pub(crate) fn is_older(&self, pepper: Option<&str>) -> bool {
        let upcoming = self.upcoming.map(|place| self.schemes[place].name());
        pepper != self.pepper() && upcoming.is_none_or(|upcoming| upcoming != pepper)
    }

    /// The digests that a token of this text may have besides, in the order in which to look for them. The
    /// first way comes once more at the end: a token may be given that digest while it is looked for by
    /// another.
    pub(crate) fn older(&self, text: &[u8]) -> impl Iterator<Item = TokenDigest> {
        let again = (self.schemes.len() > 1).then(|| &self.schemes[0]);
        let schemes = self.schemes[1..].iter().chain(again);
        schemes.map(|scheme| scheme.digest(text))
    }

    /// Finds a token by its text.
    pub(crate) async fn find(
        &self,
        text: &[u8],
        store: &dyn TokenStore,
    ) -> Result<Option<Found>, StoreError> {
        let mut found = store.find(&self.digest(text)).await?;
        // Collected, since what makes digests is not to be held while the store is waited for.
        let older: Vec<_> = match found {
            None => self.older(text).collect(),
            Some(_) => Vec::new(),
        };
        for digest in older {
            if found.is_none() {
                found = store.find(&digest).await?;
            }
        }
        Ok(found)
    }

    /// Does the same where nothing has to be waited for.
    pub(crate) fn find_now(
        &self,
        text: &[u8],
        store: &dyn TokenStore,
    ) -> Option<Result<Option<Found>, StoreError>> {
        let found = store.find_now(&self.digest(text))?;
        if !matches!(found, Ok(None)) {
            return Some(found);
        }
        for digest in self.older(text) {
            let found = store.find_now(&digest)?;
            if !matches!(found, Ok(None)) {
                return Some(found);
            }
        }
        Some(Ok(None))
    }

    fn with(self, scheme: Scheme) -> Result<Self, ConfigError> {
        if self
            .schemes
            .iter()
            .any(|known| known.name() == scheme.name())
        {
            let problem = match scheme.name() {
                Some(name) => format!("there are two of the name {name:?}"),
                None => "plain digests are looked for already".to_owned(),
            };
            return Err(ConfigError::new("pepper", problem));
        }
        let known = self.schemes.iter().cloned();
        Ok(Self {
            schemes: known.chain([scheme]).collect(),
            upcoming: self.upcoming,
        })
    }
}

impl Default for Digests {
    fn default() -> Self {
        Self::plain()
    }
}

impl Scheme {
    fn digest(&self, text: &[u8]) -> TokenDigest {
        match self {
            Self::Plain => TokenDigest::of(text),
            Self::Peppered(pepper) => TokenDigest::from_bytes(hmac(&pepper.0.secret, &[text])),
        }
    }

    fn name(&self) -> Option<&str> {
        match self {
            Self::Plain => None,
            Self::Peppered(pepper) => Some(&pepper.0.name),
        }
    }
}

/// HMAC-SHA-256 over these parts, one after another.
pub(crate) fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    // Any length of key will do, so there is always one.
    let mut mac = match Hmac::<Sha256>::new_from_slice(key) {
        Ok(mac) => mac,
        Err(_) => return [0; 32],
    };
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

use std::collections::HashMap;
use std::sync::Arc;

use serde::de::MapAccess;
use serde_json::value::RawValue;

use super::algorithm::Algorithm;
use super::backend::CryptoBackend;
use super::jwk::Jwk;
use super::verification::VerificationKey;
use crate::error::ConfigError;
use crate::json::{self, Members, Value};

/// The keys by one of which a token must be signed.
///
/// Which one is decided by the token's `kid` and `alg`:
///
/// 1. A token with a `kid` means the key of that `kid`. No other key is tried.
/// 2. In a set whose keys have no `kid` at all, what a token says there is passed over.
/// 3. A token without a `kid` means the only key of its `alg`.
/// 4. The key so found must be for the token's `alg`.
///
/// ```
/// use tower_bearer::keys::KeySet;
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// let keys = KeySet::from_jwks(
///     r#"{"keys": [{
///         "kty": "OKP", "crv": "Ed25519", "kid": "2026-01",
///         "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
///     }]}"#,
/// )?;
/// assert_eq!(keys.iter().count(), 1);
/// # }
/// # Ok::<(), tower_bearer::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<VerificationKey>,
    by_kid: HashMap<Arc<str>, usize>,
    by_algorithm: [Holders; Algorithm::ALL.len()],
    /// Whether keys share a `kid`, each for another algorithm: in published sets alone.
    shares_kids: bool,
}

/// Which keys of the set are for an algorithm.
#[derive(Debug, Clone, Copy, Default)]
enum Holders {
    #[default]
    None,
    One(usize),
    Several,
}

/// Why a token means no key of the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// There is none of that `kid`, or none of that `alg`.
    Unknown,
    /// The token has no `kid`, and several keys are for its `alg`.
    Ambiguous,
    /// The key of that `kid` is for another `alg`.
    OtherAlgorithm,
}

impl KeySet {
    /// A set of these keys.
    ///
    /// # Errors
    /// If there is no key, if two have the same `kid`, if secrets stand beside public keys, or if a key
    /// without `kid` could not be told from another of its algorithm.
    pub fn new(keys: impl IntoIterator<Item = VerificationKey>) -> Result<Self, ConfigError> {
        let keys: Vec<_> = keys.into_iter().collect();
        let Some(first) = keys.first() else {
            return Err(bad("it has no key"));
        };
        let symmetric = first.algorithm().is_symmetric();
        if keys
            .iter()
            .any(|key| key.algorithm().is_symmetric() != symmetric)
        {
            return Err(bad("it has secrets beside public keys"));
        }
        let set = Self::index(keys);
        if set.shares_kids {
            return Err(bad("two of its keys have the same kid"));
        }
        let nameless = |key: &VerificationKey| {
            key.kid().is_none() && matches!(set.holders(key.algorithm()), Holders::Several)
        };
        if set.keys.iter().any(nameless) {
            return Err(bad(
                "a key without kid stands beside another of its algorithm",
            ));
        }
        Ok(set)
    }

    /// The keys of a JWK Set (RFC 7517 §5), each of which says by itself which algorithm it is for.
    ///
    /// A set with a key that is not for signatures, or of a type that is not known here, is refused as a
    /// whole. Where an issuer publishes such a set, import those that are meant one by one, by
    /// [`VerificationKey::from_jwk`], into [`new`](Self::new).
    ///
    /// # Errors
    /// If the text is no JWK Set, if any of its keys is refused (the error says which), or if the keys
    /// do not make a set.
    pub fn from_jwks(json: &str) -> Result<Self, ConfigError> {
        Self::from_jwks_or(None, json)
    }

    /// As [`from_jwks`](Self::from_jwks); keys of type RSA or `oct` that name no algorithm are for
    /// `algorithm`.
    ///
    /// # Errors
    /// As for [`from_jwks`](Self::from_jwks).
    pub fn from_jwks_for(algorithm: Algorithm, json: &str) -> Result<Self, ConfigError> {
        Self::from_jwks_or(Some(algorithm), json)
    }

    /// These keys on a stated back end.
    ///
    /// # Errors
    /// If the back end is not compiled in, or does not work with one of the keys.
    pub fn with_backend(self, backend: CryptoBackend) -> Result<Self, ConfigError> {
        let keys = self.keys.into_iter().map(|key| key.with_backend(backend));
        Ok(Self::index(keys.collect::<Result<_, _>>()?))
    }

    /// The keys, in the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &VerificationKey> {
        self.keys.iter()
    }

    /// The place of the key that a token with these two members means.
    pub(crate) fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<usize, NoKey> {
        let place = match kid {
            Some(kid) if !self.by_kid.is_empty() => {
                self.by_kid.get(kid).copied().ok_or(NoKey::Unknown)?
            }
            // One key for everything, or none with a kid: the algorithm decides.
            _ => match (self.holders(algorithm), &self.keys[..]) {
                (Holders::One(place), _) => place,
                (Holders::Several, _) => return Err(NoKey::Ambiguous),
                (Holders::None, [_]) => return Err(NoKey::OtherAlgorithm),
                (Holders::None, _) => return Err(NoKey::Unknown),
            },
        };
        if self.keys[place].algorithm() == algorithm {
            return Ok(place);
        }
        let same = |key: &VerificationKey| key.kid() == kid && key.algorithm() == algorithm;
        match kid {
            Some(_) if self.shares_kids => self.keys.iter().position(same),
            _ => None,
        }
        .ok_or(NoKey::OtherAlgorithm)
    }

    /// A set by which nothing is good.
    #[cfg(feature = "introspection")]
    pub(crate) fn none() -> Self {
        Self::index(Vec::new())
    }

    /// A set of keys of which it is known that a token means one of them at most. It may be empty.
    #[cfg(feature = "jwks")]
    pub(super) fn published(keys: Vec<VerificationKey>) -> Self {
        Self::index(keys)
    }

    /// Whether tokens are judged by the one as they are by the other.
    #[cfg(feature = "jwks")]
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let mut pairs = self.keys.iter().zip(&other.keys);
        self.keys.len() == other.keys.len() && pairs.all(|(one, other)| one.is_same_as(other))
    }

    /// Whether it has a key that the other has not.
    #[cfg(feature = "jwks")]
    pub(super) fn has_more_than(&self, other: &Self) -> bool {
        let is_new = |key: &VerificationKey| !other.keys.iter().any(|held| held.is_same_as(key));
        self.keys.iter().any(is_new)
    }

    /// The key at a place that [`choose`](Self::choose) told.
    pub(crate) fn key(&self, place: usize) -> &VerificationKey {
        &self.keys[place]
    }

    fn from_jwks_or(default: Option<Algorithm>, json: &str) -> Result<Self, ConfigError> {
        let keys = entries(json)
            .map_err(bad)?
            .into_iter()
            .enumerate()
            .map(|(place, entry)| key_of(entry, default, place));
        Self::new(keys.collect::<Result<Vec<_>, _>>()?)
    }

    fn index(keys: Vec<VerificationKey>) -> Self {
        let mut by_kid = HashMap::new();
        let mut by_algorithm = [Holders::None; Algorithm::ALL.len()];
        for (place, key) in keys.iter().enumerate() {
            if let Some(kid) = key.kid() {
                by_kid.entry(kid.into()).or_insert(place);
            }
            let holders = &mut by_algorithm[key.algorithm() as usize];
            *holders = match holders {
                Holders::None => Holders::One(place),
                Holders::One(_) | Holders::Several => Holders::Several,
            };
        }
        let named = keys.iter().filter(|key| key.kid().is_some()).count();
        Self {
            shares_kids: by_kid.len() != named,
            keys,
            by_kid,
            by_algorithm,
        }
    }

    fn holders(&self, algorithm: Algorithm) -> Holders {
        self.by_algorithm[algorithm as usize]
    }
}

/// A set of one key.
impl From<VerificationKey> for KeySet {
    fn from(key: VerificationKey) -> Self {
        Self::index(vec![key])
    }
}

impl From<VerificationKey> for Arc<KeySet> {
    fn from(key: VerificationKey) -> Self {
        Self::new(key.into())
    }
}

/// One entry of a JWK Set. The error names it by its place, counted from 1, and by its `kid`.
fn key_of(
    entry: &RawValue,
    default: Option<Algorithm>,
    place: usize,
) -> Result<VerificationKey, ConfigError> {
    let name = |kid: Option<&str>| match kid {
        Some(kid) => format!("key {} ({kid:?}) of the JWK Set", place + 1),
        None => format!("key {} of the JWK Set", place + 1),
    };
    let jwk = Jwk::parse(entry.get())
        .map_err(|error| ConfigError::new(name(None), error.problem().to_owned()))?;
    let name = name(jwk.kid.as_deref());
    jwk.into_key(default)
        .map_err(|error| ConfigError::new(name, error.problem().to_owned()))
}

/// The entries of a JWK Set, each as it is written.
pub(super) fn entries(json: &str) -> Result<Vec<&RawValue>, &'static str> {
    let mut entries = Entries::default();
    json::read_object(
        json,
        &mut entries,
        "it is not one JSON object with unique members",
    )?;
    entries.0.ok_or("it has no member keys")
}

/// The texts in `keys`.
#[derive(Default)]
struct Entries<'a>(Option<Vec<&'a RawValue>>);

impl<'de> Members<'de> for Entries<'de> {
    fn member<A: MapAccess<'de>>(
        &mut self,
        name: &str,
        value: Value<'_, A>,
    ) -> Result<(), &'static str> {
        if name == "keys" {
            self.0 = Some(value.raw_array().map_err(|_| "its keys are no array")?);
            Ok(())
        } else {
            value.skip().map_err(|_| "it is no JSON")
        }
    }
}

fn bad(problem: &'static str) -> ConfigError {
    ConfigError::new("key set", problem)
}

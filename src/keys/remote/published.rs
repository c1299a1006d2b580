//! Reading a JWK Set that somebody else wrote.

use std::collections::{HashMap, HashSet};

use serde_json::value::RawValue;

use super::super::algorithm::{Algorithm, Family};
use super::super::backend::CryptoBackend;
use super::super::jwk::Jwk;
use super::super::set::{self, KeySet};
use super::super::verification::VerificationKey;
use crate::error::ConfigError;
use crate::remote::RemoteError;

/// A key of a published set that was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedKey {
    /// Its place in the set, counted from 1.
    pub position: usize,
    /// Its `kid`, if it has one that can be read.
    pub kid: Option<String>,
    /// Why it was not taken.
    pub problem: String,
}

/// What of a published set is taken.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) algorithms: Vec<Algorithm>,
    /// What RSA keys are for that name no algorithm.
    pub(super) rsa_without_alg: Vec<Algorithm>,
    pub(super) backend: CryptoBackend,
}

/// A set of which something was taken.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) keys: KeySet,
    pub(super) skipped: Vec<SkippedKey>,
}

/// A set of which nothing was taken, or a text that is none.
#[derive(Debug)]
pub(super) struct Unusable {
    pub(super) error: RemoteError,
    pub(super) skipped: Vec<SkippedKey>,
}

impl Wanted {
    /// The algorithms that were asked for, or every one with a public key; RSA keys without `alg` are then
    /// for RS256 alone.
    pub(super) fn new(
        algorithms: Option<Vec<Algorithm>>,
        backend: Option<CryptoBackend>,
    ) -> Result<Self, ConfigError> {
        let bad = |problem| ConfigError::new("algorithms", problem);
        let is_rsa = |algorithm: &Algorithm| algorithm.family() == Family::Rsa;
        let (algorithms, rsa_without_alg) = match algorithms {
            None => {
                let asymmetric = Algorithm::ALL.into_iter().filter(|one| !one.is_symmetric());
                (asymmetric.collect(), vec![Algorithm::RS256])
            }
            Some(named) if named.is_empty() => return Err(bad("none is allowed")),
            Some(named) if named.iter().any(|one| one.is_symmetric()) => {
                return Err(bad("one of them is for secrets, which nobody publishes"));
            }
            Some(named) => {
                let rsa = named.iter().copied().filter(is_rsa).collect();
                (named, rsa)
            }
        };
        Ok(Self {
            algorithms,
            rsa_without_alg,
            backend: match backend {
                Some(backend) => backend,
                None => CryptoBackend::compiled()?,
            },
        })
    }

    /// Takes what can be used of the set that `body` is.
    pub(super) fn read(&self, body: &[u8]) -> Result<Published, Unusable> {
        let unusable = |problem, skipped| Unusable {
            error: RemoteError::content(problem),
            skipped,
        };
        let text = std::str::from_utf8(body)
            .map_err(|_| unusable("the answer is no JWK Set: it is not UTF-8", Vec::new()))?;
        let entries = set::entries(text).map_err(|problem| {
            let error = RemoteError::content("the answer is no JWK Set");
            Unusable {
                error: error.with_source(ConfigError::new("JWK Set", problem)),
                skipped: Vec::new(),
            }
        })?;
        if entries.is_empty() {
            return Err(unusable("the JWK Set is empty", Vec::new()));
        }
        let mut taken = Vec::new();
        let mut skipped = Vec::new();
        for (place, entry) in entries.into_iter().enumerate() {
            match self.keys_of(entry) {
                Ok(keys) => taken.extend(keys.into_iter().map(|key| (place + 1, key))),
                Err((kid, problem)) => skipped.push(SkippedKey {
                    position: place + 1,
                    kid,
                    problem,
                }),
            }
        }
        let keys = unmistakable(taken, &mut skipped);
        if keys.is_empty() {
            return Err(unusable(
                "no key of the JWK Set can be used to verify",
                skipped,
            ));
        }
        Ok(Published {
            keys: KeySet::published(keys),
            skipped,
        })
    }

    /// One entry: a key, or the same one for each of several algorithms.
    fn keys_of(&self, entry: &RawValue) -> Result<Vec<VerificationKey>, (Option<String>, String)> {
        let jwk = Jwk::parse(entry.get()).map_err(|error| (None, error.problem().to_owned()))?;
        let kid = jwk.kid.as_deref().map(str::to_owned);
        self.import(entry, &jwk).map_err(|problem| (kid, problem))
    }

    fn import(&self, entry: &RawValue, jwk: &Jwk<'_>) -> Result<Vec<VerificationKey>, String> {
        if jwk.is_secret() {
            return Err("it is a secret, or has one, in a published set".to_owned());
        }
        let defaults: Vec<Option<Algorithm>> = if jwk.is_rsa_for_any() {
            self.rsa_without_alg.iter().copied().map(Some).collect()
        } else {
            vec![None]
        };
        if defaults.is_empty() {
            return Err("no algorithm of RSA is allowed".to_owned());
        }
        let import = |default| {
            let key = Jwk::parse(entry.get())?.into_key(default)?;
            if !self.algorithms.contains(&key.algorithm()) {
                let problem = format!("{} is not allowed", key.algorithm());
                return Err(ConfigError::new("JWK", problem));
            }
            key.with_backend(self.backend)
        };
        let keys: Result<_, ConfigError> = defaults.into_iter().map(import).collect();
        keys.map_err(|error| error.problem().to_owned())
    }
}

/// Those of the keys that a token can mean.
fn unmistakable(
    keys: Vec<(usize, VerificationKey)>,
    skipped: &mut Vec<SkippedKey>,
) -> Vec<VerificationKey> {
    let mut holders = HashMap::new();
    for (_, key) in &keys {
        *holders.entry(key.algorithm()).or_insert(0) += 1;
    }
    let mut names = HashSet::new();
    let mut left = Vec::new();
    for (position, key) in keys {
        let algorithm = key.algorithm();
        let problem = match key.kid() {
            Some(kid) if !names.insert((kid.to_owned(), algorithm)) => {
                "a key before it has the same kid and algorithm"
            }
            None if holders[&algorithm] > 1 => {
                "it has no kid, and another key is for its algorithm"
            }
            _ => {
                left.push(key);
                continue;
            }
        };
        skipped.push(SkippedKey {
            position,
            kid: key.kid().map(str::to_owned),
            problem: problem.to_owned(),
        });
    }
    skipped.sort_by_key(|key| key.position);
    left
}

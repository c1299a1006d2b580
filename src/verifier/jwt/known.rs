//! Keys, and the headers under which they have signed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::clock::Timestamp;
use crate::identity::OnAdmitted;
use crate::keys::{KeySet, SharedKeySet, Source, Supply, VerificationKey, VerifierKeys};
use crate::refusal::Refusal;

/// How many headers are remembered: an issuer writes one for each of its keys.
const REMEMBERED: usize = 8;

/// The keys of a verifier: the same for ever, or as they are just now.
#[derive(Debug)]
pub(super) enum Keys {
    Fixed(Box<KnownKeys>),
    Shared {
        source: SharedKeySet,
        /// Who fetches those that are lacking.
        supply: Option<Supply>,
        known: RwLock<Arc<KnownKeys>>,
    },
}

impl Keys {
    pub(super) fn new(keys: VerifierKeys) -> Self {
        match keys.0 {
            Source::Fixed(keys) => Self::Fixed(Box::new(KnownKeys::fixed(keys))),
            Source::Shared(source, supply) => Self::Shared {
                known: RwLock::new(Arc::new(KnownKeys::of(&source, supply.as_ref()))),
                source,
                supply,
            },
        }
    }

    pub(super) fn supply(&self) -> Option<&Supply> {
        match self {
            Self::Fixed(_) => None,
            Self::Shared { supply, .. } => supply.as_ref(),
        }
    }

    /// Hands the keys to `then`. No lock is held meanwhile.
    pub(super) fn with<T>(&self, then: impl FnOnce(&KnownKeys) -> T) -> T {
        match self {
            Self::Fixed(known) => then(known),
            Self::Shared {
                source,
                supply,
                known,
            } => then(&up_to_date(source, supply.as_ref(), known)),
        }
    }
}

fn up_to_date(
    source: &SharedKeySet,
    supply: Option<&Supply>,
    known: &RwLock<Arc<KnownKeys>>,
) -> Arc<KnownKeys> {
    let held = Arc::clone(&known.read().unwrap_or_else(PoisonError::into_inner));
    if held.generation == source.generation() {
        return held;
    }
    let mut slot = known.write().unwrap_or_else(PoisonError::into_inner);
    if slot.generation != source.generation() {
        *slot = Arc::new(KnownKeys::of(source, supply));
    }
    Arc::clone(&slot)
}

/// A key set with the encoded headers that were found to be acceptable and to mean one of its keys.
///
/// A header that is met again is recognised by its bytes and not read anew. It is remembered only once a
/// signature over it was good, so that nobody else can fill the places. Both go together: other keys,
/// other headers.
#[derive(Debug)]
pub(super) struct KnownKeys {
    keys: Arc<KeySet>,
    generation: u64,
    headers: [OnceLock<KnownHeader>; REMEMBERED],
    // One for each key, where keys may change.
    watches: Vec<Arc<KeyWatch>>,
}

#[derive(Debug)]
struct KnownHeader {
    encoded: Box<[u8]>,
    place: usize,
}

impl KnownKeys {
    fn fixed(keys: Arc<KeySet>) -> Self {
        Self {
            keys,
            generation: 0,
            headers: Default::default(),
            watches: Vec::new(),
        }
    }

    fn of(source: &SharedKeySet, supply: Option<&Supply>) -> Self {
        let (keys, generation) = source.snapshot();
        let watch = |key: &VerificationKey| {
            Arc::new(KeyWatch {
                source: source.clone(),
                supply: supply.map(Supply::unattended),
                key: key.clone(),
                seen: AtomicU64::new(generation),
            })
        };
        Self {
            watches: keys.iter().map(watch).collect(),
            generation,
            ..Self::fixed(keys)
        }
    }

    pub(super) fn keys(&self) -> &KeySet {
        &self.keys
    }

    pub(super) fn key(&self, place: usize) -> &VerificationKey {
        self.keys.key(place)
    }

    /// What refuses tokens of this key once it is no longer held.
    pub(super) fn watch(&self, place: usize) -> Option<Arc<dyn OnAdmitted>> {
        let watch = Arc::clone(self.watches.get(place)?);
        Some(watch)
    }

    /// The place of the key that this header is known to mean.
    pub(super) fn recall(&self, encoded: &[u8]) -> Option<usize> {
        self.headers
            .iter()
            .map_while(OnceLock::get)
            .find_map(|known| (*known.encoded == *encoded).then_some(known.place))
    }

    pub(super) fn remember(&self, encoded: &[u8], place: usize) {
        if let Some(free) = self.headers.iter().find(|slot| slot.get().is_none()) {
            free.get_or_init(|| KnownHeader {
                encoded: encoded.into(),
                place,
            });
        }
    }
}

/// Knows whether a key is still held.
#[derive(Debug)]
struct KeyWatch {
    source: SharedKeySet,
    /// Knows whether what is held is too old. Keeps nothing going.
    supply: Option<Supply>,
    key: VerificationKey,
    /// A generation in which it was held.
    seen: AtomicU64,
}

impl OnAdmitted for KeyWatch {
    fn admitted(&self, now: Timestamp) -> Result<(), Refusal> {
        if !self.is_current() {
            return Err(Refusal::invalid("the key of the token was withdrawn"));
        }
        match &self.supply {
            Some(supply) if !supply.attend(now) => {
                Err(Refusal::unavailable("the keys that are held are too old"))
            }
            _ => Ok(()),
        }
    }

    fn is_current(&self) -> bool {
        if self.seen.load(Ordering::Relaxed) == self.source.generation() {
            return true;
        }
        let (keys, generation) = self.source.snapshot();
        let is_held = keys.iter().any(|key| key.is_same_as(&self.key));
        if is_held {
            self.seen.store(generation, Ordering::Relaxed);
        }
        is_held
    }
}

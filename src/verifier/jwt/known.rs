//! Keys, and the headers under which they have signed.

use std::sync::{Arc, OnceLock};

use crate::keys::{KeySet, VerificationKey};

/// How many headers are remembered: an issuer writes one for each of its keys.
const REMEMBERED: usize = 8;

/// A key set with the encoded headers that were found to be acceptable and to mean one of its keys.
///
/// A header that is met again is recognised by its bytes and not read anew. It is remembered only once a
/// signature over it was good, so that nobody else can fill the places. Both go together: other keys,
/// other headers.
#[derive(Debug)]
pub(super) struct KnownKeys {
    keys: Arc<KeySet>,
    headers: [OnceLock<KnownHeader>; REMEMBERED],
}

#[derive(Debug)]
struct KnownHeader {
    encoded: Box<[u8]>,
    place: usize,
}

impl KnownKeys {
    pub(super) fn new(keys: Arc<KeySet>) -> Self {
        Self {
            keys,
            headers: Default::default(),
        }
    }

    pub(super) fn keys(&self) -> &KeySet {
        &self.keys
    }

    pub(super) fn key(&self, place: usize) -> &VerificationKey {
        self.keys.key(place)
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

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::entry::Entry;
use crate::clock::Timestamp;
use crate::hasher::DigestHasher;
use crate::store::{StoreError, TokenDigest, TokenKey, TokenRecord};

pub(super) const SHARDS: usize = 64;

pub(super) type Subjects = HashMap<Box<str>, BTreeMap<Box<str>, TokenDigest>>;
pub(super) type Tokens = HashMap<TokenDigest, Entry, BuildHasherDefault<DigestHasher>>;

// Apart by two cache lines, which processors fetch in pairs.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Shard(pub(super) RwLock<Tokens>);

pub(super) fn shard_of(digest: &TokenDigest) -> usize {
    // A byte that the map's hash leaves out.
    usize::from(digest.as_bytes()[8]) % SHARDS
}

pub(super) fn digest_of(subjects: &Subjects, key: TokenKey<'_>) -> Option<TokenDigest> {
    subjects.get(key.subject)?.get(key.id).copied()
}

/// The live tokens that `record` would be one more of: when each was minted, its id and its digest.
pub(super) fn live_of_kind(
    subjects: &Subjects,
    shards: &[RwLockWriteGuard<'_, Tokens>],
    record: &TokenRecord,
    now: Timestamp,
) -> Vec<(Timestamp, Box<str>, TokenDigest)> {
    let held = subjects.get(&record.subject);
    held.into_iter()
        .flat_map(BTreeMap::values)
        .filter_map(|digest| Some((digest, shards[shard_of(digest)].get(digest)?)))
        .filter(|(_, entry)| entry.shared().kind == record.kind && entry.is_live(now))
        .map(|(digest, entry)| (entry.shared().created, entry.shared().id.clone(), *digest))
        .collect()
}

pub(super) fn add(
    subjects: &mut Subjects,
    tokens: &mut Tokens,
    record: TokenRecord,
) -> Result<(), StoreError> {
    if tokens.contains_key(&record.digest) || digest_of(subjects, record.key()).is_some() {
        return Err(StoreError::AlreadyExists);
    }
    point(subjects, &record);
    tokens.insert(record.digest, Entry::new(record));
    Ok(())
}

/// Has the way from a record's id lead to its digest.
pub(super) fn point(subjects: &mut Subjects, record: &TokenRecord) {
    let held = subjects.entry(record.subject.clone()).or_default();
    held.insert(record.id.clone(), record.digest);
}

pub(super) fn forget(subjects: &mut Subjects, record: &TokenRecord) {
    if let Some(held) = subjects.get_mut(&record.subject) {
        held.remove(&record.id);
        if held.is_empty() {
            subjects.remove(&record.subject);
        }
    }
}

// A poisoned lock guards whole data: nothing between two changes to it can panic.
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

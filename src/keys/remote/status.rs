use std::time::Duration;

use super::published::SkippedKey;
use crate::clock::Timestamp;

/// How a [`RemoteKeySet`](super::RemoteKeySet) is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteKeyStatus {
    /// Whether tokens are judged by what is held: there are keys, and they are not too old.
    pub is_usable: bool,
    /// Whether the last fetch failed.
    pub is_failing: bool,
    /// Since when the keys are known to be right, as of now; `None` if none were ever fetched.
    pub age: Option<Duration>,
    /// When that was.
    pub last_success: Option<Timestamp>,
    /// When a fetch last failed.
    pub last_failure: Option<Timestamp>,
    /// Why. It stays until another fetch fails.
    pub last_error: Option<String>,
    /// Why the issuer's metadata could not be read again, if the last attempt failed: the keys are then
    /// fetched from where they were before.
    pub discovery_error: Option<String>,
    /// When the keys are next fetched by themselves.
    pub next_refresh: Timestamp,
    /// Until when the keys are gone by, if every fetch fails from now on.
    pub usable_until: Option<Timestamp>,
    /// How many keys are held. An RSA key that is for several algorithms counts for each.
    pub keys: usize,
    /// The keys of the last set that were not taken.
    pub skipped: Vec<SkippedKey>,
    /// How many fetches were made, answered or not.
    pub fetches: u64,
    /// How many of them failed.
    pub failures: u64,
}

//! What is under way, and what the last fetches were like.

use std::time::Duration;

use super::error::FetchError;
use super::published::SkippedKey;
use crate::clock::Timestamp;
use crate::refusal::Refusal;

/// Why the keys are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// It is time.
    Due,
    /// Somebody asked for it in code.
    Asked,
    /// A token means a key that is not held.
    UnknownKey,
}

/// Guarded by one lock, which requests take only where a key is not held or a refresh is due.
#[derive(Debug)]
pub(super) struct Gate {
    /// What is to begin next.
    pub(super) wanted: Option<Cause>,
    /// Whether a fetch is under way.
    pub(super) is_running: bool,
    /// How many fetches have begun.
    pub(super) begun: u64,
    /// When a fetch was last begun that counts for the cool-down: one for an unknown key, or one that failed.
    pub(super) looked_up: Option<Timestamp>,
    /// When the keys are next fetched.
    pub(super) next: Timestamp,
    pub(super) last_success: Option<Timestamp>,
    pub(super) last_failure: Option<(Timestamp, FetchError)>,
    /// Failures since the last answer.
    pub(super) failures_in_row: u32,
    pub(super) failures: u64,
    pub(super) skipped: Vec<SkippedKey>,
    pub(super) discovery_error: Option<FetchError>,
}

impl Gate {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            wanted: Some(Cause::Due),
            is_running: false,
            begun: 0,
            looked_up: None,
            next: now,
            last_success: None,
            last_failure: None,
            failures_in_row: 0,
            failures: 0,
            skipped: Vec::new(),
            discovery_error: None,
        }
    }

    /// The number of the fetch that is under way or about to begin, and whether it has yet to begin.
    pub(super) fn current(&self) -> Option<(u64, bool)> {
        if self.is_running {
            Some((self.begun, false))
        } else {
            self.wanted.map(|_| (self.begun + 1, true))
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failures_in_row > 0
    }

    /// How much is left of the cool-down, at `now`. By a clock that was set back it is not prolonged.
    pub(super) fn cool_down_left(&self, now: Timestamp, cool_down: Duration) -> Option<Duration> {
        let last = self.looked_up?;
        let left = cool_down.checked_sub(now.since(last))?;
        (!left.is_zero() && last.since(now) < cool_down).then_some(left)
    }

    /// Whether the last fetch was answered.
    pub(super) fn last_outcome(&self) -> Result<(), Refusal> {
        if self.is_failing() {
            Err(self.unavailable(None))
        } else {
            Ok(())
        }
    }

    /// What is said while it cannot be looked up, for a while.
    pub(super) fn unavailable(&self, left: Option<Duration>) -> Refusal {
        let refusal = Refusal::unavailable("the keys could not be fetched");
        let refusal = match &self.last_failure {
            Some((_, error)) => refusal.with_source(error.clone()),
            None => refusal,
        };
        match left {
            Some(left) => refusal.with_retry_after(left.max(Duration::from_secs(1))),
            None => refusal,
        }
    }
}

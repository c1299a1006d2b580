//! What comes of a fetch.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::super::set::KeySet;
use super::error::FetchError;
use super::gate::{Cause, Gate};
use super::published::SkippedKey;
use super::report::{self, Outcome};
use super::shared::Shared;
use crate::clock::Timestamp;

/// An answer.
pub(super) struct Fetched {
    /// Other keys, unless those that are held were said to be right.
    pub(super) set: Option<(KeySet, Vec<SkippedKey>)>,
    /// For how long it says that it is good.
    pub(super) said: Option<Duration>,
    pub(super) discovery_error: Option<FetchError>,
}

/// A fetch that brought nothing that can be used.
pub(super) struct Failed {
    pub(super) error: FetchError,
    /// Where there was a set.
    pub(super) skipped: Vec<SkippedKey>,
}

impl Shared {
    /// A fetch begins.
    pub(super) fn begin(&self) -> (Cause, Timestamp) {
        let mut gate = self.gate();
        gate.is_running = true;
        gate.begun += 1;
        self.refresh_at.store(i64::MAX, Ordering::Relaxed);
        (gate.wanted.take().unwrap_or(Cause::Due), self.now())
    }

    /// The fetch that began at `since` is over. Returns when the next is due.
    pub(super) fn settle(
        &self,
        cause: Cause,
        since: Timestamp,
        outcome: Result<Fetched, Failed>,
    ) -> Instant {
        let mut gate = self.gate();
        let was_failing = gate.is_failing();
        let now = self.now();
        let outcome = match outcome {
            Ok(fetched) => self.succeed(&mut gate, cause, since, fetched),
            Err(failed) => self.fail(&mut gate, cause, (since, now), failed),
        };
        gate.is_running = false;
        self.refresh_at
            .store(gate.next.as_unix_millis(), Ordering::Relaxed);
        let due = Instant::now() + gate.next.since(now);
        let status = self.status_of(&gate, now);
        drop(gate);
        report::fetched(&self.name, &self.label, outcome, was_failing, &status);
        due
    }

    fn succeed(
        &self,
        gate: &mut Gate,
        cause: Cause,
        since: Timestamp,
        fetched: Fetched,
    ) -> Outcome {
        let mut outcome = Outcome::Unchanged;
        if let Some((set, skipped)) = fetched.set {
            self.note_skipped(gate, skipped);
            let held = self.keys.load();
            if !set.is_same_as(&held) {
                outcome = Outcome::Changed;
                if cause == Cause::UnknownKey && set.has_more_than(&held) {
                    // It was no junk that asked.
                    gate.looked_up = None;
                }
                self.keys.store(set);
            }
        }
        gate.failures_in_row = 0;
        gate.last_success = Some(since);
        if let (None, Some(error)) = (&gate.discovery_error, &fetched.discovery_error) {
            report::not_discovered(&self.name, &error.in_full());
        }
        gate.discovery_error = fetched.discovery_error;
        gate.next = since.saturating_add(self.pace.after_answer(fetched.said));
        let until = since.saturating_add(self.pace.max_stale);
        self.usable_until
            .store(until.as_unix_millis(), Ordering::Release);
        outcome
    }

    fn fail(
        &self,
        gate: &mut Gate,
        cause: Cause,
        (since, now): (Timestamp, Timestamp),
        failed: Failed,
    ) -> Outcome {
        gate.failures_in_row = gate.failures_in_row.saturating_add(1);
        gate.failures += 1;
        if !failed.skipped.is_empty() {
            self.note_skipped(gate, failed.skipped);
        }
        gate.last_failure = Some((now, failed.error));
        let is_usable = self.is_usable(now);
        let pause = self.pace.after_failure(gate.failures_in_row, is_usable);
        let retry = now.saturating_add(pause);
        // However it came to be asked, a server in trouble is left alone for a while.
        if cause == Cause::UnknownKey {
            gate.next = gate.next.max(retry);
        } else {
            gate.next = retry;
            gate.looked_up = Some(since);
        }
        Outcome::Failed
    }

    /// Each is told of once.
    fn note_skipped(&self, gate: &mut Gate, skipped: Vec<SkippedKey>) {
        for key in &skipped {
            let is_same = |known: &SkippedKey| known.kid == key.kid && known.problem == key.problem;
            if !gate.skipped.iter().any(is_same) {
                report::skipped(&self.name, key);
            }
        }
        gate.skipped = skipped;
    }
}

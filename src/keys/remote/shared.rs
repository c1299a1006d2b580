use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::super::set::KeySet;
use super::super::shared::SharedKeySet;
use super::super::supply::Lookup;
use super::error::FetchError;
use super::gate::{Cause, Gate};
use super::pace::Pace;
use super::report;
use super::report::Label;
use super::status::RemoteKeyStatus;
use super::waiting::Waiting;
use crate::clock::{Clock, Timestamp};

/// What the handles, the verifiers and the task that fetches have in common.
pub(crate) struct Shared {
    /// The URL or the issuer, as it may be shown.
    pub(super) name: Arc<str>,
    pub(super) label: Label,
    pub(super) keys: SharedKeySet,
    pub(super) pace: Pace,
    clock: Arc<dyn Clock>,
    /// From when on a request has a refresh begin, in milliseconds; the end of time while one is begun.
    pub(super) refresh_at: AtomicI64,
    /// Until when the keys are gone by.
    pub(super) usable_until: AtomicI64,
    gate: Mutex<Gate>,
    wake: Notify,
    /// How many fetches are over. Closed when there will be no more.
    settled: watch::Receiver<u64>,
}

impl Shared {
    pub(super) fn new(
        name: Arc<str>,
        pace: Pace,
        clock: Arc<dyn Clock>,
        settled: watch::Receiver<u64>,
        label: Label,
    ) -> Self {
        let gate = Mutex::new(Gate::new(clock.now()));
        Self {
            name,
            label,
            keys: SharedKeySet::new(KeySet::published(Vec::new())),
            pace,
            clock,
            refresh_at: AtomicI64::new(i64::MAX),
            usable_until: AtomicI64::new(i64::MIN),
            gate,
            wake: Notify::new(),
            settled,
        }
    }

    pub(super) fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn keys(&self) -> &SharedKeySet {
        &self.keys
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(super) fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether tokens may be judged by the keys at `now`. Has a refresh begin that is due.
    pub(super) fn attend(&self, now: Timestamp) -> bool {
        let due = self.refresh_at.load(Ordering::Relaxed);
        if now.as_unix_millis() >= due {
            self.refresh_if_due(due);
        }
        self.is_usable(now)
    }

    pub(super) fn is_usable(&self, now: Timestamp) -> bool {
        // Pairs with the store after the keys' own: who sees that they are usable sees them.
        now.as_unix_millis() < self.usable_until.load(Ordering::Acquire)
    }

    #[cold]
    fn refresh_if_due(&self, due: i64) {
        // The next requests go on without a look; the task sets it anew.
        let relaxed = Ordering::Relaxed;
        let taken = self
            .refresh_at
            .compare_exchange(due, i64::MAX, relaxed, relaxed);
        if taken.is_err() {
            return;
        }
        let mut gate = self.gate();
        if gate.current().is_none() && self.now() >= gate.next {
            gate.wanted = Some(Cause::Due);
            self.wake.notify_one();
        }
    }

    /// What is to be done about a token that means no key that is held, at `now`.
    pub(super) fn look_up(self: &Arc<Self>, now: Timestamp) -> Lookup {
        let mut gate = self.gate();
        if gate.current().is_none() {
            if self.settled.has_changed().is_err() {
                return Lookup::Unavailable(gate.unavailable(None));
            }
            let (cause, left) = if self.is_usable(now) {
                let left = gate.cool_down_left(now, self.pace.cool_down);
                (Cause::UnknownKey, left)
            } else {
                let left = gate.next.since(now);
                (Cause::Due, (!left.is_zero()).then_some(left))
            };
            if let Some(left) = left {
                let is_known = cause == Cause::UnknownKey && !gate.is_failing();
                report::unknown_key(
                    &self.label,
                    if is_known { "refused" } else { "unavailable" },
                );
                return match is_known {
                    true => Lookup::Unknown,
                    false => Lookup::Unavailable(gate.unavailable(Some(left))),
                };
            }
            if cause == Cause::UnknownKey {
                gate.looked_up = Some(now);
            }
            gate.wanted = Some(cause);
            self.wake.notify_one();
            report::unknown_key(&self.label, "fetched");
        }
        match self.current(&gate) {
            Some(waiting) => Lookup::Wait(waiting),
            None => Lookup::Unknown,
        }
    }

    /// Wants a fetch that begins from now on.
    pub(super) fn ask(self: &Arc<Self>) -> Waiting {
        let mut gate = self.gate();
        gate.wanted.get_or_insert(Cause::Asked);
        self.wake.notify_one();
        self.waiting(gate.begun + 1, true)
    }

    /// The fetch that is under way or about to begin.
    pub(super) fn under_way(self: &Arc<Self>) -> Option<Waiting> {
        let gate = self.gate();
        match gate.wanted {
            Some(_) => Some(self.waiting(gate.begun + 1, true)),
            None => self.current(&gate),
        }
    }

    /// Waits until there is nobody who fetches.
    pub(super) async fn ended(&self) {
        let mut settled = self.settled.clone();
        // An error says that it is so.
        let _ = settled.wait_for(|_| false).await;
    }

    fn current(self: &Arc<Self>, gate: &Gate) -> Option<Waiting> {
        let (number, is_fresh) = gate.current()?;
        Some(self.waiting(number, is_fresh))
    }

    fn waiting(self: &Arc<Self>, number: u64, is_fresh: bool) -> Waiting {
        Waiting {
            shared: Arc::clone(self),
            settled: self.settled.clone(),
            number,
            is_fresh,
        }
    }

    /// Waits until a fetch is wanted, or until `due`.
    pub(super) async fn idle(&self, due: Instant) {
        while self.gate().wanted.is_none() {
            if timeout_at(due, self.wake.notified()).await.is_err() {
                return;
            }
        }
    }

    pub(super) fn status(&self) -> RemoteKeyStatus {
        self.status_of(&self.gate(), self.now())
    }

    pub(super) fn status_of(&self, gate: &Gate, now: Timestamp) -> RemoteKeyStatus {
        let failure = gate.last_failure.as_ref();
        let until = gate
            .last_success
            .map(|since| since.saturating_add(self.pace.max_stale));
        RemoteKeyStatus {
            is_usable: self.is_usable(now),
            is_failing: gate.is_failing(),
            age: gate.last_success.map(|since| now.since(since)),
            last_success: gate.last_success,
            last_failure: failure.map(|(at, _)| *at),
            last_error: failure.map(|(_, error)| error.in_full()),
            discovery_error: gate.discovery_error.as_ref().map(FetchError::in_full),
            next_refresh: gate.next,
            usable_until: until,
            keys: self.keys.load().iter().count(),
            skipped: gate.skipped.clone(),
            fetches: gate.begun,
            failures: gate.failures,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("name", &self.name)
            .field("keys", &self.keys)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}

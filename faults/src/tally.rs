//! What was counted, and what of it breaks a promise.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How many broken promises are printed; the rest is counted.
const PRINTED: u64 = 20;

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Times, of which the longest are asked for.
#[derive(Debug, Default)]
pub(crate) struct Times(Mutex<Vec<Duration>>);

impl Times {
    pub(crate) fn add(&self, time: Duration) {
        self.0.lock().expect("the times").push(time);
    }

    pub(crate) fn sorted(&self) -> Vec<Duration> {
        let mut times = self.0.lock().expect("the times").clone();
        times.sort_unstable();
        times
    }
}

/// The time within which so many of a hundred are, of sorted times.
pub(crate) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let place = (sorted.len() * percent).div_ceil(100);
    let time = sorted.get(place.saturating_sub(1));
    time.copied().unwrap_or_default()
}

#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Requests of the load, apart from those that hunt what was just revoked.
    pub(crate) sent: Counter,
    pub(crate) admitted: Counter,
    pub(crate) refused: Counter,
    pub(crate) unavailable: Counter,
    pub(crate) issued: Counter,
    pub(crate) revoked: Counter,
    /// Calls to issue or to revoke that told of an error.
    pub(crate) failed: Counter,
    /// Answers that came after their deadline, because the program itself was late.
    pub(crate) held_up: Counter,
    /// How long each 503 took.
    pub(crate) refusals: Times,
    /// How long after the server each node was back, for lookups and for changes.
    pub(crate) returns: Times,
    /// How long after the server each node trusted its cache again.
    pub(crate) trust: Times,
    broken: Counter,
}

impl Tally {
    pub(crate) fn broke(&self, promise: &str) {
        self.broken.add();
        if self.broken.get() <= PRINTED {
            println!("BROKEN: {promise}");
        }
    }

    pub(crate) fn broken(&self) -> u64 {
        self.broken.get()
    }

    /// A run in which something never happened shows nothing about it.
    pub(crate) fn must_have_happened(&self) {
        for (counter, what) in [
            (&self.admitted, "was let in"),
            (&self.refused, "was refused"),
            (&self.unavailable, "was answered 503"),
            (&self.issued, "was issued"),
            (&self.revoked, "was revoked"),
            (&self.failed, "failed to be issued or revoked"),
        ] {
            if counter.get() == 0 {
                self.broke(&format!("nothing {what}, so nothing was shown"));
            }
        }
    }
}

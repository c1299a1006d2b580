use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::clock::{Clock, Timestamp};
use crate::revocation::Recent;

/// When the tasks of a node last did what they are for.
pub(super) struct Health {
    clock: Arc<dyn Clock>,
    times: Mutex<Times>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// Since when what is remembered is trusted, or is not.
    pub(super) trust: Timestamp,
    pub(super) uses_written: Option<Timestamp>,
    pub(super) pruned: Option<(Timestamp, u64)>,
}

impl Health {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        let times = Times {
            trust: clock.now(),
            uses_written: None,
            pruned: None,
        };
        Self {
            clock,
            times: Mutex::new(times),
        }
    }

    /// Trusts what is remembered, or does so no longer.
    pub(super) fn trust(&self, recent: &Recent, trusted: bool) {
        let mut times = self.lock();
        if recent.is_trusted() != trusted {
            times.trust = self.clock.now();
            recent.trust(trusted);
        }
    }

    pub(super) fn wrote_uses(&self) {
        self.lock().uses_written = Some(self.clock.now());
    }

    pub(super) fn pruned(&self, removed: u64) {
        self.lock().pruned = Some((self.clock.now(), removed));
    }

    /// Whether what is remembered is trusted, and the times.
    pub(super) fn look(&self, recent: &Recent) -> (bool, Times) {
        let times = self.lock();
        (recent.is_trusted(), *times)
    }

    fn lock(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().fmt(f)
    }
}

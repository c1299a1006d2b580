use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use crate::clock::Timestamp;
use crate::identity::OnAdmitted;
use crate::refusal::Refusal;
use crate::store::{Found, TokenRecord};

/// A record, and its last use apart from it.
pub(super) struct Entry {
    found: Found,
    last_use: Arc<LastUse>,
}

impl Entry {
    pub(super) fn new(record: TokenRecord) -> Self {
        let last_use = Arc::new(LastUse::of(&record));
        Self::with_last_use(record, last_use)
    }

    fn with_last_use(record: TokenRecord, last_use: Arc<LastUse>) -> Self {
        Self {
            found: Found::new(record).with_on_admitted(Arc::clone(&last_use) as _),
            last_use,
        }
    }

    /// What a lookup is handed.
    pub(super) fn found(&self) -> Found {
        self.found.clone().with_last_used(self.last_use.get())
    }

    /// The record as it was last changed; its time of last use may be old.
    pub(super) fn shared(&self) -> &TokenRecord {
        self.found.record()
    }

    /// A copy of the record, with its latest use.
    pub(super) fn record(&self) -> TokenRecord {
        let mut record = self.shared().clone();
        record.last_used = self.last_use.get();
        record
    }

    pub(super) fn is_revoked(&self) -> bool {
        self.shared().revoked.is_some()
    }

    pub(super) fn touch(&self, at: Timestamp) {
        self.last_use.move_to(at);
    }

    /// Ends the token, and says whether it was not ended before. Its last use stays the one that requests
    /// under way will tell.
    pub(super) fn revoke(&mut self, at: Timestamp) -> bool {
        if self.is_revoked() {
            return false;
        }
        self.edit(|record| record.revoked = Some(at));
        true
    }

    /// Changes the record. Requests under way go on by what they found, but for those with a token that is
    /// switched off.
    pub(super) fn edit(&mut self, change: impl FnOnce(&mut TokenRecord)) {
        let mut record = self.shared().clone();
        change(&mut record);
        self.last_use.stands(&record);
        *self = Self::with_last_use(record, Arc::clone(&self.last_use));
    }

    /// Whether the token counts towards a limit.
    pub(super) fn is_live(&self, now: Timestamp) -> bool {
        self.shared().is_live_if_used(self.last_use.get(), now)
    }

    /// Whether the token was revoked, or its time was over, at `before`.
    pub(super) fn is_over(&self, before: Timestamp) -> bool {
        let record = self.shared();
        record.revoked.is_some_and(|at| at <= before)
            || record
                .ends_if_used(self.last_use.get())
                .is_some_and(|at| at <= before)
    }
}

/// What requests under way share with the store: when the token was last used, and whether it is revoked or
/// switched off.
struct LastUse {
    /// In milliseconds; `i64::MIN` for never.
    at: AtomicI64,
    is_over: AtomicBool,
}

impl LastUse {
    fn of(record: &TokenRecord) -> Self {
        let at = record.last_used.map_or(i64::MIN, Timestamp::as_unix_millis);
        Self {
            at: AtomicI64::new(at),
            is_over: AtomicBool::new(is_over(record)),
        }
    }

    fn stands(&self, record: &TokenRecord) {
        self.is_over.store(is_over(record), Ordering::SeqCst);
    }

    fn get(&self) -> Option<Timestamp> {
        let millis = self.at.load(Ordering::Relaxed);
        (millis != i64::MIN).then(|| Timestamp::from_unix_millis(millis))
    }

    fn move_to(&self, at: Timestamp) {
        let at = at.as_unix_millis();
        // Read first: most requests fall into a millisecond that is recorded already, and a write would
        // take the cache line from the other cores.
        if self.at.load(Ordering::Relaxed) < at {
            self.at.fetch_max(at, Ordering::Relaxed);
        }
    }
}

fn is_over(record: &TokenRecord) -> bool {
    record.revoked.is_some() || record.disabled
}

impl OnAdmitted for LastUse {
    fn admitted(&self, _now: Timestamp) -> Result<(), Refusal> {
        if self.is_over.load(Ordering::SeqCst) {
            return Err(Refusal::revoked(
                "token was revoked or switched off meanwhile",
            ));
        }
        Ok(())
    }

    fn used(&self, now: Timestamp) {
        self.move_to(now);
    }

    fn is_current(&self) -> bool {
        !self.is_over.load(Ordering::SeqCst)
    }
}

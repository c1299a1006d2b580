use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use super::digest::{Digest, DigestHash};
use super::settings::CacheSettings;
use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::refusal::{Reason, Refusal};
use crate::sync::{AtomicU64, Ordering, RwLock};

type Shelf<V> = Cache<Digest, V, UnitWeighter, DigestHash>;

/// What was judged: identities, and apart from them refusals.
pub(super) struct Memory {
    admitted: Shelf<Admitted>,
    refused: Option<Shelf<Refused>>,
    max_age: Duration,
    refused_age: Duration,
    /// How often something was forgotten on purpose. A judgement is remembered only in the epoch in which it
    /// began; the lock sees to it that none slips in while that is going on.
    epoch: AtomicU64,
    forgetting: RwLock<()>,
}

#[derive(Clone)]
struct Admitted {
    identity: Identity,
    span: Span,
}

#[derive(Clone)]
struct Refused {
    refusal: Refusal,
    span: Span,
}

/// When an answer may be repeated: from when it was given, and until then.
#[derive(Clone, Copy)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl Memory {
    pub(super) fn new(settings: &CacheSettings) -> Self {
        Self {
            admitted: shelf(settings.capacity),
            refused: (settings.refused_capacity > 0).then(|| shelf(settings.refused_capacity)),
            max_age: settings.max_age,
            refused_age: settings.refused_age,
            epoch: AtomicU64::new(0),
            forgetting: RwLock::new(()),
        }
    }

    /// The answer that was given before, if it may be given at `now`.
    pub(super) fn recall(&self, key: &Digest, now: Timestamp) -> Option<Result<Identity, Refusal>> {
        if let Some(known) = self.admitted.get(key)
            && known.span.covers(now)
            && known.identity.is_current()
        {
            return Some(Ok(known.identity));
        }
        let known = self.refused.as_ref()?.get(key)?;
        known.span.covers(now).then_some(Err(known.refusal))
    }

    /// What a judgement that begins now hands to [`remember`](Self::remember).
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Keeps an answer that was given at `now`, if it is one to be kept.
    pub(super) fn remember(
        &self,
        key: Digest,
        epoch: u64,
        now: Timestamp,
        judged: &Result<Identity, Refusal>,
    ) {
        // While something is being forgotten, nothing is kept: that is never wrong, and nobody waits.
        let Ok(_kept_out) = self.forgetting.try_read() else {
            return;
        };
        if self.epoch() != epoch {
            return;
        }
        match judged {
            Ok(identity) => {
                if let Some(refused) = &self.refused {
                    forget(refused, &key);
                }
                let span = self.span(identity, now);
                if span.covers(now) {
                    let identity = identity.clone();
                    self.admitted.insert(key, Admitted { identity, span });
                }
            }
            Err(refusal) if refusal.reason() == Reason::Unavailable => {}
            Err(refusal) => {
                // Too old already, but a clock that is set back would make it young.
                forget(&self.admitted, &key);
                if let Some(refused) = &self.refused
                    && is_final(refusal.reason())
                {
                    let span = Span {
                        from: now,
                        until: now.saturating_add(self.refused_age),
                    };
                    let refusal = without_source(refusal);
                    refused.insert(key, Refused { refusal, span });
                }
            }
        }
    }

    /// Whether an identity that was found at `began` may be taken at `now`.
    pub(super) fn holds(&self, identity: &Identity, began: Timestamp, now: Timestamp) -> bool {
        self.span(identity, began).covers(now) && identity.is_current()
    }

    pub(super) fn forget_all(&self) {
        self.forget_by(|| {
            self.admitted.clear();
            if let Some(refused) = &self.refused {
                refused.clear();
            }
        });
    }

    pub(super) fn forget_where(&self, is_over: impl Fn(&Identity) -> bool) {
        self.forget_by(|| {
            self.admitted.retain(|_, known| !is_over(&known.identity));
        });
    }

    pub(super) fn len(&self) -> usize {
        self.admitted.len()
    }

    fn forget_by(&self, forget: impl FnOnce()) {
        let lock = self.forgetting.write();
        let _kept_out = lock.unwrap_or_else(PoisonError::into_inner);
        self.epoch.fetch_add(1, Ordering::SeqCst);
        forget();
    }

    fn span(&self, identity: &Identity, from: Timestamp) -> Span {
        let ends = [identity.expires_at(), identity.recheck_at()];
        let oldest = from.saturating_add(self.max_age);
        let until = ends.into_iter().flatten().fold(oldest, Timestamp::min);
        Span { from, until }
    }
}

impl Span {
    fn covers(self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("len", &self.len())
            .field("max_age", &self.max_age)
            .field("refused_age", &self.refused_age)
            .finish_non_exhaustive()
    }
}

/// What the token itself is at fault for, and that no time and no switch will change.
fn is_final(reason: Reason) -> bool {
    matches!(reason, Reason::Invalid | Reason::Expired | Reason::Revoked)
}

/// The refusal without the error that led to it, which may hold on to any amount of memory.
fn without_source(refusal: &Refusal) -> Refusal {
    let kept = Refusal::new(refusal.reason(), refusal.detail());
    match refusal.credential_id() {
        Some(id) => kept.with_credential_id(id),
        None => kept,
    }
}

fn shelf<V: Clone>(capacity: usize) -> Shelf<V> {
    Cache::with(
        capacity,
        capacity as u64,
        UnitWeighter,
        DigestHash::default(),
        DefaultLifecycle::default(),
    )
}

/// Looks before it locks: mostly there is nothing to forget.
fn forget<V: Clone>(shelf: &Shelf<V>, key: &Digest) {
    if shelf.contains_key(key) {
        shelf.remove(key);
    }
}

//! Which issuers are known, and which are turned away for a while.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::IssuersStatus;
use super::making::Outcome;
use crate::clock::Timestamp;
use crate::refusal::{Reason, Refusal};
use crate::verifier::TokenVerifier;

/// For how long an issuer of which no token was good yet is kept.
const PROBATION: Duration = Duration::from_secs(60);
/// How often it is looked for issuers to give up, and for how long a set that is full is taken to be.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub(super) struct Limits {
    pub(super) capacity: usize,
    pub(super) idle: Duration,
    pub(super) refused_age: Duration,
    pub(super) cool_down: Duration,
    pub(super) deadline: Duration,
}

/// An issuer with its verifier.
pub(super) struct Made {
    pub(super) name: Arc<str>,
    pub(super) verifier: Arc<dyn TokenVerifier>,
    /// Whether a token of it was ever good.
    is_proven: AtomicBool,
    /// When one last was, or when it was made, in milliseconds.
    used: AtomicI64,
}

impl Made {
    pub(super) fn new(name: Arc<str>, verifier: Arc<dyn TokenVerifier>, now: Timestamp) -> Self {
        Self {
            name,
            verifier,
            is_proven: AtomicBool::new(false),
            used: AtomicI64::new(now.as_unix_millis()),
        }
    }

    /// A token of it was good.
    pub(super) fn note(&self, now: Timestamp) {
        let now = now.as_unix_millis();
        // Written once a second, so that the cores do not take it from each other for each request.
        if self.used.load(Ordering::Relaxed).abs_diff(now) >= 1000 {
            self.used.store(now, Ordering::Relaxed);
        }
        if !self.is_proven() {
            self.is_proven.store(true, Ordering::Relaxed);
        }
    }

    fn is_proven(&self) -> bool {
        self.is_proven.load(Ordering::Relaxed)
    }

    fn used(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.used.load(Ordering::Relaxed))
    }

    fn is_over(&self, limits: &Limits, now: Timestamp) -> bool {
        let limit = match self.is_proven() {
            true => limits.idle,
            false => limits.idle.min(PROBATION),
        };
        now >= self.used().saturating_add(limit)
    }
}

/// What is known of an issuer.
pub(super) enum Known {
    Made(Arc<Made>),
    Not(Refusal),
    Unmade(Arc<str>),
}

pub(super) struct Set {
    pub(super) limits: Limits,
    made: RwLock<HashMap<Arc<str>, Arc<Made>>>,
    others: Mutex<Others>,
    /// When it is next looked for issuers to give up, in milliseconds.
    next_sweep: AtomicI64,
    /// Until when there is no room for another, in milliseconds.
    full_until: AtomicI64,
}

#[derive(Default)]
struct Others {
    making: HashMap<Arc<str>, watch::Receiver<Option<Outcome>>>,
    turned_away: HashMap<Arc<str>, TurnedAway>,
}

struct TurnedAway {
    refusal: Refusal,
    from: Timestamp,
    until: Timestamp,
}

/// The making of an issuer's verifier: one's own to see to, or another's to wait for.
pub(super) enum Turn {
    Own(
        watch::Sender<Option<Outcome>>,
        watch::Receiver<Option<Outcome>>,
    ),
    Others(watch::Receiver<Option<Outcome>>),
    None(Outcome),
}

impl Set {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            made: RwLock::default(),
            others: Mutex::default(),
            next_sweep: AtomicI64::new(i64::MIN),
            full_until: AtomicI64::new(i64::MIN),
        }
    }

    pub(super) fn look(&self, issuer: &str, now: Timestamp) -> Known {
        let millis = now.as_unix_millis();
        if !is_before(&self.next_sweep, millis) {
            self.sweep(now);
        }
        if let Some(made) = self.find(issuer) {
            return Known::Made(made);
        }
        if let Some(refusal) = self.others().turned_away(issuer, now) {
            return Known::Not(refusal);
        }
        if is_before(&self.full_until, millis) {
            return Known::Not(full());
        }
        Known::Unmade(issuer.into())
    }

    /// Takes part in the making of an issuer's verifier.
    pub(super) fn take_turn(&self, issuer: &Arc<str>) -> Turn {
        let mut others = self.others();
        if let Some(told) = others.making.get(issuer) {
            return Turn::Others(told.clone());
        }
        // It may have come to be since it was looked for.
        if let Some(made) = self.find(issuer) {
            return Turn::None(Outcome::Made(made));
        }
        // No more are made than could be kept.
        if others.making.len() >= self.limits.capacity {
            return Turn::None(Outcome::Not(full()));
        }
        let (tell, told) = watch::channel(None);
        others.making.insert(Arc::clone(issuer), told.clone());
        Turn::Own(tell, told)
    }

    /// The making is over. What it came to is kept, unless the issuer was forgotten meanwhile.
    pub(super) fn settle(
        &self,
        issuer: &Arc<str>,
        own: &watch::Sender<Option<Outcome>>,
        outcome: Outcome,
        now: Timestamp,
    ) -> Outcome {
        let mut others = self.others();
        let making = others.making.get(issuer);
        if !making.is_some_and(|making| making.same_channel(&own.subscribe())) {
            return outcome;
        }
        let (outcome, given_up) = match outcome {
            Outcome::Made(made) => self.insert(made, now),
            Outcome::Not(refusal) => {
                others.turn_away(issuer, &refusal, &self.limits, now);
                (Outcome::Not(refusal), None)
            }
        };
        others.making.remove(issuer);
        // What its verifier has to do to go needs no lock.
        drop(others);
        drop(given_up);
        outcome
    }

    pub(super) fn forget(&self, issuer: &str) {
        let mut others = self.others();
        others.making.remove(issuer);
        others.turned_away.remove(issuer);
        drop(others);
        let forgotten = self.write(|made| made.remove(issuer));
        drop(forgotten);
    }

    pub(super) fn status(&self) -> IssuersStatus {
        let (known, proven) = {
            let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
            let proven = made.values().filter(|made| made.is_proven());
            (made.len(), proven.count())
        };
        let others = self.others();
        IssuersStatus {
            known,
            proven,
            making: others.making.len(),
            turned_away: others.turned_away.len(),
        }
    }

    fn find(&self, issuer: &str) -> Option<Arc<Made>> {
        let made = self.made.read().unwrap_or_else(PoisonError::into_inner);
        made.get(issuer).map(Arc::clone)
    }

    /// Keeps a verifier, perhaps in the place of another.
    fn insert(&self, new: Arc<Made>, now: Timestamp) -> (Outcome, Option<Arc<Made>>) {
        let mut given_up = None;
        let has_room = self.write(|made| {
            if made.len() >= self.limits.capacity {
                match least_needed(made, &self.limits, now) {
                    Some(name) => given_up = made.remove(&name),
                    None => return false,
                }
            }
            made.insert(Arc::clone(&new.name), Arc::clone(&new));
            true
        });
        if has_room {
            return (Outcome::Made(new), given_up);
        }
        let until = now.saturating_add(PAUSE).as_unix_millis();
        self.full_until.store(until, Ordering::Relaxed);
        (Outcome::Not(full()), Some(new))
    }

    #[cold]
    fn sweep(&self, now: Timestamp) {
        let next = now.saturating_add(PAUSE).as_unix_millis();
        self.next_sweep.store(next, Ordering::Relaxed);
        let mut given_up = Vec::new();
        self.write(|made| {
            made.retain(|_, made| {
                let is_over = made.is_over(&self.limits, now);
                if is_over {
                    given_up.push(Arc::clone(made));
                }
                !is_over
            });
        });
        self.others().turned_away.retain(|_, told| told.covers(now));
        drop(given_up);
    }

    fn write<T>(&self, change: impl FnOnce(&mut HashMap<Arc<str>, Arc<Made>>) -> T) -> T {
        change(&mut self.made.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Others {
    fn turned_away(&self, issuer: &str, now: Timestamp) -> Option<Refusal> {
        let told = self.turned_away.get(issuer)?;
        let refusal = told.covers(now).then(|| told.refusal.clone())?;
        Some(match is_passing(&refusal) {
            true => refusal.with_retry_after(told.until.since(now).max(PAUSE)),
            false => refusal,
        })
    }

    fn turn_away(&mut self, issuer: &Arc<str>, refusal: &Refusal, limits: &Limits, now: Timestamp) {
        if self.turned_away.len() >= limits.capacity {
            let first = self.turned_away.iter().min_by_key(|(_, told)| told.until);
            if let Some(name) = first.map(|(name, _)| Arc::clone(name)) {
                self.turned_away.remove(&name);
            }
        }
        let age = match is_passing(refusal) {
            true => limits.cool_down,
            false => limits.refused_age,
        };
        let told = TurnedAway {
            // Without its source, which may hold on to any amount of memory.
            refusal: Refusal::new(refusal.reason(), refusal.detail()),
            from: now,
            until: now.saturating_add(age),
        };
        self.turned_away.insert(Arc::clone(issuer), told);
    }
}

impl TurnedAway {
    fn covers(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }
}

/// Whether it says nothing about the issuer itself.
fn is_passing(refusal: &Refusal) -> bool {
    matches!(
        refusal.reason(),
        Reason::Unavailable | Reason::Misconfigured
    )
}

/// Whether `now` is within the pause that ends at `end`. One that a clock set back would prolong is over.
fn is_before(end: &AtomicI64, now: i64) -> bool {
    let end = end.load(Ordering::Relaxed);
    now < end && end.abs_diff(now) <= PAUSE.as_millis() as u64
}

/// Who is given up for a new one, if anybody may be: who is over, or else was not proven for longest.
fn least_needed(
    made: &HashMap<Arc<str>, Arc<Made>>,
    limits: &Limits,
    now: Timestamp,
) -> Option<Arc<str>> {
    made.values()
        .filter(|made| !made.is_proven() || made.is_over(limits, now))
        .min_by_key(|made| (!made.is_over(limits, now), made.used()))
        .map(|made| Arc::clone(&made.name))
}

fn full() -> Refusal {
    Refusal::unavailable("there is no room for another issuer").with_retry_after(PAUSE)
}

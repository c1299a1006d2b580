//! One judgement that several requests wait for.
//!
//! Whoever is polled polls it, so it goes on as long as anybody waits and ends when nobody does. No lock is
//! held while it is polled: its future is taken out for that time, and whoever comes meanwhile is woken
//! afterwards.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use super::digest::{Digest, DigestHash};
use super::memory::Memory;
use crate::clock::Timestamp;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::sync::{AtomicU64, Mutex, MutexGuard, Ordering};
use crate::verifier::VerifyFuture;

/// How old a judgement may be to be waited for. One that hangs would otherwise be kept alive by each that
/// comes.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The judgements under way.
pub(super) struct Flights {
    under_way: Mutex<HashMap<Digest, Weak<Flight>, DigestHash>>,
    memory: Arc<Memory>,
}

impl Flights {
    pub(super) fn new(memory: Arc<Memory>) -> Arc<Self> {
        Arc::new(Self {
            under_way: Mutex::default(),
            memory,
        })
    }

    /// The judgement of a token to wait for.
    pub(super) fn find(&self, key: &Digest, epoch: u64, now: Timestamp) -> Option<Arc<Flight>> {
        let found = lock(&self.under_way).get(key).and_then(Weak::upgrade);
        found.filter(|flight| flight.suits(epoch, now))
    }

    /// Makes a judgement known, unless there is one to wait for already.
    pub(super) fn launch(&self, flight: &Arc<Flight>) -> Option<Arc<Flight>> {
        // Outlives the lock, which the last one to hold a flight takes again.
        let known;
        let mut under_way = lock(&self.under_way);
        known = under_way.get(&flight.key).and_then(Weak::upgrade);
        let suits = known
            .as_ref()
            .is_some_and(|known| known.suits(flight.epoch, flight.began));
        if !suits {
            under_way.insert(flight.key, Arc::downgrade(flight));
        }
        drop(under_way);
        known.filter(|_| suits)
    }

    fn remove(&self, flight: &Flight) {
        let mut under_way = lock(&self.under_way);
        let known = under_way.get(&flight.key);
        if known.is_some_and(|known| std::ptr::eq(known.as_ptr(), flight)) {
            under_way.remove(&flight.key);
        }
    }
}

pub(super) struct Flight {
    flights: Arc<Flights>,
    key: Digest,
    epoch: u64,
    began: Timestamp,
    stage: Mutex<Stage>,
    seats: Arc<Seats>,
    waker: Waker,
}

enum Stage {
    Waiting(VerifyFuture),
    /// Somebody polls it; whether others wanted to meanwhile.
    Polled {
        wanted: bool,
    },
    Over(Result<Identity, Refusal>),
}

impl Flight {
    pub(super) fn new(
        flights: &Arc<Flights>,
        key: Digest,
        epoch: u64,
        began: Timestamp,
        judging: VerifyFuture,
    ) -> Arc<Self> {
        let seats = Arc::new(Seats::default());
        Arc::new(Self {
            flights: Arc::clone(flights),
            key,
            epoch,
            began,
            stage: Mutex::new(Stage::Waiting(judging)),
            waker: Waker::from(Arc::clone(&seats)),
            seats,
        })
    }

    pub(super) fn began(&self) -> Timestamp {
        self.began
    }

    /// The answer, for one more request.
    pub(super) fn wait(self: Arc<Self>) -> Seat {
        Seat {
            number: self.seats.next.fetch_add(1, Ordering::Relaxed),
            flight: self,
        }
    }

    fn suits(&self, epoch: u64, now: Timestamp) -> bool {
        self.epoch == epoch && self.began <= now && now.since(self.began) < MAX_AGE
    }

    /// Takes the future out to poll it, or says what to do instead.
    fn board(&self) -> Result<VerifyFuture, Poll<Result<Identity, Refusal>>> {
        let mut stage = lock(&self.stage);
        match std::mem::replace(&mut *stage, Stage::Polled { wanted: true }) {
            Stage::Waiting(judging) => {
                *stage = Stage::Polled { wanted: false };
                Ok(judging)
            }
            Stage::Polled { .. } => Err(Poll::Pending),
            Stage::Over(judged) => {
                *stage = Stage::Over(judged.clone());
                Err(Poll::Ready(judged))
            }
        }
    }

    /// Puts the future back.
    fn leave(&self, judging: VerifyFuture) {
        let left = std::mem::replace(&mut *lock(&self.stage), Stage::Waiting(judging));
        if matches!(left, Stage::Polled { wanted: true }) {
            self.seats.wake_all();
        }
    }

    /// Remembers the answer before others can begin to look for it, and tells those who wait.
    fn land(&self, judged: Result<Identity, Refusal>) {
        let memory = &self.flights.memory;
        memory.remember(self.key, self.epoch, self.began, &judged);
        self.flights.remove(self);
        *lock(&self.stage) = Stage::Over(judged);
        self.seats.wake_all();
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.flights.remove(self);
    }
}

/// One request's wait for a flight.
pub(super) struct Seat {
    flight: Arc<Flight>,
    number: u64,
}

impl Future for Seat {
    type Output = Result<Identity, Refusal>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let flight = &self.flight;
        // Seated before it polls, so that no call is missed.
        flight.seats.sit(self.number, cx.waker());
        let mut judging = match flight.board() {
            Ok(judging) => judging,
            Err(instead) => return instead,
        };
        let crash = Crash(flight);
        let polled = judging
            .as_mut()
            .poll(&mut Context::from_waker(&flight.waker));
        match &polled {
            Poll::Pending => flight.leave(judging),
            Poll::Ready(judged) => {
                drop(judging);
                flight.land(judged.clone());
            }
        }
        std::mem::forget(crash);
        polled
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.flight.seats.stand_up(self.number);
    }
}

/// Tells those who wait, if the verifier panics.
struct Crash<'a>(&'a Flight);

impl Drop for Crash<'_> {
    fn drop(&mut self) {
        self.0
            .land(Err(Refusal::unavailable("the verifier panicked")));
    }
}

/// Whom to wake.
#[derive(Default)]
struct Seats {
    next: AtomicU64,
    taken: Mutex<HashMap<u64, Waker>>,
}

impl Seats {
    fn sit(&self, number: u64, waker: &Waker) {
        let mut taken = lock(&self.taken);
        let replaced = taken.insert(number, waker.clone());
        drop(taken);
        drop(replaced);
    }

    fn stand_up(&self, number: u64) {
        let waker = lock(&self.taken).remove(&number);
        drop(waker);
    }

    /// All, since any of them may be gone before it is polled.
    fn wake_all(&self) {
        let woken = std::mem::take(&mut *lock(&self.taken));
        for waker in woken.into_values() {
            waker.wake();
        }
    }
}

impl Wake for Seats {
    fn wake(self: Arc<Self>) {
        self.wake_all();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wake_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

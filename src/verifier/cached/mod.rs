mod digest;
mod flight;
mod handle;
mod memory;
mod settings;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use self::digest::{Digest, Digester};
use self::flight::{Flight, Flights};
use self::memory::Memory;
use super::{Answer, Presented, TokenVerifier};
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::refusal::{Reason, Refusal};

pub use handle::CacheHandle;
pub use settings::CacheSettings;

/// A verifier that remembers its answers, by [`cached`](super::TokenVerifierExt::cached).
///
/// 1. **A token is known by a keyed digest,** under a random key of this cache. Its text is kept nowhere.
/// 2. **A hit is looked at again:** it is taken only before the identity's
///    [`expires_at`](Identity::expires_at) and [`recheck_at`](Identity::recheck_at), only for
///    [`max_age`](CacheSettings::max_age), and never at a time before it was judged. Otherwise the token is
///    judged afresh; what is remembered never refuses a token because time has passed.
/// 3. **[`OnAdmitted`](crate::identity::OnAdmitted) keeps the last word.** A stored token that was revoked
///    in a store that raises its flag, as the one in memory does, is refused at once; a hit counts as a use
///    and slides. Where a store raises none, a token that was ended goes on for `max_age` at most, unless a
///    [`CacheHandle`] has it forgotten.
/// 4. **Refusals are kept apart,** a few for a few seconds, and only those for
///    [`Reason::Invalid`], [`Reason::Expired`] and [`Reason::Revoked`]. However many bad tokens come, no
///    good one is forgotten. An outage is never remembered.
/// 5. **One judgement for a crowd.** Where the inner verifier has to wait, requests with one token wait for
///    one judgement, which goes on as long as any of them does. It may be polled by any of their tasks.
///    Nothing older than a second is waited for.
///
/// An identity is remembered, never what a policy made of it. Enrichment that must be fresh goes around the
/// cache; a [`deadline`](super::TokenVerifierExt::deadline) goes inside, so that it ends the one judgement
/// that all wait for. On a hit, a sliding session's `expires_at` is as of the judgement that is remembered,
/// and thus early by `max_age` at most.
pub struct Cached {
    inner: Arc<dyn TokenVerifier>,
    digester: Digester,
    memory: Arc<Memory>,
    flights: Arc<Flights>,
}

impl Cached {
    pub(super) fn new(
        inner: Arc<dyn TokenVerifier>,
        settings: &CacheSettings,
    ) -> Result<Self, ConfigError> {
        settings.check()?;
        let memory = Arc::new(Memory::new(settings));
        Ok(Self {
            inner,
            digester: Digester::new()?,
            flights: Flights::new(Arc::clone(&memory)),
            memory,
        })
    }

    /// What has the cache forget.
    #[must_use]
    pub fn handle(&self) -> CacheHandle {
        CacheHandle::new(Arc::clone(&self.memory))
    }

    fn answer(&self, presented: &Presented) -> Answer {
        let Some(key) = self.digester.digest(presented) else {
            return Answer::of(&self.inner, presented);
        };
        match self.memory.recall(&key, presented.now) {
            Some(known) => Answer::Now(known),
            None => self.judge(key, presented),
        }
    }

    fn judge(&self, key: Digest, presented: &Presented) -> Answer {
        let now = presented.now;
        // Read before the token is judged: what is forgotten from now on, this judgement may be older than.
        let epoch = self.memory.epoch();
        if let Some(flight) = self.flights.find(&key, epoch, now) {
            return self.follow(flight, presented);
        }
        match Answer::of(&self.inner, presented) {
            Answer::Now(judged) => {
                self.memory.remember(key, epoch, now, &judged);
                Answer::Now(judged)
            }
            Answer::Later(judging) => {
                let flight = Flight::new(&self.flights, key, epoch, now, judging);
                match self.flights.launch(&flight) {
                    None => match self.memory.recall(&key, now) {
                        // Another's judgement was over just before this one was made known.
                        Some(known) => Answer::Now(known),
                        None => Answer::Later(Box::pin(flight.wait())),
                    },
                    Some(other) => self.follow(other, presented),
                }
            }
        }
    }

    /// Waits for a judgement that began for another request, and takes it if it also holds for this one.
    fn follow(&self, flight: Arc<Flight>, presented: &Presented) -> Answer {
        let (inner, memory) = (Arc::clone(&self.inner), Arc::clone(&self.memory));
        let presented = presented.clone();
        Answer::Later(Box::pin(async move {
            let (began, now) = (flight.began(), presented.now);
            let judged = flight.wait().await;
            let holds = match &judged {
                Ok(identity) => memory.holds(identity, began, now),
                Err(refusal) => refusal.reason() != Reason::NotYetValid || began == now,
            };
            if holds {
                judged
            } else {
                Answer::of(&inner, &presented).wait().await
            }
        }))
    }
}

#[async_trait]
impl TokenVerifier for Cached {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

impl fmt::Debug for Cached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("inner", &self.inner)
            .field("memory", &self.memory)
            .finish_non_exhaustive()
    }
}

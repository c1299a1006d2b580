//! The tests of what may be presented once fail on stores that break the contract: each breaks one thing, and
//! is whole otherwise.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::{LocalSet, spawn_local};
use tower_bearer::clock::Timestamp;
use tower_bearer::error::StoreError;
use tower_bearer::replay::{ReplayId, ReplayStore};
use tower_bearer::testing;

#[tokio::test]
async fn a_store_that_breaks_nothing_passes() {
    testing::replay::conformance(&Broken::by(Flaw::None)).await;
}

#[tokio::test]
async fn every_flaw_is_found() {
    let mut missed = Vec::new();
    let here = LocalSet::new();
    for flaw in FLAWS {
        let run = here.run_until(async move {
            spawn_local(async move {
                testing::replay::conformance(&Broken::by(flaw)).await;
            })
            .await
        });
        match run.await {
            Err(error) if error.is_panic() => {}
            _ => missed.push(flaw),
        }
    }
    assert_eq!(missed, [], "flaws that were not found");
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    None,
    EverybodyIsFirst,
    NobodyIsFirst,
    OnlyTheBeginningCounts,
    OnlyTheEndCounts,
    ANulEndsAnId,
    CaseDoesNotCount,
    TheEndIsAMillisecondLate,
    TheEndIsAMillisecondEarly,
    EndsAreRoundedToSeconds,
    AnIdIsFreeForEverOnceItWasOver,
    AnIdIsNeverFreeAgain,
    WhatWasOverKeepsItsFirstEnd,
    ARefusalMovesTheEndBack,
    ARefusalMovesTheEndForth,
    WhatIsOverIsTaken,
    WhatIsOverIsRemembered,
    TheRaceIsForANewId,
    TheRaceIsForOneThatIsOver,
    AtOnceNothingIsRemembered,
    AtOnceAnAnswerIsKeptBack,
    ACrowdPushesTheOldestOut,
    ACrowdPushesAllOut,
    TidyingIsByTheBeginning,
}

const FLAWS: [Flaw; 23] = [
    Flaw::EverybodyIsFirst,
    Flaw::NobodyIsFirst,
    Flaw::OnlyTheBeginningCounts,
    Flaw::OnlyTheEndCounts,
    Flaw::ANulEndsAnId,
    Flaw::CaseDoesNotCount,
    Flaw::TheEndIsAMillisecondLate,
    Flaw::TheEndIsAMillisecondEarly,
    Flaw::EndsAreRoundedToSeconds,
    Flaw::AnIdIsFreeForEverOnceItWasOver,
    Flaw::AnIdIsNeverFreeAgain,
    Flaw::WhatWasOverKeepsItsFirstEnd,
    Flaw::ARefusalMovesTheEndBack,
    Flaw::ARefusalMovesTheEndForth,
    Flaw::WhatIsOverIsTaken,
    Flaw::WhatIsOverIsRemembered,
    Flaw::TheRaceIsForANewId,
    Flaw::TheRaceIsForOneThatIsOver,
    Flaw::AtOnceNothingIsRemembered,
    Flaw::AtOnceAnAnswerIsKeptBack,
    Flaw::ACrowdPushesTheOldestOut,
    Flaw::ACrowdPushesAllOut,
    Flaw::TidyingIsByTheBeginning,
];

/// A store that is whole but for its flaw.
#[derive(Debug)]
struct Broken {
    flaw: Flaw,
    known: Mutex<HashMap<Vec<u8>, Known>>,
    added: AtomicUsize,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    end: Timestamp,
    taken_at: Timestamp,
    number: usize,
}

impl Broken {
    fn by(flaw: Flaw) -> Self {
        Self {
            flaw,
            known: Mutex::default(),
            added: AtomicUsize::new(0),
        }
    }

    fn key(&self, id: &ReplayId) -> Vec<u8> {
        let bytes = id.as_bytes();
        match self.flaw {
            Flaw::OnlyTheBeginningCounts => bytes[..16].to_vec(),
            Flaw::OnlyTheEndCounts => bytes[1..].to_vec(),
            Flaw::ANulEndsAnId => bytes.split(|byte| *byte == 0).next().expect("one").to_vec(),
            Flaw::CaseDoesNotCount => bytes.to_ascii_lowercase(),
            _ => bytes.to_vec(),
        }
    }

    fn held(&self, id: &ReplayId) -> Option<Known> {
        self.known
            .lock()
            .expect("a lock")
            .get(&self.key(id))
            .copied()
    }

    fn is_taken(&self, held: Option<Known>, now: Timestamp) -> bool {
        let Some(held) = held else { return false };
        let (end, now) = (held.end.as_unix_millis(), now.as_unix_millis());
        match self.flaw {
            Flaw::EverybodyIsFirst => false,
            Flaw::TheEndIsAMillisecondLate => end >= now,
            Flaw::TheEndIsAMillisecondEarly => end > now + 1,
            Flaw::EndsAreRoundedToSeconds => end.div_euclid(1000) > now.div_euclid(1000),
            Flaw::AnIdIsNeverFreeAgain => true,
            _ => end > now,
        }
    }

    fn put(&self, id: &ReplayId, end: Timestamp, now: Timestamp) {
        let mut known = self.known.lock().expect("a lock");
        let (key, number) = (self.key(id), self.added.fetch_add(1, Ordering::Relaxed));
        match self.flaw {
            Flaw::AnIdIsFreeForEverOnceItWasOver if known.contains_key(&key) => return,
            Flaw::WhatWasOverKeepsItsFirstEnd if known.contains_key(&key) => {
                known.get_mut(&key).expect("known").number = number;
                return;
            }
            Flaw::ACrowdPushesAllOut if known.len() >= 250 => known.clear(),
            Flaw::ACrowdPushesTheOldestOut => known.retain(|_, it| it.number + 250 > number),
            Flaw::TidyingIsByTheBeginning => {
                let long_ago = now.saturating_sub(Duration::from_secs(3600));
                known.retain(|_, it| it.taken_at > long_ago || it.end == Timestamp::MAX);
            }
            _ => {}
        }
        let new = Known {
            end,
            taken_at: now,
            number,
        };
        known.insert(key, new);
    }

    /// Moves the end of an id that is known.
    fn move_end(&self, id: &ReplayId, choose: impl Fn(Timestamp) -> Timestamp) {
        let mut known = self.known.lock().expect("a lock");
        let held = known.get_mut(&self.key(id)).expect("known");
        held.end = choose(held.end);
    }

    fn take(&self, id: &ReplayId, until: Timestamp, now: Timestamp) -> bool {
        if until <= now {
            if self.flaw == Flaw::WhatIsOverIsRemembered {
                self.put(id, now.saturating_add(Duration::from_secs(1)), now);
            }
            return self.flaw == Flaw::WhatIsOverIsTaken;
        }
        if self.flaw == Flaw::NobodyIsFirst {
            return false;
        }
        if self.is_taken(self.held(id), now) {
            match self.flaw {
                Flaw::ARefusalMovesTheEndBack => self.move_end(id, |end| end.min(until)),
                Flaw::ARefusalMovesTheEndForth => self.move_end(id, |end| end.max(until)),
                _ => {}
            }
            return false;
        }
        self.put(id, until, now);
        true
    }
}

#[async_trait]
impl ReplayStore for Broken {
    async fn remember_once(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let held = self.held(id);
        let (is_new, is_taken) = (held.is_none(), self.is_taken(held, now));
        tokio::task::yield_now().await;
        let is_decided = match self.flaw {
            Flaw::TheRaceIsForANewId => is_new,
            Flaw::TheRaceIsForOneThatIsOver => !is_new && !is_taken,
            _ => false,
        };
        if is_decided && until > now {
            self.put(id, until, now);
            return Ok(true);
        }
        Ok(self.take(id, until, now))
    }

    fn remember_once_now(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Option<Result<bool, StoreError>> {
        match self.flaw {
            Flaw::AtOnceNothingIsRemembered => Some(Ok(true)),
            Flaw::AtOnceAnAnswerIsKeptBack => {
                self.take(id, until, now);
                None
            }
            _ => None,
        }
    }
}

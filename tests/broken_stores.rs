//! The contract's tests fail on stores that break it: each breaks one thing, and is whole otherwise.

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::{LocalSet, spawn_local};
use tower_bearer::clock::Timestamp;
use tower_bearer::store::{
    Found, MemoryStore, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter,
    TokenKey, TokenRecord, TokenStore, TokenUse, WhenFull,
};
use tower_bearer::testing;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    None,
    InsertForgetsARefusedOne,
    InsertOverwrites,
    LimitIsCountedBeforeTheLock,
    LimitIsASecondLate,
    LimitIsASecondEarly,
    RoomIsMadeWithoutEndingAny,
    FindMissesASwitchedOffOne,
    ListLeaksAnotherSubject,
    ListRepeatsTheLastOfAPage,
    TouchRevives,
    TouchGoesBack,
    RevokeForgetsReplacedOnes,
    RevokeMovesTheTime,
    RevokeAllEndsWhatIsSpared,
    UpdateIsLost,
    UpdateOfARevokedOneSucceeds,
    ReplaceTakesTwoSteps,
    ReplaceForgetsTheOverlap,
    PruneTakesWhatIsGood,
    PruneKnowsNoBound,
}

const FLAWS: [Flaw; 20] = [
    Flaw::InsertForgetsARefusedOne,
    Flaw::InsertOverwrites,
    Flaw::LimitIsCountedBeforeTheLock,
    Flaw::LimitIsASecondLate,
    Flaw::LimitIsASecondEarly,
    Flaw::RoomIsMadeWithoutEndingAny,
    Flaw::FindMissesASwitchedOffOne,
    Flaw::ListLeaksAnotherSubject,
    Flaw::ListRepeatsTheLastOfAPage,
    Flaw::TouchRevives,
    Flaw::TouchGoesBack,
    Flaw::RevokeForgetsReplacedOnes,
    Flaw::RevokeMovesTheTime,
    Flaw::RevokeAllEndsWhatIsSpared,
    Flaw::UpdateIsLost,
    Flaw::UpdateOfARevokedOneSucceeds,
    Flaw::ReplaceTakesTwoSteps,
    Flaw::ReplaceForgetsTheOverlap,
    Flaw::PruneTakesWhatIsGood,
    Flaw::PruneKnowsNoBound,
];

#[tokio::test]
async fn a_store_that_wraps_another_and_breaks_nothing_passes() {
    testing::store::conformance(&Broken::by(Flaw::None)).await;
}

#[tokio::test]
async fn every_flaw_is_found() {
    let mut missed = Vec::new();
    let here = LocalSet::new();
    for flaw in FLAWS {
        let run = here.run_until(async move {
            spawn_local(async move {
                testing::store::conformance(&Broken::by(flaw)).await;
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

#[derive(Debug)]
struct Broken {
    inner: MemoryStore,
    flaw: Flaw,
    marked: Mutex<HashSet<TokenDigest>>,
    used: Mutex<Vec<(TokenDigest, Timestamp)>>,
    first: Mutex<Option<TokenRecord>>,
}

impl Broken {
    fn by(flaw: Flaw) -> Self {
        Self {
            inner: MemoryStore::new(),
            flaw,
            marked: Mutex::default(),
            used: Mutex::default(),
            first: Mutex::default(),
        }
    }

    fn mark(&self, record: &TokenRecord) {
        self.marked.lock().expect("a lock").insert(record.digest);
    }

    /// The record as this store tells it.
    fn told(&self, mut record: TokenRecord) -> TokenRecord {
        if self.flaw == Flaw::TouchRevives
            && self.marked.lock().expect("a lock").contains(&record.digest)
        {
            record.revoked = None;
        }
        if self.flaw == Flaw::TouchGoesBack {
            let used = self.used.lock().expect("a lock");
            let last = used
                .iter()
                .rev()
                .find(|(digest, _)| *digest == record.digest);
            record.last_used = last.map(|(_, at)| *at).or(record.last_used);
        }
        record
    }
}

#[async_trait]
impl TokenStore for Broken {
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
        let mut first = self.first.lock().expect("a lock").take();
        first.get_or_insert_with(|| record.clone());
        *self.first.lock().expect("a lock") = first;
        match (self.flaw, self.inner.insert(record.clone()).await) {
            (Flaw::InsertForgetsARefusedOne, Err(StoreError::AlreadyExists)) => Ok(()),
            (Flaw::InsertOverwrites, Err(StoreError::AlreadyExists)) => {
                let change = TokenChange::new().digest(record.digest, None);
                self.inner.update(record.key(), &change).await.map(drop)
            }
            (_, result) => result,
        }
    }

    async fn insert_within(
        &self,
        record: TokenRecord,
        mut limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        let a_second = Duration::from_secs(1);
        let now = match self.flaw {
            Flaw::LimitIsASecondLate => now.saturating_sub(a_second),
            Flaw::LimitIsASecondEarly => now.saturating_add(a_second),
            _ => now,
        };
        if self.flaw == Flaw::LimitIsCountedBeforeTheLock && limit.when_full == WhenFull::Refuse {
            let of_kind = TokenFilter::all().kinds([record.kind]);
            let page = Page::first(99);
            let held = self.inner.list(&record.subject, &of_kind, &page).await?;
            let live = held.iter().filter(|record| record.is_live(now)).count();
            tokio::task::yield_now().await;
            if live >= limit.max.get() {
                return Err(StoreError::LimitReached);
            }
            return self.inner.insert(record).await.map(|()| Vec::new());
        }
        if self.flaw == Flaw::RoomIsMadeWithoutEndingAny && limit.when_full == WhenFull::EndOldest {
            limit.max = usize::MAX.try_into().expect("a number");
        }
        self.inner.insert_within(record, limit, now).await
    }

    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
        let Some(found) = self.inner.find(digest).await? else {
            return Ok(None);
        };
        let mut record = found.record().clone();
        record.last_used = found.last_used();
        if self.flaw == Flaw::FindMissesASwitchedOffOne && record.disabled {
            return Ok(None);
        }
        Ok(Some(Found::new(self.told(record))))
    }

    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        let record = self.inner.get(key).await?;
        Ok(record.map(|record| self.told(record)))
    }

    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        let mut records = self.inner.list(subject, filter, page).await?;
        if self.flaw == Flaw::ListLeaksAnotherSubject && records.is_empty() {
            records.extend(self.first.lock().expect("a lock").clone());
        }
        if self.flaw == Flaw::ListRepeatsTheLastOfAPage
            && let Some(after) = page.start()
        {
            let key = TokenKey { subject, id: after };
            if let Some(last) = self.inner.get(key).await? {
                records.insert(0, last);
                records.truncate(page.limit());
            }
        }
        Ok(records
            .into_iter()
            .map(|record| self.told(record))
            .collect())
    }

    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        for TokenUse { key, at } in uses {
            if let Some(record) = self.inner.get(*key).await? {
                self.mark(&record);
                let mut used = self.used.lock().expect("a lock");
                used.push((record.digest, *at));
            }
        }
        self.inner.touch(uses).await
    }

    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        let record = self.inner.get(key).await?;
        let is_replaced = record.is_some_and(|record| record.replaced_by.is_some());
        if self.flaw == Flaw::RevokeForgetsReplacedOnes && is_replaced {
            return Ok(true);
        }
        let revoked = self.inner.revoke(key, at).await?;
        Ok(revoked || self.flaw == Flaw::RevokeMovesTheTime)
    }

    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let all = TokenFilter::all();
        let filter = match self.flaw {
            Flaw::RevokeAllEndsWhatIsSpared => &all,
            _ => filter,
        };
        self.inner.revoke_all(subject, filter, at).await
    }

    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        let record = self.inner.get(key).await?;
        match (self.flaw, record) {
            (Flaw::UpdateIsLost, Some(mut record)) if record.revoked.is_none() => {
                change.apply(&mut record);
                Ok(record)
            }
            (Flaw::UpdateOfARevokedOneSucceeds, Some(record)) if record.revoked.is_some() => {
                Ok(record)
            }
            _ => self.inner.update(key, change).await,
        }
    }

    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let key = TokenKey {
            subject: &successor.subject.clone(),
            id,
        };
        match self.flaw {
            Flaw::ReplaceTakesTwoSteps if overlap.is_zero() => {
                let old = self.inner.get(key).await?.ok_or(StoreError::NotFound)?;
                if !old.is_replaceable() {
                    return Err(StoreError::Ended);
                }
                self.inner.insert(successor).await?;
                tokio::task::yield_now().await;
                self.inner.revoke(key, now).await.map(drop)
            }
            Flaw::ReplaceForgetsTheOverlap => {
                let none = Duration::ZERO;
                self.inner.replace(id, successor, none, now).await
            }
            _ => self.inner.replace(id, successor, overlap, now).await,
        }
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        match self.flaw {
            Flaw::PruneTakesWhatIsGood => {
                let later = before.saturating_add(Duration::from_millis(1));
                self.inner.prune(later, limit).await
            }
            Flaw::PruneKnowsNoBound => self.inner.prune(before, 9_999).await,
            _ => self.inner.prune(before, limit).await,
        }
    }
}

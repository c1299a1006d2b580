use std::time::Duration;

use async_trait::async_trait;
use redis::{ScriptInvocation, Value};

use super::RedisStore;
use super::claim::status;
use super::error::{malformed, unavailable};
use super::keys::unique;
use super::link::{Link, together};
use super::record::{self, KINDS};
use super::scripts::SCRIPTS;
use crate::clock::Timestamp;
use crate::identity::CredentialKind;
use crate::revocation::{Ending, FeedMessage};
use crate::store::{
    Found, Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter, TokenKey,
    TokenRecord, TokenStore, TokenUse, WhenFull,
};

/// How many records are read at once.
const BATCH: usize = 100;
/// How many subjects' uses are under way at once.
const TOUCHED_AT_ONCE: usize = 64;
/// How often a change is worked out anew that others overtake.
pub(super) const ATTEMPTS: usize = 32;

#[async_trait]
impl TokenStore for RedisStore {
    async fn insert(&self, record: TokenRecord) -> Result<(), StoreError> {
        let added = self.add(&record, &SCRIPTS.insert, |_| {});
        self.within(added).await.map(drop)
    }

    async fn insert_within(
        &self,
        record: TokenRecord,
        limit: SubjectLimit,
        now: Timestamp,
    ) -> Result<Vec<Box<str>>, StoreError> {
        let [before_id, after_id] = around_id(&record.subject);
        let added = self.add(&record, &SCRIPTS.insert_within, |call| {
            call.arg(record::time(now))
                .arg(limit.max.get())
                .arg(u8::from(limit.when_full == WhenFull::EndOldest))
                .arg(record.kind.as_str())
                .arg(u8::from(record.kind == CredentialKind::Other))
                .arg(&self.inner.channel)
                .arg(&*before_id)
                .arg(&*after_id);
            tell_kinds(call);
        });
        self.within(added).await
    }

    async fn find(&self, digest: &TokenDigest) -> Result<Option<Found>, StoreError> {
        self.within(async {
            let pointer = self.inner.keys.pointer(digest);
            let record = match &self.inner.link {
                Link::Single(_) => self.follow(&pointer).await?,
                Link::Cluster(_) => self.follow_far(&pointer).await?,
            };
            let record = record.filter(|record| record.digest == *digest);
            Ok(record.map(Found::new))
        })
        .await
    }

    async fn get(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        self.within(self.record(key)).await
    }

    async fn list(
        &self,
        subject: &str,
        filter: &TokenFilter,
        page: &Page,
    ) -> Result<Vec<TokenRecord>, StoreError> {
        self.within(async {
            let index = self.inner.keys.home(subject).index();
            let mut start = page.start().map_or("-".into(), |after| format!("({after}"));
            let mut records = Vec::new();
            while records.len() < page.limit() {
                let mut call = SCRIPTS.list.key(&index);
                call.arg(&start).arg(BATCH);
                let answer: Vec<Value> = self.read(self.inner.link.run(&call).await?)?;
                let mut answer = answer.into_iter();
                let looked_at: usize = self.read(answer.next().unwrap_or_default())?;
                let last: String = self.read(answer.next().unwrap_or_default())?;
                while let (Some(id), Some(fields)) = (answer.next(), answer.next()) {
                    let id: String = self.read(id)?;
                    let record = record::read(&id, fields)?;
                    records.extend(record.filter(|record| filter.matches(record)));
                }
                if looked_at < BATCH {
                    break;
                }
                start = format!("({last}");
            }
            records.truncate(page.limit());
            Ok(records)
        })
        .await
    }

    async fn touch(&self, uses: &[TokenUse<'_>]) -> Result<(), StoreError> {
        let mut sorted: Vec<_> = uses.iter().collect();
        sorted.sort_by_key(|used| used.key.subject);
        let subjects: Vec<_> = sorted
            .chunk_by(|a, b| a.key.subject == b.key.subject)
            .flat_map(|uses| uses.chunks(BATCH))
            .collect();
        for subjects in subjects.chunks(TOUCHED_AT_ONCE) {
            let calls = subjects.iter().map(|uses| self.touch_some(uses));
            self.within(together(calls)).await?;
        }
        Ok(())
    }

    async fn revoke(&self, key: TokenKey<'_>, at: Timestamp) -> Result<bool, StoreError> {
        let ending = Ending::Token {
            subject: key.subject.into(),
            id: key.id.into(),
        };
        let mut call = SCRIPTS
            .revoke
            .key(self.inner.keys.home(key.subject).index());
        call.arg(key.id)
            .arg(record::time(at))
            .arg(unique()?)
            .arg(&self.inner.channel)
            .arg(FeedMessage::Ending(ending).encode());
        let answer = self.within(self.inner.link.run(&call)).await?;
        match done(status(&answer)?) {
            Ok(()) => Ok(true),
            Err(StoreError::Ended) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn revoke_all(
        &self,
        subject: &str,
        filter: &TokenFilter,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        let ending = Ending::Tokens {
            subject: subject.into(),
            filter: filter.clone(),
        };
        let kinds = filter.only_kinds();
        let takes_unknown = kinds.is_some_and(|kinds| kinds.contains(&CredentialKind::Other));
        let mut call = SCRIPTS
            .revoke_all
            .key(self.inner.keys.home(subject).index());
        call.arg(record::time(at))
            .arg(unique()?)
            .arg(&self.inner.channel)
            .arg(FeedMessage::Ending(ending).encode())
            .arg(given(filter.excepted()))
            .arg(given(filter.only_session()))
            .arg(u8::from(kinds.is_none()))
            .arg(u8::from(takes_unknown));
        tell_kinds(&mut call);
        for kind in kinds.into_iter().flatten() {
            call.arg(kind.as_str());
        }
        let answer = self.within(self.inner.link.run(&call)).await?;
        self.read(answer)
    }

    async fn update(
        &self,
        key: TokenKey<'_>,
        change: &TokenChange,
    ) -> Result<TokenRecord, StoreError> {
        self.within(async {
            // A change of what pointers depend on is worked out from the record as it is.
            if change.digest.is_none() && change.expires.is_none() {
                let plan = self.plan(key, change);
                return self
                    .carry_out(key, &plan)
                    .await?
                    .ok_or(StoreError::NotFound);
            }
            for _ in 0..ATTEMPTS {
                let record = self.record(key).await?.ok_or(StoreError::NotFound)?;
                if record.revoked.is_some() {
                    return Err(StoreError::Ended);
                }
                if let Some(changed) = self.update_from(&record, change).await? {
                    return Ok(changed);
                }
            }
            Err(unavailable("others keep changing the record"))
        })
        .await
    }

    async fn replace(
        &self,
        id: &str,
        successor: TokenRecord,
        overlap: Duration,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ending = Ending::of_replacement(&successor.subject, id, overlap);
        let message = FeedMessage::Ending(ending).encode();
        let end = match overlap {
            Duration::ZERO => Vec::new(),
            overlap => record::time(now.saturating_add(overlap)),
        };
        let added = self.add(&successor, &SCRIPTS.replace, |call| {
            call.arg(id)
                .arg(record::time(now))
                .arg(&*end)
                .arg(&self.inner.channel)
                .arg(&*message);
        });
        self.within(added).await.map(drop)
    }

    async fn prune(&self, before: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.prune_tokens(before, limit).await
    }
}

/// What a script that changes something says.
pub(super) fn done(word: &str) -> Result<(), StoreError> {
    match word {
        "done" => Ok(()),
        "exists" => Err(StoreError::AlreadyExists),
        "missing" => Err(StoreError::NotFound),
        "ended" => Err(StoreError::Ended),
        "full" => Err(StoreError::LimitReached),
        _ => Err(malformed("an answer")),
    }
}

/// What is said on the feed of the end of one of a subject's tokens, before and after the id, which stands
/// there as JSON.
fn around_id(subject: &str) -> [String; 2] {
    let ending = Ending::Token {
        subject: subject.into(),
        id: "".into(),
    };
    let message = FeedMessage::Ending(ending).encode();
    match message.rsplit_once("\"\"") {
        Some((before, after)) => [before.to_owned(), after.to_owned()],
        // It then reads as something that is not understood, and so as the end of anything.
        None => [String::new(), String::new()],
    }
}

fn given(text: Option<&str>) -> String {
    text.map_or_else(String::new, |text| format!("={text}"))
}

fn tell_kinds(call: &mut ScriptInvocation<'_>) {
    call.arg(KINDS.len());
    for kind in KINDS {
        call.arg(kind.as_str());
    }
}

use std::time::Duration;

use async_trait::async_trait;
use redis::{Script, ScriptInvocation, Value};

use super::RedisStore;
use super::claim::{kept_for, status};
use super::error::{fault, malformed, unavailable};
use super::keys::{Pointer, unique};
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
const ATTEMPTS: usize = 32;

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

/// A change as it is told to Redis.
struct Plan {
    expected: [Vec<u8>; 2],
    claim: String,
    ttl: String,
    set: Vec<(&'static str, Vec<u8>)>,
    removed: Vec<&'static str>,
    message: String,
}

impl RedisStore {
    /// Adds a record by a script that is told of it after what `tell` says, and returns the ids of those that
    /// ended to make room.
    ///
    /// Where somebody took over the claim, it is not known yet whether they have the digest: that is looked
    /// at anew.
    async fn add(
        &self,
        record: &TokenRecord,
        script: &'static Script,
        tell: impl Fn(&mut ScriptInvocation<'_>) + Send + Sync,
    ) -> Result<Vec<Box<str>>, StoreError> {
        for _ in 0..ATTEMPTS {
            let new = self.claim_new(record).await?;
            let mut call = script.key(new.home.index());
            tell(&mut call);
            new.tell(&mut call);
            let said: Vec<String> = match self.inner.link.run(&call).await? {
                words @ Value::Array(_) => self.read(words)?,
                word => vec![status(&word)?.to_owned()],
            };
            let mut said = said.into_iter();
            let word = said.next().unwrap_or_default();
            if word == "void" {
                continue;
            }
            let done = done(&word);
            if done.is_err() {
                self.give_up(&new.claim).await;
            }
            return done.map(|()| said.map(Into::into).collect());
        }
        Err(unavailable("others keep claiming the same digest"))
    }

    pub(super) fn read<T: redis::FromRedisValue>(&self, answer: Value) -> Result<T, StoreError> {
        redis::from_redis_value(answer).map_err(|error| fault(error.into()))
    }

    /// Finds a record by its pointer, on a server that has both.
    async fn follow(&self, pointer: &str) -> Result<Option<TokenRecord>, StoreError> {
        let mut call = SCRIPTS.find.key(pointer);
        call.arg(self.inner.keys.prefix()).arg(&Pointer::PARTS);
        let answer: Option<(String, Value)> = self.read(self.inner.link.run(&call).await?)?;
        answer.map_or(Ok(None), |(id, fields)| record::read(&id, fields))
    }

    /// Finds a record by its pointer, in a cluster.
    async fn follow_far(&self, pointer: &str) -> Result<Option<TokenRecord>, StoreError> {
        let Some(pointer) = self.pointed(pointer).await? else {
            return Ok(None);
        };
        let pointer = Pointer::from_stored(pointer)?;
        let home = self.inner.keys.home_of_tag(pointer.tag);
        let mut command = redis::cmd("HGETALL");
        command.arg(home.record(&pointer.id));
        record::read(&pointer.id, self.inner.link.ask(&command).await?)
    }

    async fn record(&self, key: TokenKey<'_>) -> Result<Option<TokenRecord>, StoreError> {
        let home = self.inner.keys.home(key.subject);
        let mut command = redis::cmd("HGETALL");
        command.arg(home.record(key.id));
        record::read(key.id, self.inner.link.ask(&command).await?)
    }

    async fn touch_some(&self, uses: &[&TokenUse<'_>]) -> Result<(), StoreError> {
        let Some(first) = uses.first() else {
            return Ok(());
        };
        let mut call = SCRIPTS
            .touch
            .key(self.inner.keys.home(first.key.subject).index());
        for used in uses {
            call.arg(used.key.id).arg(record::time(used.at));
        }
        self.inner.link.run(&call).await.map(drop)
    }

    /// Changes a record as it was read, or says `None` if it is another by now.
    async fn update_from(
        &self,
        record: &TokenRecord,
        change: &TokenChange,
    ) -> Result<Option<TokenRecord>, StoreError> {
        let key = record.key();
        let end = change.expires.unwrap_or(record.expires);
        let ttl = kept_for(record.created, end);
        let mut plan = self.plan(key, change);
        let expires = record.expires.map(record::time).unwrap_or_default();
        plan.expected = [record.digest.as_bytes().to_vec(), expires].map(|mut expected| {
            expected.insert(0, b'=');
            expected
        });
        if change.expires.is_some() {
            plan.ttl = ttl.map_or("ever".into(), |ttl| ttl.to_string());
        }
        let Some(digest) = change.new_digest().filter(|new| **new != record.digest) else {
            self.keep_pointer(&record.digest, ttl).await?;
            return self.carry_out(key, &plan).await;
        };
        let home = self.inner.keys.home(key.subject);
        let claim = self.claim(digest, &home, key.id, ttl).await?;
        let old = self
            .pointed(&self.inner.keys.pointer(&record.digest))
            .await?;
        plan.claim = claim.name().into();
        plan.set.push(("claim", claim.name().into()));
        let changed = self.carry_out(key, &plan).await;
        match (&changed, old) {
            (Ok(Some(_)), Some(old)) => {
                // One that stays finds nothing.
                let old = Pointer::from_stored(old)?;
                let pointer = self.inner.keys.pointer(&record.digest);
                drop(self.drop_pointer(&pointer, &old).await);
            }
            (Ok(Some(_)), None) => {}
            _ => self.give_up(&claim).await,
        }
        changed
    }

    fn plan(&self, key: TokenKey<'_>, change: &TokenChange) -> Plan {
        let mut plan = Plan {
            expected: Default::default(),
            claim: String::new(),
            ttl: String::new(),
            set: Vec::new(),
            removed: Vec::new(),
            message: FeedMessage::Ending(Ending::Changed {
                subject: key.subject.into(),
                id: key.id.into(),
            })
            .encode(),
        };
        let mut put = |name, value: Option<Vec<u8>>| match value {
            Some(value) => plan.set.push((name, value)),
            None => plan.removed.push(name),
        };
        if let Some(name) = &change.name {
            put("name", name.as_deref().map(Into::into));
        }
        if let Some(disabled) = change.disabled {
            put("disabled", disabled.then(|| b"1".to_vec()));
        }
        if let Some(expires) = change.expires {
            put("expires", expires.map(record::time));
        }
        if let Some((digest, pepper)) = &change.digest {
            put("digest", Some(digest.as_bytes().to_vec()));
            put("pepper", pepper.as_deref().map(Into::into));
        }
        plan
    }

    /// The record as it is then, or `None` if it is not what was expected.
    async fn carry_out(
        &self,
        key: TokenKey<'_>,
        plan: &Plan,
    ) -> Result<Option<TokenRecord>, StoreError> {
        let mut call = SCRIPTS
            .update
            .key(self.inner.keys.home(key.subject).index());
        call.arg(key.id).arg(&self.inner.channel).arg(&plan.message);
        for expected in &plan.expected {
            call.arg(expected.as_slice());
        }
        call.arg(&plan.claim).arg(&plan.ttl).arg(plan.set.len());
        for (name, value) in &plan.set {
            call.arg(*name).arg(value.as_slice());
        }
        for name in &plan.removed {
            call.arg(*name);
        }
        match self.inner.link.run(&call).await? {
            fields @ (Value::Array(_) | Value::Map(_)) => record::read(key.id, fields),
            answer => match status(&answer)? {
                "stale" => Ok(None),
                word => done(word).map(|()| None),
            },
        }
    }
}

/// What a script that changes something says.
fn done(word: &str) -> Result<(), StoreError> {
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

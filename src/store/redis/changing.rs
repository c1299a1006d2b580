use redis::Value;

use super::RedisStore;
use super::claim::{kept_for, status};
use super::keys::Pointer;
use super::record;
use super::scripts::SCRIPTS;
use super::tokens::done;
use crate::revocation::{Ending, FeedMessage};
use crate::store::{StoreError, TokenChange, TokenKey, TokenRecord, TokenUse};

/// A change as it is told to Redis.
pub(super) struct Plan {
    expected: [Vec<u8>; 2],
    claim: String,
    ttl: String,
    set: Vec<(&'static str, Vec<u8>)>,
    removed: Vec<&'static str>,
    message: String,
}

impl RedisStore {
    pub(super) async fn touch_some(&self, uses: &[&TokenUse<'_>]) -> Result<(), StoreError> {
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
    pub(super) async fn update_from(
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

    pub(super) fn plan(&self, key: TokenKey<'_>, change: &TokenChange) -> Plan {
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
    pub(super) async fn carry_out(
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

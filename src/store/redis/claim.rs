use redis::Value;

use super::RedisStore;
use super::error::{fault, malformed, unavailable};
use super::keys::{Home, Pointer, unique};
use super::record::{self, Fields};
use super::scripts::SCRIPTS;
use crate::clock::Timestamp;
use crate::store::{StoreError, TokenDigest, TokenRecord};

/// Redis's expiry comes so much later than a record's, in milliseconds: a day.
const MARGIN: u64 = 24 * 3600 * 1000;
/// And that of a pointer so much later again, since it is laid earlier.
const POINTER_MARGIN: u64 = 3600 * 1000;
/// How long it is remembered that a claim came too late: longer than any call is under way.
const VOID_FOR: u64 = 3600 * 1000;
/// What ends later than this is kept for ever; Redis adds its own clock to it.
pub(super) const LONGEST: u64 = 1 << 50;
/// How often a claim is tried that others make at the same time.
const ATTEMPTS: usize = 32;

/// For how many milliseconds Redis keeps a record of this end, or `None` for ever.
pub(super) fn kept_for(created: Timestamp, expires: Option<Timestamp>) -> Option<u64> {
    let lifetime = u64::try_from(expires?.since(created).as_millis()).ok()?;
    (lifetime < LONGEST).then_some(lifetime + MARGIN)
}

/// A span in an argument of a script.
pub(super) fn span(millis: Option<u64>) -> String {
    millis.map_or_else(String::new, |millis| millis.to_string())
}

/// The right to have a record of a digest: its pointer, laid by one call.
pub(super) struct Claim {
    pointer: String,
    held: Pointer,
}

impl Claim {
    pub(super) fn name(&self) -> &str {
        &self.held.claim
    }
}

/// A record that is to be added, with its claim.
pub(super) struct New {
    pub(super) home: Home,
    pub(super) claim: Claim,
    id: Box<str>,
    ttl: Option<u64>,
    fields: Fields,
}

impl New {
    /// The record as an argument of the scripts.
    pub(super) fn tell(&self, call: &mut redis::ScriptInvocation<'_>) {
        call.arg(&*self.id)
            .arg(self.claim.name())
            .arg(span(self.ttl))
            .arg(self.fields.len());
        for (name, value) in &self.fields {
            call.arg(*name).arg(value.as_slice());
        }
    }
}

impl RedisStore {
    pub(super) async fn claim_new(&self, record: &TokenRecord) -> Result<New, StoreError> {
        let fields = record::write(record)?;
        let home = self.inner.keys.home(&record.subject);
        let ttl = kept_for(record.created, record.expires);
        let claim = self.claim(&record.digest, &home, &record.id, ttl).await?;
        Ok(New {
            home,
            claim,
            id: record.id.clone(),
            ttl,
            fields,
        })
    }

    /// Lays the pointer of `digest` to the record of this id, which is not there yet or has another digest.
    ///
    /// Of several who want one digest, one is not told that it is taken: whoever finds a pointer without its
    /// record first sees to it, in the slot of that record, that it will never come. Whose record that was is told so,
    /// and may claim anew.
    pub(super) async fn claim(
        &self,
        digest: &TokenDigest,
        home: &Home,
        id: &str,
        ttl: Option<u64>,
    ) -> Result<Claim, StoreError> {
        let ttl = ttl.map(|ttl| ttl + POINTER_MARGIN);
        let pointer = self.inner.keys.pointer(digest);
        let held = Pointer {
            tag: home.tag().to_owned(),
            claim: unique()?,
            id: id.to_owned(),
        };
        let claim = Claim { pointer, held };
        let wanted = claim.held.to_text();
        for _ in 0..ATTEMPTS {
            let mut set = redis::cmd("SET");
            set.arg(&claim.pointer).arg(&wanted).arg("NX");
            if let Some(ttl) = ttl {
                set.arg("PX").arg(ttl);
            }
            if self.inner.link.ask(&set).await? != Value::Nil {
                return Ok(claim);
            }
            let Some(found) = self.pointed(&claim.pointer).await? else {
                continue;
            };
            // Laid by this very command, if it was sent again.
            if found == wanted.as_bytes() || self.take_over(&claim, found, digest, ttl).await? {
                return Ok(claim);
            }
        }
        Err(unavailable("others keep claiming the same digest"))
    }

    /// Turns a pointer that leads to no record of its digest. Says whether it was still there.
    async fn take_over(
        &self,
        claim: &Claim,
        found: Vec<u8>,
        digest: &TokenDigest,
        ttl: Option<u64>,
    ) -> Result<bool, StoreError> {
        let other = Pointer::from_stored(found.clone())?;
        let home = self.inner.keys.home_of_tag(other.tag);
        let mut call = SCRIPTS.void.key(home.index());
        call.arg(other.id).arg(digest.as_bytes().as_slice());
        call.arg(other.claim).arg(VOID_FOR);
        if status(&self.inner.link.run(&call).await?)? == "exists" {
            return Err(StoreError::AlreadyExists);
        }
        let mut call = SCRIPTS.pointer_swap.key(&claim.pointer);
        call.arg(found).arg(claim.held.to_text()).arg(span(ttl));
        Ok(self.inner.link.run(&call).await? == Value::Int(1))
    }

    pub(super) async fn pointed(&self, pointer: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let answer = self.inner.link.ask(redis::cmd("GET").arg(pointer)).await?;
        redis::from_redis_value(answer).map_err(|error| fault(error.into()))
    }

    /// Takes back a claim of which nothing came. One that stays is harmless.
    pub(super) async fn give_up(&self, claim: &Claim) {
        drop(self.drop_pointer(&claim.pointer, &claim.held).await);
    }

    pub(super) async fn drop_pointer(
        &self,
        pointer: &str,
        held: &Pointer,
    ) -> Result<(), StoreError> {
        let mut call = SCRIPTS.pointer_drop.key(pointer);
        call.arg(held.to_text());
        self.inner.link.run(&call).await.map(drop)
    }

    /// Has the pointer of a digest kept as long as a record of this end at least.
    pub(super) async fn keep_pointer(
        &self,
        digest: &TokenDigest,
        ttl: Option<u64>,
    ) -> Result<(), StoreError> {
        let mut call = SCRIPTS.pointer_keep.key(self.inner.keys.pointer(digest));
        call.arg(span(ttl.map(|ttl| ttl + POINTER_MARGIN)));
        self.inner.link.run(&call).await.map(drop)
    }
}

/// What a script says in a word.
pub(super) fn status(answer: &Value) -> Result<&str, StoreError> {
    match answer {
        Value::BulkString(word) => std::str::from_utf8(word).map_err(|_| malformed("an answer")),
        Value::SimpleString(word) => Ok(word),
        _ => Err(malformed("an answer")),
    }
}

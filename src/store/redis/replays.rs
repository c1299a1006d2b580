use async_trait::async_trait;

use super::RedisStore;
use super::claim::{LONGEST, span};
use super::keys::unique;
use super::record;
use super::scripts::SCRIPTS;
use crate::clock::Timestamp;
use crate::replay::{ReplayId, ReplayStore, SPARE};
use crate::store::StoreError;

#[async_trait]
impl ReplayStore for RedisStore {
    async fn remember_once(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if until <= now {
            return Ok(false);
        }
        let mut call = SCRIPTS.replay.key(self.inner.keys.replay(id));
        call.arg(record::time(now))
            .arg(record::time(until))
            .arg(unique()?)
            .arg(span(kept_for(until, now)));
        let answer = self.within(self.inner.link.run(&call)).await?;
        self.read(answer)
    }
}

/// For how many milliseconds Redis keeps what ends then, or `None` for ever.
fn kept_for(until: Timestamp, now: Timestamp) -> Option<u64> {
    let kept = u64::try_from((until.since(now) + SPARE).as_millis()).ok()?;
    (kept < LONGEST).then_some(kept)
}

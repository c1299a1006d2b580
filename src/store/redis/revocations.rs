use async_trait::async_trait;

use super::RedisStore;
use super::error::malformed;
use super::record;
use super::scripts::SCRIPTS;
use crate::clock::Timestamp;
use crate::revocation::{Ending, FeedMessage, Revocation, RevocationStore, Target};
use crate::store::StoreError;

#[async_trait]
impl RevocationStore for RedisStore {
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        let ending = Ending::Revocation(revocation.clone());
        let key = self.inner.keys.revocation(revocation.target.as_str());
        let mut call = SCRIPTS.revocation_put.key(key);
        call.arg(record::time(revocation.before))
            .arg(record::time(revocation.until))
            .arg(&self.inner.channel)
            .arg(FeedMessage::Ending(ending).encode());
        self.within(self.inner.link.run(&call)).await.map(drop)
    }

    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        if targets.is_empty() {
            return Ok(None);
        }
        let mut command = redis::cmd("MGET");
        for target in targets {
            command.arg(self.inner.keys.revocation(target.as_str()));
        }
        let answer = self.within(self.inner.link.ask(&command)).await?;
        let held: Vec<Option<String>> = self.read(answer)?;
        let mut latest = None;
        for held in held.into_iter().flatten() {
            let before = held.split(' ').next().map(str::parse);
            let before = before.and_then(Result::ok);
            let before = before.ok_or_else(|| malformed("a revocation"))?;
            latest = latest.max(Some(Timestamp::from_unix_millis(before)));
        }
        Ok(latest)
    }

    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.prune_revocations(now, limit).await
    }
}

use redis::{Script, ScriptInvocation, Value};

use super::RedisStore;
use super::claim::status;
use super::error::unavailable;
use super::tokens::{ATTEMPTS, done};
use crate::store::{StoreError, TokenRecord};

impl RedisStore {
    /// Adds a record by a script that is told of it after what `tell` says, and returns the ids of those that
    /// ended to make room.
    ///
    /// Where somebody took over the claim, it is not known yet whether they have the digest: that is looked
    /// at anew.
    pub(super) async fn add(
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
}

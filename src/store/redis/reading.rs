use redis::Value;

use super::RedisStore;
use super::error::fault;
use super::keys::Pointer;
use super::record;
use super::scripts::SCRIPTS;
use crate::store::{StoreError, TokenKey, TokenRecord};

impl RedisStore {
    pub(super) fn read<T: redis::FromRedisValue>(&self, answer: Value) -> Result<T, StoreError> {
        redis::from_redis_value(answer).map_err(|error| fault(error.into()))
    }

    /// Finds a record by its pointer, on a server that has both.
    pub(super) async fn follow(&self, pointer: &str) -> Result<Option<TokenRecord>, StoreError> {
        let mut call = SCRIPTS.find.key(pointer);
        call.arg(self.inner.keys.prefix()).arg(&Pointer::PARTS);
        let answer: Option<(String, Value)> = self.read(self.inner.link.run(&call).await?)?;
        answer.map_or(Ok(None), |(id, fields)| record::read(&id, fields))
    }

    /// Finds a record by its pointer, in a cluster.
    pub(super) async fn follow_far(
        &self,
        pointer: &str,
    ) -> Result<Option<TokenRecord>, StoreError> {
        let Some(pointer) = self.pointed(pointer).await? else {
            return Ok(None);
        };
        let pointer = Pointer::from_stored(pointer)?;
        let home = self.inner.keys.home_of_tag(pointer.tag);
        let mut command = redis::cmd("HGETALL");
        command.arg(home.record(&pointer.id));
        record::read(&pointer.id, self.inner.link.ask(&command).await?)
    }

    pub(super) async fn record(
        &self,
        key: TokenKey<'_>,
    ) -> Result<Option<TokenRecord>, StoreError> {
        let home = self.inner.keys.home(key.subject);
        let mut command = redis::cmd("HGETALL");
        command.arg(home.record(key.id));
        record::read(key.id, self.inner.link.ask(&command).await?)
    }
}

use std::sync::LazyLock;

use async_trait::async_trait;
use redis::aio::ConnectionManager;
use redis::{AsyncCommands, Client, Script};

use super::{Backend, KvError};

/// A hash for each collection.
pub(super) struct Redis(ConnectionManager);

/// `KEYS[1]` the hash; then the field, the old value and the new one, each value after `1`, or `0` for none.
static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local old = redis.call('HGET', KEYS[1], ARGV[1])
         if (old and '1' .. old or '0') ~= ARGV[2] then return 0 end
         if ARGV[3] == '0' then
             redis.call('HDEL', KEYS[1], ARGV[1])
         else
             redis.call('HSET', KEYS[1], ARGV[1], string.sub(ARGV[3], 2))
         end
         return 1",
    )
});

impl Redis {
    pub(super) async fn connect(url: &str) -> Result<Self, KvError> {
        let client = Client::open(url)?;
        Ok(Self(client.get_connection_manager().await?))
    }
}

#[async_trait]
impl Backend for Redis {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<String>, KvError> {
        Ok(self.0.clone().hget(hash(collection), key).await?)
    }

    async fn list(&self, collection: &str) -> Result<Vec<String>, KvError> {
        let mut rows: Vec<(String, String)> = self.0.clone().hgetall(hash(collection)).await?;
        rows.sort();
        Ok(rows.into_iter().map(|(_, value)| value).collect())
    }

    async fn swap(
        &self,
        collection: &str,
        key: &str,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<bool, KvError> {
        let marked = |value: Option<&str>| value.map_or("0".to_owned(), |text| format!("1{text}"));
        let mut swap = SWAP.key(hash(collection));
        let swap = swap.arg(key).arg(marked(old)).arg(marked(new));
        Ok(swap.invoke_async(&mut self.0.clone()).await?)
    }
}

fn hash(collection: &str) -> String {
    format!("example:{collection}")
}

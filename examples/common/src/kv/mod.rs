//! Values of JSON under a collection and a key: accounts, settings, whatever an example keeps that is no
//! token.

mod memory;
mod postgres;
mod redis;
mod sqlite;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Keeps values where `STORE` says. A clone is the same one.
#[derive(Clone)]
pub struct Kv(Arc<dyn Backend>);

/// The store did not answer, or holds what cannot be read.
#[derive(Debug)]
pub struct KvError(Box<dyn Error + Send + Sync>);

/// What becomes of a value.
#[derive(Debug)]
pub enum Change<T> {
    /// It stays as it is.
    Keep,
    /// It is this from now on.
    Put(T),
    /// There is none any more.
    Delete,
}

/// Texts under a collection and a key.
#[async_trait]
trait Backend: Send + Sync {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<String>, KvError>;

    /// All of a collection, in the order of their keys.
    async fn list(&self, collection: &str) -> Result<Vec<String>, KvError>;

    /// Puts `new` in the place of `old`, where `None` is nothing. `false` if something else is there.
    async fn swap(
        &self,
        collection: &str,
        key: &str,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<bool, KvError>;
}

impl Kv {
    /// Opens what `STORE` names: `memory`, `sqlite:PATH`, `postgres://…` or `redis://…`.
    ///
    /// # Errors
    /// If it cannot be reached.
    pub async fn open(store: &str) -> Result<Self, KvError> {
        Ok(Self(match store.split_once(':') {
            Some(("sqlite", path)) => Arc::new(sqlite::Sqlite::open(path).await?),
            Some(("postgres" | "postgresql", _)) => {
                Arc::new(postgres::Postgres::connect(store).await?)
            }
            Some(("redis" | "rediss", _)) => Arc::new(redis::Redis::connect(store).await?),
            _ => Arc::new(memory::Memory::default()),
        }))
    }

    /// The value under a key.
    ///
    /// # Errors
    /// If the store does not answer, or the value is of another type.
    pub async fn get<T: DeserializeOwned>(
        &self,
        collection: &str,
        key: &str,
    ) -> Result<Option<T>, KvError> {
        let text = self.0.get(collection, key).await?;
        read(text.as_deref())
    }

    /// All values of a collection, in the order of their keys.
    ///
    /// # Errors
    /// If the store does not answer, or a value is of another type.
    pub async fn list<T: DeserializeOwned>(&self, collection: &str) -> Result<Vec<T>, KvError> {
        let texts = self.0.list(collection).await?;
        let values = texts.iter().map(|text| Ok(serde_json::from_str(text)?));
        values.collect()
    }

    /// Changes a value by what it is, with nobody else's change in between: `change` is called again where
    /// somebody was faster. Returns what it returned last.
    ///
    /// # Errors
    /// If the store does not answer, or the value is of another type.
    pub async fn update<T, R>(
        &self,
        collection: &str,
        key: &str,
        mut change: impl FnMut(Option<T>) -> (Change<T>, R),
    ) -> Result<R, KvError>
    where
        T: Serialize + DeserializeOwned,
    {
        loop {
            let old = self.0.get(collection, key).await?;
            let (change, result) = change(read(old.as_deref())?);
            let new = match change {
                Change::Keep => return Ok(result),
                Change::Put(value) => Some(serde_json::to_string(&value)?),
                Change::Delete => None,
            };
            let (old, new) = (old.as_deref(), new.as_deref());
            if old == new || self.0.swap(collection, key, old, new).await? {
                return Ok(result);
            }
        }
    }

    /// Keeps a value unless there is one. Whether it did.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn insert(
        &self,
        collection: &str,
        key: &str,
        value: &impl Serialize,
    ) -> Result<bool, KvError> {
        let new = serde_json::to_string(value)?;
        self.0.swap(collection, key, None, Some(&new)).await
    }

    /// Removes a value, whatever it is.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn delete(&self, collection: &str, key: &str) -> Result<(), KvError> {
        let delete = |_: Option<serde_json::Value>| (Change::Delete, ());
        self.update(collection, key, delete).await
    }
}

fn read<T: DeserializeOwned>(text: Option<&str>) -> Result<Option<T>, KvError> {
    Ok(text.map(serde_json::from_str).transpose()?)
}

impl From<sqlx::Error> for KvError {
    fn from(error: sqlx::Error) -> Self {
        Self(error.into())
    }
}

impl From<::redis::RedisError> for KvError {
    fn from(error: ::redis::RedisError) -> Self {
        Self(error.into())
    }
}

impl From<serde_json::Error> for KvError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.into())
    }
}

impl Error for KvError {}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store gave no answer: {}", self.0)
    }
}

impl fmt::Debug for Kv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kv").finish_non_exhaustive()
    }
}

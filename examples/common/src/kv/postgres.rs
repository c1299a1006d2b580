use std::time::Duration;

use async_trait::async_trait;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::{Backend, KvError};

/// Whoever asks is not kept waiting for a database that is down.
const AT_MOST: Duration = Duration::from_secs(3);

/// Keys are bytes, since PostgreSQL takes no text with a NUL in it.
pub(super) struct Postgres(PgPool);

impl Postgres {
    pub(super) async fn connect(url: &str) -> Result<Self, KvError> {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(AT_MOST)
            .connect(url)
            .await?;
        // Two servers that start at once would both find no table, and one of them fail.
        let mut alone = pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock(7305814)")
            .execute(&mut *alone)
            .await?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS example_values (
                collection TEXT NOT NULL, key BYTEA NOT NULL, value TEXT NOT NULL,
                PRIMARY KEY (collection, key))",
        )
        .execute(&mut *alone)
        .await?;
        alone.commit().await?;
        Ok(Self(pool))
    }
}

#[async_trait]
impl Backend for Postgres {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<String>, KvError> {
        let select = "SELECT value FROM example_values WHERE collection = $1 AND key = $2";
        let select = sqlx::query_scalar(select)
            .bind(collection)
            .bind(key.as_bytes());
        Ok(select.fetch_optional(&self.0).await?)
    }

    async fn list(&self, collection: &str) -> Result<Vec<String>, KvError> {
        let select = "SELECT value FROM example_values WHERE collection = $1 ORDER BY key";
        Ok(sqlx::query_scalar(select)
            .bind(collection)
            .fetch_all(&self.0)
            .await?)
    }

    async fn swap(
        &self,
        collection: &str,
        key: &str,
        old: Option<&str>,
        new: Option<&str>,
    ) -> Result<bool, KvError> {
        let change = match (old, new) {
            (None, Some(new)) => sqlx::query(
                "INSERT INTO example_values (collection, key, value) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
            )
            .bind(collection)
            .bind(key.as_bytes())
            .bind(new),
            (Some(old), Some(new)) => sqlx::query(
                "UPDATE example_values SET value = $4
                 WHERE collection = $1 AND key = $2 AND value = $3",
            )
            .bind(collection)
            .bind(key.as_bytes())
            .bind(old)
            .bind(new),
            (Some(old), None) => sqlx::query(
                "DELETE FROM example_values WHERE collection = $1 AND key = $2 AND value = $3",
            )
            .bind(collection)
            .bind(key.as_bytes())
            .bind(old),
            (None, None) => return Ok(self.get(collection, key).await?.is_none()),
        };
        Ok(change.execute(&self.0).await?.rows_affected() == 1)
    }
}

use async_trait::async_trait;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

use super::{Backend, KvError};

pub(super) struct Sqlite(SqlitePool);

impl Sqlite {
    pub(super) async fn open(path: &str) -> Result<Self, KvError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let pool = SqlitePoolOptions::new().max_connections(2);
        let pool = pool.connect_with(options).await?;
        sqlx::query(
            "CREATE TABLE IF NOT EXISTS example_values (
                collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
                PRIMARY KEY (collection, key)) WITHOUT ROWID",
        )
        .execute(&pool)
        .await?;
        Ok(Self(pool))
    }
}

#[async_trait]
impl Backend for Sqlite {
    async fn get(&self, collection: &str, key: &str) -> Result<Option<String>, KvError> {
        let select = "SELECT value FROM example_values WHERE collection = ? AND key = ?";
        let select = sqlx::query_scalar(select).bind(collection).bind(key);
        Ok(select.fetch_optional(&self.0).await?)
    }

    async fn list(&self, collection: &str) -> Result<Vec<String>, KvError> {
        let select = "SELECT value FROM example_values WHERE collection = ? ORDER BY key";
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
                "INSERT INTO example_values (collection, key, value) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO NOTHING",
            )
            .bind(collection)
            .bind(key)
            .bind(new),
            (Some(old), Some(new)) => sqlx::query(
                "UPDATE example_values SET value = ?4
                 WHERE collection = ?1 AND key = ?2 AND value = ?3",
            )
            .bind(collection)
            .bind(key)
            .bind(old)
            .bind(new),
            (Some(old), None) => sqlx::query(
                "DELETE FROM example_values WHERE collection = ?1 AND key = ?2 AND value = ?3",
            )
            .bind(collection)
            .bind(key)
            .bind(old),
            (None, None) => return Ok(self.get(collection, key).await?.is_none()),
        };
        Ok(change.execute(&self.0).await?.rows_affected() == 1)
    }
}

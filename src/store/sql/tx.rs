use sqlx::{Database, SqlStr};

use super::connections::{Connection, Connections};
use super::dialect::Statement;
use super::{Arg, Dialect, fault};
use crate::revocation::{Ending, FeedMessage};
use crate::store::StoreError;

/// A transaction.
///
/// One that is dropped on the way, at whatever point, takes its connection with it: the database undoes
/// what it did, and nothing else is ever written in a transaction that nobody commits.
pub(in crate::store) struct Tx<'a, D: Dialect> {
    dialect: &'a D,
    connection: Option<Connection<D::Db>>,
}

impl<'a, D: Dialect> Tx<'a, D> {
    pub(in crate::store) async fn begin(
        dialect: &'a D,
        connections: &Connections<D::Db>,
        begin: SqlStr,
    ) -> Result<Self, StoreError> {
        let mut tx = Self::without_begin(dialect, connections).await?;
        tx.script(begin).await?;
        Ok(tx)
    }

    /// For one statement, which begins and commits by itself.
    pub(in crate::store) async fn without_begin(
        dialect: &'a D,
        connections: &Connections<D::Db>,
    ) -> Result<Self, StoreError> {
        let connection = connections.acquire().await.map_err(fault::<D>)?;
        Ok(Self {
            dialect,
            connection: Some(connection),
        })
    }

    pub(in crate::store) async fn fetch(
        &mut self,
        sql: impl Into<Statement>,
        args: &[Arg<'_>],
    ) -> Result<Vec<<D::Db as Database>::Row>, StoreError> {
        let sql = sql.into();
        let rows = D::fetch(self.connection()?, sql, args).await;
        rows.map_err(refused::<D>)
    }

    pub(in crate::store) async fn execute(
        &mut self,
        sql: impl Into<Statement>,
        args: &[Arg<'_>],
    ) -> Result<u64, StoreError> {
        let sql = sql.into();
        let changed = D::execute(self.connection()?, sql, args).await;
        changed.map_err(refused::<D>)
    }

    pub(in crate::store) async fn script(&mut self, sql: SqlStr) -> Result<(), StoreError> {
        let done = D::script(self.connection()?, sql).await;
        done.map_err(fault::<D>)
    }

    /// Tells every subscription of what was ended, once that is committed.
    pub(in crate::store) async fn tell(&mut self, ending: Ending) -> Result<(), StoreError> {
        let dialect = self.dialect;
        dialect
            .tell(self, &FeedMessage::Ending(ending).encode())
            .await
    }

    /// Commits if all is well, and undoes what was done if not.
    pub(in crate::store) async fn finish<T>(
        mut self,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &result {
            Ok(_) => self.script(SqlStr::from_static("COMMIT")).await?,
            Err(StoreError::Unavailable { .. } | StoreError::Generic { .. }) => return result,
            Err(_) => self.script(SqlStr::from_static("ROLLBACK")).await?,
        }
        // It may be used again.
        drop(self.connection.take());
        result
    }

    /// What came of the one statement.
    pub(in crate::store) fn finish_without_commit<T>(
        mut self,
        result: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !matches!(
            result,
            Err(StoreError::Unavailable { .. } | StoreError::Generic { .. })
        ) {
            drop(self.connection.take());
        }
        result
    }

    pub(in crate::store) fn connection(
        &mut self,
    ) -> Result<&mut <D::Db as Database>::Connection, StoreError> {
        let connection = self.connection.as_deref_mut();
        connection.ok_or_else(|| fault::<D>(sqlx::Error::WorkerCrashed))
    }
}

impl<D: Dialect> Drop for Tx<'_, D> {
    fn drop(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.close_on_drop();
        }
    }
}

fn refused<D: Dialect>(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(error) if error.is_unique_violation() => StoreError::AlreadyExists,
        error => fault::<D>(error),
    }
}

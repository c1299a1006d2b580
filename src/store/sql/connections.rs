use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use sqlx::Database;
use sqlx::pool::{Pool, PoolConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long making a connection may take.
pub(in crate::store) const CONNECTING: Duration = Duration::from_secs(1);

/// The connections of a store.
///
/// 1. As many callers as there may be connections have a turn; the others wait for theirs.
/// 2. Who has a turn and finds no connection has one made, on a task of its own. When the caller's time is
///    over, the task goes on, and the connection is there for the next. In the caller's own time none would
///    ever be made where that takes longer than a call may: over a long way, with TLS, or where everybody
///    connects at once to a server that is just back.
pub(in crate::store) struct Connections<DB: Database> {
    pool: Pool<DB>,
    turns: Arc<Semaphore>,
}

impl<DB: Database> Connections<DB> {
    pub(in crate::store) fn new(pool: Pool<DB>) -> Self {
        let max = pool.options().get_max_connections();
        Self {
            turns: Arc::new(Semaphore::new(max as usize)),
            pool,
        }
    }

    pub(in crate::store) async fn acquire(&self) -> Result<Connection<DB>, sqlx::Error> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| sqlx::Error::PoolClosed)?;
        if self.pool.num_idle() > 0 {
            let connection = self.pool.acquire().await?;
            return Ok(Connection { connection, turn });
        }
        let pool = self.pool.clone();
        let making = tokio::spawn(async move {
            let connection = pool.acquire().await?;
            Ok(Connection { connection, turn })
        });
        making.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    pub(in crate::store) async fn close(&self) {
        self.pool.close().await;
    }
}

// A clone is the same connections.
impl<DB: Database> Clone for Connections<DB> {
    fn clone(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            turns: Arc::clone(&self.turns),
        }
    }
}

impl<DB: Database> fmt::Debug for Connections<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("size", &self.pool.size())
            .finish_non_exhaustive()
    }
}

/// A connection, and the turn of whoever has it.
pub(in crate::store) struct Connection<DB: Database> {
    // Dropped in this order.
    connection: PoolConnection<DB>,
    #[expect(dead_code, reason = "held until it is dropped")]
    turn: OwnedSemaphorePermit,
}

impl<DB: Database> Connection<DB> {
    /// Does not use the connection again.
    pub(in crate::store) fn close_on_drop(&mut self) {
        self.connection.close_on_drop();
    }
}

impl<DB: Database> Deref for Connection<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Connection<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

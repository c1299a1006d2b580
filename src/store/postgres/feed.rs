use std::time::Duration;

use async_trait::async_trait;
use sqlx::pool::PoolOptions;
use sqlx::postgres::{PgConnectOptions, PgListener};

use super::dialect::Postgres;
use crate::revocation::{FeedMessage, Subscription};
use crate::store::StoreError;
use crate::store::sql::{CONNECTING, Dialect as _, fault, limited};

/// An ear at a channel of the server, with a connection of its own.
pub(super) struct Listener {
    listener: PgListener,
    is_lost: bool,
}

impl Listener {
    pub(super) async fn begin(
        options: &PgConnectOptions,
        channel: &str,
        timeout: Duration,
    ) -> Result<Self, StoreError> {
        // No longer than a connection of any other kind, which is longer than a call.
        let timeout = timeout.max(CONNECTING);
        limited(Postgres::NAME, timeout, async {
            let pool = PoolOptions::new()
                .max_connections(1)
                .acquire_timeout(timeout)
                .idle_timeout(None)
                .max_lifetime(None)
                .connect_lazy_with(options.clone());
            let listener = PgListener::connect_with(&pool).await;
            let mut listener = listener.map_err(fault::<Postgres>)?;
            listener.eager_reconnect(false);
            listener.listen(channel).await.map_err(fault::<Postgres>)?;
            Ok(Self {
                listener,
                is_lost: false,
            })
        })
        .await
    }
}

#[async_trait]
impl Subscription for Listener {
    async fn next(&mut self) -> Result<FeedMessage, StoreError> {
        // The listener would connect again, and not say what was missed meanwhile.
        if self.is_lost {
            return Err(lost());
        }
        match self.listener.try_recv().await {
            Ok(Some(notification)) => Ok(FeedMessage::decode(notification.payload())),
            Ok(None) => {
                self.is_lost = true;
                Err(lost())
            }
            Err(error) => {
                self.is_lost = true;
                Err(fault::<Postgres>(error))
            }
        }
    }
}

fn lost() -> StoreError {
    StoreError::Unavailable {
        store: Postgres::NAME,
        source: "the connection on which endings are heard was lost".into(),
    }
}

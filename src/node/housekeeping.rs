use std::sync::Arc;
use std::time::Duration;

use super::health::Health;
use crate::clock::Clock;
use crate::revocation::Revocations;
use crate::store::{StoreError, TokenStore};

/// Removes what is over.
pub(super) struct Housekeeping {
    pub(super) tokens: Arc<dyn TokenStore>,
    pub(super) revocations: Option<Revocations>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) every: Duration,
    pub(super) kept_for: Duration,
    /// How much is removed at once.
    pub(super) batch: usize,
    pub(super) health: Arc<Health>,
}

impl Housekeeping {
    pub(super) async fn go_on(self) {
        loop {
            tokio::time::sleep(self.every).await;
            match self.prune().await {
                Ok(removed) => self.health.pruned(removed),
                Err(error) => warn(&error),
            }
        }
    }

    /// Removes what is over, and says how much that was.
    async fn prune(&self) -> Result<u64, StoreError> {
        let before = self.clock.now().saturating_sub(self.kept_for);
        let mut removed = 0;
        loop {
            let batch = self.tokens.prune(before, self.batch).await?;
            removed += batch;
            if batch < self.batch as u64 {
                break;
            }
            tokio::task::yield_now().await;
        }
        let Some(revocations) = &self.revocations else {
            return Ok(removed);
        };
        loop {
            let batch = revocations.prune_before(before, self.batch).await?;
            removed += batch;
            if batch < self.batch as u64 {
                return Ok(removed);
            }
            tokio::task::yield_now().await;
        }
    }
}

fn warn(error: &StoreError) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "tower_bearer",
        error = error as &(dyn std::error::Error + 'static),
        "what is over was not removed, and will be tried again"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

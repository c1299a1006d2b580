use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::revocation::Revocations;
use crate::store::{StoreError, TokenStore};

/// How much is removed at once.
const BATCH: usize = 500;

/// Removes what is over.
pub(super) struct Housekeeping {
    pub(super) tokens: Arc<dyn TokenStore>,
    pub(super) revocations: Option<Revocations>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) every: Duration,
    pub(super) kept_for: Duration,
}

impl Housekeeping {
    pub(super) async fn go_on(self) {
        loop {
            tokio::time::sleep(self.every).await;
            if let Err(error) = self.prune().await {
                warn(&error);
            }
        }
    }

    async fn prune(&self) -> Result<(), StoreError> {
        let before = self.clock.now().saturating_sub(self.kept_for);
        while self.tokens.prune(before, BATCH).await? >= BATCH as u64 {
            tokio::task::yield_now().await;
        }
        if let Some(revocations) = &self.revocations {
            while revocations.prune_before(before, BATCH).await? >= BATCH as u64 {
                tokio::task::yield_now().await;
            }
        }
        Ok(())
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

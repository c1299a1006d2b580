use std::sync::Arc;

use tokio::sync::watch;

use super::shared::Shared;
use crate::refusal::Refusal;

/// A fetch that is under way or about to begin.
pub(crate) struct Waiting {
    pub(super) shared: Arc<Shared>,
    pub(super) settled: watch::Receiver<u64>,
    /// Its number.
    pub(super) number: u64,
    /// Whether it begins after whoever waits for it came.
    pub(super) is_fresh: bool,
}

impl Waiting {
    /// Waits until it is over. Tells whether what is held now was fetched since whoever waits came; so it is
    /// in any case where they have waited before.
    ///
    /// # Errors
    /// If it should have been, and the fetch failed.
    pub(crate) async fn wait(self, has_waited: bool) -> Result<bool, Refusal> {
        let is_fresh = self.is_fresh || has_waited;
        match self.over().await {
            Some(shared) if is_fresh => shared.gate().last_outcome().map(|()| true),
            Some(_) => Ok(false),
            None => Err(Refusal::unavailable("keys are no longer fetched")),
        }
    }

    /// Waits until it is over, or nothing is fetched any more.
    pub(super) async fn over(mut self) -> Option<Arc<Shared>> {
        let number = self.number;
        let is_over = self.settled.wait_for(|settled| *settled >= number).await;
        is_over.is_ok().then_some(self.shared)
    }
}

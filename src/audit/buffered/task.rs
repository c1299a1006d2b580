use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::AuditWriter;
use super::queue::Queue;
use crate::audit::AuditEvent;

/// How many lines are written at once.
const BATCH: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often drops that go on and on are logged.
const LOG_EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) attempt: Duration,
    pub(super) try_for: Duration,
}

/// Writes what comes, until no more does.
pub(super) async fn write_all(queue: Arc<Queue>, writer: Arc<dyn AuditWriter>, limits: Limits) {
    let mut task = Task {
        queue,
        writer,
        limits,
        burst: None,
    };
    while let Some(batch) = task.queue.next(BATCH).await {
        let written = task.write(batch.into()).await;
        task.queue.settle(written);
        task.log_drops();
    }
}

struct Task {
    queue: Arc<Queue>,
    writer: Arc<dyn AuditWriter>,
    limits: Limits,
    // Since when lines are dropped that were not logged.
    burst: Option<Instant>,
}

impl Task {
    /// Writes a batch, or gives it up after a while.
    async fn write(&mut self, batch: Arc<[AuditEvent]>) -> bool {
        let start = Instant::now();
        let mut pause = FIRST_PAUSE;
        let mut is_first = true;
        loop {
            let left = self.limits.try_for.saturating_sub(start.elapsed());
            let Err(error) = self.attempt(&batch, left).await else {
                return true;
            };
            let is_last = start.elapsed() + pause >= self.limits.try_for;
            if is_first || is_last {
                log_failure(batch.len(), is_last, &*error);
            }
            if is_last {
                return false;
            }
            is_first = false;
            self.log_drops();
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// One try, on a task of its own: so a panic there ends nothing here.
    async fn attempt(
        &self,
        batch: &Arc<[AuditEvent]>,
        left: Duration,
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let (writer, batch) = (Arc::clone(&self.writer), Arc::clone(batch));
        let write = tokio::spawn(async move { writer.write(&batch).await });
        let _abort = AbortOnDrop(write.abort_handle());
        match timeout(self.limits.attempt.min(left), write).await {
            Ok(Ok(written)) => written,
            Ok(Err(panicked)) => Err(panicked.into()),
            Err(_) => Err("the writer took too long".into()),
        }
    }

    /// Logs what was dropped, when the burst is over, or it was not told of for long.
    fn log_drops(&mut self) {
        let Some(goes_on) = self.queue.burst() else {
            return;
        };
        let start = *self.burst.get_or_insert_with(Instant::now);
        if !goes_on || start.elapsed() >= LOG_EVERY {
            log_dropped(self.queue.take_unlogged());
            self.burst = None;
        }
    }
}

/// However the task ends, nobody waits for it any longer.
impl Drop for Task {
    fn drop(&mut self) {
        log_dropped(self.queue.abandon().unlogged);
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

pub(super) fn log_dropped(dropped: u64) {
    #[cfg(feature = "tracing")]
    if dropped > 0 {
        tracing::error!(target: "tower_bearer", dropped, "audit events were dropped");
    }
    #[cfg(not(feature = "tracing"))]
    let _ = dropped;
}

fn log_failure(events: usize, is_last: bool, error: &(dyn Error + 'static)) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "tower_bearer",
        events,
        given_up = is_last,
        error,
        "audit events were not written"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = (events, is_last, error);
}

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::{AuditEvent, AuditSink};
use crate::error::ConfigError;

/// How many lines are written at once.
const BATCH: usize = 256;
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Writes lines of the trail to where writing takes time, such as a database.
///
/// Lines may come a second time, after an error that came too late: each is to be kept once, by its
/// [`id`](AuditEvent::id).
#[async_trait]
pub trait AuditWriter: fmt::Debug + Send + Sync {
    /// Writes all of these lines.
    ///
    /// # Errors
    /// If perhaps not all were written. They come again.
    async fn write(&self, events: &[AuditEvent]) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// A sink in front of an [`AuditWriter`]: a bounded queue, and a task on tokio's runtime that writes it in
/// batches.
///
/// While the writer fails, the batch is tried again, after pauses that grow from 50 ms to 5 s. Lines that find
/// the queue full are dropped and counted, and each burst of them is logged once. A clone is the same.
///
/// The task ends when all clones are dropped, after what is queued was tried once.
#[derive(Debug, Clone)]
pub struct BufferedSink {
    queue: mpsc::Sender<Job>,
    dropped: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Job {
    Write(Box<AuditEvent>),
    Flush(oneshot::Sender<()>),
}

impl BufferedSink {
    /// Begins to write by `writer`, with a queue of so many lines. Has to be called on a tokio runtime.
    ///
    /// # Errors
    /// If the queue holds nothing, or there is no runtime.
    pub fn spawn(writer: Arc<dyn AuditWriter>, capacity: usize) -> Result<Self, ConfigError> {
        if capacity == 0 {
            return Err(ConfigError::new("capacity", "a queue that holds nothing"));
        }
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|_| ConfigError::new("writer", "there is no tokio runtime to write on"))?;
        let (queue, jobs) = mpsc::channel(capacity);
        let dropped = Arc::new(AtomicU64::new(0));
        runtime.spawn(write_all(writer, jobs, Arc::clone(&dropped)));
        Ok(Self { queue, dropped })
    }

    /// How many lines were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until everything that was recorded before is written, `limit` at most. Says whether it was.
    pub async fn flush(&self, limit: Duration) -> bool {
        let flushed = async {
            let (done, flushed) = oneshot::channel();
            self.queue.send(Job::Flush(done)).await.ok()?;
            flushed.await.ok()
        };
        matches!(timeout(limit, flushed).await, Ok(Some(())))
    }
}

impl AuditSink for BufferedSink {
    fn record(&self, event: &AuditEvent) {
        if self
            .queue
            .try_send(Job::Write(Box::new(event.clone())))
            .is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

async fn write_all(
    writer: Arc<dyn AuditWriter>,
    mut jobs: mpsc::Receiver<Job>,
    dropped: Arc<AtomicU64>,
) {
    let mut told = 0;
    let mut batch = Vec::with_capacity(BATCH);
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        let mut flushes = Vec::new();
        let mut events = Vec::with_capacity(batch.len());
        for job in batch.drain(..) {
            match job {
                Job::Write(event) => events.push(*event),
                Job::Flush(done) => flushes.push(done),
            }
        }
        if !events.is_empty() {
            write_batch(&*writer, &events, &jobs, &dropped).await;
        }
        for done in flushes {
            // Whoever asked may have gone.
            let _ = done.send(());
        }
        tell(&dropped, &mut told);
    }
}

/// Writes until it is done; once only where nobody is left to record anything.
async fn write_batch(
    writer: &dyn AuditWriter,
    events: &[AuditEvent],
    jobs: &mpsc::Receiver<Job>,
    dropped: &AtomicU64,
) {
    let mut pause = FIRST_PAUSE;
    while let Err(error) = writer.write(events).await {
        warn("audit events were not written", &*error);
        if jobs.is_closed() {
            dropped.fetch_add(events.len() as u64, Ordering::Relaxed);
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Logs how many lines were dropped since it was last told.
fn tell(dropped: &AtomicU64, told: &mut u64) {
    let total = dropped.load(Ordering::Relaxed);
    if total > *told {
        #[cfg(feature = "tracing")]
        tracing::error!(
            target: "tower_bearer",
            dropped = total - *told,
            "audit events were dropped, since they could not be written fast enough"
        );
        *told = total;
    }
}

fn warn(what: &'static str, error: &(dyn Error + 'static)) {
    #[cfg(feature = "tracing")]
    tracing::warn!(target: "tower_bearer", error, "{what}");
    #[cfg(not(feature = "tracing"))]
    let _ = (what, error);
}

//! A sink in front of a writer that takes its time.

mod queue;
mod task;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use self::queue::Queue;
use super::{AuditEvent, AuditSink};
use crate::error::ConfigError;

/// Writes lines of the trail to where writing takes time, such as a database.
///
/// # Contract
/// - Lines may come a second time, after an error that came too late or a write that was given up while it
///   went on: each is to be kept once, by its [`id`](AuditEvent::id), which makes a good primary key.
/// - A batch that was written in part may come again as a whole, and is then written to the end.
/// - No line is an error for what is in it. One that cannot be kept as it is, such as for a name with a NUL,
///   is kept changed: an error is tried again, and in the end costs all the lines of the batch.
/// - A future that is dropped does no harm. A write that takes too long, or that panics, is one that failed.
#[async_trait]
pub trait AuditWriter: fmt::Debug + Send + Sync {
    /// Writes all of these lines, some hundred at most.
    ///
    /// # Errors
    /// If perhaps not all were written. They come again.
    async fn write(&self, events: &[AuditEvent]) -> Result<(), Box<dyn Error + Send + Sync>>;
}

/// A sink in front of an [`AuditWriter`]: a bounded queue, and a task on tokio's runtime that writes it in
/// batches. A clone is the same.
///
/// While the writer fails, hangs or panics, the batch is tried again, after pauses that grow from 50 ms to
/// 5 s; after a bounded time it is dropped. Lines that find the queue full are dropped as well; a quarter of it
/// is kept free of refusals of callers who are not known, so that they cannot push out anything else. What is
/// dropped is [counted](Self::dropped), told by the [next line](AuditEvent::lost_before), and logged: once for
/// each burst, or every ten seconds of a longer one.
///
/// The task ends when all clones are dropped, after what is queued was written or given up; and with the
/// runtime, where what is left is lost. [`shutdown`](Self::shutdown) is the way to end it and know.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use tower_bearer::audit::{AuditTrail, AuditWriter, BufferedSink};
///
/// async fn serve(table: Arc<dyn AuditWriter>) -> Result<(), tower_bearer::ConfigError> {
///     let sink = BufferedSink::spawn(table, 10_000)?;
///     let trail = AuditTrail::builder().sink(sink.clone()).build()?;
///     // … serve, with a layer and issuers that have the trail, and when that is over:
///     let lost = sink.shutdown(Duration::from_secs(10)).await;
///     if lost > 0 {
///         eprintln!("{lost} lines of the audit trail were not written");
///     }
///     # drop(trail);
///     Ok(())
/// }
/// ```
///
/// # Panics
/// The task does, in a runtime that was built without its timer. `#[tokio::main]` has one.
#[derive(Clone)]
pub struct BufferedSink {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Arc<Queue>,
    task: AbortHandle,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl BufferedSink {
    /// Begins to write by `writer`, with a queue of so many lines. Has to be called on a tokio runtime.
    ///
    /// # Errors
    /// If the queue holds nothing, or there is no runtime.
    pub fn spawn(writer: Arc<dyn AuditWriter>, capacity: usize) -> Result<Self, ConfigError> {
        Self::builder(writer).capacity(capacity).spawn()
    }

    /// Begins a sink in front of `writer`.
    pub fn builder(writer: Arc<dyn AuditWriter>) -> BufferedSinkBuilder {
        BufferedSinkBuilder {
            writer,
            capacity: 10_000,
            attempt: Duration::from_secs(10),
            try_for: Duration::from_secs(60),
        }
    }

    /// How many lines were dropped so far: those that found no place, those that were given up, and those that
    /// were left when the task ended.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.queue.dropped()
    }

    /// Waits until everything that was recorded before is written, `limit` at most. Says whether it was; what
    /// had no place in the queue does not count.
    pub async fn flush(&self, limit: Duration) -> bool {
        let settled = self.shared.queue.settled();
        timeout(limit, settled).await.unwrap_or(false)
    }

    /// Takes no more lines, writes those that are queued, and ends the task by `limit`. Says how many lines were
    /// queued and could not be written; some of these may have been, if the last answer was missed.
    ///
    /// Whatever is recorded later is dropped. On a sink that has ended, this is no harm.
    pub async fn shutdown(&self, limit: Duration) -> u64 {
        let Shared { queue, task } = &*self.shared;
        let before = queue.given_up();
        queue.close();
        // Whether it was in time is told by what is left.
        let _ = timeout(limit, queue.settled()).await;
        task.abort();
        let left = queue.abandon();
        task::log_dropped(left.unlogged);
        left.given_up - before
    }
}

impl AuditSink for BufferedSink {
    fn record(&self, event: &AuditEvent) {
        self.shared.queue.push(event);
    }
}

impl fmt::Debug for BufferedSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufferedSink")
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}

/// Sets up a [`BufferedSink`].
#[derive(Debug)]
#[must_use = "nothing is written until it is spawned"]
pub struct BufferedSinkBuilder {
    writer: Arc<dyn AuditWriter>,
    capacity: usize,
    attempt: Duration,
    try_for: Duration,
}

impl BufferedSinkBuilder {
    /// How many lines may wait: 10,000 unless set. A line takes some hundred bytes.
    pub fn capacity(mut self, lines: usize) -> Self {
        self.capacity = lines;
        self
    }

    /// How long one write may take before it is taken for one that failed: 10 seconds unless set.
    pub fn attempt(mut self, limit: Duration) -> Self {
        self.attempt = limit;
        self
    }

    /// For how long a batch that fails is tried again, before it is dropped: a minute unless set.
    pub fn try_for(mut self, time: Duration) -> Self {
        self.try_for = time;
        self
    }

    /// Begins to write. Has to be called on a tokio runtime.
    ///
    /// # Errors
    /// If the queue holds nothing, a time is none, or there is no runtime.
    pub fn spawn(self) -> Result<BufferedSink, ConfigError> {
        if self.capacity == 0 {
            return Err(ConfigError::new("capacity", "a queue that holds nothing"));
        }
        if self.attempt.is_zero() {
            return Err(ConfigError::new("attempt", "no time to write"));
        }
        if self.try_for.is_zero() {
            return Err(ConfigError::new("try_for", "no time to write"));
        }
        let runtime = Handle::try_current()
            .map_err(|_| ConfigError::new("writer", "there is no tokio runtime to write on"))?;
        let queue = Arc::new(Queue::new(self.capacity));
        let limits = task::Limits {
            attempt: self.attempt,
            try_for: self.try_for,
        };
        let task = runtime.spawn(task::write_all(Arc::clone(&queue), self.writer, limits));
        let task = task.abort_handle();
        Ok(BufferedSink {
            shared: Arc::new(Shared { queue, task }),
        })
    }
}

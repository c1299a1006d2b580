use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::{AuditEvent, AuditSink};
use crate::error::ConfigError;

/// Sends the lines of the trail to whoever holds the other end of a channel.
///
/// A line that finds the channel full, or its other end gone, is dropped and counted; the next one that finds
/// room says how many were ([`lost_before`](AuditEvent::lost_before)). A clone is the same.
#[derive(Debug, Clone)]
pub struct ChannelSink {
    sender: SyncSender<AuditEvent>,
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    dropped: AtomicU64,
    untold: AtomicU64,
}

impl ChannelSink {
    /// A channel that holds so many lines.
    ///
    /// # Errors
    /// If that is none.
    pub fn new(capacity: usize) -> Result<(Self, Receiver<AuditEvent>), ConfigError> {
        if capacity == 0 {
            return Err(ConfigError::new("capacity", "a channel that holds nothing"));
        }
        let (sender, receiver) = sync_channel(capacity);
        let counts = Arc::default();
        Ok((Self { sender, counts }, receiver))
    }

    /// How many lines were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }
}

impl AuditSink for ChannelSink {
    fn record(&self, event: &AuditEvent) {
        let Counts { dropped, untold } = &*self.counts;
        let mut event = event.clone();
        event.lost_before = untold.swap(0, Ordering::Relaxed);
        match self.sender.try_send(event) {
            Ok(()) => {}
            Err(TrySendError::Full(event) | TrySendError::Disconnected(event)) => {
                untold.fetch_add(event.lost_before + 1, Ordering::Relaxed);
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

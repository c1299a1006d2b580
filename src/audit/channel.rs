use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::{AuditEvent, AuditSink};
use crate::error::ConfigError;

/// Sends the lines of the trail to whoever holds the other end of a channel.
///
/// A line that finds the channel full, or its other end gone, is dropped and counted.
#[derive(Debug, Clone)]
pub struct ChannelSink {
    sender: SyncSender<AuditEvent>,
    dropped: Arc<AtomicU64>,
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
        let dropped = Arc::default();
        Ok((Self { sender, dropped }, receiver))
    }

    /// How many lines were dropped so far.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

impl AuditSink for ChannelSink {
    fn record(&self, event: &AuditEvent) {
        match self.sender.try_send(event.clone()) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

//! The audit trail: what was done, when, by which credential, and how it went.
//!
//! 1. An [`AuditTrail`] listens to the layer, which tells it of each request, and to the issuers, which tell
//!    it of each token that is issued, changed or ended.
//! 2. It makes an [`AuditEvent`] of that. Users are named by their subject; what an access token, an API key
//!    or a bot token does is done in the token's name, and the person behind it is not named
//!    ([`Actor`]).
//! 3. Every refusal, and everything that is done to tokens, is recorded. Of the requests that were let in,
//!    those by kinds of credential that are named may be sampled, but for tokens that act in their own name.
//! 4. Each [`AuditSink`] is handed the event: [`TracingSink`], [`ChannelSink`], or a [`BufferedSink`] in front
//!    of an [`AuditWriter`]. None makes a request wait or fail, and each says what it dropped.

#[cfg(feature = "tokio")]
mod buffered;
mod channel;
mod event;
#[cfg(feature = "tracing")]
mod log;
mod trail;

#[cfg(feature = "tokio")]
pub use buffered::{AuditWriter, BufferedSink, BufferedSinkBuilder};
pub use channel::ChannelSink;
pub use event::{Actor, AuditAction, AuditEvent, AuditTarget, Credential};
#[cfg(feature = "tracing")]
pub use log::TracingSink;
pub use trail::{AuditTrail, AuditTrailBuilder, ClientAddr};

/// Where lines of the trail go.
///
/// Called on the request's path: it must not block, and should not panic. One that does has lost its line,
/// and nothing else: the request goes on, and so do the other sinks. What a sink cannot take, it drops and
/// counts. A closure that takes an [`AuditEvent`] is one, if it says so: `|event: &AuditEvent| …`.
pub trait AuditSink: Send + Sync {
    /// Takes a line.
    fn record(&self, event: &AuditEvent);
}

impl<F> AuditSink for F
where
    F: Fn(&AuditEvent) + Send + Sync,
{
    fn record(&self, event: &AuditEvent) {
        self(event);
    }
}

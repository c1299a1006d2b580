//! The audit trail: what was done, when, by which credential, and how it went.
//!
//! 1. An [`AuditTrail`] listens to the layer, which tells it of each request, and to the issuers, the
//!    [`Revocations`](crate::revocation::Revocations) and the [`Revoker`](crate::revocation::Revoker), which
//!    tell it of each token that is issued, renewed, changed or ended, and of each that is refused to be.
//! 2. It makes an [`AuditEvent`] of that. Users are named by their subject; what an access token, an API key
//!    or a bot token does is done in the token's name, and the person behind it is not named
//!    ([`Actor`]).
//! 3. Every refusal, and everything that is done to tokens, is recorded. Of the requests that were let in,
//!    those by kinds of credential that are named may be sampled, but for tokens that act in their own name.
//! 4. What was begun in a store that gave no answer, or that nobody waited for, may have been done: it is told
//!    with the outcome `unknown`, and whoever needs to know looks at the token. What failed for certain is
//!    not told.
//! 5. Each [`AuditSink`] is handed the event: [`TracingSink`], [`ChannelSink`], or a [`BufferedSink`] in front
//!    of an [`AuditWriter`]. None makes a request wait or fail, and each says what it dropped.

mod action;
mod attempted;
#[cfg(feature = "tokio")]
mod buffered;
mod channel;
mod event;
#[cfg(feature = "tracing")]
mod log;
mod trail;

pub use action::{Attempt, AuditAction, Common};
#[cfg(feature = "tokio")]
pub use buffered::{AuditWriter, BufferedSink, BufferedSinkBuilder};
pub use channel::ChannelSink;
pub use event::{Actor, AuditEvent, AuditTarget, Credential};
#[cfg(feature = "tracing")]
pub use log::TracingSink;
pub use trail::{AuditTrail, AuditTrailBuilder, ClientAddr};

pub(crate) use attempted::Attempted;

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

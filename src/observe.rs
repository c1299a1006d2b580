//! What became of each request, for logs, metrics and audit.
//!
//! Every decision has one [`Outcome`] from a closed set. An [`AuthListener`] is told of each; with the
//! `tracing` feature it is also an event of the target `tower_bearer`, and the decision runs in a span
//! `bearer_auth` that carries `outcome`, `credential.kind` and `credential.id`. No token's text, and no
//! subject, is in either.

use std::fmt;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::head::RequestHead;
use crate::identity::Identity;
use crate::refusal::{Reason, Refusal};

/// What became of a request at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Let in, with an identity.
    Admitted,
    /// Let in without a credential, in optional mode.
    Anonymous,
    /// Let in unseen: a CORS preflight or an open gRPC method.
    Exempt,
    /// Not let in.
    Refused(Reason),
}

impl Outcome {
    /// The name of this outcome in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Anonymous => "let_in_anonymous",
            Self::Exempt => "exempt",
            Self::Refused(reason) => reason.as_str(),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One decision.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct AuthEvent<'a> {
    /// What became of the request.
    pub outcome: Outcome,
    /// The caller, where there is one; a policy may have refused them all the same.
    pub identity: Option<&'a Identity>,
    /// Why the request was refused, if it was.
    pub refusal: Option<&'a Refusal>,
    /// The request, or `None` where a policy was held against a user in code.
    pub head: Option<&'a RequestHead<'a>>,
    /// When it was decided.
    pub at: Timestamp,
}

/// Told of each decision of a layer: successes, refusals and outages.
///
/// Called on the request's path, before the inner service or the answer: it must not block. A closure
/// that takes an [`AuthEvent`] is one, if it says so: `|event: &AuthEvent<'_>| …`.
///
/// ```
/// use std::sync::atomic::{AtomicU64, Ordering};
/// use tower_bearer::observe::{AuthEvent, AuthListener, Outcome};
///
/// #[derive(Default)]
/// struct Refusals(AtomicU64);
///
/// impl AuthListener for Refusals {
///     fn decided(&self, event: &AuthEvent<'_>) {
///         if let Outcome::Refused(_) = event.outcome {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///     }
/// }
/// ```
pub trait AuthListener: Send + Sync {
    /// A decision was made.
    fn decided(&self, event: &AuthEvent<'_>);
}

impl<F> AuthListener for F
where
    F: Fn(&AuthEvent<'_>) + Send + Sync,
{
    fn decided(&self, event: &AuthEvent<'_>) {
        self(event);
    }
}

/// Makes the decision known to the listeners and to tracing.
pub(crate) fn report(listeners: &[Arc<dyn AuthListener>], event: &AuthEvent<'_>) {
    #[cfg(feature = "tracing")]
    spans::trace(event);
    for listener in listeners {
        listener.decided(event);
    }
}

pub(crate) use spans::DecisionSpan;

#[cfg(feature = "tracing")]
mod spans {
    use super::{AuthEvent, Identity, Outcome, Reason, Refusal};

    /// The span in which one request is decided upon, if anybody listens.
    #[derive(Debug)]
    pub(crate) struct DecisionSpan(Option<tracing::Span>);

    impl DecisionSpan {
        pub(crate) fn new() -> Self {
            let wanted = tracing::span_enabled!(target: "tower_bearer", tracing::Level::DEBUG);
            Self(wanted.then(|| {
                tracing::debug_span!(
                    target: "tower_bearer",
                    "bearer_auth",
                    outcome = tracing::field::Empty,
                    credential.kind = tracing::field::Empty,
                    credential.id = tracing::field::Empty,
                )
            }))
        }

        pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
            match &self.0 {
                Some(span) => span.in_scope(work),
                None => work(),
            }
        }

        pub(crate) fn record(&self, event: &AuthEvent<'_>) {
            let Some(span) = &self.0 else { return };
            span.record("outcome", event.outcome.as_str());
            if let Some(kind) = kind(event) {
                span.record("credential.kind", kind);
            }
            if let Some(id) = id(event) {
                span.record("credential.id", id);
            }
        }
    }

    pub(super) fn trace(event: &AuthEvent<'_>) {
        let outcome = event.outcome.as_str();
        let (kind, id) = (kind(event), id(event));
        let detail = event.refusal.map(Refusal::detail);
        let error = event.refusal.and_then(std::error::Error::source);
        match event.outcome {
            Outcome::Refused(Reason::Misconfigured) => {
                tracing::error!(target: "tower_bearer", outcome, detail, error, "request refused");
            }
            Outcome::Refused(Reason::Unavailable) => {
                tracing::warn!(target: "tower_bearer", outcome, detail, error, "request refused");
            }
            Outcome::Refused(_) => {
                tracing::info!(
                    target: "tower_bearer",
                    outcome,
                    detail,
                    credential.kind = kind,
                    credential.id = id,
                    "request refused"
                );
            }
            Outcome::Admitted | Outcome::Anonymous | Outcome::Exempt => {
                tracing::debug!(
                    target: "tower_bearer",
                    outcome,
                    credential.kind = kind,
                    credential.id = id,
                    "request let in"
                );
            }
        }
    }

    fn kind(event: &AuthEvent<'_>) -> Option<&'static str> {
        Some(event.identity?.credential_kind().as_str())
    }

    fn id<'a>(event: &AuthEvent<'a>) -> Option<&'a str> {
        let known = event.identity.and_then(Identity::credential_id);
        known.or_else(|| event.refusal.and_then(Refusal::credential_id))
    }
}

#[cfg(not(feature = "tracing"))]
mod spans {
    use super::AuthEvent;

    /// Nothing, where tracing is not compiled in.
    #[derive(Debug)]
    pub(crate) struct DecisionSpan;

    impl DecisionSpan {
        pub(crate) fn new() -> Self {
            Self
        }

        pub(crate) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
            work()
        }

        pub(crate) fn record(&self, _: &AuthEvent<'_>) {}
    }
}

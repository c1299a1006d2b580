//! The making of an issuer's verifier, once for all who wait for it.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;

use super::new_issuer::NewIssuer;
use super::set::{Made, Turn};
use super::{Inner, NOT_TRUSTED};
use crate::error::ConfigError;
use crate::refusal::{Reason, Refusal};
use crate::verifier::TokenVerifier;

pub(super) type Cause = Box<dyn std::error::Error + Send + Sync>;
type Verifier = Arc<dyn TokenVerifier>;
pub(super) type Making = Pin<Box<dyn Future<Output = Result<Option<Verifier>, Cause>> + Send>>;
pub(super) type Make = Box<dyn Fn(NewIssuer) -> Making + Send + Sync>;

/// What a making came to.
#[derive(Clone)]
pub(super) enum Outcome {
    Made(Arc<Made>),
    Not(Refusal),
}

/// Waits for the making of an issuer's verifier, and begins it where nobody has.
pub(super) async fn join(inner: &Arc<Inner>, issuer: Arc<str>) -> Outcome {
    let mut told = match inner.set.take_turn(&issuer) {
        Turn::None(outcome) => return outcome,
        Turn::Others(told) => told,
        Turn::Own(tell, told) => {
            let own = Own {
                inner: Arc::clone(inner),
                issuer,
                tell,
            };
            // Without a runtime it is over at once.
            if let Ok(runtime) = Handle::try_current() {
                drop(runtime.spawn(own.make()));
            }
            told
        }
    };
    let over = told.wait_for(Option::is_some).await;
    let outcome = over.ok().and_then(|outcome| outcome.clone());
    outcome.unwrap_or(Outcome::Not(BROKEN_OFF))
}

const BROKEN_OFF: Refusal = Refusal::unavailable("the making of the issuer's verifier broke off");

/// A making that somebody has to see to. One that is dropped has failed.
struct Own {
    inner: Arc<Inner>,
    issuer: Arc<str>,
    tell: watch::Sender<Option<Outcome>>,
}

impl Own {
    async fn make(self) {
        let limit = self.inner.set.limits.deadline;
        let outcome = timeout(limit, self.outcome()).await;
        self.land(outcome.unwrap_or(Outcome::Not(Refusal::unavailable(
            "the issuer's verifier was not made in time",
        ))));
    }

    async fn outcome(&self) -> Outcome {
        let inner = &self.inner;
        let Ok(_permit) = inner.permits.acquire().await else {
            return Outcome::Not(BROKEN_OFF);
        };
        let new = NewIssuer::new(Arc::clone(&self.issuer), inner);
        match (inner.make)(new).await {
            Ok(Some(verifier)) => {
                let now = inner.clock.now();
                let name = Arc::clone(&self.issuer);
                Outcome::Made(Arc::new(Made::new(name, verifier, now)))
            }
            Ok(None) => Outcome::Not(NOT_TRUSTED),
            Err(cause) => Outcome::Not(refusal_for(cause)),
        }
    }

    fn land(&self, outcome: Outcome) {
        let now = self.inner.clock.now();
        let outcome = self
            .inner
            .set
            .settle(&self.issuer, &self.tell, outcome, now);
        self.tell.send_replace(Some(outcome));
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        if self.tell.borrow().is_none() {
            self.land(Outcome::Not(BROKEN_OFF));
        }
    }
}

/// A refusal stands for itself. A setting that cannot be right is the service's own fault, and anything else a
/// failure.
fn refusal_for(cause: Cause) -> Refusal {
    match cause.downcast::<Refusal>() {
        Ok(refusal) => *refusal,
        Err(cause) => {
            let refusal = match cause.is::<ConfigError>() {
                true => Refusal::new(
                    Reason::Misconfigured,
                    "the issuer's verifier cannot be right",
                ),
                false => Refusal::unavailable("the issuer's verifier could not be made"),
            };
            refusal.with_source(MakingError(cause))
        }
    }
}

struct MakingError(Cause);

impl fmt::Debug for MakingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for MakingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for MakingError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

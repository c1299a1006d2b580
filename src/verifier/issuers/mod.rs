//! JWTs of many issuers, known by a rule: each has a verifier of its own, made when it is first met.
//!
//! What becomes of a token, in the order in which it is looked at:
//!
//! 1. **Its issuer.** `iss` is read from the token, which nobody has vouched for yet. One without `iss`, or with
//!    one of over 512 bytes, is refused.
//! 2. **The rule** that [`builder`](Issuers::builder) was given says whether that issuer may be trusted at all.
//!    It is asked for each token, and takes effect at once. What it refuses costs no memory, no lock and no
//!    connection.
//! 3. **An issuer that is known** has its verifier judge the token. No lock is held meanwhile, and no other
//!    issuer has a part in it: each has its own keys, its own cool-down, its own failures.
//! 4. **One that was refused** by the making a moment ago is [refused again](IssuersBuilder::refused_age); one
//!    whose making failed a moment ago is [`Reason::Unavailable`](crate::Reason::Unavailable) for its
//!    [cool-down](IssuersBuilder::cool_down).
//! 5. **One that is new** has its verifier made, once for all who wait, in a task of its own that goes on if
//!    they leave. So many are made [at once](IssuersBuilder::concurrency) and no more; the others wait their
//!    turn. A making has a [deadline](IssuersBuilder::deadline). If it says that the issuer is not trusted,
//!    the token is refused; if it fails, the answer is 503.
//! 6. **The identity** must name this very issuer, or the token is refused.
//!
//! Issuers are kept up to a [capacity](IssuersBuilder::capacity). One of which no token was good for the
//! [idle time](IssuersBuilder::idle) is given up; one of which none was ever good after a minute, and before
//! that if its place is needed. One that is in good use is never pushed out: when all are, a new one is
//! answered 503. So whoever makes up issuers that the rule accepts pushes out nothing but what they made up.
//!
//! ```no_run
//! use tower_bearer::verifier::{Issuers, TokenRouter};
//! use tower_bearer::{BearerAuthLayer, ConfigError};
//!
//! # fn example() -> Result<(), ConfigError> {
//! let issuers = Issuers::builder(|issuer| issuer.starts_with("https://id.example.com/realms/"))
//!     .discover(|jwt, issuer| {
//!         let realm = issuer.rsplit('/').next().unwrap_or_default();
//!         jwt.audience("https://api.example.com").tenant(realm)
//!     })
//!     .build()?;
//! let layer = BearerAuthLayer::new(issuers);
//! # Ok(()) }
//! ```
//!
//! Behind a [`TokenRouter`](super::TokenRouter), a few fixed issuers by
//! [`jwt_issuer`](super::TokenRouterBuilder::jwt_issuer) and all others by
//! [`jwt`](super::TokenRouterBuilder::jwt) go together. One provider that signs for all its tenants with the
//! same keys, such as Entra ID, needs none of this: it is one
//! [`JwtVerifier`](super::jwt::JwtVerifier) with an
//! [`issuer_template`](super::jwt::JwtVerifierBuilder::issuer_template).

mod builder;
mod making;
mod new_issuer;
mod set;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::making::{Make, Outcome, join};
use self::new_issuer::KeySettings;
use self::set::{Known, Made, Set};
use super::jwt::peek;
use super::{Answer, Presented, TokenVerifier};
use crate::clock::{Clock, Timestamp};
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::remote::HttpClient;

pub use builder::IssuersBuilder;
pub use new_issuer::NewIssuer;

/// The longest issuer that is looked at, in bytes.
const MAX_LEN: usize = 512;

const NOT_TRUSTED: Refusal = Refusal::invalid("iss is none that is trusted");

/// A verifier of the JWTs of many issuers. Clones share what they know.
///
/// The rules are in the [module's](self) documentation.
#[derive(Clone)]
pub struct Issuers {
    inner: Arc<Inner>,
}

struct Inner {
    accepts: Box<dyn Fn(&str) -> bool + Send + Sync>,
    make: Make,
    client: HttpClient,
    key_settings: KeySettings,
    clock: Arc<dyn Clock>,
    permits: Semaphore,
    set: Set,
}

/// How many issuers an [`Issuers`] has to do with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuersStatus {
    /// Those that have a verifier.
    pub known: usize,
    /// Those of them of which a token was good.
    pub proven: usize,
    /// Those whose verifier is being made, or waits to be.
    pub making: usize,
    /// Those that are refused or unavailable for a while.
    pub turned_away: usize,
}

impl Issuers {
    /// Begins a verifier of the issuers that `accepts` says yes to: by their name alone, as it stands in `iss`,
    /// and without waiting. Whether an issuer is a customer's that a database knows is asked in the
    /// [making](IssuersBuilder::make).
    ///
    /// Anybody can write anything into an `iss`, and it may become a URL that is asked for keys. So let it
    /// accept what is spelled in full, or begins with what nobody else can have: scheme, host and a slash.
    pub fn builder(accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> IssuersBuilder {
        IssuersBuilder::new(Box::new(accepts))
    }

    /// Gives an issuer up, and what is remembered of it: the next token has its verifier made anew. For
    /// whoever knows that its settings have changed.
    pub fn forget(&self, issuer: &str) {
        self.inner.set.forget(issuer);
    }

    /// How many issuers there are.
    #[must_use]
    pub fn status(&self) -> IssuersStatus {
        self.inner.set.status()
    }

    fn answer(&self, presented: &Presented) -> Answer {
        let now = presented.now;
        let look = |issuer: &str| self.look(issuer, now);
        match peek::with_untrusted_issuer(presented.token.expose_bytes(), look) {
            None => Answer::Now(Err(Refusal::invalid("the token states no iss"))),
            Some(Known::Not(refusal)) => Answer::Now(Err(refusal)),
            Some(Known::Made(made)) => judge(made, presented),
            Some(Known::Unmade(issuer)) => {
                let (inner, presented) = (Arc::clone(&self.inner), presented.clone());
                Answer::Later(Box::pin(async move {
                    match join(&inner, issuer).await {
                        Outcome::Made(made) => judge(made, &presented).wait().await,
                        Outcome::Not(refusal) => Err(refusal),
                    }
                }))
            }
        }
    }

    fn look(&self, issuer: &str, now: Timestamp) -> Known {
        if issuer.len() > MAX_LEN || !(self.inner.accepts)(issuer) {
            return Known::Not(NOT_TRUSTED);
        }
        self.inner.set.look(issuer, now)
    }
}

fn judge(made: Arc<Made>, presented: &Presented) -> Answer {
    let now = presented.now;
    match Answer::of(&made.verifier, presented) {
        Answer::Now(judged) => Answer::Now(settle(&made, judged, now)),
        Answer::Later(judging) => {
            Answer::Later(Box::pin(async move { settle(&made, judging.await, now) }))
        }
    }
}

/// Notes a good token, if its identity is this issuer's.
fn settle(
    made: &Made,
    judged: Result<Identity, Refusal>,
    now: Timestamp,
) -> Result<Identity, Refusal> {
    let identity = judged?;
    if identity.issuer() != Some(&*made.name) {
        return Err(Refusal::invalid(
            "the identity is not of the token's issuer",
        ));
    }
    made.note(now);
    Ok(identity)
}

#[async_trait]
impl TokenVerifier for Issuers {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

impl fmt::Debug for Issuers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuers")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

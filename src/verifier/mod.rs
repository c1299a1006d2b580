//! Judging a token: the trait, and the verifiers that combine others.
//!
//! A [`TokenVerifier`] is handed a [`Presented`] token and says whose it is, or why it is refused. It
//! sees no request, no response and no framework, and it never asks the wall clock: the time is part of
//! what it is handed.
//!
//! | to | use |
//! |---|---|
//! | verify with a closure | [`verify_fn`], [`verify_with`] |
//! | verify JWTs | [`jwt::JwtVerifier`] |
//! | ask an authorization server about tokens | [`introspection::IntrospectionVerifier`] |
//! | verify opaque tokens or API keys that a store knows | [`OpaqueTokenVerifier`], [`ApiKeyVerifier`] |
//! | send each token to the one verifier that knows it | [`TokenRouter`] |
//! | verify JWTs of many issuers, known by a rule | [`Issuers`] |
//! | look the caller up, and perhaps refuse | [`TokenVerifierExt::enriched`] |
//! | bound the time a verifier may take | [`TokenVerifierExt::deadline`] |
//! | refuse what was revoked though no store knows it | [`TokenVerifierExt::revocable`] |
//! | refuse a JWT unless a store knows it as well | [`TokenVerifierExt::backed`] |
//! | remember whom a token names | [`TokenVerifierExt::cached`] |

mod answer;
#[cfg(feature = "tokens")]
mod backed;
#[cfg(feature = "cache")]
mod cached;
#[cfg(feature = "tokio")]
mod deadline;
mod enriched;
mod function;
#[cfg(feature = "introspection")]
pub mod introspection;
#[cfg(feature = "jwks")]
pub mod issuers;
#[cfg(feature = "jwt")]
pub mod jwt;
#[cfg(feature = "tokens")]
mod revocable;
mod router;
#[cfg(feature = "tokens")]
mod token;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::clock::Timestamp;
use crate::credential::{BearerToken, Scheme};
use crate::identity::Identity;
use crate::refusal::{Reason, Refusal};

pub use answer::{Answer, VerifyFuture};
#[cfg(feature = "tokens")]
pub use backed::Backed;
#[cfg(feature = "cache")]
pub use cached::{CacheHandle, CacheSettings, Cached};
#[cfg(feature = "tokio")]
pub use deadline::Deadline;
pub use enriched::Enriched;
pub use function::{FnVerifier, verify_fn, verify_with};
#[cfg(feature = "jwks")]
pub use issuers::{Issuers, IssuersBuilder};
#[cfg(feature = "tokens")]
pub use revocable::Revocable;
pub use router::{TokenRouter, TokenRouterBuilder};
#[cfg(feature = "tokens")]
pub use token::{ApiKeyVerifier, OpaqueTokenVerifier};

/// What is to be judged: a token, how it was presented, and what time it is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Presented {
    /// The token's text.
    pub token: BearerToken,
    /// The scheme before it.
    pub scheme: Scheme,
    /// The moment at which the request is judged.
    pub now: Timestamp,
    /// Whether whoever presents the token goes on to check the proof that its holder has the key or
    /// certificate which it is bound to, if it is. The layer does where it has a
    /// [binding](crate::middleware::BearerAuthLayerBuilder::binding). Where nobody does, a bound token is
    /// refused.
    pub checks_proof: bool,
}

impl Presented {
    /// A token presented as `Bearer` at `now`, by somebody who checks no proof of possession.
    #[must_use]
    pub fn new(token: BearerToken, now: Timestamp) -> Self {
        Self {
            token,
            scheme: Scheme::Bearer,
            now,
            checks_proof: false,
        }
    }

    /// The identity of the token, unless it is [bound](Identity::confirmation) and nobody will check the
    /// proof. What a verifier that knows of bindings ends with.
    ///
    /// # Errors
    /// [`Reason::Unproved`].
    pub fn unless_unproved(&self, identity: Identity) -> Result<Identity, Refusal> {
        if identity.confirmation().is_none() || self.checks_proof {
            return Ok(identity);
        }
        let refusal = Refusal::new(
            Reason::Unproved,
            "the token is bound to its holder (cnf), and nobody checks the proof here",
        );
        Err(refusal.naming(identity.credential_id()))
    }
}

/// Judges tokens.
///
/// # Contract
/// - A token is answered with the identity that it proves, or with a [`Refusal`].
/// - What could not be decided, because a store or key source is down, is
///   [`Reason::Unavailable`]: never a refusal of the token, never an
///   identity.
/// - Time is compared with [`Presented::now`] alone.
/// - A token that is bound to a key or certificate says so in [`Identity::confirmation`], and is refused as
///   [`Reason::Unproved`] where nobody
///   [checks the proof](Presented::checks_proof); [`Presented::unless_unproved`] does that.
/// - A future that is dropped leaves nothing half done.
/// - A verifier that wraps another forwards [`begin`](Self::begin) to it.
///
/// The `testing` feature has a test of this contract, `testing::verifier::conformance`. One that is chosen
/// at run time is an `Arc<dyn TokenVerifier>`, which is a verifier too.
///
/// ```
/// use tower_bearer::identity::{CredentialKind, Identity};
/// use tower_bearer::verifier::Presented;
/// use tower_bearer::{Refusal, TokenVerifier, async_trait};
///
/// #[derive(Debug)]
/// struct Coupons;
///
/// #[async_trait]
/// impl TokenVerifier for Coupons {
///     async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
///         match presented.token.expose_secret() {
///             "spring-sale" => Ok(Identity::new("visitor", CredentialKind::Other)),
///             _ => Err(Refusal::invalid("no such coupon")),
///         }
///     }
/// }
/// ```
#[async_trait]
pub trait TokenVerifier: fmt::Debug + Send + Sync {
    /// Judges the token.
    ///
    /// # Errors
    /// The reason for which the token is refused, or could not be judged.
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal>;

    /// Begins to judge the token, for a verifier that mostly knows the answer without waiting: it answers
    /// now, or hands back the future of the answer. `None` means that [`verify`](Self::verify) is to be
    /// called, and is what the provided body says.
    ///
    /// The layer asks here first, by [`Answer::of`], and so spares each request a boxed future.
    fn begin(&self, presented: &Presented) -> Option<Answer> {
        let _ = presented;
        None
    }
}

#[async_trait]
impl<V: TokenVerifier + ?Sized> TokenVerifier for Arc<V> {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        (**self).verify(presented).await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        (**self).begin(presented)
    }
}

#[async_trait]
impl<V: TokenVerifier + ?Sized> TokenVerifier for Box<V> {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        (**self).verify(presented).await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        (**self).begin(presented)
    }
}

/// What can be put around any verifier.
pub trait TokenVerifierExt: TokenVerifier + Sized + 'static {
    /// Calls `lookup` with each identity that this verifier yields; what it returns takes its place. It stays
    /// [bound](Identity::confirmation) to what it was bound to.
    ///
    /// Runs on each request, so the lookup sees what is true now: it may attach data, replace roles, or
    /// refuse for a reason of its own, such as a deleted user.
    ///
    /// ```
    /// use tower_bearer::{Refusal, TokenVerifier};
    /// use tower_bearer::verifier::TokenVerifierExt;
    ///
    /// # #[derive(Clone, Debug)] struct Accounts;
    /// # impl Accounts { async fn plan(&self, _: &str) -> Option<String> { None } }
    /// # fn example(tokens: impl TokenVerifier + 'static, accounts: Accounts) -> impl TokenVerifier {
    /// tokens.enriched(accounts, async |accounts, identity| {
    ///     match accounts.plan(identity.subject()).await {
    ///         Some(plan) => Ok(identity.with_data(plan)),
    ///         None => Err(Refusal::disabled("account was deleted")),
    ///     }
    /// })
    /// # }
    /// ```
    fn enriched<S, F, Fut>(self, state: S, lookup: F) -> Enriched
    where
        S: Clone + Send + Sync + 'static,
        F: Fn(S, Identity) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Identity, Refusal>> + Send + 'static,
    {
        Enriched::new(Arc::new(self), state, lookup)
    }

    /// Answers [`Reason::Unavailable`] where this verifier has not answered
    /// after `limit`. [`Deadline`] says what it needs of tokio.
    #[cfg(feature = "tokio")]
    fn deadline(self, limit: std::time::Duration) -> Deadline {
        Deadline::new(Arc::new(self), limit)
    }

    /// Refuses tokens that were ended before their time, by what `revocations` knows of them. Each verifier is
    /// to look at the revocations of the tokens that it judges; see [`Revocable`]. A cache goes around this.
    #[cfg(feature = "tokens")]
    fn revocable(self, revocations: crate::revocation::Revocations) -> Revocable {
        Revocable::new(Arc::new(self), revocations)
    }

    /// Accepts only such tokens as `store` has a good record of as well, by their digest: such as the JWT of a
    /// bot, which is good until the next one is made. [`Backed`] says how.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use tower_bearer::TokenVerifier;
    /// use tower_bearer::store::TokenStore;
    /// use tower_bearer::verifier::TokenVerifierExt;
    ///
    /// # fn example(jwts: impl TokenVerifier + 'static, store: Arc<dyn TokenStore>) -> impl TokenVerifier {
    /// jwts.backed(store)
    /// # }
    /// ```
    #[cfg(feature = "tokens")]
    fn backed(self, store: Arc<dyn crate::store::TokenStore>) -> Backed {
        Backed::new(Arc::new(self), store)
    }

    /// Remembers whom each token names, so that one seen before is not judged again for a while; what is
    /// remembered, and for how long, is said at [`Cached`].
    ///
    /// A lookup that must be fresh goes outside, a deadline inside:
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_bearer::verifier::{CacheSettings, TokenVerifierExt};
    /// use tower_bearer::{ConfigError, TokenVerifier};
    ///
    /// # #[derive(Clone, Debug)] struct Accounts;
    /// # impl Accounts { async fn roles(&self, _: &str) -> Vec<tower_bearer::identity::RoleGrant> { vec![] } }
    /// # fn example(tokens: impl TokenVerifier + 'static, accounts: Accounts) -> Result<impl TokenVerifier, ConfigError> {
    /// let settings = CacheSettings::new().capacity(100_000).max_age(Duration::from_secs(10));
    /// Ok(tokens.cached(settings)?.enriched(accounts, async |accounts, identity| {
    ///     let roles = accounts.roles(identity.subject()).await;
    ///     Ok(identity.with_roles(roles))
    /// }))
    /// # }
    /// ```
    ///
    /// # Errors
    /// If a setting cannot be right, or the system has no randomness to give.
    #[cfg(feature = "cache")]
    fn cached(self, settings: CacheSettings) -> Result<Cached, crate::ConfigError> {
        Cached::new(Arc::new(self), &settings)
    }
}

impl<V: TokenVerifier + 'static> TokenVerifierExt for V {}

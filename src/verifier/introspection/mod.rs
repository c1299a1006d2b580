//! Tokens that an authorization server is asked about (RFC 7662), also with signed answers (RFC 9701).
//!
//! For opaque tokens that somebody else gave out, and for JWTs that must be known to be good still.
//!
//! ```
//! use std::time::Duration;
//! use tower_bearer::ConfigError;
//! use tower_bearer::verifier::introspection::{ClientAuthentication, IntrospectionVerifier};
//!
//! # fn example(secret: String) -> Result<IntrospectionVerifier, ConfigError> {
//! let authentication = ClientAuthentication::secret_basic("orders-api", secret);
//! IntrospectionVerifier::builder("https://id.example.com/introspect", authentication)
//!     .audience("https://api.example.com")
//!     .recheck_after(Duration::from_secs(30))
//!     .build()
//! # }
//! ```
//!
//! The rules, in the order in which they are applied:
//!
//! 1. **Length.** A token that is longer than [`max_token_len`] is refused as
//!    [`Reason::Invalid`](crate::Reason::Invalid), and nobody is asked.
//! 2. **Breaker.** While the endpoint is known to fail, it is not asked, and the answer is
//!    [`Reason::Unavailable`](crate::Reason::Unavailable) at once, with the time after which to try again.
//! 3. **Question.** One `POST` of a form with `token` and `token_type_hint=access_token`, and with what shows who
//!    asks ([`ClientAuthentication`]), by the rules of [`remote`](crate::remote).
//! 4. **Answer.** Status 200, the right content type, and one JSON object in UTF-8 with unique members and nothing
//!    after it. `active` is there and `true` or `false`, and every other member that is known has its right type,
//!    as in [`jwt`](super::jwt). Whatever else comes is the server's fault and not the token's, and is
//!    [`Reason::Unavailable`](crate::Reason::Unavailable): no connection, no answer in time, any other status, a
//!    page, a redirect, a body over the limit, `active` as a string. That the endpoint refuses the credentials of
//!    this service (401, 403, `invalid_client`) is logged as an error besides.
//! 5. **`active`.** If it is `false` the token is refused as [`Reason::Invalid`](crate::Reason::Invalid); why, no
//!    server tells.
//! 6. Each member with a stated value has it.
//! 7. `iss` is one of those that were stated, if any; `aud` names this service; `sub` is not empty; and what was
//!    required besides is there. `exp` need not be, since the server is asked again.
//! 8. **Time.** `exp`, `nbf` and `iat`, where there, as for a JWT: that the server calls a token active does not
//!    make it so after its end.
//! 9. A token with `cnf` (RFC 7800) is bound to the key or certificate that it names. One that names none, or
//!    something else, is refused as [`Reason::Unproved`](crate::Reason::Unproved).
//! 10. The answer fits the service's own type, where [`claims`](IntrospectionVerifierBuilder::claims) names one.
//! 11. `token_type`, where it is there, is `Bearer` or `access_token`, or else `DPoP` for a token that is bound to a
//!     key.
//! 12. A bound token is refused as [`Reason::Unproved`](crate::Reason::Unproved), unless whoever presents it
//!     [checks the proof](Presented::checks_proof), as a layer with a [`binding`](crate::binding) does.
//!
//! The identity is as for a JWT: `sub`, `iss`, `client_id`, `jti` as the credential's id, scopes, roles where
//! [`roles_claim`](IntrospectionVerifierBuilder::roles_claim) says, `auth_time`, `acr`, `sid`, `iat`, `exp`. What
//! else the server tells is in [`Introspected`].
//!
//! # Signed answers
//!
//! With [`signed_answers`](IntrospectionVerifierBuilder::signed_answers) the answer is a JWT of type
//! `token-introspection+jwt`, signed by one of the keys that were given, with their `iss`, with an `aud` that names
//! this service, and with an `iat` of the last minute or so. What the server tells is in its member
//! `token_introspection`. An answer that is not signed, or otherwise, is the server's fault (4).
//!
//! # Breaker
//!
//! After [several failures](BreakerSettings) in a row, the endpoint is not asked for a while. Then one request asks
//! it; if that is answered, all ask again. If the endpoint says itself when to come back (429 or 503 with
//! `Retry-After`), it is not asked until then, five minutes at most. All this is by the time of the requests.
//!
//! What counts is what every question would meet: no connection, no answer in time, a status from 500 on, 429, and
//! that the credentials are refused (401). What a stranger's token may provoke does not count: an answer that cannot
//! be used, 403, and other statuses. A question that is given up from outside, by a
//! [`deadline`](super::TokenVerifierExt::deadline) or because the client went away, counts neither way: to bound the
//! wait, set [`HttpSettings::timeout`](crate::remote::HttpSettings::timeout).
//!
//! [`IntrospectionVerifier::health`] tells how it stands.
//!
//! # Remembering answers
//!
//! By itself the verifier asks about each request. `cached` (feature `cache`) remembers whom a token names, and asks
//! once for a crowd: until the token's `exp`, for [`recheck_after`] at most, and for
//! [`max_age`](super::CacheSettings::max_age) at most. Refusals are remembered for a few seconds, and an outage never.
//! What a policy made of an identity is not remembered.
//!
#![cfg_attr(feature = "cache", doc = "```")]
#![cfg_attr(not(feature = "cache"), doc = "```ignore")]
//! use std::time::Duration;
//! use tower_bearer::verifier::introspection::IntrospectionVerifier;
//! use tower_bearer::verifier::{CacheSettings, TokenRouter, TokenVerifierExt};
//! use tower_bearer::{BearerAuthLayer, ConfigError, TokenVerifier};
//!
//! /// JWTs are judged here, and the authorization server is asked about all other tokens.
//! fn layer(
//!     jwts: impl TokenVerifier + 'static,
//!     others: IntrospectionVerifier,
//! ) -> Result<BearerAuthLayer, ConfigError> {
//!     let settings = CacheSettings::new().max_age(Duration::from_secs(60));
//!     let router = TokenRouter::builder()
//!         .jwt(jwts)
//!         .otherwise(others.cached(settings)?)
//!         .build()?;
//!     Ok(BearerAuthLayer::new(router))
//! }
//! ```
//!
//! # Servers
//!
//! A server also tells of refresh tokens, whatever the hint says (RFC 7662 §2.1), and one that is presented here must
//! not get in. Mostly its `aud` is another. Where it is not, or is waived:
//!
//! | a server that | takes |
//! |---|---|
//! | tells the `token_type` of access tokens alone | [`require_token_type`](IntrospectionVerifierBuilder::require_token_type) |
//! | tells what a token is for in a member of its own | [`require_claim`](IntrospectionVerifierBuilder::require_claim), such as `token_use` with `access_token`, or `typ` with `Bearer` |
//! | leaves `sub` away for clients that act for nobody | [`allow_missing_sub`](IntrospectionVerifierBuilder::allow_missing_sub) |
//! | says nothing of `aud` | [`allow_any_audience`](IntrospectionVerifierBuilder::allow_any_audience) |
//!
//! [`max_token_len`]: IntrospectionVerifierBuilder::max_token_len
//! [`recheck_after`]: IntrospectionVerifierBuilder::recheck_after

mod authentication;
mod breaker;
mod builder;
mod health;
mod response;
mod settings;
mod signed;
mod told;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use tokio::runtime::Handle;

use self::authentication::Credentials;
use self::breaker::{Blame, Breaker, Fault, Pass};
use self::signed::SignedAnswers;
use super::jwt::Rules;
use super::{Answer, Presented, TokenVerifier};
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::remote::{Endpoint, HttpClient};

pub use authentication::ClientAuthentication;
pub use builder::IntrospectionVerifierBuilder;
pub use health::{BreakerState, IntrospectionHealth};
pub use settings::BreakerSettings;
pub use told::Introspected;

/// Judges tokens by what an authorization server says of them. Clones share its connections and its breaker.
///
/// The module's documentation has the rules. It needs tokio's runtime, with its timer: a question that is asked
/// outside of one is refused as [`Reason::Unavailable`](crate::Reason::Unavailable).
#[derive(Clone)]
pub struct IntrospectionVerifier {
    inner: Arc<Inner>,
}

struct Inner {
    client: HttpClient,
    endpoint: Endpoint,
    credentials: Credentials,
    signed: Option<SignedAnswers>,
    max_token_len: usize,
    breaker: Arc<Breaker>,
    judge: Judge,
}

/// How a token is judged by what is told of it.
#[derive(Debug)]
struct Judge {
    rules: Rules,
    token_type_required: bool,
    recheck_after: Duration,
}

impl IntrospectionVerifier {
    /// Begins a verifier that asks at `endpoint`, an absolute URL by HTTPS, and shows who it is by
    /// `authentication`.
    ///
    /// The audience must be stated, or waived by name, before it can be built.
    pub fn builder(
        endpoint: impl Into<String>,
        authentication: ClientAuthentication,
    ) -> IntrospectionVerifierBuilder {
        IntrospectionVerifierBuilder::new(endpoint.into(), authentication)
    }

    /// Begins a verifier that asks where `server`'s metadata say, which were
    /// [discovered](crate::keys::discovery).
    ///
    /// # Errors
    /// If they name no introspection endpoint.
    #[cfg(feature = "jwks")]
    pub fn discovered(
        server: &crate::keys::discovery::AuthorizationServer,
        authentication: ClientAuthentication,
    ) -> Result<IntrospectionVerifierBuilder, crate::ConfigError> {
        match server.introspection_endpoint() {
            Some(endpoint) => Ok(Self::builder(endpoint, authentication)),
            None => Err(crate::ConfigError::new(
                "introspection endpoint",
                "the metadata name none",
            )),
        }
    }

    /// How the endpoint does.
    #[must_use]
    pub fn health(&self) -> IntrospectionHealth {
        self.inner.breaker.health()
    }

    fn answer(&self, presented: &Presented) -> Answer {
        let inner = &self.inner;
        if presented.token.expose_bytes().len() > inner.max_token_len {
            let detail = "longer than any token that is asked about";
            return Answer::Now(Err(Refusal::invalid(detail)));
        }
        match inner.breaker.admit(presented.now) {
            Ok(pass) => {
                let (inner, presented) = (Arc::clone(inner), presented.clone());
                Answer::Later(Box::pin(async move { inner.ask(pass, &presented).await }))
            }
            Err(refusal) => Answer::Now(Err(refusal)),
        }
    }
}

impl Inner {
    async fn ask(&self, pass: Pass, presented: &Presented) -> Result<Identity, Refusal> {
        if Handle::try_current().is_err() {
            return Err(Refusal::unavailable("introspection needs a tokio runtime"));
        }
        let (headers, body) = self.question(presented).map_err(Refusal::unavailable)?;
        match self.exchange(headers, body, presented).await {
            Ok(judged) => {
                pass.answered();
                judged
            }
            Err(fault) => {
                pass.failed(&fault);
                Err(fault.into())
            }
        }
    }

    fn question(&self, presented: &Presented) -> Result<(HeaderMap, Bytes), &'static str> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("token", presented.token.expose_secret());
        form.append_pair("token_type_hint", "access_token");
        let authorization = self.credentials.add_to(&mut form, presented.now)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, FORM);
        headers.insert(ACCEPT, HeaderValue::from_static(self.content_type()));
        if let Some(authorization) = authorization {
            headers.insert(AUTHORIZATION, authorization);
        }
        Ok((headers, form.finish().into()))
    }

    async fn exchange(
        &self,
        headers: HeaderMap,
        body: Bytes,
        presented: &Presented,
    ) -> Result<Result<Identity, Refusal>, Fault> {
        let now = presented.now;
        let fetched = self.client.post(&self.endpoint, headers, body).await;
        let body = response::body(fetched, self.content_type(), now)?;
        let judged = match &self.signed {
            Some(signed) => {
                let judge = |text: &str| self.judge.judge(text, presented);
                let opened = signed.open(&body, now, judge).await;
                opened.map_err(|error| Fault::new(error, Blame::Answer))?
            }
            None => match std::str::from_utf8(&body) {
                Ok(text) => self.judge.judge(text, presented),
                Err(_) => Err("the answer is not UTF-8"),
            },
        };
        judged.map_err(Fault::content)
    }

    fn content_type(&self) -> &'static str {
        match self.signed {
            Some(_) => response::SIGNED,
            None => response::JSON,
        }
    }
}

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let refusal = Self::unavailable(match fault.blame {
            Blame::Credentials | Blame::Rights => {
                "the authorization server refuses the credentials of this service"
            }
            Blame::Server | Blame::Answer => {
                "the authorization server gave no answer that can be used"
            }
        });
        let refusal = refusal.with_source(fault.error);
        match fault.retry_after {
            Some(wait) => refusal.with_retry_after(wait),
            None => refusal,
        }
    }
}

#[async_trait]
impl TokenVerifier for IntrospectionVerifier {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

impl fmt::Debug for IntrospectionVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionVerifier")
            .field("endpoint", &self.inner.endpoint)
            .field("judge", &self.inner.judge)
            .field("signed", &self.inner.signed)
            .field("breaker", &self.inner.breaker)
            .finish_non_exhaustive()
    }
}

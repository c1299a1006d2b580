use std::sync::Arc;

use async_trait::async_trait;

use super::{Answer, Presented, TokenVerifier};
use crate::credential::is_token68;
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::refusal::Refusal;

/// Sends each token to the one verifier that knows it.
///
/// The rules, in the order in which they are applied; none of them waits for anything:
///
/// 1. A token that begins with a declared prefix goes to that prefix's verifier.
/// 2. If there is a route for JWTs, a token in the shape of one (three parts, of which the first decodes to
///    a JSON object with an `alg`) goes to the verifier of its issuer, or else to that of all other JWTs, or
///    else is refused.
/// 3. Any other token goes to the verifier of the rest, or else is refused.
///
/// The issuer is read from the token before it was verified, and decides who verifies it and nothing more.
/// A verifier's refusal is final: no other is asked.
///
/// ```
/// # use tower_bearer::{ConfigError, TokenVerifier};
/// use tower_bearer::verifier::TokenRouter;
///
/// # fn example(
/// #     api_keys: impl TokenVerifier + 'static,
/// #     sessions: impl TokenVerifier + 'static,
/// # ) -> Result<TokenRouter, ConfigError> {
/// TokenRouter::builder()
///     .prefix("ak_", api_keys)
///     .otherwise(sessions)
///     .build()
/// # }
/// ```
#[derive(Debug)]
pub struct TokenRouter {
    prefixes: Vec<(Box<str>, Arc<dyn TokenVerifier>)>,
    #[cfg(feature = "jwt")]
    jwt: JwtRoutes,
    otherwise: Option<Arc<dyn TokenVerifier>>,
}

#[cfg(feature = "jwt")]
#[derive(Debug, Default)]
struct JwtRoutes {
    issuers: std::collections::HashMap<Box<str>, Arc<dyn TokenVerifier>>,
    others: Option<Arc<dyn TokenVerifier>>,
}

impl TokenRouter {
    /// A router to be set up.
    pub fn builder() -> TokenRouterBuilder {
        TokenRouterBuilder { routes: Vec::new() }
    }

    fn route(&self, token: &[u8]) -> Option<&Arc<dyn TokenVerifier>> {
        let prefixed = |(prefix, _): &&(Box<str>, _)| token.starts_with(prefix.as_bytes());
        if let Some((_, verifier)) = self.prefixes.iter().find(prefixed) {
            return Some(verifier);
        }
        #[cfg(feature = "jwt")]
        if self.jwt.is_any() && super::jwt::peek::has_jwt_shape(token) {
            return self.jwt.route(token);
        }
        self.otherwise.as_ref()
    }

    fn answer(&self, presented: &Presented) -> Answer {
        match self.route(presented.token.expose_bytes()) {
            Some(verifier) => Answer::of(verifier, presented),
            None => Answer::Now(Err(Refusal::invalid("no verifier for such a token"))),
        }
    }
}

#[cfg(feature = "jwt")]
impl JwtRoutes {
    fn is_any(&self) -> bool {
        self.others.is_some() || !self.issuers.is_empty()
    }

    fn route(&self, token: &[u8]) -> Option<&Arc<dyn TokenVerifier>> {
        if self.issuers.is_empty() {
            return self.others.as_ref();
        }
        super::jwt::peek::with_untrusted_issuer(token, |issuer| self.issuers.get(issuer))
            .flatten()
            .or(self.others.as_ref())
    }
}

#[async_trait]
impl TokenVerifier for TokenRouter {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.answer(presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.answer(presented))
    }
}

/// Sets up a [`TokenRouter`].
#[derive(Debug)]
#[must_use = "a router is made by `build`"]
pub struct TokenRouterBuilder {
    routes: Vec<(Match, Arc<dyn TokenVerifier>)>,
}

#[derive(Debug)]
enum Match {
    Prefix(Box<str>),
    #[cfg(feature = "jwt")]
    Issuer(Box<str>),
    #[cfg(feature = "jwt")]
    Jwt,
    Rest,
}

impl TokenRouterBuilder {
    /// Tokens that begin with `prefix`, in exactly this spelling.
    pub fn prefix(
        self,
        prefix: impl Into<Box<str>>,
        verifier: impl TokenVerifier + 'static,
    ) -> Self {
        self.add(Match::Prefix(prefix.into()), verifier)
    }

    /// JWTs whose `iss` is exactly `issuer`.
    #[cfg(feature = "jwt")]
    pub fn jwt_issuer(
        self,
        issuer: impl Into<Box<str>>,
        verifier: impl TokenVerifier + 'static,
    ) -> Self {
        self.add(Match::Issuer(issuer.into()), verifier)
    }

    /// JWTs of no issuer that has a verifier of its own.
    #[cfg(feature = "jwt")]
    pub fn jwt(self, verifier: impl TokenVerifier + 'static) -> Self {
        self.add(Match::Jwt, verifier)
    }

    /// Tokens that no other route is for.
    pub fn otherwise(self, verifier: impl TokenVerifier + 'static) -> Self {
        self.add(Match::Rest, verifier)
    }

    /// The router.
    ///
    /// # Errors
    /// A [`ConfigError`] where there is no route, one is declared twice, a prefix is none, or a prefix
    /// covers another route; one that may begin a JWT does, where there is a route for JWTs.
    pub fn build(self) -> Result<TokenRouter, ConfigError> {
        if self.routes.is_empty() {
            return Err(ConfigError::new("router", "it has no route"));
        }
        for (at, (this, _)) in self.routes.iter().enumerate() {
            this.check()?;
            for (other, _) in &self.routes[..at] {
                this.check_beside(other)?;
            }
        }
        Ok(self.into_router())
    }

    fn add(mut self, this: Match, verifier: impl TokenVerifier + 'static) -> Self {
        self.routes.push((this, Arc::new(verifier)));
        self
    }

    fn into_router(self) -> TokenRouter {
        let mut router = TokenRouter {
            prefixes: Vec::new(),
            #[cfg(feature = "jwt")]
            jwt: JwtRoutes::default(),
            otherwise: None,
        };
        for (this, verifier) in self.routes {
            match this {
                Match::Prefix(prefix) => router.prefixes.push((prefix, verifier)),
                #[cfg(feature = "jwt")]
                Match::Issuer(issuer) => {
                    router.jwt.issuers.insert(issuer, verifier);
                }
                #[cfg(feature = "jwt")]
                Match::Jwt => router.jwt.others = Some(verifier),
                Match::Rest => router.otherwise = Some(verifier),
            }
        }
        router
    }
}

impl Match {
    fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Prefix(prefix) if !is_token68(prefix.as_bytes()) => Err(ConfigError::new(
                "prefix",
                format!("no token begins with {prefix:?}"),
            )),
            #[cfg(feature = "jwt")]
            Self::Issuer(issuer) if issuer.is_empty() => {
                Err(ConfigError::new("jwt_issuer", "an empty issuer"))
            }
            _ => Ok(()),
        }
    }

    fn check_beside(&self, other: &Self) -> Result<(), ConfigError> {
        match (self, other) {
            (Self::Prefix(this), Self::Prefix(other))
                if this.starts_with(&**other) || other.starts_with(&**this) =>
            {
                Err(ConfigError::new(
                    "prefix",
                    format!("{this:?} and {other:?} claim the same tokens"),
                ))
            }
            #[cfg(feature = "jwt")]
            (Self::Prefix(prefix), Self::Jwt | Self::Issuer(_))
            | (Self::Jwt | Self::Issuer(_), Self::Prefix(prefix))
                if may_begin_a_jwt(prefix) =>
            {
                Err(ConfigError::new(
                    "prefix",
                    format!("{prefix:?} claims tokens that may be JWTs"),
                ))
            }
            #[cfg(feature = "jwt")]
            (Self::Issuer(this), Self::Issuer(other)) if this == other => Err(ConfigError::new(
                "jwt_issuer",
                format!("{this:?} is declared twice"),
            )),
            #[cfg(feature = "jwt")]
            (Self::Jwt, Self::Jwt) => Err(ConfigError::new("jwt", "declared twice")),
            (Self::Rest, Self::Rest) => Err(ConfigError::new("otherwise", "declared twice")),
            _ => Ok(()),
        }
    }
}

/// A JWT begins with a base64url `{` and then a quote or white space: `ey` or `ew`.
#[cfg(feature = "jwt")]
fn may_begin_a_jwt(prefix: &str) -> bool {
    prefix.starts_with("ey") || prefix.starts_with("ew") || prefix == "e"
}

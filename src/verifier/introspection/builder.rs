use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::authentication::ClientAuthentication;
use super::breaker::Breaker;
use super::settings::BreakerSettings;
use super::signed::SignedAnswers;
use super::{Inner, IntrospectionVerifier, Judge};
use crate::error::ConfigError;
use crate::identity::CredentialKind;
use crate::keys::{KeySet, VerifierKeys};
use crate::remote::HttpSettings;
use crate::verifier::jwt::{ClaimValue, JwtVerifier, JwtVerifierBuilder};

const LEEWAY: Duration = Duration::from_secs(30);
const RECHECK_AFTER: Duration = Duration::from_secs(60);
const MAX_RECHECK_AFTER: Duration = Duration::from_secs(3600);
const MAX_TOKEN_LEN: usize = 4096;

/// Sets up an [`IntrospectionVerifier`]. Strict unless waived, by name.
#[must_use = "nothing is verified until it is built"]
pub struct IntrospectionVerifierBuilder {
    endpoint: String,
    authentication: ClientAuthentication,
    http: HttpSettings,
    breaker: Option<BreakerSettings>,
    signed: Option<Signed>,
    issuer_stated: bool,
    active_stated: bool,
    exp_required: bool,
    token_type_required: bool,
    recheck_after: Duration,
    max_token_len: usize,
    leeway: Duration,
    /// What is asked of claims. No key signs them.
    claims: JwtVerifierBuilder,
}

struct Signed {
    keys: VerifierKeys,
    issuer: Arc<str>,
    audience: Box<str>,
}

impl IntrospectionVerifierBuilder {
    pub(super) fn new(endpoint: String, authentication: ClientAuthentication) -> Self {
        Self {
            endpoint,
            authentication,
            http: HttpSettings::new(),
            breaker: Some(BreakerSettings::new()),
            signed: None,
            issuer_stated: false,
            active_stated: false,
            exp_required: false,
            token_type_required: false,
            recheck_after: RECHECK_AFTER,
            max_token_len: MAX_TOKEN_LEN,
            leeway: LEEWAY,
            claims: JwtVerifier::builder(KeySet::none())
                .credential_kind(CredentialKind::AccessToken),
        }
    }

    /// Admits tokens of this issuer (`iss`) alone, and none of which the server does not say whose they are. Called
    /// again, admits those of that one too. Without it, whoever answers at the endpoint vouches for all of them.
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer_stated = true;
        self.claims = self.claims.issuer(issuer);
        self
    }

    /// Admits tokens whose `aud` names this. Called again, admits those that name the other, too.
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.claims = self.claims.audience(audience);
        self
    }

    /// Admits tokens that were meant for other services, or for none in particular: for servers that say nothing
    /// of `aud`, or that tell each service of its own tokens alone (RFC 7662 §4).
    pub fn allow_any_audience(mut self) -> Self {
        self.claims = self.claims.allow_any_audience();
        self
    }

    /// Admits tokens without `sub`, as some servers give to clients that act for nobody; the subject is then the
    /// `client_id`. Clients and persons share one set of names from there on: make sure that no client can choose
    /// the name of a person (RFC 9068 §5).
    pub fn allow_missing_sub(mut self) -> Self {
        self.claims = self.claims.subject_fallback("client_id");
        self
    }

    /// Demands `exp`.
    pub fn require_exp(mut self) -> Self {
        self.exp_required = true;
        self
    }

    /// Demands `jti`, by which a token can be revoked here too.
    pub fn require_jti(mut self) -> Self {
        self.claims = self.claims.require_jti();
        self
    }

    /// Demands `client_id`.
    pub fn require_client_id(mut self) -> Self {
        self.claims = self.claims.require_client_id();
        self
    }

    /// Demands `token_type`, for servers that tell access tokens from refresh tokens by it.
    pub fn require_token_type(mut self) -> Self {
        self.token_type_required = true;
        self
    }

    /// Demands that the member `name` be there with this value, such as `token_use` with `access_token`.
    pub fn require_claim(
        mut self,
        name: impl Into<Box<str>>,
        value: impl Into<ClaimValue>,
    ) -> Self {
        let name = name.into();
        self.active_stated |= *name == *"active";
        self.claims = self.claims.require_claim(name, value);
        self
    }

    /// How far the server's clock may be off: 30 seconds unless set, 300 at most.
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// Reads scopes from this member instead of `scope`: one string with spaces, or an array of strings.
    pub fn scope_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.claims = self.claims.scope_claim(name);
        self
    }

    /// Reads roles, each held everywhere, from this member: an array of strings.
    pub fn roles_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.claims = self.claims.roles_claim(name);
        self
    }

    /// Reads roles, each held everywhere, from here as well: an array of strings, at these names of members from
    /// the outermost inwards, such as `realm_access` and `roles`.
    pub fn roles_at<N: Into<Box<str>>>(mut self, path: impl IntoIterator<Item = N>) -> Self {
        self.claims = self.claims.roles_at(path);
        self
    }

    /// Gives all identities this tenant.
    pub fn tenant(mut self, tenant: impl Into<Arc<str>>) -> Self {
        self.claims = self.claims.tenant(tenant);
        self
    }

    /// Takes the tenant from this member: a string, and not empty.
    pub fn tenant_claim(mut self, name: impl Into<Box<str>>) -> Self {
        self.claims = self.claims.tenant_claim(name);
        self
    }

    /// What identities say they were known by: [`CredentialKind::AccessToken`] unless set.
    pub fn credential_kind(mut self, kind: CredentialKind) -> Self {
        self.claims = self.claims.credential_kind(kind);
        self
    }

    /// Reads the answer as a `C` as well, to be found by [`Identity::data`](crate::identity::Identity::data). A token
    /// of which something is told that does not fit is refused.
    pub fn claims<C: DeserializeOwned + Send + Sync + 'static>(mut self) -> Self {
        self.claims = self.claims.claims::<C>();
        self
    }

    /// For how long an answer may be taken from memory, if somebody remembers it: 60 seconds unless set, an hour at
    /// most, and 0 for no time at all. It is how late a revocation may be noticed.
    pub fn recheck_after(mut self, time: Duration) -> Self {
        self.recheck_after = time;
        self
    }

    /// The longest token that is asked about, in bytes: 4096 unless set. What is longer is refused unasked.
    pub fn max_token_len(mut self, bytes: usize) -> Self {
        self.max_token_len = bytes;
        self
    }

    /// How the endpoint is asked: by [`HttpSettings::new`] unless set. Its
    /// [`timeout`](HttpSettings::timeout) is how long a request waits at most.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// When the endpoint is not asked any more: as [`BreakerSettings::new`] says unless set.
    pub fn breaker(mut self, settings: BreakerSettings) -> Self {
        self.breaker = Some(settings);
        self
    }

    /// Has every request ask, however often the endpoint failed.
    pub fn without_breaker(mut self) -> Self {
        self.breaker = None;
        self
    }

    /// Asks for signed answers (RFC 9701), and takes no others: signed by one of `keys`, by `issuer`, for
    /// `audience`, which is the name that the server has for this service; mostly its client id.
    pub fn signed_answers(
        mut self,
        keys: impl Into<VerifierKeys>,
        issuer: impl Into<Arc<str>>,
        audience: impl Into<Box<str>>,
    ) -> Self {
        self.signed = Some(Signed {
            keys: keys.into(),
            issuer: issuer.into(),
            audience: audience.into(),
        });
        self
    }

    /// Builds the verifier.
    ///
    /// # Errors
    /// If the endpoint is none that may be asked by the HTTP settings; if the audience is neither stated nor
    /// waived, or both; if an empty text was given; if a secret or token is none; if a length of time or a number
    /// is out of its bounds; or if a member was given a stated value that has a setting of its own.
    pub fn build(self) -> Result<IntrospectionVerifier, ConfigError> {
        self.check()?;
        let leeway = self.leeway;
        let mut claims = self.claims.leeway(leeway);
        if !self.exp_required {
            claims = claims.allow_missing_exp();
        }
        if !self.issuer_stated {
            claims = claims.allow_any_issuer();
        }
        let rules = claims.into_rules()?;
        let signed = self
            .signed
            .map(|signed| SignedAnswers::new(signed.keys, signed.issuer, signed.audience, leeway));
        let client = self.http.build()?;
        Ok(IntrospectionVerifier {
            inner: Arc::new(Inner {
                endpoint: client.endpoint("introspection endpoint", &self.endpoint)?,
                client,
                credentials: self.authentication.check()?,
                signed: signed.transpose()?,
                max_token_len: self.max_token_len,
                breaker: Breaker::new(self.breaker),
                judge: Judge {
                    rules,
                    token_type_required: self.token_type_required,
                    recheck_after: self.recheck_after,
                },
            }),
        })
    }

    fn check(&self) -> Result<(), ConfigError> {
        let (setting, problem) = if self.recheck_after > MAX_RECHECK_AFTER {
            ("recheck_after", "longer than an hour")
        } else if self.max_token_len == 0 {
            ("max_token_len", "no token is that short")
        } else if self.active_stated {
            ("require_claim \"active\"", "that is asked of every answer")
        } else {
            return self.breaker.as_ref().map_or(Ok(()), BreakerSettings::check);
        };
        Err(ConfigError::new(setting, problem))
    }
}

impl fmt::Debug for IntrospectionVerifierBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IntrospectionVerifierBuilder")
            .field("endpoint", &self.endpoint)
            .field("authentication", &self.authentication)
            .field("http", &self.http)
            .field("breaker", &self.breaker)
            .field("claims", &self.claims)
            .finish_non_exhaustive()
    }
}

use std::sync::{Arc, RwLock};
use std::time::Duration;

use super::jwt::{Header, JwtIssuer};
use super::policy::IssuePolicy;
use super::signing_keys::SigningKeys;
#[cfg(feature = "tokens")]
use crate::audit::AuditTrail;
use crate::clock::{Clock, SystemClock};
use crate::error::ConfigError;

/// Sets up a [`JwtIssuer`].
#[derive(Debug)]
#[must_use = "nothing is issued until it is built"]
pub struct JwtIssuerBuilder {
    keys: SigningKeys,
    token_type: Option<Box<str>>,
    rfc9068: bool,
    issuer: Option<Arc<str>>,
    audience: Option<Box<str>>,
    lifetime: Option<Duration>,
    max_lifetime: Option<Duration>,
    policy: IssuePolicy,
    clock: Arc<dyn Clock>,
    #[cfg(feature = "tokens")]
    audit: Option<AuditTrail>,
}

impl JwtIssuerBuilder {
    pub(super) fn new(keys: SigningKeys) -> Self {
        Self {
            keys,
            token_type: None,
            rfc9068: false,
            issuer: None,
            audience: None,
            lifetime: None,
            max_lifetime: None,
            policy: IssuePolicy::strict(),
            clock: Arc::new(SystemClock),
            #[cfg(feature = "tokens")]
            audit: None,
        }
    }

    pub(super) fn following_rfc9068(mut self) -> Self {
        self.rfc9068 = true;
        self
    }

    /// Who vouches for the tokens (`iss`).
    pub fn issuer(mut self, issuer: impl Into<Arc<str>>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// For whom the tokens are meant (`aud`).
    pub fn audience(mut self, audience: impl Into<Box<str>>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// How long a token is good, in whole seconds, unless it says otherwise. None is good for longer, but
    /// as [`max_lifetime`](Self::max_lifetime) says.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Lets a token ask for a lifetime of up to this, beyond the usual one.
    pub fn max_lifetime(mut self, max: Duration) -> Self {
        self.max_lifetime = Some(max);
        self
    }

    /// The header's `typ`: `at+jwt` (RFC 9068 §2.1) unless set; `JWT` for plain tokens.
    pub fn token_type(mut self, typ: impl Into<Box<str>>) -> Self {
        self.token_type = Some(typ.into());
        self
    }

    /// What callers may have issued by [`JwtIssuer::issue_as`]: [`IssuePolicy::strict`] unless set.
    pub fn policy(mut self, policy: IssuePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// The clock that `iat` and `exp` are read from: the system's unless set.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Tells this audit trail of each token that is given out, and of each that a caller was not let have.
    #[cfg(feature = "tokens")]
    pub fn audit(mut self, trail: AuditTrail) -> Self {
        self.audit = Some(trail);
        self
    }

    /// Builds the issuer.
    ///
    /// # Errors
    /// If issuer, audience or lifetime is missing or empty, if the longest lifetime is shorter than the
    /// usual one, or if RFC 9068 is to be followed with another type of token than its own.
    pub fn build(self) -> Result<JwtIssuer, ConfigError> {
        let missing = |setting: &'static str| ConfigError::new(setting, "it is missing or empty");
        let lifetime = self.lifetime.filter(|lifetime| lifetime.as_secs() > 0);
        let lifetime = Duration::from_secs(lifetime.ok_or_else(|| missing("lifetime"))?.as_secs());
        let max_lifetime = self.max_lifetime.unwrap_or(lifetime);
        if max_lifetime < lifetime {
            return Err(ConfigError::new(
                "max_lifetime",
                "it is shorter than the usual lifetime",
            ));
        }
        if self.rfc9068
            && self
                .token_type
                .as_deref()
                .is_some_and(|typ| typ != ACCESS_TOKEN)
        {
            return Err(ConfigError::new("token_type", "by RFC 9068 it is at+jwt"));
        }
        let token_type = self.token_type.unwrap_or(ACCESS_TOKEN.into());
        let header = Header::new(self.keys.signer(), &token_type);
        Ok(JwtIssuer {
            keys: self.keys,
            header: Arc::new(RwLock::new(Arc::new(header))),
            token_type,
            rfc9068: self.rfc9068,
            issuer: self
                .issuer
                .filter(|issuer| !issuer.is_empty())
                .ok_or_else(|| missing("issuer"))?,
            audience: self
                .audience
                .filter(|audience| !audience.is_empty())
                .ok_or_else(|| missing("audience"))?,
            lifetime,
            max_lifetime,
            policy: self.policy,
            clock: self.clock,
            #[cfg(feature = "tokens")]
            audit: self.audit,
        })
    }
}

/// The type of access tokens by RFC 9068 §2.1.
const ACCESS_TOKEN: &str = "at+jwt";

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use super::policy::Wanted;
use crate::clock::Timestamp;
use crate::error::ConfigError;
use crate::identity::{Confirmation, CredentialKind};
use crate::scope::ScopeSet;
#[cfg(feature = "tokens")]
use crate::store::TokenRecord;
use crate::verifier::jwt::ClaimValue;

/// What a token is to say.
#[derive(Debug, Clone)]
#[must_use = "this is given out by JwtIssuer::issue"]
pub struct NewJwt {
    pub(super) subject: Box<str>,
    pub(super) client_id: Option<Box<str>>,
    pub(super) scopes: ScopeSet,
    pub(super) session_id: Option<Box<str>>,
    pub(super) auth_time: Option<Timestamp>,
    pub(super) acr: Option<Box<str>>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) confirmation: Option<Confirmation>,
    pub(super) claims: Map<String, Value>,
    pub(super) end: End,
}

/// When a token is to end.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Usual,
    After(Duration),
    Never,
}

impl NewJwt {
    /// A token for `subject` (`sub`), without scopes.
    pub fn new(subject: impl Into<Box<str>>) -> Self {
        Self {
            subject: subject.into(),
            client_id: None,
            scopes: ScopeSet::new(),
            session_id: None,
            auth_time: None,
            acr: None,
            not_before: None,
            confirmation: None,
            claims: Map::new(),
            end: End::Usual,
        }
    }

    /// What it may be used for (`scope`).
    pub fn scopes(mut self, scopes: ScopeSet) -> Self {
        self.scopes = scopes;
        self
    }

    /// The client that it is given to (`client_id`).
    pub fn client_id(mut self, client_id: impl Into<Box<str>>) -> Self {
        self.client_id = Some(client_id.into());
        self
    }

    /// The session that it belongs to (`sid`), with which it can be ended.
    pub fn session_id(mut self, session_id: impl Into<Box<str>>) -> Self {
        self.session_id = Some(session_id.into());
        self
    }

    /// From a login at this time (`auth_time`, in whole seconds).
    pub fn auth_time(mut self, at: Timestamp) -> Self {
        self.auth_time = Some(at);
        self
    }

    /// From a login of this strength (`acr`).
    pub fn acr(mut self, acr: impl Into<Box<str>>) -> Self {
        self.acr = Some(acr.into());
        self
    }

    /// Good for this long, in whole seconds, in place of the issuer's usual lifetime: for less, or for as
    /// much as its [`max_lifetime`](super::JwtIssuerBuilder::max_lifetime) allows.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.end = End::After(lifetime);
        self
    }

    /// Not good before this time (`nbf`, in whole seconds; RFC 7519 §4.1.5).
    pub fn not_before(mut self, at: Timestamp) -> Self {
        self.not_before = Some(at);
        self
    }

    /// Bound to a key or certificate (`cnf`), of which whoever presents it must prove possession; see
    /// [`binding`](crate::binding).
    pub fn bound_to(mut self, confirmation: Confirmation) -> Self {
        self.confirmation = Some(confirmation);
        self
    }

    /// One claim of the service's own, in place of the one of that name there is. A verifier asks for it by
    /// [`require_claim`](crate::verifier::jwt::JwtVerifierBuilder::require_claim). A name that the issuer
    /// writes itself is refused when the token is given out.
    ///
    /// ```
    /// use tower_bearer::issue::NewJwt;
    ///
    /// let jwt = NewJwt::new("alice").claim("type", "access").claim("fresh", false);
    /// ```
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<ClaimValue>) -> Self {
        let value = match value.into() {
            ClaimValue::Text(text) => Value::from(&*text),
            ClaimValue::Bool(truth) => Value::from(truth),
            ClaimValue::Integer(number) => Value::from(number),
        };
        self.claims.insert(name.into(), value);
        self
    }

    /// Claims of the service's own, added to those there are.
    ///
    /// # Errors
    /// If `claims` does not serialize as an object, or has one that the issuer writes itself.
    pub fn claims(mut self, claims: &impl Serialize) -> Result<Self, ConfigError> {
        let Ok(Value::Object(claims)) = serde_json::to_value(claims) else {
            return Err(ConfigError::new("claims", "they are no JSON object"));
        };
        check_names(&claims)?;
        self.claims.extend(claims);
        Ok(self)
    }

    /// Without `exp`: good until its key is taken out of use, or it is revoked.
    pub fn never_expiring(mut self) -> Self {
        self.end = End::Never;
        self
    }

    /// What the record of a token says, but for its end.
    #[cfg(feature = "tokens")]
    pub(super) fn of_record(record: &TokenRecord) -> Self {
        Self {
            client_id: record.client_id.clone(),
            scopes: record.scopes.clone(),
            session_id: record.session_id.clone(),
            auth_time: record.auth_time,
            acr: record.acr.clone(),
            ..Self::new(record.subject.clone())
        }
    }

    /// What a policy weighs of it.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        Wanted {
            kind: CredentialKind::Jwt,
            subject: &self.subject,
            scopes: &self.scopes,
            roles: &[],
            auth_time: self.auth_time,
            acr: self.acr.as_deref(),
            own_claims: !self.claims.is_empty(),
        }
    }
}

/// That none of them is one that the issuer writes.
pub(super) fn check_names(claims: &Map<String, Value>) -> Result<(), ConfigError> {
    match RESERVED.iter().find(|name| claims.contains_key(**name)) {
        Some(name) => {
            let problem = format!("{name} is written by the issuer");
            Err(ConfigError::new("claims", problem))
        }
        None => Ok(()),
    }
}

/// The claims that the issuer itself writes.
const RESERVED: [&str; 14] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "iat_ms",
    "jti",
    "client_id",
    "sid",
    "auth_time",
    "acr",
    "scope",
    "cnf",
];

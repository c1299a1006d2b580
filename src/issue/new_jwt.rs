use serde::Serialize;
use serde_json::{Map, Value};

use crate::error::ConfigError;
use crate::scope::ScopeSet;

/// What a token is to say.
#[derive(Debug, Clone)]
#[must_use = "this is given out by JwtIssuer::issue"]
pub struct NewJwt {
    pub(super) subject: Box<str>,
    pub(super) client_id: Option<Box<str>>,
    pub(super) scopes: ScopeSet,
    pub(super) claims: Map<String, Value>,
    pub(super) expires: bool,
}

impl NewJwt {
    /// A token for `subject` (`sub`), without scopes.
    pub fn new(subject: impl Into<Box<str>>) -> Self {
        Self {
            subject: subject.into(),
            client_id: None,
            scopes: ScopeSet::new(),
            claims: Map::new(),
            expires: true,
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

    /// Claims of the service's own, added to those there are.
    ///
    /// # Errors
    /// If `claims` does not serialize as an object, or has one that the issuer writes itself.
    pub fn claims(mut self, claims: &impl Serialize) -> Result<Self, ConfigError> {
        let Ok(Value::Object(claims)) = serde_json::to_value(claims) else {
            return Err(ConfigError::new("claims", "they are no JSON object"));
        };
        if let Some(name) = RESERVED.iter().find(|name| claims.contains_key(**name)) {
            let problem = format!("{name} is written by the issuer");
            return Err(ConfigError::new("claims", problem));
        }
        self.claims.extend(claims);
        Ok(self)
    }

    /// Without `exp`: good until its key is taken out of use, or it is revoked.
    pub fn never_expiring(mut self) -> Self {
        self.expires = false;
        self
    }
}

/// The claims that the issuer itself writes, and `cnf`, which no verifier of this crate accepts yet.
const RESERVED: [&str; 10] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    "client_id",
    "scope",
    "cnf",
];

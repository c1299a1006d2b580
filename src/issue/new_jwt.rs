use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value};

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
    pub fn claims(mut self, claims: &impl Serialize) -> Result<Self, IssueError> {
        let Ok(Value::Object(claims)) = serde_json::to_value(claims) else {
            return Err(IssueError::Claims);
        };
        if RESERVED.iter().any(|name| claims.contains_key(*name)) {
            return Err(IssueError::ReservedClaim);
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

/// Why no token was given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum IssueError {
    /// The subject is empty.
    EmptySubject,
    /// The service's own claims are no JSON object.
    Claims,
    /// The service's own claims have one that the issuer writes itself.
    ReservedClaim,
    /// The operating system gave no random bytes.
    Random,
    /// The back end gave no signature.
    Signature,
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EmptySubject => "the subject is empty",
            Self::Claims => "the claims do not serialize as a JSON object",
            Self::ReservedClaim => "the claims have one that the issuer writes itself",
            Self::Random => "the operating system gave no random bytes",
            Self::Signature => "the back end gave no signature",
        })
    }
}

impl std::error::Error for IssueError {}

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

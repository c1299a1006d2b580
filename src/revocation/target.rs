use std::fmt;

use crate::clock::Timestamp;
use crate::identity::Identity;

/// Which tokens are meant: one, or all that have something in common, always of one issuer.
///
/// Where tokens name no issuer, it is the empty text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target(Box<str>);

impl Target {
    /// The token of this `jti`, or of the id that a
    /// [`Revocable`](crate::verifier::Revocable) verifier gave it in place of one.
    #[must_use]
    pub fn token(issuer: &str, id: &str) -> Self {
        Self::of("token", issuer, id)
    }

    /// The tokens of this session (`sid`).
    #[must_use]
    pub fn session(issuer: &str, session_id: &str) -> Self {
        Self::of("session", issuer, session_id)
    }

    /// The tokens of this subject (`sub`).
    #[must_use]
    pub fn subject(issuer: &str, subject: &str) -> Self {
        Self::of("subject", issuer, subject)
    }

    /// The tokens given to this client (`client_id`).
    #[must_use]
    pub fn client(issuer: &str, client_id: &str) -> Self {
        Self::of("client", issuer, client_id)
    }

    /// The tokens signed by this key (`kid`).
    #[must_use]
    pub fn key(issuer: &str, key_id: &str) -> Self {
        Self::of("key", issuer, key_id)
    }

    /// All tokens of this issuer.
    #[must_use]
    pub fn all(issuer: &str) -> Self {
        Self::of("all", issuer, "")
    }

    /// Everything that a token is ended with.
    #[must_use]
    pub fn of_identity(identity: &Identity) -> Vec<Self> {
        let issuer = identity.issuer().unwrap_or("");
        let parts = [
            ("token", identity.credential_id()),
            ("session", identity.session_id()),
            ("client", identity.client_id()),
            ("key", identity.key_id()),
            ("subject", Some(identity.subject())),
            ("all", Some("")),
        ];
        parts
            .into_iter()
            .filter_map(|(what, name)| Some(Self::of(what, issuer, name?)))
            .collect()
    }

    /// The target as one text, different for different targets: what a store keeps it under.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A target as it was stored.
    #[must_use]
    pub fn from_stored(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// What it names (`session`, `all`), of which issuer, and the name.
    pub(crate) fn parts(&self) -> Option<(&str, &str, &str)> {
        let (what, rest) = self.0.split_once(':')?;
        let (len, rest) = rest.split_once(':')?;
        let (issuer, name) = rest.split_at_checked(len.parse().ok()?)?;
        Some((what, issuer, name.strip_prefix(':')?))
    }

    // The issuer's length keeps apart what would run into one another.
    fn of(what: &str, issuer: &str, name: &str) -> Self {
        Self(format!("{what}:{}:{issuer}:{name}", issuer.len()).into())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.0)
    }
}

/// That the tokens of a target are no longer good.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revocation {
    /// Which tokens.
    pub target: Target,
    /// Those issued before this moment, or [`Timestamp::MAX`] for all of them.
    ///
    /// A token that says to the second when it was issued counts as issued at that second's beginning, and
    /// one that does not say as issued before any moment: in doubt it is ended.
    pub before: Timestamp,
    /// When the last of those tokens would have ended by itself, and this may be forgotten.
    pub until: Timestamp,
}

impl Revocation {
    /// That the tokens of `target` issued before `before` are no longer good, to be kept until `until`.
    #[must_use]
    pub fn new(target: Target, before: Timestamp, until: Timestamp) -> Self {
        Self {
            target,
            before,
            until,
        }
    }
}

/// Whether a revocation of what was issued before `before` ends a token that was issued then.
pub(crate) fn is_ended(issued_at: Option<Timestamp>, before: Timestamp) -> bool {
    issued_at.is_none_or(|issued| issued < before) || before == Timestamp::MAX
}

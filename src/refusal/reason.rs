use std::fmt;

/// The closed set of reasons for which a request is refused.
///
/// One vocabulary for answers, logs, metrics and audit: [`as_str`](Self::as_str) is its spelling
/// everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// No credential was sent.
    Missing,
    /// The `Authorization` header has another scheme than the layer takes.
    OtherScheme,
    /// The header is no well-formed bearer credential, or there are several.
    Malformed,
    /// The header is longer than the layer reads.
    TooLarge,
    /// The token is none that this service could have given out or trusts: unknown, tampered with, of a
    /// foreign issuer or audience, or in no format that is accepted.
    Invalid,
    /// The token's time is over.
    Expired,
    /// The token's time has not come.
    NotYetValid,
    /// The token was ended before its time.
    Revoked,
    /// The token, or the account behind it, is switched off.
    Disabled,
    /// The token is bound to a key or certificate whose possession was not proved (RFC 9449, RFC 8705).
    Unproved,
    /// The proof of possession is none that this service accepts for this request (RFC 9449 §4.3).
    InvalidProof,
    /// The proof of possession was presented before.
    Replayed,
    /// The proof of possession lacks a nonce of this service's, or has one that is too old (RFC 9449 §9).
    NonceRequired,
    /// A policy asks for a caller, and nobody was named.
    Anonymous,
    /// The token lacks a scope that the policy names.
    InsufficientScope,
    /// The caller may not do this, whatever the scopes: a role, a kind of credential, a rule of the user's.
    Forbidden,
    /// The login behind the token is too old or too weak for this (RFC 9470).
    InsufficientAuthentication,
    /// Too many requests.
    RateLimited,
    /// Something that the decision depends on is down or too slow.
    Unavailable,
    /// The service is wired wrongly: an extractor or policy without a layer in front of it.
    Misconfigured,
}

impl Reason {
    /// Every reason, in the order of declaration.
    pub const ALL: [Self; 20] = [
        Self::Missing,
        Self::OtherScheme,
        Self::Malformed,
        Self::TooLarge,
        Self::Invalid,
        Self::Expired,
        Self::NotYetValid,
        Self::Revoked,
        Self::Disabled,
        Self::Unproved,
        Self::InvalidProof,
        Self::Replayed,
        Self::NonceRequired,
        Self::Anonymous,
        Self::InsufficientScope,
        Self::Forbidden,
        Self::InsufficientAuthentication,
        Self::RateLimited,
        Self::Unavailable,
        Self::Misconfigured,
    ];

    /// The name of this reason in logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::OtherScheme => "other_scheme",
            Self::Malformed => "malformed",
            Self::TooLarge => "too_large",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::Revoked => "revoked",
            Self::Disabled => "disabled",
            Self::Unproved => "unproved",
            Self::InvalidProof => "invalid_proof",
            Self::Replayed => "replayed",
            Self::NonceRequired => "nonce_required",
            Self::Anonymous => "anonymous",
            Self::InsufficientScope => "insufficient_scope",
            Self::Forbidden => "forbidden",
            Self::InsufficientAuthentication => "insufficient_authentication",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

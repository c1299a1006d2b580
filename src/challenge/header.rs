use std::fmt;

use http::HeaderValue;

use crate::credential::Scheme;
use crate::scope::ScopeSet;

/// The `error` of a challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// `invalid_request` (RFC 6750 §3.1).
    InvalidRequest,
    /// `invalid_token` (RFC 6750 §3.1).
    InvalidToken,
    /// `insufficient_scope` (RFC 6750 §3.1).
    InsufficientScope,
    /// `insufficient_user_authentication` (RFC 9470 §3).
    InsufficientUserAuthentication,
    /// `invalid_dpop_proof` (RFC 9449 §7.1).
    InvalidDpopProof,
    /// `use_dpop_nonce` (RFC 9449 §9).
    UseDpopNonce,
}

impl ErrorCode {
    /// Whether it is about a proof of possession, and so said of the scheme `DPoP` alone.
    pub(super) const fn is_about_a_proof(self) -> bool {
        matches!(self, Self::InvalidDpopProof | Self::UseDpopNonce)
    }

    /// The code as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::UseDpopNonce => "use_dpop_nonce",
        }
    }
}

/// A `WWW-Authenticate` challenge of the scheme `Bearer` (RFC 6750 §3) or `DPoP` (RFC 9449 §7.1), being
/// written.
///
/// Values are quoted strings: a quote or backslash is escaped, and a character that no quoted string of
/// printable ASCII can hold becomes `?`, so that no value can end its own quotes, the parameter or the
/// header. A parameter that is said twice stands as it was said first (RFC 9110 §11.2).
///
/// ```
/// use tower_bearer::challenge::{Challenge, ErrorCode};
///
/// let challenge = Challenge::new()
///     .realm("say \"friend\"")
///     .error(ErrorCode::InvalidToken)
///     .to_header_value();
/// assert_eq!(challenge, r#"Bearer realm="say \"friend\"", error="invalid_token""#);
/// ```
#[derive(Debug, Clone)]
pub struct Challenge {
    scheme: Scheme,
    text: String,
    held: u16,
}

/// The parameters, each of which a challenge holds once.
#[derive(Debug, Clone, Copy)]
enum Parameter {
    Realm,
    ResourceMetadata,
    Error,
    ErrorDescription,
    Scope,
    AcrValues,
    MaxAge,
    Algs,
}

impl Parameter {
    const fn name(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::ResourceMetadata => "resource_metadata",
            Self::Error => "error",
            Self::ErrorDescription => "error_description",
            Self::Scope => "scope",
            Self::AcrValues => "acr_values",
            Self::MaxAge => "max_age",
            Self::Algs => "algs",
        }
    }
}

impl Default for Challenge {
    fn default() -> Self {
        Self::new()
    }
}

impl Challenge {
    /// A challenge of the scheme `Bearer`, without parameters.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Scheme::Bearer)
    }

    /// A challenge of this scheme, without parameters.
    #[must_use]
    pub fn of(scheme: Scheme) -> Self {
        Self {
            scheme,
            text: scheme.as_str().to_owned(),
            held: 0,
        }
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// With the protection space (RFC 9110 §11.5).
    #[must_use]
    pub fn realm(self, realm: &str) -> Self {
        self.parameter(Parameter::Realm, realm)
    }

    /// With the URL of the resource's metadata (RFC 9728 §5.1).
    #[must_use]
    pub fn resource_metadata(self, url: &str) -> Self {
        self.parameter(Parameter::ResourceMetadata, url)
    }

    /// With the kind of failure.
    #[must_use]
    pub fn error(self, error: ErrorCode) -> Self {
        self.parameter(Parameter::Error, error.as_str())
    }

    /// With a sentence for the client's developer. A quote or backslash, which RFC 6750 §3 keeps out of
    /// it, becomes `?`.
    #[must_use]
    pub fn error_description(self, description: &str) -> Self {
        match description.contains(['"', '\\']) {
            true => {
                let description = description.replace(['"', '\\'], "?");
                self.parameter(Parameter::ErrorDescription, &description)
            }
            false => self.parameter(Parameter::ErrorDescription, description),
        }
    }

    /// With the scopes that are needed.
    #[must_use]
    pub fn scope(self, scope: &ScopeSet) -> Self {
        self.parameter(Parameter::Scope, scope.as_str())
    }

    /// With the authentication context classes of which one is needed (RFC 9470).
    #[must_use]
    pub fn acr_values<'a>(self, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<_> = values.into_iter().collect();
        self.parameter(Parameter::AcrValues, &values.join(" "))
    }

    /// With the greatest age of the login, in seconds (RFC 9470).
    #[must_use]
    pub fn max_age(self, seconds: u64) -> Self {
        self.parameter(Parameter::MaxAge, &seconds.to_string())
    }

    /// With the signature algorithms of which a proof may be, by their names in `alg` (RFC 9449 §7.1).
    #[must_use]
    pub fn algs<'a>(self, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<_> = names.into_iter().collect();
        self.parameter(Parameter::Algs, &names.join(" "))
    }

    /// The challenge as a header's value.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        // The text is printable ASCII by construction, which every header value can hold.
        HeaderValue::from_str(&self.text).unwrap_or(HeaderValue::from_static(self.scheme.as_str()))
    }

    fn parameter(mut self, parameter: Parameter, value: &str) -> Self {
        let bit = 1 << parameter as u8;
        if self.held & bit != 0 {
            return self;
        }
        self.text.push_str(if self.held == 0 { " " } else { ", " });
        self.held |= bit;
        self.text.push_str(parameter.name());
        self.text.push_str("=\"");
        for character in value.chars() {
            match character {
                '"' | '\\' => self.text.extend(['\\', character]),
                ' '..='~' => self.text.push(character),
                _ => self.text.push('?'),
            }
        }
        self.text.push('"');
        self
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

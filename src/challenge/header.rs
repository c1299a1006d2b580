use std::fmt;

use http::HeaderValue;

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
}

impl ErrorCode {
    /// The code as on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::InsufficientUserAuthentication => "insufficient_user_authentication",
        }
    }
}

/// A `WWW-Authenticate` challenge of the scheme `Bearer` (RFC 6750 §3), being written.
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
    text: String,
    held: u8,
}

/// The parameters, each of which a challenge holds once.
#[derive(Debug, Clone, Copy)]
enum Parameter {
    Realm,
    Error,
    ErrorDescription,
    Scope,
    AcrValues,
    MaxAge,
}

impl Parameter {
    const fn name(self) -> &'static str {
        match self {
            Self::Realm => "realm",
            Self::Error => "error",
            Self::ErrorDescription => "error_description",
            Self::Scope => "scope",
            Self::AcrValues => "acr_values",
            Self::MaxAge => "max_age",
        }
    }
}

impl Default for Challenge {
    fn default() -> Self {
        Self::new()
    }
}

impl Challenge {
    /// A challenge without parameters.
    #[must_use]
    pub fn new() -> Self {
        Self {
            text: "Bearer".to_owned(),
            held: 0,
        }
    }

    /// With the protection space (RFC 9110 §11.5).
    #[must_use]
    pub fn realm(self, realm: &str) -> Self {
        self.parameter(Parameter::Realm, realm)
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

    /// The challenge as a header's value.
    #[must_use]
    pub fn to_header_value(&self) -> HeaderValue {
        // The text is printable ASCII by construction, which every header value can hold.
        HeaderValue::from_str(&self.text).unwrap_or(HeaderValue::from_static("Bearer"))
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

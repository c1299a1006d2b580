use std::fmt;

use http::HeaderValue;

use super::is_token68;

/// A token as it was presented: a handle on the header's own bytes that does not print.
///
/// Cloning it copies nothing and allocates nothing, but a clone keeps the connection's read buffer
/// alive: hold one for the life of the request only, never in a cache, a session or a queue.
#[derive(Clone)]
pub struct BearerToken {
    value: HeaderValue,
    start: usize,
}

impl BearerToken {
    /// A token that did not come from a header: in a test, or taken from somewhere else by the service.
    ///
    /// # Errors
    /// If `text` is no token68 (RFC 9110 §11.2).
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        if !is_token68(text.as_bytes()) {
            return Err(InvalidToken);
        }
        let value = HeaderValue::from_str(text).map_err(|_| InvalidToken)?;
        Ok(Self::from_checked(value, 0))
    }

    /// The token itself. Whoever calls this keeps it out of logs.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        // A token68 is ASCII, so the fallback is never taken; it is a token that no verifier accepts.
        std::str::from_utf8(self.expose_bytes()).unwrap_or_default()
    }

    /// The token's bytes.
    #[must_use]
    pub fn expose_bytes(&self) -> &[u8] {
        &self.value.as_bytes()[self.start..]
    }

    pub(super) fn from_checked(value: HeaderValue, start: usize) -> Self {
        Self { value, start }
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken([REDACTED])")
    }
}

/// A text that cannot be a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidToken;

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bearer token is one or more of A-Z a-z 0-9 - . _ ~ + / and then perhaps =")
    }
}

impl std::error::Error for InvalidToken {}

use std::fmt;
use std::str::FromStr;

/// Which sort of credential named the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum CredentialKind {
    /// A signed JSON Web Token.
    Jwt,
    /// An opaque session token, as a login gives it.
    Session,
    /// An opaque access token that a user made for a purpose.
    AccessToken,
    /// An API key.
    ApiKey,
    /// The token of a bot.
    BotToken,
    /// A refresh token, which buys other tokens and lets nobody in.
    RefreshToken,
    /// A credential of the service's own making.
    Other,
}

impl CredentialKind {
    /// The name of this kind in logs, metrics and stores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jwt => "jwt",
            Self::Session => "session",
            Self::AccessToken => "access_token",
            Self::ApiKey => "api_key",
            Self::BotToken => "bot_token",
            Self::RefreshToken => "refresh_token",
            Self::Other => "other",
        }
    }
}

impl FromStr for CredentialKind {
    type Err = UnknownCredentialKind;

    /// Reads the name that [`as_str`](Self::as_str) gives.
    fn from_str(name: &str) -> Result<Self, UnknownCredentialKind> {
        [
            Self::Jwt,
            Self::Session,
            Self::AccessToken,
            Self::ApiKey,
            Self::BotToken,
            Self::RefreshToken,
            Self::Other,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == name)
        .ok_or(UnknownCredentialKind)
    }
}

/// A text that names no [`CredentialKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCredentialKind;

impl fmt::Display for UnknownCredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown kind of credential")
    }
}

impl std::error::Error for UnknownCredentialKind {}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

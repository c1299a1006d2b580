use std::error::Error;
use std::fmt;

use super::IssueError;
use crate::refusal::Refusal;
use crate::store::StoreError;

/// Why a refresh token bought nothing.
///
/// A client is told the same of the first two: `invalid_grant` (RFC 6749 §5.2), with the status 400. As a
/// [`Refusal`] both are invalid tokens, and the rest is an outage.
#[derive(Debug)]
#[non_exhaustive]
pub enum RenewError {
    /// It is unknown, over, or was ended.
    Invalid,
    /// It was spent before: it, or its successor, is in the wrong hands. Its whole family has ended.
    Reused {
        /// Whose session it was.
        subject: Box<str>,
        /// The session that has ended.
        session_id: Box<str>,
    },
    /// It could not be judged, or what it buys could not be made.
    Issue(IssueError),
}

impl RenewError {
    /// What the client is told by the name of `error` (RFC 6749 §5.2), with the status 400; or `None` where
    /// the token was not judged, which is a 503.
    #[must_use]
    pub fn oauth_error(&self) -> Option<&'static str> {
        match self {
            Self::Invalid | Self::Reused { .. } => Some("invalid_grant"),
            Self::Issue(_) => None,
        }
    }
}

impl fmt::Display for RenewError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid => f.write_str("refresh token is not good"),
            Self::Reused { session_id, .. } => {
                write!(
                    f,
                    "refresh token was used twice; session {session_id} ended"
                )
            }
            Self::Issue(error) => error.fmt(f),
        }
    }
}

impl Error for RenewError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Issue(error) => error.source(),
            Self::Invalid | Self::Reused { .. } => None,
        }
    }
}

impl From<StoreError> for RenewError {
    fn from(error: StoreError) -> Self {
        Self::Issue(error.into())
    }
}

impl From<IssueError> for RenewError {
    fn from(error: IssueError) -> Self {
        Self::Issue(error)
    }
}

impl From<RenewError> for Refusal {
    fn from(error: RenewError) -> Self {
        match error {
            RenewError::Invalid => Self::invalid("refresh token is not good"),
            RenewError::Reused { .. } => Self::revoked("refresh token was used twice"),
            RenewError::Issue(error) => {
                Self::unavailable("no token could be given out").with_source(error)
            }
        }
    }
}

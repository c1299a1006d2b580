use std::error::Error;
use std::fmt;

use crate::error::ConfigError;
use crate::refusal::Refusal;
#[cfg(feature = "tokens")]
use crate::store::StoreError;

/// Why a token was not given out.
#[derive(Debug)]
#[non_exhaustive]
pub enum IssueError {
    /// What the token was to be cannot be right.
    Config(ConfigError),
    /// The caller may not have such a token issued. The refusal says why, in words that may be shown: a
    /// handler answers with it by [`deny`](crate::AuthenticatedUser::deny).
    NotAllowed(Refusal),
    /// The operating system gave no random bytes.
    Random {
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The back end gave no signature.
    #[cfg(feature = "jwt")]
    Signature,
    /// The store refused or failed.
    #[cfg(feature = "tokens")]
    Store(StoreError),
}

impl IssueError {
    pub(super) fn random(source: getrandom::Error) -> Self {
        Self::Random {
            source: Box::new(source),
        }
    }
}

impl fmt::Display for IssueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::NotAllowed(refusal) => f.write_str(refusal.detail()),
            Self::Random { .. } => f.write_str("no random bytes for a token"),
            #[cfg(feature = "jwt")]
            Self::Signature => f.write_str("no signature for a token"),
            #[cfg(feature = "tokens")]
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Error for IssueError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(error) => error.source(),
            Self::NotAllowed(refusal) => refusal.source(),
            Self::Random { source } => Some(&**source),
            #[cfg(feature = "jwt")]
            Self::Signature => None,
            #[cfg(feature = "tokens")]
            Self::Store(error) => error.source(),
        }
    }
}

impl From<ConfigError> for IssueError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

#[cfg(feature = "tokens")]
impl From<StoreError> for IssueError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

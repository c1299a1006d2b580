use std::error::Error;
use std::fmt;

/// What a store could not do.
///
/// Never holds a token or a digest; a store takes care that its sources do not either.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// A record with this id or digest is there already.
    AlreadyExists,
    /// No record is addressed by this subject and id.
    NotFound,
    /// The record that was to be changed or replaced is revoked, or was replaced before.
    Ended,
    /// The subject has as many tokens as they may.
    LimitReached,
    /// The store cannot be reached, or did not answer in time.
    Unavailable {
        /// The store's name, such as `redis`.
        store: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
    /// Anything else.
    Generic {
        /// The store's name, such as `redis`.
        store: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyExists => f.write_str("a token with this id or digest exists already"),
            Self::NotFound => f.write_str("no such token"),
            Self::Ended => f.write_str("token is revoked already"),
            Self::LimitReached => f.write_str("subject has as many tokens as they may"),
            Self::Unavailable { store, .. } => write!(f, "store {store} is unavailable"),
            Self::Generic { store, .. } => write!(f, "store {store} failed"),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unavailable { source, .. } | Self::Generic { source, .. } => Some(&**source),
            Self::AlreadyExists | Self::NotFound | Self::Ended | Self::LimitReached => None,
        }
    }
}

use std::fmt;

use crate::clock::Timestamp;
use crate::error::ConfigError;

/// Why the keys that sign stay as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRotationError {
    /// The key cannot stand beside the others.
    Config(ConfigError),
    /// One is published already: it is to sign, or to be retired, before another is.
    AlreadyPublished,
    /// No key is published that could sign.
    NothingPublished,
    /// The key was published too short a time ago.
    TooEarly {
        /// When it has been published for long enough.
        ready: Timestamp,
    },
    /// There is no key of that `kid`.
    Unknown,
    /// The key is the one that signs.
    StillSigning,
}

impl fmt::Display for KeyRotationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::AlreadyPublished => f.write_str("another key is published and waits to sign"),
            Self::NothingPublished => f.write_str("no key is published that could sign"),
            Self::TooEarly { ready } => write!(
                f,
                "the next key may sign from {} ms after the epoch on, when it has been published for \
                 long enough",
                ready.as_unix_millis()
            ),
            Self::Unknown => f.write_str("there is no key of that kid"),
            Self::StillSigning => f.write_str("the key is the one that signs"),
        }
    }
}

impl std::error::Error for KeyRotationError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => error.source(),
            _ => None,
        }
    }
}

impl From<ConfigError> for KeyRotationError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

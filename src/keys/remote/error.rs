use std::fmt;
use std::sync::Arc;

use crate::error::ConfigError;
use crate::remote::RemoteError;

/// A fetch that brought nothing: from where, and why.
#[derive(Debug, Clone)]
pub struct FetchError {
    url: Arc<str>,
    source: RemoteError,
}

impl FetchError {
    pub(crate) fn new(url: impl Into<Arc<str>>, source: RemoteError) -> Self {
        Self {
            url: url.into(),
            source,
        }
    }

    /// What was asked, without the query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The error and those that led to it, in one line.
    pub(super) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(&self.source);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.source)
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // What it says is said above.
        std::error::Error::source(&self.source)
    }
}

/// Why keys or metadata from elsewhere are not to be had at the start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SetupError {
    /// A setting cannot be right.
    Config(ConfigError),
    /// The first fetch brought nothing.
    Fetch(FetchError),
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(f),
            Self::Fetch(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SetupError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => error.source(),
            Self::Fetch(error) => error.source(),
        }
    }
}

impl From<ConfigError> for SetupError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<FetchError> for SetupError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(error)
    }
}

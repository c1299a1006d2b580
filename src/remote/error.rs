use std::fmt;
use std::sync::Arc;

use http::StatusCode;

/// Why a server elsewhere gave no answer that could be used. Names no secret and no part of a body.
#[derive(Debug, Clone)]
pub struct RemoteError {
    problem: Problem,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

#[derive(Debug, Clone)]
enum Problem {
    Unreachable,
    TimedOut,
    Redirected,
    TooLarge,
    Status(StatusCode),
    Broken,
    Content(&'static str),
}

impl RemoteError {
    /// Whether the server gave no answer at all: it could not be reached, took too long, or broke off.
    #[must_use]
    pub fn is_silence(&self) -> bool {
        matches!(
            self.problem,
            Problem::Unreachable | Problem::TimedOut | Problem::Broken
        )
    }

    /// An answer whose content is not what was asked for.
    pub(crate) fn content(problem: &'static str) -> Self {
        Self::of(Problem::Content(problem))
    }

    /// An answer of another status than the one that is needed.
    pub(crate) fn status(status: StatusCode) -> Self {
        Self::of(Problem::Status(status))
    }

    pub(super) fn too_large() -> Self {
        Self::of(Problem::TooLarge)
    }

    pub(super) fn redirected() -> Self {
        Self::of(Problem::Redirected)
    }

    pub(super) fn transport(error: reqwest::Error) -> Self {
        let problem = if error.is_timeout() {
            Problem::TimedOut
        } else if error.is_redirect() {
            Problem::Redirected
        } else if error.is_connect() {
            Problem::Unreachable
        } else {
            Problem::Broken
        };
        Self {
            problem,
            source: Some(Arc::new(error.without_url())),
        }
    }

    /// This error, with the one that led to it.
    pub(crate) fn with_source(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    fn of(problem: Problem) -> Self {
        Self {
            problem,
            source: None,
        }
    }
}

impl fmt::Display for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Unreachable => f.write_str("no connection could be made"),
            Problem::TimedOut => f.write_str("there was no answer in time"),
            Problem::Redirected => f.write_str("the answer redirects elsewhere, or in circles"),
            Problem::TooLarge => f.write_str("the answer is over the size limit"),
            Problem::Status(status) => write!(f, "the answer has status {}", status.as_u16()),
            Problem::Broken => f.write_str("the exchange broke off"),
            Problem::Content(problem) => f.write_str(problem),
        }
    }
}

impl std::error::Error for RemoteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        let source = self.source.as_ref()?;
        Some(&**source)
    }
}

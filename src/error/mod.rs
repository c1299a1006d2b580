//! What a developer is told when a configuration cannot be right, and what a store could not do.
//!
//! A request is never answered with a [`ConfigError`]: it is met when something is built, names the
//! setting, and says what is wrong with it. What a request is refused with is a
//! [`Refusal`](crate::Refusal); that of a request for which a store was needed may have a [`StoreError`]
//! as its cause.

#[cfg(any(feature = "jwt", feature = "tokens"))]
mod store;

use std::borrow::Cow;
use std::fmt;

#[cfg(any(feature = "jwt", feature = "tokens"))]
pub use store::StoreError;

/// A setting that cannot be right, found when a layer, verifier, key or store was built.
///
/// Never holds a secret: where a key or token is at fault, it is described and not shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    setting: Cow<'static, str>,
    problem: Cow<'static, str>,
}

impl ConfigError {
    /// An error about `setting`; `problem` reads on after a colon.
    pub fn new(
        setting: impl Into<Cow<'static, str>>,
        problem: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            setting: setting.into(),
            problem: problem.into(),
        }
    }

    /// The setting at fault, spelled as in the code that sets it.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }

    /// What is wrong with it.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid {}: {}", self.setting, self.problem)
    }
}

impl std::error::Error for ConfigError {}

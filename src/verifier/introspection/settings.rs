use std::time::Duration;

use crate::error::ConfigError;

/// When a server that fails is not asked any more, and for how long.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::verifier::introspection::BreakerSettings;
///
/// let settings = BreakerSettings::new().failures(3).open_for(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
pub struct BreakerSettings {
    pub(super) failures: u32,
    pub(super) open_for: Duration,
}

impl BreakerSettings {
    /// After five failures in a row, for five seconds.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            failures: 5,
            open_for: Duration::from_secs(5),
        }
    }

    /// After how many failures in a row it is not asked any more: 5 unless set. Not 0.
    #[must_use]
    pub const fn failures(mut self, in_a_row: u32) -> Self {
        self.failures = in_a_row;
        self
    }

    /// For how long it is not asked before one request tries again: 5 seconds unless set, and 300 at most.
    /// Not 0.
    #[must_use]
    pub const fn open_for(mut self, time: Duration) -> Self {
        self.open_for = time;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (setting, problem) = if self.failures == 0 {
            ("failures", "nothing would be asked ever")
        } else if self.open_for < Duration::from_millis(1) {
            ("open_for", "less than a millisecond: use without_breaker")
        } else if self.open_for > Duration::from_secs(300) {
            ("open_for", "over 300 seconds")
        } else {
            return Ok(());
        };
        Err(ConfigError::new(setting, problem))
    }
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self::new()
    }
}

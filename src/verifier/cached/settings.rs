use std::time::Duration;

use crate::error::ConfigError;

const MAX_CAPACITY: usize = 100_000_000;
const MAX_AGE: Duration = Duration::from_secs(3600);
const MAX_REFUSED_AGE: Duration = Duration::from_secs(60);

/// How much a [`Cached`](super::Cached) verifier remembers, and for how long.
///
/// ```
/// use std::time::Duration;
/// use tower_bearer::verifier::CacheSettings;
///
/// let settings = CacheSettings::new().capacity(1_000_000).max_age(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone)]
pub struct CacheSettings {
    pub(super) capacity: usize,
    pub(super) max_age: Duration,
    pub(super) refused_capacity: usize,
    pub(super) refused_age: Duration,
}

impl CacheSettings {
    /// 10,000 identities for 30 seconds, and 1,000 refusals for 3.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            capacity: 10_000,
            max_age: Duration::from_secs(30),
            refused_capacity: 1_000,
            refused_age: Duration::from_secs(3),
        }
    }

    /// How many identities are remembered at most. A few fewer may fit, since they are kept in several
    /// parts of equal size.
    #[must_use]
    pub const fn capacity(mut self, identities: usize) -> Self {
        self.capacity = identities;
        self
    }

    /// For how long an identity is taken from memory before its token is judged again, an hour at most: how
    /// late the cache may learn that a token was ended elsewhere, or that a key was withdrawn.
    #[must_use]
    pub const fn max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// How many refusals are remembered at most; 0 for none.
    #[must_use]
    pub const fn refused_capacity(mut self, refusals: usize) -> Self {
        self.refused_capacity = refusals;
        self
    }

    /// For how long a refusal is repeated before its token is judged again, a minute at most.
    #[must_use]
    pub const fn refused_age(mut self, age: Duration) -> Self {
        self.refused_age = age;
        self
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let milli = Duration::from_millis(1);
        let (setting, problem) = if self.capacity == 0 {
            ("capacity", "a cache of nothing: leave `cached` away")
        } else if self.capacity > MAX_CAPACITY {
            ("capacity", "more than a hundred million")
        } else if self.max_age < milli {
            ("max_age", "less than a millisecond: leave `cached` away")
        } else if self.max_age > MAX_AGE {
            ("max_age", "longer than an hour")
        } else if self.refused_capacity > MAX_CAPACITY {
            ("refused_capacity", "more than a hundred million")
        } else if self.refused_age < milli {
            (
                "refused_age",
                "less than a millisecond: set `refused_capacity` to 0",
            )
        } else if self.refused_age > MAX_REFUSED_AGE {
            ("refused_age", "longer than a minute")
        } else {
            return Ok(());
        };
        Err(ConfigError::new(setting, problem))
    }
}

impl Default for CacheSettings {
    fn default() -> Self {
        Self::new()
    }
}

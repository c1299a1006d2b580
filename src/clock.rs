//! Wall time, and the one place that reads it.
//!
//! Everything in this crate that compares a time with "now" is handed a [`Timestamp`] that came from
//! a [`Clock`]. [`SystemClock`] is the default; [`ManualClock`] stands still until it is told to move,
//! so that a test can step over an expiry without sleeping.
//!
//! ```
//! use std::time::Duration;
//! use tower_bearer::clock::{Clock, ManualClock, Timestamp};
//!
//! let clock = ManualClock::new(Timestamp::from_unix_secs(1_700_000_000));
//! clock.advance(Duration::from_secs(60));
//! assert_eq!(clock.now(), Timestamp::from_unix_secs(1_700_000_060));
//! ```
//!
//! Who gives tokens out and who lets them in read their own clocks, so a test gives clones of one to both:
//! to the issuer ([`issue`](crate::issue)) and to the layer
//! ([`clock`](crate::middleware::BearerAuthLayerBuilder::clock)). Verifiers have none; they are told the
//! time with each token.
//!
#![cfg_attr(feature = "tokens", doc = "```")]
#![cfg_attr(not(feature = "tokens"), doc = "```ignore")]
//! use std::{sync::Arc, time::Duration};
//! use tower_bearer::BearerAuthLayer;
//! use tower_bearer::clock::{ManualClock, Timestamp};
//! use tower_bearer::issue::TokenIssuer;
//! use tower_bearer::store::{MemoryStore, TokenFormat};
//! use tower_bearer::verifier::OpaqueTokenVerifier;
//!
//! let clock = ManualClock::new(Timestamp::from_unix_secs(1_700_000_000));
//! let (store, format) = (Arc::new(MemoryStore::new()), TokenFormat::new("st_")?);
//! let sessions = TokenIssuer::opaque(store.clone(), format.clone()).with_clock(clock.clone());
//! let layer = BearerAuthLayer::builder(OpaqueTokenVerifier::new(store, format))
//!     .clock(clock.clone())
//!     .build()?;
//! // … mint a session that idles out after 30 minutes, and then:
//! clock.advance(Duration::from_secs(30 * 60));
//! # Ok::<(), tower_bearer::ConfigError>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where the crate learns what time it is.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> Timestamp {
        (**self).now()
    }
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from(SystemTime::now())
    }
}

/// A clock that moves only when told to. Clones share the same hands.
#[derive(Debug, Clone)]
pub struct ManualClock {
    millis: Arc<AtomicI64>,
}

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            millis: Arc::new(AtomicI64::new(start.0)),
        }
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().saturating_add(by));
    }

    /// Moves the clock to `now`, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.millis.load(Ordering::SeqCst))
    }
}

/// A moment: whole milliseconds since the Unix epoch, perhaps negative.
///
/// Arithmetic never overflows: it stops at the ends of the range, some 292 million years away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);
    /// The latest moment that can be told.
    pub const MAX: Self = Self(i64::MAX);

    /// The moment `secs` seconds after the epoch.
    #[must_use]
    pub const fn from_unix_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// The moment `millis` milliseconds after the epoch.
    #[must_use]
    pub const fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Whole seconds since the epoch, rounded down.
    #[must_use]
    pub const fn as_unix_secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn as_unix_millis(self) -> i64 {
        self.0
    }

    /// This moment and `by` later.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(millis(by)))
    }

    /// This moment and `by` earlier.
    #[must_use]
    pub fn saturating_sub(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(millis(by)))
    }

    /// How long after `earlier` this moment is; zero if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self(millis(after)),
            Err(before) => Self(millis(before.duration()).saturating_neg()),
        }
    }
}

impl From<Timestamp> for SystemTime {
    /// The same moment; the epoch for one that the system's time cannot hold, which no Unix knows.
    fn from(time: Timestamp) -> Self {
        let from_epoch = Duration::from_millis(time.0.unsigned_abs());
        let told = match time.0 {
            0.. => UNIX_EPOCH.checked_add(from_epoch),
            _ => UNIX_EPOCH.checked_sub(from_epoch),
        };
        told.unwrap_or(UNIX_EPOCH)
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

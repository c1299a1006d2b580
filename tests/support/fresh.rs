//! Names, clocks and lengths of time for tests that share a database.
#![allow(dead_code)]

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use tower_bearer::clock::{Clock, ManualClock, SystemClock, Timestamp};
use tower_bearer::store::TokenFormat;

pub const MILLI: Duration = Duration::from_millis(1);
pub const SECOND: Duration = Duration::from_secs(1);
pub const MINUTE: Duration = Duration::from_secs(60);
pub const HOUR: Duration = Duration::from_secs(60 * 60);
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A name that nothing else has.
pub fn someone() -> String {
    format!("someone-{:016x}", RandomState::new().hash_one(0))
}

/// A clock at the present second: a store may tidy up by its own.
pub fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_unix_secs(SystemClock.now().as_unix_secs()))
}

pub fn shape(prefix: &str) -> TokenFormat {
    TokenFormat::new(prefix).unwrap()
}

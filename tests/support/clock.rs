//! A clock that stands still, at a moment that the tests agree on.

use tower_bearer::clock::{ManualClock, Timestamp};

/// 14 November 2023, 22:13:20 UTC.
pub const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);

pub fn clock() -> ManualClock {
    ManualClock::new(START)
}

use std::time::Duration;

use crate::error::ConfigError;

const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How often things are done, and how long they last.
#[derive(Debug, Clone)]
pub(super) struct Pace {
    pub(super) interval: Duration,
    pub(super) min: Duration,
    pub(super) max: Duration,
    pub(super) cool_down: Duration,
    pub(super) max_stale: Duration,
}

impl Pace {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        const LEAST: Duration = Duration::from_millis(50);
        let (setting, problem) = if self.min < LEAST {
            (
                "min_refresh_interval",
                "less than 50 milliseconds: keys would be fetched all the time",
            )
        } else if self.interval < self.min {
            (
                "refresh_interval",
                "it is shorter than the shortest that is allowed",
            )
        } else if self.max < self.interval {
            (
                "max_refresh_interval",
                "it is shorter than the refresh interval",
            )
        } else if self.cool_down < LEAST {
            (
                "cool_down",
                "less than 50 milliseconds: each unknown kid would be a fetch",
            )
        } else if self.max_stale < self.max {
            (
                "max_stale",
                "it is shorter than the longest refresh interval: good keys would be given up between two \
                 fetches",
            )
        } else {
            return Ok(());
        };
        Err(ConfigError::new(setting, problem))
    }

    /// When to fetch again after an answer that says for how long it is good: ahead of that.
    pub(super) fn after_answer(&self, said: Option<Duration>) -> Duration {
        let lifetime = said.unwrap_or(self.interval).clamp(self.min, self.max);
        lifetime - lifetime.mul_f64(0.125 + 0.125 * share())
    }

    /// When to try again after so many failures in a row.
    pub(super) fn after_failure(&self, failures: u32, is_usable: bool) -> Duration {
        let pause = self.cool_down.min(self.interval);
        let pause = if is_usable {
            pause
        } else {
            let doubled = FIRST_RETRY.saturating_mul(1 << (failures.saturating_sub(1)).min(16));
            pause.min(doubled)
        };
        pause.mul_f64(1.0 + 0.25 * share())
    }
}

/// A random share of one, so that processes do not all ask at once.
fn share() -> f64 {
    getrandom::u32().map_or(0.5, |drawn| f64::from(drawn) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pace() -> Pace {
        Pace {
            interval: 300 * SECOND,
            min: 30 * SECOND,
            max: 300 * SECOND,
            cool_down: 30 * SECOND,
            max_stale: 3600 * SECOND,
        }
    }

    #[test]
    fn keys_are_fetched_ahead_of_their_end_and_not_all_at_once() {
        let times: Vec<_> = (0..100).map(|_| pace().after_answer(None)).collect();
        let in_time = |time: &Duration| (225 * SECOND..=263 * SECOND).contains(time);
        assert!(times.iter().all(in_time), "{times:?}");
        assert!(times.iter().any(|time| time != &times[0]));
    }

    #[test]
    fn a_year_and_no_time_at_all_are_brought_within_bounds() {
        let year = pace().after_answer(Some(31_536_000 * SECOND));
        assert!(year <= 300 * SECOND && year >= 225 * SECOND, "{year:?}");
        let none = pace().after_answer(Some(Duration::ZERO));
        assert!(none <= 30 * SECOND && none >= 22 * SECOND, "{none:?}");
    }

    #[test]
    fn without_usable_keys_it_is_tried_again_sooner_but_ever_less_often() {
        let within = |time: Duration, secs: u32| {
            (secs * SECOND..=secs * SECOND + SECOND * secs / 4).contains(&time)
        };
        for (failures, secs) in [
            (1, 1),
            (2, 2),
            (3, 4),
            (5, 16),
            (6, 30),
            (4_000_000_000, 30),
        ] {
            assert!(within(pace().after_failure(failures, false), secs));
            assert!(within(pace().after_failure(failures, true), 30));
        }
    }
}

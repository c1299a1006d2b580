//! What breaks a promise, and how long things took.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::StatusCode;

/// How many broken promises are printed; the rest is counted.
const PRINTED: u64 = 20;

#[derive(Debug, Default)]
pub(crate) struct Tally(AtomicU64);

impl Tally {
    pub(crate) fn broke(&self, promise: &str) {
        if self.0.fetch_add(1, Ordering::Relaxed) < PRINTED {
            println!("BROKEN: {promise}");
        }
    }

    /// Holds a promise, of which `told` says what is so.
    pub(crate) fn hold(&self, is_kept: bool, told: impl FnOnce() -> String) {
        if !is_kept {
            self.broke(&told());
        }
    }

    pub(crate) fn broken(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Answers of one kind of request.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pub(crate) admitted: u64,
    pub(crate) refused: u64,
    pub(crate) unavailable: u64,
    pub(crate) other: u64,
    times: Vec<Duration>,
}

impl Answers {
    pub(crate) fn add(&mut self, status: StatusCode, took: Duration) {
        let kind = match status {
            StatusCode::OK => &mut self.admitted,
            StatusCode::UNAUTHORIZED => &mut self.refused,
            StatusCode::SERVICE_UNAVAILABLE => &mut self.unavailable,
            _ => &mut self.other,
        };
        *kind += 1;
        self.times.push(took);
    }

    pub(crate) fn join(&mut self, others: Self) {
        self.admitted += others.admitted;
        self.refused += others.refused;
        self.unavailable += others.unavailable;
        self.other += others.other;
        self.times.extend(others.times);
    }

    pub(crate) fn all(&self) -> u64 {
        self.admitted + self.refused + self.unavailable + self.other
    }

    /// How many were answered so.
    pub(crate) fn of(&self, status: StatusCode) -> u64 {
        match status {
            StatusCode::OK => self.admitted,
            StatusCode::UNAUTHORIZED => self.refused,
            StatusCode::SERVICE_UNAVAILABLE => self.unavailable,
            _ => self.other,
        }
    }

    pub(crate) fn longest(&self) -> Duration {
        self.times.iter().max().copied().unwrap_or_default()
    }

    /// Median, 99th percentile and longest.
    pub(crate) fn spread(&mut self) -> String {
        self.times.sort_unstable();
        let within = |percent: usize| {
            let place = (self.times.len() * percent).div_ceil(100);
            let time = self.times.get(place.saturating_sub(1));
            time.copied().unwrap_or_default().as_secs_f64() * 1000.0
        };
        format!(
            "{:.3} / {:.3} / {:.3} ms",
            within(50),
            within(99),
            within(100)
        )
    }

    pub(crate) fn told(&self) -> String {
        let Self {
            admitted,
            refused,
            unavailable,
            other,
            ..
        } = self;
        let all = format!("{admitted} let in, {refused} refused, {unavailable} times 503");
        if *other == 0 {
            all
        } else {
            format!("{all}, {other} others")
        }
    }
}

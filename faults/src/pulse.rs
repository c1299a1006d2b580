//! How late the program itself is: on a busy machine no timer fires in time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const EACH: Duration = Duration::from_millis(5);
/// So late a timer of tokio may be on an idle machine.
const USUAL: Duration = Duration::from_millis(2);
/// For how long it is known when the program was late.
const KEPT: Duration = Duration::from_secs(5);

/// A task that sleeps five milliseconds again and again, and notes how much longer it took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pulse(Arc<Mutex<Beats>>);

#[derive(Debug, Default)]
struct Beats {
    /// When the sleep began that goes on.
    began: Option<Instant>,
    /// When the program was late, and by how much.
    late: VecDeque<(Instant, Duration)>,
    worst: Duration,
}

impl Pulse {
    pub(crate) fn start() -> Self {
        let pulse = Self::default();
        let beating = pulse.clone();
        tokio::spawn(async move {
            loop {
                let began = Instant::now();
                beating.lock().began = Some(began);
                tokio::time::sleep(EACH).await;
                beating.note(lateness(began));
            }
        });
        pulse
    }

    /// By how much the program was late since then, in all.
    pub(crate) fn late_since(&self, then: Instant) -> Duration {
        let beats = self.lock();
        let late = beats.late.iter().filter(|(at, _)| *at >= then);
        let late: Duration = late.map(|(_, late)| *late).sum();
        // Whoever asks may be served before the sleep that is late with them.
        late + beats.began.map(lateness).unwrap_or_default()
    }

    /// The longest that it was late at once.
    pub(crate) fn worst(&self) -> Duration {
        self.lock().worst
    }

    fn note(&self, late: Duration) {
        let mut beats = self.lock();
        beats.late.retain(|(at, _)| at.elapsed() < KEPT);
        if !late.is_zero() {
            beats.worst = beats.worst.max(late);
            beats.late.push_back((Instant::now(), late));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Beats> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// By how much a sleep that began then is late, if it goes on.
fn lateness(began: Instant) -> Duration {
    began.elapsed().saturating_sub(EACH + USUAL)
}

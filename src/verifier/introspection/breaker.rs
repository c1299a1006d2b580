//! What keeps requests from waiting for a server that gives no answers, and the server from being asked.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::health::{BreakerState, IntrospectionHealth};
use super::settings::BreakerSettings;
use crate::clock::Timestamp;
use crate::refusal::Refusal;
use crate::remote::RemoteError;

/// Requests that come together do not come in the order of their times.
const DISORDER: Duration = Duration::from_secs(1);

/// Counts failures in a row, and lets nobody through for a time once there were too many.
pub(super) struct Breaker {
    /// `None` if everybody is let through.
    settings: Option<BreakerSettings>,
    state: Mutex<State>,
}

struct State {
    stage: Stage,
    /// How often the stage changed. What began in an older one says nothing about this one.
    epoch: u64,
    last_answer: Option<Timestamp>,
    last_error: Option<(Timestamp, RemoteError)>,
    credentials_refused: bool,
}

#[derive(Clone, Copy)]
enum Stage {
    Closed {
        failures: u32,
    },
    Open {
        from: Timestamp,
        until: Timestamp,
        probed: bool,
    },
}

/// What is said against an answer.
pub(super) struct Fault {
    pub(super) error: RemoteError,
    pub(super) blame: Blame,
    /// When the server wants to be asked again.
    pub(super) retry_after: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Blame {
    /// The server's: whoever asked would have met it.
    Server,
    /// That of the credentials that it is asked with.
    Credentials,
    /// That of the rights that go with them. Something on the way that dislikes the token may say so too.
    Rights,
    /// That of this answer, which the token may have provoked.
    Answer,
}

impl Blame {
    /// Whether it counts as a failure. What anybody can bring about with a token does not, or they could keep
    /// the server from being asked.
    fn counts(self) -> bool {
        matches!(self, Self::Server | Self::Credentials)
    }

    fn is_loud(self) -> bool {
        matches!(self, Self::Credentials | Self::Rights)
    }
}

impl Breaker {
    pub(super) fn new(settings: Option<BreakerSettings>) -> Arc<Self> {
        Arc::new(Self {
            settings,
            state: Mutex::new(State {
                stage: Stage::Closed { failures: 0 },
                epoch: 0,
                last_answer: None,
                last_error: None,
                credentials_refused: false,
            }),
        })
    }

    /// Lets a question through, or says that none is asked now.
    pub(super) fn admit(self: &Arc<Self>, now: Timestamp) -> Result<Pass, Refusal> {
        let mut state = self.lock();
        let is_probe = match state.stage {
            Stage::Closed { .. } => false,
            Stage::Open { from, until, .. }
                if from.saturating_sub(DISORDER) <= now && now < until =>
            {
                return Err(OPEN.with_retry_after(until.since(now)));
            }
            Stage::Open { .. } => {
                let until = now.saturating_add(self.open_for());
                state.change(Stage::Open {
                    from: now,
                    until,
                    probed: true,
                });
                true
            }
        };
        Ok(Pass {
            epoch: state.epoch,
            breaker: Arc::clone(self),
            began: now,
            is_probe,
            is_decided: false,
        })
    }

    pub(super) fn health(&self) -> IntrospectionHealth {
        let state = self.lock();
        IntrospectionHealth {
            breaker: match state.stage {
                Stage::Closed { failures } => BreakerState::Closed { failures },
                Stage::Open { probed: true, .. } => BreakerState::HalfOpen,
                Stage::Open { until, .. } => BreakerState::Open { until },
            },
            last_answer: state.last_answer,
            last_error: state.last_error.clone(),
            credentials_refused: state.credentials_refused,
        }
    }

    fn answered(&self, pass: &Pass) {
        let mut state = self.lock();
        state.last_answer = Some(pass.began);
        state.credentials_refused = false;
        if state.epoch != pass.epoch {
            return;
        }
        let closed = Stage::Closed { failures: 0 };
        if pass.is_probe {
            state.change(closed);
            drop(state);
            tell_closed();
        } else {
            state.stage = closed;
        }
    }

    fn failed(&self, pass: &Pass, fault: &Fault) {
        let mut state = self.lock();
        state.last_error = Some((pass.began, fault.error.clone()));
        let is_news =
            fault.blame.is_loud() && !std::mem::replace(&mut state.credentials_refused, true);
        let opened = fault.blame.counts()
            && state.epoch == pass.epoch
            && self.count(&mut state, pass, fault);
        drop(state);
        if is_news {
            tell_refused(&fault.error);
        }
        if opened {
            tell_open(&fault.error);
        }
    }

    /// Counts a failure. Says whether it was one too many.
    fn count(&self, state: &mut State, pass: &Pass, fault: &Fault) -> bool {
        let Some(settings) = &self.settings else {
            return false;
        };
        let failures = match state.stage {
            Stage::Closed { failures } => failures.saturating_add(1),
            Stage::Open { .. } => settings.failures,
        };
        let wait = fault.retry_after.unwrap_or_default();
        if failures < settings.failures && wait.is_zero() {
            state.stage = Stage::Closed { failures };
            return false;
        }
        let until = pass.began.saturating_add(settings.open_for.max(wait));
        state.change(Stage::Open {
            from: pass.began,
            until,
            probed: false,
        });
        true
    }

    /// A question that was given up, or whose answer said nothing about the server: the next one is the probe.
    fn undecided(&self, pass: &Pass) {
        let mut state = self.lock();
        if pass.is_probe && state.epoch == pass.epoch {
            state.change(Stage::Open {
                from: pass.began,
                until: pass.began,
                probed: false,
            });
        }
    }

    fn open_for(&self) -> Duration {
        let settings = self.settings.as_ref();
        settings.map_or(Duration::ZERO, |settings| settings.open_for)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn change(&mut self, stage: Stage) {
        self.stage = stage;
        self.epoch += 1;
    }
}

const OPEN: Refusal =
    Refusal::unavailable("the authorization server gave no answers, and is not asked for a while");

/// The leave to ask once. Dropped, it counts for nothing.
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    began: Timestamp,
    epoch: u64,
    is_probe: bool,
    is_decided: bool,
}

impl Pass {
    /// There was an answer.
    pub(super) fn answered(mut self) {
        self.is_decided = true;
        self.breaker.answered(&self);
    }

    /// There was none that could be used.
    pub(super) fn failed(mut self, fault: &Fault) {
        self.is_decided = fault.blame.counts();
        self.breaker.failed(&self, fault);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.is_decided {
            self.breaker.undecided(self);
        }
    }
}

fn tell_open(error: &RemoteError) {
    #[cfg(feature = "tracing")]
    tracing::warn!(
        target: "tower_bearer",
        error = error as &(dyn std::error::Error + 'static),
        "an introspection endpoint gives no answers, and is not asked for a while"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

fn tell_closed() {
    #[cfg(feature = "tracing")]
    tracing::info!(target: "tower_bearer", "an introspection endpoint gives answers again");
}

fn tell_refused(error: &RemoteError) {
    #[cfg(feature = "tracing")]
    tracing::error!(
        target: "tower_bearer",
        error = error as &(dyn std::error::Error + 'static),
        "an introspection endpoint refuses the credentials of this service: nobody gets in by its answers"
    );
    #[cfg(not(feature = "tracing"))]
    let _ = error;
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("settings", &self.settings)
            .field("health", &self.health())
            .finish()
    }
}

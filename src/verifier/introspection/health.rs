use crate::clock::Timestamp;
use crate::remote::RemoteError;

/// How an introspection endpoint does, as the questions of this process show it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct IntrospectionHealth {
    /// Whether the endpoint is asked.
    pub breaker: BreakerState,
    /// When the last question was asked that was answered.
    pub last_answer: Option<Timestamp>,
    /// When the last question was asked that was not, and why.
    pub last_error: Option<(Timestamp, RemoteError)>,
    /// Whether the endpoint refused the credentials of this service, and has given no answer since.
    pub credentials_refused: bool,
}

/// Whether an introspection endpoint is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerState {
    /// It is; so many questions in a row failed.
    Closed {
        /// Failures since the last answer.
        failures: u32,
    },
    /// It is not. The first request from `until` on asks again.
    Open {
        /// When it will be asked again.
        until: Timestamp,
    },
    /// One request asks it, and if that is answered all will.
    HalfOpen,
}

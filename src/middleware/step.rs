use http::Response;
use http::header::{CACHE_CONTROL, HeaderValue};

use crate::challenge::DPOP_NONCE;
use crate::clock::Timestamp;
use crate::identity::PendingUse;
use crate::observe::DecisionSpan;
use crate::verifier::{Presented, VerifyFuture};

/// What the door says at first sight, and each time that something was waited for.
pub(super) enum Step<R> {
    Admitted(Pass),
    Refused(Response<R>),
    Waiting(Pending),
}

/// A request that waits for an answer.
pub(super) struct Pending {
    pub(super) answer: VerifyFuture,
    pub(super) stage: Stage,
    pub(super) decision: Decision,
}

/// Whose answer it is.
pub(super) enum Stage {
    /// That of the verifier, on this token.
    Verifying(Presented),
    /// That of the store of proofs that were used.
    Proving,
}

/// One request's decision: when it is taken, the span it is taken in, and what the client is told with it.
pub(super) struct Decision {
    pub(super) now: Timestamp,
    pub(super) span: DecisionSpan,
    pub(super) nonce: Option<Box<HeaderValue>>,
}

/// What is left to do for a request that was let in, once there is a response.
pub(super) struct Pass {
    pub(super) pending: PendingUse,
    pub(super) nonce: Option<Box<HeaderValue>>,
}

impl Pass {
    /// Of a request that is nobody's use.
    pub(super) fn of_nobody() -> Self {
        Self {
            pending: PendingUse::none(),
            nonce: None,
        }
    }

    /// There is a response. One that is a refusal from further in makes no use.
    pub(super) fn settle<R>(&mut self, response: Option<&mut Response<R>>, is_refused: bool) {
        self.pending.settle(is_refused);
        if let (Some(nonce), Some(response)) = (self.nonce.take(), response) {
            // RFC 9449 §8.2: a nonce out of a cache would be an old one.
            let no_store = HeaderValue::from_static("no-store");
            response.headers_mut().insert(CACHE_CONTROL, no_store);
            response.headers_mut().insert(DPOP_NONCE, *nonce);
        }
    }
}

impl<R> From<Result<Pass, Response<R>>> for Step<R> {
    fn from(decided: Result<Pass, Response<R>>) -> Self {
        match decided {
            Ok(pass) => Self::Admitted(pass),
            Err(response) => Self::Refused(response),
        }
    }
}

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::door::{Door, Verifying};
use crate::challenge::ResponseBody;
use crate::identity::{Identity, PendingUse};
use crate::refusal::Refusal;

pin_project! {
    /// The future of a guarded service's response.
    ///
    /// Dropping it before the verifier has answered drops the request: the inner service was not called.
    pub struct ResponseFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProj]
    enum State<S, B>
    where
        S: Service<Request<B>>,
    {
        // In a box, so that the future of an answer at hand stays small: it is moved more than once.
        Verifying { waiting: Option<Box<Waiting<S, B>>> },
        Settled { #[pin] settled: Settled<S::Future, S::Response>, pending: PendingUse },
    }
}

pin_project! {
    /// What is left to do once a request was decided about.
    #[derive(Debug)]
    #[project = SettledProj]
    pub(super) enum Settled<F, R> {
        Inner { #[pin] future: F },
        Refused { response: Option<R> },
    }
}

/// A request that waits for its verifier, with the service that it may go on to.
struct Waiting<S, B> {
    verifying: Verifying,
    request: Request<B>,
    service: S,
    door: Arc<Door>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn settled(settled: Settled<S::Future, S::Response>, pending: PendingUse) -> Self {
        Self {
            state: State::Settled { settled, pending },
        }
    }

    pub(super) fn verifying(
        verifying: Verifying,
        request: Request<B>,
        service: S,
        door: Arc<Door>,
    ) -> Self {
        let waiting = Some(Box::new(Waiting {
            verifying,
            request,
            service,
            door,
        }));
        Self {
            state: State::Verifying { waiting },
        }
    }
}

impl<S, B, R> Future for ResponseFuture<S, B>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: ResponseBody,
{
    type Output = Result<Response<R>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        if let StateProj::Verifying { waiting } = state.as_mut().project() {
            let Verifying { answer, decision } =
                &mut waiting.as_mut().expect(POLLED_AGAIN).verifying;
            let verified = ready!(decision.span.run(|| answer.as_mut().poll(cx)));
            let (settled, pending) = waiting.take().expect(POLLED_AGAIN).settle(verified);
            state.set(State::Settled { settled, pending });
        }
        match state.project() {
            StateProj::Settled { settled, pending } => {
                let answered = ready!(settled.poll(cx));
                pending.settle(answered.as_ref().is_ok_and(is_refused));
                Poll::Ready(answered)
            }
            StateProj::Verifying { .. } => Poll::Pending,
        }
    }
}

impl<S, B> Waiting<S, B> {
    fn settle<R>(
        mut self,
        verified: Result<Identity, Refusal>,
    ) -> (Settled<S::Future, S::Response>, PendingUse)
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: ResponseBody,
    {
        let decision = &self.verifying.decision;
        let caller = verified.map(Some);
        match self.door.decide(caller, &mut self.request, decision) {
            Ok(pending) => (Settled::inner(self.service.call(self.request)), pending),
            Err(response) => (Settled::refused(response), PendingUse::none()),
        }
    }
}

impl<F, R> Settled<F, R> {
    pub(super) fn inner(future: F) -> Self {
        Self::Inner { future }
    }

    pub(super) fn refused(response: R) -> Self {
        Self::Refused {
            response: Some(response),
        }
    }
}

impl<F, R, E> Future for Settled<F, R>
where
    F: Future<Output = Result<R, E>>,
{
    type Output = Result<R, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            SettledProj::Inner { future } => future.poll(cx),
            SettledProj::Refused { response } => {
                Poll::Ready(Ok(response.take().expect(POLLED_AGAIN)))
            }
        }
    }
}

fn is_refused<R>(response: &Response<R>) -> bool {
    let extensions = response.extensions();
    #[cfg(feature = "tonic")]
    if crate::tonic::is_denied(extensions) {
        return true;
    }
    extensions.get::<Refusal>().is_some()
}

const POLLED_AGAIN: &str = "a future is not polled after it has completed";

impl<S, B> fmt::Debug for ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Verifying { .. } => "ResponseFuture(verifying)",
            State::Settled { .. } => "ResponseFuture(settled)",
        })
    }
}

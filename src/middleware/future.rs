use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{Request, Response};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::door::Door;
use super::step::{Pass, Pending, Step};
use crate::challenge::ResponseBody;
use crate::identity::Identity;
use crate::refusal::Refusal;

pin_project! {
    /// The future of a guarded service's response.
    ///
    /// Dropping it before it was decided upon drops the request: the inner service was not called.
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
        Waiting { waiting: Option<Box<Waiting<S, B>>> },
        Settled { #[pin] settled: Settled<S::Future, S::Response>, pass: Pass },
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

/// A request that waits for an answer, with the service that it may go on to.
struct Waiting<S, B> {
    pending: Pending,
    request: Request<B>,
    service: S,
    door: Arc<Door>,
}

impl<S, B> ResponseFuture<S, B>
where
    S: Service<Request<B>>,
{
    pub(super) fn settled(settled: Settled<S::Future, S::Response>, pass: Pass) -> Self {
        Self {
            state: State::Settled { settled, pass },
        }
    }

    pub(super) fn waiting(
        pending: Pending,
        request: Request<B>,
        service: S,
        door: Arc<Door>,
    ) -> Self {
        let waiting = Waiting {
            pending,
            request,
            service,
            door,
        };
        Self {
            state: waiting.into(),
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
        while let StateProj::Waiting { waiting } = state.as_mut().project() {
            let Pending {
                answer, decision, ..
            } = &mut waiting.as_mut().expect(POLLED_AGAIN).pending;
            let answered = ready!(decision.span.run(|| answer.as_mut().poll(cx)));
            let next = waiting.take().expect(POLLED_AGAIN).go_on(answered);
            state.set(next);
        }
        match state.project() {
            StateProj::Settled { settled, pass } => {
                let mut answered = ready!(settled.poll(cx));
                let is_refused = answered.as_ref().is_ok_and(is_refused);
                pass.settle(answered.as_mut().ok(), is_refused);
                Poll::Ready(answered)
            }
            StateProj::Waiting { .. } => Poll::Pending,
        }
    }
}

impl<S, B> Waiting<S, B> {
    fn go_on<R>(mut self, answered: Result<Identity, Refusal>) -> State<S, B>
    where
        S: Service<Request<B>, Response = Response<R>>,
        R: ResponseBody,
    {
        let Pending {
            stage, decision, ..
        } = self.pending;
        match self
            .door
            .go_on(answered, &stage, &mut self.request, decision)
        {
            Step::Admitted(pass) => State::Settled {
                settled: Settled::inner(self.service.call(self.request)),
                pass,
            },
            Step::Refused(response) => State::Settled {
                settled: Settled::refused(response),
                pass: Pass::of_nobody(),
            },
            Step::Waiting(pending) => Self { pending, ..self }.into(),
        }
    }
}

impl<S, B> From<Waiting<S, B>> for State<S, B>
where
    S: Service<Request<B>>,
{
    fn from(waiting: Waiting<S, B>) -> Self {
        Self::Waiting {
            waiting: Some(Box::new(waiting)),
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
            State::Waiting { .. } => "ResponseFuture(waiting)",
            State::Settled { .. } => "ResponseFuture(settled)",
        })
    }
}

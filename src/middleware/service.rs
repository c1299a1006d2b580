use std::fmt;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use super::door::Door;
use super::future::{ResponseFuture, Settled};
use super::step::{Pass, Step};
use crate::challenge::ResponseBody;

/// A service behind a door, made by [`BearerAuthLayer`](super::BearerAuthLayer).
#[derive(Clone)]
pub struct BearerAuth<S> {
    inner: S,
    door: Arc<Door>,
}

impl<S> BearerAuth<S> {
    pub(super) fn new(inner: S, door: Arc<Door>) -> Self {
        Self { inner, door }
    }
}

impl<S, B, R> Service<Request<B>> for BearerAuth<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone,
    R: ResponseBody,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = ResponseFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        match self.door.enter(&mut request) {
            Step::Admitted(pass) => {
                ResponseFuture::settled(Settled::inner(self.inner.call(request)), pass)
            }
            Step::Refused(response) => {
                ResponseFuture::settled(Settled::refused(response), Pass::of_nobody())
            }
            Step::Waiting(pending) => {
                // The service that was polled ready is the one to call; a clone takes its place.
                let clone = self.inner.clone();
                let ready = mem::replace(&mut self.inner, clone);
                ResponseFuture::waiting(pending, request, ready, Arc::clone(&self.door))
            }
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for BearerAuth<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BearerAuth")
            .field("inner", &self.inner)
            .field("door", &self.door)
            .finish()
    }
}

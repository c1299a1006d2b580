//! The services behind the door.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Layer, Service};

/// Counts the calls that get as far as here. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicUsize>);

impl Counter {
    pub fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Counts the calls of the service that it is put around.
impl<S> Layer<S> for Counter {
    type Service = Counted<S>;

    fn layer(&self, inner: S) -> Counted<S> {
        Counted {
            inner,
            counter: self.clone(),
        }
    }
}

#[derive(Debug, Clone)]
pub struct Counted<S> {
    inner: S,
    counter: Counter,
}

impl<S: Service<R>, R> Service<R> for Counted<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.counter.count();
        self.inner.call(request)
    }
}

/// Answers 200, and keeps each request's head for the test to look at.
#[derive(Debug, Clone, Default)]
pub struct Inner {
    pub counter: Counter,
    seen: Arc<std::sync::Mutex<Vec<http::request::Parts>>>,
}

impl Inner {
    pub fn calls(&self) -> usize {
        self.counter.calls()
    }

    /// The head of the request that came last.
    pub fn last(&self) -> http::request::Parts {
        self.seen.lock().unwrap().pop().expect("a request")
    }
}

impl<B> Service<Request<B>> for Inner {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.counter.count();
        self.seen.lock().unwrap().push(request.into_parts().0);
        ready(Ok(Response::new(Full::new(Bytes::from_static(b"inner")))))
    }
}

//! The door calls the service that was polled ready, passes back-pressure on, and drops what nobody waits
//! for any longer.
#![allow(clippy::unwrap_used)]

mod support;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use tower::{Service, ServiceBuilder, ServiceExt};
use tower_bearer::policy::Policy;
use tower_bearer::{BearerAuthLayer, Refusal, RequireLayer};

use support::answers::{Told, bare, send, with_token};
use support::inner::Inner;
use support::verifiers::{Gated, Pace, admits, alice, refuses};

type Answer = Response<Full<Bytes>>;

/// Panics when it is called without having been polled ready, as a clone was not.
#[derive(Debug, Default)]
struct Strict {
    is_ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self {
            is_ready: false,
            calls: Arc::clone(&self.calls),
        }
    }
}

impl<B> Service<Request<B>> for Strict {
    type Response = Answer;
    type Error = Infallible;
    type Future = Ready<Result<Answer, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.is_ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        assert!(self.is_ready, "called without having been polled ready");
        self.is_ready = false;
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::new(Full::default())))
    }
}

/// Waits until the service is ready, and calls it.
async fn call<S>(service: &mut S, request: Request<String>) -> S::Future
where
    S: Service<Request<String>, Error = Infallible>,
{
    service.ready().await.unwrap().call(request)
}

fn is_ready<S>(service: &mut S) -> bool
where
    S: Service<Request<String>>,
{
    let mut cx = Context::from_waker(Waker::noop());
    service.poll_ready(&mut cx).is_ready()
}

#[test]
#[should_panic(expected = "called without having been polled ready")]
fn the_strict_service_does_panic() {
    let mut service = Strict::default();
    assert!(is_ready(&mut service));
    drop(service.clone().call(bare()));
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_called() {
    for pace in Pace::BOTH {
        let strict = Strict::default();
        let mut service = ServiceBuilder::new()
            .layer(BearerAuthLayer::new(admits(pace)))
            .layer(RequireLayer::new(Policy::authenticated()).unwrap())
            .service(strict.clone());
        for _ in 0..3 {
            let response = call(&mut service, with_token("x")).await.await;
            assert_eq!(response.unwrap().status(), 200);
        }
        assert_eq!(strict.calls.load(Ordering::SeqCst), 3);
    }
}

#[tokio::test]
async fn each_of_many_calls_under_way_at_once_has_a_ready_service() {
    let strict = Strict::default();
    let gated = Gated::default();
    let layer = BearerAuthLayer::new(gated.clone());
    let mut service = ServiceBuilder::new().layer(layer).service(strict.clone());
    let mut calls = Vec::new();
    for at in 0..100 {
        if at % 2 == 0 {
            calls.push(tokio::spawn(call(&mut service, with_token("x")).await));
        } else {
            let mut clone = service.clone();
            let call = async move { call(&mut clone, with_token("x")).await.await };
            calls.push(tokio::spawn(call));
        }
    }
    while gated.waiting() < 100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(strict.calls.load(Ordering::SeqCst), 0);
    gated.answer(&Ok(alice()));
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    assert_eq!(strict.calls.load(Ordering::SeqCst), 100);
}

/// Ready when it is told to be, or broken.
#[derive(Debug, Clone, Default)]
struct Busy {
    is_open: Arc<AtomicBool>,
    is_broken: Arc<AtomicBool>,
}

impl<B> Service<Request<B>> for Busy {
    type Response = Answer;
    type Error = &'static str;
    type Future = Ready<Result<Answer, &'static str>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Poll::Ready(Err("broken"));
        }
        match self.is_open.load(Ordering::SeqCst) {
            true => Poll::Ready(Ok(())),
            false => Poll::Pending,
        }
    }

    fn call(&mut self, _: Request<B>) -> Self::Future {
        ready(Err("failed"))
    }
}

#[test]
fn readiness_is_the_inner_services_own() {
    let busy = Busy::default();
    let gated = Gated::default();
    let mut service = ServiceBuilder::new()
        .layer(BearerAuthLayer::new(gated))
        .layer(RequireLayer::new(Policy::authenticated()).unwrap())
        .service(busy.clone());
    let mut ready = || {
        let mut cx = Context::from_waker(Waker::noop());
        Service::<Request<()>>::poll_ready(&mut service, &mut cx)
    };
    assert_eq!(ready(), Poll::Pending);
    busy.is_open.store(true, Ordering::SeqCst);
    assert_eq!(ready(), Poll::Ready(Ok(())));
    busy.is_broken.store(true, Ordering::SeqCst);
    assert_eq!(ready(), Poll::Ready(Err("broken")));
}

#[tokio::test]
async fn the_inner_services_error_is_passed_on_as_it_is() {
    for pace in Pace::BOTH {
        let busy = Busy::default();
        busy.is_open.store(true, Ordering::SeqCst);
        let layer = BearerAuthLayer::new(admits(pace));
        let service = ServiceBuilder::new().layer(layer).service(busy);
        let error = service.oneshot(with_token("x")).await.unwrap_err();
        assert_eq!(error, "failed");
    }
}

#[tokio::test]
async fn a_request_dropped_before_the_verifier_answers_never_gets_in() {
    let gated = Gated::default();
    let inner = Inner::default();
    let layer = BearerAuthLayer::new(gated.clone());
    let mut service = ServiceBuilder::new().layer(layer).service(inner.clone());

    let unpolled = call(&mut service, with_token("x")).await;
    drop(unpolled);
    {
        let mut polled = pin!(call(&mut service, with_token("x")).await);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(polled.as_mut().poll(&mut cx).is_pending());
        assert_eq!(gated.waiting(), 1);
    }
    assert_eq!(gated.waiting(), 0, "the verification outlived the request");
    gated.answer(&Ok(alice()));
    tokio::task::yield_now().await;
    assert_eq!(inner.calls(), 0);

    let waits = tokio::spawn(call(&mut service, with_token("x")).await);
    while gated.waiting() == 0 {
        tokio::task::yield_now().await;
    }
    gated.answer(&Ok(alice()));
    assert_eq!(waits.await.unwrap().unwrap().status(), 200);
    assert_eq!(inner.calls(), 1);
}

#[tokio::test]
async fn a_dropped_request_gives_its_permit_back() {
    let gated = Gated::default();
    let layer = BearerAuthLayer::new(gated.clone());
    let mut service = ServiceBuilder::new()
        .layer(layer)
        .concurrency_limit(1)
        .service(Inner::default());
    let held = call(&mut service, with_token("x")).await;
    assert!(!is_ready(&mut service));
    drop(held);
    assert!(is_ready(&mut service));
}

#[tokio::test]
async fn a_refused_request_leaves_the_service_ready_for_the_next() {
    for pace in Pace::BOTH {
        let strict = Strict::default();
        let layer = BearerAuthLayer::new(refuses(pace, Refusal::invalid("no")));
        let mut service = ServiceBuilder::new()
            .layer(layer)
            .concurrency_limit(1)
            .service(strict.clone());
        for _ in 0..3 {
            for request in [bare(), with_token("x")] {
                let response = call(&mut service, request).await.await;
                assert_eq!(response.unwrap().status(), 401);
            }
        }
        assert_eq!(strict.calls.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn buffers_limits_timeouts_and_shedders_stand_on_either_side() {
    for pace in Pace::BOTH {
        let strict = Strict::default();
        let outside = ServiceBuilder::new()
            .buffer(8)
            .load_shed()
            .concurrency_limit(4)
            .timeout(Duration::from_secs(30))
            .layer(BearerAuthLayer::new(admits(pace)))
            .service(strict.clone());
        let inside = ServiceBuilder::new()
            .layer(BearerAuthLayer::new(admits(pace)))
            .buffer(8)
            .load_shed()
            .concurrency_limit(4)
            .timeout(Duration::from_secs(30))
            .service(strict.clone());
        for _ in 0..10 {
            assert_eq!(send(&outside, with_token("x")).await.status, 200);
            assert_eq!(send(&inside, with_token("x")).await.status, 200);
            Told::NO_CREDENTIAL.assert_http(&send(&outside, bare()).await, None);
            Told::NO_CREDENTIAL.assert_http(&send(&inside, bare()).await, None);
        }
        assert_eq!(strict.calls.load(Ordering::SeqCst), 20);
    }
}

#[tokio::test]
async fn a_request_that_is_refused_waits_in_no_buffer() {
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .layer(BearerAuthLayer::new(admits(Pace::Now)))
        .buffer::<Request<String>>(1)
        .service(inner.clone());
    Told::NO_CREDENTIAL.assert_http(&send(&service, bare()).await, None);
    assert_eq!(inner.calls(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_outside_ends_a_verifier_that_never_answers() {
    let gated = Gated::default();
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .timeout(Duration::from_secs(5))
        .layer(BearerAuthLayer::new(gated.clone()))
        .service(inner.clone());
    let error = service.oneshot(with_token("x")).await.unwrap_err();
    assert!(error.is::<tower::timeout::error::Elapsed>());
    assert_eq!((gated.waiting(), inner.calls()), (0, 0));
}

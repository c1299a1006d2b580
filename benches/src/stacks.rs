//! The stacks in which the layer is measured: a bare tower service, an axum router, a tonic server.

use std::convert::Infallible;
use std::fmt;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use axum::body::Body;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::Full;
use tonic::service::Routes;
use tower::{Layer, Service};

use crate::Call;
use crate::greeter::{Hello, greeter_server::GreeterServer};

/// Where the layer is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stack {
    /// A `service_fn`.
    Bare,
    /// An axum router of one route.
    Axum,
    /// A unary call of a tonic server.
    Tonic,
}

/// The stack's service without anything around it.
pub fn without(stack: Stack, authorization: Option<&str>) -> Call {
    match stack {
        Stack::Bare => calls(bare(), request::<Full<Bytes>>(authorization)),
        Stack::Axum => calls(axum(), request::<Body>(authorization)),
        Stack::Tonic => calls(tonic(), grpc_request(authorization)),
    }
}

/// The stack's service within `layer`, where each of the stacks would have it.
pub fn with(
    stack: Stack,
    layer: &tower_bearer::BearerAuthLayer,
    authorization: Option<&str>,
) -> Call {
    match stack {
        Stack::Bare => calls(layer.layer(bare()), request::<Full<Bytes>>(authorization)),
        Stack::Axum => calls(axum().layer(layer.clone()), request::<Body>(authorization)),
        Stack::Tonic => calls(layer.layer(tonic()), grpc_request(authorization)),
    }
}

/// A bare service within `layer`, called with whatever is next in `authorizations`, for ever.
pub fn with_each(
    layer: &tower_bearer::BearerAuthLayer,
    mut authorizations: impl Iterator<Item = HeaderValue> + 'static,
) -> Call {
    let request = request::<Full<Bytes>>(None);
    calls(layer.layer(bare()), move || {
        let mut request = request();
        let next = authorizations.next().expect("another one");
        request.headers_mut().insert(AUTHORIZATION, next);
        request
    })
}

/// The making of the request and nothing more, for what is refused without calling anything.
pub fn request_only(stack: Stack, authorization: Option<&str>) -> Call {
    if stack == Stack::Tonic {
        let request = grpc_request(authorization);
        return Box::new(move || std::hint::black_box(request()).headers().len() as u16);
    }
    let request = request::<Full<Bytes>>(authorization);
    Box::new(move || std::hint::black_box(request()).headers().len() as u16)
}

/// An axum router of somebody else's making.
pub fn router(router: axum::Router, authorization: Option<&str>) -> Call {
    calls(router, request::<Body>(authorization))
}

fn bare()
-> impl Service<Request<Full<Bytes>>, Response = Response<Full<Bytes>>, Error = Infallible, Future: Send>
+ Clone {
    tower::service_fn(async |request: Request<Full<Bytes>>| {
        std::hint::black_box(&request);
        Ok(Response::new(Full::new(Bytes::from_static(b"ok"))))
    })
}

fn axum() -> axum::Router {
    axum::Router::new().route("/", axum::routing::get(async || "ok"))
}

fn tonic() -> Routes {
    Routes::new(GreeterServer::new(Hello)).prepare()
}

/// Requests like those that hyper makes: header values that share one buffer.
fn request<B: From<Bytes>>(authorization: Option<&str>) -> impl Fn() -> Request<B> + 'static {
    let value = authorization.map(shared);
    move || {
        let mut request = Request::new(B::from(Bytes::new()));
        let headers = request.headers_mut();
        headers.insert(
            HeaderName::from_static("accept"),
            HeaderValue::from_static("*/*"),
        );
        if let Some(value) = &value {
            headers.insert(AUTHORIZATION, value.clone());
        }
        request
    }
}

fn grpc_request(authorization: Option<&str>) -> impl Fn() -> Request<tonic::body::Body> + 'static {
    let value = authorization.map(shared);
    move || {
        let message = Full::new(Bytes::from_static(&[0; 5]));
        let mut request = Request::new(tonic::body::Body::new(message));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = http::Uri::from_static("/demo.Greeter/Hello");
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        if let Some(value) = &value {
            headers.insert(AUTHORIZATION, value.clone());
        }
        request
    }
}

fn shared(authorization: &str) -> HeaderValue {
    let bytes = Bytes::from(authorization.as_bytes().to_vec());
    HeaderValue::from_maybe_shared(bytes.clone()).expect("a header value")
}

/// Calls the service once, on this thread, without a runtime: nothing here waits for anything.
fn calls<S, B, R>(mut service: S, mut request: impl FnMut() -> Request<B> + 'static) -> Call
where
    S: Service<Request<B>, Response = Response<R>> + 'static,
    S::Error: fmt::Debug,
{
    Box::new(move || {
        let mut context = Context::from_waker(Waker::noop());
        let Poll::Ready(Ok(())) = service.poll_ready(&mut context) else {
            panic!("the service is not ready");
        };
        let mut future = pin!(service.call(request()));
        loop {
            if let Poll::Ready(response) = future.as_mut().poll(&mut context) {
                return status(&response.expect("a response"));
            }
        }
    })
}

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The HTTP status, or the gRPC status where one is in the headers.
fn status<R>(response: &Response<R>) -> u16 {
    match response.headers().get(GRPC_STATUS) {
        Some(status) => status
            .to_str()
            .ok()
            .and_then(|s| s.parse().ok())
            .unwrap_or(2),
        None => response.status().as_u16(),
    }
}

//! Who gets in without a credential: optional mode, CORS preflights, open gRPC methods, and nobody else.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderValue, Method, Request};
use tower::{Layer, ServiceBuilder};
use tower_bearer::middleware::{BearerAuth, BearerAuthLayerBuilder};
use tower_bearer::policy::Policy;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Reason, Refusal};

use support::answers::{Told, bare, grpc_request, request, send, with_token};
use support::inner::Inner;
use support::verifiers::{Pace, admits, refuses};

fn guarded(builder: BearerAuthLayerBuilder) -> (BearerAuth<Inner>, Inner) {
    let inner = Inner::default();
    (builder.build().unwrap().layer(inner.clone()), inner)
}

fn builder() -> BearerAuthLayerBuilder {
    BearerAuthLayer::builder(admits(Pace::Now))
}

/// Who the inner service takes the caller of its last request for.
fn caller(inner: &Inner) -> Option<String> {
    let user = AuthenticatedUser::optional_from_extensions(&inner.last().extensions);
    user.expect("a layer").map(|user| user.subject().to_owned())
}

#[tokio::test]
async fn in_optional_mode_a_caller_has_a_name_or_none() {
    for pace in Pace::BOTH {
        let (service, inner) = guarded(BearerAuthLayer::builder(admits(pace)).optional());
        assert_eq!(send(&service, bare()).await.status, 200);
        assert_eq!(caller(&inner), None);
        assert_eq!(send(&service, with_token("x")).await.status, 200);
        assert_eq!(caller(&inner).as_deref(), Some("alice"));
    }
}

#[tokio::test]
async fn a_bad_token_does_not_make_an_anonymous_caller() {
    for pace in Pace::BOTH {
        // Not even where the verifier says that there was no credential.
        for reason in [
            Reason::Invalid,
            Reason::Expired,
            Reason::Missing,
            Reason::OtherScheme,
        ] {
            let verifier = refuses(pace, Refusal::new(reason, "no"));
            let builder = BearerAuthLayer::builder(verifier)
                .optional()
                .ignore_other_schemes();
            let (service, inner) = guarded(builder);
            let seen = send(&service, with_token("x")).await;
            assert_eq!((seen.status.as_u16(), inner.calls()), (401, 0), "{reason}");
        }
        let down = refuses(pace, Refusal::unavailable("down"));
        let (service, inner) = guarded(BearerAuthLayer::builder(down).optional());
        Told::DOWN.assert_http(&send(&service, with_token("x")).await, None);
        assert_eq!(inner.calls(), 0);
    }
}

#[tokio::test]
async fn whether_a_credential_is_needed_may_change_at_run_time() {
    let public = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&public);
    let (service, inner) =
        guarded(builder().optional_when(move |head| {
            head.method == Method::GET && switch.load(Ordering::SeqCst)
        }));
    let post = || {
        let mut request = bare();
        *request.method_mut() = Method::POST;
        request
    };
    Told::NO_CREDENTIAL.assert_http(&send(&service, bare()).await, None);
    public.store(true, Ordering::SeqCst);
    assert_eq!(send(&service, bare()).await.status, 200);
    assert_eq!(caller(&inner), None);
    Told::NO_CREDENTIAL.assert_http(&send(&service, post()).await, None);
    Told::MALFORMED.assert_http(&send(&service, request("/", &[b"Bearer"])).await, None);
    Told::NO_CREDENTIAL.assert_http(&send(&service, request("/", &[b"Basic x"])).await, None);
    public.store(false, Ordering::SeqCst);
    Told::NO_CREDENTIAL.assert_http(&send(&service, bare()).await, None);
    assert_eq!(send(&service, with_token("x")).await.status, 200);
}

#[tokio::test]
async fn other_schemes_are_ignored_only_where_that_was_said() {
    let (service, inner) = guarded(
        builder()
            .optional()
            .ignore_other_schemes()
            .remove_credential(),
    );
    for value in [&b"Basic dTpw"[..], b"Digest a=b", b"DPoP abc", b"Negotiate"] {
        assert_eq!(send(&service, request("/", &[value])).await.status, 200);
        let head = inner.last();
        // It is left for whoever inside knows the scheme, and does not print.
        assert_eq!(head.headers["authorization"].as_bytes(), value);
        assert!(head.headers["authorization"].is_sensitive());
        let user = AuthenticatedUser::optional_from_extensions(&head.extensions);
        assert!(user.unwrap().is_none());
    }
    let before = inner.calls();
    for values in [
        &[&b"Bearer"[..]][..],
        &[b"Bearer a b"],
        &[b""],
        &[b"Basic x", b"Basic y"],
        &[b"Basic x", b"Bearer y"],
    ] {
        Told::MALFORMED.assert_http(&send(&service, request("/", values)).await, None);
    }
    assert_eq!(inner.calls(), before);

    let (service, _) = guarded(builder().optional_when(|_| false).ignore_other_schemes());
    Told::NO_CREDENTIAL.assert_http(&send(&service, request("/", &[b"Basic x"])).await, None);
}

#[tokio::test]
async fn a_policy_still_asks_anonymous_callers_for_a_name() {
    let (service, inner) = guarded(builder().optional().require(Policy::authenticated()));
    Told::NO_CREDENTIAL.assert_http(&send(&service, bare()).await, None);
    assert_eq!(inner.calls(), 0);
    assert_eq!(send(&service, with_token("x")).await.status, 200);
}

fn preflight() -> Request<String> {
    let mut request = bare();
    *request.method_mut() = Method::OPTIONS;
    let headers = request.headers_mut();
    headers.insert("origin", HeaderValue::from_static("https://app.example"));
    headers.insert(
        "access-control-request-method",
        HeaderValue::from_static("PUT"),
    );
    request
}

#[tokio::test]
async fn a_preflight_passes_only_when_asked_for_and_only_whole() {
    let (service, inner) = guarded(builder());
    Told::NO_CREDENTIAL.assert_http(&send(&service, preflight()).await, None);

    let (service, passed) = guarded(builder().allow_cors_preflight());
    assert_eq!(send(&service, preflight()).await.status, 200);
    assert_eq!(caller(&passed), None);
    let before = passed.calls();
    for missing in ["origin", "access-control-request-method"] {
        let mut request = preflight();
        request.headers_mut().remove(missing);
        Told::NO_CREDENTIAL.assert_http(&send(&service, request).await, None);
    }
    for method in ["GET", "POST", "HEAD", "TRACE", "options", "OPTION"] {
        let mut request = preflight();
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        let seen = send(&service, request).await;
        Told::NO_CREDENTIAL.assert_http(&seen, None);
    }
    assert_eq!((inner.calls(), passed.calls()), (0, before));
}

#[tokio::test]
async fn an_exempt_request_has_no_caller_whatever_it_carries() {
    let builder = BearerAuthLayer::builder(admits(Pace::Now))
        .allow_cors_preflight()
        .open_grpc_method("/grpc.health.v1.Health/Check")
        .remove_credential();
    let (service, inner) = guarded(builder);
    let outer = ServiceBuilder::new()
        .layer(BearerAuthLayer::new(admits(Pace::Now)))
        .service(service);
    let open = grpc_request("/grpc.health.v1.Health/Check", &[]);
    for mut request in [preflight(), open] {
        let token = HeaderValue::from_static("Bearer x");
        request.headers_mut().insert("authorization", token);
        assert_eq!(send(&outer, request).await.status, 200);
        let head = inner.last();
        assert!(!head.headers.contains_key("authorization"));
        let user = AuthenticatedUser::optional_from_extensions(&head.extensions);
        assert!(
            user.unwrap().is_none(),
            "the outer layer's caller is inherited"
        );
    }
}

#[tokio::test]
async fn an_open_grpc_method_is_open_by_its_exact_path() {
    let (service, inner) = guarded(builder().open_grpc_method("/grpc.health.v1.Health/Check"));
    let open = "/grpc.health.v1.Health/Check";
    assert_eq!(send(&service, grpc_request(open, &[])).await.status, 200);
    assert_eq!(caller(&inner), None);
    let before = inner.calls();
    for closed in [
        "/grpc.health.v1.Health/Watch",
        "/grpc.health.v1.Health/Check/",
        "/grpc.health.v1.Health//Check",
        "//grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Check/../Check",
        "/./grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/check",
        "/Grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/Chec%6b",
        "/grpc.health.v1.Health%2FCheck",
        "/grpc.health.v1.Health/Check%20",
        "/grpc.health.v1.Health/Check%00",
        "/grpc.health.v1.Health/Check;x",
        "/grpc.health.v1.Health/CheckX",
        "/grpc.health.v1.Health/",
        "/grpc.health.v1.Health",
        "/x/grpc.health.v1.Health/Check",
        "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/",
    ] {
        let seen = send(&service, grpc_request(closed, &[])).await;
        assert_eq!(seen.grpc_status(), Some("16"), "{closed} is open");
    }
    assert_eq!(inner.calls(), before);
}

#[tokio::test]
async fn an_open_grpc_method_opens_nothing_that_is_not_a_grpc_call() {
    let (service, inner) = guarded(builder().open_grpc_method("/grpc.health.v1.Health/Check"));
    let path = "/grpc.health.v1.Health/Check";
    let page = request(path, &[]);
    assert_eq!(send(&service, page).await.status, 401);
    let mut got = grpc_request(path, &[]);
    *got.method_mut() = Method::GET;
    assert_eq!(send(&service, got).await.grpc_status(), Some("16"));
    let mut posted = request(path, &[]);
    *posted.method_mut() = Method::POST;
    assert_eq!(send(&service, posted).await.status, 401);
    assert_eq!(inner.calls(), 0);
}

#[cfg(feature = "tonic")]
mod over_tonic {
    use tonic::Code;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_client::HealthClient;

    use super::*;
    use crate::support::grpc::{GreeterServer, Polite, channel, client, hello};

    #[tokio::test]
    async fn health_is_open_by_method_and_all_else_is_closed() {
        let (_, health) = tonic_health::server::health_reporter();
        let layer = builder().open_grpc_method("/grpc.health.v1.Health/Check");
        let (listener, address) = support::wire::listener().await;
        let server = tonic::transport::Server::builder()
            .layer(layer.build().unwrap())
            .add_service(health)
            .add_service(GreeterServer::new(Polite))
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
        tokio::spawn(server);

        let mut health = HealthClient::new(channel(address).await);
        let status = health.check(HealthCheckRequest::default()).await.unwrap();
        assert_eq!(status.into_inner().status, 1, "SERVING");
        let watch = health.watch(HealthCheckRequest::default()).await;
        assert_eq!(watch.unwrap_err().code(), Code::Unauthenticated);
        let greeted = client(address, "").await.hello(hello()).await;
        assert_eq!(greeted.unwrap_err().code(), Code::Unauthenticated);
        let mut reflection = tonic::client::Grpc::new(channel(address).await);
        reflection.ready().await.unwrap();
        let path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        let codec = tonic_prost::ProstCodec::<HealthCheckRequest, HealthCheckRequest>::default();
        let asked = reflection
            .unary(
                tonic::Request::new(HealthCheckRequest::default()),
                http::uri::PathAndQuery::from_static(path),
                codec,
            )
            .await;
        assert_eq!(asked.unwrap_err().code(), Code::Unauthenticated);
    }
}

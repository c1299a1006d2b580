//! Every combination of stack and layer that the crate promises, written as a user writes it: without a
//! type annotation. That it compiles is most of the test; that each lets in and refuses is the rest.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::handler::Handler;
use axum::http::{Response, StatusCode};
use axum::routing::get;
use http::Request;
use tower::util::{BoxCloneService, BoxCloneSyncService, option_layer};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};
use tower_bearer::policy::Policy;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, RequireLayer};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::cors::CorsLayer;
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;

use support::answers::{Told, bare, send, with_token};
use support::grpc::{GreeterServer, HELLO, Polite, client, hello};
use support::verifiers::{Pace, admits};
use support::wire::{Http2, Wire, listener};

fn auth() -> BearerAuthLayer {
    BearerAuthLayer::new(admits(Pace::Now))
}

fn require() -> RequireLayer {
    RequireLayer::new(Policy::authenticated()).unwrap()
}

async fn whoami(user: AuthenticatedUser) -> String {
    user.subject().to_owned()
}

/// The router lets a good caller in and nobody else.
async fn guards(router: Router) {
    let service = router.into_service();
    let seen = send(&service, with_token("x").map(Body::from)).await;
    assert_eq!((seen.status.as_u16(), &*seen.body), (200, &b"alice"[..]));
    Told::NO_CREDENTIAL.assert_http(&send(&service, bare().map(Body::from)).await, None);
}

#[tokio::test]
async fn on_an_axum_router() {
    guards(Router::new().route("/", get(whoami)).layer(auth())).await;
    guards(Router::new().route("/", get(whoami)).route_layer(auth())).await;
    guards(Router::new().route("/", get(whoami).layer(auth()))).await;
    guards(Router::new().route("/", get(whoami).route_layer(auth()))).await;
    guards(Router::new().route("/", get(whoami.layer(auth())))).await;
    guards(Router::new().fallback(whoami).layer(auth())).await;
    guards(
        Router::new()
            .route("/", get(whoami))
            .layer((auth(), require())),
    )
    .await;
    let stack = ServiceBuilder::new().layer(auth()).layer(require());
    guards(Router::new().route("/", get(whoami)).layer(stack)).await;
}

#[tokio::test]
async fn on_a_router_with_state() {
    #[derive(Clone)]
    struct App {
        greeting: &'static str,
    }
    async fn greet(State(app): State<App>, user: AuthenticatedUser) -> String {
        format!("{}{}", app.greeting, user.subject())
    }
    let app = App { greeting: "" };
    let router = || Router::new().route("/", get(greet));
    guards(router().layer(auth()).with_state(app.clone())).await;
    guards(router().route_layer(auth()).with_state(app.clone())).await;
    guards(router().with_state(app.clone()).layer(auth())).await;
    guards(
        Router::new()
            .route("/", get(greet).layer(auth()))
            .with_state(app.clone()),
    )
    .await;
    guards(Router::new().route("/", get(greet.layer(auth())).with_state(app.clone()))).await;
    let nested = Router::new().merge(router().layer(auth()));
    guards(nested.with_state(app)).await;
}

#[tokio::test]
async fn around_a_router_that_axum_serves() {
    let router = Router::new().route("/", get(whoami));
    let (listener, address) = listener().await;
    let service = auth().layer(router);
    let served = axum::ServiceExt::<axum::extract::Request>::into_make_service(service);
    tokio::spawn(async move { axum::serve(listener, served).await.unwrap() });
    let http2 = Http2::connect(address).await;
    let good = Wire::get("/").header("authorization", "Bearer x");
    assert_eq!(good.over_http1(address).await.body, "alice");
    assert_eq!(good.over_http2(&http2).await.body, "alice");
    let seen = Wire::get("/").over_http2(&http2).await;
    Told::NO_CREDENTIAL.assert_http(&seen, None);
}

#[tokio::test]
async fn optional_layers_and_boxed_services() {
    let router = || Router::new().route("/", get(whoami));
    guards(router().layer(option_layer(Some(auth())))).await;
    guards(
        router()
            .layer(option_layer(None::<CorsLayer>))
            .layer(auth()),
    )
    .await;
    guards(
        router()
            .layer(auth())
            .layer(option_layer(Some(CorsLayer::new()))),
    )
    .await;
    let optional = ServiceBuilder::new()
        .option_layer(Some(auth()))
        .option_layer(Some(require()));
    guards(router().layer(optional)).await;

    let boxed = BoxCloneSyncService::new(auth().layer(router()));
    guards(Router::new().fallback_service(boxed)).await;
    let boxed = BoxCloneSyncService::new(router().into_service::<Body>());
    guards(Router::new().fallback_service(auth().layer(boxed))).await;
    let boxed = ServiceBuilder::new()
        .layer(auth())
        .service(router())
        .boxed_clone();
    let seen = send(&boxed, with_token("x").map(Body::from)).await;
    assert_eq!(seen.body, "alice");
    let boxed = BoxCloneService::new(router().into_service::<Body>());
    let boxed = ServiceBuilder::new().layer(auth()).service(boxed);
    assert_eq!(send(&boxed, bare().map(Body::from)).await.status, 401);
    let layered = ServiceBuilder::new().boxed_clone().layer(auth());
    let seen = send(&layered.service(router()), with_token("x").map(Body::from)).await;
    assert_eq!(seen.body, "alice");
}

fn timeout() -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30))
}

#[tokio::test]
async fn cors_and_timeouts_on_either_side() {
    let router = || Router::new().route("/", get(whoami));
    // One `.layer()` each, outside and inside.
    guards(
        router()
            .layer(auth())
            .layer(CorsLayer::permissive())
            .layer(timeout()),
    )
    .await;
    guards(
        router()
            .layer(timeout())
            .layer(CorsLayer::permissive())
            .layer(auth()),
    )
    .await;
    // In one stack.
    let outside = ServiceBuilder::new()
        .layer(CorsLayer::permissive())
        .layer(timeout())
        .layer(auth());
    guards(router().layer(outside)).await;
    let inside = ServiceBuilder::new()
        .layer(auth())
        .layer(CorsLayer::permissive())
        .layer(timeout());
    guards(router().layer(inside)).await;
}

#[tokio::test]
async fn tracing_compression_panics_and_limits_outside() {
    let router = || Router::new().route("/", get(whoami));
    guards(
        router()
            .layer(auth())
            .layer(TraceLayer::new_for_http())
            .layer(CompressionLayer::new())
            .layer(CatchPanicLayer::new())
            .layer(RequestBodyLimitLayer::new(1024)),
    )
    .await;
    let stack = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::new())
        .layer(RequestBodyLimitLayer::new(1024))
        .layer(auth());
    guards(router().layer(stack)).await;
}

#[tokio::test]
async fn those_that_change_the_body_inside_by_one_line() {
    let router = || Router::new().route("/", get(whoami));
    // Each with a `.layer()` of its own needs nothing, since axum wraps bodies in between.
    guards(router().layer(TraceLayer::new_for_http()).layer(auth())).await;
    guards(router().layer(CompressionLayer::new()).layer(auth())).await;
    guards(
        router()
            .layer(RequestBodyLimitLayer::new(1024))
            .layer(auth()),
    )
    .await;
    // In one stack, the line.
    let stack = ServiceBuilder::new()
        .layer(auth())
        .map_response(|r: Response<_>| r.map(Body::new))
        .layer(TraceLayer::new_for_http());
    guards(router().layer(stack)).await;
    let stack = ServiceBuilder::new()
        .layer(auth())
        .map_response(|r: Response<_>| r.map(Body::new))
        .layer(CompressionLayer::new());
    guards(router().layer(stack)).await;
    let stack = ServiceBuilder::new()
        .layer(auth())
        .map_response(|r: Response<_>| r.map(Body::new))
        .layer(CatchPanicLayer::new())
        .layer(RequestBodyLimitLayer::new(1024));
    guards(router().layer(stack)).await;
}

#[tokio::test]
async fn around_services_whose_bodies_are_strings_or_come_from_a_client() {
    async fn text<B>(request: Request<B>) -> Result<Response<String>, std::convert::Infallible> {
        let user = AuthenticatedUser::from_extensions(request.extensions()).unwrap();
        Ok(Response::new(user.subject().to_owned()))
    }
    let service = ServiceBuilder::new()
        .layer(auth())
        .map_response(|r: Response<_>| r.map(Body::new))
        .service_fn(text::<String>);
    assert_eq!(send(&service, with_token("x")).await.body, "alice");
    assert_eq!(send(&service, bare()).await.status, 401);

    // A proxy: the body is what hyper's client received.
    let behind = Router::new().route("/", get(async || "alice"));
    let address = support::wire::serve_axum(behind).await;
    let client = hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new())
        .build_http::<Body>();
    let proxy = ServiceBuilder::new()
        .map_request(move |mut request: Request<Body>| {
            *request.uri_mut() = format!("http://{address}/").parse().unwrap();
            request
        })
        .layer(auth())
        .map_response(|r: Response<_>| r.map(Body::new))
        .service(client);
    assert_eq!(
        send(&proxy, with_token("x").map(Body::from)).await.body,
        "alice"
    );
    assert_eq!(send(&proxy, bare().map(Body::from)).await.status, 401);
}

// --- tonic

fn incoming(listener: tokio::net::TcpListener) -> tokio_stream::wrappers::TcpListenerStream {
    tokio_stream::wrappers::TcpListenerStream::new(listener)
}

/// The greeter at this address lets a good caller in and nobody else.
async fn greets(address: std::net::SocketAddr) {
    let greeted = client(address, "x").await.hello(hello()).await.unwrap();
    assert_eq!(greeted.into_inner().message, "hello alice");
    let status = client(address, "").await.hello(hello()).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
}

#[tokio::test]
async fn on_a_tonic_server() {
    let (listener, address) = listener().await;
    let server = tonic::transport::Server::builder()
        .layer(auth())
        .layer(require())
        .add_service(GreeterServer::new(Polite))
        .serve_with_incoming(incoming(listener));
    tokio::spawn(server);
    greets(address).await;
}

#[tokio::test]
async fn on_a_tonic_server_between_other_layers() {
    let (listener, address) = listener().await;
    let server = tonic::transport::Server::builder()
        .layer(TraceLayer::new_for_grpc())
        .layer(option_layer(Some(auth())))
        .timeout(Duration::from_secs(30))
        .add_optional_service(Some(GreeterServer::new(Polite)))
        .serve_with_incoming(incoming(listener));
    tokio::spawn(server);
    greets(address).await;
}

#[tokio::test]
async fn on_a_tonic_server_with_a_body_changed_inside_by_one_line() {
    let (listener, address) = listener().await;
    let inside = ServiceBuilder::new()
        .layer(auth())
        .map_response(|r: Response<_>| r.map(tonic::body::Body::new))
        .layer(TraceLayer::new_for_grpc());
    let server = tonic::transport::Server::builder()
        .layer(inside)
        .add_service(GreeterServer::new(Polite))
        .serve_with_incoming(incoming(listener));
    tokio::spawn(server);
    greets(address).await;
}

#[tokio::test]
async fn on_one_tonic_service() {
    let (_, health) = tonic_health::server::health_reporter();
    let (listener, address) = listener().await;
    let guarded = auth().layer(GreeterServer::new(Polite));
    let server = tonic::transport::Server::builder()
        .add_service(guarded)
        .add_service(health)
        .serve_with_incoming(incoming(listener));
    tokio::spawn(server);
    greets(address).await;
    let channel = support::grpc::channel(address).await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let request = tonic_health::pb::HealthCheckRequest::default();
    assert!(health.check(request).await.is_ok());
}

#[tokio::test]
async fn on_one_port_with_axum() {
    let routes = || tonic::service::Routes::new(GreeterServer::new(Polite)).into_axum_router();
    let web = || Router::new().route("/", get(whoami));
    // One layer around both, and one each.
    let both = web().merge(routes()).layer(auth());
    let each = web().layer(auth()).merge(routes().layer(auth()));
    let wrapped = Router::new()
        .route_service(HELLO, auth().layer(GreeterServer::new(Polite)))
        .merge(web().layer(auth()));
    for router in [both, each, wrapped] {
        guards(router.clone()).await;
        greets(support::wire::serve_axum(router).await).await;
    }
}

#[tokio::test]
async fn with_grpc_web_on_either_side() {
    for is_outside in [true, false] {
        let (listener, address) = listener().await;
        let server = tonic::transport::Server::builder().accept_http1(true);
        let greeter = GreeterServer::new(Polite);
        if is_outside {
            let mut server = server.layer(tonic_web::GrpcWebLayer::new()).layer(auth());
            tokio::spawn(
                server
                    .add_service(greeter)
                    .serve_with_incoming(incoming(listener)),
            );
        } else {
            let mut server = server.layer(auth()).layer(tonic_web::GrpcWebLayer::new());
            tokio::spawn(
                server
                    .add_service(greeter)
                    .serve_with_incoming(incoming(listener)),
            );
        }
        greets(address).await;
        for (asked, is_text) in [
            ("application/grpc-web+proto", false),
            ("application/grpc-web-text", true),
        ] {
            let mut wire = Wire::grpc(HELLO);
            wire.headers = vec![("content-type", asked.into()), ("accept", asked.into())];
            if is_text {
                wire.body = b"AAAAAAA=";
            }
            let refused = wire.over_http1(address).await;
            assert_eq!(refused.status, 200, "{}", refused.text());
            let kind = refused.header("content-type").unwrap();
            assert!(kind.starts_with("application/grpc-web"), "{kind}");
            // Trailers only: in the headers, or in a last frame of the body.
            let text = refused.text();
            assert!(
                text.contains("grpc-status: 16") || text.contains("grpc-status:16"),
                "grpc-web is outside: {is_outside}, {text}"
            );
            let admitted = wire
                .header("authorization", "Bearer x")
                .over_http1(address)
                .await;
            assert!(!admitted.text().contains("grpc-status: 16"));
            assert!(!admitted.body.is_empty());
        }
    }
}

#[tokio::test]
async fn the_inner_service_may_have_any_request_body() {
    async fn whole<B>(_: Request<B>) -> Result<Response<Body>, std::convert::Infallible> {
        Ok(Response::new(Body::empty()))
    }
    struct Opaque;
    let mut service = ServiceBuilder::new()
        .layer(auth())
        .service_fn(whole::<Opaque>);
    let response = service
        .ready()
        .await
        .unwrap()
        .call(Request::new(Opaque))
        .await;
    assert_eq!(response.unwrap().status(), 401);
}

// --- what does not compile says what to do

/// A program that uses the crate with a body of this type.
fn program(body: &str) -> String {
    format!(
        "fn guard<B: tower_bearer::challenge::ResponseBody>() {{}}\nfn main() {{ guard::<{body}>() }}\n"
    )
}

/// Compiles a program against a library of this crate that was built beside this test.
fn compile(library: &std::path::Path, name: &str, text: &str) -> Result<(), String> {
    let dependencies = library.parent().unwrap();
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = directory.join(format!("{name}.rs"));
    std::fs::write(&source, text).unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = std::process::Command::new(rustc)
        .args(["--edition=2024", "--emit=metadata", "--crate-type=bin"])
        .arg(format!("--crate-name={name}"))
        .arg("--out-dir")
        .arg(directory)
        .arg("-L")
        .arg(format!("dependency={}", dependencies.display()))
        .arg("--extern")
        .arg(format!("tower_bearer={}", library.display()))
        .arg(&source)
        .output()
        .expect("rustc");
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

#[test]
fn the_compilers_message_prints_the_cure() {
    // Several builds may lie there, with other features; one that a good program compiles with will do.
    let test = std::env::current_exe().unwrap();
    let mut libraries: Vec<_> = std::fs::read_dir(test.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("libtower_bearer-") && name.ends_with(".rlib")
        })
        .collect();
    libraries.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    let control = "fn main() { let _ = tower_bearer::challenge::Challenge::new(); }";
    let library = libraries
        .iter()
        .rev()
        .find(|library| compile(library, "control", control).is_ok())
        .expect("a library beside this test that a good program compiles with");

    let message = compile(library, "body_of_text", &program("String")).unwrap_err();
    for expected in [
        "a refusal cannot be written into the response body `String`",
        "this response body cannot carry a refusal",
        ".map_response(|r: http::Response<_>| r.map(axum::body::Body::new))",
        "tonic::body::Body::new",
        "tower_bearer::challenge::ResponseBody",
    ] {
        assert!(
            message.contains(expected),
            "{expected:?} is not in: {message}"
        );
    }
}

//! Which requests are a use of a session: those that nothing refused. Only a use slides the idle limit.
#![allow(clippy::unwrap_used)]

#[path = "support/grpc.rs"]
#[allow(dead_code)]
mod grpc;
#[path = "support/tokens.rs"]
mod support;

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use grpc::{COUNT, Greeter, GreeterServer, HELLO, HelloReply, HelloRequest};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::Full;
use support::{secs, shape};
use tonic::Status;
use tower::{Layer, ServiceExt};
use tower_bearer::caller::Denied;
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::node::Node;
use tower_bearer::policy::Policy;
use tower_bearer::revocation::{MemoryRevocations, Revocations};
use tower_bearer::store::{MemoryStore, TokenKey, TokenStore};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenVerifierExt};
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Refusal, RequireLayer, TokenVerifier};

const IDLE: Duration = Duration::from_secs(30);

/// A session that may read, and the layer that knows it.
struct Session {
    clock: ManualClock,
    issuer: TokenIssuer,
    layer: BearerAuthLayer,
    token: String,
    id: Box<str>,
}

impl Session {
    async fn of<V: TokenVerifier + 'static>(
        store: Arc<dyn TokenStore>,
        wrap: impl FnOnce(OpaqueTokenVerifier) -> V,
    ) -> Self {
        let clock = ManualClock::new(secs(1000));
        let issuer = TokenIssuer::opaque(store.clone(), shape("st_")).with_clock(clock.clone());
        let new = NewToken::session("alice").scopes("read".parse().unwrap());
        let minted = issuer.mint(new.idle(IDLE)).await.unwrap();
        let verifier = wrap(OpaqueTokenVerifier::new(store, shape("st_")));
        let layer = BearerAuthLayer::builder(verifier).clock(clock.clone());
        Self {
            clock,
            issuer,
            layer: layer.build().unwrap(),
            token: minted.token.reveal(),
            id: minted.record.id.clone(),
        }
    }

    fn request<B>(&self, path: &str, body: B) -> Request<B> {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.token))
            .body(body);
        request.unwrap()
    }

    async fn last_used(&self) -> Option<Timestamp> {
        let (subject, id) = ("alice", &*self.id);
        let record = self.issuer.get(TokenKey { subject, id }).await;
        record.unwrap().unwrap().last_used
    }
}

/// A session with each sort of store and verifier that hears of uses in a way of its own.
async fn sessions() -> Vec<(&'static str, Session)> {
    let memory = || Arc::new(MemoryStore::new()) as Arc<dyn TokenStore>;
    let cached = |tokens: OpaqueTokenVerifier| tokens.cached(CacheSettings::new()).unwrap();
    let revocable = |tokens: OpaqueTokenVerifier| {
        let store = Arc::new(MemoryRevocations::new());
        tokens.revocable(Revocations::new(store, Duration::from_secs(3600)).unwrap())
    };
    let node = Node::builder(memory()).start().unwrap();
    vec![
        ("memory", Session::of(memory(), |tokens| tokens).await),
        ("cached", Session::of(memory(), cached).await),
        ("revocable", Session::of(memory(), revocable).await),
        ("node", Session::of(node.tokens(), |tokens| tokens).await),
    ]
}

fn web(session: &Session) -> Router {
    let write = || Policy::scope("write");
    let in_code = move |user: AuthenticatedUser| async move { user.require(&write()).map(drop) };
    let for_a_reason = |user: AuthenticatedUser| async move {
        Err::<(), Denied>(user.deny(Refusal::forbidden("not today")))
    };
    Router::new()
        .route("/open", post(async || "open"))
        .route("/fails", post(async || StatusCode::INTERNAL_SERVER_ERROR))
        .route("/forbids", post(async || StatusCode::FORBIDDEN))
        .route("/waits", post(pending::<()>))
        .route(
            "/layer",
            post(async || "open").layer(RequireLayer::new(write()).unwrap()),
        )
        .route("/in-code", post(in_code))
        .route("/for-a-reason", post(for_a_reason))
        .layer(session.layer.clone())
}

#[tokio::test]
async fn what_a_route_or_handler_refuses_is_no_use() {
    for (name, session) in sessions().await {
        let app = web(&session);
        for path in ["/layer", "/in-code", "/for-a-reason"] {
            session.clock.advance(Duration::from_secs(9));
            let request = session.request(path, Body::empty());
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), 403, "{name}{path}");
            assert_eq!(session.last_used().await, None, "{name}{path}");
        }
        // 27 seconds of the 30 are over.
        session.clock.advance(Duration::from_secs(3));
        let request = session.request("/open", Body::empty());
        let response = app.oneshot(request).await.unwrap();
        assert_eq!(response.status(), 401, "{name} was not used in time");
    }
}

#[tokio::test]
async fn whatever_else_becomes_of_a_request_is_a_use() {
    for (name, session) in sessions().await {
        let app = web(&session);
        for (path, status) in [
            ("/open", 200),
            ("/fails", 500),
            ("/forbids", 403),
            ("/none", 404),
        ] {
            session.clock.advance(Duration::from_secs(29));
            let request = session.request(path, Body::empty());
            let response = app.clone().oneshot(request).await.unwrap();
            assert_eq!(response.status(), status, "{name}{path}");
            assert_eq!(
                session.last_used().await,
                Some(session.clock.now()),
                "{name}{path}"
            );
        }
    }
}

#[tokio::test]
async fn a_request_that_its_client_gives_up_is_a_use() {
    for (name, session) in sessions().await {
        session.clock.advance(Duration::from_secs(29));
        let response = web(&session).oneshot(session.request("/waits", Body::empty()));
        let given_up = tokio::time::timeout(Duration::ZERO, response).await;
        assert!(given_up.is_err(), "{name} waits");
        assert_eq!(
            session.last_used().await,
            Some(session.clock.now()),
            "{name}"
        );
    }
}

/// Lets nobody in who may not write.
struct Strict;

#[tonic::async_trait]
impl Greeter for Strict {
    async fn hello(
        &self,
        request: tonic::Request<HelloRequest>,
    ) -> Result<tonic::Response<HelloReply>, Status> {
        let user = AuthenticatedUser::from_extensions(request.extensions())?;
        user.require(&Policy::scope(request.get_ref().greeting.clone()))?;
        Ok(tonic::Response::new(HelloReply::default()))
    }

    type CountStream = tokio_stream::Empty<Result<HelloReply, Status>>;

    async fn count(
        &self,
        _: tonic::Request<HelloRequest>,
    ) -> Result<tonic::Response<Self::CountStream>, Status> {
        Err(Status::permission_denied("not by this crate"))
    }
}

#[tokio::test]
async fn a_grpc_method_is_a_use_unless_it_denies() {
    for (name, session) in sessions().await {
        let methods = [
            (HELLO, "read", true),
            (HELLO, "write", false),
            (COUNT, "", true),
        ];
        for (path, greeting, is_use) in methods {
            session.clock.advance(Duration::from_secs(9));
            let greeting = greeting.to_owned();
            let mut request = session.request(path, message(&HelloRequest { greeting }));
            let grpc = HeaderValue::from_static("application/grpc");
            request.headers_mut().insert("content-type", grpc);
            let server = session.layer.layer(GreeterServer::new(Strict));
            let response = server.oneshot(request).await.unwrap();
            assert_eq!(response.status(), 200, "{name}{path}");
            let was_used = session.last_used().await == Some(session.clock.now());
            assert_eq!(was_used, is_use, "{name}{path}");
        }
    }
}

/// A message as gRPC frames it: not compressed, its length, its bytes.
fn message(message: &impl prost::Message) -> tonic::body::Body {
    let encoded = message.encode_to_vec();
    let len = u32::try_from(encoded.len()).unwrap();
    let framed = [&[0][..], &len.to_be_bytes(), &encoded].concat();
    tonic::body::Body::new(Full::new(Bytes::from(framed)))
}

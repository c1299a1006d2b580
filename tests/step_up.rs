//! Step-up authentication (RFC 9470): a challenge says which login is needed, and a token of such a login is
//! let in. The client here knows nothing but what the challenge says.
#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use tower::{Layer, ServiceBuilder};
use tower_bearer::caller::Denied;
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::Algorithm;
use tower_bearer::policy::Policy;
use tower_bearer::scope::ScopeSet;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Reason, Refusal, RequireLayer};

use support::answers::{Seen, Told, grpc_request, request, send};
use support::challenge::{Challenge, bearer};
use support::grpc::{GreeterServer, HELLO, Polite, channel, hello};
use support::inner::Inner;
use support::wire::listener;

const START: Timestamp = Timestamp::from_unix_secs(1_700_000_000);
const METADATA: &str = "https://bank.example/.well-known/oauth-protected-resource";

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// The authorization server, at which alice logged in by password an hour ago.
struct Authorizer {
    issuer: JwtIssuer,
    clock: ManualClock,
    login: Timestamp,
    acr: String,
}

impl Authorizer {
    fn new() -> Self {
        let clock = ManualClock::new(START);
        let issuer = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .issuer("https://id.example.com")
            .audience("https://bank.example")
            .lifetime(secs(600))
            .clock(clock.clone())
            .build()
            .unwrap();
        Self {
            issuer,
            login: START,
            acr: "pwd".to_owned(),
            clock,
        }
    }

    fn layer(&self) -> BearerAuthLayer {
        let verifier = self.issuer.verifier().build().unwrap();
        BearerAuthLayer::builder(verifier)
            .clock(self.clock.clone())
            .resource_metadata(METADATA)
            .build()
            .unwrap()
    }

    /// An access token, as of the login that there was.
    fn token(&self, scopes: &str) -> String {
        let new = NewJwt::new("alice")
            .scopes(scopes.parse().unwrap())
            .auth_time(self.login)
            .acr(&*self.acr);
        self.issuer.issue(new).unwrap().token.reveal()
    }

    /// RFC 9470 §4: what the challenge says becomes the authorization request. Alice logs in again where her
    /// login is too old or too weak.
    fn step_up(&mut self, challenge: &Challenge) -> String {
        assert_eq!(challenge.get("resource_metadata"), Some(METADATA));
        let now = self.clock.now();
        let max_age = challenge.get("max_age").map(|age| age.parse().unwrap());
        let too_old = max_age.is_some_and(|age| now.since(self.login) > secs(age));
        let acr_values = challenge.get("acr_values").unwrap_or_default();
        let mut classes = acr_values.split(' ').filter(|class| !class.is_empty());
        let too_weak =
            acr_values.split(' ').all(|class| class != self.acr) && !acr_values.is_empty();
        if too_old || too_weak {
            self.login = now;
            self.acr = classes.next().unwrap_or("pwd").to_owned();
        }
        self.token(challenge.get("scope").unwrap_or("accounts:read"))
    }
}

/// What a transfer asks for.
fn transfer() -> Policy {
    Policy::scope("payments:write")
        .and(Policy::acr(["phr", "phrh"]))
        .and(Policy::max_age(secs(300)))
}

/// Each way to call, and what comes back: the answer's challenge, or nothing where the caller was let in.
async fn whole_round(call: impl AsyncFn(&str, &Authorizer) -> Option<Challenge>) {
    let mut id = Authorizer::new();
    id.clock.advance(secs(3600));
    let first = id.token("accounts:read");

    // One challenge names all: scope, class and age. One new token has them all.
    let challenge = call(&first, &id).await.unwrap();
    assert_eq!(
        challenge.get("error"),
        Some("insufficient_user_authentication")
    );
    assert_eq!(challenge.get("scope"), Some("payments:write"));
    assert_eq!(challenge.get("acr_values"), Some("phr phrh"));
    assert_eq!(challenge.get("max_age"), Some("300"));
    let second = id.step_up(&challenge);
    assert_eq!(call(&second, &id).await, None);

    // The login grows old while its token is good; the class and the scope are told all the same, since the
    // next token needs them too.
    id.clock.advance(secs(301));
    let challenge = call(&second, &id).await.unwrap();
    assert_eq!(
        challenge.get("error"),
        Some("insufficient_user_authentication")
    );
    assert_eq!(challenge.get("scope"), Some("payments:write"));
    assert_eq!(challenge.get("acr_values"), Some("phr phrh"));
    assert_eq!(challenge.get("max_age"), Some("300"));
    let third = id.step_up(&challenge);
    assert_eq!(call(&third, &id).await, None);

    // A token of the same strong login without the scope is a matter of the scope alone.
    let challenge = call(&id.token("accounts:read"), &id).await.unwrap();
    assert_eq!(challenge.get("error"), Some("insufficient_scope"));
    assert_eq!(challenge.get("scope"), Some("payments:write"));
    assert_eq!(challenge.get("acr_values"), None);
    let fourth = id.step_up(&challenge);
    assert_eq!(call(&fourth, &id).await, None);
}

fn told(seen: &Seen) -> Option<Challenge> {
    match seen.status.as_u16() {
        200 => None,
        status => {
            let challenge = seen.challenge();
            let told = match challenge.get("error") {
                Some("insufficient_scope") => Told::FORBIDDEN,
                _ => Told::WEAK_LOGIN,
            };
            assert_eq!(status, told.status);
            told.assert_http(seen, None);
            Some(challenge)
        }
    }
}

#[tokio::test]
async fn the_whole_round_in_axum_on_a_route() {
    whole_round(async |token, id| {
        let transfer = RequireLayer::new(transfer()).unwrap();
        let app = Router::new()
            .route("/", post(async || "done").layer(transfer))
            .layer(id.layer())
            .into_service();
        let bearer = format!("Bearer {token}");
        let mut request = request("/", &[bearer.as_bytes()]).map(Body::from);
        *request.method_mut() = http::Method::POST;
        told(&send(&app, request).await)
    })
    .await;
}

#[tokio::test]
async fn the_whole_round_in_axum_in_a_handler() {
    async fn pay(user: AuthenticatedUser) -> Result<&'static str, Denied> {
        user.require(&transfer())?;
        Ok("done")
    }
    whole_round(async |token, id| {
        let app = Router::new().route("/", post(pay)).layer(id.layer());
        let bearer = format!("Bearer {token}");
        let mut request = request("/", &[bearer.as_bytes()]).map(Body::from);
        *request.method_mut() = http::Method::POST;
        told(&send(&app.into_service(), request).await)
    })
    .await;
}

#[tokio::test]
async fn the_whole_round_in_tower() {
    whole_round(async |token, id| {
        let service = ServiceBuilder::new()
            .layer(id.layer())
            .layer(RequireLayer::new(transfer()).unwrap())
            .service(Inner::default());
        let bearer = format!("Bearer {token}");
        told(&send(&service, request("/", &[bearer.as_bytes()])).await)
    })
    .await;
}

#[tokio::test]
async fn the_whole_round_in_tonic() {
    whole_round(async |token, id| {
        let address = serve_grpc(id.layer()).await;
        let mut greeter = support::grpc::GreeterClient::new(channel(address).await);
        let mut request = tonic::Request::new(hello());
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
        let status = greeter.hello(request).await.err()?;
        let challenge = bearer(&status.metadata().clone().into_headers());
        let code = match challenge.get("error") {
            Some("insufficient_scope") => tonic::Code::PermissionDenied,
            _ => tonic::Code::Unauthenticated,
        };
        assert_eq!(status.code(), code);
        Some(challenge)
    })
    .await;
}

async fn serve_grpc(layer: BearerAuthLayer) -> SocketAddr {
    let (listener, address) = listener().await;
    let policy = Policy::by_grpc_method([(HELLO, transfer())], Policy::authenticated());
    let service = RequireLayer::new(policy).unwrap();
    let server = tonic::transport::Server::builder()
        .layer(layer)
        .add_service(service.layer(GreeterServer::new(Polite)))
        .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
    tokio::spawn(server);
    address
}

// --- policies joined

fn alice() -> Identity {
    Identity::new("alice", CredentialKind::Jwt)
        .with_scopes(ScopeSet::from_static("read"))
        .with_acr("pwd")
        .with_auth_time(START)
}

/// The refusal of alice an hour after her login: reason, scope, classes, age.
fn asked(policy: &Policy) -> (Reason, String, String, Option<u64>) {
    let later = START.saturating_add(secs(3600));
    let refusal = policy.judge(Some(&alice()), None, later).unwrap_err();
    let scope = refusal.scope().map(ToString::to_string).unwrap_or_default();
    let acr = refusal.acr_values().collect::<Vec<_>>().join(" ");
    (
        refusal.reason(),
        scope,
        acr,
        refusal.max_age().map(|age| age.as_secs()),
    )
}

#[test]
fn a_scope_and_a_login_that_are_both_missing_are_asked_for_at_once() {
    let (write, strong) = (Policy::scope("write"), Policy::acr(["phr"]));
    let weak = Reason::InsufficientAuthentication;
    let both = (weak, "write".to_owned(), "phr".to_owned(), None);
    assert_eq!(asked(&write.clone().and(strong.clone())), both);
    assert_eq!(asked(&strong.clone().and(write.clone())), both);
    let nested = Policy::scope("read").and(write.clone().and(strong.clone()));
    let all = (weak, "read write".to_owned(), "phr".to_owned(), None);
    assert_eq!(asked(&nested), all);
    let fresh = Policy::max_age(secs(60));
    let all = (weak, "write".to_owned(), "phr".to_owned(), Some(60));
    assert_eq!(
        asked(&Policy::all([fresh, write.clone(), strong.clone()])),
        all
    );

    // What no token can cure comes first, and is not worth a login.
    let role = write.and(strong).and(Policy::role("teller"));
    let (reason, scope, acr, _) = asked(&role);
    assert_eq!(reason, Reason::Forbidden);
    assert_eq!((&*scope, &*acr), ("write", ""));
}

#[test]
fn a_login_that_is_missing_alone_is_asked_for_with_the_scopes_that_are_held() {
    let weak = Reason::InsufficientAuthentication;
    let policy = Policy::scope("read").and(Policy::acr(["phr"]));
    let told = (weak, "read".to_owned(), "phr".to_owned(), None);
    assert_eq!(asked(&policy), told);
    let (reason, scope, ..) = asked(&Policy::acr(["phr"]));
    assert_eq!((reason, &*scope), (weak, ""));
}

#[test]
fn classes_that_are_good_for_all_conditions_are_named() {
    let acr = |values: &[&str]| Policy::acr(values.iter().copied());
    let named = |policy: Policy| asked(&policy).2;
    assert_eq!(named(acr(&["a", "b"]).and(acr(&["b", "c"]))), "b");
    assert_eq!(named(acr(&["c", "b", "a"]).and(acr(&["a", "b"]))), "b a");
    // Alice's class is good for one of them and not for the other, so a new login must be good for both.
    assert_eq!(named(acr(&["pwd", "a"]).and(acr(&["b", "a"]))), "a");
    assert_eq!(named(acr(&["b", "a"]).and(acr(&["pwd", "a"]))), "a");
    // What excludes each other is met by no login.
    assert_eq!(named(acr(&["a"]).and(acr(&["b"]))), "a");
}

#[test]
fn the_least_age_is_named_met_or_not() {
    let age = |policy: Policy| asked(&policy).3;
    let (day, minute) = (Policy::max_age(secs(86_400)), Policy::max_age(secs(60)));
    assert_eq!(age(day.clone().and(minute.clone())), Some(60));
    assert_eq!(age(minute.or(Policy::max_age(secs(30)))), Some(60));
    assert_eq!(age(day.clone().and(Policy::acr(["phr"]))), Some(86_400));
    assert_eq!(
        age(Policy::acr(["phr"]).and(Policy::scope("read").and(day))),
        Some(86_400)
    );
}

#[test]
fn of_several_ways_the_one_that_needs_least_is_asked_for() {
    let weak = Reason::InsufficientAuthentication;
    let login = Policy::acr(["phr"]);
    let both = Policy::scope("write").and(Policy::acr(["phrh"]));
    let told = (weak, String::new(), "phr".to_owned(), None);
    let (reason, _, acr, age) = asked(&both.clone().or(login.clone()));
    assert_eq!((reason, &*acr, age), (told.0, &*told.2, told.3));
    let (reason, scope, ..) = asked(&Policy::scope("x").or(both));
    assert_eq!((reason, &*scope), (Reason::InsufficientScope, "x"));
}

#[tokio::test]
async fn a_service_asks_in_code_for_what_it_alone_knows() {
    let id = Authorizer::new();
    let inner = Inner::default();
    let service = id.layer().layer(inner.clone());
    let bearer = format!("Bearer {}", id.token("read"));
    send(&service, request("/", &[bearer.as_bytes()])).await;
    let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
    let refusal = Refusal::insufficient_authentication(["phr"], Some(secs(60)))
        .with_scope(ScopeSet::from_static("payments:write"));
    let denied = user.deny(refusal);
    let seen = Seen::of(denied.into_response::<http_body_util::Full<bytes::Bytes>>()).await;
    Told::WEAK_LOGIN.assert_http(&seen, None);
    let challenge = seen.challenge();
    assert_eq!(
        challenge.names(),
        [
            "resource_metadata",
            "error",
            "error_description",
            "scope",
            "acr_values",
            "max_age"
        ]
    );
    assert_eq!(seen.json()["scope"], "payments:write");
}

#[tokio::test]
async fn a_stranger_is_told_the_scopes_and_not_the_login() {
    let id = Authorizer::new();
    let service = BearerAuthLayer::builder(id.issuer.verifier().build().unwrap())
        .require(transfer())
        .build()
        .unwrap()
        .layer(Inner::default());
    for seen in [
        send(&service, request("/", &[])).await,
        send(&service, grpc_request(HELLO, &[b"Bearer x.y.z"])).await,
    ] {
        let challenge = seen.challenge();
        assert_eq!(challenge.get("scope"), Some("payments:write"));
        assert_eq!(challenge.get("acr_values"), None);
        assert_eq!(challenge.get("max_age"), None);
    }
}

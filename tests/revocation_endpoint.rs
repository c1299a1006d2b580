//! The revocation endpoint of RFC 7009: who may end what, and what is answered.
#![allow(clippy::unwrap_used)]

#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use support::{secs, shape};
use tower::ServiceExt;
use tower_bearer::audit::{Actor, AuditAction, AuditTrail, ChannelSink};
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Confirmation;
use tower_bearer::issue::{
    JwtIssuer, Login, NewJwt, NewToken, RefreshTokens, SigningKey, TokenIssuer,
};
use tower_bearer::keys::Algorithm;
use tower_bearer::node::Node;
use tower_bearer::policy::Policy;
use tower_bearer::revocation::{
    MemoryRevocations, Revocation, RevocationEndpoint, RevocationStore, Revocations, Revoker,
    Target,
};
use tower_bearer::store::{MemoryStore, StoreError};
use tower_bearer::verifier::{
    ApiKeyVerifier, CacheSettings, OpaqueTokenVerifier, Presented, TokenRouter, TokenVerifierExt,
};
use tower_bearer::{
    AuthenticatedUser, BearerAuthLayer, ConfigError, Reason, TokenVerifier, async_trait,
};

const ISSUER: &str = "https://id.example.com";
const HOUR: Duration = Duration::from_secs(3600);
const UNKNOWN: &str = "st_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA000000";

/// Revocations that may be out of reach.
#[derive(Debug, Default)]
struct Remote {
    inner: MemoryRevocations,
    is_down: AtomicBool,
}

impl Remote {
    fn reach(&self) -> Result<&MemoryRevocations, StoreError> {
        if self.is_down.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable {
                store: "remote",
                source: "no route to host".into(),
            });
        }
        Ok(&self.inner)
    }
}

#[async_trait]
impl RevocationStore for Remote {
    async fn put(&self, revocation: &Revocation) -> Result<(), StoreError> {
        self.reach()?.put(revocation).await
    }

    async fn latest_before(&self, targets: &[Target]) -> Result<Option<Timestamp>, StoreError> {
        // Only writing fails: what was verified is known, and could not be ended.
        self.inner.latest_before(targets).await
    }

    async fn prune(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        self.reach()?.prune(now, limit).await
    }
}

/// Sessions, API keys, JWTs and refresh tokens of one service, which all remember what they verified.
struct Desk {
    clock: ManualClock,
    node: Node,
    sessions: TokenIssuer,
    keys: TokenIssuer,
    jwts: JwtIssuer,
    refresh: RefreshTokens,
    remote: Arc<Remote>,
    revoker: Revoker,
    verifier: Arc<dyn TokenVerifier>,
}

impl Desk {
    fn new() -> Self {
        let clock = ManualClock::new(secs(1_700_000_000));
        let jwts = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .issuer(ISSUER)
            .audience("https://api.example.com")
            .lifetime(HOUR)
            .clock(clock.clone())
            .build()
            .unwrap();
        let remote = Arc::new(Remote::default());
        let revocations = Revocations::new(remote.clone(), HOUR).unwrap();
        let revocations = revocations.with_clock(clock.clone());
        let node = Node::builder(Arc::new(MemoryStore::new()))
            .revocations(revocations.clone())
            .clock(clock.clone())
            .start()
            .unwrap();
        let jwt_verifier = jwts.verifier().build().unwrap();
        let verifier = TokenRouter::builder()
            .prefix(
                "ak_",
                ApiKeyVerifier::new(node.tokens(), shape("ak_")).unwrap(),
            )
            .prefix("st_", OpaqueTokenVerifier::new(node.tokens(), shape("st_")))
            .jwt(jwt_verifier.revocable(revocations.clone()))
            .build()
            .unwrap();
        let revoker = Revoker::new()
            .with_tokens(node.tokens())
            .with_revocations(revocations.clone())
            .with_own_issuer(ISSUER)
            .with_administrators(Policy::role("admin"))
            .with_clock(clock.clone());
        let refresh = RefreshTokens::new(node.tokens(), shape("rt_"), jwts.clone(), HOUR).unwrap();
        Self {
            sessions: TokenIssuer::opaque(node.tokens(), shape("st_")).with_clock(clock.clone()),
            keys: TokenIssuer::api_keys(node.tokens(), shape("ak_"))
                .unwrap()
                .with_clock(clock.clone()),
            refresh: refresh
                .with_clock(clock.clone())
                .with_revocations(revocations),
            verifier: Arc::new(verifier.cached(CacheSettings::new()).unwrap()),
            node,
            clock,
            jwts,
            remote,
            revoker,
        }
    }

    async fn session(&self, new: NewToken) -> String {
        let minted = self.sessions.mint(new.lifetime(HOUR)).await.unwrap();
        minted.token.reveal()
    }

    async fn alice(&self) -> String {
        self.session(NewToken::session("alice")).await
    }

    fn jwt(&self, new: NewJwt) -> String {
        self.jwts.issue(new).unwrap().token.reveal()
    }

    fn app(&self) -> Router {
        let endpoint = RevocationEndpoint::new(self.verifier.clone(), self.revoker.clone());
        let endpoint = endpoint.unwrap().with_refresh_tokens(self.refresh.clone());
        self.app_with(endpoint.with_body())
    }

    fn app_with(&self, endpoint: RevocationEndpoint<Body>) -> Router {
        let layer = BearerAuthLayer::builder(self.verifier.clone()).clock(self.clock.clone());
        Router::new()
            .route("/me", get(async |_: AuthenticatedUser| "me"))
            .route_service("/revoke", endpoint)
            .layer(layer.build().unwrap())
    }

    async fn is_good(&self, token: &str) -> bool {
        let request = Request::get("/me").header(AUTHORIZATION, format!("Bearer {token}"));
        let request = request.body(Body::empty()).unwrap();
        let status = self.app().oneshot(request).await.unwrap().status();
        assert!(
            status == StatusCode::OK || status == StatusCode::UNAUTHORIZED,
            "{status}"
        );
        status == StatusCode::OK
    }

    async fn revoke(&self, by: &str, token: &str) -> Response<Body> {
        self.post(by, &format!("token={token}")).await
    }

    async fn post(&self, by: &str, form: &str) -> Response<Body> {
        let request = form_request(by, form.to_owned());
        self.app().oneshot(request).await.unwrap()
    }
}

fn form_request(by: &str, form: String) -> Request<Body> {
    Request::post("/revoke")
        .header(AUTHORIZATION, format!("Bearer {by}"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap()
}

async fn error_of(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    json["error"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_kind_of_token_is_ended_by_its_owner_and_no_other_is_touched() {
    let desk = Desk::new();
    let alice = desk.alice().await;
    let key = desk.keys.mint(NewToken::api_key("alice")).await.unwrap();
    let mut tokens = vec![
        desk.alice().await,
        key.token.reveal(),
        desk.jwt(NewJwt::new("alice")),
    ];
    let bystanders = [desk.alice().await, desk.jwt(NewJwt::new("alice"))];
    // Itself last: a logout.
    tokens.push(alice.clone());
    for token in &tokens {
        assert!(desk.is_good(token).await);
        let response = desk.revoke(&alice, token).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.is_empty());
        assert!(!desk.is_good(token).await, "over when the answer is there");
    }
    for token in &bystanders {
        assert!(desk.is_good(token).await);
    }
}

#[tokio::test]
async fn a_refresh_token_ends_its_session_with_its_access_tokens() {
    let desk = Desk::new();
    let pair = desk.refresh.login(Login::new("alice")).await.unwrap();
    let (access, refresh) = (pair.access.token.reveal(), pair.refresh.reveal());
    let other = desk.refresh.login(Login::new("alice")).await.unwrap();
    let other = other.access.token.reveal();
    assert!(desk.is_good(&access).await);

    let bob = desk.session(NewToken::session("bob")).await;
    let response = desk.revoke(&bob, &refresh).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert!(desk.is_good(&access).await);

    let response = desk.revoke(&access, &refresh).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert!(!desk.is_good(&access).await);
    assert!(desk.is_good(&other).await, "another session goes on");
    let refresh = BearerToken::new(&refresh).unwrap();
    assert!(desk.refresh.renew(&refresh).await.is_err());
}

#[tokio::test]
async fn what_is_not_good_any_more_or_never_was_is_answered_alike() {
    let desk = Desk::new();
    let ended = desk.alice().await;
    let expired = desk.jwt(NewJwt::new("alice").lifetime(Duration::from_secs(1)));
    let of_bob = desk.session(NewToken::session("bob")).await;
    for (by, token) in [(&desk.alice().await, &ended), (&of_bob, &of_bob)] {
        assert_eq!(desk.revoke(by, token).await.status(), StatusCode::OK);
    }
    desk.clock.advance(Duration::from_secs(120));
    let alice = desk.alice().await;
    let too_long = "a".repeat(9_000);
    for token in [
        &ended, &of_bob, &expired, UNKNOWN, "a.b.c", "%20%00", "ak_", &too_long,
    ] {
        let response = desk.revoke(&alice, token).await;
        assert_eq!(response.status(), StatusCode::OK, "{token}");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.is_empty());
    }
    assert!(desk.is_good(&alice).await);
}

#[tokio::test]
async fn somebody_elses_token_is_refused_and_goes_on() {
    let desk = Desk::new();
    let bob = desk.session(NewToken::session("bob")).await;
    let bobs_jwt = desk.jwt(NewJwt::new("bob"));
    let alice = desk.alice().await;
    for token in [&bob, &bobs_jwt] {
        let response = desk.revoke(&alice, token).await;
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(desk.is_good(token).await);
    }
}

#[tokio::test]
async fn who_ended_what_and_who_was_refused_to_is_in_the_trail() {
    let mut desk = Desk::new();
    let (sink, events) = ChannelSink::new(10).unwrap();
    let trail = AuditTrail::builder().sink(sink).build().unwrap();
    let pair = desk.refresh.login(Login::new("bob")).await.unwrap();
    desk.revoker = desk.revoker.with_audit(trail.clone());
    desk.refresh = desk.refresh.with_audit(trail);
    let bob = desk.session(NewToken::session("bob")).await;
    let (refresh, jwt) = (pair.refresh.reveal(), desk.jwt(NewJwt::new("bob")));
    let alice = desk.alice().await;

    let not_revoked = AuditAction::NotRevoked(Reason::Forbidden);
    for (by, token, action) in [
        ("alice", &jwt, not_revoked),
        ("alice", &refresh, not_revoked),
        ("bob", &jwt, AuditAction::Revoked),
        ("bob", &refresh, AuditAction::RevokedAll(1)),
        ("bob", &bob, AuditAction::Revoked),
    ] {
        let by_token = if by == "bob" { &bob } else { &alice };
        desk.revoke(by_token, token).await;
        let event = events.try_recv().unwrap();
        assert_eq!(
            (event.action, event.actor),
            (action, Some(Actor::User(by.into())))
        );
        let target = event.target.unwrap();
        assert_eq!(target.subject.as_deref(), Some("bob"));
        let of_session = token == &refresh;
        let session = of_session.then(|| pair.session_id.clone());
        assert_eq!(target.session_id, session);
        assert!(events.try_recv().is_err(), "one line");
    }
}

#[tokio::test]
async fn the_client_it_was_given_to_and_an_administrator_may_end_a_token() {
    let desk = Desk::new();
    let of_client = || NewToken::session("bob").client_id("web");
    let (one, two) = (
        desk.session(of_client()).await,
        desk.session(of_client()).await,
    );
    let client = |id: &str| NewToken::session("service").client_id(id);
    let other_client = desk.session(client("cli")).await;
    let response = desk.revoke(&other_client, &one).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    let same_client = desk.session(client("web")).await;
    assert_eq!(
        desk.revoke(&same_client, &one).await.status(),
        StatusCode::OK
    );
    assert!(!desk.is_good(&one).await);

    let admin = NewToken::session("root").role(tower_bearer::identity::RoleGrant::new("admin"));
    let admin = desk.session(admin).await;
    assert_eq!(desk.revoke(&admin, &two).await.status(), StatusCode::OK);
    assert!(!desk.is_good(&two).await);
}

#[tokio::test]
async fn a_subject_of_another_issuer_is_somebody_else() {
    let desk = Desk::new();
    let jwt = desk.jwt(NewJwt::new("alice"));
    let alice = desk.alice().await;
    let strict = Revoker::new()
        .with_tokens(desk.node.tokens())
        .with_own_issuer("https://other.example.com");
    let endpoint = RevocationEndpoint::new(desk.verifier.clone(), strict).unwrap();
    let app = desk.app_with(endpoint.with_body());
    for (by, token) in [(&jwt, &alice), (&alice, &jwt)] {
        let request = form_request(by, format!("token={token}"));
        let response = app.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert!(desk.is_good(token).await);
    }
}

#[tokio::test]
async fn a_token_that_nothing_can_end_is_not_said_to_be_ended() {
    let desk = Desk::new();
    let jwt = desk.jwt(NewJwt::new("alice"));
    let revoker = Revoker::new().with_tokens(desk.node.tokens());
    let endpoint = RevocationEndpoint::new(desk.verifier.clone(), revoker).unwrap();
    let app = desk.app_with(endpoint.with_body());
    let request = form_request(&jwt, format!("token={jwt}"));
    let response = app.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(error_of(response).await, "unsupported_token_type");
}

#[tokio::test]
async fn a_stranger_is_challenged() {
    let desk = Desk::new();
    let token = desk.alice().await;
    let mut request = form_request("", format!("token={token}"));
    request.headers_mut().remove(AUTHORIZATION);
    let response = desk.app().oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert!(response.headers().contains_key("www-authenticate"));
    assert!(desk.is_good(&token).await);

    // Anonymous where the layer lets that pass, and a wiring fault where there is no layer.
    let endpoint = || RevocationEndpoint::new(desk.verifier.clone(), desk.revoker.clone()).unwrap();
    let layer = BearerAuthLayer::builder(desk.verifier.clone()).optional();
    let open = Router::new()
        .route_service("/revoke", endpoint().with_body::<Body>())
        .layer(layer.build().unwrap());
    let bare = Router::new().route_service("/revoke", endpoint().with_body::<Body>());
    for (app, status) in [(open, 401), (bare, 500)] {
        let mut request = form_request("", format!("token={token}"));
        request.headers_mut().remove(AUTHORIZATION);
        assert_eq!(app.oneshot(request).await.unwrap().status(), status);
    }
    assert!(desk.is_good(&token).await);
}

#[tokio::test]
async fn what_is_no_form_with_one_token_is_told_so() {
    let desk = Desk::new();
    let alice = desk.alice().await;
    let spare = desk.alice().await;
    for (form, status) in [
        (String::new(), 400),
        ("token=".to_owned(), 400),
        ("token_type_hint=access_token".to_owned(), 400),
        (format!("token={spare}&token={spare}"), 400),
        (format!("token={}", "a".repeat(40_000)), 413),
    ] {
        let response = desk.post(&alice, &form).await;
        assert_eq!(response.status(), status, "{form}");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(error_of(response).await, "invalid_request");
    }
    for kind in ["application/json", "text/plain", "multipart/form-data"] {
        let mut request = form_request(&alice, format!("token={spare}"));
        let kind = http::HeaderValue::from_static(kind);
        request.headers_mut().insert(CONTENT_TYPE, kind);
        let response = desk.app().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    for method in ["GET", "PUT", "DELETE"] {
        let mut request = form_request(&alice, format!("token={spare}"));
        *request.method_mut() = method.parse().unwrap();
        let response = desk.app().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], "POST");
    }
    assert!(desk.is_good(&spare).await);

    // Whatever hint, escapes and parameters there are besides.
    let escaped: String = spare.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form = format!("x=1&token_type_hint=nonsense&token={escaped}");
    assert_eq!(desk.post(&alice, &form).await.status(), StatusCode::OK);
    assert!(!desk.is_good(&spare).await);
}

#[tokio::test]
async fn while_the_store_is_down_the_client_is_told_to_try_again() {
    let desk = Desk::new();
    let alice = desk.alice().await;
    let jwt = desk.jwt(NewJwt::new("alice"));
    desk.remote.is_down.store(true, Ordering::SeqCst);
    let response = desk.revoke(&alice, &jwt).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers()[RETRY_AFTER], "1");
    desk.remote.is_down.store(false, Ordering::SeqCst);
    assert_eq!(desk.revoke(&alice, &jwt).await.status(), StatusCode::OK);
    assert!(!desk.is_good(&jwt).await);
}

#[tokio::test]
async fn a_logout_in_code_needs_no_form() {
    let desk = Desk::new();
    for token in [desk.alice().await, desk.jwt(NewJwt::new("alice"))] {
        let verified = support::verify(&*desk.verifier, &token, secs(1_700_000_000)).await;
        desk.revoker.revoke(&verified.unwrap()).await.unwrap();
        assert!(!desk.is_good(&token).await);
    }
}

#[test]
fn a_policy_that_cannot_be_right_is_refused_when_built() {
    let verifier = OpaqueTokenVerifier::new(Arc::new(MemoryStore::new()), shape("st_"));
    let revoker = Revoker::new().with_administrators(Policy::scope("a scope"));
    let refused: ConfigError = RevocationEndpoint::new(verifier, revoker).unwrap_err();
    assert!(refused.to_string().contains("scope"), "{refused}");
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_is_ended_without_a_proof() {
    let desk = Desk::new();
    let alice = desk.alice().await;
    let key = Confirmation::key("0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I").unwrap();
    let bound = desk.jwt(NewJwt::new("alice").bound_to(key));
    let mut presented = Presented::new(BearerToken::new(&bound).unwrap(), desk.clock.now());
    presented.checks_proof = true;

    desk.verifier.verify(&presented).await.unwrap();
    assert_eq!(desk.revoke(&alice, &bound).await.status(), StatusCode::OK);
    let ended = desk.verifier.verify(&presented).await.unwrap_err();
    assert_eq!(ended.reason(), Reason::Revoked);
}

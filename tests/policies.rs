//! What a caller must have, who is told what where it is missing, and in whose name.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use http::Request;
use tower::{Layer, ServiceBuilder};
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::identity::{CredentialKind, Identity, RoleGrant};
use tower_bearer::middleware::BearerAuthLayerBuilder;
use tower_bearer::policy::Policy;
use tower_bearer::scope::ScopeSet;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, Reason, RequestHead, RequireLayer};

use support::answers::{Seen, Told, bare, grpc_request, request, send, with_token};
use support::clock::{START, clock};
use support::inner::Inner;
use support::log::Log;
use support::verifiers::{Pace, admits, admits_as};

/// May read orders, edits site 1, audits everywhere, logged in five minutes ago with a hardware key.
fn alice() -> Identity {
    Identity::new("alice", CredentialKind::Session)
        .with_scopes("orders:read profile".parse().unwrap())
        .with_role(RoleGrant::on("editor", "site-1"))
        .with_role(RoleGrant::new("auditor"))
        .with_auth_time(START.saturating_sub(Duration::from_secs(300)))
        .with_acr("hardware")
}

fn head(path: &str) -> Request<()> {
    Request::get(path).body(()).unwrap()
}

/// Why `policy` is not met by a caller who asks for `path`.
fn judged(policy: &Policy, caller: Option<&Identity>, path: &str) -> Result<(), Reason> {
    let request = head(path);
    let judged = policy.judge(caller, Some(&RequestHead::of(&request)), START);
    judged.map(|_| ()).map_err(|refusal| refusal.reason())
}

const MET: Result<(), Reason> = Ok(());
const ANONYMOUS: Result<(), Reason> = Err(Reason::Anonymous);
const FORBIDDEN: Result<(), Reason> = Err(Reason::Forbidden);
const SCOPE: Result<(), Reason> = Err(Reason::InsufficientScope);
const LOGIN: Result<(), Reason> = Err(Reason::InsufficientAuthentication);

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// Each condition alone, held against alice.
fn conditions() -> Vec<(Policy, Result<(), Reason>)> {
    let site = |head: &RequestHead<'_>| head.uri.path().split('/').nth(2).map(str::to_owned);
    vec![
        (Policy::anyone(), MET),
        (Policy::authenticated(), MET),
        (Policy::scope("orders:read"), MET),
        (Policy::scopes(["orders:read", "profile"]), MET),
        (Policy::scope("orders"), SCOPE),
        (Policy::scope("orders:rea"), SCOPE),
        (Policy::scope("Orders:read"), SCOPE),
        (Policy::scope("orders:write"), SCOPE),
        (Policy::scopes(["orders:read", "orders:write"]), SCOPE),
        (Policy::role("auditor"), MET),
        (Policy::role("editor"), FORBIDDEN), // held on one site alone
        (Policy::role("Auditor"), FORBIDDEN),
        (Policy::role(""), FORBIDDEN),
        (Policy::role_on("editor", "site-1"), MET),
        (Policy::role_on("editor", "site-2"), FORBIDDEN),
        (Policy::role_on("editor", ""), FORBIDDEN),
        (Policy::role_on("auditor", "site-2"), MET), // held everywhere
        (Policy::role_on("owner", "site-1"), FORBIDDEN),
        (Policy::role_on_requested("editor", site), MET),
        (Policy::role_on_requested("owner", site), FORBIDDEN),
        (
            Policy::role_on_requested("editor", |_| Some("site-2".to_owned())),
            FORBIDDEN,
        ),
        (Policy::role_on_requested("editor", |_| None), FORBIDDEN),
        (Policy::role_on_requested("auditor", |_| None), MET),
        (Policy::kind(CredentialKind::Session), MET),
        (
            Policy::kinds([CredentialKind::Jwt, CredentialKind::Session]),
            MET,
        ),
        (Policy::kind(CredentialKind::ApiKey), FORBIDDEN),
        (Policy::max_age(secs(300)), MET),
        (Policy::max_age(secs(299)), LOGIN),
        (Policy::max_age(Duration::MAX), MET),
        (Policy::max_age(Duration::ZERO), LOGIN),
        (Policy::acr(["hardware"]), MET),
        (Policy::acr(["platinum", "hardware"]), MET),
        (Policy::acr(["platinum"]), LOGIN),
        (Policy::acr(["Hardware"]), LOGIN),
        (
            Policy::check(|identity, _| identity.subject() == "alice"),
            MET,
        ),
        (
            Policy::check(|identity, _| identity.subject() == "bob"),
            FORBIDDEN,
        ),
        (
            Policy::check(|_, head| head.is_some_and(|head| head.method == "GET")),
            MET,
        ),
    ]
}

#[test]
fn each_condition_is_met_or_refused_for_its_own_reason() {
    for (policy, expected) in conditions() {
        let judged = judged(&policy, Some(&alice()), "/sites/site-1/pages");
        assert_eq!(judged, expected, "{policy:?}");
    }
}

#[test]
fn an_anonymous_caller_meets_anyone_and_nothing_else() {
    for (policy, _) in conditions() {
        let is_anyone = format!("{policy:?}") == "Anyone";
        let expected = if is_anyone { MET } else { ANONYMOUS };
        assert_eq!(
            judged(&policy, None, "/sites/site-1"),
            expected,
            "{policy:?}"
        );
        // Nor the opposite of anything.
        assert_eq!(judged(&policy.clone().negate(), None, "/"), ANONYMOUS);
        assert_eq!(judged(&policy.negate().negate(), None, "/"), ANONYMOUS);
    }
    let anyone = Policy::anyone;
    assert_eq!(judged(&anyone().or(Policy::role("x")), None, "/"), MET);
    assert_eq!(judged(&Policy::role("x").or(anyone()), None, "/"), MET);
    assert_eq!(
        judged(&anyone().and(Policy::authenticated()), None, "/"),
        ANONYMOUS
    );
    assert_eq!(judged(&anyone().and(anyone()), None, "/"), MET);
}

#[test]
fn the_opposite_of_a_condition_is_met_where_it_is_not_and_names_nothing() {
    for (policy, expected) in conditions() {
        let opposite = match expected {
            MET => FORBIDDEN,
            _ => MET,
        };
        let path = "/sites/site-1/pages";
        assert_eq!(judged(&policy.negate(), Some(&alice()), path), opposite);
    }
}

#[test]
fn a_login_whose_time_is_unknown_or_to_come_is_not_fresh() {
    let fresh = Policy::max_age(secs(300));
    let unknown = Identity::new("bob", CredentialKind::Jwt);
    assert_eq!(judged(&fresh, Some(&unknown), "/"), LOGIN);
    assert_eq!(
        judged(&Policy::acr(["hardware"]), Some(&unknown), "/"),
        LOGIN
    );
    let at = |at| unknown.clone().with_auth_time(at);
    let ahead = |secs| at(START.saturating_add(Duration::from_secs(secs)));
    assert_eq!(judged(&fresh, Some(&ahead(0)), "/"), MET);
    assert_eq!(judged(&fresh, Some(&ahead(30)), "/"), MET);
    assert_eq!(judged(&fresh, Some(&ahead(31)), "/"), LOGIN);
    assert_eq!(judged(&fresh, Some(&at(Timestamp::MAX)), "/"), LOGIN);
    assert_eq!(
        judged(&fresh, Some(&at(Timestamp::from_unix_secs(i64::MIN))), "/"),
        LOGIN
    );
}

#[test]
fn a_login_grows_old_by_the_layers_clock() {
    let clock = clock();
    let fresh = Policy::max_age(secs(600));
    let judge = |clock: &ManualClock| {
        use tower_bearer::clock::Clock;
        fresh.judge(Some(&alice()), None, clock.now()).is_ok()
    };
    clock.advance(secs(300));
    assert!(judge(&clock));
    clock.advance(Duration::from_millis(1));
    assert!(!judge(&clock));
}

#[test]
fn of_several_refusals_joined_by_and_the_hardest_to_cure_is_the_answer() {
    let (role, scope, login) = (
        Policy::role("owner"),
        Policy::scope("orders:write"),
        Policy::max_age(secs(1)),
    );
    let alice = alice();
    let both = |a: &Policy, b: &Policy| judged(&a.clone().and(b.clone()), Some(&alice), "/");
    for (hard, easy, answer) in [
        (&role, &scope, FORBIDDEN),
        (&role, &login, FORBIDDEN),
        // One new token brings both (RFC 9470 §3).
        (&scope, &login, LOGIN),
    ] {
        assert_eq!(both(hard, easy), answer);
        assert_eq!(both(easy, hard), answer);
    }
    let all = Policy::all([login, scope, role]);
    assert_eq!(judged(&all, Some(&alice), "/"), FORBIDDEN);
}

#[test]
fn of_several_refusals_joined_by_or_the_easiest_to_cure_is_the_answer() {
    let (role, scope, login) = (
        Policy::role("owner"),
        Policy::scope("orders:write"),
        Policy::max_age(secs(1)),
    );
    let alice = alice();
    let either = |a: &Policy, b: &Policy| judged(&a.clone().or(b.clone()), Some(&alice), "/");
    for (hard, easy, answer) in [
        (&role, &scope, SCOPE),
        (&role, &login, LOGIN),
        (&scope, &login, LOGIN),
    ] {
        assert_eq!(either(hard, easy), answer);
        assert_eq!(either(easy, hard), answer);
    }
    assert_eq!(either(&role, &Policy::role("auditor")), MET);
    assert_eq!(either(&Policy::role("auditor"), &role), MET);
}

#[test]
fn the_scopes_of_all_conditions_are_named_held_or_not() {
    let named = |policy: Policy| {
        let refusal = policy.judge(Some(&alice()), None, START).unwrap_err();
        assert_eq!(refusal.reason(), Reason::InsufficientScope);
        refusal.scope().unwrap().as_str().to_owned()
    };
    let scope = |scope| Policy::scope(scope);
    assert_eq!(named(Policy::scopes(["a", "b"])), "a b");
    assert_eq!(named(Policy::scopes(["orders:read", "a"])), "orders:read a");
    assert_eq!(named(scope("a").and(scope("b"))), "a b");
    assert_eq!(named(scope("orders:read").and(scope("a"))), "orders:read a");
    assert_eq!(named(scope("a").and(scope("b")).and(scope("a"))), "a b");
    assert_eq!(named(Policy::role("auditor").and(scope("a"))), "a");
    assert_eq!(named(scope("a").and(scope("x").or(scope("y")))), "a x");
}

#[test]
fn what_must_be_fresh_and_strong_is_asked_for_at_once() {
    let ask = |policy: Policy| policy.judge(Some(&alice()), None, START).unwrap_err();
    let refusal = ask(Policy::acr(["gold"]).and(Policy::max_age(secs(60))));
    assert_eq!(refusal.acr_values().collect::<Vec<_>>(), ["gold"]);
    assert_eq!(refusal.max_age(), Some(secs(60)));
    let refusal = ask(Policy::max_age(secs(60)).and(Policy::max_age(secs(30))));
    assert_eq!(refusal.max_age(), Some(secs(30)));
}

#[test]
fn a_grpc_method_has_its_own_policy_by_its_exact_path() {
    let policy = Policy::by_grpc_method(
        [
            ("/shop.Orders/Get", Policy::scope("orders:read")),
            ("/shop.Orders/Place", Policy::scope("orders:write")),
            ("/shop.Orders/Ping", Policy::anyone()),
        ],
        Policy::role("admin"),
    );
    let alice = alice();
    for (path, expected) in [
        ("/shop.Orders/Get", MET),
        ("/shop.Orders/Place", SCOPE),
        ("/shop.Orders/Ping", MET),
        // Whatever is not listed is held against the last policy.
        ("/shop.Orders/Get/", FORBIDDEN),
        ("/shop.Orders/get", FORBIDDEN),
        ("/shop.Orders/Ge%74", FORBIDDEN),
        ("//shop.Orders/Get", FORBIDDEN),
        ("/shop.Orders/Ping/", FORBIDDEN),
        ("/other.Orders/Get", FORBIDDEN),
        ("/", FORBIDDEN),
    ] {
        assert_eq!(judged(&policy, Some(&alice), path), expected, "{path}");
    }
    assert_eq!(judged(&policy, None, "/shop.Orders/Ping"), MET);
    assert_eq!(judged(&policy, None, "/shop.Orders/Pin%67"), ANONYMOUS);
    for target in [
        "http://localhost/shop.Orders/Ping",
        "/shop.Orders/Ping?x=/shop.Orders/Get",
    ] {
        assert_eq!(judged(&policy, None, target), MET, "{target}");
    }
    for target in [
        "http://localhost",
        "http://localhost//shop.Orders/Ping",
        "localhost:443",
        "*",
        "/?/shop.Orders/Ping",
        "/shop.Orders/./Ping",
        "/shop.Orders%2fPing",
        "/shop.Orders/Ping;a=b",
    ] {
        assert_eq!(judged(&policy, Some(&alice), target), FORBIDDEN, "{target}");
    }
}

#[test]
fn a_policy_that_cannot_be_right_is_met_in_no_combination() {
    let wrong = || Policy::scope("two words");
    let unmet = || Policy::role("nobody");
    for policy in [
        wrong(),
        wrong().negate(),
        wrong().negate().negate(),
        wrong().and(Policy::authenticated()),
        wrong().and(unmet()),
        unmet().and(wrong()).negate(),
        unmet().or(wrong()),
        unmet().or(wrong()).negate(),
        Policy::all([]).negate(),
        Policy::any([]).negate(),
        Policy::kinds([]).negate(),
    ] {
        let judged = policy.judge(Some(&alice()), None, START);
        assert_eq!(
            judged.unwrap_err().reason(),
            Reason::Misconfigured,
            "{policy:?}"
        );
    }
}

#[test]
fn what_asks_for_a_request_is_not_met_without_one_and_neither_is_its_opposite() {
    let barred = Identity::new("mallory", CredentialKind::Session)
        .with_role(RoleGrant::on("barred", "site-1"));
    let by_method = || {
        let place = [("/shop.Orders/Place", Policy::role("admin"))];
        Policy::by_grpc_method(place, Policy::authenticated())
    };
    let on_site = || Policy::role_on_requested("barred", |_| Some("site-1".into()));
    for policy in [
        by_method(),
        by_method().negate(),
        by_method().negate().negate(),
        on_site(),
        on_site().negate(),
        on_site().or(Policy::scope("x")).negate(),
        on_site().and(Policy::authenticated()).negate(),
        Policy::authenticated().and(on_site().negate()),
    ] {
        let judged = policy.judge(Some(&barred), None, START);
        assert_eq!(
            judged.unwrap_err().reason(),
            Reason::Forbidden,
            "{policy:?}"
        );
        let judged = policy.judge(None, None, START);
        assert_eq!(
            judged.unwrap_err().reason(),
            Reason::Anonymous,
            "{policy:?}"
        );
    }
    assert!(
        by_method()
            .or(Policy::authenticated())
            .judge(Some(&barred), None, START)
            .is_ok()
    );
}

#[test]
fn a_policy_prints_and_shares_its_contents_when_cloned() {
    let policy = Policy::scope("a").and(Policy::check(|_, _| true).negate());
    assert_eq!(
        format!("{policy:?}"),
        "All([Scopes({\"a\"}), Not(Check(..))])"
    );
    assert_eq!(format!("{policy:?}"), format!("{:?}", policy.clone()));
}

// --- in the answer

fn layer(identity: Identity) -> BearerAuthLayerBuilder {
    BearerAuthLayer::builder(admits_as(Pace::Now, identity))
        .realm("shop")
        .clock(clock())
}

/// Every way in which a policy can be held against a caller of plain tower, and how each answers.
async fn refused_everywhere(policy: &Policy, ask: impl Fn() -> Request<String>) -> Vec<Seen> {
    let mut seen = Vec::new();
    for pace in Pace::BOTH {
        let builder = || {
            BearerAuthLayer::builder(admits_as(pace, alice()))
                .realm("shop")
                .clock(clock())
                .optional()
        };
        let inner = Inner::default();
        let at_the_door = builder().require(policy.clone()).build().unwrap();
        let at_the_door = at_the_door.layer(inner.clone());
        seen.push(send(&at_the_door, ask()).await);
        let inside = ServiceBuilder::new()
            .layer(builder().build().unwrap())
            .layer(RequireLayer::new(policy.clone()).unwrap())
            .service(inner.clone());
        seen.push(send(&inside, ask()).await);
        assert_eq!(inner.calls(), 0, "{policy:?}");
    }
    seen
}

#[tokio::test]
async fn the_answer_names_what_can_be_cured_and_nothing_else() {
    let by_code = |told: Told, grpc: bool, seen: &Seen| match grpc {
        true => told.assert_grpc(seen, Some("shop")),
        false => told.assert_http(seen, Some("shop")),
    };
    let ask = |grpc: bool, token: bool| {
        let values: &[&[u8]] = if token { &[b"Bearer x"] } else { &[] };
        match grpc {
            true => grpc_request("/a.B/C", values),
            false => request("/", values),
        }
    };
    for grpc in [false, true] {
        for seen in refused_everywhere(&Policy::role("s3cret-owner"), || ask(grpc, true)).await {
            by_code(Told::FORBIDDEN, grpc, &seen);
            assert!(!seen.text().contains("s3cret"), "{}", seen.text());
            assert_eq!(seen.challenge().get("scope"), None);
        }
        let on = Policy::role_on("s3cret-owner", "s3cret-site");
        for seen in refused_everywhere(&on, || ask(grpc, true)).await {
            by_code(Told::FORBIDDEN, grpc, &seen);
            assert!(!seen.text().contains("s3cret"), "{}", seen.text());
        }
        for seen in
            refused_everywhere(&Policy::kind(CredentialKind::ApiKey), || ask(grpc, true)).await
        {
            by_code(Told::FORBIDDEN, grpc, &seen);
            assert!(!seen.text().contains("api"), "{}", seen.text());
        }
        let write = Policy::scopes(["orders:read", "orders:write"]);
        for seen in refused_everywhere(&write, || ask(grpc, true)).await {
            by_code(Told::FORBIDDEN, grpc, &seen);
            let challenge = seen.challenge();
            assert_eq!(challenge.get("scope"), Some("orders:read orders:write"));
            if !grpc {
                assert_eq!(seen.json()["scope"], "orders:read orders:write");
            }
            assert!(
                !seen.text().contains("profile"),
                "a scope held but not asked for is named"
            );
        }
        let login = Policy::acr(["gold", "platinum"]).and(Policy::max_age(secs(60)));
        for seen in refused_everywhere(&login, || ask(grpc, true)).await {
            by_code(Told::WEAK_LOGIN, grpc, &seen);
            let challenge = seen.challenge();
            assert_eq!(challenge.get("acr_values"), Some("gold platinum"));
            assert_eq!(challenge.get("max_age"), Some("60"));
        }
        let unknown = Policy::role("s3cret").and(Policy::scope("orders:write"));
        for seen in refused_everywhere(&unknown, || ask(grpc, false)).await {
            by_code(Told::NO_CREDENTIAL, grpc, &seen);
            assert_eq!(seen.challenge().names(), ["realm", "scope"]);
            assert_eq!(seen.challenge().get("scope"), Some("orders:write"));
        }
    }
}

#[tokio::test]
async fn policies_said_twice_must_both_be_met() {
    let inner = Inner::default();
    let layer = layer(alice())
        .require(Policy::scope("orders:read"))
        .require(Policy::role("owner"));
    let service = layer.build().unwrap().layer(inner.clone());
    Told::FORBIDDEN.assert_http(&send(&service, with_token("x")).await, Some("shop"));
    assert_eq!(inner.calls(), 0);
}

#[tokio::test]
async fn a_policy_that_is_met_lets_the_caller_through_each_layer() {
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .layer(
            layer(alice())
                .require(Policy::role("auditor"))
                .build()
                .unwrap(),
        )
        .layer(RequireLayer::new(Policy::scope("orders:read")).unwrap())
        .layer(RequireLayer::new(Policy::max_age(secs(300))).unwrap())
        .service(inner.clone());
    assert_eq!(send(&service, with_token("x")).await.status, 200);
    let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
    assert_eq!(user.identity().subject(), "alice");
}

#[tokio::test]
async fn a_policy_inside_speaks_with_the_hook_and_the_clock_of_the_layer() {
    let clock = clock();
    let layer = BearerAuthLayer::builder(admits_as(Pace::Now, alice()))
        .clock(clock.clone())
        .realm("shop")
        .on_refusal(|refusal, _, answer| {
            answer.set_body("text/plain", refusal.reason().as_str());
        });
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .layer(layer.build().unwrap())
        .layer(RequireLayer::new(Policy::max_age(secs(600))).unwrap())
        .service(inner.clone());
    assert_eq!(send(&service, with_token("x")).await.status, 200);
    let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
    assert!(user.require(&Policy::max_age(secs(600))).is_ok());
    clock.advance(secs(301));
    let seen = send(&service, with_token("x")).await;
    assert_eq!(
        (seen.status.as_u16(), &*seen.body),
        (401, &b"insufficient_authentication"[..])
    );
    assert_eq!(seen.challenge().get("realm"), Some("shop"));

    let denied = user.require(&Policy::max_age(secs(600))).unwrap_err();
    assert_eq!(
        denied.refusal().reason(),
        Reason::InsufficientAuthentication
    );
    let response = denied.into_response::<http_body_util::Full<bytes::Bytes>>();
    let seen = Seen::of(response).await;
    assert_eq!(
        (seen.status.as_u16(), &*seen.body),
        (401, &b"insufficient_authentication"[..])
    );
    assert_eq!(seen.challenge().get("max_age"), Some("600"));
}

#[tokio::test]
async fn in_code_there_is_no_request_to_read_a_resource_off() {
    let inner = Inner::default();
    let service = layer(alice()).build().unwrap().layer(inner.clone());
    send(&service, with_token("x")).await;
    let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
    let anywhere = |role: &'static str| Policy::role_on_requested(role, |_| Some("site-1".into()));
    assert!(user.require(&anywhere("auditor")).is_ok());
    assert!(user.require(&anywhere("editor")).is_err());
    assert!(
        user.require(&Policy::check(|_, head| head.is_some()))
            .is_err()
    );
    let wrong = user.require(&Policy::scope("two words")).unwrap_err();
    assert_eq!(wrong.refusal().reason(), Reason::Misconfigured);
}

// --- nested layers

#[tokio::test]
async fn an_inner_layer_replaces_the_callers_identity() {
    for pace in Pace::BOTH {
        let inner = Inner::default();
        let bob = Identity::new("bob", CredentialKind::ApiKey);
        let service = ServiceBuilder::new()
            .layer(layer(alice()).build().unwrap())
            .layer(BearerAuthLayer::new(admits_as(pace, bob)))
            .service(inner.clone());
        send(&service, with_token("x")).await;
        let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
        assert_eq!(user.subject(), "bob");
    }
}

#[tokio::test]
async fn an_anonymous_caller_of_an_inner_layer_is_nobody() {
    for pace in Pace::BOTH {
        let inner = Inner::default();
        let service = ServiceBuilder::new()
            .layer(
                BearerAuthLayer::builder(admits(pace))
                    .remove_credential()
                    .build()
                    .unwrap(),
            )
            .layer(layer(alice()).optional().build().unwrap())
            .layer(RequireLayer::new(Policy::anyone()).unwrap())
            .service(inner.clone());
        assert_eq!(send(&service, with_token("x")).await.status, 200);
        let extensions = inner.last().extensions;
        let user = AuthenticatedUser::optional_from_extensions(&extensions).unwrap();
        assert!(user.is_none(), "the outer identity was inherited");
        let denied = AuthenticatedUser::from_extensions(&extensions).unwrap_err();
        assert_eq!(denied.refusal().reason(), Reason::Anonymous);
        let response = denied.into_response::<http_body_util::Full<bytes::Bytes>>();
        Told::NO_CREDENTIAL.assert_http(&Seen::of(response).await, Some("shop"));
    }
}

#[tokio::test]
async fn an_inner_layer_that_knows_the_caller_replaces_an_anonymous_one() {
    let inner = Inner::default();
    let service = ServiceBuilder::new()
        .layer(layer(alice()).optional().build().unwrap())
        .map_request(|mut request: Request<String>| {
            let token = http::HeaderValue::from_static("Bearer x");
            request.headers_mut().insert("authorization", token);
            request
        })
        .layer(BearerAuthLayer::new(admits(Pace::Now)))
        .layer(RequireLayer::new(Policy::authenticated()).unwrap())
        .service(inner.clone());
    assert_eq!(send(&service, bare()).await.status, 200);
    let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
    assert_eq!(user.subject(), "alice");
}

// --- without a layer

#[tokio::test]
async fn without_a_layer_it_is_a_wiring_fault_that_the_log_explains() {
    let (log, guard) = Log::listen();
    let inner = Inner::default();
    let policy = Policy::role("s3cret-owner");
    let service = RequireLayer::new(policy).unwrap().layer(inner.clone());
    let http = send(&service, with_token("c4n4ry")).await;
    let grpc = send(&service, grpc_request("/a.B/C", &[b"Bearer c4n4ry"])).await;
    drop(guard);
    Told::MISWIRED.assert_http(&http, None);
    Told::MISWIRED.assert_grpc(&grpc, None);
    assert_eq!(inner.calls(), 0);
    for seen in [&http, &grpc] {
        let text = seen.text();
        for secret in ["s3cret", "c4n4ry", "BearerAuthLayer", "layer"] {
            assert!(!text.contains(secret), "{text}");
        }
    }
    #[cfg(feature = "tracing")]
    {
        let text = log.text();
        assert!(text.contains("ERROR"), "{text}");
        assert!(
            text.contains(".layer(BearerAuthLayer::new(verifier))"),
            "{text}"
        );
        assert!(!text.contains("c4n4ry"));
    }
    let _ = log;

    let extensions = http::Extensions::new();
    for denied in [
        AuthenticatedUser::from_extensions(&extensions).unwrap_err(),
        AuthenticatedUser::optional_from_extensions(&extensions).unwrap_err(),
    ] {
        assert_eq!(denied.refusal().reason(), Reason::Misconfigured);
        assert!(denied.to_string().contains("BearerAuthLayer"));
        assert!(std::error::Error::source(&denied).is_some());
    }
}

// --- axum

#[cfg(feature = "axum")]
mod in_axum {
    use axum::Router;
    use axum::body::Body;
    use axum::handler::Handler;
    use axum::response::Response;
    use axum::routing::{delete, get};
    use tower_bearer::caller::Denied;

    use super::*;

    async fn ask(router: &Router, request: Request<String>) -> Seen {
        send(&router.clone().into_service(), request.map(Body::from)).await
    }

    fn require(policy: Policy) -> RequireLayer {
        RequireLayer::new(policy).unwrap()
    }

    fn router(layer: Option<BearerAuthLayer>) -> Router {
        let by_code = async |user: AuthenticatedUser| -> Result<String, Denied> {
            user.require(&Policy::role_on("s3cret-owner", "site-1"))?;
            Ok(user.subject().to_owned())
        };
        let open = async |user: Option<AuthenticatedUser>| match user {
            Some(user) => user.subject().to_owned(),
            None => "nobody".to_owned(),
        };
        let fine = async || "fine";
        let admin = Router::new()
            .route("/admin", get(fine))
            .route_layer(require(Policy::role("s3cret-admin")));
        let router = Router::new()
            .route("/code", get(by_code))
            .route("/open", get(open))
            .route(
                "/named",
                get(async |user: AuthenticatedUser| user.subject().to_owned()),
            )
            .route(
                "/method",
                get(fine).layer(require(Policy::scope("orders:write"))),
            )
            .route(
                "/handler",
                delete(fine).get(fine.layer(require(Policy::max_age(secs(1))))),
            )
            .merge(admin);
        match layer {
            Some(layer) => router.layer(layer),
            None => router,
        }
    }

    fn hooked() -> BearerAuthLayer {
        layer(alice())
            .optional()
            .on_refusal(|refusal, _, answer| {
                answer.set_body("text/plain", refusal.reason().as_str());
            })
            .build()
            .unwrap()
    }

    #[tokio::test]
    async fn routes_methods_handlers_and_code_all_speak_as_the_layer() {
        let plain = router(Some(layer(alice()).optional().build().unwrap()));
        let hooked = router(Some(hooked()));
        let with = |path: &str| request(path, &[b"Bearer x"]);
        for (path, told, reason) in [
            ("/admin", Told::FORBIDDEN, Reason::Forbidden),
            ("/code", Told::FORBIDDEN, Reason::Forbidden),
            ("/method", Told::FORBIDDEN, Reason::InsufficientScope),
            (
                "/handler",
                Told::WEAK_LOGIN,
                Reason::InsufficientAuthentication,
            ),
        ] {
            let seen = ask(&plain, with(path)).await;
            told.assert_http(&seen, Some("shop"));
            assert!(!seen.text().contains("s3cret"), "{}", seen.text());
            let seen = ask(&hooked, with(path)).await;
            assert_eq!(seen.body, reason.as_str());
            assert_eq!(seen.challenge().get("realm"), Some("shop"));
            // A stranger is asked who they are, wherever they knock.
            Told::NO_CREDENTIAL.assert_http(&ask(&plain, request(path, &[])).await, Some("shop"));
            assert_eq!(ask(&hooked, request(path, &[])).await.body, "anonymous");
        }
        let mut other_method = with("/handler");
        *other_method.method_mut() = http::Method::DELETE;
        assert_eq!(ask(&plain, other_method).await.status, 200);
    }

    #[tokio::test]
    async fn an_extractor_knows_named_anonymous_and_miswired_apart() {
        let router_with = router(Some(layer(alice()).optional().build().unwrap()));
        assert_eq!(
            ask(&router_with, request("/open", &[b"Bearer x"]))
                .await
                .body,
            "alice"
        );
        assert_eq!(
            ask(&router_with, request("/open", &[])).await.body,
            "nobody"
        );
        assert_eq!(
            ask(&router_with, request("/named", &[b"Bearer x"]))
                .await
                .body,
            "alice"
        );
        let seen = ask(&router_with, request("/named", &[])).await;
        Told::NO_CREDENTIAL.assert_http(&seen, Some("shop"));

        let without = router(None);
        for path in ["/open", "/named", "/code", "/admin", "/method", "/handler"] {
            let (log, guard) = Log::listen();
            let seen = ask(&without, request(path, &[b"Bearer c4n4ry"])).await;
            drop(guard);
            Told::MISWIRED.assert_http(&seen, None);
            assert!(!seen.text().contains("c4n4ry") && !seen.text().contains("Bearer"));
            if cfg!(feature = "tracing") {
                assert!(
                    log.text().contains("add `.layer(BearerAuthLayer::new"),
                    "{path}"
                );
            }
        }
    }

    #[tokio::test]
    async fn an_unknown_path_is_401_under_layer_and_404_under_route_layer() {
        let auth = || layer(alice()).build().unwrap();
        let routes = || Router::new().route("/known", get(async || ()));
        let under_layer = routes().layer(auth());
        let under_route_layer = routes().route_layer(auth());
        assert_eq!(
            ask(&under_layer, request("/unknown", &[])).await.status,
            401
        );
        assert_eq!(
            ask(&under_layer, request("/unknown", &[b"Bearer x"]))
                .await
                .status,
            404
        );
        assert_eq!(
            ask(&under_route_layer, request("/unknown", &[]))
                .await
                .status,
            404
        );
        assert_eq!(
            ask(&under_route_layer, request("/known", &[])).await.status,
            401
        );
    }

    #[tokio::test]
    async fn a_denied_caller_is_an_axum_response_by_itself() {
        let denied = AuthenticatedUser::from_extensions(&http::Extensions::new()).unwrap_err();
        let response: Response = axum::response::IntoResponse::into_response(denied);
        Told::MISWIRED.assert_http(&Seen::of(response).await, None);
    }
}

// --- tonic

#[cfg(feature = "tonic")]
mod in_tonic {
    use tonic::{Code, Status};

    use super::*;
    use crate::support::grpc::{COUNT, GreeterServer, HELLO, Polite, client, hello};

    async fn serve(layer: BearerAuthLayer, require: Option<Policy>) -> std::net::SocketAddr {
        let (listener, address) = support::wire::listener().await;
        let policy = require.unwrap_or(Policy::anyone());
        let service = RequireLayer::new(policy)
            .unwrap()
            .layer(GreeterServer::new(Polite));
        let server = tonic::transport::Server::builder()
            .layer(layer)
            .add_service(service)
            .serve_with_incoming(tokio_stream::wrappers::TcpListenerStream::new(listener));
        tokio::spawn(server);
        address
    }

    #[tokio::test]
    async fn a_method_a_service_and_a_server_have_policies() {
        let by_method = Policy::by_grpc_method(
            [
                (HELLO, Policy::scope("orders:read")),
                (COUNT, Policy::scope("s:write")),
            ],
            Policy::role("admin"),
        );
        let open = || layer(alice()).build().unwrap();
        let closed = layer(alice()).require(by_method.clone()).build().unwrap();
        for address in [
            serve(open(), Some(by_method)).await,
            serve(closed, None).await,
        ] {
            let mut greeter = client(address, "x").await;
            assert_eq!(
                greeter.hello(hello()).await.unwrap().into_inner().message,
                "hello alice"
            );
            let status = greeter.count(hello()).await.unwrap_err();
            assert_eq!(status.code(), Code::PermissionDenied);
            let headers = status.metadata().clone().into_headers();
            let challenge = support::challenge::bearer(&headers);
            assert_eq!(challenge.get("scope"), Some("s:write"));
            assert_eq!(challenge.get("realm"), Some("shop"));
        }
        let address = serve(open(), Some(Policy::role("s3cret"))).await;
        let status = client(address, "x").await.hello(hello()).await.unwrap_err();
        assert_eq!(status.code(), Code::PermissionDenied);
        assert!(!format!("{status:?}").contains("s3cret"));
    }

    #[tokio::test]
    async fn a_denied_caller_is_a_status_in_the_name_of_the_layer() {
        let inner = Inner::default();
        let service = layer(alice())
            .optional()
            .build()
            .unwrap()
            .layer(inner.clone());
        send(&service, grpc_request(HELLO, &[b"Bearer x"])).await;
        let user = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap();
        for (policy, code, error) in [
            (
                Policy::role("s3cret"),
                Code::PermissionDenied,
                Told::FORBIDDEN.error,
            ),
            (
                Policy::scope("a"),
                Code::PermissionDenied,
                Told::FORBIDDEN.error,
            ),
            (
                Policy::max_age(secs(1)),
                Code::Unauthenticated,
                Told::WEAK_LOGIN.error,
            ),
        ] {
            let status = Status::from(user.require(&policy).unwrap_err());
            assert_eq!(status.code(), code);
            assert!(!format!("{status:?}").contains("s3cret"));
            let headers = status.metadata().clone().into_headers();
            assert_eq!(headers["cache-control"], "no-store");
            let challenge = support::challenge::bearer(&headers);
            assert_eq!(
                (challenge.get("error"), challenge.get("realm")),
                (error, Some("shop"))
            );
        }
        send(&service, grpc_request(HELLO, &[])).await;
        let denied = AuthenticatedUser::from_extensions(&inner.last().extensions).unwrap_err();
        let status = Status::from(denied);
        assert_eq!(status.code(), Code::Unauthenticated);
        let headers = status.metadata().clone().into_headers();
        assert_eq!(support::challenge::bearer(&headers).names(), ["realm"]);

        let denied = AuthenticatedUser::from_extensions(&http::Extensions::new()).unwrap_err();
        let status = Status::from(denied);
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("Layer"));
    }
}

#[test]
fn strangers_may_pass_where_those_with_a_name_need_a_scope() {
    let policy = Policy::anonymous().or(Policy::scope("read"));
    let named = |scopes| {
        Identity::new("alice", CredentialKind::Jwt).with_scopes(ScopeSet::from_static(scopes))
    };
    assert!(policy.judge(None, None, START).is_ok());
    assert!(policy.judge(Some(&named("read")), None, START).is_ok());
    let refusal = policy
        .judge(Some(&named("write")), None, START)
        .unwrap_err();
    assert_eq!(refusal.reason(), Reason::InsufficientScope);
    let refusal = Policy::anonymous()
        .judge(Some(&named("read")), None, START)
        .unwrap_err();
    assert_eq!(refusal.reason(), Reason::Forbidden);
}

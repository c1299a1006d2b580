//! An authorization server that is down, slow or wrong: an outage never reads as a bad token, and nobody waits
//! for one that is known to fail.
#![allow(clippy::unwrap_used)]

mod support;

#[path = "support/introspection.rs"]
mod desk;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{Response, StatusCode};
use serde_json::json;
use tower_bearer::clock::Clock;
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, Fault, Gate};
use tower_bearer::verifier::Answer;
use tower_bearer::verifier::introspection::{
    BreakerSettings, BreakerState, ClientAuthentication, IntrospectionVerifier,
};
use tower_bearer::{BearerAuthLayer, Reason};

use desk::{Desk, SEC, assert_refused, http};
use support::log::Log;

fn status(status: u16) -> Response<Bytes> {
    Response::builder()
        .status(status)
        .body(Bytes::new())
        .unwrap()
}

fn come_back(status: u16, retry_after: &str) -> Fault {
    let answer = Response::builder()
        .status(status)
        .header(RETRY_AFTER, retry_after);
    Fault::Answer(answer.body(Bytes::new()).unwrap())
}

fn typed(content_type: &str, body: &str) -> Fault {
    let answer = Response::builder().header(CONTENT_TYPE, content_type);
    Fault::Answer(answer.body(Bytes::from(body.to_owned())).unwrap())
}

#[tokio::test]
async fn whatever_the_server_does_wrong_is_an_outage_and_no_bad_token() {
    let desk = Desk::new();
    let verifier = desk.plain().without_breaker().build().unwrap();
    let verifier = Arc::new(verifier);
    let token = desk.provider.token("alice").issue_opaque();
    let good = desk.answer(json!({})).to_string();
    let elsewhere = desk
        .provider
        .url(Endpoint::Elsewhere)
        .replace("127.0.0.1", "localhost");
    let faults = [
        (Fault::Down, "broke off"),
        (Fault::CutOff, "broke off"),
        (
            Fault::Status(StatusCode::INTERNAL_SERVER_ERROR),
            "status 500",
        ),
        (Fault::Status(StatusCode::TOO_MANY_REQUESTS), "status 429"),
        (Fault::Status(StatusCode::NOT_FOUND), "status 404"),
        (Fault::Status(StatusCode::BAD_REQUEST), "status 400"),
        (Fault::Answer(status(204)), "status 204"),
        (Fault::Answer(status(201)), "status 201"),
        (Fault::Redirect(elsewhere), "redirects elsewhere"),
        (
            Fault::Redirect("http://169.254.169.254/".into()),
            "redirects elsewhere",
        ),
        (Fault::Html, "no JSON, by its content type"),
        (Fault::Oversized, "over the size limit"),
        (Fault::BrokenJson, "not one JSON object"),
        (typed("text/plain", &good), "no JSON, by its content type"),
        (
            typed("application/jwt", &good),
            "no JSON, by its content type",
        ),
        (
            Fault::Answer(Response::new(good.clone().into())),
            "no JSON, by its content type",
        ),
        (
            Fault::json(&b"{\"active\":true,\"sub\":\"\xff\"}"[..]),
            "not UTF-8",
        ),
        (Fault::json(""), "not one JSON object"),
        (Fault::json("[]"), "not one JSON object"),
        (Fault::json("{}"), "no active"),
        (Fault::json(format!("{good}{good}")), "not one JSON object"),
        (Fault::json(format!("{good}x")), "not one JSON object"),
        (
            Fault::json(r#"{"active":false,"active":true,"sub":"alice"}"#),
            "unique members",
        ),
        (
            Fault::json(r#"{"active":false,"\u0061ctive":true}"#),
            "unique members",
        ),
    ];
    for (fault, words) in faults {
        desk.provider.fail_at(Endpoint::Introspection, fault);
        assert_refused(
            desk.ask(&verifier, &token).await,
            Reason::Unavailable,
            words,
        );
    }
    assert_eq!(desk.provider.count(Endpoint::Elsewhere), 0);
    desk.provider.recover();
    desk.ask(&verifier, &token).await.unwrap();
    let with_charset = typed("Application/JSON; charset=utf-8", &good);
    desk.provider.fail_at(Endpoint::Introspection, with_charset);
    desk.ask(&verifier, &token).await.unwrap();
}

#[tokio::test]
async fn members_of_another_type_are_the_servers_fault() {
    let desk = Desk::new();
    for (changes, words) in [
        (json!({"active": "true"}), "active is not true or false"),
        (json!({"active": 1}), "active is not true or false"),
        (json!({"sub": 7}), "sub is no string"),
        (json!({"iss": []}), "iss is no string"),
        (json!({"aud": []}), "aud is empty"),
        (json!({"aud": 1}), "aud is neither"),
        (json!({"exp": "2030"}), "exp is no number"),
        (json!({"nbf": true}), "nbf is no number"),
        (json!({"iat": {}}), "iat is no number"),
        (json!({"jti": 1}), "jti is no string"),
        (json!({"scope": 1}), "the scope claim"),
        (json!({"client_id": 1}), "client_id is no string"),
        (json!({"username": ["a"]}), "username is no string"),
        (json!({"token_type": 0}), "token_type is no string"),
        (json!({"auth_time": "x"}), "auth_time is no number"),
    ] {
        let judged = desk.told(desk.plain(), desk.answer(changes)).await;
        assert_refused(judged, Reason::Unavailable, words);
    }
    // `null` is no truth value either.
    let judged = desk.told(desk.plain(), r#"{"active": null}"#).await;
    assert_refused(judged, Reason::Unavailable, "active is not true or false");
}

#[tokio::test]
async fn an_answer_that_does_not_come_in_time_is_an_outage() {
    let desk = Desk::new();
    let impatient = http().timeout(Duration::from_millis(100));
    let verifier = Arc::new(desk.plain().http(impatient).build().unwrap());
    let token = desk.provider.token("alice").issue_opaque();
    let gate = Gate::new();
    desk.provider
        .fail_at(Endpoint::Introspection, Fault::Held(gate.clone()));
    let judged = desk.ask(&verifier, &token).await;
    assert_refused(judged, Reason::Unavailable, "no answer in time");
    gate.open();
}

#[tokio::test]
async fn credentials_that_are_refused_are_an_outage_and_told_to_whoever_operates_the_service() {
    let (log, _guard) = Log::listen();
    let desk = Desk::new();
    let by = ClientAuthentication::secret_basic(desk.provider.client_id(), "a-wrong-guess");
    let verifier = desk.bare(by).allow_any_audience().build().unwrap();
    let verifier = Arc::new(verifier);
    let token = desk.provider.token("alice").issue_opaque();
    for _ in 0..2 {
        let judged = desk.ask(&verifier, &token).await;
        assert_refused(judged, Reason::Unavailable, "credentials of this service");
    }
    assert!(verifier.health().credentials_refused);
    let told = log.text();
    let lines: Vec<_> = told.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(lines.len(), 1, "once, and not for each request: {lines:?}");
    assert!(lines[0].contains("refuses the credentials") && lines[0].contains("401"));
    assert!(!told.contains("a-wrong-guess") && !told.contains(&token));

    for fault in [Fault::Answer(status(403)), {
        let mut answer = status(400);
        *answer.body_mut() = Bytes::from(r#"{"error":"invalid_client"}"#);
        Fault::Answer(answer)
    }] {
        desk.provider.fail_at(Endpoint::Introspection, fault);
        let verifier = Arc::new(desk.plain().build().unwrap());
        let judged = desk.ask(&verifier, &token).await;
        assert_refused(judged, Reason::Unavailable, "credentials of this service");
        assert!(verifier.health().credentials_refused);
        desk.provider.recover();
        desk.ask(&verifier, &token).await.unwrap();
        assert!(!verifier.health().credentials_refused, "it is past");
    }
}

#[tokio::test]
async fn neither_token_nor_secret_is_printed_or_logged() {
    let (log, _guard) = Log::listen();
    let desk = Desk::new();
    let token = desk.provider.token("alice").issue_opaque();
    let (id, secret) = (desk.provider.client_id(), "canary-secret-of-the-client");
    let key = tower_bearer::issue::SigningKey::from_secret(
        tower_bearer::keys::Algorithm::HS256,
        "canary-secret-of-32-bytes-or-more",
    );
    for by in [
        desk.by_secret(),
        ClientAuthentication::secret_basic(id, secret),
        ClientAuthentication::secret_post(id, secret),
        ClientAuthentication::private_key_jwt(id, key.unwrap(), desk.provider.issuer()),
        ClientAuthentication::bearer("canary-token-of-the-service"),
        ClientAuthentication::bearer_from(|| Some("canary-token-of-the-service".into())),
    ] {
        log.note(&by);
        let builder = desk.bare(by).audience(desk.provider.audience());
        log.note(&builder);
        let verifier = Arc::new(builder.build().unwrap());
        log.note(&verifier);
        log.note(desk.ask(&verifier, &token).await);
        desk.provider.fail_at(Endpoint::Introspection, Fault::Html);
        log.note(desk.ask(&verifier, &token).await);
        desk.provider.recover();
        log.note(verifier.health());
    }
    let told = log.text();
    let basic = base64_simd::STANDARD.encode_to_string(format!("{id}:{secret}"));
    for canary in [&token, "canary", desk.provider.client_secret(), &basic] {
        let place = told
            .find(canary)
            .map(|at| &told[at.saturating_sub(200)..at]);
        assert_eq!(place, None, "something is printed");
    }
}

// --- the breaker

async fn fail(desk: &Desk, verifier: &Arc<IntrospectionVerifier>, times: u32) {
    for _ in 0..times {
        let judged = desk.ask(verifier, "a-token").await;
        assert_refused(judged, Reason::Unavailable, "no answer that can be used");
    }
}

/// What is answered without any wait.
fn at_once(desk: &Desk, verifier: &Arc<IntrospectionVerifier>) -> tower_bearer::Refusal {
    match Answer::of(verifier, &desk.presented("a-token")) {
        Answer::Now(judged) => judged.unwrap_err(),
        Answer::Later(_) => panic!("the server would be asked"),
    }
}

fn with_breaker(desk: &Desk) -> Arc<IntrospectionVerifier> {
    let breaker = BreakerSettings::new().failures(3).open_for(10 * SEC);
    Arc::new(desk.plain().breaker(breaker).build().unwrap())
}

#[tokio::test]
async fn after_failures_in_a_row_the_server_is_not_asked_until_one_probe_succeeded() {
    let desk = Desk::new();
    let verifier = with_breaker(&desk);
    let token = desk.provider.token("alice").issue_opaque();
    let breaker = || verifier.health().breaker;
    assert_eq!(breaker(), BreakerState::Closed { failures: 0 });

    let broken = Fault::Status(StatusCode::BAD_GATEWAY);
    desk.provider.fail_at(Endpoint::Introspection, broken);
    fail(&desk, &verifier, 2).await;
    assert_eq!(breaker(), BreakerState::Closed { failures: 2 });
    desk.provider.recover();
    desk.ask(&verifier, &token).await.unwrap();
    assert_eq!(breaker(), BreakerState::Closed { failures: 0 }, "in a row");

    desk.provider.fail_at(Endpoint::Introspection, Fault::Down);
    fail(&desk, &verifier, 3).await;
    let until = desk.clock.now().saturating_add(10 * SEC);
    assert_eq!(breaker(), BreakerState::Open { until });
    let asked = desk.questions();
    desk.clock.advance(4 * SEC);
    let refusal = at_once(&desk, &verifier);
    assert_eq!(refusal.reason(), Reason::Unavailable);
    assert_eq!(refusal.retry_after(), Some(6 * SEC));
    assert_eq!(desk.questions(), asked);

    // One request tries, and the others do not wait for it.
    desk.clock.advance(6 * SEC);
    let gate = Gate::new();
    desk.provider
        .fail_at(Endpoint::Introspection, Fault::Held(gate.clone()));
    let probe = tokio::spawn({
        let (verifier, presented) = (verifier.clone(), desk.presented(&token));
        async move { Answer::of(&verifier, &presented).wait().await }
    });
    gate.reached(1).await;
    assert_eq!(breaker(), BreakerState::HalfOpen);
    assert_eq!(at_once(&desk, &verifier).reason(), Reason::Unavailable);
    gate.open();
    assert_eq!(probe.await.unwrap().unwrap().subject(), "alice");
    assert_eq!(breaker(), BreakerState::Closed { failures: 0 });
    desk.ask(&verifier, &token).await.unwrap();
}

#[tokio::test]
async fn a_probe_that_fails_keeps_the_server_from_being_asked_for_as_long_again() {
    let desk = Desk::new();
    let verifier = with_breaker(&desk);
    desk.provider.fail_at(Endpoint::Introspection, Fault::Down);
    fail(&desk, &verifier, 3).await;
    desk.clock.advance(10 * SEC);
    fail(&desk, &verifier, 1).await;
    assert_eq!(at_once(&desk, &verifier).retry_after(), Some(10 * SEC));
    let (when, error) = verifier.health().last_error.unwrap();
    assert_eq!(when, desk.clock.now());
    assert!(error.is_silence(), "{error}");
}

#[tokio::test]
async fn a_probe_that_is_given_up_makes_way_for_the_next() {
    let desk = Desk::new();
    let verifier = with_breaker(&desk);
    let token = desk.provider.token("alice").issue_opaque();
    desk.provider.fail_at(Endpoint::Introspection, Fault::Down);
    fail(&desk, &verifier, 3).await;
    desk.clock.advance(10 * SEC);
    desk.provider.recover();
    let probe = Answer::of(&verifier, &desk.presented(&token));
    assert!(matches!(probe, Answer::Later(_)));
    assert_eq!(verifier.health().breaker, BreakerState::HalfOpen);
    drop(probe);
    // Nor does a page that somebody put in the way say that the server is well.
    desk.provider.fail_at(Endpoint::Introspection, Fault::Html);
    fail(&desk, &verifier, 1).await;
    assert!(matches!(
        verifier.health().breaker,
        BreakerState::Open { .. }
    ));
    desk.provider.recover();
    desk.ask(&verifier, &token).await.unwrap();
    assert_eq!(
        verifier.health().breaker,
        BreakerState::Closed { failures: 0 }
    );
}

#[tokio::test]
async fn an_answer_to_an_old_question_changes_nothing() {
    let desk = Desk::new();
    let verifier = with_breaker(&desk);
    let token = desk.provider.token("alice").issue_opaque();
    let gate = Gate::new();
    desk.provider
        .fail_at(Endpoint::Introspection, Fault::Held(gate.clone()));
    let slow = tokio::spawn({
        let (verifier, presented) = (verifier.clone(), desk.presented(&token));
        async move { Answer::of(&verifier, &presented).wait().await }
    });
    gate.reached(1).await;
    desk.provider.fail_at(
        Endpoint::Introspection,
        Fault::Status(StatusCode::BAD_GATEWAY),
    );
    fail(&desk, &verifier, 3).await;
    gate.open();
    slow.await.unwrap().unwrap();
    assert!(matches!(
        verifier.health().breaker,
        BreakerState::Open { .. }
    ));
    assert_eq!(verifier.health().last_answer, Some(desk.clock.now()));
}

#[tokio::test]
async fn what_a_strangers_token_may_provoke_keeps_nobody_from_asking() {
    let desk = Desk::new();
    let verifier = with_breaker(&desk);
    for fault in [
        Fault::Html,
        Fault::BrokenJson,
        Fault::Oversized,
        Fault::Status(StatusCode::BAD_REQUEST),
        Fault::Status(StatusCode::PAYLOAD_TOO_LARGE),
        Fault::json(r#"{"active":"true"}"#),
    ] {
        desk.provider.fail_at(Endpoint::Introspection, fault);
        fail(&desk, &verifier, 4).await;
        assert_eq!(
            verifier.health().breaker,
            BreakerState::Closed { failures: 0 }
        );
    }
}

#[tokio::test]
async fn a_server_that_says_when_to_come_back_is_left_alone_until_then() {
    // Sat, 01 Jan 2022, which is over, and START and 20 seconds.
    let date = "Tue, 14 Nov 2023 22:13:40 GMT";
    for (fault, wait) in [
        (come_back(429, "30"), Some(30)),
        (come_back(503, "30"), Some(30)),
        (come_back(503, "1"), Some(10)),
        (come_back(503, date), Some(20)),
        (come_back(429, "86400"), Some(300)),
        (come_back(429, "Sat, 01 Jan 2022 00:00:00 GMT"), None),
        (come_back(429, "0"), None),
        (come_back(429, "soon"), None),
        (come_back(500, "30"), None),
    ] {
        let desk = Desk::new();
        let verifier = with_breaker(&desk);
        desk.provider
            .fail_at(Endpoint::Introspection, fault.clone());
        let first = desk.ask(&verifier, "a-token").await.unwrap_err();
        assert_eq!(first.reason(), Reason::Unavailable);
        match wait {
            Some(secs) => {
                assert!(first.retry_after().is_some());
                let wait = Duration::from_secs(secs);
                assert_eq!(at_once(&desk, &verifier).retry_after(), Some(wait));
                desk.clock.advance(wait);
                let token = desk.provider.token("alice").issue_opaque();
                desk.provider.recover();
                desk.ask(&verifier, &token).await.unwrap();
            }
            None => {
                assert_eq!(first.retry_after(), None, "{fault:?}");
                let closed = BreakerState::Closed { failures: 1 };
                assert_eq!(verifier.health().breaker, closed, "{fault:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_keep_the_server_from_being_asked() {
    let desk = Desk::new();
    let verifier = with_breaker(&desk);
    let token = desk.provider.token("alice").issue_opaque();
    desk.provider.fail_at(Endpoint::Introspection, Fault::Down);
    fail(&desk, &verifier, 3).await;
    desk.provider.recover();
    let now = desk.clock.now();
    desk.clock.set(now.saturating_sub(SEC));
    at_once(&desk, &verifier);
    desk.clock.set(now.saturating_sub(2 * SEC));
    desk.ask(&verifier, &token).await.unwrap();
}

#[tokio::test]
async fn without_a_breaker_every_request_asks() {
    let desk = Desk::new();
    let verifier = Arc::new(desk.plain().without_breaker().build().unwrap());
    desk.provider
        .fail_at(Endpoint::Introspection, come_back(503, "30"));
    for asked in 1..20 {
        let refusal = desk.ask(&verifier, "a-token").await.unwrap_err();
        assert_eq!(refusal.retry_after(), Some(30 * SEC));
        assert_eq!(desk.questions(), asked);
    }
}

#[tokio::test]
async fn an_outage_is_a_503_that_says_when_to_come_back() {
    use http_body_util::Full;
    use support::answers::{send, with_token};

    let desk = Desk::new();
    let verifier = with_breaker(&desk);
    let layer = BearerAuthLayer::builder(verifier.clone())
        .clock(desk.clock.clone())
        .build()
        .unwrap();
    let inner = tower::service_fn(|_: http::Request<String>| async {
        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from("in"))))
    });
    let service = tower::Layer::layer(&layer, inner);
    let token = desk.provider.token("alice").issue_opaque();
    assert_eq!(send(&service, with_token(&token)).await.status, 200);
    let over = send(&service, with_token("junk")).await;
    assert_eq!(over.status, 401);

    desk.provider.fail_at(Endpoint::Introspection, Fault::Down);
    for _ in 0..3 {
        assert_eq!(send(&service, with_token(&token)).await.status, 503);
    }
    let seen = send(&service, with_token(&token)).await;
    assert_eq!(seen.status, 503);
    assert_eq!(seen.header("retry-after"), Some("10"));
    assert_eq!(seen.header("www-authenticate"), None);
}

#[tokio::test]
async fn plain_http_is_not_asked_unless_that_was_allowed() {
    let desk = Desk::new();
    let built = desk.plain().http(HttpSettings::new()).build();
    assert_eq!(built.unwrap_err().setting(), "introspection endpoint");
}

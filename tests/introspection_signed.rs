//! Signed answers (RFC 9701): whose word is taken, and what is no answer at all.
#![allow(clippy::needless_pass_by_value, clippy::unwrap_used)]

mod support;

#[path = "support/introspection.rs"]
mod desk;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http::header::{ACCEPT, CONTENT_TYPE};
use serde_json::{Value, json};
use tower_bearer::Reason;
use tower_bearer::clock::Clock;
use tower_bearer::identity::Identity;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, KeySet, RemoteKeySet, SharedKeySet};
use tower_bearer::testing::provider::{Endpoint, Fault};
use tower_bearer::verifier::introspection::{IntrospectionVerifier, IntrospectionVerifierBuilder};

use desk::{Desk, SEC, assert_refused};

const SIGNED: &str = "application/token-introspection+jwt";

fn signed(desk: &Desk) -> IntrospectionVerifierBuilder {
    let provider = &desk.provider;
    desk.plain()
        .signed_answers(provider.keys(), provider.issuer(), provider.client_id())
}

fn built(verifier: IntrospectionVerifierBuilder) -> Arc<IntrospectionVerifier> {
    Arc::new(verifier.build().unwrap())
}

#[tokio::test]
async fn an_answer_that_the_server_signed_is_taken() {
    let desk = Desk::new();
    let verifier = built(signed(&desk));
    let token = desk
        .provider
        .token("alice")
        .scope("orders:read")
        .issue_opaque();
    let alice = desk.ask(&verifier, &token).await.unwrap();
    assert_eq!(alice.subject(), "alice");
    assert!(alice.has_scope("orders:read"));
    assert_eq!(alice.key_id(), None, "no key has signed the token");
    let asked = desk.provider.requests(Endpoint::Introspection);
    assert_eq!(asked[0].headers()[ACCEPT], SIGNED);

    desk.provider.revoke(&token);
    assert_refused(
        desk.ask(&verifier, &token).await,
        Reason::Invalid,
        "not active",
    );
}

#[tokio::test]
async fn a_rotated_key_is_good_and_a_withdrawn_one_is_not() {
    let desk = Desk::new();
    let keys = SharedKeySet::new(KeySet::new(desk.provider.keys().verification_keys()).unwrap());
    let provider = &desk.provider;
    let verifier = built(desk.plain().signed_answers(
        &keys,
        provider.issuer(),
        provider.client_id(),
    ));
    let token = provider.token("alice").issue_opaque();
    desk.ask(&verifier, &token).await.unwrap();
    provider.rotate();
    let judged = desk.ask(&verifier, &token).await;
    assert_refused(
        judged,
        Reason::Unavailable,
        "the header means no key that is held",
    );
    keys.store(KeySet::new([provider.keys().current()]).unwrap());
    desk.ask(&verifier, &token).await.unwrap();
}

#[tokio::test]
async fn a_key_that_is_not_held_yet_is_fetched_for_the_answer() {
    let desk = Desk::new();
    let provider = &desk.provider;
    let keys = RemoteKeySet::builder(provider.url(Endpoint::Jwks))
        .http(desk::http())
        .clock(desk.clock.clone())
        .start_lazily()
        .unwrap();
    let answers = (provider.issuer(), provider.client_id());
    let verifier = desk.plain().signed_answers(&keys, answers.0, answers.1);
    let verifier = built(verifier);
    let token = provider.token("alice").issue_opaque();
    desk.ask(&verifier, &token).await.unwrap();
    provider.rotate();
    desk.clock.advance(60 * SEC);
    desk.ask(&verifier, &token).await.unwrap();
    provider.fail_at(Endpoint::Jwks, Fault::Down);
    provider.rotate();
    desk.clock.advance(60 * SEC);
    let judged = desk.ask(&verifier, &token).await;
    assert_refused(judged, Reason::Unavailable, "");
}

/// What is made of an answer with this body and type.
async fn answered(
    desk: &Desk,
    content_type: &str,
    body: String,
) -> Result<Identity, tower_bearer::Refusal> {
    let answer = Response::builder().header(CONTENT_TYPE, content_type);
    let fault = Fault::Answer(answer.body(Bytes::from(body)).unwrap());
    desk.provider.fail_at(Endpoint::Introspection, fault);
    desk.ask(&built(signed(desk)), "a-token").await
}

/// A JWT of the provider's that says this of the token; the changes are to what is around it.
fn envelope(desk: &Desk, told: Value, changes: Value) -> String {
    let provider = &desk.provider;
    let mut jwt = provider
        .token("nobody")
        .header("typ", "token-introspection+jwt")
        .audience(provider.client_id())
        .claim("token_introspection", told);
    for name in ["sub", "exp", "client_id", "jti"] {
        jwt = jwt.without(name);
    }
    for (name, value) in changes.as_object().unwrap() {
        jwt = match (name.as_str(), value) {
            ("typ", typ) => jwt.header("typ", typ),
            (name, Value::Null) => jwt.without(name),
            (name, value) => jwt.claim(name, value),
        };
    }
    jwt.issue()
}

#[tokio::test]
async fn an_answer_is_taken_only_from_the_server_and_only_for_this_service() {
    let desk = Desk::new();
    let now = desk.clock.now().as_unix_secs();
    let told = || desk.answer(json!({}));
    for good in [
        json!({}),
        json!({"typ": "application/token-introspection+JWT"}),
        json!({"aud": ["others", desk.provider.client_id()]}),
        json!({"iat": now - 60}),
        json!({"iat": now + 30}),
        json!({"exp": now + 1}),
    ] {
        let judged = answered(&desk, SIGNED, envelope(&desk, told(), good.clone())).await;
        assert_eq!(judged.unwrap().subject(), "alice", "{good}");
    }
    for (bad, words) in [
        (json!({"typ": "JWT"}), "the header's typ is another"),
        (json!({"typ": "at+jwt"}), "the header's typ is another"),
        (
            json!({"iss": "https://other.example.com"}),
            "iss is none that is trusted",
        ),
        (json!({"iss": null}), "iss is missing"),
        (json!({"aud": "others"}), "aud is another"),
        (json!({"aud": null}), "aud is missing"),
        (json!({"iat": null}), "iat is missing"),
        (json!({"iat": now - 61}), "an old one"),
        (json!({"iat": now + 31}), "iat is in the future"),
        (json!({"exp": now - 30}), "exp has passed"),
        (json!({"token_introspection": null}), "own type"),
        (
            json!({"token_introspection": "active"}),
            "not one JSON object",
        ),
        (
            json!({"token_introspection": {"active": "true"}}),
            "active is not true or false",
        ),
        (
            json!({"token_introspection": {"sub": "alice"}}),
            "no active",
        ),
    ] {
        let judged = answered(&desk, SIGNED, envelope(&desk, told(), bad)).await;
        assert_refused(judged, Reason::Unavailable, words);
    }
    // What is told outside of the envelope's member says nothing of the token.
    let around = json!({"active": true, "sub": "alice", "token_introspection": {"active": false}});
    let judged = answered(&desk, SIGNED, envelope(&desk, told(), around)).await;
    assert_refused(judged, Reason::Invalid, "not active");
}

#[tokio::test]
async fn an_answer_that_nobody_signed_or_somebody_else_did_is_none() {
    let desk = Desk::new();
    let told = desk.answer(json!({}));
    let plain = told.to_string();
    let judged = answered(&desk, "application/json", plain.clone()).await;
    assert_refused(
        judged,
        Reason::Unavailable,
        "not signed, by its content type",
    );
    let judged = answered(&desk, SIGNED, plain).await;
    assert_refused(judged, Reason::Unavailable, "no JWT");
    let good = envelope(&desk, told.clone(), json!({}));
    let judged = answered(&desk, "application/jwt", good.clone()).await;
    assert_refused(
        judged,
        Reason::Unavailable,
        "not signed, by its content type",
    );

    let (head, _) = good.rsplit_once('.').unwrap();
    for forged in [
        format!("{head}."),
        head.to_owned(),
        format!("{good}.{head}"),
        format!("{good}\n"),
    ] {
        let judged = answered(&desk, SIGNED, forged).await;
        assert_refused(judged, Reason::Unavailable, "");
    }
    let stranger = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let forged = desk
        .provider
        .token("nobody")
        .header("typ", "token-introspection+jwt")
        .audience(desk.provider.client_id())
        .claim("token_introspection", told)
        .signed_by(&stranger)
        .kid(&desk.provider.kid())
        .issue();
    let judged = answered(&desk, SIGNED, forged).await;
    assert_refused(judged, Reason::Unavailable, "the signature is not good");
}

#[tokio::test]
async fn a_service_that_takes_plain_answers_takes_no_signed_ones() {
    let desk = Desk::new();
    let body = envelope(&desk, desk.answer(json!({})), json!({}));
    let answer = Response::builder().header(CONTENT_TYPE, SIGNED);
    let fault = Fault::Answer(answer.body(Bytes::from(body)).unwrap());
    desk.provider.fail_at(Endpoint::Introspection, fault);
    let judged = desk.ask(&built(desk.plain()), "a-token").await;
    assert_refused(judged, Reason::Unavailable, "no JSON, by its content type");
}

#[tokio::test]
async fn a_clock_without_leeway_still_takes_answers_that_are_made_after_the_request() {
    let desk = Desk::new();
    let verifier = built(signed(&desk).leeway(Duration::ZERO));
    let token = desk.provider.token("alice").issue_opaque();
    let presented = desk.presented(&token);
    desk.clock.advance(2 * SEC);
    let judged = tower_bearer::verifier::Answer::of(&verifier, &presented);
    judged.wait().await.unwrap();
}

#[test]
fn whose_answers_are_taken_is_stated() {
    let desk = Desk::new();
    let keys = || desk.provider.keys();
    for (issuer, audience, setting) in [
        ("", "api", "issuer"),
        ("https://id.example.com", "", "audience"),
    ] {
        let built = desk
            .plain()
            .signed_answers(keys(), issuer, audience)
            .build();
        assert_eq!(built.unwrap_err().setting(), setting);
    }
}

//! What the provider says of tokens.

use std::time::Duration;

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::Algorithm;
use tower_bearer::testing::provider::{Endpoint, Fault, IdentityProvider};

use crate::client::Client;

fn by_secret(provider: &IdentityProvider) -> HeaderMap {
    let told = format!("{}:{}", provider.client_id(), provider.client_secret());
    let told = format!("Basic {}", STANDARD.encode_to_string(told));
    HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::try_from(told).unwrap())])
}

async fn ask(
    provider: &IdentityProvider,
    headers: HeaderMap,
    form: String,
) -> Response<bytes::Bytes> {
    let url = provider.url(Endpoint::Introspection);
    Client::new().post(&url, headers, form).await.unwrap()
}

async fn introspect(provider: &IdentityProvider, token: &str) -> Value {
    let answer = ask(provider, by_secret(provider), format!("token={token}")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn a_token_is_active_until_it_is_over_or_revoked() {
    let clock = ManualClock::new(Timestamp::from_unix_secs(1_700_000_000));
    let provider = IdentityProvider::builder().clock(clock.clone()).start();
    let inactive = json!({ "active": false });
    let token = || provider.token("alice").scope("orders:read");
    for token in [token().issue(), token().issue_opaque()] {
        let answer = introspect(&provider, &token).await;
        assert_eq!(answer["active"], true);
        assert_eq!(answer["sub"], "alice");
        assert_eq!(answer["scope"], "orders:read");
        assert_eq!(answer["iss"], provider.issuer());
        assert_eq!(answer["token_type"], "Bearer");

        let other = provider.token("alice").issue_opaque();
        provider.revoke(&token);
        assert_eq!(introspect(&provider, &token).await, inactive);
        assert_eq!(introspect(&provider, &other).await["active"], true);
    }
    let tokens = [token().issue(), token().issue_opaque()];
    let later = token().claim("nbf", 1_700_000_100).issue();
    assert_eq!(introspect(&provider, &later).await, inactive);
    clock.advance(Duration::from_secs(600));
    for token in tokens {
        assert_eq!(introspect(&provider, &token).await, inactive);
    }
}

#[tokio::test]
async fn what_it_never_gave_out_is_not_active() {
    let provider = IdentityProvider::start();
    let inactive = json!({ "active": false });
    let other = IdentityProvider::start().token("alice").issue();
    assert_eq!(introspect(&provider, &other).await, inactive);
    assert_eq!(introspect(&provider, "no-token").await, inactive);
    let own = provider.token("alice").issue();
    provider.withdraw(&provider.kid());
    assert_eq!(introspect(&provider, &own).await, inactive);
}

#[tokio::test]
async fn a_bound_token_is_told_with_what_binds_it() {
    let provider = IdentityProvider::start();
    let by_key = provider
        .token("alice")
        .claim("cnf", json!({ "jkt": "abc" }));
    let answer = introspect(&provider, &by_key.issue_opaque()).await;
    assert_eq!(answer["token_type"], "DPoP");
    assert_eq!(answer["cnf"]["jkt"], "abc");
    let odd = provider.token("alice").claim("active", "true");
    let answer = introspect(&provider, &odd.issue_opaque()).await;
    assert_eq!(answer["active"], "true", "a string, as the test wants it");
}

#[tokio::test]
async fn who_does_not_say_who_they_are_is_told_nothing() {
    let provider = IdentityProvider::start();
    let token = format!("token={}", provider.token("alice").issue_opaque());
    let mut wrong = HeaderMap::new();
    let told = format!(
        "Basic {}",
        STANDARD.encode_to_string("resource-server:guess")
    );
    wrong.insert(AUTHORIZATION, HeaderValue::try_from(told).unwrap());
    let id = provider.client_id();
    for (headers, form) in [
        (HeaderMap::new(), token.clone()),
        (wrong, token.clone()),
        (
            HeaderMap::new(),
            format!("{token}&client_id={id}&client_secret=guess"),
        ),
    ] {
        let answer = ask(&provider, headers, form).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        assert!(answer.headers().contains_key(WWW_AUTHENTICATE));
        assert_eq!(answer.body(), r#"{"error":"invalid_client"}"#);
    }
    let secret = provider.client_secret();
    let posted = format!("{token}&client_id={id}&client_secret={secret}");
    let answer = ask(&provider, HeaderMap::new(), posted).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answer = ask(&provider, by_secret(&provider), "tok=en".to_owned()).await;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);

    let get = Client::new().get(&provider.url(Endpoint::Introspection));
    assert_eq!(get.await.unwrap().status(), StatusCode::METHOD_NOT_ALLOWED);
    let asked = provider.requests(Endpoint::Introspection);
    assert_eq!(asked.len(), 6);
    assert_eq!(asked[0].body(), &token);
    assert!(!format!("{:?}", asked[1].headers()).contains("Basic"));
}

#[tokio::test]
async fn a_client_with_a_key_says_who_it_is_once_by_each_assertion() {
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let provider = IdentityProvider::builder()
        .client_key(key.verification_key().clone())
        .start();
    let token = provider.token("alice").issue_opaque();
    let assertion = || {
        provider
            .token(provider.client_id())
            .claim("iss", provider.client_id())
            .audience(provider.issuer())
    };
    let ask_by = async |assertion: &str| {
        let form = format!(
            "token={token}&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3A\
             jwt-bearer&client_assertion={assertion}"
        );
        ask(&provider, HeaderMap::new(), form).await.status()
    };
    let good = assertion().signed_by(&key).issue();
    assert_eq!(ask_by(&good).await, StatusCode::OK);
    assert_eq!(ask_by(&good).await, StatusCode::UNAUTHORIZED, "twice");
    let bad = [
        assertion().issue(),
        assertion().signed_by(&key).expired().issue(),
        assertion()
            .signed_by(&key)
            .audience("https://other.example.com")
            .issue(),
        assertion().signed_by(&key).claim("sub", "other").issue(),
        assertion().signed_by(&key).without("jti").issue(),
    ];
    for bad in bad {
        assert_eq!(ask_by(&bad).await, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn an_answer_is_signed_for_whom_asks_so() {
    let provider = IdentityProvider::start();
    let token = provider.token("alice").issue_opaque();
    let mut headers = by_secret(&provider);
    let signed = "application/token-introspection+jwt";
    headers.insert(ACCEPT, HeaderValue::from_static(signed));
    let answer = ask(&provider, headers, format!("token={token}")).await;
    assert_eq!(answer.headers()[CONTENT_TYPE], signed);
    let text = std::str::from_utf8(answer.body()).unwrap();
    let parts: Vec<&str> = text.split('.').collect();
    let read = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(part).unwrap()).unwrap()
    };
    let header = read(parts[0]);
    assert_eq!(header["typ"], "token-introspection+jwt");
    assert_eq!(header["kid"], provider.kid());
    let claims = read(parts[1]);
    assert_eq!(claims["iss"], provider.issuer());
    assert_eq!(claims["aud"], provider.client_id());
    assert_eq!(claims["token_introspection"]["sub"], "alice");
}

#[tokio::test]
async fn it_is_down_and_the_keys_are_not() {
    let provider = IdentityProvider::start();
    provider.fail_at(Endpoint::Introspection, Fault::Down);
    let url = provider.url(Endpoint::Introspection);
    let asked = Client::new().post(&url, by_secret(&provider), "token=x".to_owned());
    asked.await.unwrap_err();
    Client::new()
        .get(&provider.url(Endpoint::Jwks))
        .await
        .unwrap();
}

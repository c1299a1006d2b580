//! A provider that is down, slow, wrong or flapping.

use std::sync::Arc;

use http::StatusCode;
use tower::Layer;
use tower_bearer::clock::Clock;
use tower_bearer::testing::provider::{Endpoint, Fault, IdentityProvider};
use tower_bearer::verifier::{Answer, CacheSettings, TokenVerifierExt};
use tower_bearer::{BearerAuthLayer, Reason};

use crate::service::{MINUTE, SECOND, Service, assert_admitted, assert_refused, presented};
use crate::support::answers::{Told, send, with_token};
use crate::support::inner::Inner;

#[tokio::test]
async fn the_last_good_keys_serve_through_an_outage_up_to_the_stated_age() {
    let service = Service::started().await;
    let token = service.token();
    let start = service.clock.now();
    service.provider.fail(Fault::Down);
    while service.clock.now().since(start) < 59 * MINUTE {
        service.clock.advance(10 * SECOND);
        assert_admitted(service.at_once(&token).unwrap());
        service.keys.settled().await;
    }
    // No more than one attempt in each cool-down.
    let attempts = service.keys.status().failures;
    assert!((60..=120).contains(&attempts), "{attempts}");

    service.clock.advance(MINUTE);
    assert_refused(service.ask(&token).await, Reason::Unavailable);
    assert!(!service.keys.status().is_usable);

    service.provider.recover();
    service.clock.advance(MINUTE);
    assert_admitted(service.ask(&token).await);
    assert_admitted(service.at_once(&token).unwrap());
}

#[tokio::test]
async fn past_the_stated_age_not_even_a_cache_lets_anybody_in() {
    let service = Service::started().await;
    let token = service.token();
    let other = Service::with(
        service.provider.clone(),
        service.clock.clone(),
        service.keys.clone(),
    );
    let verifier = Arc::into_inner(other.verifier).unwrap();
    let cached = Arc::new(verifier.cached(CacheSettings::new()).unwrap());
    service.clock.advance(60 * MINUTE - SECOND);
    service.provider.fail(Fault::Down);
    let now = service.clock.now();
    let identity = Answer::of(&cached, &presented(&token, now)).wait().await;
    assert!(identity.unwrap().admitted(now).is_ok());

    service.clock.advance(SECOND);
    let now = service.clock.now();
    let identity = Answer::of(&cached, &presented(&token, now)).wait().await;
    let refusal = identity.and_then(|identity| identity.admitted(now));
    assert_eq!(refusal.unwrap_err().reason(), Reason::Unavailable);
}

#[tokio::test]
async fn after_a_long_sleep_keys_are_fetched_before_anybody_is_judged() {
    let service = Service::started().await;
    let token = service.token();
    service.clock.advance(61 * MINUTE);
    assert!(service.at_once(&token).is_none());
    assert_admitted(service.ask(&token).await);
    assert_eq!(service.fetches(), 2);
}

#[tokio::test]
async fn a_client_is_told_503_where_keys_are_missing_and_401_where_its_own_is_unknown() {
    let (provider, clock) = crate::service::provider();
    provider.fail(Fault::Down);
    let keys = crate::service::keys_of(&provider, &clock);
    let service = Service::with(provider, clock, keys.start_lazily().unwrap());
    let layer = BearerAuthLayer::builder(Arc::clone(&service.verifier))
        .clock(service.clock.clone())
        .build()
        .unwrap();
    let (inner, token) = (Inner::default(), service.token());
    let app = layer.layer(inner.clone());
    Told::DOWN.assert_http(&send(&app, with_token(&token)).await, None);
    let expired = service.provider.token("alice").expired().issue();
    Told::INVALID.assert_http(&send(&app, with_token(&expired)).await, None);
    assert_eq!(inner.calls(), 0);

    service.provider.recover();
    service.clock.advance(2 * SECOND);
    let seen = send(&app, with_token(&token)).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text());
    let unknown = service.forged("unknown");
    Told::INVALID.assert_http(&send(&app, with_token(&unknown)).await, None);

    // What cannot be looked up is an outage, and the client knows when to come again.
    service.provider.fail(Fault::Down);
    service.clock.advance(30 * SECOND);
    let seen = send(&app, with_token(&unknown)).await;
    Told::DOWN.assert_http(&seen, None);
    let seen = send(&app, with_token(&unknown)).await;
    Told::DOWN.assert_http(&seen, None);
    assert_eq!(seen.header("retry-after"), Some("30"));
    let seen = send(&app, with_token(&token)).await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text());
}

#[tokio::test]
async fn no_fault_of_the_provider_takes_good_keys_away() {
    let service = Service::started().await;
    let token = service.token();
    let kid = service.provider.kid();
    let twice = r#"{"keys": [], "keys": []}"#;
    let enc = format!(r#"{{"keys": [{{"kty": "OKP", "crv": "X25519", "kid": "{kid}"}}]}}"#);
    let jwks = service.provider.jwks();
    let cut = jwks[..jwks.len() - 1].to_owned();
    let not_utf8 = [b"{\"keys\": [\"", &[0xff_u8][..], b"\"]}"].concat();
    let faults = [
        Fault::Down,
        Fault::Status(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Status(StatusCode::NOT_FOUND),
        Fault::Status(StatusCode::NO_CONTENT),
        Fault::Html,
        Fault::BrokenJson,
        Fault::CutOff,
        Fault::Oversized,
        Fault::json("[]"),
        Fault::json("{}"),
        Fault::json(r#"{"keys": {}}"#),
        Fault::json(r#"{"keys": []}"#),
        Fault::json(twice),
        Fault::json(enc),
        Fault::json(cut),
        Fault::json(not_utf8),
        Fault::json(""),
    ];
    for fault in faults {
        let described = format!("{fault:?}");
        service.provider.fail_at(Endpoint::Jwks, fault);
        let error = service.keys.refresh().await.expect_err(&described);
        assert!(error.to_string().contains("/jwks: "), "{error}");
        let status = service.keys.status();
        assert!(status.is_failing && status.is_usable, "{described}");
        assert!(status.last_error.unwrap().starts_with(&error.to_string()));
        assert_admitted(service.at_once(&token).unwrap());
    }
    service.provider.recover();
    service.keys.refresh().await.unwrap();
    assert!(!service.keys.status().is_failing);
}

#[tokio::test]
async fn an_answer_over_the_size_limit_is_a_failure_though_its_keys_are_good() {
    const LIMIT: usize = 256 * 1024;
    let service = Service::started().await;
    let keys = service.provider.jwks();
    let of = |len: usize| Fault::json(format!("{keys}{}", " ".repeat(len - keys.len())));
    service.provider.fail_at(Endpoint::Jwks, of(LIMIT));
    service.keys.refresh().await.unwrap();
    for too_large in [of(LIMIT + 1), Fault::Oversized] {
        service.provider.fail_at(Endpoint::Jwks, too_large);
        let error = service.keys.refresh().await.unwrap_err().to_string();
        assert!(error.ends_with("over the size limit"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_to_elsewhere_is_not_followed() {
    let service = Service::started().await;
    let elsewhere = IdentityProvider::start();
    let to = elsewhere.url(Endpoint::Jwks);
    service
        .provider
        .fail_at(Endpoint::Jwks, Fault::Redirect(to));
    let error = service.keys.refresh().await.unwrap_err();
    assert!(error.to_string().contains("redirects"), "{error}");
    for endpoint in Endpoint::ALL {
        assert_eq!(elsewhere.count(endpoint), 0);
    }
    assert_admitted(service.at_once(&service.token()).unwrap());
}

#[tokio::test]
async fn a_304_that_answers_no_etag_is_a_failure() {
    let service = Service::started().await;
    service.provider.set_header(Endpoint::Jwks, "etag", None);
    service.provider.rotate();
    service.keys.refresh().await.unwrap();
    let fault = Fault::Status(StatusCode::NOT_MODIFIED);
    service.provider.fail_at(Endpoint::Jwks, fault);
    service.keys.refresh().await.unwrap_err();
}

#[tokio::test]
async fn a_flapping_provider_is_asked_until_it_answers() {
    let service = Service::started().await;
    let token = service.token();
    service.provider.fail_at(Endpoint::Jwks, Fault::Flapping);
    service.refresh_by_time(&token).await;
    assert!(service.keys.status().is_failing);
    service.clock.advance(MINUTE);
    assert_admitted(service.at_once(&token).unwrap());
    service.keys.settled().await;
    assert!(!service.keys.status().is_failing);
}

#[tokio::test]
async fn a_slow_provider_is_given_up_at_the_deadline_and_delays_no_good_token() {
    let (provider, clock) = crate::service::provider();
    let limit = std::time::Duration::from_millis(200);
    let keys = crate::service::keys_of(&provider, &clock)
        .http(crate::service::http().timeout(limit))
        .start_lazily()
        .unwrap();
    while keys.status().is_failing || keys.status().keys == 0 {
        // A busy machine may be slower than that.
        let _ = keys.refresh().await;
    }
    let service = Service::with(provider, clock, keys);
    let gate = tower_bearer::testing::provider::Gate::new();
    service.provider.fail(Fault::Held(gate));
    let error = service.keys.refresh().await.unwrap_err();
    assert!(error.to_string().contains("no answer in time"), "{error}");
    assert_admitted(service.at_once(&service.token()).unwrap());
}

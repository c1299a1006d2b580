//! A start, with and without the provider.

use std::time::Duration;

use tower_bearer::Reason;
use tower_bearer::keys::RemoteKeySet;
use tower_bearer::keys::remote::SetupError;
use tower_bearer::testing::provider::{Endpoint, Fault, Gate};
use tower_bearer::verifier::Answer;

use crate::service::{
    SECOND, Service, assert_admitted, assert_refused, http, keys_of, presented, provider,
};
use tower_bearer::clock::Clock;

#[tokio::test]
async fn a_start_fetches_first_and_is_an_error_without_the_provider() {
    let (provider, clock) = provider();
    provider.fail(Fault::Down);
    let error = keys_of(&provider, &clock).start().await.unwrap_err();
    assert!(matches!(error, SetupError::Fetch(_)), "{error}");
    assert!(error.to_string().contains("/jwks: "), "{error}");

    provider.recover();
    let keys = keys_of(&provider, &clock).start().await.unwrap();
    assert_eq!(keys.load().iter().count(), 1);
}

#[tokio::test]
async fn a_set_without_a_usable_key_is_an_error_at_the_start() {
    let (provider, clock) = provider();
    for set in [
        r#"{"keys": []}"#,
        r#"{"keys": [{"kty": "oct", "kid": "1", "k": "c2VjcmV0"}]}"#,
    ] {
        provider.fail_at(Endpoint::Jwks, Fault::json(set));
        let error = keys_of(&provider, &clock).start().await.unwrap_err();
        assert!(matches!(error, SetupError::Fetch(_)), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_setting_is_named_before_anything_is_asked() {
    let (provider, clock) = provider();
    let url = provider.url(Endpoint::Jwks);
    let error = RemoteKeySet::builder(&url).start().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid url: it is not https, and plain http was not allowed"
    );
    let set = || keys_of(&provider, &clock);
    for (builder, setting) in [
        (set().refresh_interval(SECOND / 100), "min_refresh_interval"),
        (set().min_refresh_interval(600 * SECOND), "refresh_interval"),
        (
            set().max_refresh_interval(60 * SECOND),
            "max_refresh_interval",
        ),
        (set().cool_down(Duration::ZERO), "cool_down"),
        (set().max_stale(60 * SECOND), "max_stale"),
        (
            set().discovery_interval(Duration::ZERO),
            "discovery_interval",
        ),
        (set().algorithms([]), "algorithms"),
        (
            set().algorithms([tower_bearer::keys::Algorithm::HS256]),
            "algorithms",
        ),
        (RemoteKeySet::builder("id.example.com/jwks"), "url"),
        (RemoteKeySet::builder("https://a:b@id.example.com"), "url"),
        (RemoteKeySet::builder("https://id.example.com/#a"), "url"),
    ] {
        let error = builder.start_lazily().unwrap_err();
        assert_eq!(error.setting(), setting, "{error}");
    }
    assert_eq!(provider.count(Endpoint::Jwks), 0);
}

#[test]
fn without_a_runtime_there_is_an_error_and_no_panic() {
    let builder = RemoteKeySet::builder("https://id.example.com/jwks");
    let error = builder.http(http()).start_lazily().unwrap_err();
    assert!(error.problem().contains("runtime"), "{error}");
}

#[tokio::test]
async fn a_lazy_start_comes_back_at_once_and_requests_wait_for_the_first_keys() {
    let (provider, clock) = provider();
    let gate = Gate::new();
    provider.fail(Fault::Held(gate.clone()));
    let keys = keys_of(&provider, &clock).start_lazily().unwrap();
    let service = Service::with(provider, clock, keys);
    let token = service.token();
    assert!(service.at_once(&token).is_none());
    assert!(!service.keys.status().is_usable);

    let (asked, ()) = tokio::join!(service.ask(&token), async {
        gate.reached(1).await;
        gate.open();
    });
    assert_admitted(asked);
    assert_admitted(service.at_once(&token).unwrap());
    assert_eq!(service.fetches(), 1);
}

#[tokio::test]
async fn a_crowd_on_a_cold_set_makes_one_fetch() {
    let (provider, clock) = provider();
    let gate = Gate::new();
    provider.fail(Fault::Held(gate.clone()));
    let keys = keys_of(&provider, &clock).start_lazily().unwrap();
    let service = Service::with(provider, clock, keys);
    let presented = presented(&service.token(), service.clock.now());

    let crowd: Vec<_> = (0..10_000)
        .map(|_| match Answer::of(&service.verifier, &presented) {
            Answer::Later(answer) => tokio::spawn(answer),
            Answer::Now(judged) => panic!("{judged:?} before there are keys"),
        })
        .collect();
    gate.reached(1).await;
    gate.open();
    for one in crowd {
        assert_admitted(one.await.unwrap());
    }
    assert_eq!(service.fetches(), 1);
}

#[tokio::test]
async fn without_keys_a_token_is_not_judged_and_junk_is_refused_all_the_same() {
    let (provider, clock) = provider();
    provider.fail(Fault::Status(http::StatusCode::BAD_GATEWAY));
    let keys = keys_of(&provider, &clock).start_lazily().unwrap();
    let service = Service::with(provider, clock, keys);
    let token = service.token();
    let refusal = assert_refused(service.ask(&token).await, Reason::Unavailable);
    assert!(std::error::Error::source(&refusal).is_some());

    // Nobody asks again before it is time, and everybody is told so at once.
    let refusal = assert_refused(service.at_once(&token).unwrap(), Reason::Unavailable);
    assert!(refusal.retry_after().unwrap() >= SECOND);
    assert_eq!(service.fetches(), 1);
    let expired = service.provider.token("alice").expired().issue();
    for junk in [expired.as_str(), "not.a.jwt", "nothing"] {
        assert_refused(service.at_once(junk).unwrap(), Reason::Invalid);
    }

    service.provider.recover();
    service.clock.advance(2 * SECOND);
    assert_admitted(service.ask(&token).await);
    assert_eq!(service.fetches(), 2);
}

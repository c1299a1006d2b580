//! Keys are kept up to date, beside the requests.

use std::sync::Arc;
use std::time::Duration;

use http::header::IF_NONE_MATCH;
use tower_bearer::Reason;
use tower_bearer::clock::Clock;
use tower_bearer::testing::provider::{Endpoint, Fault, Gate};
use tower_bearer::verifier::{Answer, CacheSettings, TokenVerifierExt};

use crate::service::{
    MINUTE, SECOND, Service, assert_admitted, assert_refused, keys_of, presented, provider,
};

#[tokio::test]
async fn a_token_whose_key_is_held_waits_for_nothing() {
    let service = Service::started().await;
    let token = service.token();
    for _ in 0..100 {
        assert_admitted(service.at_once(&token).unwrap());
    }
    assert_eq!(service.fetches(), 1);
}

#[tokio::test]
async fn a_refresh_that_is_due_begins_once_and_delays_nobody() {
    let service = Service::started().await;
    let token = service.token();
    let gate = Gate::new();
    service.provider.fail(Fault::Held(gate.clone()));
    service.clock.advance(5 * MINUTE);
    assert_admitted(service.at_once(&token).unwrap());
    gate.reached(1).await;
    for _ in 0..100 {
        assert_admitted(service.at_once(&token).unwrap());
    }
    gate.open();
    service.keys.settled().await;
    assert_eq!(service.fetches(), 2);
    assert_eq!(service.keys.status().age, Some(Duration::ZERO));
}

#[tokio::test]
async fn a_withdrawn_key_is_gone_within_one_interval() {
    let service = Service::started().await;
    let (old, token) = (service.provider.kid(), service.token());
    service.provider.withdraw(&old);
    service.refresh_by_time(&token).await;
    assert_admitted(service.at_once(&service.token()).unwrap());
    assert_refused(service.ask(&token).await, Reason::Invalid);
}

#[tokio::test]
async fn a_withdrawn_key_is_refused_in_a_cache_and_under_way() {
    let service = Service::started().await;
    let cached = Service::with(
        service.provider.clone(),
        service.clock.clone(),
        service.keys.clone(),
    );
    let verifier = Arc::into_inner(cached.verifier).unwrap();
    let cached = Arc::new(verifier.cached(CacheSettings::new()).unwrap());
    let presented = presented(&service.token(), service.clock.now());
    let under_way = Answer::of(&cached, &presented).wait().await.unwrap();
    assert!(under_way.admitted(service.clock.now()).is_ok());

    service.provider.withdraw(&service.provider.kid());
    service.keys.refresh().await.unwrap();
    let again = Answer::of(&cached, &presented).wait().await;
    assert_refused(again, Reason::Invalid);
    let refusal = under_way.admitted(service.clock.now()).unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
}

#[tokio::test]
async fn an_etag_is_sent_along_and_what_stays_is_not_disturbed() {
    let service = Service::started().await;
    let before = service.keys.load();
    service.refresh_by_time(&service.token()).await;
    let requests = service.provider.requests(Endpoint::Jwks);
    assert_eq!(requests.len(), 2);
    assert!(!requests[0].headers().contains_key(IF_NONE_MATCH));
    assert!(requests[1].headers().contains_key(IF_NONE_MATCH));
    assert!(Arc::ptr_eq(&before, &service.keys.load()));
    assert_eq!(service.keys.status().age, Some(Duration::ZERO));

    // Without ETags, the same keys are the same keys.
    service.provider.set_header(Endpoint::Jwks, "etag", None);
    service.provider.rotate();
    service.refresh_by_time(&service.token()).await;
    let before = service.keys.load();
    assert_eq!(before.iter().count(), 2);
    service.refresh_by_time(&service.token()).await;
    let requests = service.provider.requests(Endpoint::Jwks);
    assert!(
        !requests
            .last()
            .unwrap()
            .headers()
            .contains_key(IF_NONE_MATCH)
    );
    assert!(Arc::ptr_eq(&before, &service.keys.load()));
}

#[tokio::test]
async fn what_the_answer_says_of_its_age_counts_within_bounds() {
    let (provider, clock) = provider();
    let minutes = |number: u32| number * MINUTE;
    for (said, longest) in [
        ("max-age=31536000", minutes(5)),
        ("max-age=120", minutes(2)),
        ("max-age=0", MINUTE / 2),
        ("no-store", MINUTE / 2),
        ("public", minutes(5)),
    ] {
        provider.set_header(Endpoint::Jwks, "cache-control", said);
        let keys = keys_of(&provider, &clock).start().await.unwrap();
        let next = keys.status().next_refresh.since(clock.now());
        let shortest = longest.mul_f64(0.74);
        assert!((shortest..longest).contains(&next), "{said}: {next:?}");
    }
    provider.set_header(Endpoint::Jwks, "cache-control", "max-age=31536000");
    let day = minutes(24 * 60);
    let builder = keys_of(&provider, &clock).max_refresh_interval(day);
    let keys = builder.max_stale(day).start().await.unwrap();
    let next = keys.status().next_refresh.since(clock.now());
    assert!((day.mul_f64(0.74)..day).contains(&next), "{next:?}");
}

#[tokio::test]
async fn an_answer_that_was_asked_for_earlier_never_replaces_a_newer_one() {
    let service = Service::started().await;
    let gate = Gate::new();
    service.provider.fail(Fault::Held(gate.clone()));
    let earlier = tokio::spawn({
        let keys = service.keys.clone();
        async move { keys.refresh().await }
    });
    gate.reached(1).await;
    // What waits at the gate is the set of before.
    service.provider.recover();
    service.provider.rotate();
    let later = tokio::spawn({
        let keys = service.keys.clone();
        async move { keys.refresh().await }
    });
    tokio::task::yield_now().await;
    gate.open();
    earlier.await.unwrap().unwrap();
    later.await.unwrap().unwrap();
    assert_eq!(service.keys.load().iter().count(), 2);
    assert_admitted(service.at_once(&service.token()).unwrap());
}

#[tokio::test]
async fn keys_are_fetched_by_themselves_while_nobody_asks() {
    let (provider, clock) = provider();
    let builder = keys_of(&provider, &clock).refresh_interval(SECOND / 10);
    let keys = builder.start().await.unwrap();
    provider.asked(Endpoint::Jwks, 4).await;
    drop(keys);
}

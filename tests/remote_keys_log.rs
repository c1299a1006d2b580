//! What is logged of keys by URL. Alone in its process, since it listens on every thread.
#![allow(clippy::unwrap_used)]

#[path = "remote_keys/service.rs"]
mod service;
mod support;

use service::{Service, keys_of, provider};
use support::log::Log;
use tower_bearer::testing::provider::{Endpoint, Fault};

#[tokio::test]
async fn an_outage_is_one_warning_and_a_skipped_key_is_one() {
    let log = Log::listen_everywhere();
    let (provider, clock) = provider();
    provider.add_jwk(r#"{"kty": "none", "kid": "odd-one"}"#);
    let keys = keys_of(&provider, &clock).start().await.unwrap();
    let service = Service::with(provider, clock, keys);
    service.provider.rotate();
    service.refresh_by_time(&service.token()).await;

    service.provider.fail(Fault::Down);
    for _ in 0..5 {
        service.refresh_by_time(&service.token()).await;
    }
    assert_eq!(service.keys.status().failures, 5);
    service.provider.recover();
    service.refresh_by_time(&service.token()).await;

    let text = log.text();
    let told = |line: &&str| line.contains("tower_bearer: ") && line.contains("jwks=");
    let warnings: Vec<_> = text
        .lines()
        .filter(|line| line.contains("WARN"))
        .filter(told)
        .collect();
    let [skipped, outage] = warnings[..] else {
        panic!("{warnings:#?}");
    };
    assert!(skipped.contains("a key was skipped") && skipped.contains("odd-one"));
    assert!(outage.contains("keys could not be fetched"));
    assert!(outage.contains(&service.provider.url(Endpoint::Jwks)));
    assert!(text.contains("keys are fetched again"));
}

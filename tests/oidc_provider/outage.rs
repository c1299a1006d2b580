//! What goes on without it, and through a bad network.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tower_bearer::Reason;
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::keys::RemoteKeySet;
use tower_bearer::verifier::jwt::JwtVerifier;

use crate::servers::{Fault, OidcProvider, Proxy};
use crate::site::{AUDIENCE, INTERVAL, MAX_STALE, MINUTE, PATIENCE, RETRY, Site, http};

#[tokio::test]
async fn killed_it_leaves_good_tokens_good_until_the_stated_age() {
    let Some(mut provider) = OidcProvider::start().await else {
        return;
    };
    let site = Site::by_discovery(&provider).await;
    let token = provider.token(AUDIENCE);
    provider.rotate();
    let unseen = provider.token(AUDIENCE);
    provider.kill().await;
    for _ in 0..15 {
        site.go_on(MINUTE, &token).await.unwrap();
        // It may be good: nobody can say.
        assert_eq!(site.reason(&unseen).await, Reason::Unavailable);
    }
    assert!(site.keys.status().is_failing);
    site.clock.advance(MAX_STALE - 15 * MINUTE);
    assert_eq!(site.reason(&token).await, Reason::Unavailable);
    assert_eq!(site.reason(&unseen).await, Reason::Unavailable);

    provider.restart().await;
    let _ = site.go_on(RETRY, &token).await;
    site.verify(&token).await.unwrap();
    site.verify(&unseen).await.unwrap();
    assert!(!site.keys.status().is_failing);
}

#[tokio::test]
async fn without_it_nothing_starts_or_nothing_is_judged() {
    let Some(mut provider) = OidcProvider::start().await else {
        return;
    };
    let token = provider.token(AUDIENCE);
    provider.kill().await;
    let begin = || RemoteKeySet::discover(provider.issuer()).http(http(PATIENCE));
    let error = begin().start().await.unwrap_err();
    assert!(error.to_string().contains(&provider.issuer()), "{error}");

    let clock = ManualClock::new(Timestamp::from(SystemTime::now()));
    let keys = begin().clock(clock.clone()).start_lazily().unwrap();
    let verifier = JwtVerifier::rfc9068(&keys, provider.issuer(), AUDIENCE);
    let site = Site {
        clock,
        keys,
        verifier: Arc::new(verifier.build().unwrap()),
    };
    assert_eq!(site.reason(&token).await, Reason::Unavailable);
    provider.restart().await;
    let _ = site.go_on(RETRY, &token).await;
    site.verify(&token).await.unwrap();
}

#[tokio::test]
async fn whatever_the_network_does_a_good_token_stays_good() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let proxy = Proxy::before(provider.port()).await;
    let timeout = Duration::from_millis(500);
    let site = Site::through(&provider, proxy.port(), timeout).await;
    let token = provider.token(AUDIENCE);
    for fault in [
        Fault::Cut,
        Fault::Refuse,
        Fault::Hang,
        Fault::Delay(timeout),
        Fault::CutAfter(5),
        Fault::CutAfter(400),
    ] {
        proxy.set(fault).await;
        proxy.cut_all();
        site.go_on(INTERVAL, &token).await.unwrap();
        assert!(site.keys.status().is_failing, "{fault:?}");
        site.verify(&token).await.unwrap();

        proxy.set(Fault::None).await;
        site.go_on(RETRY, &token).await.unwrap();
        let status = site.keys.status();
        assert!(!status.is_failing, "{fault:?}: {:?}", status.last_error);
    }
    // Late is not too late.
    proxy.set(Fault::Delay(timeout / 10)).await;
    site.go_on(INTERVAL, &token).await.unwrap();
    assert!(!site.keys.status().is_failing);
}

#[tokio::test]
async fn frozen_it_is_waited_for_no_longer_than_stated() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let timeout = Duration::from_millis(500);
    let site = Site::through(&provider, provider.port(), timeout).await;
    let token = provider.token(AUDIENCE);
    provider.rotate();
    let unseen = provider.token(AUDIENCE);
    provider.freeze();
    assert_eq!(site.reason(&unseen).await, Reason::Unavailable);
    site.verify(&token).await.unwrap();
    provider.thaw();
    site.clock.advance(RETRY);
    site.verify(&unseen).await.unwrap();
}

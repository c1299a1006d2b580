//! Its keys, as they come and go.

use tower_bearer::Reason;

use crate::servers::OidcProvider;
use crate::site::{AUDIENCE, INTERVAL, Site};

#[tokio::test]
async fn its_keys_are_discovered_and_its_tokens_taken() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let site = Site::by_discovery(&provider).await;
    let identity = site.verify(&provider.token(AUDIENCE)).await.unwrap();
    assert_eq!(identity.subject(), "shop");
    assert_eq!(identity.client_id(), Some("shop"));
    assert_eq!(identity.issuer(), Some(&*provider.issuer()));
    assert!(identity.has_scope("orders:read"));
    assert!(!identity.has_scope("orders:write"));
    assert_eq!(
        site.keys.status().keys,
        2,
        "one for access, one for identity"
    );
}

#[tokio::test]
async fn its_tokens_for_others_are_refused() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let site = Site::by_discovery(&provider).await;
    let token = provider.token("https://other.example.com");
    assert_eq!(site.reason(&token).await, Reason::Invalid);
    assert_eq!(site.keys.status().fetches, 1, "nothing was asked for it");
}

#[tokio::test]
async fn its_next_key_is_taken_up_at_sight() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let site = Site::by_discovery(&provider).await;
    let old = provider.token(AUDIENCE);
    let kid = provider.rotate();
    let new = provider.token(AUDIENCE);
    let identity = site.verify(&new).await.unwrap();
    assert_eq!(identity.key_id(), Some(&*kid));
    site.verify(&old).await.unwrap();
    assert_eq!(site.keys.status().fetches, 2);
}

#[tokio::test]
async fn a_key_that_it_withdrew_is_gone_within_an_interval() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let site = Site::by_discovery(&provider).await;
    let old = provider.token(AUDIENCE);
    site.verify(&old).await.unwrap();
    provider.rotate();
    provider.withdraw();
    let new = provider.token(AUDIENCE);
    // The request at which a refresh is due does not wait for it.
    site.go_on(INTERVAL, &old).await.unwrap();
    assert_eq!(site.reason(&old).await, Reason::Invalid);
    site.verify(&new).await.unwrap();
}

//! Tokens, held against a verifier that read the published keys.

use std::time::Duration;

use serde_json::json;
use tower_bearer::clock::{Clock, ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, KeySet};
use tower_bearer::testing::provider::{IdentityProvider, ProviderToken};
use tower_bearer::verifier::Presented;
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::{Reason, Refusal, TokenVerifier};

use crate::client::jwks;

struct Desk {
    clock: ManualClock,
    provider: IdentityProvider,
    verifier: JwtVerifier,
}

impl Desk {
    async fn new() -> Self {
        let clock = ManualClock::new(Timestamp::from_unix_secs(1_700_000_000));
        let provider = IdentityProvider::builder().clock(clock.clone()).start();
        let keys = KeySet::from_jwks(&jwks(&provider).await.to_string()).unwrap();
        let verifier = JwtVerifier::rfc9068(keys, provider.issuer(), provider.audience());
        Self {
            clock,
            provider,
            verifier: verifier.build().unwrap(),
        }
    }

    async fn verify(&self, token: &str) -> Result<Identity, Refusal> {
        let token = BearerToken::new(token).unwrap();
        let presented = Presented::new(token, self.clock.now());
        self.verifier.verify(&presented).await
    }
}

#[tokio::test]
async fn a_token_is_good_by_the_published_keys() {
    let desk = Desk::new().await;
    let token = desk
        .provider
        .token("alice")
        .scope("orders:read orders:write");
    let identity = desk.verify(&token.issue()).await.unwrap();
    assert_eq!(identity.subject(), "alice");
    assert_eq!(identity.issuer(), Some(desk.provider.issuer()));
    assert_eq!(
        identity.scopes(),
        &"orders:read orders:write".parse().unwrap()
    );
    assert_eq!(identity.client_id(), Some("test-client"));
}

#[tokio::test]
async fn a_token_ends_by_the_clock_of_the_test() {
    let desk = Desk::new().await;
    let ten_minutes = desk.provider.token("alice").issue();
    let minute = Duration::from_secs(60);
    let hour = desk.provider.token("alice").lifetime(60 * minute).issue();
    desk.clock.advance(9 * minute);
    desk.verify(&ten_minutes).await.unwrap();
    desk.clock.advance(3 * minute);
    let refusal = desk.verify(&ten_minutes).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Expired);
    desk.verify(&hour).await.unwrap();
}

#[tokio::test]
async fn a_token_is_bad_in_the_way_that_the_test_says() {
    let desk = Desk::new().await;
    let other = SigningKey::generate(Algorithm::EdDSA).unwrap();
    type Change<'a> = Box<dyn Fn(ProviderToken<'a>) -> ProviderToken<'a> + 'a>;
    let bad: [(&str, Reason, Change<'_>); 8] = [
        ("over", Reason::Expired, Box::new(ProviderToken::expired)),
        (
            "for others",
            Reason::Invalid,
            Box::new(|token| token.audience("https://other.example.com")),
        ),
        (
            "by a key that nobody knows",
            Reason::Invalid,
            Box::new(|token| token.kid("nobody-knows-it")),
        ),
        (
            "by another key under the name of the right one",
            Reason::Invalid,
            Box::new(|token| {
                let kid = desk.provider.kid();
                token.signed_by(&other).kid(&kid)
            }),
        ),
        (
            "of somebody else",
            Reason::Invalid,
            Box::new(|token| token.claim("iss", "https://id.example.com")),
        ),
        (
            "of nobody",
            Reason::Invalid,
            Box::new(|token| token.without("sub")),
        ),
        (
            "for another purpose",
            Reason::Invalid,
            Box::new(|token| token.header("typ", "JWT")),
        ),
        (
            "not good yet",
            Reason::NotYetValid,
            Box::new(|token| token.claim("nbf", 1_700_000_600)),
        ),
    ];
    for (what, reason, change) in bad {
        let token = change(desk.provider.token("alice")).issue();
        let refusal = desk.verify(&token).await.unwrap_err();
        assert_eq!(refusal.reason(), reason, "{what}: {refusal:?}");
    }
}

#[tokio::test]
async fn a_token_without_a_kid_is_by_the_only_key_there_is() {
    let desk = Desk::new().await;
    let token = desk.provider.token("alice").without_kid().issue();
    let header = token.split('.').next().unwrap();
    let header = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header, json!({ "alg": "EdDSA", "typ": "at+jwt" }));
    desk.verify(&token).await.unwrap();
}

#[tokio::test]
async fn a_provider_signs_by_the_key_that_it_is_given() {
    let pem = include_str!("../fixtures/p256.pk8.pem");
    let key = SigningKey::from_pem(Algorithm::ES256, pem).unwrap();
    let provider = IdentityProvider::builder()
        .signing_key(key.with_kid("mine"))
        .start();
    let set = jwks(&provider).await;
    assert_eq!(set["keys"][0]["alg"], "ES256");
    assert_eq!(set["keys"][0]["kid"], "mine");
}

//! What it says of tokens that say nothing themselves.

use std::time::SystemTime;

use tower_bearer::clock::Timestamp;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, RemoteKeySet};
use tower_bearer::verifier::Presented;
use tower_bearer::verifier::introspection::{
    ClientAuthentication, IntrospectionVerifier, IntrospectionVerifierBuilder,
};
use tower_bearer::{Reason, Refusal, TokenVerifier};

use crate::servers::OidcProvider;
use crate::site::{PATIENCE, http};

pub(crate) const OPAQUE: &str = "https://opaque.example.com";

const CLIENT: &str = "resource-server";
const SECRET: &str = "secret-of-the-resource-server";

/// What asks it about tokens for `OPAQUE`, by its secret.
pub(crate) fn introspecting(provider: &OidcProvider) -> IntrospectionVerifierBuilder {
    asking(provider, ClientAuthentication::secret_basic(CLIENT, SECRET))
}

fn asking(provider: &OidcProvider, who: ClientAuthentication) -> IntrospectionVerifierBuilder {
    IntrospectionVerifier::builder(provider.introspection_endpoint(), who)
        .http(http(PATIENCE))
        .issuer(provider.issuer())
        .audience(OPAQUE)
        // It names none for a client that acts for nobody.
        .allow_missing_sub()
}

async fn verify(verifier: &IntrospectionVerifier, token: &str) -> Result<Identity, Refusal> {
    let now = Timestamp::from(SystemTime::now());
    let presented = Presented::new(BearerToken::new(token).unwrap(), now);
    verifier.verify(&presented).await
}

#[tokio::test]
async fn its_opaque_tokens_are_taken_until_they_are_revoked() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let verifier = introspecting(&provider).build().unwrap();
    let (token, other) = (provider.token(OPAQUE), provider.token(OPAQUE));
    assert!(!token.contains('.'), "it is no JWT");
    let identity = verify(&verifier, &token).await.unwrap();
    assert_eq!(identity.subject(), "shop");
    assert_eq!(identity.client_id(), Some("shop"));
    assert!(identity.has_scope("orders:read"));
    provider.revoke(&token);
    let refusal = verify(&verifier, &token).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    verify(&verifier, &other).await.unwrap();
}

#[tokio::test]
async fn its_opaque_tokens_for_others_are_refused() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let verifier = introspecting(&provider).build().unwrap();
    let token = provider.token("https://other.opaque.example.com");
    let refusal = verify(&verifier, &token).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    let refusal = verify(&verifier, "made-up").await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
}

#[tokio::test]
async fn its_answers_are_taken_signed() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let keys = RemoteKeySet::discover(provider.issuer()).http(http(PATIENCE));
    let keys = keys.start().await.unwrap();
    let verifier = introspecting(&provider)
        .signed_answers(&keys, provider.issuer(), CLIENT)
        .build()
        .unwrap();
    let token = provider.token(OPAQUE);
    assert_eq!(verify(&verifier, &token).await.unwrap().subject(), "shop");
    let refusal = verify(&verifier, "made-up").await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);

    // Signed for somebody else, as far as this one knows.
    let verifier = introspecting(&provider)
        .signed_answers(&keys, provider.issuer(), "another-server")
        .build()
        .unwrap();
    let refusal = verify(&verifier, &token).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Unavailable);
}

#[tokio::test]
async fn who_asks_is_known_by_a_key_too_and_nobody_else_is_told() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let token = provider.token(OPAQUE);
    let pem = include_str!("../fixtures/p256.pk8.pem");
    let key = SigningKey::from_pem(Algorithm::ES256, pem).unwrap();
    let client = "resource-server-with-a-key";
    let by_key = ClientAuthentication::private_key_jwt(client, key, provider.issuer());
    let verifier = asking(&provider, by_key).build().unwrap();
    for _ in 0..2 {
        assert_eq!(verify(&verifier, &token).await.unwrap().subject(), "shop");
    }
    let guessed = ClientAuthentication::secret_basic(CLIENT, "guessed");
    let verifier = asking(&provider, guessed).build().unwrap();
    let refusal = verify(&verifier, &token).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Unavailable);
}

#[tokio::test]
async fn without_it_nobody_knows_and_nobody_is_refused() {
    let Some(mut provider) = OidcProvider::start().await else {
        return;
    };
    let verifier = introspecting(&provider).without_breaker().build().unwrap();
    let token = provider.token(OPAQUE);
    verify(&verifier, &token).await.unwrap();
    provider.kill().await;
    let refusal = verify(&verifier, &token).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Unavailable);
    provider.restart().await;
    // It keeps its tokens in memory, and has forgotten this one.
    let refusal = verify(&verifier, &token).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    let token = provider.token(OPAQUE);
    verify(&verifier, &token).await.unwrap();
}

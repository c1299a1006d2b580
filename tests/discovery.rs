//! What an authorization server says of itself, and keys that are found by it.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use support::clock::clock;
use tower_bearer::Refusal;
use tower_bearer::clock::{Clock, ManualClock};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::keys::discovery::{AuthorizationServer, Discovery, WellKnown};
use tower_bearer::keys::remote::{RemoteKeySetBuilder, SetupError};
use tower_bearer::keys::{Algorithm, RemoteKeySet};
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, Fault, IdentityProvider};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::{Answer, Presented};

const MINUTE: Duration = Duration::from_secs(60);

fn http() -> HttpSettings {
    HttpSettings::new()
        .allow_plain_http()
        .connect_timeout(Duration::from_secs(20))
        .timeout(Duration::from_secs(60))
}

fn discover(provider: &IdentityProvider) -> Discovery {
    AuthorizationServer::discover(provider.issuer()).http(http())
}

fn keys_of(provider: &IdentityProvider, clock: &ManualClock) -> RemoteKeySetBuilder {
    RemoteKeySet::discover(provider.issuer())
        .http(http())
        .clock(clock.clone())
}

fn at_path(path: &str, clock: &ManualClock) -> IdentityProvider {
    IdentityProvider::builder()
        .path(path)
        .clock(clock.clone())
        .start()
}

async fn ask(
    provider: &IdentityProvider,
    keys: &RemoteKeySet,
    clock: &ManualClock,
) -> Result<Identity, Refusal> {
    let verifier = JwtVerifier::builder(keys)
        .issuer(provider.issuer())
        .audience(provider.audience())
        .build()
        .unwrap();
    let token = BearerToken::new(&provider.token("alice").issue()).unwrap();
    let presented = Presented::new(token, clock.now());
    Answer::of(&Arc::new(verifier), &presented).wait().await
}

#[tokio::test]
async fn metadata_are_found_in_either_form_and_under_a_path_too() {
    for path in ["/", "/realms/acme", "/realms/acme/"] {
        let clock = clock();
        let provider = at_path(path, &clock);
        let server = discover(&provider).fetch().await.unwrap();
        assert_eq!(server.issuer(), provider.issuer());
        assert_eq!(server.jwks_uri(), Some(&*provider.url(Endpoint::Jwks)));
        let introspection = provider.url(Endpoint::Introspection);
        assert_eq!(server.introspection_endpoint(), Some(&*introspection));
        assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 1);
        assert_eq!(provider.count(Endpoint::AuthorizationServerMetadata), 0);

        let gone = Fault::Status(StatusCode::NOT_FOUND);
        provider.fail_at(Endpoint::OpenIdConfiguration, gone);
        assert_eq!(discover(&provider).fetch().await.unwrap(), server);
        assert_eq!(provider.count(Endpoint::AuthorizationServerMetadata), 1);
        assert_eq!(provider.count(Endpoint::Elsewhere), 0);
    }
}

#[tokio::test]
async fn one_form_that_was_named_is_the_only_one_asked() {
    let (clock, gone) = (clock(), Fault::Status(StatusCode::NOT_FOUND));
    let provider = at_path("/a", &clock);
    let oauth = discover(&provider).well_known(WellKnown::OAuthAuthorizationServer);
    oauth.fetch().await.unwrap();
    assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 0);
    provider.fail_at(Endpoint::AuthorizationServerMetadata, gone.clone());
    oauth.fetch().await.unwrap_err();
    assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 0);

    provider.recover();
    provider.fail_at(Endpoint::OpenIdConfiguration, gone);
    let openid = discover(&provider).well_known(WellKnown::OpenIdConfiguration);
    openid.fetch().await.unwrap_err();
    assert_eq!(provider.count(Endpoint::AuthorizationServerMetadata), 2);
}

#[tokio::test]
async fn an_issuer_that_is_not_its_own_is_an_error() {
    let clock = clock();
    let provider = at_path("/a", &clock);
    let own = provider.issuer().to_owned();
    for other in [
        "https://other.example.com".to_owned(),
        format!("{own}/"),
        own.to_uppercase(),
        String::new(),
    ] {
        provider.set_metadata("issuer", &other);
        let error = discover(&provider).fetch().await.unwrap_err();
        assert!(error.to_string().contains("issuer"), "{other}: {error}");
        keys_of(&provider, &clock).start().await.unwrap_err();
    }
    for odd in [Value::Null, Value::from(7), Value::from(vec![own.clone()])] {
        provider.set_metadata("issuer", odd);
        discover(&provider).fetch().await.unwrap_err();
    }
    assert_eq!(provider.count(Endpoint::Jwks), 0);
    provider.set_metadata("issuer", own);
    discover(&provider).fetch().await.unwrap();
}

#[tokio::test]
async fn what_is_no_metadata_is_an_error_and_an_outage_is_not_passed_over() {
    let provider = at_path("/a", &clock());
    let elsewhere = IdentityProvider::start();
    for fault in [
        Fault::Down,
        Fault::Status(StatusCode::BAD_GATEWAY),
        Fault::Status(StatusCode::TOO_MANY_REQUESTS),
        Fault::Html,
        Fault::BrokenJson,
        Fault::CutOff,
        Fault::Oversized,
        Fault::Redirect(elsewhere.url(Endpoint::OpenIdConfiguration)),
        Fault::json(r#"{"issuer": "a", "issuer": "b"}"#),
        Fault::json("[]"),
    ] {
        let described = format!("{fault:?}");
        provider.fail_at(Endpoint::OpenIdConfiguration, fault);
        let error = discover(&provider).fetch().await.expect_err(&described);
        assert!(matches!(error, SetupError::Fetch(_)), "{error}");
    }
    assert_eq!(provider.count(Endpoint::AuthorizationServerMetadata), 0);
    for endpoint in Endpoint::ALL {
        assert_eq!(elsewhere.count(endpoint), 0);
    }
}

#[tokio::test]
async fn an_issuer_that_cannot_be_one_is_named_and_not_asked() {
    for issuer in [
        "id.example.com",
        "http://id.example.com",
        "https://id.example.com?tenant=a",
        "https://id.example.com#a",
        "https://alice@id.example.com",
        "ftp://id.example.com",
    ] {
        let error = AuthorizationServer::discover(issuer).fetch().await;
        let Err(SetupError::Config(error)) = error else {
            panic!("{issuer}: {error:?}");
        };
        assert_eq!(error.setting(), "issuer");
        let error = RemoteKeySet::discover(issuer).start_lazily().unwrap_err();
        assert_eq!(error.setting(), "issuer");
    }
}

#[tokio::test]
async fn one_line_is_enough_for_keys() {
    let clock = clock();
    let provider = at_path("/a", &clock);
    let keys = keys_of(&provider, &clock).start().await.unwrap();
    assert_eq!(
        ask(&provider, &keys, &clock).await.unwrap().subject(),
        "alice"
    );
    let metadata = keys.metadata().unwrap();
    assert_eq!(metadata.issuer(), provider.issuer());
    provider.rotate();
    assert_eq!(
        ask(&provider, &keys, &clock).await.unwrap().subject(),
        "alice"
    );
    // The metadata are good for longer than a set.
    assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 1);
    assert_eq!(provider.count(Endpoint::Jwks), 2);
}

#[tokio::test]
async fn a_jwks_uri_that_may_not_be_asked_is_an_error() {
    let clock = clock();
    let provider = at_path("/a", &clock);
    for uri in [
        Value::Null,
        Value::from(7),
        Value::from(""),
        Value::from("/jwks"),
        Value::from("ftp://id.example.com/jwks"),
        Value::from("file:///etc/passwd"),
        Value::from("https://alice:secret@id.example.com/jwks"),
    ] {
        provider.set_metadata("jwks_uri", &uri);
        let error = keys_of(&provider, &clock).start().await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, SetupError::Fetch(_)), "{uri}: {text}");
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn algorithms_that_metadata_name_allow_nothing() {
    let clock = clock();
    let provider = at_path("/a", &clock);
    let named = ["none", "HS256", "EdDSA", "XY999"];
    provider.set_metadata("id_token_signing_alg_values_supported", named);
    provider.add_jwk(format!(
        r#"{{"kty": "oct", "kid": "s", "alg": "HS256", "k": "{}"}}"#,
        "c".repeat(43)
    ));
    let keys = keys_of(&provider, &clock).start().await.unwrap();
    let metadata = keys.metadata().unwrap();
    let known = [Algorithm::HS256, Algorithm::EdDSA];
    assert_eq!(metadata.signing_algorithms(), known);
    assert_eq!(keys.load().iter().count(), 1);
    assert_eq!(keys.status().skipped.len(), 1);
}

#[tokio::test]
async fn metadata_are_read_again_now_and_then_and_their_loss_hurts_no_key() {
    let clock = clock();
    let provider = at_path("/a", &clock);
    let keys = keys_of(&provider, &clock).start().await.unwrap();
    for _ in 0..11 {
        clock.advance(5 * MINUTE);
        keys.refresh().await.unwrap();
    }
    assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 1);

    clock.advance(5 * MINUTE);
    let down = Fault::Status(StatusCode::INTERNAL_SERVER_ERROR);
    provider.fail_at(Endpoint::OpenIdConfiguration, down);
    keys.refresh().await.unwrap();
    assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 2);
    let status = keys.status();
    assert!(!status.is_failing);
    assert!(status.discovery_error.unwrap().contains("500"));

    provider.recover();
    keys.refresh().await.unwrap();
    assert_eq!(keys.status().discovery_error, None);
}

#[tokio::test]
async fn an_issuer_that_becomes_another_changes_nothing() {
    let clock = clock();
    let (provider, other) = (at_path("/a", &clock), IdentityProvider::start());
    let keys = keys_of(&provider, &clock).start().await.unwrap();
    provider.set_metadata("issuer", other.issuer());
    provider.set_metadata("jwks_uri", other.url(Endpoint::Jwks));
    clock.advance(60 * MINUTE - MINUTE);
    keys.refresh().await.unwrap();
    clock.advance(MINUTE);
    keys.refresh().await.unwrap();
    assert!(keys.status().discovery_error.unwrap().contains("issuer"));
    assert_eq!(other.count(Endpoint::Jwks), 0);
    assert_eq!(
        ask(&provider, &keys, &clock).await.unwrap().subject(),
        "alice"
    );
}

#[tokio::test]
async fn keys_that_have_moved_are_found_again() {
    let clock = clock();
    let (provider, other) = (at_path("/a", &clock), at_path("/b", &clock));
    let keys = keys_of(&provider, &clock).start().await.unwrap();
    provider.set_metadata("jwks_uri", other.url(Endpoint::Jwks));
    let gone = Fault::Status(StatusCode::NOT_FOUND);
    provider.fail_at(Endpoint::Jwks, gone);
    keys.refresh().await.unwrap_err();
    // What is held goes on, and by the next attempt the keys are found.
    assert_eq!(
        ask(&provider, &keys, &clock).await.unwrap().subject(),
        "alice"
    );
    keys.refresh().await.unwrap();
    assert_eq!(other.count(Endpoint::Jwks), 1);
    // No ETag goes to whoever did not give it.
    let requests = other.requests(Endpoint::Jwks);
    assert!(!requests[0].headers().contains_key("if-none-match"));
    let held = keys.load();
    let kids: Vec<_> = held.iter().filter_map(|key| key.kid()).collect();
    assert_eq!(kids, [other.kid()]);
}

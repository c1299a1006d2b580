//! Metadata and keys.

use std::io::{Read, Write};
use std::net::TcpStream;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use tower_bearer::testing::provider::{Endpoint, IdentityProvider};

use crate::client::{Client, jwks, kids};

#[tokio::test]
async fn both_documents_name_the_issuer_and_where_its_keys_are() {
    let provider = IdentityProvider::start();
    let client = Client::new();
    for endpoint in [
        Endpoint::OpenIdConfiguration,
        Endpoint::AuthorizationServerMetadata,
    ] {
        let document = client.json(&provider.url(endpoint)).await;
        assert_eq!(document["issuer"], provider.issuer());
        assert_eq!(document["jwks_uri"], provider.url(Endpoint::Jwks));
        let introspection = provider.url(Endpoint::Introspection);
        assert_eq!(document["introspection_endpoint"], introspection);
    }
    let set = jwks(&provider).await;
    assert_eq!(set["keys"][0]["kid"], provider.kid());
    assert_eq!(set["keys"][0]["alg"], "EdDSA");
}

#[tokio::test]
async fn an_issuer_with_a_path_has_its_documents_where_the_standards_say() {
    let provider = IdentityProvider::builder().path("/realms/acme").start();
    let origin = format!("http://127.0.0.1:{}", provider.port());
    assert_eq!(provider.issuer(), format!("{origin}/realms/acme"));
    let client = Client::new();
    for path in [
        "/realms/acme/.well-known/openid-configuration",
        "/.well-known/openid-configuration/realms/acme",
        "/.well-known/oauth-authorization-server/realms/acme",
    ] {
        let document = client.json(&format!("{origin}{path}")).await;
        assert_eq!(document["issuer"], provider.issuer(), "{path}");
    }
    let nothing = client.get(&format!("{origin}/.well-known/openid-configuration"));
    assert_eq!(nothing.await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 2);
    assert_eq!(provider.count(Endpoint::Elsewhere), 1);
}

#[tokio::test]
async fn an_issuer_that_ends_with_a_slash_keeps_it_in_its_name_alone() {
    let provider = IdentityProvider::builder().path("/").start();
    assert!(provider.issuer().ends_with('/'));
    let url = format!("{}.well-known/openid-configuration", provider.issuer());
    assert_eq!(provider.url(Endpoint::OpenIdConfiguration), url);
    let document = Client::new().json(&url).await;
    assert_eq!(document["issuer"], provider.issuer());
}

#[tokio::test]
async fn behind_a_front_everything_is_named_by_the_front() {
    let provider = IdentityProvider::builder()
        .origin("https://localhost:4443")
        .start();
    assert_eq!(provider.issuer(), "https://localhost:4443");
    let url = format!(
        "http://127.0.0.1:{}/.well-known/openid-configuration",
        provider.port()
    );
    let document = Client::new().json(&url).await;
    assert_eq!(document["jwks_uri"], "https://localhost:4443/jwks");
}

#[tokio::test]
async fn the_metadata_says_what_the_test_wants_it_to() {
    let provider = IdentityProvider::start();
    provider.set_metadata("issuer", "https://other.example.com");
    provider.set_metadata("jwks_uri", Value::Null);
    provider.set_metadata("acr_values_supported", ["phr", "phrh"]);
    let document = Client::new()
        .json(&provider.url(Endpoint::OpenIdConfiguration))
        .await;
    assert_eq!(document["issuer"], "https://other.example.com");
    assert!(document.get("jwks_uri").is_none());
    assert_eq!(document["acr_values_supported"], json!(["phr", "phrh"]));
}

#[tokio::test]
async fn keys_that_are_known_are_not_sent_again() {
    let provider = IdentityProvider::start();
    let client = Client::new();
    let url = provider.url(Endpoint::Jwks);
    let first = client.get(&url).await.unwrap();
    assert_eq!(first.headers()[CONTENT_TYPE], "application/jwk-set+json");
    assert_eq!(first.headers()[CACHE_CONTROL], "public, max-age=300");
    let etag = first.headers()[ETAG].clone();
    let again = || {
        let request = Request::get(&url).header(IF_NONE_MATCH, &etag);
        client.send(request.body(http_body_util::Full::default()).unwrap())
    };
    let same = again().await.unwrap();
    assert_eq!(same.status(), StatusCode::NOT_MODIFIED);
    assert!(same.body().is_empty());
    assert_eq!(same.headers()[ETAG], etag);

    provider.rotate();
    let other = again().await.unwrap();
    assert_eq!(other.status(), StatusCode::OK);
    assert_ne!(other.headers()[ETAG], etag);
}

#[tokio::test]
async fn headers_are_what_the_test_wants_them_to_be() {
    let provider = IdentityProvider::start();
    let client = Client::new();
    let url = provider.url(Endpoint::Jwks);
    let etag = client.get(&url).await.unwrap().headers()[ETAG].clone();
    provider.set_header(Endpoint::Jwks, "cache-control", "max-age=31536000");
    provider.set_header(Endpoint::Jwks, "etag", None);
    let request = Request::get(&url).header(IF_NONE_MATCH, etag);
    let request = request.body(http_body_util::Full::default()).unwrap();
    let answer = client.send(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "there is no ETag to know");
    assert_eq!(answer.headers()[CACHE_CONTROL], "max-age=31536000");
    assert!(!answer.headers().contains_key(ETAG));
    let metadata = provider.url(Endpoint::OpenIdConfiguration);
    let metadata = client.get(&metadata).await.unwrap();
    assert_eq!(metadata.headers()[CACHE_CONTROL], "public, max-age=300");
}

#[tokio::test]
async fn keys_come_and_go() {
    let provider = IdentityProvider::start();
    let first = provider.kid();
    let second = provider.rotate();
    assert_eq!(provider.kid(), second);
    assert_eq!(kids(&provider).await, [&*first, &*second]);
    provider.withdraw(&first);
    assert_eq!(kids(&provider).await, [&*second]);
    provider.withdraw(&second);
    assert_ne!(provider.kid(), second, "another signs");
    assert_eq!(kids(&provider).await, [provider.kid()]);
}

#[tokio::test]
async fn the_set_takes_keys_of_any_kind() {
    let provider = IdentityProvider::start();
    let twice = r#"{"kty":"RSA","kty":"EC","use":"enc"}"#;
    provider.add_jwk(twice);
    let set = Client::new().get(&provider.url(Endpoint::Jwks)).await;
    let set = String::from_utf8(set.unwrap().body().to_vec()).unwrap();
    assert!(set.contains(&provider.kid()), "{set}");
    assert!(set.ends_with(&format!(",{twice}]}}")), "{set}");
    assert_eq!(set, provider.jwks());
}

#[tokio::test]
async fn requests_are_counted_and_the_last_of_them_remembered() {
    let provider = IdentityProvider::start();
    let client = Client::new();
    let url = provider.url(Endpoint::Jwks);
    assert_eq!(provider.count(Endpoint::Jwks), 0);
    for number in 0..103 {
        client.get(&format!("{url}?{number}")).await.unwrap();
    }
    provider.asked(Endpoint::Jwks, 103).await;
    assert_eq!(provider.count(Endpoint::Jwks), 103);
    let last = provider.requests(Endpoint::Jwks);
    assert_eq!(last.len(), 100);
    assert_eq!(last[0].uri().query(), Some("3"));
    assert_eq!(last[99].uri().query(), Some("102"));
    assert_eq!(provider.count(Endpoint::Introspection), 0);
}

#[test]
fn a_test_without_a_runtime_is_served_too_and_the_last_clone_ends_it() {
    let provider = IdentityProvider::start();
    let address = ("127.0.0.1", provider.port());
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /jwks HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");

    drop(provider.clone());
    assert!(TcpStream::connect(address).is_ok());
    drop(provider);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest); // ends, or is reset
    // What listens is dropped by the provider's thread.
    let begun = std::time::Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(begun.elapsed().as_secs() < 20, "it still listens");
        std::thread::yield_now();
    }
}

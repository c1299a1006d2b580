//! Its tokens that are bound to a key or to a certificate.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::binding::{Binding, Certificates, ClientCertificate, Dpop};
use tower_bearer::replay::MemoryReplayStore;
use tower_bearer::testing::dpop::Client;
use tower_bearer::{BearerAuthLayer, TokenVerifier};

use crate::introspection::{OPAQUE, introspecting};
use crate::servers::OidcProvider;
use crate::site::{AUDIENCE, Site};

const URL: &str = "https://api.example.com/orders";
const CERTIFICATE: &str = include_str!("../fixtures/p256.cert.pem");

/// A layer that has both proved.
fn layer(verifier: impl TokenVerifier + 'static) -> BearerAuthLayer {
    let dpop = Dpop::builder(Arc::new(MemoryReplayStore::new()))
        .url("https://api.example.com")
        .build();
    BearerAuthLayer::builder(verifier)
        .binding(Binding::of(dpop.unwrap()).and(Certificates::of_connection()))
        .build()
        .unwrap()
}

async fn ask(layer: &BearerAuthLayer, request: http::request::Builder) -> StatusCode {
    let inner = service_fn(|_: Request<Full<Bytes>>| async {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let request = request.uri("/orders").body(Full::default()).unwrap();
    let Ok(response) = layer.layer(inner).oneshot(request).await;
    response.status()
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_comes_with_a_proof_by_that_key() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let site = Site::by_discovery(&provider).await;
    comes_with_a_proof(&provider, AUDIENCE, &layer(site.verifier)).await;
}

#[tokio::test]
async fn so_does_one_that_it_is_asked_about() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let layer = layer(introspecting(&provider).build().unwrap());
    comes_with_a_proof(&provider, OPAQUE, &layer).await;
}

async fn comes_with_a_proof(provider: &OidcProvider, resource: &str, layer: &BearerAuthLayer) {
    let client = Client::new();
    let endpoint = format!("{}/token", provider.issuer());
    let proof = client.proof("POST", &endpoint, "").without_claim("ath");
    let head = format!("dpop: {}\r\n", proof.sign());
    let token = provider.token_of("shop", resource, &head);

    let by_proof = |proof: &str| {
        let request = Request::get("/").header("authorization", format!("DPoP {token}"));
        request.header("dpop", proof)
    };
    let proof = client.proof("GET", URL, &token).sign();
    assert_eq!(ask(layer, by_proof(&proof)).await, StatusCode::OK);
    let again = ask(layer, by_proof(&proof)).await;
    assert_eq!(again, StatusCode::UNAUTHORIZED, "a proof is good once");
    let thief = Client::new().proof("GET", URL, &token).sign();
    let stolen = ask(layer, by_proof(&thief)).await;
    assert_eq!(stolen, StatusCode::UNAUTHORIZED);
    let bearer = Request::get("/").header("authorization", format!("Bearer {token}"));
    assert_eq!(ask(layer, bearer).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_certificate_comes_on_a_connection_with_it() {
    let Some(provider) = OidcProvider::start().await else {
        return;
    };
    let site = Site::by_discovery(&provider).await;
    let layer = layer(site.verifier);
    // As nginx escapes it in $ssl_client_escaped_cert.
    let escaped = CERTIFICATE
        .replace('%', "%25")
        .replace('\n', "%0A")
        .replace(' ', "%20")
        .replace('+', "%2B");
    let head = format!("x-client-certificate: {escaped}\r\n");
    let token = provider.token_of("bank", AUDIENCE, &head);

    let bearer = || Request::get("/").header("authorization", format!("Bearer {token}"));
    let own = ClientCertificate::from_der(der(CERTIFICATE));
    assert_eq!(ask(&layer, bearer().extension(own)).await, StatusCode::OK);
    let other = ClientCertificate::from_der(b"of somebody else");
    let stolen = ask(&layer, bearer().extension(other)).await;
    assert_eq!(stolen, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&layer, bearer()).await, StatusCode::UNAUTHORIZED);
}

/// What is within a PEM.
fn der(pem: &str) -> Vec<u8> {
    let lines = pem.lines().filter(|line| !line.starts_with("-----"));
    let text: String = lines.collect();
    base64_simd::STANDARD.decode_to_vec(text).unwrap()
}

//! What a single request may demand: anything that fits into the header, and the answer is as ever.
//!
//! How much heap and time that takes is measured by the bench `limits`, over the same credentials.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::unwrap_used)]

#[path = "support/hostile.rs"]
mod hostile;
#[path = "support/jwt.rs"]
mod jwt;
mod support;

use std::sync::Arc;

use hostile::{AUDIENCE, Hostile, ISSUER};
use support::answers::{Told, send, with_token};
use support::clock::clock;
use support::inner::Inner;
use tower::Layer;
use tower_bearer::BearerAuthLayer;
use tower_bearer::credential::DEFAULT_MAX_LEN;
use tower_bearer::middleware::BearerAuth;
use tower_bearer::store::{MemoryStore, TokenFormat};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::{OpaqueTokenVerifier, TokenRouter};

/// A service that takes JWTs and opaque tokens, so that each token is looked at before it is trusted.
fn guarded(max_len: usize) -> (BearerAuth<Inner>, Inner) {
    let jwts = JwtVerifier::builder(jwt::hs256_key())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .roles_claim("roles");
    let format = TokenFormat::new("st_").unwrap();
    let sessions = OpaqueTokenVerifier::new(Arc::new(MemoryStore::new()), format);
    let router = TokenRouter::builder()
        .prefix("st_", sessions)
        .jwt_issuer(ISSUER, jwts.build().unwrap())
        .build()
        .unwrap();
    let layer = BearerAuthLayer::builder(router)
        .max_header_len(max_len)
        .clock(clock());
    let inner = Inner::default();
    (layer.build().unwrap().layer(inner.clone()), inner)
}

fn signed(token: &Hostile) -> String {
    jwt::token(&token.header, &token.payload)
}

async fn assert_answered(max_len: usize) {
    let (service, inner) = guarded(max_len);
    for token in hostile::tokens(max_len) {
        let before = inner.calls();
        let text = signed(&token);
        let seen = send(&service, with_token(&text)).await;
        if token.admitted {
            assert_eq!(seen.status, 200, "{}", token.name);
        } else {
            Told::INVALID.assert_http(&seen, None);
        }
        let called = inner.calls() - before;
        assert_eq!(called, usize::from(token.admitted), "{}", token.name);
    }
    for (name, text) in hostile::texts(max_len, |part| jwt::base64url(part)) {
        let before = inner.calls();
        let seen = send(&service, with_token(&text)).await;
        assert!(matches!(seen.status.as_u16(), 400 | 401), "{name}");
        assert_eq!(inner.calls(), before, "{name}");
    }
}

#[tokio::test]
async fn whatever_fits_into_the_header_is_answered() {
    assert_answered(DEFAULT_MAX_LEN).await;
}

#[tokio::test]
async fn so_it_is_under_a_cap_that_was_raised() {
    assert_answered(64 * 1024).await;
}

#[tokio::test]
async fn what_is_longer_than_the_cap_is_not_read() {
    let (service, inner) = guarded(DEFAULT_MAX_LEN);
    for token in hostile::tokens(DEFAULT_MAX_LEN + 64) {
        let text = signed(&token);
        if "Bearer ".len() + text.len() > DEFAULT_MAX_LEN {
            let seen = send(&service, with_token(&text)).await;
            Told::MALFORMED.assert_http(&seen, None);
        }
    }
    assert_eq!(inner.calls(), 0);
}

//! What the tests of JWTs share: a clock reading, a verifier to hold tokens against, and tokens of any
//! content, also such as no issuer would sign.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::needless_pass_by_value,
    clippy::unwrap_used
)]

use std::sync::Arc;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tower_bearer::clock::Timestamp;
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::Identity;
use tower_bearer::keys::{Algorithm, CryptoBackend, VerificationKey};
use tower_bearer::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};
use tower_bearer::verifier::{Answer, Presented};
use tower_bearer::{Reason, Refusal};

pub const SECRET: &[u8; 32] = b"a secret that is thirty-two long";
pub const ISSUER: &str = "https://id.example.com";
pub const AUDIENCE: &str = "https://api.example.com";

/// When the tests take place, in seconds.
pub const NOW: i64 = 1_700_000_000;

pub fn hs256_key() -> VerificationKey {
    VerificationKey::from_secret(Algorithm::HS256, SECRET).unwrap()
}

/// A verifier with the secret, and nothing but what must be stated.
pub fn plain() -> JwtVerifierBuilder {
    JwtVerifier::builder(hs256_key())
        .issuer(ISSUER)
        .audience(AUDIENCE)
}

/// Claims that the plain verifier accepts.
pub fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "alice", "aud": AUDIENCE, "exp": NOW + 60})
}

/// The claims, with some of them changed; `null` takes one away.
pub fn claims_with(changes: Value) -> String {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    claims.to_string()
}

pub fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// A token of this header and payload, signed with the secret.
pub fn token(header: &str, payload: impl AsRef<[u8]>) -> String {
    signed(
        &format!("{}.{}", base64url(header), base64url(payload)),
        SECRET,
    )
}

/// A token with the usual header, signed with the secret.
pub fn token_of(payload: impl AsRef<[u8]>) -> String {
    token(r#"{"alg":"HS256"}"#, payload)
}

/// The text, a dot, and its HMAC with SHA-256 (RFC 2104).
pub fn signed(text: &str, secret: &[u8]) -> String {
    let mut block = [0; 64];
    if secret.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        block[..secret.len()].copy_from_slice(secret);
    }
    let inner = Sha256::digest([&block.map(|b| b ^ 0x36), text.as_bytes()].concat());
    let outer = Sha256::digest([&block.map(|b| b ^ 0x5c)[..], &inner[..]].concat());
    format!("{text}.{}", base64url(outer))
}

/// What the verifier says of the token at [`NOW`].
pub fn judge(verifier: JwtVerifierBuilder, token: &str) -> Result<Identity, Refusal> {
    judge_at(verifier, token, Timestamp::from_unix_secs(NOW))
}

pub fn judge_at(
    verifier: JwtVerifierBuilder,
    token: &str,
    now: Timestamp,
) -> Result<Identity, Refusal> {
    ask(&Arc::new(verifier.build().unwrap()), token, now)
}

pub fn ask(verifier: &Arc<JwtVerifier>, token: &str, now: Timestamp) -> Result<Identity, Refusal> {
    let presented = Presented::new(BearerToken::new(token).unwrap(), now);
    match Answer::of(verifier, &presented) {
        Answer::Now(result) => result,
        Answer::Later(_) => panic!("a JWT is judged at once"),
    }
}

#[track_caller]
pub fn assert_refused(result: Result<Identity, Refusal>, reason: Reason, detail: &str) {
    let refusal = result.expect_err("the token should be refused");
    assert_eq!(refusal.reason(), reason, "{refusal}");
    assert!(
        refusal.detail().contains(detail),
        "{refusal} says nothing of {detail:?}"
    );
}

pub fn backends() -> impl Iterator<Item = CryptoBackend> {
    [CryptoBackend::AwsLcRs, CryptoBackend::RustCrypto]
        .into_iter()
        .filter(|backend| backend.is_compiled())
}

/// A key made for tests.
pub fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(format!(
        "{}/tests/fixtures/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

//! The feature `jwt` with neither back end: everything compiles, and a key says what is missing.
#![cfg(all(
    feature = "jwt",
    not(any(feature = "aws-lc-rs", feature = "rust-crypto"))
))]
#![allow(clippy::unwrap_used)]

use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, CryptoBackend, VerificationKey};

#[test]
fn a_key_is_refused_with_a_sentence_and_not_with_a_panic() {
    let ed25519 =
        r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let errors = [
        VerificationKey::from_secret(Algorithm::HS256, [7; 32]).unwrap_err(),
        VerificationKey::from_jwk(ed25519).unwrap_err(),
        SigningKey::from_secret(Algorithm::HS256, [7; 32]).unwrap_err(),
        SigningKey::generate(Algorithm::EdDSA).unwrap_err(),
        CryptoBackend::compiled().unwrap_err(),
    ];
    for error in errors {
        assert_eq!(
            error.to_string(),
            "invalid crypto backend: none is compiled in: \
             turn on the feature aws-lc-rs or rust-crypto of tower-bearer"
        );
    }
}

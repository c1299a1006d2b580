//! Importing keys.
//!
//! The input is a text, taken as a JWK, as one for a stated algorithm, and as a JWK Set. Of each key that
//! is taken, a second reading of the same text must say that it may be; the other back end must take it
//! too, unless it is known not to; and on neither does a signature of zeros verify. Keys in PEM and DER
//! are tried by the way, and private ones too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::value::RawValue;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, CryptoBackend, KeySet, VerificationKey};
use tower_bearer::verifier::jwt::dangerous::verify_signature_only;
use tower_bearer_fuzz::{Object, base64url, from_base64url};

fuzz_target!(|input: &[u8]| {
    check_der(input);
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let key = VerificationKey::from_jwk(text);
    if let Ok(key) = &key {
        check_key(key, text);
    }
    for algorithm in [
        Algorithm::HS256,
        Algorithm::HS512,
        Algorithm::RS256,
        Algorithm::PS512,
        Algorithm::ES384,
        Algorithm::EdDSA,
    ] {
        match (&key, VerificationKey::from_jwk_for(algorithm, text)) {
            (Ok(key), stated) => assert_eq!(stated.is_ok(), key.algorithm() == algorithm),
            (Err(_), Ok(stated)) => {
                assert_eq!(stated.algorithm(), algorithm);
                check_key(&stated, text);
            }
            (Err(_), Err(_)) => {}
        }
    }
    let set = KeySet::from_jwks(text);
    if let Ok(set) = &set {
        check_set(set, text);
    }
    for algorithm in [Algorithm::HS256, Algorithm::PS512, Algorithm::EdDSA] {
        match (&set, KeySet::from_jwks_for(algorithm, text)) {
            (Ok(set), stated) => {
                let stated = stated.expect("each key says by itself what it is for");
                assert!(set.iter().map(id).eq(stated.iter().map(id)));
            }
            (Err(_), Ok(stated)) => check_set(&stated, text),
            (Err(_), Err(_)) => {}
        }
    }
});

fn check_der(input: &[u8]) {
    for algorithm in [Algorithm::PS256, Algorithm::ES384, Algorithm::EdDSA] {
        for key in [
            VerificationKey::from_der(algorithm, input),
            VerificationKey::from_pem(algorithm, input),
            SigningKey::from_der(algorithm, input).map(|key| key.verification_key().clone()),
            SigningKey::from_pem(algorithm, input).map(|key| key.verification_key().clone()),
        ]
        .into_iter()
        .flatten()
        {
            assert_eq!(key.algorithm(), algorithm);
            let other = key.with_backend(CryptoBackend::RustCrypto);
            assert!(other.is_ok() || algorithm == Algorithm::PS256, "{other:?}");
        }
    }
}

fn id(key: &VerificationKey) -> (Option<&str>, Algorithm) {
    (key.kid(), key.algorithm())
}

fn check_set(set: &KeySet, text: &str) {
    let object = Object::read(text).expect("one object with unique members");
    let entries: Vec<&RawValue> = object.get("keys").expect("an array").expect("keys");
    assert!(!entries.is_empty());
    assert_eq!(entries.len(), set.iter().count());
    for (key, entry) in set.iter().zip(entries) {
        check_key(key, entry.get());
        let twins = set.iter().filter(|other| other.kid() == key.kid());
        match key.kid() {
            Some(_) => assert_eq!(twins.count(), 1, "a kid twice"),
            None => {
                let of_its_sort = set.iter().filter(|o| o.algorithm() == key.algorithm());
                assert_eq!(of_its_sort.count(), 1, "a key that nothing names");
            }
        }
        let secret = |key: &VerificationKey| key.algorithm().is_symmetric();
        assert!(set.iter().all(|other| secret(other) == secret(key)));
    }
}

/// That `jwk` may be taken as `key`.
fn check_key(key: &VerificationKey, jwk: &str) {
    let jwk = Object::read(jwk).expect("one object with unique members");
    let text = |name| jwk.get::<String>(name).expect("a string");
    let bytes = |name| from_base64url(&text(name).expect("a member")).expect("base64url");
    let algorithm = key.algorithm();
    assert_eq!(key.kid(), text("kid").as_deref());
    assert!(text("alg").is_none_or(|alg| alg == algorithm.as_str()));
    assert!(text("use").is_none_or(|usage| usage == "sig"));
    if let Some(operations) = jwk.get::<Vec<String>>("key_ops").expect("strings") {
        let allowed = [
            vec!["verify"],
            vec!["sign", "verify"],
            vec!["verify", "sign"],
        ];
        assert!(allowed.iter().any(|allowed| operations == *allowed));
    }
    for private in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        assert!(!jwk.has(private), "{private}");
    }
    let kty = text("kty").expect("kty");
    assert!(kty == "oct" || !jwk.has("k"));
    let mut bits = 0;
    match &algorithm.as_str()[..2] {
        "HS" => {
            assert_eq!(kty, "oct");
            let hash_bits: usize = algorithm.as_str()[2..].parse().expect("a number");
            assert!(bytes("k").len() * 8 >= hash_bits);
            assert!(!String::from_utf8_lossy(&bytes("k")).contains("-----BEGIN "));
        }
        "RS" | "PS" => {
            assert_eq!(kty, "RSA");
            let (n, e) = (bytes("n"), bytes("e"));
            bits = n.len() * 8 - n[0].leading_zeros() as usize;
            assert!(n[0] != 0 && (2048..=8192).contains(&bits) && n[n.len() - 1] & 1 == 1);
            assert!(e[0] != 0 && e.len() <= 5 && e[e.len() - 1] & 1 == 1 && e != [1]);
        }
        "ES" => {
            assert_eq!(kty, "EC");
            let (curve, len) = match algorithm {
                Algorithm::ES256 => ("P-256", 32),
                Algorithm::ES384 => ("P-384", 48),
                _ => ("P-521", 66),
            };
            assert_eq!(text("crv").as_deref(), Some(curve));
            assert!(bytes("x").len() == len && bytes("y").len() == len);
        }
        _ => {
            assert_eq!(algorithm, Algorithm::EdDSA);
            assert_eq!(kty, "OKP");
            assert_eq!(text("crv").as_deref(), Some("Ed25519"));
            assert_eq!(bytes("x").len(), 32);
        }
    }
    assert_eq!(key.backend(), CryptoBackend::AwsLcRs);
    let lacking = algorithm == Algorithm::ES512 || bits > 4096;
    let other = key.clone().with_backend(CryptoBackend::RustCrypto);
    assert_eq!(other.is_ok(), !lacking, "{other:?}");
    for key in [Ok(key.clone()), other].into_iter().flatten() {
        check_forgery(key, bits);
    }
}

fn check_forgery(key: VerificationKey, bits: usize) {
    let algorithm = key.algorithm();
    let len = match algorithm {
        Algorithm::HS256 => 32,
        Algorithm::HS384 | Algorithm::ES384 => 48 * if algorithm.is_symmetric() { 1 } else { 2 },
        Algorithm::HS512 | Algorithm::ES256 | Algorithm::EdDSA => 64,
        Algorithm::ES512 => 132,
        _ => bits.div_ceil(8),
    };
    let header = base64url(format!(r#"{{"alg":"{algorithm}"}}"#));
    let token = format!("{header}.e30.{}", base64url(vec![0; len]));
    let refusal = verify_signature_only(&key.into(), token.as_bytes()).expect_err("a forgery");
    assert_eq!(refusal.detail(), "the signature is not good");
}

//! Third-party signature vectors: Wycheproof and the examples of the RFCs.
//!
//! They are not part of the repository. `TOWER_BEARER_VECTORS` is the folder that holds them; without it
//! this says so and passes. Where they come from and what is wrong with some of them is in its
//! `SOURCES.md`.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::unwrap_used)]

use std::collections::HashSet;
use std::path::PathBuf;

use serde_json::Value;
use tower_bearer::ConfigError;
use tower_bearer::keys::{Algorithm, CryptoBackend, KeySet, VerificationKey};
use tower_bearer::verifier::jwt::dangerous::verify_signature_only;

/// Wycheproof's signature vectors that are left out or judged otherwise.
const SAME_AS_VALID_357: [u64; 2] = [367, 370];
/// A `?` inside base64url (RFC 7515 §2).
const NOT_BASE64URL: [u64; 2] = [372, 373];
/// A PS384 token under a key whose `alg` is PS256.
const OTHER_ALG_THAN_THE_KEY: [u64; 2] = [346, 350];
/// A key whose `alg` is ES521, which nobody registered.
const UNREGISTERED_ALG: [u64; 2] = [347, 351];

#[test]
fn wycheproof_signatures_are_judged_rightly_and_at_the_right_step() {
    for (backend, vectors) in backends_with("wycheproof/json_web_signature_test.json") {
        let (mut refused, mut accepted, mut on_purpose) = (0, 0, 0);
        for (group, test) in tests(&vectors) {
            let id = test["tcId"].as_u64().unwrap();
            if SAME_AS_VALID_357.contains(&id) {
                continue;
            }
            let jwk = key_of(group);
            let token = test["jws"].as_str().unwrap();
            let step = judge(jwk, token, backend);
            let expected = expected_refusal(jwk, token);
            if test["result"] == "invalid" {
                assert_eq!(
                    step,
                    Err(expected),
                    "tcId {id} on {backend}: {}",
                    test["comment"]
                );
                refused += 1;
            } else if NOT_BASE64URL.contains(&id) {
                assert_eq!(step, Err(Step::Shape), "tcId {id} on {backend}");
                on_purpose += 1;
            } else if OTHER_ALG_THAN_THE_KEY.contains(&id) {
                assert_eq!(step, Err(Step::HeaderOrKeyChoice), "tcId {id} on {backend}");
                on_purpose += 1;
            } else if UNREGISTERED_ALG.contains(&id) {
                assert_eq!(step, Err(Step::Import), "tcId {id} on {backend}");
                on_purpose += 1;
            } else {
                assert_eq!(step, Ok(()), "tcId {id} on {backend}: {}", test["comment"]);
                accepted += 1;
            }
        }
        assert_eq!((refused, accepted, on_purpose), (353, 40, 6), "{backend}");
    }
}

#[test]
fn wycheproof_keys_are_judged_rightly() {
    for (backend, vectors) in backends_with("wycheproof/json_web_key_test.json") {
        let (mut refused, mut accepted) = (0, 0);
        for (group, test) in tests(&vectors) {
            let id = test["tcId"].as_u64().unwrap();
            let step = judge(key_of(group), test["jws"].as_str().unwrap(), backend);
            if test["result"] == "valid" {
                assert_eq!(step, Ok(()), "tcId {id} on {backend}: {}", test["comment"]);
                accepted += 1;
            } else {
                // One of them is a good set and a token whose signature was changed.
                let expected = if id == 3 {
                    Step::Signature
                } else {
                    Step::Import
                };
                assert_eq!(
                    step,
                    Err(expected),
                    "tcId {id} on {backend}: {}",
                    test["comment"]
                );
                refused += 1;
            }
        }
        assert_eq!((refused, accepted), (21, 5), "{backend}");
    }
}

#[test]
fn the_examples_of_the_rfcs_are_judged_rightly() {
    for (backend, vectors) in backends_with("rfc/rfc_jws.json") {
        let mut judged = 0;
        for example in vectors.as_array().unwrap() {
            let jwk = &example["jwk"];
            let step = judge(jwk, example["token"].as_str().unwrap(), backend);
            let expected = match example["name"].as_str().unwrap() {
                "RFC7515 A.5 alg none" => Err(Step::HeaderOrKeyChoice),
                // Its payload was taken out of the token.
                "RFC7520 4.5 Signature with Detached Content" => Err(Step::Signature),
                _ if jwk["alg"] == "ES512" && backend == CryptoBackend::RustCrypto => {
                    Err(Step::Import)
                }
                _ => Ok(()),
            };
            assert_eq!(expected.is_ok(), step.is_ok(), "{}", example["name"]);
            assert_eq!(step, expected, "{} on {backend}", example["name"]);
            judged += 1;
        }
        assert_eq!(judged, 11, "{backend}");
    }
}

/// Where a token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Import,
    Shape,
    HeaderOrKeyChoice,
    Signature,
}

fn judge(jwk: &Value, token: &str, backend: CryptoBackend) -> Result<(), Step> {
    let keys = import(jwk, backend).map_err(|_| Step::Import)?;
    match verify_signature_only(&keys, token.as_bytes()) {
        Ok(_) => Ok(()),
        Err(refusal) => Err(match refusal.detail() {
            "the signature is not good" => Step::Signature,
            detail if detail.contains("base64url") || detail.contains("two dots") => Step::Shape,
            detail if detail.contains("header") => Step::HeaderOrKeyChoice,
            detail => panic!("a step that has no name here: {detail}"),
        }),
    }
}

fn import(jwk: &Value, backend: CryptoBackend) -> Result<KeySet, ConfigError> {
    let json = jwk.to_string();
    let keys = if jwk.get("keys").is_some() {
        KeySet::from_jwks(&json)?
    } else {
        VerificationKey::from_jwk(&json)?.into()
    };
    keys.with_backend(backend)
}

/// Where an invalid vector has to be refused, as its own text has it.
fn expected_refusal(jwk: &Value, token: &str) -> Step {
    let for_signatures = jwk["use"] != "enc" && jwk["key_ops"] != serde_json::json!(["encrypt"]);
    if !for_signatures
        || jwk["alg"]
            .as_str()
            .is_none_or(|alg| alg.parse::<Algorithm>().is_err())
    {
        return Step::Import;
    }
    let parts: Vec<Option<Vec<u8>>> = token.split('.').map(base64url).collect();
    let [Some(header), Some(_), Some(_)] = &parts[..] else {
        return Step::Shape;
    };
    let means_the_key = serde_json::from_slice::<Value>(header)
        .is_ok_and(|header| header["alg"] == jwk["alg"] && header["kid"] == jwk["kid"]);
    if means_the_key {
        Step::Signature
    } else {
        Step::HeaderOrKeyChoice
    }
}

/// A decoder of its own, bit by bit.
fn base64url(text: &str) -> Option<Vec<u8>> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut bits = Vec::new();
    for letter in text.chars() {
        let value = ALPHABET.find(letter)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1));
    }
    let whole = bits.len() / 8 * 8;
    let rest = &bits[whole..];
    if rest.len() >= 6 || rest.contains(&1) {
        return None;
    }
    let byte = |bits: &[usize]| bits.iter().fold(0, |byte, bit| byte << 1 | *bit as u8);
    Some(bits[..whole].chunks(8).map(byte).collect())
}

/// The compiled back ends, each with the vectors in `file`; none of them without the folder.
fn backends_with(file: &str) -> Vec<(CryptoBackend, Value)> {
    let Some(folder) = std::env::var_os("TOWER_BEARER_VECTORS").map(PathBuf::from) else {
        eprintln!("SKIPPED: {file} was not looked at, since TOWER_BEARER_VECTORS is not set");
        return Vec::new();
    };
    let text = std::fs::read_to_string(folder.join(file)).unwrap();
    let vectors: Value = serde_json::from_str(&text).unwrap();
    [CryptoBackend::AwsLcRs, CryptoBackend::RustCrypto]
        .into_iter()
        .filter(|backend| backend.is_compiled())
        .map(|backend| (backend, vectors.clone()))
        .collect()
}

fn tests(vectors: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = vectors["testGroups"].as_array().unwrap();
    let mut seen = HashSet::new();
    groups
        .iter()
        .flat_map(|group| {
            group["tests"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |t| (group, t))
        })
        .inspect(move |(_, test)| assert!(seen.insert(test["tcId"].as_u64().unwrap())))
}

/// The key to verify with: the public half, or the secret of a MAC.
fn key_of(group: &Value) -> &Value {
    group.get("public").unwrap_or(&group["private"])
}

//! Which keys are taken, and which are refused and why.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::needless_pass_by_value, clippy::unwrap_used)]

#[path = "support/jwt.rs"]
mod support;

use serde_json::{Value, json};
use support::{backends, base64url, fixture};
use tower_bearer::ConfigError;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, CryptoBackend, KeySet, VerificationKey};

/// RFC 7515 A.2.
const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
/// RFC 7515 A.3.
const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
/// RFC 8037 A.2.
const ED_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn rsa() -> Value {
    json!({"kty": "RSA", "alg": "RS256", "n": N, "e": "AQAB"})
}

fn ec() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": X, "y": Y})
}

fn ed() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": ED_X})
}

fn oct() -> Value {
    json!({"kty": "oct", "alg": "HS256", "k": base64url([7; 32])})
}

fn with(mut jwk: Value, changes: Value) -> Value {
    for (name, value) in changes.as_object().unwrap() {
        jwk[name] = value.clone();
    }
    jwk
}

fn without(mut jwk: Value, name: &str) -> Value {
    jwk.as_object_mut().unwrap().remove(name);
    jwk
}

#[track_caller]
fn assert_problem<T: std::fmt::Debug>(result: Result<T, ConfigError>, problem: &str) {
    let error = result.expect_err("the key should be refused");
    assert!(
        error.problem().contains(problem),
        "{error} says nothing of {problem:?}"
    );
}

#[track_caller]
fn assert_bad_jwk(jwk: Value, problem: &str) {
    assert_problem(VerificationKey::from_jwk(&jwk.to_string()), problem);
}

#[test]
fn keys_come_from_pem_and_der() {
    for (algorithm, name) in [
        (Algorithm::RS256, "rsa2048"),
        (Algorithm::PS512, "rsa2048"),
        (Algorithm::ES256, "p256"),
        (Algorithm::ES384, "p384"),
        (Algorithm::EdDSA, "ed25519"),
    ] {
        let pem = fixture(&format!("{name}.pub.pem"));
        let key = VerificationKey::from_pem(algorithm, &pem)
            .unwrap()
            .with_kid("k");
        assert_eq!((key.algorithm(), key.kid()), (algorithm, Some("k")));
        let der = fixture(&format!("{name}.pub.der"));
        assert!(VerificationKey::from_der(algorithm, &der).is_ok(), "{name}");
        assert!(VerificationKey::from_der(algorithm, &der[..der.len() - 1]).is_err());
        assert!(VerificationKey::from_der(algorithm, [&der[..], &[0]].concat()).is_err());
        assert!(SigningKey::from_pem(algorithm, fixture(&format!("{name}.pk8.pem"))).is_ok());
    }
    let pkcs1 = fixture("rsa2048.pkcs1.pub.pem");
    assert!(VerificationKey::from_pem(Algorithm::RS256, pkcs1).is_ok());
    let pkcs1 = fixture("rsa2048.pkcs1.pem");
    assert!(SigningKey::from_pem(Algorithm::PS256, pkcs1).is_ok());
    let with_text = [b"my key:\n", &fixture("p256.pub.pem")[..], b"the end\n"].concat();
    assert!(VerificationKey::from_pem(Algorithm::ES256, with_text).is_ok());
}

#[test]
fn what_is_no_public_key_is_refused_with_a_sentence() {
    let pem = |algorithm, name: &str| VerificationKey::from_pem(algorithm, fixture(name));
    assert_problem(pem(Algorithm::ES256, "p256.cert.pem"), "certificate");
    assert_problem(pem(Algorithm::ES256, "p256.pk8.pem"), "private key");
    assert_problem(pem(Algorithm::ES256, "p256.sec1.pem"), "private key");
    assert_problem(pem(Algorithm::RS256, "rsa2048.pkcs1.pem"), "private key");
    assert_problem(pem(Algorithm::EdDSA, "x25519.pub.pem"), "no public key of");
    assert_problem(pem(Algorithm::RS256, "rsa1024.pub.pem"), "2048 bits");
    assert_problem(pem(Algorithm::ES256, "p384.pub.pem"), "another type of key");
    assert_problem(pem(Algorithm::RS256, "p256.pub.pem"), "another type of key");
    assert_problem(
        pem(Algorithm::HS256, "rsa2048.pub.pem"),
        "another type of key",
    );

    let text = String::from_utf8(fixture("ed25519.pub.pem")).unwrap();
    let read = |text: &str| VerificationKey::from_pem(Algorithm::EdDSA, text);
    assert_problem(read(""), "BEGIN");
    assert_problem(read(&format!("{text}{text}")), "several");
    assert_problem(read(&text.replace("-----END PUBLIC KEY-----", "")), "END");
    assert_problem(read(&text.replace("END PUBLIC", "END RSA PUBLIC")), "match");
    assert_problem(read(&text.replace("MCow", "MC*w")), "base64");
    assert_problem(read(&text.replace("PUBLIC KEY", "X509 CRL")), "label");
    assert_problem(
        VerificationKey::from_der(Algorithm::RS256, fixture("p256.pub.pem")),
        "DER",
    );
    let private = fixture("rsa2048.pk8.pem");
    let private: Vec<u8> = private
        .split(|b| *b == b'\n')
        .filter(|l| !l.starts_with(b"-"))
        .flatten()
        .copied()
        .collect();
    let private = base64_simd::STANDARD.decode_to_vec(private).unwrap();
    assert_problem(
        VerificationKey::from_der(Algorithm::RS256, private),
        "private key",
    );
}

#[test]
fn what_is_no_private_key_is_refused_with_a_sentence() {
    let pem = |algorithm, name: &str| SigningKey::from_pem(algorithm, fixture(name));
    assert_problem(pem(Algorithm::ES256, "p256.pub.pem"), "no private key");
    assert_problem(pem(Algorithm::ES256, "p256.sec1.pem"), "PKCS #8");
    assert_problem(pem(Algorithm::ES256, "p384.pk8.pem"), "another type of key");
    assert_problem(pem(Algorithm::EdDSA, "p256.pk8.pem"), "another type of key");
    assert_problem(pem(Algorithm::RS256, "rsa1024.pk8.pem"), "2048 bits");
    assert_problem(
        SigningKey::from_secret(Algorithm::HS256, [7; 31]),
        "32 bytes",
    );
    assert_problem(
        SigningKey::from_secret(Algorithm::EdDSA, [7; 32]),
        "private key",
    );
    assert_problem(SigningKey::generate(Algorithm::RS256), "other tools");
}

#[test]
fn a_secret_is_as_long_as_the_hash() {
    for (algorithm, len) in [
        (Algorithm::HS256, 32),
        (Algorithm::HS384, 48),
        (Algorithm::HS512, 64),
    ] {
        let secret = vec![7; len];
        assert!(VerificationKey::from_secret(algorithm, &secret).is_ok());
        assert!(VerificationKey::from_secret(algorithm, vec![7; 1000]).is_ok());
        assert_problem(
            VerificationKey::from_secret(algorithm, &secret[1..]),
            "at least",
        );
        assert_problem(VerificationKey::from_secret(algorithm, []), "at least");
    }
    assert_problem(
        VerificationKey::from_secret(Algorithm::RS256, [7; 64]),
        "public key",
    );
}

#[test]
fn what_is_public_in_pem_is_not_taken_for_a_secret() {
    for name in [
        "rsa2048.pub.pem",
        "p256.pub.pem",
        "ed25519.pub.pem",
        "p256.cert.pem",
    ] {
        let pem = fixture(name);
        for text in [pem.clone(), [b"\n", pem.trim_ascii()].concat()] {
            assert_problem(VerificationKey::from_secret(Algorithm::HS256, &text), "PEM");
            assert_problem(SigningKey::from_secret(Algorithm::HS256, &text), "PEM");
            let jwk = with(oct(), json!({"k": base64url(&text)}));
            assert_bad_jwk(jwk, "PEM");
        }
    }
    assert!(VerificationKey::from_secret(Algorithm::HS256, [b'-'; 64]).is_ok());
}

#[test]
fn a_jwk_says_which_algorithm_it_is_for() {
    let read = |jwk: Value| {
        VerificationKey::from_jwk(&jwk.to_string())
            .unwrap()
            .algorithm()
    };
    assert_eq!(read(rsa()), Algorithm::RS256);
    assert_eq!(read(with(rsa(), json!({"alg": "PS384"}))), Algorithm::PS384);
    assert_eq!(read(ec()), Algorithm::ES256);
    assert_eq!(read(ed()), Algorithm::EdDSA);
    assert_eq!(read(oct()), Algorithm::HS256);
    assert_bad_jwk(without(rsa(), "alg"), "no alg");
    assert_bad_jwk(without(oct(), "alg"), "no alg");
    let stated = |algorithm, jwk: Value| VerificationKey::from_jwk_for(algorithm, &jwk.to_string());
    let key = stated(Algorithm::PS256, without(rsa(), "alg")).unwrap();
    assert_eq!(key.algorithm(), Algorithm::PS256);
    assert_problem(
        stated(Algorithm::PS256, rsa()),
        "for RS256 and not for PS256",
    );
    assert_problem(
        stated(Algorithm::ES384, ec()),
        "for ES256 and not for ES384",
    );
    assert_problem(
        stated(Algorithm::HS256, without(rsa(), "alg")),
        "another kty",
    );
}

#[test]
fn a_jwk_for_another_purpose_is_refused() {
    for (jwk, problem) in [
        (with(rsa(), json!({"use": "enc"})), "use is not sig"),
        (with(rsa(), json!({"use": "SIG"})), "use is not sig"),
        (with(rsa(), json!({"use": 1})), "string"),
        (
            with(rsa(), json!({"key_ops": ["encrypt"]})),
            "more than signatures",
        ),
        (
            with(rsa(), json!({"key_ops": ["verify", "wrapKey"]})),
            "more than signatures",
        ),
        (
            with(
                rsa(),
                json!({"use": "sig", "key_ops": ["verify", "encrypt"]}),
            ),
            "more than signatures",
        ),
        (with(rsa(), json!({"key_ops": ["sign"]})), "lack verify"),
        (with(rsa(), json!({"key_ops": []})), "lack verify"),
        (
            with(rsa(), json!({"key_ops": ["verify", "verify"]})),
            "twice",
        ),
        (with(rsa(), json!({"key_ops": "verify"})), "array"),
        (with(rsa(), json!({"key_ops": [1]})), "array"),
        (
            with(rsa(), json!({"alg": "RSA-OAEP"})),
            "no signature algorithm",
        ),
        (
            with(rsa(), json!({"alg": "none"})),
            "no signature algorithm",
        ),
        (
            with(rsa(), json!({"alg": "rs256"})),
            "no signature algorithm",
        ),
        (with(rsa(), json!({"alg": "HS256"})), "another kty"),
        (with(ec(), json!({"alg": "ES384"})), "another crv"),
        (with(ec(), json!({"alg": "RS256"})), "another kty"),
        (with(ed(), json!({"crv": "X25519"})), "crv"),
        (
            with(ed(), json!({"crv": "Ed448", "alg": "EdDSA"})),
            "Ed25519 alone",
        ),
        (with(ec(), json!({"crv": "secp256k1"})), "crv"),
        (
            with(ec(), json!({"kty": "RSA", "alg": "ES256"})),
            "another kty",
        ),
        (with(ec(), json!({"kty": "ec"})), "kty"),
        (without(ec(), "kty"), "kty"),
    ] {
        assert_bad_jwk(jwk, problem);
    }
    let both = with(rsa(), json!({"use": "sig", "key_ops": ["sign", "verify"]}));
    assert!(VerificationKey::from_jwk(&both.to_string()).is_ok());
}

#[test]
fn a_jwk_with_weak_or_malformed_numbers_is_refused() {
    let number = |bytes: &[u8]| json!(base64url(bytes));
    let n = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(N).unwrap();
    let even = [&n[..255], &[n[255] & 0xfe]].concat();
    let point = |coordinate: &str| {
        base64_simd::URL_SAFE_NO_PAD
            .decode_to_vec(coordinate)
            .unwrap()
    };
    let mut off_curve = point(Y);
    off_curve[31] ^= 1;
    for (jwk, problem) in [
        (with(rsa(), json!({"n": number(&n[1..])})), "2048 bits"),
        (
            with(rsa(), json!({"n": number(&[&[0x7f], &n[1..]].concat())})),
            "2048 bits",
        ),
        (
            with(rsa(), json!({"n": number(&[0xff; 1025])})),
            "8192 bits",
        ),
        (with(rsa(), json!({"n": number(&even)})), "even"),
        (
            with(rsa(), json!({"n": number(&[&[0], &n[..]].concat())})),
            "leading zeros",
        ),
        (with(rsa(), json!({"n": ""})), "zero"),
        (
            with(rsa(), json!({"n": number(&power_of_65537(128))})),
            "ROCA",
        ),
        (with(rsa(), json!({"e": "AQ"})), "exponent"),
        (with(rsa(), json!({"e": "AQAA"})), "exponent"),
        (with(rsa(), json!({"e": "AAEAAQ"})), "leading zeros"),
        (
            with(rsa(), json!({"e": number(&[2, 0, 0, 0, 1])})),
            "exponent",
        ),
        (with(rsa(), json!({"e": number(&[0xff; 300])})), "exponent"),
        (with(rsa(), json!({"e": ""})), "exponent"),
        (with(rsa(), json!({"e": "AQAB="})), "base64url"),
        (with(rsa(), json!({"e": "AQAC\n"})), "base64url"),
        (without(rsa(), "e"), "no e"),
        (with(ec(), json!({"y": number(&off_curve)})), "out of range"),
        (
            with(ec(), json!({"x": number(&[0; 32]), "y": number(&[0; 32])})),
            "out of range",
        ),
        (
            with(ec(), json!({"x": number(&point(X)[1..])})),
            "as long as",
        ),
        (
            with(ec(), json!({"x": number(&[&[0], &point(X)[..]].concat())})),
            "as long as",
        ),
        (with(ec(), json!({"crv": "P-384"})), "as long as"),
        (
            with(ed(), json!({"x": number(&point(ED_X)[1..])})),
            "32 bytes",
        ),
        (with(ed(), json!({"x": number(&[])})), "32 bytes"),
        (with(ed(), json!({"x": number(&[0; 32])})), "low order"),
        (
            with(
                ed(),
                json!({"x": number(&[&[1][..], &[0; 30], &[0x80]].concat())}),
            ),
            "low order",
        ),
        (
            with(
                ed(),
                json!({"x": number(&[&[0xec][..], &[0xff; 30], &[0x7f]].concat())}),
            ),
            "low order",
        ),
        (with(ed(), json!({"x": number(&[0xff; 32])})), "canonically"),
        (
            with(
                ed(),
                json!({"x": number(&[&[0xed][..], &[0xff; 30], &[0x7f]].concat())}),
            ),
            "canonically",
        ),
        (with(oct(), json!({"k": number(&[7; 31])})), "at least 32"),
        (with(oct(), json!({"k": ""})), "at least 32"),
        (
            with(oct(), json!({"k": format!("{}B", "A".repeat(42))})),
            "base64url",
        ),
        (without(oct(), "k"), "no k"),
    ] {
        assert_bad_jwk(jwk, problem);
    }
    for good in [json!({"e": "Aw"}), json!({"e": number(&[1, 0, 0, 0, 1])})] {
        assert!(VerificationKey::from_jwk(&with(rsa(), good).to_string()).is_ok());
    }
}

#[test]
fn an_ed25519_key_is_a_point_whichever_back_end_is_to_use_it() {
    // Of the y from 2 to 59, those that no point has: (y² - 1) / (d·y² + 1) is no square.
    const NO_POINT: [u8; 21] = [
        2, 7, 8, 11, 12, 13, 17, 20, 22, 31, 34, 36, 38, 41, 45, 46, 47, 49, 50, 53, 59,
    ];
    for y in 2..60 {
        for sign in [0, 0x80] {
            let mut x = [0; 32];
            (x[0], x[31]) = (y, sign);
            let jwk = with(ed(), json!({"x": base64url(x)})).to_string();
            let key = VerificationKey::from_jwk(&jwk);
            if NO_POINT.contains(&y) {
                assert_problem(key, "no point");
                continue;
            }
            for backend in backends() {
                assert!(key.clone().unwrap().with_backend(backend).is_ok(), "{y}");
            }
        }
    }
}

#[test]
fn a_jwk_with_private_members_is_refused() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_bad_jwk(with(rsa(), json!({name: "AQAB"})), "private");
    }
    assert_bad_jwk(with(ec(), json!({"d": X})), "private");
    assert_bad_jwk(with(ed(), json!({"d": null})), "private");
}

#[test]
fn a_jwk_is_one_object_with_unique_members() {
    let text = ed().to_string();
    let inside = &text[1..text.len() - 1];
    for bad in [
        String::new(),
        "[]".into(),
        format!("{text}{text}"),
        format!("{{{inside},\"kty\":\"OKP\"}}"),
        format!("{{{inside},\"k\\u0074y\":\"OKP\"}}"),
        format!("{{{inside},\"other\":1,\"other\":1}}"),
    ] {
        assert_problem(VerificationKey::from_jwk(&bad), "unique members");
    }
    let more = with(ed(), json!({"x5c": ["AA"], "ext": true, "kid": "k"}));
    assert_eq!(
        VerificationKey::from_jwk(&more.to_string()).unwrap().kid(),
        Some("k")
    );
}

#[test]
fn a_set_says_which_of_its_keys_is_bad() {
    let set = |keys: Value| KeySet::from_jwks(&json!({"keys": keys}).to_string());
    let error = set(json!([
        ed(),
        with(rsa(), json!({"kid": "old", "use": "enc"}))
    ]))
    .unwrap_err();
    assert_eq!(error.setting(), "key 2 (\"old\") of the JWK Set");
    assert_eq!(
        error.to_string(),
        "invalid key 2 (\"old\") of the JWK Set: its use is not sig"
    );
    assert_eq!(
        set(json!([1])).unwrap_err().setting(),
        "key 1 of the JWK Set"
    );
    for bad in [
        "",
        "{}",
        "[]",
        r#"{"keys":{}}"#,
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":null}"#,
    ] {
        assert_eq!(
            KeySet::from_jwks(bad).unwrap_err().setting(),
            "key set",
            "{bad}"
        );
    }
}

#[test]
fn a_set_whose_keys_could_be_mistaken_is_refused() {
    let set = |keys: Value| KeySet::from_jwks(&json!({"keys": keys}).to_string());
    let named = |jwk, kid: &str| with(jwk, json!({"kid": kid}));
    assert_problem(set(json!([])), "no key");
    assert_problem(
        set(json!([named(rsa(), "a"), named(ec(), "a")])),
        "same kid",
    );
    assert_problem(
        set(json!([named(oct(), "a"), named(ec(), "b")])),
        "secrets beside",
    );
    assert_problem(set(json!([ec(), ec()])), "without kid");
    assert_problem(set(json!([named(ec(), "a"), ec()])), "without kid");
    assert!(set(json!([rsa(), ec(), ed()])).is_ok());
    assert!(set(json!([named(ec(), "a"), named(ec(), "b"), ed()])).is_ok());
    let rsa_without = json!({"keys": [without(rsa(), "alg"), ed()]}).to_string();
    assert_problem(KeySet::from_jwks(&rsa_without), "no alg");
    let set = KeySet::from_jwks_for(Algorithm::PS256, &rsa_without).unwrap();
    let algorithms: Vec<_> = set.iter().map(VerificationKey::algorithm).collect();
    assert_eq!(algorithms, [Algorithm::PS256, Algorithm::EdDSA]);
}

#[test]
fn a_back_end_is_chosen_or_named_as_missing() {
    let key = VerificationKey::from_jwk(&ec().to_string()).unwrap();
    for backend in [CryptoBackend::AwsLcRs, CryptoBackend::RustCrypto] {
        let chosen = key.clone().with_backend(backend);
        if backend.is_compiled() {
            assert_eq!(chosen.unwrap().backend(), backend);
        } else {
            assert_problem(chosen, &format!("turn on the feature {backend}"));
        }
    }
}

#[cfg(feature = "rust-crypto")]
#[test]
fn what_rust_crypto_lacks_is_said_when_it_is_chosen() {
    let p521 = |key: VerificationKey| key.with_backend(CryptoBackend::RustCrypto);
    let pem = fixture("p521.pub.pem");
    let on_default = VerificationKey::from_pem(Algorithm::ES512, pem).and_then(p521);
    assert_problem(on_default, "rust-crypto has no ES512");
    let large = with(rsa(), json!({"n": base64url([0xff; 1024])})).to_string();
    let on_default = VerificationKey::from_jwk(&large).and_then(p521);
    assert_problem(on_default, "at most 4096 bits");
}

#[test]
fn algorithms_are_spelled_exactly() {
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.as_str().parse(), Ok(algorithm));
        assert!(
            algorithm
                .as_str()
                .to_lowercase()
                .parse::<Algorithm>()
                .is_err()
        );
    }
    assert!("none".parse::<Algorithm>().is_err());
}

/// 65537 to the power of `exponent`, in big-endian bytes: a number with the fingerprint of ROCA.
fn power_of_65537(exponent: u32) -> Vec<u8> {
    let mut little = vec![1_u8];
    for _ in 0..exponent {
        // x · 65537 = x + x · 2^16
        let mut carry = 0_u16;
        let mut product = Vec::new();
        for place in 0..little.len() + 3 {
            let at = |i: usize| little.get(i).copied().map_or(0, u16::from);
            let sum = at(place) + place.checked_sub(2).map_or(0, at) + carry;
            product.push(sum.to_le_bytes()[0]);
            carry = sum >> 8;
        }
        while product.last() == Some(&0) {
            product.pop();
        }
        little = product;
    }
    little.reverse();
    little
}

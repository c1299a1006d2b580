//! Shape, header, key and signature of a token.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::unwrap_used)]

#[path = "support/jwt.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use support::{
    AUDIENCE, ISSUER, NOW, SECRET, ask, assert_refused, backends, base64url, claims, fixture,
    judge, plain, signed, token, token_of,
};
use tower_bearer::Reason;
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::{Algorithm, CryptoBackend, KeySet, VerificationKey};
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::jwt::dangerous::verify_signature_only;

fn now() -> Timestamp {
    Timestamp::from_unix_secs(NOW)
}

fn signing_key(algorithm: Algorithm) -> SigningKey {
    let pem = match algorithm {
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512 => {
            return SigningKey::from_secret(algorithm, [7; 64]).unwrap();
        }
        Algorithm::ES256 => "p256.pk8.pem",
        Algorithm::ES384 => "p384.pk8.pem",
        Algorithm::ES512 => "p521.pk8.pem",
        Algorithm::EdDSA => "ed25519.pk8.pem",
        _ => "rsa2048.pk8.pem",
    };
    SigningKey::from_pem(algorithm, fixture(pem)).unwrap()
}

fn issuer(key: SigningKey) -> JwtIssuer {
    JwtIssuer::builder(key)
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .lifetime(Duration::from_secs(60))
        .clock(ManualClock::new(now()))
        .build()
        .unwrap()
}

fn issue(key: SigningKey) -> String {
    issuer(key)
        .issue(NewJwt::new("alice"))
        .unwrap()
        .token
        .reveal()
}

/// The algorithms that every compiled back end has.
fn common_algorithms() -> impl Iterator<Item = Algorithm> {
    Algorithm::ALL
        .into_iter()
        .filter(|algorithm| *algorithm != Algorithm::ES512)
}

#[test]
fn every_algorithm_verifies_on_every_back_end_what_any_of_them_signed() {
    for algorithm in common_algorithms() {
        for signer in backends() {
            let key = signing_key(algorithm).with_backend(signer).unwrap();
            let token = issue(key.clone());
            for verifier in backends() {
                let key = key
                    .verification_key()
                    .clone()
                    .with_backend(verifier)
                    .unwrap();
                let verifier = JwtVerifier::builder(key).issuer(ISSUER).audience(AUDIENCE);
                let identity = judge(verifier, &token).unwrap();
                assert_eq!(identity.subject(), "alice", "{algorithm}");
            }
        }
    }
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn es512_works_on_aws_lc() {
    let token = issue(signing_key(Algorithm::ES512));
    let key = VerificationKey::from_pem(Algorithm::ES512, fixture("p521.pub.pem")).unwrap();
    let verifier = JwtVerifier::builder(key).issuer(ISSUER).audience(AUDIENCE);
    assert!(judge(verifier, &token).is_ok());
}

#[test]
fn a_changed_signature_is_refused_whatever_the_algorithm() {
    for algorithm in common_algorithms() {
        let key = signing_key(algorithm);
        let token = issue(key.clone());
        let (text, signature) = token.rsplit_once('.').unwrap();
        let signature = base64_simd::URL_SAFE_NO_PAD
            .decode_to_vec(signature)
            .unwrap();
        let mut flipped = signature.clone();
        *flipped.last_mut().unwrap() ^= 1;
        let mut first = signature.clone();
        first[0] ^= 0x80;
        let longer = [&signature[..], &[0]].concat();
        let padded = [&[0], &signature[..]].concat();
        for bad in [
            &flipped[..],
            &first,
            &signature[1..],
            &signature[..signature.len() - 1],
            &longer,
            &padded,
            &vec![0; signature.len()],
            &vec![0xff; signature.len()],
            &[],
        ] {
            for backend in backends() {
                let key = key
                    .verification_key()
                    .clone()
                    .with_backend(backend)
                    .unwrap();
                let verifier = JwtVerifier::builder(key).issuer(ISSUER).audience(AUDIENCE);
                let forged = format!("{text}.{}", base64url(bad));
                assert_refused(
                    judge(verifier, &forged),
                    Reason::Invalid,
                    "signature is not good",
                );
            }
        }
    }
}

#[test]
fn an_ecdsa_signature_in_der_is_refused() {
    let key = signing_key(Algorithm::ES256);
    let token = issue(key.clone());
    let (text, signature) = token.rsplit_once('.').unwrap();
    let raw = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(signature)
        .unwrap();
    let integer = |bytes: &[u8]| {
        let bytes = [&[0], bytes].concat();
        let zeros = bytes
            .windows(2)
            .take_while(|w| w[0] == 0 && w[1] < 0x80)
            .count();
        let bytes = &bytes[zeros..];
        [&[2, u8::try_from(bytes.len()).unwrap()], bytes].concat()
    };
    let body = [integer(&raw[..32]), integer(&raw[32..])].concat();
    let der = [&[0x30, u8::try_from(body.len()).unwrap()], &body[..]].concat();
    let verifier = issuer(key).verifier();
    let forged = format!("{text}.{}", base64url(der));
    assert_refused(
        judge(verifier, &forged),
        Reason::Invalid,
        "signature is not good",
    );
}

#[test]
fn a_token_is_three_parts() {
    let good = token_of(claims().to_string());
    let parts: Vec<&str> = good.split('.').collect();
    for bad in [
        parts[0].to_owned(),
        parts[..2].join("."),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{}", parts[0]),
        ".".repeat(10_000),
        "..".to_owned(),
        ".".to_owned(),
    ] {
        let refusal = judge(plain(), &bad).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Invalid);
    }
    assert_refused(
        judge(plain(), &parts[..2].join(".")),
        Reason::Invalid,
        "three parts",
    );
    assert_refused(
        judge(plain(), &".".repeat(10_000)),
        Reason::Invalid,
        "three parts",
    );
}

#[test]
fn a_part_has_one_spelling() {
    // 31 bytes, so that the last letter of its 42 has four bits to spare.
    let header = r#"{"alg":"HS256","kid":"1234567"}"#;
    assert_eq!(header.len() % 3, 1);
    let payload = claims().to_string();
    let encoded = base64url(header);
    let (start, last) = encoded.split_at(encoded.len() - 1);
    let other_bits = char::from(last.as_bytes()[0] + 1);
    let payload = base64url(payload);
    let good = signed(&format!("{encoded}.{payload}"), SECRET);
    // Straight to the signature step, since `=` and the like within a token do not get past its header.
    let keys = KeySet::from(support::hs256_key());
    let detail = |token: String| {
        let refusal = verify_signature_only(&keys, token.as_bytes()).unwrap_err();
        assert_eq!(refusal.reason(), Reason::Invalid);
        refusal.detail()
    };
    for header in [
        format!("{start}{other_bits}"),
        format!("{encoded}=="),
        format!("{encoded}AAA"),
        format!("{encoded} "),
        encoded.replace('J', "+"),
    ] {
        let token = signed(&format!("{header}.{payload}"), SECRET);
        assert!(
            detail(token).contains("header is not canonical"),
            "{header}"
        );
    }
    let token = signed(&format!("{encoded}.{payload}="), SECRET);
    assert!(detail(token).contains("payload is not canonical"));
    assert!(detail(format!("{good}=")).contains("signature is not canonical"));
    assert!(detail(format!("{good}\n")).contains("signature is not canonical"));
    assert!(judge(plain(), &good).is_ok());
}

#[test]
fn the_header_is_an_object_with_unique_members() {
    for header in [
        "",
        "{}",
        "[]",
        "null",
        r#""HS256""#,
        r#"{"alg":"HS256"} {}"#,
        r#"{"alg":"HS256",}"#,
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"HS256","\u0061lg":"none"}"#,
        r#"{"alg":"HS256","x":1,"x":1}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":null}"#,
        r#"{"alg":"HS256","kid":1}"#,
        r#"{"alg":"HS256","typ":1}"#,
        "\u{feff}{\"alg\":\"HS256\"}",
    ] {
        let token = token(header, claims().to_string());
        assert_refused(judge(plain(), &token), Reason::Invalid, "header");
    }
    let latin1 = signed(
        &format!("{}.e30", base64url(b"{\"alg\":\"HS256\",\"x\":\"\xe9\"}")),
        SECRET,
    );
    assert_refused(judge(plain(), &latin1), Reason::Invalid, "header");
}

#[test]
fn a_header_that_changes_what_is_signed_or_how_is_refused() {
    for member in [
        r#""crit":["exp"]"#,
        r#""crit":[]"#,
        r#""crit":["b64"],"b64":false"#,
        r#""b64":true"#,
        r#""zip":"DEF""#,
        r#""cty":"JWT""#,
    ] {
        let token = token(
            &format!(r#"{{"alg":"HS256",{member}}}"#),
            claims().to_string(),
        );
        assert_refused(judge(plain(), &token), Reason::Invalid, "the header has");
    }
}

#[test]
fn the_type_is_a_usual_one_or_exactly_the_one_demanded() {
    let with = |typ: &str| {
        token(
            &format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#),
            claims().to_string(),
        )
    };
    for typ in [
        "JWT",
        "jwt",
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/JWT",
    ] {
        assert!(judge(plain(), &with(typ)).is_ok(), "{typ}");
    }
    for typ in [
        "",
        "dpop+jwt",
        "secevent+jwt",
        "JOSE",
        "application/",
        "text/JWT",
        "application/application/JWT",
    ] {
        assert_refused(judge(plain(), &with(typ)), Reason::Invalid, "typ");
    }
    let strict = || plain().token_type("application/at+jwt");
    for typ in ["at+jwt", "application/AT+jwt"] {
        assert!(judge(strict(), &with(typ)).is_ok(), "{typ}");
    }
    assert_refused(judge(strict(), &with("JWT")), Reason::Invalid, "typ");
    assert_refused(
        judge(strict(), &token_of(claims().to_string())),
        Reason::Invalid,
        "typ",
    );
    assert!(plain().token_type("").build().is_err());
    assert!(plain().token_type("text/plain").build().is_err());
}

#[test]
fn an_algorithm_that_is_none_is_refused_in_any_spelling() {
    for alg in [
        "none", "None", "NONE", "nOnE", "none ", "", "hs256", "HS256 ", "HS512", "RS256",
    ] {
        let text = format!(
            "{}.{}",
            base64url(format!(r#"{{"alg":"{alg}"}}"#)),
            base64url(claims().to_string())
        );
        assert_refused(judge(plain(), &format!("{text}.")), Reason::Invalid, "alg");
        assert_refused(
            judge(plain(), &signed(&text, SECRET)),
            Reason::Invalid,
            "alg",
        );
    }
}

#[test]
fn a_public_key_is_no_secret() {
    for (algorithm, file) in [
        (Algorithm::RS256, "rsa2048.pub"),
        (Algorithm::ES256, "p256.pub"),
    ] {
        let pem = fixture(&format!("{file}.pem"));
        let key = VerificationKey::from_pem(algorithm, &pem).unwrap();
        for (secret, alg) in [
            (&pem, "HS256"),
            (&pem, algorithm.as_str()),
            (&fixture(&format!("{file}.der")), "HS256"),
        ] {
            let text = format!(
                "{}.{}",
                base64url(format!(r#"{{"alg":"{alg}"}}"#)),
                base64url(claims().to_string())
            );
            let verifier = JwtVerifier::builder(key.clone())
                .issuer(ISSUER)
                .audience(AUDIENCE);
            let refusal = judge(verifier, &signed(&text, secret)).unwrap_err();
            assert_eq!(refusal.reason(), Reason::Invalid);
        }
    }
}

#[test]
fn keys_that_a_token_brings_along_are_passed_over() {
    let other = b"another secret, thirty-two long.";
    let header = format!(
        r#"{{"alg":"HS256","jwk":{{"kty":"oct","k":"{}"}},"jku":"https://evil.example","x5c":["AA"]}}"#,
        base64url(other)
    );
    let text = format!("{}.{}", base64url(&header), base64url(claims().to_string()));
    assert_refused(
        judge(plain(), &signed(&text, other)),
        Reason::Invalid,
        "not good",
    );
    assert!(judge(plain(), &signed(&text, SECRET)).is_ok());
}

#[test]
fn the_kid_and_the_algorithm_choose_the_key() {
    let key = |kid: &str| support::hs256_key().with_kid(kid);
    let other = VerificationKey::from_secret(Algorithm::HS256, [1; 32]).unwrap();
    let longer = VerificationKey::from_secret(Algorithm::HS512, [2; 64]).unwrap();
    let with = |keys: Vec<VerificationKey>| {
        JwtVerifier::builder(KeySet::new(keys).unwrap())
            .issuer(ISSUER)
            .audience(AUDIENCE)
    };
    let named = token(r#"{"alg":"HS256","kid":"k1"}"#, claims().to_string());
    let nameless = token_of(claims().to_string());

    let two = || vec![key("k1"), other.clone().with_kid("k2")];
    assert!(judge(with(two()), &named).is_ok());
    assert_refused(
        judge(with(two()), &nameless),
        Reason::Invalid,
        "several keys",
    );
    let swapped = || vec![key("k2"), other.clone().with_kid("k1")];
    assert_refused(judge(with(swapped()), &named), Reason::Invalid, "not good");
    let unknown = || vec![key("k3"), other.clone().with_kid("k2")];
    assert_refused(judge(with(unknown()), &named), Reason::Invalid, "no key");

    assert_refused(
        judge(with(vec![key("k2")]), &named),
        Reason::Invalid,
        "no key",
    );
    assert!(judge(with(vec![key("k1")]), &nameless).is_ok());
    assert!(
        judge(plain(), &named).is_ok(),
        "a single key without a kid takes any"
    );

    let by_algorithm = || vec![support::hs256_key(), longer.clone()];
    assert!(judge(with(by_algorithm()), &nameless).is_ok());
    let other_algorithm = || vec![longer.clone().with_kid("k1"), key("k2")];
    assert_refused(
        judge(with(other_algorithm()), &named),
        Reason::Invalid,
        "alg is not that",
    );
}

#[test]
fn a_header_that_was_good_once_says_nothing_for_another_payload() {
    let verifier = Arc::new(plain().build().unwrap());
    let good = token_of(claims().to_string());
    let forged = format!("{}.c2ln", good.rsplit_once('.').unwrap().0);
    assert_refused(ask(&verifier, &forged, now()), Reason::Invalid, "not good");
    assert!(ask(&verifier, &good, now()).is_ok());
    assert!(ask(&verifier, &good, now()).is_ok());
    assert_refused(ask(&verifier, &forged, now()), Reason::Invalid, "not good");
    // More headers than are remembered, each of them met twice.
    for n in 0..40 {
        let token = token(
            &format!(r#"{{"alg":"HS256","n":{}}}"#, n / 2),
            claims().to_string(),
        );
        assert!(ask(&verifier, &token, now()).is_ok());
    }
}

#[test]
fn a_header_of_any_length_is_answered() {
    let long = format!(r#"{{"alg":"HS256","x":"{}"}}"#, "x".repeat(3000));
    assert_refused(
        judge(plain(), &token(&long, "{}")),
        Reason::Invalid,
        "too long",
    );
    let signature = "A".repeat(5000);
    let bad = format!("{}.e30.{signature}", base64url(r#"{"alg":"HS256"}"#));
    assert_refused(judge(plain(), &bad), Reason::Invalid, "too long");
    let members: Vec<String> = (0..150).map(|n| format!(r#""m{n}":0"#)).collect();
    let many = |last: &str| format!(r#"{{"alg":"HS256",{},{last}}}"#, members.join(","));
    assert!(judge(plain(), &token(&many(r#""z":0"#), claims().to_string())).is_ok());
    let repeated = token(&many(r#""m149":0"#), claims().to_string());
    assert_refused(judge(plain(), &repeated), Reason::Invalid, "unique");
}

#[test]
fn a_payload_of_any_length_is_read() {
    let payload = support::claims_with(serde_json::json!({"note": "x".repeat(20_000)}));
    assert_eq!(
        judge(plain(), &token_of(payload)).unwrap().subject(),
        "alice"
    );
}

#[test]
fn what_prints_shows_no_secret() {
    let key = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
    let issuer = issuer(key.clone());
    let printed = format!(
        "{key:?} {:?} {issuer:?} {:?} {:?}",
        key.verification_key(),
        issuer.verifier(),
        issuer.verifier().build().unwrap()
    );
    let secret = std::str::from_utf8(SECRET).unwrap();
    assert!(!printed.contains(secret) && !printed.contains(&format!("{:?}", &SECRET[..4])));
    assert!(printed.contains("HS256"));
    assert!(printed.contains(&format!("{:?}", CryptoBackend::compiled().unwrap())));
}

#[test]
fn a_token_says_when_it_begins_and_what_the_service_adds() {
    let issuer = issuer(signing_key(Algorithm::HS256));
    let verifier = issuer
        .verifier()
        .require_claim("type", "access")
        .require_claim("fresh", false)
        .build();
    let verifier = Arc::new(verifier.unwrap());
    let new = || NewJwt::new("alice").claim("fresh", false);
    let begins = Timestamp::from_unix_secs(NOW + 10);
    let jwt = new().claim("type", "access").not_before(begins);
    let token = issuer.issue(jwt).unwrap().token.reveal();
    let at = |now| ask(&verifier, &token, now);
    assert_refused(
        at(Timestamp::from_unix_secs(NOW + 9)),
        Reason::NotYetValid,
        "nbf",
    );
    assert_eq!(at(begins).unwrap().subject(), "alice");

    let refresh = issuer.issue(new().claim("type", "refresh")).unwrap();
    let refused = ask(&verifier, &refresh.token.reveal(), now());
    assert_refused(refused, Reason::Invalid, "value");
}

#[test]
fn no_claim_of_the_services_own_takes_the_place_of_the_issuers() {
    let issuer = issuer(signing_key(Algorithm::HS256));
    for name in ["iss", "sub", "exp", "nbf", "jti", "scope", "cnf"] {
        let refused = issuer.issue(NewJwt::new("alice").claim(name, "mine"));
        assert!(refused.unwrap_err().to_string().contains(name), "{name}");
    }
    let ends = Timestamp::from_unix_secs(NOW + 60);
    let refused = issuer.issue(NewJwt::new("alice").not_before(ends));
    assert!(refused.unwrap_err().to_string().contains("not_before"));
}

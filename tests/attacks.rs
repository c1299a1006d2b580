//! Attacks on a door that takes JWTs, told from outside: the answer is that of any bad token, the service
//! behind the door is not called, and nothing of the token comes back. Each table begins with a token that
//! is let in, from which the others differ in what their row says.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::unwrap_used)]

#[path = "support/jwt.rs"]
mod jwt;
mod support;

use std::time::Duration;

use base64_simd::URL_SAFE_NO_PAD;
use serde_json::json;
use tower::Layer;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::issue::{JwtIssuer, NewJwt, SigningKey};
use tower_bearer::keys::{Algorithm, CryptoBackend, KeySet, VerificationKey, VerifierKeys};
use tower_bearer::middleware::BearerAuth;
use tower_bearer::verifier::TokenRouter;
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::{AuthenticatedUser, BearerAuthLayer, TokenVerifier};

use jwt::{
    AUDIENCE, ISSUER, NOW, SECRET, backends, base64url, claims, claims_with, fixture, hs256_key,
    plain, signed, token, token_of,
};
use support::answers::{Told, grpc_request, request, send, with_token};
use support::clock::clock;
use support::inner::Inner;
use support::verifiers::{Pace, admits_as};

/// In every token, and in no answer.
const CANARY: &str = "c4n4ry";

struct Door {
    service: BearerAuth<Inner>,
    inner: Inner,
}

impl Door {
    fn new(verifier: impl TokenVerifier + 'static) -> Self {
        let inner = Inner::default();
        let layer = BearerAuthLayer::builder(verifier).clock(clock());
        let service = layer.build().unwrap().layer(inner.clone());
        Self { service, inner }
    }

    fn with_keys(keys: impl Into<VerifierKeys>) -> Self {
        let verifier = JwtVerifier::builder(keys).issuer(ISSUER).audience(AUDIENCE);
        Self::new(verifier.build().unwrap())
    }

    async fn lets_in(&self, name: &str, token: &str) -> AuthenticatedUser {
        let before = self.inner.calls();
        let seen = send(&self.service, with_token(token)).await;
        assert_eq!(seen.status, 200, "{name}: {}", seen.text());
        assert_eq!(self.inner.calls(), before + 1, "{name}");
        AuthenticatedUser::from_extensions(&self.inner.last().extensions).unwrap()
    }

    async fn refuses(&self, name: &str, token: &str) {
        let before = self.inner.calls();
        let value = format!("Bearer {token}").into_bytes();
        let seen = send(&self.service, request("/", &[&value])).await;
        assert_eq!(seen.status, 401, "{name} was answered {}", seen.text());
        Told::INVALID.assert_http(&seen, None);
        let called = send(&self.service, grpc_request("/", &[&value])).await;
        Told::INVALID.assert_grpc(&called, None);
        assert_eq!(self.inner.calls(), before, "{name}");
        for answer in [seen.text(), called.text()] {
            let parts = token.split('.').filter(|part| part.len() > 8);
            for secret in parts.chain([CANARY, ISSUER, AUDIENCE]) {
                assert!(!answer.contains(secret), "{name} leaks {secret}: {answer}");
            }
        }
    }
}

fn good_claims() -> String {
    claims_with(json!({"jti": CANARY}))
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}

// --- shape

#[tokio::test]
async fn only_three_parts_are_a_token() {
    let door = Door::new(plain().build().unwrap());
    let good = token_of(good_claims());
    door.lets_in("three parts", &good).await;
    let parts: Vec<&str> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else {
        panic!("{good}");
    };
    for (name, bad) in [
        ("no dot", header.to_owned()),
        ("one dot", format!("{header}.{payload}")),
        ("two dots and nothing else", "..".to_owned()),
        ("three dots", format!("{good}.")),
        ("three dots, the first in front", format!(".{good}")),
        (
            "three dots, an empty part",
            format!("{header}..{payload}.{signature}"),
        ),
        (
            "four dots, as an encrypted token has",
            format!("{header}.{payload}.{signature}.AA.AA"),
        ),
        ("as many dots as the header holds", ".".repeat(8000)),
        ("no header", format!(".{payload}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("a token within", token(r#"{"alg":"HS256"}"#, &good)),
        (
            "one within, as it says",
            token(r#"{"alg":"HS256","cty":"JWT"}"#, &good),
        ),
        (
            "an encrypted one",
            token(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#, good_claims()),
        ),
    ] {
        door.refuses(name, &bad).await;
    }
    let before = door.inner.calls();
    let seen = send(&door.service, with_token(&".".repeat(10_000))).await;
    Told::MALFORMED.assert_http(&seen, None);
    assert_eq!(door.inner.calls(), before, "ten thousand dots");
}

#[tokio::test]
async fn a_signature_is_there_whole_and_in_one_spelling() {
    let key = VerificationKey::from_pem(Algorithm::ES256, fixture("p256.pub.pem")).unwrap();
    let on_a_curve = tokens_signed_by(Algorithm::ES256, &fixture("p256.pk8.pem"))
        .next()
        .unwrap();
    let by_a_secret = token_of(good_claims());
    let cases = doors(&key)
        .map(|(_, door)| (door, on_a_curve.clone()))
        .chain([(Door::new(plain().build().unwrap()), by_a_secret)]);
    for (door, good) in cases {
        door.lets_in("as signed", &good).await;
        let (text, signature) = good.rsplit_once('.').unwrap();
        let bytes = decode(signature);
        let half = bytes.len() / 2;
        let in_der = [
            &[0x30, 2 * half as u8 + 4, 2, half as u8][..],
            &bytes[..half],
            &[2, half as u8],
            &bytes[half..],
        ]
        .concat();
        // Its last letter has bits to spare, which must be zero.
        let last = signature.chars().last().unwrap();
        let other_last = char::from_u32(u32::from(last) + 1).unwrap();
        let respelled = format!("{}{other_last}", &signature[..signature.len() - 1]);
        for (name, bad) in [
            ("empty", String::new()),
            ("one byte less", base64url(&bytes[..bytes.len() - 1])),
            ("one byte more", base64url([&bytes[..], &[0]].concat())),
            ("its first half", base64url(&bytes[..half])),
            ("zeros", base64url(vec![0; bytes.len()])),
            ("DER", base64url(in_der)),
            ("padded", format!("{signature}=")),
            ("spelled otherwise", respelled),
            ("twice", format!("{signature}{signature}")),
        ] {
            door.refuses(name, &format!("{text}.{bad}")).await;
        }
    }
}

// --- JSON

#[tokio::test]
async fn no_spelling_of_a_header_hides_what_it_says() {
    let door = Door::new(plain().build().unwrap());
    let header = |text: &str| token(text, good_claims());
    door.lets_in("an escaped alg", &header(r#"{"\u0061lg":"H\u0053256"}"#))
        .await;
    let many = |extra: &str| {
        let names: String = (0..30).map(|n| format!(r#""m{n}":0,"#)).collect();
        format!(r#"{{{names}{extra}"alg":"HS256"}}"#)
    };
    door.lets_in("thirty members", &header(&many(""))).await;
    let deep = format!(
        r#"{{"alg":"HS256","x":{}1{}}}"#,
        "[".repeat(900),
        "]".repeat(900)
    );
    door.lets_in("nine hundred levels", &header(&deep)).await;
    for bad in [
        // Words that change the rules, escaped or of another type.
        r#"{"alg":"HS256","\u0063rit":["x"]}"#,
        r#"{"alg":"HS256","crit":"exp"}"#,
        r#"{"alg":"HS256","crit":null}"#,
        r#"{"alg":"HS256","crit":{}}"#,
        r#"{"alg":"HS256","b6\u0034":false}"#,
        r#"{"alg":"HS256","b64":null}"#,
        r#"{"alg":"HS256","c\u0074y":"JWT"}"#,
        r#"{"alg":"HS256","cty":null}"#,
        r#"{"alg":"HS256","\u007Aip":"DEF"}"#,
        // Members twice, the second far down or spelled otherwise.
        &many(r#""m0":1,"#),
        &many(r#""m29":1,"#),
        &many(r#""m\u0030":1,"#),
        &many(r#""m2\u0039":1,"#),
        &many(r#""\u0061lg":"none","#),
        r#"{"alg":"none","ALG":"HS256","\u0061LG":"HS256"}"#,
        r#"{"\ud83d\ude00":1,"😀":2,"alg":"HS256"}"#,
        // Names of algorithms.
        r#"{"alg":"HS256\u0000"}"#,
        r#"{"alg":"HS256\n"}"#,
        r#"{"alg":" HS256"}"#,
        r#"{"alg":"ＨＳ256"}"#,
        r#"{"alg":"НS256"}"#,
        r#"{"alg":{"name":"HS256"}}"#,
        r#"{"Alg":"HS256"}"#,
        r#"{"alg\u0000":"HS256"}"#,
        r#"{"alg":"non\u0065"}"#,
        r#"{"alg":"dir","enc":"A256GCM"}"#,
        // Types.
        r#"{"alg":"HS256","typ":"JWT\u0000"}"#,
        r#"{"alg":"HS256","typ":"JWT "}"#,
        r#"{"alg":"HS256","typ":"ＪＷＴ"}"#,
        r#"{"alg":"HS256","typ":"at+jwt;v=1"}"#,
        r#"{"alg":"HS256","typ":"application/application/jwt"}"#,
        r#"{"alg":"HS256","typ":null}"#,
        r#"{"alg":"HS256","kid":null}"#,
        r#"{"alg":"HS256","kid":["k1"]}"#,
        // What is no JSON, or more.
        r#"{"alg":"HS256","\ud800":1}"#,
        r#"{"alg":"HS256","kid":"\udc00"}"#,
        "{\"alg\":\"HS256\",\"kid\":\"\u{1}\"}",
        "{\"alg\":\"HS256\"}\0",
        "\0{\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\"}/**/",
        "{\"alg\":\"HS256\"}}",
        "{\u{a0}\"alg\":\"HS256\"}",
        r#"[{"alg":"HS256"}]"#,
        r#""{\"alg\":\"HS256\"}""#,
        r#"{"x":{"alg":"HS256"}}"#,
    ] {
        door.refuses(bad, &header(bad)).await;
    }
}

#[tokio::test]
async fn no_spelling_of_a_payload_hides_what_it_says() {
    let door = Door::new(plain().build().unwrap());
    let good = good_claims();
    let inside = &good[1..good.len() - 1];
    let escaped = good
        .replace("\"iss\"", r#""\u0069ss""#)
        .replace("https://id", r"h\u0074tps:\/\/id");
    assert_ne!(escaped, good);
    door.lets_in("an escaped iss", &token_of(&escaped)).await;
    let deep = |levels: usize| {
        format!(
            r#"{{{inside},"x":{}{}}}"#,
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    door.lets_in("two thousand levels", &token_of(deep(2000)))
        .await;
    let many: String = (0..40).map(|n| format!(r#","m{n}":0"#)).collect();
    door.lets_in("many members", &token_of(format!("{{{inside}{many}}}")))
        .await;
    for bad in [
        format!(r#"{{{inside},"\u0065xp":9999999999}}"#),
        format!(r#"{{{inside},"\u0073\u0075\u0062":"root"}}"#),
        format!(r#"{{{inside}{many},"\u0061ud":"other"}}"#),
        format!(r#"{{{inside}{many},"m39":1}}"#),
        format!(r#"{{{inside}{many},"\u006d3":1}}"#),
        format!(r#"{{"cn\u0066":{{"jkt":"x"}},{inside}}}"#),
        format!(r#"{{{inside},"x":"{}"}}"#, '\n'),
        format!(r#"{{{inside},"\udfff":1}}"#),
        format!(r#"{{{inside},"x":1}}{}"#, '\0'),
        format!(r#"{{{inside},"x":{}}}"#, "[".repeat(2000)),
        format!(
            r#"{{{inside},"x":{}1{}}}"#,
            r#"{"a":"#.repeat(500),
            "}".repeat(499)
        ),
        format!("[{good}]"),
        serde_json::to_string(&good).unwrap(),
        base64url(&good),
    ] {
        door.refuses(&bad, &token_of(&bad)).await;
    }
    for (name, bytes) in [
        ("an overlong slash", &b"\xc0\xaf"[..]),
        ("a surrogate in UTF-8", b"\xed\xa0\x80"),
        ("beyond the last character", b"\xf4\x90\x80\x80"),
        ("half a character", b"\xe2\x82"),
    ] {
        let payload = [b"{", inside.as_bytes(), br#","x":""#, bytes, b"\"}"].concat();
        door.refuses(name, &token_of(payload)).await;
    }
}

// --- claims

#[tokio::test]
async fn no_claim_is_nearly_right() {
    let door = Door::new(plain().build().unwrap());
    let with = |name: &str, value: &str| {
        let text = claims_with(json!({"jti": CANARY, name: "@"}));
        token_of(text.replace(r#""@""#, value))
    };
    let text = |text: &str| serde_json::to_string(text).unwrap();
    door.lets_in("an array", &with("aud", &format!(r#"["x","{AUDIENCE}"]"#)))
        .await;
    for iss in [
        format!("{ISSUER}\0"),
        format!("{ISSUER} "),
        format!("{ISSUER}."),
        format!("{ISSUER}#"),
        format!("{ISSUER}:443"),
        format!("{ISSUER}/../evil"),
        format!("{ISSUER}@evil.example"),
        ISSUER.replace("https", "http"),
        ISSUER.replace("example", "ex%61mple"),
        ISSUER.replace("example", "exаmple"),
        ISSUER.replace("https://", "//"),
    ] {
        door.refuses(&iss, &with("iss", &text(&iss))).await;
    }
    for aud in [
        text(&format!("{AUDIENCE}\0")),
        text(&format!("{AUDIENCE} x")),
        text(&format!("{AUDIENCE}/")),
        text(&AUDIENCE.to_uppercase()),
        format!(r#"[["{AUDIENCE}"]]"#),
        format!(r#"["{AUDIENCE}",null]"#),
        format!(r#"["{AUDIENCE}",{{}}]"#),
        format!(r#"{{"{AUDIENCE}":true}}"#),
        text(&format!(r#"["{AUDIENCE}"]"#)),
        "\"\"".into(),
        "[\"\"]".into(),
        "null".into(),
    ] {
        door.refuses(&aud, &with("aud", &aud)).await;
    }
    for exp in [
        "1e400".into(),
        "9".repeat(400),
        "1e-400".into(),
        "-0.0".into(),
        "-1e-400".into(),
        "-9223372036854775809".into(),
        "0.9e1".into(),
        format!("[{}]", NOW + 60),
        format!("\"{}\"", NOW + 60),
        format!("{{\"$numberLong\":{}}}", NOW + 60),
        format!("{{\"$serde_json::private::Number\":\"{}\"}}", NOW + 60),
        "null".into(),
        "1e".into(),
        "1.5.5".into(),
        "٩٩٩٩٩٩٩٩٩٩".into(),
    ] {
        door.refuses(&exp, &with("exp", &exp)).await;
    }
    for sub in ["null", "\"\"", "0", "[\"alice\"]", "{\"alice\":1}", "true"] {
        door.refuses(sub, &with("sub", sub)).await;
    }
    let at = |secs: i64| format!("{secs}");
    door.lets_in(
        "a millisecond before",
        &with("exp", &format!("{}.001", NOW - 30)),
    )
    .await;
    door.lets_in("nbf in thirty seconds", &with("nbf", &at(NOW + 30)))
        .await;
    for (name, value) in [
        ("exp", at(NOW - 30)),
        ("exp", "0".into()),
        ("exp", "-1".into()),
        ("exp", at(i64::MIN)),
        ("nbf", at(NOW + 31)),
        ("nbf", at(i64::MAX)),
        ("nbf", format!("\"{NOW}\"")),
        ("iat", at(NOW + 31)),
        ("iat", format!("\"{NOW}\"")),
    ] {
        door.refuses(&format!("{name} {value}"), &with(name, &value))
            .await;
    }
    for (name, value) in [
        ("nbf", "1e400"),
        ("nbf", "1e300"),
        ("iat", "18446744073709551615"),
        ("cnf", "null"),
        ("cnf", "[]"),
        ("scope", r#"["a b"]"#),
        ("scope", r#""a\u0000b""#),
        ("scope", r#""a\tb""#),
        ("scope", r#"[["a"]]"#),
    ] {
        door.refuses(name, &with(name, value)).await;
    }
}

// --- keys

#[tokio::test]
async fn no_kid_leads_to_another_key() {
    let other = VerificationKey::from_secret(Algorithm::HS256, [1; 32]).unwrap();
    let empty = VerificationKey::from_secret(Algorithm::HS256, [0; 32]).unwrap();
    let keys = KeySet::new([hs256_key().with_kid("k1"), other.with_kid("k2")]).unwrap();
    let door = Door::with_keys(keys);
    let text = |kid: &str| {
        let header = format!(r#"{{"alg":"HS256","kid":{kid}}}"#);
        format!("{}.{}", base64url(header), base64url(good_claims()))
    };
    door.lets_in("k1", &signed(&text(r#""k1""#), SECRET)).await;
    // By now the header is known; a signature by the other key of the set is none for it.
    door.refuses("signed by k2", &signed(&text(r#""k1""#), &[1; 32]))
        .await;
    door.lets_in("k2", &signed(&text(r#""k2""#), &[1; 32]))
        .await;
    door.refuses("signed by k1", &signed(&text(r#""k2""#), SECRET))
        .await;
    for kid in [
        r#""""#.to_owned(),
        r#""K1""#.into(),
        r#""k1 ""#.into(),
        r#""k1\u0000""#.into(),
        r#""k\u200b1""#.into(),
        r#""../../../../dev/null""#.into(),
        r#""/proc/self/environ""#.into(),
        r#""' UNION SELECT 'AAAA' -- ""#.into(),
        r#""k1\u0000' OR 1=1""#.into(),
        r#""https://evil.example/jwks.json""#.into(),
        r#""__proto__""#.into(),
        format!("\"{}\"", "k".repeat(1500)),
        "1".into(),
        "1e400".into(),
        "true".into(),
        r#"{"k1":1}"#.into(),
    ] {
        // Signed by what a careless lookup would find there: nothing, zeros, or the key that it knows.
        for secret in [&b""[..], &[0; 32], SECRET, b"AAAA"] {
            door.refuses(&kid, &signed(&text(&kid), secret)).await;
        }
    }
    let one = Door::with_keys(empty.with_kid(""));
    one.lets_in(
        "the kid is empty, and so is the key's",
        &signed(&text("\"\""), &[0; 32]),
    )
    .await;
    one.refuses("another kid", &signed(&text(r#""k1""#), &[0; 32]))
        .await;
}

#[tokio::test]
async fn no_key_that_a_token_brings_along_or_points_to_is_used() {
    let door = Door::new(plain().build().unwrap());
    let theirs = b"another secret, thirty-two long.";
    let jwk = format!(
        r#"{{"kty":"oct","alg":"HS256","k":"{}"}}"#,
        base64url(theirs)
    );
    for extra in [
        format!(r#""jwk":{jwk}"#),
        format!(r#""jwk":{jwk},"kid":"k1""#),
        r#""jku":"https://evil.example/jwks.json""#.into(),
        r#""jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/""#.into(),
        r#""x5u":"https://evil.example/cert.pem""#.into(),
        format!(r#""x5c":["{}"]"#, base64url(theirs)),
        r#""x5t":"AA","x5t#S256":"AA""#.into(),
    ] {
        let header = format!(r#"{{"alg":"HS256",{extra}}}"#);
        let text = format!("{}.{}", base64url(&header), base64url(good_claims()));
        door.refuses(&header, &signed(&text, theirs)).await;
        door.lets_in("what is passed over does no harm", &signed(&text, SECRET))
            .await;
    }
}

#[tokio::test]
async fn what_is_public_about_a_key_signs_nothing() {
    let rsa = VerificationKey::from_pem(Algorithm::RS256, fixture("rsa2048.pub.pem")).unwrap();
    let pss = VerificationKey::from_pem(Algorithm::PS256, fixture("rsa2048.pub.pem")).unwrap();
    let ec = VerificationKey::from_pem(Algorithm::ES256, fixture("p256.pub.pem")).unwrap();
    let ed = VerificationKey::from_pem(Algorithm::EdDSA, fixture("ed25519.pub.pem")).unwrap();
    let set = [("r", rsa), ("s", pss), ("c", ec), ("d", ed)];
    let door = Door::with_keys(KeySet::new(set.map(|(kid, key)| key.with_kid(kid))).unwrap());
    let der = fixture("ed25519.pub.der");
    let x = der[der.len() - 32..].to_vec();
    let point = fixture("p256.pub.der");
    let point = point[point.len() - 65..].to_vec();
    let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, base64url(&x));
    let pem = fixture("rsa2048.pub.pem");
    let trimmed = pem.trim_ascii().to_vec();
    let publicly_known = [
        x.clone(),
        base64url(&x).into_bytes(),
        jwk.into_bytes(),
        point[1..].to_vec(),
        point,
        pem,
        trimmed,
        fixture("rsa2048.pub.der"),
        fixture("rsa2048.pkcs1.pub.pem"),
        fixture("p256.pub.pem"),
        fixture("ed25519.pub.pem"),
        vec![],
    ];
    for kid in [
        r#","kid":"r""#,
        r#","kid":"s""#,
        r#","kid":"c""#,
        r#","kid":"d""#,
        "",
    ] {
        for alg in ["HS256", "RS256", "PS256", "ES256", "EdDSA", "none"] {
            let header = format!(r#"{{"alg":"{alg}"{kid}}}"#);
            let text = format!("{}.{}", base64url(&header), base64url(good_claims()));
            for secret in &publicly_known {
                door.refuses(&header, &signed(&text, secret)).await;
            }
            door.refuses(&header, &format!("{text}.")).await;
        }
    }
}

// --- signatures

/// The doors of one key on each back end: whatever one lets in or refuses, so does the other.
fn doors(key: &VerificationKey) -> impl Iterator<Item = (CryptoBackend, Door)> {
    backends().map(|backend| {
        let key = key.clone().with_backend(backend).unwrap();
        (backend, Door::with_keys(key))
    })
}

#[tokio::test]
async fn a_signature_by_rsa_is_padded_in_one_way() {
    let forged = String::from_utf8(fixture("rsa2048.forged.txt")).unwrap();
    let mut sound = 0;
    for line in forged.lines() {
        let mut columns = line.split('\t');
        let (alg, name, token) = (
            columns.next().unwrap(),
            columns.next().unwrap(),
            columns.next().unwrap(),
        );
        let key = VerificationKey::from_pem(alg.parse().unwrap(), fixture("rsa2048.pub.pem"));
        for (backend, door) in doors(&key.unwrap()) {
            let name = format!("{alg}, {name}, {backend}");
            if name.contains("sound") {
                door.lets_in(&name, token).await;
                sound += 1;
            } else {
                door.refuses(&name, token).await;
            }
        }
    }
    assert_eq!(sound, 2 * backends().count());
}

#[tokio::test]
async fn a_signature_by_rsa_is_below_the_modulus() {
    let der = fixture("rsa2048.pub.der");
    // The modulus is followed by the five bytes of the exponent 65537.
    let n = der[der.len() - 5 - 256..der.len() - 5].to_vec();
    let one = [&[0; 255][..], &[1]].concat();
    for algorithm in [Algorithm::RS256, Algorithm::PS256] {
        let private = fixture("rsa2048.pk8.pem");
        let (token, twin) = tokens_signed_by(algorithm, &private)
            .find_map(|token| {
                // The same number modulo n, where that fits into as many bytes.
                let twin = plus(&decode(token.rsplit('.').next()?), &n)?;
                Some((token, twin))
            })
            .unwrap();
        let text = token.rsplit_once('.').unwrap().0;
        let key = VerificationKey::from_pem(algorithm, fixture("rsa2048.pub.pem")).unwrap();
        for (backend, door) in doors(&key) {
            door.lets_in("as signed", &token).await;
            for (name, number) in [
                ("s + n", &twin),
                ("1", &one),
                ("n - 1", &minus(&n, &one)),
                ("n", &n),
                ("n + 1", &plus(&n, &one).unwrap()),
            ] {
                let forged = format!("{text}.{}", base64url(number));
                let name = format!("{algorithm}, {name}, {backend}");
                door.refuses(&name, &forged).await;
            }
        }
    }
}

#[tokio::test]
async fn a_signature_on_a_curve_has_numbers_in_range() {
    let private = fixture("p256.pk8.pem");
    let n = hex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
    let zero = vec![0; 32];
    let one = [&[0; 31][..], &[1]].concat();
    let key = VerificationKey::from_pem(Algorithm::ES256, fixture("p256.pub.pem")).unwrap();
    let token = tokens_signed_by(Algorithm::ES256, &private).next().unwrap();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let (r, s) = (signature[..32].to_vec(), signature[32..].to_vec());
    for (backend, door) in doors(&key) {
        door.lets_in("as signed", &token).await;
        let twin = format!("{text}.{}", base64url([&r[..], &minus(&n, &s)].concat()));
        door.lets_in(
            "its twin, which is as good (RFC 7515 has no rule against it)",
            &twin,
        )
        .await;
        for (name, r, s) in [
            ("r = 0", &zero, &s),
            ("s = 0", &r, &zero),
            ("r = n", &n, &s),
            ("s = n", &r, &n),
            ("both n", &n, &n),
            ("r = n, s = 1", &n, &one),
            ("both 1", &one, &one),
            ("swapped", &s, &r),
            ("-r", &minus(&n, &r), &s),
        ] {
            let forged = format!("{text}.{}", base64url([&r[..], s].concat()));
            door.refuses(&format!("{name}, {backend}"), &forged).await;
        }
    }
}

#[tokio::test]
async fn a_signature_by_ed25519_has_one_spelling() {
    let private = fixture("ed25519.pk8.pem");
    // The order of the group, little-endian.
    let mut order = hex("1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed");
    order.reverse();
    let key = VerificationKey::from_pem(Algorithm::EdDSA, fixture("ed25519.pub.pem")).unwrap();
    let token = tokens_signed_by(Algorithm::EdDSA, &private).next().unwrap();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let signature = decode(signature);
    let (r, s) = signature.split_at(32);
    let reversed = |bytes: &[u8]| bytes.iter().rev().copied().collect::<Vec<_>>();
    let more = plus(&reversed(s), &reversed(&order))
        .map(|sum| reversed(&sum))
        .unwrap();
    let identity = [&[1][..], &[0; 31]].concat();
    let identity_again = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
    let mut high = s.to_vec();
    high[31] |= 0x80;
    for (backend, door) in doors(&key) {
        door.lets_in("as signed", &token).await;
        for (name, signature) in [
            ("S + L", [r, &more].concat()),
            ("the top bit of S", [r, &high].concat()),
            ("S = L", [r, &order].concat()),
            ("S = 0", [r, &[0; 32]].concat()),
            ("R of low order", [&identity, s].concat()),
            ("R of low order, S = 0", [&identity[..], &[0; 32]].concat()),
            (
                "R of low order spelled otherwise",
                [&identity_again[..], &[0; 32]].concat(),
            ),
            ("R and S swapped", [s, r].concat()),
        ] {
            let forged = format!("{text}.{}", base64url(signature));
            door.refuses(&format!("{name}, {backend}"), &forged).await;
        }
    }
}

/// Tokens with these claims, each signed anew.
fn tokens_signed_by(algorithm: Algorithm, pem: &[u8]) -> impl Iterator<Item = String> {
    let issuer = JwtIssuer::builder(SigningKey::from_pem(algorithm, pem).unwrap())
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .lifetime(Duration::from_secs(60))
        .clock(clock())
        .build()
        .unwrap();
    (0..200).map(move |_| issuer.issue(NewJwt::new("alice")).unwrap().token.reveal())
}

/// The sum of two numbers of the same length, if it has that length too.
fn plus(one: &[u8], other: &[u8]) -> Option<Vec<u8>> {
    let mut sum = vec![0; one.len()];
    let mut carry = 0;
    for place in (0..one.len()).rev() {
        let digit = u16::from(one[place]) + u16::from(other[place]) + carry;
        sum[place] = digit.to_be_bytes()[1];
        carry = digit >> 8;
    }
    (carry == 0).then_some(sum)
}

/// The difference of two numbers of the same length, of which the first is the larger.
fn minus(one: &[u8], other: &[u8]) -> Vec<u8> {
    let complement: Vec<u8> = one.iter().map(|byte| !byte).collect();
    plus(&complement, other)
        .unwrap()
        .iter()
        .map(|byte| !byte)
        .collect()
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

// --- routing

#[tokio::test]
async fn a_token_chooses_its_judge_and_nothing_more() {
    let verifier = |secret: u8, issuer: &str| {
        let key = VerificationKey::from_secret(Algorithm::HS256, [secret; 32]).unwrap();
        let verifier = JwtVerifier::builder(key).issuer(issuer).audience(AUDIENCE);
        verifier.build().unwrap()
    };
    let rest = admits_as(Pace::Now, Identity::new("rest", CredentialKind::Other));
    let router = TokenRouter::builder()
        .prefix(
            "ak_",
            admits_as(Pace::Now, Identity::new("keys", CredentialKind::ApiKey)),
        )
        .jwt_issuer("https://a", verifier(1, "https://a"))
        .jwt_issuer("https://b", verifier(2, "https://b"))
        .otherwise(rest.clone());
    let door = Door::new(router.build().unwrap());
    let claims = |changes: &str| {
        let mut text = claims().to_string();
        text.insert_str(1, changes);
        text.replace(&format!(r#""iss":"{ISSUER}","#), "")
    };
    let of = |payload: String, secret: u8| {
        let text = format!("{}.{}", base64url(r#"{"alg":"HS256"}"#), base64url(payload));
        signed(&text, &[secret; 32])
    };
    let a = r#""iss":"https://a","#;
    let user = door.lets_in("a", &of(claims(a), 1)).await;
    assert_eq!(user.issuer(), Some("https://a"));
    door.lets_in("b", &of(claims(r#""iss":"https:\/\/\u0062","#), 2))
        .await;
    for (name, token) in [
        ("a by the key of b", of(claims(a), 2)),
        ("b by the key of a", of(claims(r#""iss":"https://b","#), 1)),
        (
            "both",
            of(claims(r#""iss":"https://a","\u0069ss":"https://b","#), 1),
        ),
        ("neither", of(claims(""), 1)),
        (
            "one that nobody knows",
            of(claims(r#""iss":"https://c","#), 1),
        ),
        ("a list", of(claims(r#""iss":["https://a"],"#), 1)),
        ("letter case", of(claims(r#""iss":"HTTPS://A","#), 1)),
        ("a NUL", of(claims(r#""iss":"https://a\u0000","#), 1)),
    ] {
        door.refuses(name, &token).await;
    }
    assert_eq!(
        rest.begun(),
        0,
        "what has the shape of a JWT is no other token"
    );
    // A prefix goes before the shape, and a JWT behind one is none.
    let user = door
        .lets_in("a prefix", &format!("ak_{}", of(claims(a), 1)))
        .await;
    assert_eq!(user.subject(), "keys");
    let user = door.lets_in("no JWT", "a.b.c").await;
    assert_eq!(user.subject(), "rest");
}

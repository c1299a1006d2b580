//! The life of a key that signs: published, taken into use, kept for verifying, withdrawn.
#![cfg(all(feature = "jwt", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
#![allow(clippy::unwrap_used)]

#[path = "support/jwt.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use serde_json::{Value, json};
use support::{
    AUDIENCE, ISSUER, NOW, ask, assert_refused, backends, claims_with, fixture, judge, plain,
    token_of,
};
use tower::ServiceExt;
use tower_bearer::Reason;
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::issue::{
    IssueError, JwksService, JwtIssuer, JwtIssuerBuilder, KeyRotationError, NewJwt, SigningKey,
    SigningKeys,
};
use tower_bearer::keys::{Algorithm, KeySet, SharedKeySet, VerificationKey};
use tower_bearer::verifier::jwt::JwtVerifier;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    Timestamp::from_unix_secs(NOW)
}

fn ed25519(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::EdDSA)
        .unwrap()
        .with_kid(kid)
}

fn secret(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::HS256)
        .unwrap()
        .with_kid(kid)
}

fn from_file(algorithm: Algorithm, name: &str) -> SigningKey {
    SigningKey::from_pem(algorithm, fixture(&format!("{name}.pk8.pem"))).unwrap()
}

fn set_up(builder: JwtIssuerBuilder) -> JwtIssuerBuilder {
    builder
        .issuer(ISSUER)
        .audience(AUDIENCE)
        .lifetime(HOUR)
        .clock(ManualClock::new(now()))
}

fn issuer(keys: impl Into<SigningKeys>) -> JwtIssuer {
    set_up(JwtIssuer::builder(keys)).build().unwrap()
}

fn issue(issuer: &JwtIssuer) -> String {
    let issued = issuer.issue(NewJwt::new("alice")).unwrap();
    issued.token.reveal()
}

fn part(token: &str, place: usize) -> Value {
    let part = token.split('.').nth(place).unwrap();
    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

fn kid_in(token: &str) -> String {
    part(token, 0)["kid"].as_str().unwrap().to_owned()
}

fn public_kids(keys: &SigningKeys) -> Vec<String> {
    let set: Value = serde_json::from_str(&keys.public_jwks().unwrap()).unwrap();
    let keys = set["keys"].as_array().unwrap();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_key_is_known_before_it_signs_and_verifies_after_it_signed() {
    for make in [ed25519, secret] {
        let keys = SigningKeys::new(make("first"));
        let issuer = issuer(&keys);
        let verifier = Arc::new(issuer.verifier().build().unwrap());
        let by_first = issue(&issuer);
        assert_eq!(kid_in(&by_first), "first");

        let second = make("second");
        keys.publish(second.clone()).unwrap();
        assert_eq!(
            kid_in(&issue(&issuer)),
            "first",
            "published and not signing yet"
        );
        let elsewhere = set_up(JwtIssuer::builder(second)).build().unwrap();
        assert!(
            ask(&verifier, &issue(&elsewhere), now()).is_ok(),
            "known already"
        );

        keys.rotate().unwrap();
        let by_second = issue(&issuer);
        assert_eq!(kid_in(&by_second), "second");
        assert_eq!(kid_in(&issue(&issuer.clone())), "second");
        for (token, kid) in [(&by_first, "first"), (&by_second, "second")] {
            let identity = ask(&verifier, token, now()).unwrap();
            assert_eq!(identity.key_id(), Some(kid));
        }

        keys.retire("first").unwrap();
        assert_refused(ask(&verifier, &by_first, now()), Reason::Invalid, "no key");
        assert!(ask(&verifier, &by_second, now()).is_ok());
    }
}

#[test]
fn a_verifier_goes_along_through_many_rotations() {
    let keys = SigningKeys::new(ed25519("k0"));
    let issuer = issuer(&keys);
    let verifier = Arc::new(issuer.verifier().build().unwrap());
    // More of them than headers are remembered.
    for n in 1..20 {
        let before = issue(&issuer);
        keys.publish(ed25519(&format!("k{n}"))).unwrap();
        keys.rotate().unwrap();
        assert!(ask(&verifier, &before, now()).is_ok());
        assert!(ask(&verifier, &issue(&issuer), now()).is_ok());
        keys.retire(&format!("k{}", n - 1)).unwrap();
        assert!(ask(&verifier, &before, now()).is_err());
        assert!(ask(&verifier, &issue(&issuer), now()).is_ok());
    }
    assert_eq!(keys.verification_keys().len(), 1);
}

#[test]
fn an_identity_whose_key_was_withdrawn_is_refused_as_the_last_word() {
    let keys = SigningKeys::new(ed25519("first"));
    let issuer = issuer(&keys);
    let verifier = Arc::new(issuer.verifier().build().unwrap());
    let by_first = ask(&verifier, &issue(&issuer), now()).unwrap();
    assert!(by_first.is_current());
    keys.publish(ed25519("second")).unwrap();
    keys.rotate().unwrap();
    let by_second = ask(&verifier, &issue(&issuer), now()).unwrap();
    assert!(by_first.is_current() && by_first.admitted(now()).is_ok());

    keys.retire("first").unwrap();
    assert!(!by_first.is_current());
    let refusal = by_first.admitted(now()).unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    assert!(by_second.is_current() && by_second.admitted(now()).is_ok());
}

#[cfg(feature = "cache")]
#[test]
fn a_cache_does_not_let_a_withdrawn_key_live_on() {
    use tower_bearer::credential::BearerToken;
    use tower_bearer::verifier::{Answer, CacheSettings, Presented, TokenVerifierExt};

    let keys = SigningKeys::new(ed25519("first"));
    let issuer = issuer(&keys);
    let verifier = issuer.verifier().build().unwrap();
    let cached = Arc::new(verifier.cached(CacheSettings::new()).unwrap());
    let ask = |token: &str| {
        let presented = Presented::new(BearerToken::new(token).unwrap(), now());
        match Answer::of(&cached, &presented) {
            Answer::Now(judged) => judged,
            Answer::Later(_) => panic!("a JWT is judged at once"),
        }
    };
    let by_first = issue(&issuer);
    assert!(ask(&by_first).is_ok());
    keys.publish(ed25519("second")).unwrap();
    keys.rotate().unwrap();
    assert!(ask(&by_first).is_ok());
    keys.retire("first").unwrap();
    assert_refused(ask(&by_first), Reason::Invalid, "no key");
}

#[test]
fn a_key_set_that_is_shared_may_be_changed_under_a_verifier() {
    let key = |kid: &str| support::hs256_key().with_kid(kid);
    let other = VerificationKey::from_secret(Algorithm::HS256, [9; 32]).unwrap();
    let keys = SharedKeySet::new(KeySet::from(key("k1")));
    let verifier = JwtVerifier::builder(&keys)
        .issuer(ISSUER)
        .audience(AUDIENCE);
    let verifier = Arc::new(verifier.build().unwrap());
    let token = support::token(r#"{"alg":"HS256","kid":"k1"}"#, claims_with(json!({})));
    let first = ask(&verifier, &token, now()).unwrap();
    let generation = keys.generation();

    // The same key, imported anew beside another, is the same key.
    let more = KeySet::new([other.clone().with_kid("k2"), key("k1")]).unwrap();
    keys.store(more);
    assert_ne!(keys.generation(), generation);
    assert_eq!(keys.load().iter().count(), 2);
    assert!(ask(&verifier, &token, now()).is_ok());
    assert!(first.is_current());

    // Another key in its place is not, though it has the name.
    keys.store(KeySet::from(other.with_kid("k1")));
    assert_refused(ask(&verifier, &token, now()), Reason::Invalid, "not good");
    assert!(!first.is_current());

    keys.store(KeySet::from(key("k1")));
    assert!(ask(&verifier, &token, now()).is_ok());
    assert!(first.is_current());
}

#[test]
fn what_one_thread_withdraws_no_other_admits() {
    use std::sync::atomic::{AtomicBool, Ordering};

    let keys = SigningKeys::new(ed25519("first"));
    let issuer = issuer(&keys);
    let verifier = Arc::new(issuer.verifier().build().unwrap());
    let old = issue(&issuer);
    let withdrawn = AtomicBool::new(false);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let late = withdrawn.load(Ordering::SeqCst);
                    let admitted = ask(&verifier, &old, now()).and_then(|i| i.admitted(now()));
                    assert!(
                        !late || admitted.is_err(),
                        "admitted after its key was withdrawn"
                    );
                    let fresh = issue(&issuer);
                    assert!(
                        ask(&verifier, &fresh, now()).is_ok(),
                        "signed and not yet known"
                    );
                }
            });
        }
        for n in 0..50 {
            keys.publish(ed25519(&format!("k{n}"))).unwrap();
            keys.rotate().unwrap();
            if n == 25 {
                keys.retire("first").unwrap();
                withdrawn.store(true, Ordering::SeqCst);
            }
        }
        over.store(true, Ordering::SeqCst);
    });
    assert!(ask(&verifier, &old, now()).is_err());
}

#[test]
fn an_identity_names_its_key_only_where_the_key_has_a_name() {
    let token = support::token(r#"{"alg":"HS256","kid":"k9"}"#, claims_with(json!({})));
    assert_eq!(judge(plain(), &token).unwrap().key_id(), None);
    let named = JwtVerifier::builder(support::hs256_key().with_kid("k1"));
    let named = named.issuer(ISSUER).audience(AUDIENCE);
    let nameless = token_of(claims_with(json!({})));
    assert_eq!(judge(named, &nameless).unwrap().key_id(), Some("k1"));
}

#[test]
fn steps_out_of_order_are_refused_and_change_nothing() {
    let keys = SigningKeys::new(ed25519("first"));
    let before = keys.public_jwks().unwrap();
    assert_eq!(keys.rotate(), Err(KeyRotationError::NothingPublished));
    assert_eq!(
        keys.rotate_at_once(),
        Err(KeyRotationError::NothingPublished)
    );
    assert_eq!(keys.retire("first"), Err(KeyRotationError::StillSigning));
    assert_eq!(keys.retire("third"), Err(KeyRotationError::Unknown));
    for (next, problem) in [
        (ed25519("first"), "same kid"),
        (secret("second"), "secrets beside public keys"),
    ] {
        match keys.publish(next).unwrap_err() {
            KeyRotationError::Config(error) => {
                assert!(error.problem().contains(problem), "{error}");
            }
            other => panic!("{other}"),
        }
    }
    assert_eq!(keys.public_jwks().unwrap(), before);

    keys.publish(ed25519("second")).unwrap();
    let waiting = keys.publish(ed25519("third"));
    assert_eq!(waiting, Err(KeyRotationError::AlreadyPublished));
    assert_eq!(public_kids(&keys), ["first", "second"]);
    keys.retire("second").unwrap();
    assert_eq!(public_kids(&keys), ["first"]);
    assert_eq!(keys.rotate(), Err(KeyRotationError::NothingPublished));
}

#[test]
fn a_key_signs_only_once_it_has_been_published_for_long_enough() {
    let clock = ManualClock::new(now());
    let keys = SigningKeys::new(ed25519("first"))
        .with_clock(clock.clone())
        .with_publish_ahead(HOUR);
    keys.publish(ed25519("second")).unwrap();
    clock.advance(HOUR - Duration::from_millis(1));
    let ready = now().saturating_add(HOUR);
    assert_eq!(keys.rotate(), Err(KeyRotationError::TooEarly { ready }));
    assert_eq!(keys.current().kid(), Some("first"));
    clock.advance(Duration::from_millis(1));
    keys.rotate().unwrap();
    assert_eq!(keys.current().kid(), Some("second"));

    keys.publish(ed25519("third")).unwrap();
    assert!(keys.rotate().is_err());
    keys.rotate_at_once().unwrap();
    assert_eq!(keys.current().kid(), Some("third"));
}

#[test]
fn a_key_without_a_name_is_called_by_its_thumbprint_and_a_secret_is_not() {
    // RFC 8037 A.3.
    let jwk = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    let thumbprint = VerificationKey::from_jwk(jwk).unwrap().thumbprint();
    let expected = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";
    assert_eq!(thumbprint.as_deref(), Some(expected));
    // RFC 7638 §3.1.
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_\
             BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0\
             _FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWh\
             AI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let jwk = json!({"kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256", "kid": "2011-04-29"});
    let thumbprint = VerificationKey::from_jwk(&jwk.to_string())
        .unwrap()
        .thumbprint();
    let expected = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    assert_eq!(thumbprint.as_deref(), Some(expected));

    for key in [
        from_file(Algorithm::EdDSA, "ed25519"),
        from_file(Algorithm::ES256, "p256"),
    ] {
        let thumbprint = key.verification_key().thumbprint().unwrap();
        let keys = SigningKeys::from(key);
        assert_eq!(keys.current().kid(), Some(&*thumbprint));
        assert_eq!(kid_in(&issue(&issuer(&keys))), thumbprint);
        keys.publish(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .unwrap();
    }

    let nameless = || SigningKey::generate(Algorithm::HS256).unwrap();
    assert_eq!(nameless().verification_key().thumbprint(), None);
    assert_eq!(nameless().verification_key().to_jwk(), None);
    let keys = SigningKeys::new(nameless());
    assert!(part(&issue(&issuer(&keys)), 0).get("kid").is_none());
    for (first, next) in [
        (nameless(), secret("second")),
        (secret("first"), nameless()),
    ] {
        let refused = SigningKeys::new(first).publish(next).unwrap_err();
        assert!(refused.to_string().contains("with_kid"), "{refused}");
    }
}

#[test]
fn the_public_set_says_what_each_key_is_for_and_nothing_private() {
    for backend in backends() {
        for (algorithm, file) in [
            (Algorithm::RS256, "rsa2048"),
            (Algorithm::PS512, "rsa2048"),
            (Algorithm::ES256, "p256"),
            (Algorithm::ES384, "p384"),
            (Algorithm::EdDSA, "ed25519"),
        ] {
            let key = from_file(algorithm, file).with_backend(backend).unwrap();
            let keys = SigningKeys::new(key.with_kid("k\"1"));
            let text = keys.public_jwks().unwrap();
            let set: Value = serde_json::from_str(&text).unwrap();
            let jwk = set["keys"][0].as_object().unwrap();
            assert_eq!(jwk["use"], "sig");
            assert_eq!(jwk["alg"], algorithm.as_str());
            assert_eq!(jwk["kid"], "k\"1");
            for private in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
                assert!(!jwk.contains_key(private), "{private}");
            }
            // This crate's own reader takes it, and it is the key that verifies.
            let read = KeySet::from_jwks(&text).unwrap();
            let token = issue(&issuer(&keys));
            let verifier = JwtVerifier::builder(read).issuer(ISSUER).audience(AUDIENCE);
            assert!(judge(verifier, &token).is_ok(), "{algorithm}");
        }
    }
}

#[cfg(feature = "aws-lc-rs")]
#[test]
fn a_key_of_p_521_is_published_with_coordinates_of_full_length() {
    let keys = SigningKeys::new(from_file(Algorithm::ES512, "p521"));
    let text = keys.public_jwks().unwrap();
    let set: Value = serde_json::from_str(&text).unwrap();
    for coordinate in ["x", "y"] {
        // 66 bytes (RFC 7518 §6.2.1.2).
        assert_eq!(set["keys"][0][coordinate].as_str().unwrap().len(), 88);
    }
    let verifier = JwtVerifier::builder(KeySet::from_jwks(&text).unwrap());
    let verifier = verifier.issuer(ISSUER).audience(AUDIENCE);
    assert!(judge(verifier, &issue(&issuer(&keys))).is_ok());
}

#[test]
fn a_library_of_others_verifies_by_the_public_set() {
    use jsonwebtoken::jwk::JwkSet;
    use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};

    // Where both back ends are compiled in, that library wants to be told.
    #[cfg(feature = "aws-lc-rs")]
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();

    let keys = SigningKeys::new(from_file(Algorithm::RS256, "rsa2048"));
    let issuer = JwtIssuer::builder(&keys).issuer(ISSUER).audience(AUDIENCE);
    let issuer = issuer.lifetime(HOUR).build().unwrap();
    let mut tokens = vec![issue(&issuer)];
    for (algorithm, file) in [
        (Algorithm::ES256, "p256"),
        (Algorithm::ES384, "p384"),
        (Algorithm::EdDSA, "ed25519"),
    ] {
        keys.publish(from_file(algorithm, file)).unwrap();
        keys.rotate().unwrap();
        tokens.push(issue(&issuer));
    }
    let set: JwkSet = serde_json::from_str(&keys.public_jwks().unwrap()).unwrap();
    assert_eq!(set.keys.len(), 4);
    for token in tokens {
        let header = decode_header(&token).unwrap();
        let jwk = set.find(header.kid.as_deref().unwrap()).unwrap();
        let mut rules = Validation::new(header.alg);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        let read = decode::<Value>(&token, &DecodingKey::from_jwk(jwk).unwrap(), &rules).unwrap();
        assert_eq!(read.claims["sub"], "alice");
    }
}

#[test]
fn secrets_are_never_published() {
    let keys = SigningKeys::new(secret("first"));
    keys.publish(secret("second")).unwrap();
    assert_eq!(keys.public_jwks().unwrap_err().setting(), "signing keys");
    assert!(JwksService::new(&keys).is_err());
}

#[test]
fn keys_that_print_show_no_secret() {
    let bytes = *b"a secret that is thirty-two long";
    let key = SigningKey::from_secret(Algorithm::HS256, bytes).unwrap();
    let keys = SigningKeys::new(key.with_kid("first"));
    let printed = format!("{keys:?} {:?}", issuer(&keys));
    assert!(printed.contains("first"));
    assert!(!printed.contains("thirty-two"));
    assert!(!printed.contains(&format!("{:?}", &bytes[..4])[1..12]));
}

async fn get(service: &JwksService, request: Request<()>) -> (Response<()>, Bytes) {
    let response = service.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (Response::from_parts(head, ()), body)
}

fn asked(method: Method, if_none_match: Option<&str>) -> Request<()> {
    let request = Request::builder().method(method);
    match if_none_match {
        Some(etag) => request.header(IF_NONE_MATCH, etag),
        None => request,
    }
    .body(())
    .unwrap()
}

#[tokio::test]
async fn the_set_is_served_with_what_caches_need() {
    let keys = SigningKeys::new(ed25519("first"));
    let service = JwksService::new(&keys).unwrap().max_age(HOUR);
    let (response, body) = get(&service, asked(Method::GET, None)).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[CONTENT_TYPE], "application/jwk-set+json");
    assert_eq!(response.headers()[CACHE_CONTROL], "public, max-age=3600");
    assert_eq!(body, keys.public_jwks().unwrap());
    let etag = response.headers()[ETAG].to_str().unwrap().to_owned();

    let (head, none) = get(&service, asked(Method::HEAD, None)).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()[ETAG], *etag);
    assert_eq!(head.headers()[CONTENT_LENGTH], body.len().to_string());
    assert!(none.is_empty());

    for known in [&*etag, "*", &format!("W/{etag}"), &format!("\"x\", {etag}")] {
        let (response, body) = get(&service, asked(Method::GET, Some(known))).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(response.headers()[ETAG], *etag);
        assert!(body.is_empty());
    }
    for other in ["\"x\"", "", "x", etag.trim_matches('"')] {
        let (response, _) = get(&service, asked(Method::GET, Some(other))).await;
        assert_eq!(response.status(), StatusCode::OK, "{other}");
    }
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let (response, _) = get(&service, asked(method, None)).await;
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(response.headers()[ALLOW], "GET, HEAD");
    }

    keys.publish(ed25519("second")).unwrap();
    let (response, body) = get(&service, asked(Method::GET, Some(&etag))).await;
    assert_eq!(response.status(), StatusCode::OK, "the set is another");
    assert_eq!(body, keys.public_jwks().unwrap());
    let etag = response.headers()[ETAG].to_str().unwrap().to_owned();
    keys.rotate().unwrap();
    let (response, _) = get(&service, asked(Method::GET, Some(&etag))).await;
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "the same keys");
}

#[tokio::test]
async fn the_set_is_mounted_in_axum_and_in_plain_tower() {
    let service = JwksService::new(ed25519("first")).unwrap();
    let app: axum::Router =
        axum::Router::new().route_service("/.well-known/jwks.json", service.clone());
    let request = Request::get("/.well-known/jwks.json");
    let response = app
        .oneshot(request.body(axum::body::Body::empty()).unwrap())
        .await;
    assert_eq!(response.unwrap().status(), StatusCode::OK);

    let plain: Response<Full<Bytes>> = service
        .clone()
        .oneshot(asked(Method::GET, None))
        .await
        .unwrap();
    assert_eq!(plain.status(), StatusCode::OK);
    let boxed = service.with_body::<UnsyncBoxBody<Bytes, std::io::Error>>();
    let boxed = boxed.oneshot(asked(Method::GET, None)).await.unwrap();
    assert!(
        !boxed
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes()
            .is_empty()
    );
}

#[test]
fn a_token_tells_of_its_session_and_login() {
    let clock = ManualClock::new(Timestamp::from_unix_millis(NOW * 1000 + 789));
    let issuer = set_up(JwtIssuer::builder(ed25519("k")))
        .clock(clock)
        .build()
        .unwrap();
    let new = NewJwt::new("alice")
        .session_id("s-1")
        .acr("phr")
        .auth_time(Timestamp::from_unix_secs(NOW - 30));
    let token = issuer.issue(new).unwrap().token.reveal();
    let identity = judge(issuer.verifier(), &token).unwrap();
    assert_eq!(identity.session_id(), Some("s-1"));
    assert_eq!(identity.key_id(), Some("k"));
    assert_eq!(identity.acr(), Some("phr"));
    let login = Timestamp::from_unix_secs(NOW - 30);
    assert_eq!(identity.auth_time(), Some(login));
    let issued = Timestamp::from_unix_millis(NOW * 1000 + 789);
    assert_eq!(identity.issued_at(), Some(issued));
    let claims = part(&token, 1);
    assert_eq!(claims["iat"], NOW);
    assert_eq!(claims["iat_ms"], NOW * 1000 + 789);
    for own in ["sid", "auth_time", "acr", "iat_ms"] {
        let refused = NewJwt::new("alice").claims(&json!({own: 1}));
        assert_eq!(refused.unwrap_err().setting(), "claims");
    }
}

#[test]
fn milliseconds_count_only_within_the_second_that_iat_names() {
    let millis = |iat: Value, iat_ms: Value| {
        let claims = claims_with(json!({"iat": iat, "iat_ms": iat_ms}));
        let identity = judge(plain(), &token_of(claims)).unwrap();
        identity.issued_at().map(Timestamp::as_unix_millis)
    };
    let start = NOW * 1000;
    assert_eq!(millis(json!(NOW), json!(start + 1)), Some(start + 1));
    assert_eq!(millis(json!(NOW), json!(start + 999)), Some(start + 999));
    assert_eq!(millis(json!(NOW), json!(start)), Some(start));
    let fraction = json!(NOW as f64 + 0.5);
    assert_eq!(millis(fraction, json!(start + 600)), Some(start + 600));
    for other in [
        json!(start + 1000),
        json!(start - 1),
        json!(-1),
        json!(i64::MAX),
        json!(start as f64 + 0.5),
        json!((start + 1).to_string()),
        json!([start]),
        json!({"iat_ms": start}),
        json!(true),
    ] {
        assert_eq!(millis(json!(NOW), other.clone()), Some(start), "{other}");
    }
    assert_eq!(millis(Value::Null, json!(start + 1)), None, "without iat");
    let first = judge(
        plain(),
        &token_of(format!(
            r#"{{"iat_ms":{},"iat":{NOW},"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"a","exp":{}}}"#,
            start + 5,
            NOW + 5
        )),
    );
    let issued = first.unwrap().issued_at();
    assert_eq!(
        issued,
        Some(Timestamp::from_unix_millis(start + 5)),
        "in any order"
    );
}

#[test]
fn a_session_id_is_a_string_and_may_be_demanded() {
    let of = |sid: Value| token_of(claims_with(json!({"sid": sid})));
    assert_eq!(
        judge(plain(), &of(json!("s-1"))).unwrap().session_id(),
        Some("s-1")
    );
    for other in [json!(1), json!(["s-1"]), json!({}), json!(true)] {
        assert_refused(judge(plain(), &of(other)), Reason::Invalid, "sid");
    }
    let demanding = || plain().require_claim("sid", "s-1");
    assert!(judge(demanding(), &of(json!("s-1"))).is_ok());
    assert!(judge(demanding(), &of(json!("s-2"))).is_err());
    assert!(plain().require_claim("sid", 1).build().is_err());
    assert!(plain().require_claim("iat_ms", 1).build().is_err());
    assert!(plain().scope_claim("sid").build().is_err());
}

#[track_caller]
fn assert_bad_setting(refused: Result<impl std::fmt::Debug, IssueError>, setting: &str) {
    match refused.unwrap_err() {
        IssueError::Config(error) => assert_eq!(error.setting(), setting),
        other => panic!("{other}"),
    }
}

#[test]
fn a_token_may_ask_for_less_time_and_for_more_only_where_that_was_allowed() {
    let end = |issuer: &JwtIssuer, lifetime| {
        let issued = issuer.issue(NewJwt::new("alice").lifetime(lifetime));
        issued.map(|issued| issued.expires_at.unwrap().since(now()))
    };
    let minute = Duration::from_secs(60);
    let usual = issuer(ed25519("k"));
    assert_eq!(end(&usual, minute).unwrap(), minute);
    assert_eq!(end(&usual, HOUR).unwrap(), HOUR);
    assert_bad_setting(end(&usual, HOUR + Duration::from_millis(1)), "lifetime");
    assert_bad_setting(end(&usual, Duration::from_millis(999)), "lifetime");

    let longer = set_up(JwtIssuer::builder(ed25519("k"))).max_lifetime(24 * HOUR);
    let longer = longer.build().unwrap();
    assert_eq!(end(&longer, 24 * HOUR).unwrap(), 24 * HOUR);
    assert_bad_setting(end(&longer, 25 * HOUR), "lifetime");
    let unsaid = longer.issue(NewJwt::new("alice")).unwrap();
    assert_eq!(unsaid.expires_at, Some(now().saturating_add(HOUR)));
    let shorter = set_up(JwtIssuer::builder(ed25519("k"))).max_lifetime(minute);
    assert_eq!(shorter.build().unwrap_err().setting(), "max_lifetime");
}

#[test]
fn an_issuer_by_rfc_9068_leaves_out_nothing_that_it_asks_for() {
    let issuer = set_up(JwtIssuer::rfc9068(ed25519("k"))).build().unwrap();
    assert_bad_setting(issuer.issue(NewJwt::new("alice")), "client_id");
    assert_bad_setting(
        issuer.issue(NewJwt::new("alice").client_id("")),
        "client_id",
    );
    let endless = NewJwt::new("alice").client_id("web").never_expiring();
    assert_bad_setting(issuer.issue(endless), "never_expiring");
    let good = issuer.issue(NewJwt::new("alice").client_id("web")).unwrap();
    let token = good.token.reveal();
    assert_eq!(part(&token, 0)["typ"], "at+jwt");
    let verifier = JwtVerifier::rfc9068(issuer.keys(), ISSUER, AUDIENCE);
    assert!(judge(verifier, &token).is_ok());
    assert!(judge(issuer.verifier(), &token).is_ok());

    let other = set_up(JwtIssuer::rfc9068(ed25519("k"))).token_type("JWT");
    assert_eq!(other.build().unwrap_err().setting(), "token_type");
    let plain = set_up(JwtIssuer::builder(ed25519("k"))).token_type("JWT");
    let token = issue(&plain.build().unwrap());
    assert_eq!(part(&token, 0)["typ"], "JWT");
}

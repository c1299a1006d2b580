//! Which keys of a published set are taken.

use serde_json::{Value, json};
use tower_bearer::Reason;
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::{Algorithm, CryptoBackend};
use tower_bearer::testing::provider::IdentityProvider;

use crate::service::{Service, assert_admitted, assert_refused, keys_of, provider};

fn fixture(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

fn rsa(algorithm: Algorithm) -> SigningKey {
    let key = SigningKey::from_pem(algorithm, fixture("rsa2048.pk8.pem")).unwrap();
    key.with_kid("rsa")
}

/// The public half of a key, with some members changed; `null` takes one away.
fn jwk(key: &SigningKey, changes: &Value) -> String {
    let mut jwk: Value = serde_json::from_str(&key.verification_key().to_jwk().unwrap()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name);
        } else {
            jwk[name] = value.clone();
        }
    }
    jwk.to_string()
}

fn new_key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::EdDSA)
        .unwrap()
        .with_kid(kid)
}

async fn started(provider: IdentityProvider, algorithms: Option<&[Algorithm]>) -> Service {
    let (_, clock) = self::provider();
    let mut builder = keys_of(&provider, &clock);
    if let Some(algorithms) = algorithms {
        builder = builder.algorithms(algorithms.iter().copied());
    }
    let keys = builder.start().await.unwrap();
    Service::with(provider, clock, keys)
}

#[tokio::test]
async fn bad_keys_are_skipped_and_told_of_and_the_others_are_taken() {
    let (provider, _) = provider();
    let good = new_key("good");
    let small = r#"{"kty": "RSA", "kid": "small", "alg": "RS256", "e": "AQAB", "n": "6S8"}"#;
    let bad = [
        ("enc", jwk(&new_key("enc"), &json!({"use": "enc"})), "use"),
        (
            "wrap",
            jwk(&new_key("wrap"), &json!({"key_ops": ["wrapKey"]})),
            "key_ops",
        ),
        (
            "private",
            jwk(&new_key("private"), &json!({"d": "c2VjcmV0"})),
            "private",
        ),
        (
            "secret",
            json!({"kty": "oct", "kid": "secret", "alg": "HS256", "k": "c".repeat(43)}).to_string(),
            "secret",
        ),
        (
            "unknown",
            json!({"kty": "AKP", "kid": "unknown", "alg": "ML-DSA-44", "pub": "AA"}).to_string(),
            "alg",
        ),
        (
            "curve",
            jwk(&new_key("curve"), &json!({"crv": "Ed448", "alg": null})),
            "crv",
        ),
        ("small", small.to_owned(), "2048"),
        ("good", jwk(&new_key("good"), &json!({})), "same kid"),
        (
            "rsa-oaep",
            jwk(
                &rsa(Algorithm::RS256),
                &json!({"alg": "RSA-OAEP", "kid": "rsa-oaep"}),
            ),
            "alg",
        ),
    ];
    provider.add_jwk(jwk(&good, &json!({})));
    for (_, jwk, _) in &bad {
        provider.add_jwk(jwk.clone());
    }
    provider.add_jwk(jwk(&new_key("x"), &json!({"kid": null})));
    provider.add_jwk(r#""no object""#);
    let (own, last) = (provider.kid(), new_key("last"));
    provider.add_jwk(jwk(&last, &json!({})));

    let service = started(provider, None).await;
    let held = service.keys.load();
    let kids: Vec<_> = held.iter().filter_map(|key| key.kid()).collect();
    assert_eq!(kids, [own.as_str(), "good", "last"]);
    for key in [&good, &last] {
        let token = service.provider.token("alice").signed_by(key).issue();
        assert_admitted(service.at_once(&token).unwrap());
    }
    let status = service.keys.status();
    assert_eq!((status.keys, status.skipped.len()), (3, bad.len() + 2));
    for (skipped, (kid, _, problem)) in status.skipped.iter().zip(&bad) {
        assert_eq!(skipped.kid.as_deref(), Some(*kid));
        assert!(skipped.problem.contains(problem), "{skipped:?}");
    }
    // The provider's own is the first, and `good` the second.
    assert_eq!(status.skipped[0].position, 3);
    let [nameless, no_object] = &status.skipped[bad.len()..] else {
        panic!("two more were skipped");
    };
    assert!(nameless.problem.contains("no kid"), "{nameless:?}");
    assert_eq!(
        (nameless.kid.as_ref(), no_object.kid.as_ref()),
        (None, None)
    );
    assert!(!format!("{status:?}").contains("c2VjcmV0"));
}

#[tokio::test]
async fn an_rsa_key_without_alg_is_for_rs256_unless_algorithms_are_named() {
    let (rs256, ps256) = (rsa(Algorithm::RS256), rsa(Algorithm::PS256));
    let with_key = || {
        let (provider, _) = provider();
        provider.add_jwk(jwk(&rs256, &json!({"alg": null})));
        provider
    };
    let by = |service: &Service, key: &SigningKey| {
        let token = service.provider.token("alice").signed_by(key).issue();
        service.at_once(&token).unwrap()
    };

    let service = started(with_key(), None).await;
    assert_admitted(by(&service, &rs256));
    assert_refused(by(&service, &ps256), Reason::Invalid);

    let both = [Algorithm::RS256, Algorithm::PS256];
    let service = started(with_key(), Some(&both)).await;
    assert_admitted(by(&service, &rs256));
    assert_admitted(by(&service, &ps256));
    // The provider's own key is for EdDSA, which was not named.
    let status = service.keys.status();
    assert_eq!((status.keys, status.skipped.len()), (2, 1));
    assert!(status.skipped[0].problem.contains("EdDSA is not allowed"));
}

#[tokio::test]
async fn a_key_is_for_the_algorithm_that_it_names_alone() {
    let (rs256, rs512) = (rsa(Algorithm::RS256), rsa(Algorithm::RS512));
    let (provider, _) = provider();
    provider.add_jwk(jwk(&rs256, &json!({})));
    let service = started(provider, None).await;
    let token = |key| service.provider.token("alice").signed_by(key).issue();
    assert_admitted(service.at_once(&token(&rs256)).unwrap());
    assert_refused(service.at_once(&token(&rs512)).unwrap(), Reason::Invalid);
}

#[tokio::test]
async fn keys_that_share_a_kid_are_told_apart_by_their_algorithms() {
    let (ed, rs256) = (new_key("shared"), rsa(Algorithm::RS256).with_kid("shared"));
    let (provider, _) = provider();
    provider.add_jwk(jwk(&ed, &json!({})));
    provider.add_jwk(jwk(&rs256, &json!({})));
    let service = started(provider, None).await;
    for key in [&ed, &rs256] {
        let token = service.provider.token("alice").signed_by(key).issue();
        assert_admitted(service.at_once(&token).unwrap());
    }
    assert_eq!(service.keys.status().skipped, []);
}

#[tokio::test]
async fn a_chosen_back_end_verifies() {
    for backend in [CryptoBackend::AwsLcRs, CryptoBackend::RustCrypto] {
        let (provider, clock) = provider();
        let builder = keys_of(&provider, &clock).backend(backend);
        if !backend.is_compiled() {
            builder.start().await.unwrap_err();
            continue;
        }
        let keys = builder.start().await.unwrap();
        assert!(keys.load().iter().all(|key| key.backend() == backend));
        let service = Service::with(provider, clock, keys);
        assert_admitted(service.at_once(&service.token()).unwrap());
    }
}

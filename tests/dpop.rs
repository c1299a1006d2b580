//! Tokens bound to a key (RFC 9449): what a proof must be, and what becomes of a request without a good one.
#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderValue, Method, Request};
use serde_json::json;
use tower_bearer::binding::{
    Binding, Certificates, Dpop, DpopBuilder, NonceKey, PeerAddr, TrustedProxy,
};
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::error::StoreError;
use tower_bearer::identity::Confirmation;
use tower_bearer::issue::{NewJwt, SigningKey};
use tower_bearer::keys::Algorithm;
use tower_bearer::policy::Policy;
use tower_bearer::replay::{MemoryReplayStore, ReplayId, ReplayStore};
use tower_bearer::testing::dpop::{Client, Proof};
use tower_bearer::testing::verifier;
use tower_bearer::{BearerAuthLayer, ConfigError, Reason, Refusal, async_trait};

use support::answers::{Seen, Told};
use support::bound::{
    Desk, SITE, ask, bearing, challenges, dpop, guarded, orders, proved, refusal,
};
use support::verifiers::{Pace, admits_as, alice};

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

#[track_caller]
fn assert_refused(seen: &Seen, reason: Reason, detail: &str) {
    let refusal = refusal(seen);
    assert_eq!(refusal.reason(), reason, "{refusal}");
    assert!(
        refusal.detail().contains(detail),
        "{refusal} says nothing of {detail:?}"
    );
    let error = match reason {
        Reason::InvalidProof | Reason::Replayed => Some("invalid_dpop_proof"),
        Reason::NonceRequired => Some("use_dpop_nonce"),
        Reason::Unproved => Some("invalid_token"),
        Reason::Malformed => Some("invalid_request"),
        _ => None,
    };
    let challenges = challenges(&seen.headers);
    let dpop = challenges.iter().find(|one| one.scheme == "DPoP");
    assert_eq!(dpop.and_then(|one| one.get("error")), error);
}

/// Remembers in memory, after a while; or is out of reach.
#[derive(Debug, Default)]
struct Remote {
    inner: MemoryReplayStore,
    is_down: bool,
    asked: AtomicUsize,
    until: AtomicI64,
}

#[async_trait]
impl ReplayStore for Remote {
    async fn remember_once(
        &self,
        id: &ReplayId,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.until.store(until.as_unix_millis(), Ordering::SeqCst);
        tokio::task::yield_now().await;
        if self.is_down {
            return Err(StoreError::Unavailable {
                store: "remote",
                source: "no route to host".into(),
            });
        }
        self.inner.remember_once(id, until, now).await
    }
}

// --- the ways in

#[tokio::test]
async fn a_bound_token_with_a_good_proof_is_let_in_whatever_is_waited_for() {
    let desk = Desk::new();
    let stores: [Arc<dyn ReplayStore>; 2] = [
        Arc::new(MemoryReplayStore::new()),
        Arc::new(Remote::default()),
    ];
    for pace in Pace::BOTH {
        for store in &stores {
            let dpop = Dpop::builder(store.clone()).url(SITE).build().unwrap();
            let layer = BearerAuthLayer::builder(desk.at_pace(pace))
                .clock(desk.clock.clone())
                .binding(dpop);
            let layer = layer.build().unwrap();
            let inner = support::inner::Inner::default();
            let service = tower::Layer::layer(&layer, inner.clone());
            let token = desk.bound_token();
            let proof = desk.proof(&token);

            let seen = ask(&service, proved(&token, &proof)).await;
            assert_eq!(seen.status, 200, "{pace:?} {store:?}");
            assert!(seen.headers.get("dpop-nonce").is_none());
            let seen = ask(&service, proved(&token, &proof)).await;
            assert_refused(&seen, Reason::Replayed, "before");
            let seen = ask(&service, proved(&token, &proof.clone().claim("jti", ""))).await;
            assert_refused(&seen, Reason::InvalidProof, "jti");
            assert_eq!(inner.calls(), 1);
        }
    }
}

/// RFC 9449 §7.1, figures 12 and 13, with the token and thumbprint of §6.1 and §7.1.
#[tokio::test]
async fn the_proof_of_the_rfc_is_good_where_it_is_for_and_nowhere_else() {
    const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6Ik\
        VDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR\
        nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JE\
        QSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIj\
        oiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0Z\
        WRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNF\
        c05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71E\
        OptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let service = |jkt: &str, url: &str| {
        let identity = alice().with_confirmation(Confirmation::key(jkt).unwrap());
        let dpop = Dpop::builder(Arc::new(MemoryReplayStore::new())).url(url);
        let clock = ManualClock::new(Timestamp::from_unix_secs(1_562_262_618));
        guarded(
            BearerAuthLayer::builder(admits_as(Pace::Now, identity))
                .clock(clock)
                .binding(dpop.build().unwrap()),
        )
    };
    let request = |method: Method, path: &str, token: &str| {
        Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("DPoP {token}"))
            .header("dpop", PROOF)
            .body(String::new())
            .unwrap()
    };
    let here = service(JKT, "https://resource.example.org");
    let get = request(Method::GET, "/protectedresource", TOKEN);
    assert_eq!(ask(&here, get).await.status, 200);

    let post = request(Method::POST, "/protectedresource", TOKEN);
    assert_refused(&ask(&here, post).await, Reason::InvalidProof, "method");
    let other = request(Method::GET, "/another", TOKEN);
    assert_refused(&ask(&here, other).await, Reason::InvalidProof, "URL");
    let other = request(Method::GET, "/protectedresource", "Kz~8mXK1");
    assert_refused(&ask(&here, other).await, Reason::InvalidProof, "token");
    let elsewhere = service(JKT, "https://resource.example.com");
    let get = request(Method::GET, "/protectedresource", TOKEN);
    assert_refused(&ask(&elsewhere, get).await, Reason::InvalidProof, "URL");
    // Of another key: RFC 8705, appendix A, has a thumbprint at hand.
    let another = service(
        "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0",
        "https://resource.example.org",
    );
    let get = request(Method::GET, "/protectedresource", TOKEN);
    assert_refused(&ask(&another, get).await, Reason::Unproved, "another key");
}

#[tokio::test]
async fn a_token_that_is_bound_to_nothing_comes_by_bearer_and_not_by_dpop() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let token = desk.free_token();
    assert_eq!(ask(&service, bearing(&token)).await.status, 200);
    let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
    assert_refused(&seen, Reason::Unproved, "not bound");
}

#[tokio::test]
async fn a_token_that_is_bound_to_a_key_does_not_come_by_bearer_not_even_with_its_proof() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let token = desk.bound_token();
    let seen = ask(&service, bearing(&token)).await;
    assert_refused(&seen, Reason::Unproved, "Bearer");
    let (bearer, proof) = (format!("Bearer {token}"), desk.proof(&token).sign());
    let seen = ask(
        &service,
        orders(&[("authorization", &bearer), ("dpop", &proof)]),
    )
    .await;
    assert_refused(&seen, Reason::Unproved, "Bearer");
}

#[tokio::test]
async fn bound_tokens_alone_may_be_demanded() {
    let desk = Desk::new();
    let binding = Binding::of(dpop().build().unwrap()).bound_tokens_only();
    let service = guarded(desk.layer(binding));
    let free = desk.free_token();
    let seen = ask(&service, bearing(&free)).await;
    assert_refused(&seen, Reason::Unproved, "bound to nothing");
    assert_eq!(challenges(&seen.headers).len(), 1);
    let token = desk.bound_token();
    let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn without_a_binding_dpop_is_another_scheme_and_a_bound_token_is_not_let_in() {
    let desk = Desk::new();
    let token = desk.bound_token();
    for pace in Pace::BOTH {
        let layer = || BearerAuthLayer::builder(desk.at_pace(pace)).clock(desk.clock.clone());
        let service = guarded(layer());
        let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
        assert_eq!(refusal(&seen).reason(), Reason::OtherScheme);
        assert_eq!(seen.challenge().names(), Vec::<&str>::new());
        let seen = ask(&service, bearing(&token)).await;
        assert_eq!(refusal(&seen).reason(), Reason::Unproved);
        Told::INVALID.assert_http(&seen, None);

        let optional = guarded(layer().optional());
        let seen = ask(&optional, bearing(&token)).await;
        assert_eq!(refusal(&seen).reason(), Reason::Unproved);
    }
}

/// The door does not rely on each verifier to know of bindings.
#[tokio::test]
async fn a_verifier_that_lets_bound_tokens_pass_lets_nobody_in() {
    let confirmation = Client::new().confirmation();
    for pace in Pace::BOTH {
        let identity = alice().with_confirmation(confirmation.clone());
        let service = guarded(BearerAuthLayer::builder(admits_as(pace, identity)));
        let seen = ask(&service, bearing("x")).await;
        assert_eq!(refusal(&seen).reason(), Reason::Unproved);
        assert_eq!(refusal(&seen).credential_id(), Some("cred-7"));
    }
}

#[tokio::test]
async fn the_jwt_verifier_keeps_the_rule_for_bound_tokens() {
    let desk = Desk::new();
    let token = desk.bound_token();
    verifier::bound(Arc::new(desk.verifier()), desk.now(), &token).await;
    #[cfg(feature = "cache")]
    {
        use tower_bearer::verifier::{CacheSettings, TokenVerifierExt};
        let cached = desk.verifier().cached(CacheSettings::new()).unwrap();
        verifier::bound(Arc::new(cached), desk.now(), &token).await;
    }
}

/// A lookup may make an identity of its own; the token is bound all the same.
#[tokio::test]
async fn an_identity_that_was_looked_up_stays_bound() {
    use tower_bearer::verifier::TokenVerifierExt;

    let desk = Desk::new();
    let verifier = desk.verifier().enriched((), async |(), _| Ok(alice()));
    let layer = BearerAuthLayer::builder(verifier)
        .clock(desk.clock.clone())
        .binding(dpop().build().unwrap());
    let service = guarded(layer);
    let token = desk.bound_token();
    let seen = ask(&service, bearing(&token)).await;
    assert_refused(&seen, Reason::Unproved, "Bearer");
    let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn a_caller_may_stay_anonymous_where_that_is_allowed_and_a_bad_proof_is_no_way_to_it() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()).optional());
    let token = desk.bound_token();
    assert_eq!(ask(&service, orders(&[])).await.status, 200);
    let proof = desk.proof(&token).sign();
    assert_eq!(ask(&service, orders(&[("dpop", &proof)])).await.status, 200);
    let seen = ask(
        &service,
        proved(&token, &desk.proof(&token).claim("htm", "PUT")),
    )
    .await;
    assert_refused(&seen, Reason::InvalidProof, "method");
    let seen = ask(&service, orders(&[("authorization", "DPoP")])).await;
    assert_refused(&seen, Reason::Malformed, "token");
}

#[tokio::test]
async fn the_credential_is_read_as_strictly_under_dpop_as_under_bearer() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let token = desk.bound_token();
    for good in [format!("dpop {token}"), format!("DPOP   {token}")] {
        let proof = desk.proof(&token).sign();
        let request = orders(&[("authorization", &good), ("dpop", &proof)]);
        assert_eq!(ask(&service, request).await.status, 200, "{good}");
    }
    for bad in [
        format!("DPoP\t{token}"),
        format!("DPoP {token} x"),
        format!("DPoP {token}, Bearer {token}"),
        format!("DPoP {token}, DPoP {token}"),
        format!("Basic x, DPoP {token}"),
        format!("DPoP: {token}"),
        "DPoP ".to_owned(),
    ] {
        let proof = desk.proof(&token).sign();
        let request = orders(&[("authorization", &bad), ("dpop", &proof)]);
        assert_eq!(
            refusal(&ask(&service, request).await).reason(),
            Reason::Malformed,
            "{bad}"
        );
    }
    let two = format!("DPoP {token}");
    let proof = desk.proof(&token).sign();
    let request = orders(&[
        ("authorization", &two),
        ("authorization", &two),
        ("dpop", &proof),
    ]);
    assert_eq!(
        refusal(&ask(&service, request).await).reason(),
        Reason::Malformed
    );
}

// --- what a proof must be

type Change = fn(Proof<'_>) -> Proof<'_>;

#[tokio::test]
async fn each_fault_of_a_proof_is_refused_with_a_word_for_the_log() {
    let table: &[(&str, Change)] = &[
        ("typ", |proof| proof.without_header("typ")),
        ("typ", |proof| proof.header("typ", "JWT")),
        ("typ", |proof| proof.header("typ", "at+jwt")),
        ("typ", |proof| proof.header("typ", json!(["dpop+jwt"]))),
        ("no alg", |proof| proof.without_header("alg")),
        ("alg", |proof| proof.header("alg", "none")),
        ("alg", |proof| proof.header("alg", "HS256")),
        ("alg", |proof| proof.header("alg", "RS256")),
        ("alg", |proof| proof.header("alg", "eddsa")),
        ("jwk", |proof| proof.header("alg", "ES256")),
        ("no jwk", |proof| proof.without_header("jwk")),
        ("jwk", |proof| proof.header("jwk", "x")),
        ("jwk", |proof| proof.header("jwk", json!({}))),
        ("jwk", |proof| {
            proof.header("jwk", json!({"kty": "oct", "k": "A".repeat(43)}))
        }),
        ("crit", |proof| proof.header("crit", json!(["exp"]))),
        ("crit", |proof| proof.header("b64", false)),
        ("jti", |proof| proof.without_claim("jti")),
        ("jti", |proof| proof.claim("jti", "")),
        ("jti", |proof| proof.claim("jti", 7)),
        ("jti", |proof| proof.claim("jti", "x".repeat(257))),
        ("htm", |proof| proof.without_claim("htm")),
        ("method", |proof| proof.claim("htm", "POST")),
        ("method", |proof| proof.claim("htm", "get")),
        ("htm", |proof| proof.claim("htm", json!(["GET"]))),
        ("htu", |proof| proof.without_claim("htu")),
        ("htu", |proof| proof.claim("htu", "/orders")),
        ("htu", |proof| proof.claim("htu", json!({}))),
        ("URL", |proof| {
            proof.claim("htu", "http://api.example.com/orders")
        }),
        ("URL", |proof| {
            proof.claim("htu", "https://api.example.org/orders")
        }),
        ("URL", |proof| {
            proof.claim("htu", "https://api.example.com/orders/")
        }),
        ("URL", |proof| {
            proof.claim("htu", "https://api.example.com/Orders")
        }),
        ("URL", |proof| {
            proof.claim("htu", "https://api.example.com:8443/orders")
        }),
        ("htu", |proof| {
            proof.claim("htu", "https://me@api.example.com/orders")
        }),
        ("iat", |proof| proof.without_claim("iat")),
        ("iat", |proof| proof.claim("iat", "1700000000")),
        ("old", |proof| proof.claim("iat", 0)),
        ("old", |proof| proof.claim("iat", i64::MIN)),
        ("future", |proof| proof.claim("iat", i64::MAX)),
        ("future", |proof| proof.claim("iat", 1e300)),
        ("ath", |proof| proof.without_claim("ath")),
        ("ath", |proof| proof.claim("ath", json!(null))),
        ("another token", |proof| proof.claim("ath", "")),
        ("another token", |proof| {
            proof.claim("ath", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo")
        }),
        ("nonce", |proof| proof.claim("nonce", 1)),
    ];
    let desk = Desk::new();
    let remote = Arc::new(Remote::default());
    let dpop = Dpop::builder(remote.clone()).url(SITE).build().unwrap();
    let service = guarded(desk.layer(dpop));
    let token = desk.bound_token();
    for (detail, change) in table {
        let proof = change(desk.proof(&token));
        let seen = ask(&service, proved(&token, &proof)).await;
        assert_refused(&seen, Reason::InvalidProof, detail);
    }
    assert_eq!(
        remote.asked.load(Ordering::SeqCst),
        0,
        "no id is used up by a bad proof"
    );
    // And what is no fault.
    let harmless: &[Change] = &[
        |proof| proof,
        |proof| proof.header("typ", "DPoP+JWT"),
        |proof| proof.header("typ", "application/dpop+jwt"),
        |proof| proof.header("kid", "mine"),
        |proof| proof.claim("nonce", "of somebody else"),
        |proof| proof.claim("jti", "x".repeat(256)),
        |proof| proof.claim("htu", "HTTPS://API.example.com:443/orders?page=2#top"),
        |proof| proof.claim("htu", "https://api.example.com/a/../%6Frders"),
        |proof| proof.claim("sub", "alice"),
    ];
    for change in harmless {
        let proof = change(desk.proof(&token));
        let seen = ask(&service, proved(&token, &proof)).await;
        assert_eq!(seen.status, 200, "{proof:?} {}", seen.text());
    }
}

#[tokio::test]
async fn there_is_one_proof_and_it_is_a_jwt() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let token = desk.bound_token();
    let authorization = format!("DPoP {token}");
    let good = || desk.proof(&token).sign();
    let with = |proofs: &[&str]| {
        let mut request = orders(&[("authorization", &authorization)]);
        for proof in proofs {
            request.headers_mut().append("dpop", proof.parse().unwrap());
        }
        request
    };
    let seen = ask(&service, with(&[])).await;
    assert_refused(&seen, Reason::InvalidProof, "no proof");
    let seen = ask(&service, with(&[&good(), &good()])).await;
    assert_refused(&seen, Reason::InvalidProof, "several");
    let seen = ask(&service, with(&[&good(), ""])).await;
    assert_refused(&seen, Reason::InvalidProof, "several");
    let folded = format!("{},{}", good(), good());
    for bad in [
        "",
        ".",
        "..",
        "...",
        "x",
        "a.b.c",
        &folded,
        &"x".repeat(9000),
    ] {
        let seen = ask(&service, with(&[bad])).await;
        assert_eq!(refusal(&seen).reason(), Reason::InvalidProof, "{bad}");
    }
    let mut request = with(&[]);
    let bytes = HeaderValue::from_bytes(b"\xff.\xff.\xff").unwrap();
    request.headers_mut().insert("dpop", bytes);
    assert_refused(&ask(&service, request).await, Reason::InvalidProof, "JWT");

    let proof = good();
    let (start, signature) = proof.rsplit_once('.').unwrap();
    let flipped = if signature.starts_with('A') { 'B' } else { 'A' };
    for broken in [
        format!("{start}."),
        format!("{start}.{flipped}{}", &signature[1..]),
        format!("{start}.{signature}="),
        format!("{start}.{signature}AAAA"),
        format!("{proof}.{signature}"),
        format!(" {proof}"),
    ] {
        let seen = ask(&service, with(&[&broken])).await;
        assert_eq!(refusal(&seen).reason(), Reason::InvalidProof, "{broken}");
    }
    assert_eq!(ask(&service, with(&[&proof])).await.status, 200);
}

#[tokio::test]
async fn a_proof_by_another_key_proves_nothing() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let token = desk.bound_token();
    let thief = Client::new();
    let url = format!("{SITE}/orders");
    let theirs = thief.proof("GET", &url, &token).at(desk.now());
    let seen = ask(&service, proved(&token, &theirs)).await;
    assert_refused(&seen, Reason::Unproved, "another key");
    // Their signature under the holder's key is none.
    let parts = desk.proof(&token).sign();
    let jwk = jwk_of(&parts);
    let seen = ask(&service, proved(&token, &theirs.header("jwk", jwk))).await;
    assert_refused(&seen, Reason::InvalidProof, "signature");
}

fn jwk_of(proof: &str) -> serde_json::Value {
    let header = proof.split('.').next().unwrap();
    let header = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(header).unwrap();
    serde_json::from_slice::<serde_json::Value>(&header).unwrap()["jwk"].clone()
}

#[tokio::test]
async fn a_key_with_its_private_part_is_refused() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let token = desk.bound_token();
    for member in ["d", "p", "k", "oth"] {
        let mut jwk = jwk_of(&desk.proof(&token).sign());
        jwk[member] = json!("AAAA");
        let seen = ask(
            &service,
            proved(&token, &desk.proof(&token).header("jwk", jwk)),
        )
        .await;
        assert_refused(&seen, Reason::InvalidProof, "jwk");
    }
    for (member, value) in [
        ("use", json!("enc")),
        ("key_ops", json!(["sign"])),
        ("alg", json!("ES256")),
        ("x", json!("AAAA")),
    ] {
        let mut jwk = jwk_of(&desk.proof(&token).sign());
        jwk[member] = value;
        let seen = ask(
            &service,
            proved(&token, &desk.proof(&token).header("jwk", jwk)),
        )
        .await;
        assert_refused(&seen, Reason::InvalidProof, "jwk");
    }
}

#[tokio::test]
async fn keys_of_each_algorithm_that_is_allowed_prove_possession() {
    let mut desk = Desk::new();
    let algorithms = [
        (Algorithm::ES256, "p256.pk8.pem"),
        (Algorithm::ES384, "p384.pk8.pem"),
        (Algorithm::PS256, "rsa2048.pk8.pem"),
        (Algorithm::RS256, "rsa2048.pk8.pem"),
        (Algorithm::EdDSA, "ed25519.pk8.pem"),
    ];
    let all = algorithms.map(|(algorithm, _)| algorithm);
    let service = guarded(desk.layer(dpop().algorithms(all).build().unwrap()));
    let narrow = guarded(desk.layer(dpop().build().unwrap()));
    for (algorithm, pem) in algorithms {
        let path = format!("{}/tests/fixtures/{pem}", env!("CARGO_MANIFEST_DIR"));
        let pem = std::fs::read(path).unwrap();
        desk.client = Client::with_key(SigningKey::from_pem(algorithm, pem).unwrap());
        let token = desk.bound_token();
        let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
        assert_eq!(seen.status, 200, "{algorithm} {}", seen.text());
        let seen = ask(&narrow, proved(&token, &desk.proof(&token))).await;
        let is_usual = matches!(
            algorithm,
            Algorithm::ES256 | Algorithm::PS256 | Algorithm::EdDSA
        );
        assert_eq!(seen.status == 200, is_usual, "{algorithm}");
    }
}

// --- time

#[tokio::test]
async fn a_proof_is_good_from_the_leeway_before_to_its_greatest_age_and_not_a_millisecond_longer() {
    let desk = Desk::new();
    let binding = dpop()
        .max_age(30 * SECOND)
        .leeway(3 * SECOND)
        .build()
        .unwrap();
    let service = guarded(desk.layer(binding));
    let token = desk.bound_token();
    desk.clock.advance(60 * SECOND);
    let made = desk.now();
    let good_at = async |at: Timestamp| {
        desk.clock.set(at);
        let proof = desk.proof(&token).at(made);
        ask(&service, proved(&token, &proof)).await
    };
    let early = made.saturating_sub(3 * SECOND);
    assert_eq!(good_at(early).await.status, 200);
    assert_refused(
        &good_at(early.saturating_sub(MILLI)).await,
        Reason::InvalidProof,
        "future",
    );
    let end = made.saturating_add(30 * SECOND);
    assert_eq!(good_at(end.saturating_sub(MILLI)).await.status, 200);
    assert_refused(&good_at(end).await, Reason::InvalidProof, "too old");
}

#[tokio::test]
async fn a_proof_is_used_once_for_as_long_as_it_would_be_good() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let token = desk.bound_token();
    let proof = desk.proof(&token);
    let made = desk.now();
    assert_eq!(ask(&service, proved(&token, &proof)).await.status, 200);
    for millis in [0, 1, 30_000, 59_999] {
        desk.clock
            .set(made.saturating_add(Duration::from_millis(millis)));
        let seen = ask(&service, proved(&token, &proof)).await;
        assert_refused(&seen, Reason::Replayed, "before");
    }
    desk.clock.set(made.saturating_add(60 * SECOND));
    let seen = ask(&service, proved(&token, &proof)).await;
    assert_refused(&seen, Reason::InvalidProof, "too old");
    // Another node's clock, behind by the leeway, takes it for good still, and knows it.
    desk.clock.set(made.saturating_add(59 * SECOND));
    let seen = ask(&service, proved(&token, &proof)).await;
    assert_refused(&seen, Reason::Replayed, "before");
}

#[tokio::test]
async fn a_proof_is_remembered_until_no_clock_within_the_leeway_would_take_it() {
    let desk = Desk::new();
    let store = Arc::new(Remote::default());
    let dpop = Dpop::builder(store.clone()).url(SITE);
    let dpop = dpop.max_age(40 * SECOND).leeway(7 * SECOND);
    let service = guarded(desk.layer(dpop.build().unwrap()));
    let token = desk.bound_token();
    let made = desk.now();
    let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
    assert_eq!(seen.status, 200);
    let until = Timestamp::from_unix_millis(store.until.load(Ordering::SeqCst));
    assert_eq!(until, made.saturating_add(47 * SECOND));
}

#[tokio::test]
async fn nodes_that_share_a_store_take_a_proof_once_between_them() {
    let desk = Desk::new();
    let store: Arc<dyn ReplayStore> = Arc::new(Remote::default());
    let node = || guarded(desk.layer(Dpop::builder(store.clone()).url(SITE).build().unwrap()));
    let nodes = [node(), node(), node()];
    let token = desk.bound_token();
    for _ in 0..10 {
        let proof = desk.proof(&token);
        let asked = nodes
            .iter()
            .chain(&nodes)
            .map(|node| ask(node, proved(&token, &proof)));
        let seen = join_all(asked).await;
        let let_in = seen.iter().filter(|seen| seen.status == 200).count();
        assert_eq!(let_in, 1);
    }
}

/// Waits for all, each of which may go on before the others are over.
async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        let mut is_over = true;
        for (future, done) in &mut waiting {
            if done.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(output) => *done = Some(output),
                    std::task::Poll::Pending => is_over = false,
                }
            }
        }
        match is_over {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    waiting.into_iter().map(|(_, done)| done.unwrap()).collect()
}

#[tokio::test]
async fn one_clients_ids_are_no_matter_to_another() {
    let mut desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    for _ in 0..2 {
        desk.client = Client::new();
        let token = desk.bound_token();
        let proof = desk.proof(&token).claim("jti", "1");
        assert_eq!(ask(&service, proved(&token, &proof)).await.status, 200);
        let renewed = desk.bound_token();
        let proof = desk.proof(&renewed).claim("jti", "1");
        let seen = ask(&service, proved(&renewed, &proof)).await;
        assert_refused(&seen, Reason::Replayed, "before");
    }
}

#[tokio::test]
async fn where_the_store_of_proofs_is_down_nobody_is_let_in_and_nobody_is_blamed() {
    let desk = Desk::new();
    let store = Remote {
        is_down: true,
        ..Remote::default()
    };
    let dpop = Dpop::builder(Arc::new(store)).url(SITE).build().unwrap();
    let service = guarded(desk.layer(dpop));
    let token = desk.bound_token();
    let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
    Told::DOWN.assert_http(&seen, None);
    assert_eq!(refusal(&seen).reason(), Reason::Unavailable);
    assert!(std::error::Error::source(refusal(&seen)).is_some());
}

#[tokio::test]
async fn a_policy_is_held_against_a_proved_caller_and_the_proof_is_used_up() {
    let desk = Desk::new();
    let layer = desk
        .layer(dpop().build().unwrap())
        .require(Policy::scope("orders:read"));
    let service = guarded(layer);
    let token = desk.bound_token();
    let proof = desk.proof(&token);
    let seen = ask(&service, proved(&token, &proof)).await;
    assert_eq!(refusal(&seen).reason(), Reason::InsufficientScope);
    for challenge in challenges(&seen.headers) {
        assert_eq!(challenge.get("error"), Some("insufficient_scope"));
        assert_eq!(challenge.get("scope"), Some("orders:read"));
    }
    let seen = ask(&service, proved(&token, &proof)).await;
    assert_refused(&seen, Reason::Replayed, "before");
}

// --- URLs

/// Asks for `path` with a proof for `url`.
async fn asked(
    desk: &Desk,
    dpop: DpopBuilder,
    path: &str,
    url: &str,
    dress: impl FnOnce(&mut Request<String>),
) -> Seen {
    let service = guarded(desk.layer(dpop.build().unwrap()));
    let token = desk.bound_token();
    let proof = desk.client.proof("GET", url, &token).at(desk.now());
    let mut request = proved(&token, &proof);
    *request.uri_mut() = path.parse().unwrap();
    dress(&mut request);
    ask(&service, request).await
}

#[tokio::test]
async fn behind_a_proxy_the_url_is_the_one_that_was_stated() {
    let desk = Desk::new();
    let stated = || dpop().url("https://www.example.com/api/");
    for (path, url, is_good) in [
        ("/orders", "https://api.example.com/orders", true),
        ("/orders?page=2", "https://api.example.com/orders", true),
        ("/orders", "https://www.example.com/api/orders", true),
        ("/", "https://www.example.com/api", true),
        ("/", "https://www.example.com/api/", true),
        ("/", "https://api.example.com", true),
        ("/orders", "https://www.example.com/orders", false),
        ("/orders", "https://www.example.com/api/../orders", false),
        ("/api/orders", "https://www.example.com/api/orders", false),
        ("/a/../orders", "https://api.example.com/orders", false),
        ("/a/../orders", "https://api.example.com/a/../orders", false),
        ("//orders", "https://api.example.com/orders", false),
        (
            "http://internal:8080/orders",
            "https://api.example.com/orders",
            true,
        ),
        (
            "http://internal:8080/orders",
            "http://internal:8080/orders",
            false,
        ),
    ] {
        let seen = asked(&desk, stated(), path, url, |_| {}).await;
        assert_eq!(seen.status == 200, is_good, "{path} {url} {}", seen.text());
        // Whatever host the request names.
        let seen = asked(&desk, stated(), path, url, |request| {
            let host = HeaderValue::from_static("evil.example");
            request.headers_mut().insert("host", host.clone());
            request.headers_mut().insert("x-forwarded-host", host);
        });
        assert_eq!(seen.await.status == 200, is_good, "{path} {url}");
    }
}

#[tokio::test]
async fn what_a_proxy_forwards_is_believed_of_the_proxy_alone() {
    let desk = Desk::new();
    let proxied = || {
        let proxy = TrustedProxy::at(["10.0.0.1".parse().unwrap()]);
        Dpop::builder(Arc::new(MemoryReplayStore::new())).url_from_proxy(proxy)
    };
    let forwarded = |request: &mut Request<String>, peer: &str, hosts: &[&'static str]| {
        let proto = HeaderValue::from_static("https");
        request.headers_mut().insert("x-forwarded-proto", proto);
        for host in hosts {
            let host = HeaderValue::from_static(host);
            request.headers_mut().append("x-forwarded-host", host);
        }
        if !peer.is_empty() {
            let peer = PeerAddr(peer.parse().unwrap());
            request.extensions_mut().insert(peer);
        }
    };
    let url = "https://api.example.com/orders";
    let api: &[&str] = &["api.example.com"];
    for (peer, hosts, is_good) in [
        ("10.0.0.1", api, true),
        ("::ffff:10.0.0.1", api, true),
        ("10.0.0.1", &["API.example.com:443"], true),
        ("10.0.0.2", api, false),
        ("", api, false),
        ("10.0.0.1", &[], false),
        ("10.0.0.1", &["evil.example"], false),
        ("10.0.0.1", &["api.example.com", "api.example.com"], false),
        ("10.0.0.1", &["api.example.com, api.example.com"], false),
        ("10.0.0.1", &["api.example.com/v1"], false),
        ("10.0.0.1", &["x@api.example.com"], false),
    ] {
        let seen = asked(&desk, proxied(), "/orders", url, |request| {
            forwarded(request, peer, hosts);
        });
        assert_eq!(seen.await.status == 200, is_good, "{peer} {hosts:?}");
    }
    let seen = asked(
        &desk,
        proxied(),
        "/orders",
        "http://api.example.com/orders",
        |request| {
            forwarded(request, "10.0.0.1", api);
        },
    );
    assert_refused(&seen.await, Reason::InvalidProof, "URL");
}

#[tokio::test]
async fn the_host_that_a_request_names_is_believed_where_that_was_asked_for() {
    let desk = Desk::new();
    let believing = || Dpop::builder(Arc::new(MemoryReplayStore::new())).believe_host();
    let url = "https://api.example.com/orders";
    let host = |name: &'static str| {
        move |request: &mut Request<String>| {
            let name = HeaderValue::from_static(name);
            request.headers_mut().append("host", name);
        }
    };
    let seen = asked(&desk, believing(), "/orders", url, host("api.example.com")).await;
    assert_eq!(seen.status, 200);
    let seen = asked(
        &desk,
        believing(),
        "http://api.example.com/orders",
        url,
        |_| {},
    )
    .await;
    assert_eq!(seen.status, 200, "HTTP/2 has it in the URL");
    let seen = asked(&desk, believing(), "/orders", url, host("evil.example")).await;
    assert_refused(&seen, Reason::InvalidProof, "URL");
    let seen = asked(&desk, believing(), "/orders", url, |_| {}).await;
    assert_refused(&seen, Reason::InvalidProof, "URL");
    let seen = asked(&desk, believing(), "/orders", url, |request| {
        host("api.example.com")(request);
        host("api.example.com")(request);
    });
    assert_refused(&seen.await, Reason::InvalidProof, "URL");
    let plain = Dpop::builder(Arc::new(MemoryReplayStore::new())).believe_host_without_tls();
    let seen = asked(
        &desk,
        plain,
        "/orders",
        "http://localhost:8080/orders",
        host("localhost:8080"),
    );
    assert_eq!(seen.await.status, 200);
}

// --- nonces

#[tokio::test]
async fn a_client_is_told_a_nonce_and_goes_on_with_it() {
    let desk = Desk::new();
    let binding = || {
        dpop()
            .require_nonce(NonceKey::random().unwrap())
            .build()
            .unwrap()
    };
    let service = guarded(desk.layer(binding()));
    let token = desk.bound_token();
    let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
    assert_refused(&seen, Reason::NonceRequired, "no nonce");
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    let nonce = seen.header("dpop-nonce").unwrap().to_owned();

    let seen = ask(&service, proved(&token, &desk.proof(&token).nonce(&nonce))).await;
    assert_eq!(seen.status, 200);
    assert_eq!(seen.header("dpop-nonce"), None, "the client's is fresh");
    // Its clock may say what it will.
    for iat in [0, 1, i64::MAX] {
        let proof = desk.proof(&token).nonce(&nonce).claim("iat", iat);
        assert_eq!(ask(&service, proved(&token, &proof)).await.status, 200);
    }
    let proof = desk.proof(&token).nonce(&nonce);
    assert_eq!(ask(&service, proved(&token, &proof)).await.status, 200);
    let seen = ask(&service, proved(&token, &proof)).await;
    assert_refused(&seen, Reason::Replayed, "before");

    for strange in [
        "",
        "x",
        &nonce[1..],
        &format!("{nonce}A"),
        &nonce.to_uppercase(),
    ] {
        let seen = ask(&service, proved(&token, &desk.proof(&token).nonce(strange))).await;
        assert_refused(&seen, Reason::NonceRequired, "none of ours");
        assert_eq!(seen.header("dpop-nonce"), Some(&*nonce));
    }
    let other = guarded(desk.layer(binding()));
    let seen = ask(&other, proved(&token, &desk.proof(&token).nonce(&nonce))).await;
    assert_refused(&seen, Reason::NonceRequired, "none of ours");
}

#[tokio::test]
async fn a_nonce_is_renewed_with_a_good_answer_before_it_is_too_old() {
    let desk = Desk::new();
    let key = NonceKey::from_secret([7; 32]).unwrap();
    let node = || {
        let dpop = dpop()
            .require_nonce(key.clone())
            .nonce_lifetime(10 * SECOND);
        guarded(desk.layer(dpop.build().unwrap()))
    };
    // Two nodes with one key know one another's nonces.
    let (service, other) = (node(), node());
    let token = desk.bound_token();
    // At the beginning of a slot.
    let start = Timestamp::from_unix_secs(1_700_000_000);
    desk.clock.set(start);
    let seen = ask(&service, proved(&token, &desk.proof(&token))).await;
    let first = seen.header("dpop-nonce").unwrap().to_owned();

    desk.clock
        .set(start.saturating_add(10 * SECOND).saturating_sub(MILLI));
    let seen = ask(&other, proved(&token, &desk.proof(&token).nonce(&first))).await;
    assert_eq!(
        (seen.status.as_u16(), seen.header("dpop-nonce")),
        (200, None)
    );

    desk.clock.set(start.saturating_add(10 * SECOND));
    let seen = ask(&other, proved(&token, &desk.proof(&token).nonce(&first))).await;
    assert_eq!(seen.status, 200);
    let second = seen.header("dpop-nonce").unwrap().to_owned();
    assert_ne!(first, second);
    assert_eq!(seen.header("cache-control"), Some("no-store"));
    let seen = ask(&service, proved(&token, &desk.proof(&token).nonce(&second))).await;
    assert_eq!(
        (seen.status.as_u16(), seen.header("dpop-nonce")),
        (200, None)
    );
    // A node whose clock is a little behind takes it too.
    desk.clock.set(start.saturating_add(9 * SECOND));
    let seen = ask(&service, proved(&token, &desk.proof(&token).nonce(&second))).await;
    assert_eq!(seen.status, 200);

    desk.clock
        .set(start.saturating_add(20 * SECOND).saturating_sub(MILLI));
    let seen = ask(&service, proved(&token, &desk.proof(&token).nonce(&first))).await;
    assert_eq!(seen.status, 200);
    desk.clock.set(start.saturating_add(20 * SECOND));
    let seen = ask(&service, proved(&token, &desk.proof(&token).nonce(&first))).await;
    assert_refused(&seen, Reason::NonceRequired, "too old");
}

#[tokio::test]
async fn a_refusal_for_another_reason_spares_nobody_their_nonce() {
    let desk = Desk::new();
    let dpop = dpop().require_nonce(NonceKey::random().unwrap());
    let service = guarded(desk.layer(dpop.build().unwrap()));
    let token = desk.bound_token();
    let thief = Client::new();
    let url = format!("{SITE}/orders");
    let theirs = thief.proof("GET", &url, &token).at(desk.now());
    let seen = ask(&service, proved(&token, &theirs)).await;
    assert_refused(&seen, Reason::Unproved, "another key");
    assert_eq!(seen.header("dpop-nonce"), None);
}

#[test]
fn the_key_of_nonces_does_not_print() {
    let key = NonceKey::from_secret([0x41; 32]).unwrap();
    let dpop = dpop().require_nonce(key.clone()).build().unwrap();
    let printed = format!("{key:?} {dpop:?}");
    assert!(printed.contains("REDACTED"));
    assert!(!printed.contains("AAAA") && !printed.contains("65, 65") && !printed.contains("4141"));
}

// --- challenges

#[tokio::test]
async fn a_layer_that_takes_both_schemes_challenges_in_both() {
    let desk = Desk::new();
    let layer = desk.layer(dpop().build().unwrap()).realm("orders");
    let service = guarded(layer);
    let of = async |request| challenges(&ask(&service, request).await.headers);
    for challenges in [
        of(orders(&[])).await,
        of(orders(&[("authorization", "Basic x")])).await,
    ] {
        let [bearer, dpop] = &challenges[..] else {
            panic!("{challenges:?}")
        };
        assert_eq!((&*bearer.scheme, &*dpop.scheme), ("Bearer", "DPoP"));
        assert_eq!(bearer.names(), ["realm"]);
        assert_eq!(dpop.names(), ["realm", "algs"]);
        assert_eq!(dpop.get("algs"), Some("ES256 EdDSA PS256"));
    }
    let [bearer, dpop] = &of(bearing("junk")).await[..] else {
        panic!("two challenges")
    };
    assert_eq!(bearer.get("error"), Some("invalid_token"));
    assert_eq!(dpop.get("error"), Some("invalid_token"));
    let token = desk.bound_token();
    let proof = desk.proof(&token).claim("htm", "PUT");
    let [bearer, dpop] = &of(proved(&token, &proof)).await[..] else {
        panic!("two challenges")
    };
    assert_eq!(bearer.get("error"), None);
    assert_eq!(dpop.get("error"), Some("invalid_dpop_proof"));
    assert_eq!(dpop.get("algs"), Some("ES256 EdDSA PS256"));
}

#[tokio::test]
async fn a_layer_is_challenging_in_the_schemes_that_it_takes() {
    let desk = Desk::new();
    let schemes = async |binding: Binding| {
        let seen = ask(&guarded(desk.layer(binding)), orders(&[])).await;
        let schemes = challenges(&seen.headers).into_iter().map(|one| one.scheme);
        schemes.collect::<Vec<_>>()
    };
    let dpop = || Binding::of(dpop().build().unwrap());
    assert_eq!(schemes(dpop()).await, ["Bearer", "DPoP"]);
    assert_eq!(schemes(dpop().bound_tokens_only()).await, ["DPoP"]);
    let both = || dpop().and(Certificates::of_connection());
    // A token bound to a certificate comes by Bearer.
    assert_eq!(
        schemes(both().bound_tokens_only()).await,
        ["Bearer", "DPoP"]
    );
    assert_eq!(
        schemes(Certificates::of_connection().into()).await,
        ["Bearer"]
    );
}

#[tokio::test]
async fn a_grpc_client_is_challenged_and_told_the_nonce_in_its_metadata() {
    let desk = Desk::new();
    let dpop = dpop().require_nonce(NonceKey::random().unwrap());
    let service = guarded(desk.layer(dpop.build().unwrap()));
    let token = desk.bound_token();
    let url = format!("{SITE}/demo.Greeter/Hello");
    let proof = || desk.client.proof("POST", &url, &token).at(desk.now());
    let call = |proof: &Proof<'_>| {
        let mut request = support::answers::grpc_request("/demo.Greeter/Hello", &[]);
        let headers = request.headers_mut();
        headers.insert("authorization", format!("DPoP {token}").parse().unwrap());
        headers.insert("dpop", proof.sign().parse().unwrap());
        request
    };
    let seen = ask(&service, call(&proof())).await;
    assert_eq!(
        (seen.status.as_u16(), seen.grpc_status()),
        (200, Some("16"))
    );
    let [bearer, dpop] = &challenges(&seen.headers)[..] else {
        panic!("two challenges")
    };
    assert_eq!(bearer.get("error"), None);
    assert_eq!(dpop.get("error"), Some("use_dpop_nonce"));
    let nonce = seen.header("dpop-nonce").unwrap().to_owned();
    let seen = ask(&service, call(&proof().nonce(&nonce))).await;
    assert_eq!((seen.status.as_u16(), seen.grpc_status()), (200, None));
    let seen = ask(&service, call(&proof().nonce(&nonce).claim("htm", "GET"))).await;
    assert_eq!(seen.grpc_status(), Some("16"));
    assert_refused(&seen, Reason::InvalidProof, "method");
}

// --- what goes on inwards

#[tokio::test]
async fn the_proof_is_taken_off_with_the_credential() {
    let desk = Desk::new();
    let inner = support::inner::Inner::default();
    for removes in [false, true] {
        let mut layer = desk.layer(dpop().build().unwrap());
        if removes {
            layer = layer.remove_credential();
        }
        let service = tower::Layer::layer(&layer.build().unwrap(), inner.clone());
        let token = desk.bound_token();
        ask(&service, proved(&token, &desk.proof(&token))).await;
        let headers = inner.last().headers;
        assert_eq!(headers.contains_key("dpop"), !removes);
        assert_eq!(headers.contains_key("authorization"), !removes);
    }
}

// --- settings

#[test]
fn what_cannot_be_right_is_found_when_it_is_built() {
    let built = |change: fn(DpopBuilder) -> DpopBuilder| {
        let new = Dpop::builder(Arc::new(MemoryReplayStore::new()));
        change(new)
            .build()
            .map(drop)
            .map_err(|error| error.setting().to_owned())
    };
    let at = |setting: &str| Err(setting.to_owned());
    assert_eq!(built(|new| new.url(SITE)), Ok(()));
    assert_eq!(built(|new| new), at("url"));
    for bad in [
        "",
        "api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://me@api.example.com",
        "https://api.example.com?x",
        "https://api.example.com#x",
    ] {
        let new = Dpop::builder(Arc::new(MemoryReplayStore::new()))
            .url(SITE)
            .url(bad);
        assert_eq!(new.build().map(drop).unwrap_err().setting(), "url", "{bad}");
    }
    assert_eq!(built(|new| new.url(SITE).algorithms([])), at("algorithms"));
    let symmetric = |new: DpopBuilder| {
        new.url(SITE)
            .algorithms([Algorithm::ES256, Algorithm::HS256])
    };
    assert_eq!(built(symmetric), at("algorithms"));
    assert_eq!(
        built(|new| new.url(SITE).max_age(Duration::from_millis(999))),
        at("max_age")
    );
    assert_eq!(
        built(|new| new.url(SITE).max_age(Duration::from_secs(601))),
        at("max_age")
    );
    assert_eq!(
        built(|new| new.url(SITE).leeway(Duration::from_secs(61))),
        at("leeway")
    );
    let unused = |new: DpopBuilder| new.url(SITE).nonce_lifetime(Duration::from_secs(60));
    assert_eq!(built(unused), at("nonce_lifetime"));
    let long = |new: DpopBuilder| {
        new.url(SITE)
            .require_nonce(NonceKey::random().unwrap())
            .nonce_lifetime(Duration::from_secs(3601))
    };
    assert_eq!(built(long), at("nonce_lifetime"));
    let short: Result<NonceKey, ConfigError> = NonceKey::from_secret([7; 31]);
    assert!(short.is_err());
}

#[test]
fn an_extended_token_is_bound_to_the_same_key() {
    use tower_bearer::issue::Extension;

    let desk = Desk::new();
    let bound = desk.client.confirmation();
    let holder = judged(&desk, &desk.bound_token());
    let extension = Extension::leaving_the_old_one_valid(desk.issuer.clone());
    let extended = extension.extend(&holder).unwrap().token.reveal();
    assert_eq!(judged(&desk, &extended).confirmation(), Some(&bound));
    let both = bound
        .and(Confirmation::certificate("A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0").unwrap());
    let token = desk.token(NewJwt::new("alice").bound_to(both.clone()));
    assert_eq!(judged(&desk, &token).confirmation(), Some(&both));
}

fn judged(desk: &Desk, token: &str) -> tower_bearer::identity::Identity {
    use tower_bearer::TokenVerifier;
    use tower_bearer::credential::BearerToken;
    use tower_bearer::verifier::{Answer, Presented};

    let mut presented = Presented::new(BearerToken::new(token).unwrap(), desk.now());
    presented.checks_proof = true;
    match desk.verifier().begin(&presented) {
        Some(Answer::Now(judged)) => judged.unwrap(),
        _ => panic!("a JWT is judged at once"),
    }
}

#[tokio::test]
async fn a_refusal_names_the_credential_and_no_part_of_it() {
    let desk = Desk::new();
    let service = guarded(desk.layer(dpop().build().unwrap()));
    let issued = desk
        .issuer
        .issue(NewJwt::new("alice").bound_to(desk.client.confirmation()));
    let issued = issued.unwrap();
    let (id, token) = (issued.id, issued.token.reveal());
    let proof = desk.proof(&token);
    for request in [
        bearing(&token),
        proved(&token, &proof.clone().claim("htm", "PUT")),
        proved(&token, &proof.clone().claim("jti", "x")),
        proved(&token, &proof.clone().claim("jti", "x")),
    ] {
        let seen = ask(&service, request).await;
        let Some(refusal) = seen.extensions.get::<Refusal>() else {
            continue;
        };
        assert_eq!(refusal.credential_id(), Some(&*id), "{refusal}");
        let printed = format!("{refusal:?} {}", seen.text());
        assert!(!printed.contains(&token) && !printed.contains(&proof.sign()));
    }
}

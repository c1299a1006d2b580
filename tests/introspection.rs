//! Tokens that an authorization server is asked about: how it is asked, and what is made of its answers.
#![allow(clippy::unwrap_used)]

mod support;

#[path = "support/introspection.rs"]
mod desk;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64_simd::STANDARD;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};
use tower_bearer::clock::{Clock, Timestamp};
use tower_bearer::identity::{Confirmation, CredentialKind};
use tower_bearer::issue::SigningKey;
use tower_bearer::keys::Algorithm;
use tower_bearer::keys::discovery::AuthorizationServer;
use tower_bearer::testing::provider::{Endpoint, Fault, Gate, IdentityProvider};
use tower_bearer::testing::verifier;
use tower_bearer::verifier::introspection::{
    BreakerSettings, ClientAuthentication, Introspected, IntrospectionVerifier,
    IntrospectionVerifierBuilder,
};
use tower_bearer::verifier::{Answer, CacheSettings, Cached, TokenRouter, TokenVerifierExt};
use tower_bearer::{Reason, TokenVerifier};

use desk::{Desk, SEC, assert_refused};
use support::clock::START;

const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

#[tokio::test]
async fn it_keeps_the_contract_of_verifiers() {
    let desk = Desk::new();
    let provider = &desk.provider;
    let good = provider.token("alice").scope("orders:read").issue_opaque();
    let revoked = provider.token("alice").issue_opaque();
    provider.revoke(&revoked);
    let foreign = provider
        .token("alice")
        .audience("https://other.example.com");
    let (foreign, other) = (foreign.issue_opaque(), good.to_uppercase());
    let long = format!("{good}x");
    let bad = [&good[1..], &long, &other, &revoked, &foreign, "no-token"];
    let verifier = Arc::new(desk.plain().build().unwrap());
    verifier::conformance(verifier.clone(), START, &good, &bad).await;
    provider.fail_at(Endpoint::Introspection, Fault::Down);
    verifier::outage(verifier, START, &good).await;
}

// --- what is asked

#[tokio::test]
async fn the_question_is_a_form_with_the_token_and_says_who_asks() {
    let desk = Desk::new();
    let token = desk.provider.token("alice").issue_opaque();
    let verifier = Arc::new(desk.plain().build().unwrap());
    desk.ask(&verifier, &token).await.unwrap();

    let asked = desk.provider.requests(Endpoint::Introspection);
    let [question] = &asked[..] else {
        panic!("one question")
    };
    assert_eq!(question.method(), "POST");
    let headers = question.headers();
    assert_eq!(headers[CONTENT_TYPE], "application/x-www-form-urlencoded");
    assert_eq!(headers[ACCEPT], "application/json");
    let form = [("token", &*token), ("token_type_hint", "access_token")];
    assert_eq!(desk.form(), form.map(|(k, v)| (k.to_owned(), v.to_owned())));
}

#[tokio::test]
async fn id_and_secret_are_encoded_as_in_a_form_before_they_go_into_the_header() {
    let desk = Desk::new();
    let by = ClientAuthentication::secret_basic("orders api", "a:b+c%/é");
    desk.told(desk.bare(by).allow_any_audience(), json!({"active": false}))
        .await
        .unwrap_err();
    let asked = desk.provider.requests(Endpoint::Introspection);
    // RFC 6749 §2.3.1 and appendix B.
    let pair = STANDARD.encode_to_string("orders+api:a%3Ab%2Bc%25%2F%C3%A9");
    assert_eq!(asked[0].headers()[AUTHORIZATION], format!("Basic {pair}"));
}

#[tokio::test]
async fn a_secret_may_go_into_the_form() {
    let desk = Desk::new();
    let provider = &desk.provider;
    let by = ClientAuthentication::secret_post(provider.client_id(), provider.client_secret());
    let verifier = desk.bare(by).audience(provider.audience()).build().unwrap();
    let token = provider.token("alice").issue_opaque();
    desk.ask(&Arc::new(verifier), &token).await.unwrap();
    let form: HashMap<_, _> = desk.form().into_iter().collect();
    assert_eq!(form["client_id"], provider.client_id());
    assert_eq!(form["client_secret"], provider.client_secret());
    let asked = provider.requests(Endpoint::Introspection);
    assert!(!asked[0].headers().contains_key(AUTHORIZATION));
}

#[tokio::test]
async fn a_key_signs_a_new_assertion_for_each_question() {
    let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
    let clock = support::clock::clock();
    let provider = IdentityProvider::builder()
        .clock(clock.clone())
        .client_key(key.verification_key().clone())
        .start();
    let desk = Desk { clock, provider };
    let provider = &desk.provider;
    let by = |audience: &str| {
        ClientAuthentication::private_key_jwt(provider.client_id(), key.clone(), audience)
    };
    let build = |by| {
        let verifier = desk.bare(by).audience(provider.audience());
        Arc::new(verifier.build().unwrap())
    };
    let token = provider.token("alice").issue_opaque();
    // The provider takes no assertion twice.
    let verifier = build(by(provider.issuer()));
    for _ in 0..3 {
        desk.ask(&verifier, &token).await.unwrap();
    }
    let form: HashMap<_, _> = desk.form().into_iter().collect();
    assert_eq!(
        form["client_assertion_type"],
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    );
    assert_eq!(form["client_id"], provider.client_id());
    let payload = form["client_assertion"].split('.').nth(1).unwrap();
    let payload = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(payload).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    let now = START.as_unix_secs();
    assert_eq!(claims["iat"], now, "by the time of the request");
    assert_eq!(claims["exp"], now + 60);

    desk.ask(&build(by(&provider.url(Endpoint::Introspection))), &token)
        .await
        .unwrap();
    let elsewhere = build(by("https://other.example.com"));
    assert_refused(
        desk.ask(&elsewhere, &token).await,
        Reason::Unavailable,
        "credentials of this service",
    );
}

#[tokio::test]
async fn a_token_of_the_services_own_is_taken_anew_for_each_question() {
    let desk = Desk::new();
    let inactive = json!({"active": false});
    let own = ClientAuthentication::bearer("my-own-token");
    let judged = desk.told(desk.bare(own).allow_any_audience(), &inactive);
    judged.await.unwrap_err();

    let tokens = std::sync::Mutex::new(vec!["the-second", "the-first"]);
    let from = ClientAuthentication::bearer_from(move || {
        tokens.lock().unwrap().pop().map(ToOwned::to_owned)
    });
    let verifier = desk.bare(from).allow_any_audience().build().unwrap();
    let verifier = Arc::new(verifier);
    desk.provider
        .fail_at(Endpoint::Introspection, Fault::json(inactive.to_string()));
    for _ in 0..2 {
        assert_refused(
            desk.ask(&verifier, "a-token").await,
            Reason::Invalid,
            "not active",
        );
    }
    assert_refused(
        desk.ask(&verifier, "a-token").await,
        Reason::Unavailable,
        "no token to ask with",
    );
    let asked = desk.provider.requests(Endpoint::Introspection);
    let told: Vec<_> = asked
        .iter()
        .map(|one| &one.headers()[AUTHORIZATION])
        .collect();
    assert_eq!(
        told,
        [
            "Bearer my-own-token",
            "Bearer the-first",
            "Bearer the-second"
        ]
    );
}

#[tokio::test]
async fn a_token_that_is_too_long_is_not_sent() {
    let desk = Desk::new();
    let verifier = Arc::new(desk.plain().max_token_len(40).build().unwrap());
    let longest = "x".repeat(40);
    desk.ask(&verifier, &longest).await.unwrap_err();
    assert_eq!(desk.questions(), 1);
    let presented = desk.presented(&format!("{longest}x"));
    let Answer::Now(judged) = Answer::of(&verifier, &presented) else {
        panic!("there is nothing to wait for")
    };
    assert_refused(judged, Reason::Invalid, "longer than any token");
    assert_eq!(desk.questions(), 1);
}

#[tokio::test]
async fn the_endpoint_may_be_the_one_that_the_metadata_name() {
    let desk = Desk::new();
    let discover = async || {
        let server = AuthorizationServer::discover(desk.provider.issuer()).http(desk::http());
        server.fetch().await.unwrap()
    };
    let by = || desk.by_secret();
    let verifier = IntrospectionVerifier::discovered(&discover().await, by()).unwrap();
    let verifier = verifier
        .http(desk::http())
        .audience(desk.provider.audience());
    let verifier = Arc::new(verifier.build().unwrap());
    let token = desk.provider.token("alice").issue_opaque();
    desk.ask(&verifier, &token).await.unwrap();

    desk.provider
        .set_metadata("introspection_endpoint", Value::Null);
    let none = IntrospectionVerifier::discovered(&discover().await, by());
    assert_eq!(none.unwrap_err().setting(), "introspection endpoint");
}

// --- what is made of the answer

#[tokio::test]
async fn the_identity_is_what_the_server_tells() {
    let desk = Desk::new();
    let now = START.as_unix_secs();
    let answer = desk.answer(json!({
        "iss": "https://id.example.com", "client_id": "shop", "username": "Alice A.",
        "token_type": "bearer", "scope": "orders:read orders:write", "jti": "t-1", "acr": "gold",
        "auth_time": now - 5, "iat": now - 3, "sid": "s-1", "groups": ["staff"], "tenant": "blue",
    }));
    #[derive(Debug, serde::Deserialize)]
    struct Own {
        tenant: String,
    }
    let verifier = desk
        .plain()
        .issuer("https://id.example.com")
        .roles_claim("groups")
        .require_claim("tenant", "blue")
        .claims::<Own>();
    let alice = desk.told(verifier, answer).await.unwrap();
    assert_eq!(alice.subject(), "alice");
    assert_eq!(alice.issuer(), Some("https://id.example.com"));
    assert_eq!(alice.client_id(), Some("shop"));
    assert_eq!(alice.credential_kind(), CredentialKind::AccessToken);
    assert_eq!(alice.credential_id(), Some("t-1"));
    assert_eq!(alice.session_id(), Some("s-1"));
    assert_eq!(alice.acr(), Some("gold"));
    assert!(alice.has_scope("orders:read") && alice.has_scope("orders:write"));
    assert!(alice.has_role("staff"));
    let secs = |secs| Some(Timestamp::from_unix_secs(secs));
    assert_eq!(alice.auth_time(), secs(now - 5));
    assert_eq!(alice.issued_at(), secs(now - 3));
    assert_eq!(alice.expires_at(), secs(now + 60));
    assert_eq!(alice.recheck_at(), secs(now + 60), "a minute unless set");
    assert_eq!(alice.data::<Own>().unwrap().tenant, "blue");
    let told = alice.data::<Introspected>().unwrap();
    assert_eq!(told.username(), Some("Alice A."));
    assert_eq!(told.token_type(), Some("bearer"));

    let kind = desk.plain().credential_kind(CredentialKind::Session);
    let bare = desk.told(kind, desk.answer(json!({}))).await.unwrap();
    assert_eq!(bare.credential_kind(), CredentialKind::Session);
    assert!(bare.data::<Introspected>().is_none());
    assert!(bare.issuer().is_none() && bare.credential_id().is_none());
}

async fn refused(
    desk: &Desk,
    verifier: IntrospectionVerifierBuilder,
    changes: Value,
    reason: Reason,
    words: &str,
) {
    let judged = desk.told(verifier, desk.answer(changes)).await;
    assert_refused(judged, reason, words);
}

#[tokio::test]
async fn a_token_that_the_server_does_not_vouch_for_is_refused() {
    let desk = Desk::new();
    // Whatever else it tells then is of no interest.
    let answer = r#"{"active": false, "exp": "soon", "aud": []}"#;
    let judged = desk.told(desk.plain(), answer).await;
    assert_refused(judged, Reason::Invalid, "says that it is not active");
}

#[tokio::test]
async fn a_token_for_others_is_refused() {
    let desk = Desk::new();
    for (changes, words) in [
        (
            json!({"aud": "https://other.example.com"}),
            "aud is another",
        ),
        (json!({"aud": null}), "aud is missing"),
    ] {
        refused(&desk, desk.plain(), changes.clone(), Reason::Invalid, words).await;
        let any = desk.bare(desk.by_secret()).allow_any_audience();
        desk.told(any, desk.answer(changes)).await.unwrap();
    }
    let several = desk.answer(json!({"aud": ["https://x.example.com", desk.provider.audience()]}));
    desk.told(desk.plain(), several).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_is_stated_must_be_told() {
    let desk = Desk::new();
    let plain = || desk.plain().issuer("https://id.example.com");
    let other = json!({"iss": "https://other.example.com"});
    refused(
        &desk,
        plain(),
        other.clone(),
        Reason::Invalid,
        "iss is none",
    )
    .await;
    refused(&desk, plain(), json!({}), Reason::Invalid, "iss is missing").await;
    let any = desk.told(desk.plain(), desk.answer(other)).await.unwrap();
    assert_eq!(any.issuer(), Some("https://other.example.com"));
}

#[tokio::test]
async fn the_client_is_the_subject_only_where_that_was_asked_for() {
    let desk = Desk::new();
    let of_client = json!({"sub": null, "client_id": "cron"});
    let missing = "sub is missing or empty";
    refused(
        &desk,
        desk.plain(),
        of_client.clone(),
        Reason::Invalid,
        missing,
    )
    .await;
    let lenient = || desk.plain().allow_missing_sub();
    let cron = desk.told(lenient(), desk.answer(of_client)).await.unwrap();
    assert_eq!((cron.subject(), cron.client_id()), ("cron", Some("cron")));
    for nobody in [
        json!({"sub": null}),
        json!({"sub": null, "client_id": ""}),
        json!({"sub": "", "client_id": "cron"}),
    ] {
        refused(&desk, lenient(), nobody, Reason::Invalid, missing).await;
    }
    let alice = desk.answer(json!({"client_id": "shop"}));
    let alice = desk.told(lenient(), alice).await.unwrap();
    assert_eq!(alice.subject(), "alice");
}

#[tokio::test]
async fn the_servers_word_does_not_make_good_what_is_over_or_has_not_begun() {
    let desk = Desk::new();
    let now = START.as_unix_secs();
    for (changes, reason) in [
        (json!({"exp": now - 30}), Reason::Expired),
        (json!({"nbf": now + 31}), Reason::NotYetValid),
        (json!({"iat": now + 31}), Reason::NotYetValid),
    ] {
        refused(&desk, desk.plain(), changes, reason, "").await;
    }
    for within in [
        json!({"exp": now - 29}),
        json!({"nbf": now + 30}),
        json!({"iat": now + 30}),
        json!({"exp": null}),
    ] {
        desk.told(desk.plain(), desk.answer(within)).await.unwrap();
    }
    let exact = || desk.plain().leeway(Duration::ZERO);
    refused(&desk, exact(), json!({"exp": now}), Reason::Expired, "").await;
}

#[tokio::test]
async fn what_is_required_must_be_told() {
    let desk = Desk::new();
    let plain = || desk.plain();
    type Demand = fn(IntrospectionVerifierBuilder) -> IntrospectionVerifierBuilder;
    let demands: [(Demand, Value, &str); 5] = [
        (|v| v.require_exp(), json!({"exp": null}), "exp is missing"),
        (|v| v.require_jti(), json!({}), "jti is missing"),
        (|v| v.require_client_id(), json!({}), "client_id is missing"),
        (
            |v| v.require_token_type(),
            json!({}),
            "token_type is missing",
        ),
        (
            |v| v.require_claim("token_use", "access_token"),
            json!({"token_use": "refresh_token"}),
            "another value than the stated one",
        ),
    ];
    for (demand, lacking, words) in demands.clone() {
        desk.told(plain(), desk.answer(lacking.clone()))
            .await
            .unwrap();
        refused(&desk, demand(plain()), lacking, Reason::Invalid, words).await;
    }
    let full = desk.answer(json!({
        "jti": "1", "client_id": "shop", "token_type": "Bearer", "token_use": "access_token",
    }));
    let all = demands
        .iter()
        .fold(plain(), |verifier, (demand, ..)| demand(verifier));
    desk.told(all, full).await.unwrap();
}

#[tokio::test]
async fn a_refresh_token_is_no_access_token() {
    let desk = Desk::new();
    for (token_type, good) in [
        ("Bearer", true),
        ("BEARER", true),
        ("access_token", true),
        ("refresh_token", false),
        ("Refresh", false),
        ("N_A", false),
    ] {
        let answer = desk.answer(json!({"token_type": token_type}));
        let judged = desk.told(desk.plain(), answer).await;
        assert_eq!(judged.is_ok(), good, "{token_type}");
        if !good {
            assert_refused(judged, Reason::Invalid, "token_type is another");
        }
    }
}

#[tokio::test]
async fn a_bound_token_is_for_whoever_checks_its_proof() {
    let desk = Desk::new();
    let verifier = Arc::new(desk.plain().build().unwrap());
    let bound = json!({"jkt": THUMBPRINT});
    let token = desk
        .provider
        .token("alice")
        .claim("cnf", &bound)
        .issue_opaque();
    assert_refused(
        desk.ask(&verifier, &token).await,
        Reason::Unproved,
        "nobody checks",
    );
    let mut presented = desk.presented(&token);
    presented.checks_proof = true;
    let alice = verifier.verify(&presented).await.unwrap();
    assert_eq!(
        alice.confirmation(),
        Some(&Confirmation::key(THUMBPRINT).unwrap())
    );

    for (token_type, cnf) in [
        ("DPoP", Value::Null),
        ("dpop", json!({"x5t#S256": THUMBPRINT})),
        ("Bearer", json!({"something": "else"})),
        ("Bearer", json!({})),
    ] {
        let mut answer = desk.answer(json!({"token_type": token_type, "cnf": cnf}));
        answer["jti"] = json!("t-1");
        let fault = Fault::json(answer.to_string());
        desk.provider.fail_at(Endpoint::Introspection, fault);
        let refusal = verifier.verify(&presented).await.unwrap_err();
        assert_eq!(refusal.reason(), Reason::Unproved, "{answer}");
        assert_eq!(refusal.credential_id(), Some("t-1"));
    }
}

#[tokio::test]
async fn claims_that_do_not_fit_the_services_own_type_are_refused() {
    #[derive(serde::Deserialize)]
    struct Own {
        #[allow(dead_code, reason = "it is enough that it is there")]
        tenant: String,
    }
    let desk = Desk::new();
    let verifier = desk.plain().claims::<Own>();
    refused(&desk, verifier, json!({}), Reason::Invalid, "own type").await;
}

// --- what is remembered

fn cached(desk: &Desk, recheck_after: Duration, max_age: Duration) -> Arc<Cached> {
    let verifier = desk.plain().recheck_after(recheck_after).build().unwrap();
    let settings = CacheSettings::new().max_age(max_age);
    Arc::new(verifier.cached(settings).unwrap())
}

#[tokio::test]
async fn an_answer_is_asked_for_again_after_the_stated_time() {
    for (recheck_after, max_age) in [(10 * SEC, 60 * SEC), (60 * SEC, 10 * SEC)] {
        let desk = Desk::new();
        let verifier = cached(&desk, recheck_after, max_age);
        let token = desk.provider.token("alice").issue_opaque();
        for _ in 0..3 {
            desk.ask(&verifier, &token).await.unwrap();
        }
        desk.clock.advance(10 * SEC - Duration::from_millis(1));
        desk.provider.revoke(&token);
        desk.ask(&verifier, &token).await.unwrap();
        assert_eq!(desk.questions(), 1, "it is the lesser of the two");
        desk.clock.advance(Duration::from_millis(1));
        assert_refused(
            desk.ask(&verifier, &token).await,
            Reason::Invalid,
            "not active",
        );
        assert_eq!(desk.questions(), 2);
    }
}

#[tokio::test]
async fn an_answer_is_not_remembered_beyond_the_tokens_end() {
    let desk = Desk::new();
    let verifier = cached(&desk, 60 * SEC, 60 * SEC);
    let token = desk
        .provider
        .token("alice")
        .lifetime(5 * SEC)
        .issue_opaque();
    desk.ask(&verifier, &token).await.unwrap();
    desk.clock.advance(5 * SEC);
    assert_refused(
        desk.ask(&verifier, &token).await,
        Reason::Invalid,
        "not active",
    );
    assert_eq!(desk.questions(), 2);
}

#[tokio::test]
async fn no_time_at_all_has_every_request_ask() {
    let desk = Desk::new();
    let verifier = cached(&desk, Duration::ZERO, 60 * SEC);
    let token = desk.provider.token("alice").issue_opaque();
    for asked in 1..4 {
        desk.ask(&verifier, &token).await.unwrap();
        assert_eq!(desk.questions(), asked);
    }
}

#[tokio::test]
async fn a_crowd_with_one_token_asks_once() {
    let desk = Desk::new();
    let verifier = cached(&desk, 60 * SEC, 60 * SEC);
    let token = desk.provider.token("alice").issue_opaque();
    let gate = Gate::new();
    desk.provider
        .fail_at(Endpoint::Introspection, Fault::Held(gate.clone()));
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..1000 {
        let (verifier, presented) = (verifier.clone(), desk.presented(&token));
        crowd.spawn(async move { Answer::of(&verifier, &presented).wait().await });
    }
    gate.reached(1).await;
    gate.open();
    for judged in crowd.join_all().await {
        assert_eq!(judged.unwrap().subject(), "alice");
    }
    assert_eq!(desk.questions(), 1);
}

#[tokio::test]
async fn a_refusal_is_remembered_for_seconds_and_an_outage_never() {
    let desk = Desk::new();
    let verifier = cached(&desk, 60 * SEC, 60 * SEC);
    for _ in 0..3 {
        assert_refused(
            desk.ask(&verifier, "junk").await,
            Reason::Invalid,
            "not active",
        );
    }
    assert_eq!(desk.questions(), 1);
    desk.clock.advance(3 * SEC);
    desk.ask(&verifier, "junk").await.unwrap_err();
    assert_eq!(desk.questions(), 2);

    let token = desk.provider.token("alice").issue_opaque();
    desk.provider.fail_at(Endpoint::Introspection, Fault::Html);
    assert_refused(
        desk.ask(&verifier, &token).await,
        Reason::Unavailable,
        "no JSON",
    );
    desk.provider.recover();
    desk.ask(&verifier, &token).await.unwrap();
}

#[tokio::test]
async fn who_is_remembered_goes_on_through_an_outage() {
    let desk = Desk::new();
    let verifier = cached(&desk, 60 * SEC, 60 * SEC);
    let token = desk.provider.token("alice").issue_opaque();
    desk.ask(&verifier, &token).await.unwrap();
    desk.provider.fail(Fault::Down);
    desk.clock.advance(59 * SEC);
    desk.ask(&verifier, &token).await.unwrap();
    desk.clock.advance(SEC);
    let judged = desk.ask(&verifier, &token).await;
    assert_refused(judged, Reason::Unavailable, "");
}

#[tokio::test]
async fn jwts_are_judged_here_and_the_server_is_asked_about_the_rest() {
    use tower_bearer::verifier::jwt::JwtVerifier;

    let desk = Desk::new();
    let provider = &desk.provider;
    let jwts = JwtVerifier::rfc9068(provider.keys(), provider.issuer(), provider.audience());
    let router = TokenRouter::builder()
        .jwt(jwts.build().unwrap())
        .otherwise(desk.plain().build().unwrap());
    let router = Arc::new(router.build().unwrap());
    let jwt = provider.token("alice").issue();
    assert_eq!(desk.ask(&router, &jwt).await.unwrap().subject(), "alice");
    assert_eq!(desk.questions(), 0);
    let opaque = provider.token("bob").issue_opaque();
    assert_eq!(desk.ask(&router, &opaque).await.unwrap().subject(), "bob");
    assert_eq!(desk.questions(), 1);
}

// --- what cannot be right

#[test]
fn what_cannot_be_right_is_found_when_it_is_built() {
    let by = || ClientAuthentication::secret_basic("api", "secret");
    let at = |url: &str, by| IntrospectionVerifier::builder(url, by);
    let good = || at("https://id.example.com/introspect", by()).audience("https://api.example.com");
    good().build().unwrap();
    let by_key = |id: &str, audience: &str| {
        let key = SigningKey::generate(Algorithm::EdDSA).unwrap();
        ClientAuthentication::private_key_jwt(id, key, audience)
    };
    let with = |by| at("https://id.example.com", by).allow_any_audience();
    let breaker = BreakerSettings::new;
    for (verifier, setting) in [
        (at("https://id.example.com", by()), "audience"),
        (good().allow_any_audience(), "audience"),
        (good().audience(""), "audience"),
        (good().issuer(""), "issuer"),
        (
            at("id.example.com", by()).audience("x"),
            "introspection endpoint",
        ),
        (
            at("http://id.example.com", by()).audience("x"),
            "introspection endpoint",
        ),
        (
            at("https://a:b@id.example.com", by()).audience("x"),
            "introspection endpoint",
        ),
        (
            with(ClientAuthentication::secret_basic("", "s")),
            "client_id",
        ),
        (
            with(ClientAuthentication::secret_post("c", "")),
            "client secret",
        ),
        (with(by_key("", "https://id.example.com")), "client_id"),
        (with(by_key("api", "")), "private_key_jwt"),
        (with(ClientAuthentication::bearer("")), "bearer"),
        (with(ClientAuthentication::bearer("two words")), "bearer"),
        (good().leeway(301 * SEC), "leeway"),
        (good().recheck_after(3601 * SEC), "recheck_after"),
        (good().max_token_len(0), "max_token_len"),
        (
            good().require_claim("active", true),
            "require_claim \"active\"",
        ),
        (good().require_claim("aud", "x"), "require_claim \"aud\""),
        (good().scope_claim("sub"), "scope_claim"),
        (good().roles_claim("scope"), "roles_claim"),
        (good().breaker(breaker().failures(0)), "failures"),
        (
            good().breaker(breaker().open_for(Duration::ZERO)),
            "open_for",
        ),
        (good().breaker(breaker().open_for(301 * SEC)), "open_for"),
    ] {
        assert_eq!(verifier.build().unwrap_err().setting(), setting);
    }
}

#[test]
fn outside_of_a_runtime_a_question_is_refused_and_does_not_panic() {
    let by = ClientAuthentication::secret_basic("api", "secret");
    let verifier = IntrospectionVerifier::builder("https://id.example.com/introspect", by)
        .allow_any_audience()
        .build()
        .unwrap();
    let clock = support::clock::clock();
    let token = tower_bearer::credential::BearerToken::new("a-token").unwrap();
    let presented = tower_bearer::verifier::Presented::new(token, clock.now());
    let Answer::Later(mut asking) = Answer::of(&Arc::new(verifier), &presented) else {
        panic!("it would have to wait")
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(judged) = asking.as_mut().poll(&mut context) else {
        panic!("there is nobody to wait for")
    };
    assert_refused(judged, Reason::Unavailable, "tokio runtime");
}

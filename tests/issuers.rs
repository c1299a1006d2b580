//! Many issuers, known by a rule, and met one by one.
#![allow(clippy::needless_pass_by_value, clippy::unwrap_used)]

#[path = "support/jwt.rs"]
mod support;

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use support::{AUDIENCE, NOW, assert_refused, claims_with, hs256_key, token_of};
use tokio::sync::{Semaphore, watch};
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::credential::BearerToken;
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::remote::HttpSettings;
use tower_bearer::testing::provider::{Endpoint, Fault, Gate, IdentityProvider};
use tower_bearer::testing::verifier::{conformance, outage};
use tower_bearer::verifier::issuers::NewIssuer;
use tower_bearer::verifier::jwt::JwtVerifier;
use tower_bearer::verifier::{Answer, Issuers, IssuersBuilder, Presented, TokenRouter, verify_fn};
use tower_bearer::{ConfigError, Reason, Refusal, TokenVerifier};

const MINUTE: Duration = Duration::from_secs(60);

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_unix_secs(NOW))
}

async fn ask_at(
    issuers: &(impl TokenVerifier + Clone + 'static),
    token: &str,
    now: Timestamp,
) -> Result<Identity, Refusal> {
    let presented = Presented::new(BearerToken::new(token).unwrap(), now);
    Answer::of(&Arc::new(issuers.clone()), &presented)
        .wait()
        .await
}

/// Issuers below `https://id.example.com/`, whose tokens are signed with the secret.
struct House {
    clock: ManualClock,
    issuers: Issuers,
    made: Arc<AtomicUsize>,
}

type Made = Result<Option<JwtVerifier>, Box<dyn std::error::Error + Send + Sync>>;

fn verifier_of(new: &NewIssuer) -> Made {
    let jwt = JwtVerifier::builder(hs256_key()).issuer(new.name());
    Ok(Some(jwt.audience(AUDIENCE).build()?))
}

impl House {
    fn new(set_up: impl FnOnce(IssuersBuilder) -> IssuersBuilder) -> Self {
        let (clock, made) = (clock(), Arc::new(AtomicUsize::new(0)));
        let builder = Issuers::builder(|issuer| issuer.starts_with("https://id.example.com/"))
            .clock(clock.clone())
            .make(Arc::clone(&made), async |made, new| {
                made.fetch_add(1, Ordering::SeqCst);
                verifier_of(&new)
            });
        Self {
            clock,
            made,
            issuers: set_up(builder).build().unwrap(),
        }
    }

    async fn ask(&self, token: &str) -> Result<Identity, Refusal> {
        use tower_bearer::clock::Clock;
        ask_at(&self.issuers, token, self.clock.now()).await
    }

    /// A good token of the issuer of this name.
    async fn admit(&self, name: &str) -> Identity {
        self.ask(&good(name)).await.unwrap()
    }

    /// A token of the issuer of this name that is signed by somebody else.
    async fn forge(&self, name: &str) -> Refusal {
        self.ask(&forged(name)).await.unwrap_err()
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

fn name_of(name: &str) -> String {
    format!("https://id.example.com/{name}")
}

fn token_with(changes: Value) -> String {
    token_of(claims_with(changes))
}

fn good(name: &str) -> String {
    // For longer than any test goes on.
    token_with(json!({"iss": name_of(name), "exp": NOW + 1_000_000}))
}

fn forged(name: &str) -> String {
    let good = good(name);
    format!("{}.AAAA", good.rsplit_once('.').unwrap().0)
}

/// Issuers that are found by their metadata, at these providers and no other.
fn discovered(clock: &ManualClock, providers: &[&IdentityProvider]) -> IssuersBuilder {
    let names: Vec<String> = providers
        .iter()
        .map(|provider| provider.issuer().to_owned())
        .collect();
    Issuers::builder(move |issuer| names.iter().any(|name| name == issuer))
        .clock(clock.clone())
        .http(HttpSettings::new().allow_plain_http())
        .discover(|jwt, issuer| {
            let tenant = issuer.rsplit('/').next().unwrap_or_default();
            jwt.audience("https://api.example.com").tenant(tenant)
        })
}

fn provider(clock: &ManualClock, path: &str) -> IdentityProvider {
    IdentityProvider::builder()
        .clock(clock.clone())
        .path(path)
        .start()
}

fn now() -> Timestamp {
    Timestamp::from_unix_secs(NOW)
}

#[tokio::test]
async fn each_issuer_is_found_when_it_is_first_met_and_has_its_own_keys_and_tenant() {
    let clock = clock();
    let (acme, bolt) = (provider(&clock, "/acme"), provider(&clock, "/bolt"));
    let issuers = discovered(&clock, &[&acme, &bolt]).build().unwrap();
    for provider in [&acme, &bolt] {
        for _ in 0..3 {
            let token = provider.token("alice").scope("orders:read").issue();
            let identity = ask_at(&issuers, &token, now()).await.unwrap();
            assert_eq!(identity.issuer(), Some(provider.issuer()));
            assert!(provider.issuer().ends_with(identity.tenant().unwrap()));
            assert!(identity.has_scope("orders:read"));
        }
        assert_eq!(provider.count(Endpoint::Jwks), 1);
        assert_eq!(provider.count(Endpoint::OpenIdConfiguration), 1);
    }
    assert_eq!(issuers.status().known, 2);

    let by_the_other = bolt.token("alice").claim("iss", acme.issuer()).issue();
    let refused = ask_at(&issuers, &by_the_other, now()).await;
    assert_refused(refused, Reason::Invalid, "");
}

#[tokio::test]
async fn what_the_rule_refuses_costs_no_connection_and_no_memory() {
    let clock = clock();
    let (known, stranger) = (provider(&clock, "/acme"), provider(&clock, "/acme"));
    let issuers = discovered(&clock, &[&known]).build().unwrap();
    for _ in 0..10 {
        let token = stranger.token("alice").issue();
        let refused = ask_at(&issuers, &token, now()).await;
        assert_refused(refused, Reason::Invalid, "iss is none that is trusted");
    }
    let nameless = ask_at(
        &issuers,
        &known.token("alice").without("iss").issue(),
        now(),
    )
    .await;
    assert_refused(nameless, Reason::Invalid, "no iss");
    for (endpoint, provider) in [(Endpoint::Jwks, &stranger), (Endpoint::Jwks, &known)] {
        assert_eq!(provider.count(endpoint), 0);
    }
    let status = issuers.status();
    assert_eq!((status.known, status.making, status.turned_away), (0, 0, 0));
}

#[tokio::test]
async fn what_is_no_name_of_an_issuer_is_refused_at_once() {
    let house = House::new(|builder| builder);
    let long = name_of(&"x".repeat(512));
    for iss in [json!(long), json!(["https://id.example.com/a"]), json!(7)] {
        let refused = house.ask(&token_with(json!({"iss": iss}))).await;
        assert_refused(refused, Reason::Invalid, "iss");
    }
    assert_eq!(house.made(), 0);

    let any = Issuers::builder(|_| true)
        .discover(|jwt, _| jwt.audience(AUDIENCE))
        .build()
        .unwrap();
    for iss in [
        "urn:acme",
        "acme",
        "http://id.example.com",
        "https://a@b/",
        "file:///etc",
    ] {
        let refused = ask_at(&any, &token_with(json!({"iss": iss})), now()).await;
        assert_refused(refused, Reason::Invalid, "iss is none that is trusted");
    }
}

#[tokio::test]
async fn a_crowd_has_one_verifier_made() {
    let clock = clock();
    let acme = provider(&clock, "/acme");
    let issuers = discovered(&clock, &[&acme]).build().unwrap();
    let gate = Gate::new();
    acme.fail_at(Endpoint::Jwks, Fault::Held(gate.clone()));
    let token = acme.token("alice").issue();
    let crowd: Vec<_> = (0..1000)
        .map(|_| {
            let (issuers, token) = (issuers.clone(), token.clone());
            tokio::spawn(async move { ask_at(&issuers, &token, now()).await })
        })
        .collect();
    gate.reached(1).await;
    gate.open();
    for one in crowd {
        assert_eq!(one.await.unwrap().unwrap().subject(), "alice");
    }
    assert_eq!(acme.count(Endpoint::OpenIdConfiguration), 1);
    assert_eq!(acme.count(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn a_making_goes_on_when_those_who_wait_for_it_have_left() {
    let clock = clock();
    let acme = provider(&clock, "/acme");
    let issuers = discovered(&clock, &[&acme]).build().unwrap();
    let gate = Gate::new();
    acme.fail_at(Endpoint::Jwks, Fault::Held(gate.clone()));
    let token = acme.token("alice").issue();
    let waiting = {
        let (issuers, token) = (issuers.clone(), token.clone());
        tokio::spawn(async move { ask_at(&issuers, &token, now()).await })
    };
    gate.reached(1).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());
    assert_eq!(issuers.status().making, 1);
    gate.open();
    assert!(ask_at(&issuers, &token, now()).await.is_ok());
    assert_eq!(acme.count(Endpoint::Jwks), 1);
}

#[tokio::test]
async fn the_trouble_of_one_issuer_is_its_own() {
    let clock = clock();
    let (acme, bolt) = (provider(&clock, "/acme"), provider(&clock, "/bolt"));
    let issuers = discovered(&clock, &[&acme, &bolt])
        .cool_down(Duration::from_secs(10))
        .build()
        .unwrap();
    let tokens = [&acme, &bolt].map(|provider| provider.token("alice").issue());
    acme.fail_at(Endpoint::OpenIdConfiguration, Fault::Html);
    for _ in 0..20 {
        let down = ask_at(&issuers, &tokens[0], now()).await;
        assert_refused(down, Reason::Unavailable, "could not be made");
        assert!(ask_at(&issuers, &tokens[1], now()).await.is_ok());
    }
    assert_eq!(acme.count(Endpoint::OpenIdConfiguration), 1, "then a pause");

    acme.recover();
    let later = now().saturating_add(Duration::from_secs(9));
    let paused = ask_at(&issuers, &tokens[0], later).await.unwrap_err();
    assert_eq!(paused.retry_after(), Some(Duration::from_secs(1)));
    let after = now().saturating_add(Duration::from_secs(10));
    assert!(ask_at(&issuers, &tokens[0], after).await.is_ok());
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_holds_up_no_other() {
    let clock = clock();
    let (slow, quick) = (provider(&clock, "/slow"), provider(&clock, "/quick"));
    let issuers = discovered(&clock, &[&slow, &quick]).build().unwrap();
    let gate = Gate::new();
    slow.fail(Fault::Held(gate.clone()));
    let waiting = {
        let (issuers, token) = (issuers.clone(), slow.token("alice").issue());
        tokio::spawn(async move { ask_at(&issuers, &token, now()).await })
    };
    gate.reached(1).await;
    assert!(
        ask_at(&issuers, &quick.token("bob").issue(), now())
            .await
            .is_ok()
    );
    assert!(!waiting.is_finished());
    gate.open();
    assert_eq!(waiting.await.unwrap().unwrap().subject(), "alice");
}

#[tokio::test]
async fn so_many_are_made_at_once_and_the_others_wait_their_turn() {
    let (running, peak) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let gate = Arc::new(Semaphore::new(0));
    let state = (Arc::clone(&running), Arc::clone(&peak), Arc::clone(&gate));
    let house = House::new(|builder| {
        builder
            .concurrency(2)
            .make(state, async |(running, peak, gate), new| {
                let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                peak.fetch_max(now, Ordering::SeqCst);
                gate.acquire().await?.forget();
                running.fetch_sub(1, Ordering::SeqCst);
                verifier_of(&new)
            })
    });
    let crowd: Vec<_> = (0..5)
        .map(|number| {
            let (issuers, token) = (house.issuers.clone(), good(&number.to_string()));
            tokio::spawn(async move { ask_at(&issuers, &token, now()).await })
        })
        .collect();
    while running.load(Ordering::SeqCst) < 2 || house.issuers.status().making < 5 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(5);
    for one in crowd {
        assert!(one.await.unwrap().is_ok());
    }
    assert_eq!(peak.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_issuer_that_the_making_does_not_trust_is_refused_for_a_while_without_asking_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let house = House::new(|builder| {
        builder
            .refused_age(Duration::from_secs(30))
            .make(Arc::clone(&asked), async |asked, new| {
                asked.fetch_add(1, Ordering::SeqCst);
                match new.name().ends_with("/customer") {
                    true => verifier_of(&new),
                    false => Ok(None),
                }
            })
    });
    assert_eq!(house.admit("customer").await.subject(), "alice");
    for _ in 0..10 {
        let refused = house.ask(&good("stranger")).await;
        assert_refused(refused, Reason::Invalid, "iss is none that is trusted");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    house.clock.advance(Duration::from_secs(29));
    assert!(house.ask(&good("stranger")).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 2);
    house.clock.advance(Duration::from_secs(1));
    assert!(house.ask(&good("stranger")).await.is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_making_that_fails_is_an_outage_or_what_it_says() {
    let house = House::new(|builder| {
        builder.make((), async |(), new| -> Made {
            match new.name().rsplit('/').next().unwrap() {
                "outage" => Err("the database is down".into()),
                "setting" => Ok(Some(JwtVerifier::builder(hs256_key()).build()?)),
                "frozen" => Err(Refusal::disabled("the customer has not paid").into()),
                _ => panic!("a mistake in the making"),
            }
        })
    });
    let outage = house.ask(&good("outage")).await.unwrap_err();
    assert_eq!(outage.reason(), Reason::Unavailable);
    let source = std::error::Error::source(&outage).unwrap();
    assert_eq!(source.to_string(), "the database is down");
    for (name, reason) in [
        ("outage", Reason::Unavailable),
        ("setting", Reason::Misconfigured),
        ("frozen", Reason::Disabled),
        ("panic", Reason::Unavailable),
    ] {
        for _ in 0..2 {
            let refusal = house.ask(&good(name)).await.unwrap_err();
            assert_eq!(refusal.reason(), reason, "{name}: {refusal}");
        }
    }
    assert_eq!(house.issuers.status().making, 0);
}

#[tokio::test(start_paused = true)]
async fn a_making_that_does_not_end_is_given_up() {
    let house = House::new(|builder| {
        builder
            .deadline(Duration::from_secs(5))
            .make((), async |(), new| -> Made {
                match new.name().ends_with("/endless") {
                    true => pending().await,
                    false => verifier_of(&new),
                }
            })
    });
    let refused = house.ask(&good("endless")).await;
    assert_refused(refused, Reason::Unavailable, "in time");
    assert_eq!(house.issuers.status().making, 0);
    assert!(house.ask(&good("other")).await.is_ok());
}

#[tokio::test]
async fn an_issuer_is_given_up_when_no_token_was_good_for_the_idle_time() {
    let house = House::new(|builder| builder.idle(10 * MINUTE));
    house.admit("idle").await;
    for _ in 0..2 {
        house.admit("busy").await;
        house.clock.advance(4 * MINUTE);
        house.forge("idle").await;
    }
    assert_eq!(house.issuers.status().known, 2);
    house.clock.advance(2 * MINUTE);
    house.admit("busy").await;
    assert_eq!(house.issuers.status().known, 1, "a refusal is no use");
    house.admit("idle").await;
    assert_eq!(house.made(), 3);
}

#[tokio::test]
async fn an_issuer_that_was_never_proven_is_given_up_after_a_minute() {
    let house = House::new(|builder| builder);
    house.admit("proven").await;
    house.forge("unproven").await;
    assert_eq!(house.issuers.status().known, 2);
    assert_eq!(house.issuers.status().proven, 1);
    house.clock.advance(MINUTE);
    house.admit("proven").await;
    assert_eq!(house.issuers.status().known, 1);
}

#[tokio::test]
async fn a_flood_of_issuers_that_the_rule_accepts_pushes_out_none_in_good_use() {
    let house = House::new(|builder| builder.capacity(10));
    for number in 0..5 {
        house.admit(&format!("customer-{number}")).await;
    }
    for number in 0..500 {
        house.forge(&format!("made-up-{number}")).await;
        assert!(house.issuers.status().known <= 10);
    }
    let before = house.made();
    for number in 0..5 {
        house.admit(&format!("customer-{number}")).await;
    }
    assert_eq!(house.made(), before, "they were never given up");
    house.admit("customer-5").await;
    assert_eq!(house.issuers.status().proven, 6, "and new ones come in");
}

#[tokio::test]
async fn where_all_are_in_good_use_a_new_one_waits_until_one_is_idle() {
    let house = House::new(|builder| builder.capacity(3).idle(10 * MINUTE));
    for name in ["a", "b", "c"] {
        house.admit(name).await;
    }
    let full = house.ask(&good("d")).await;
    assert_refused(full, Reason::Unavailable, "no room");
    let made = house.made();
    for _ in 0..10 {
        assert!(house.ask(&good("d")).await.is_err());
    }
    assert_eq!(
        house.made(),
        made,
        "it is not made for nothing again and again"
    );
    house.clock.advance(9 * MINUTE);
    for name in ["b", "c"] {
        house.admit(name).await;
    }
    house.clock.advance(MINUTE);
    house.admit("d").await;
    assert_eq!(house.issuers.status().known, 3);
}

#[tokio::test]
async fn what_is_remembered_of_refused_issuers_is_bounded_too() {
    let house = House::new(|builder| {
        builder
            .capacity(10)
            .make((), async |(), _| -> Made { Ok(None) })
    });
    for number in 0..200 {
        house.forge(&number.to_string()).await;
    }
    assert_eq!(house.issuers.status().turned_away, 10);
    house.clock.advance(MINUTE);
    house.forge("last").await;
    assert_eq!(house.issuers.status().turned_away, 1);
}

/// Lets everybody in, as a caller whom this issuer vouches for.
fn naming(issuer: Option<&'static str>) -> impl TokenVerifier {
    verify_fn(move |_| {
        let identity = Identity::new("alice", CredentialKind::Other);
        std::future::ready(Ok(match issuer {
            Some(issuer) => identity.with_issuer(issuer),
            None => identity,
        }))
    })
}

#[tokio::test]
async fn an_identity_that_is_not_of_the_tokens_issuer_is_refused() {
    let builder = || Issuers::builder(|_| true);
    for (issuer, is_good) in [
        (Some("https://id.example.com/a"), true),
        (Some("https://id.example.com/A"), false),
        (Some("https://id.example.com/b"), false),
        (None, false),
    ] {
        let issuers = builder().make(issuer, async |issuer, _| Ok(Some(naming(issuer))));
        let issuers = issuers.build().unwrap();
        let judged = ask_at(&issuers, &good("a"), now()).await;
        match is_good {
            true => assert_eq!(judged.unwrap().subject(), "alice"),
            false => assert_refused(judged, Reason::Invalid, "issuer"),
        }
    }
}

#[tokio::test]
async fn an_issuer_that_is_forgotten_is_made_anew() {
    let house = House::new(|builder| builder);
    house.admit("a").await;
    house.issuers.forget(&name_of("a"));
    assert_eq!(house.issuers.status().known, 0);
    house.admit("a").await;
    assert_eq!(house.made(), 2);
}

#[tokio::test]
async fn a_making_under_way_is_not_kept_when_its_issuer_is_forgotten() {
    let (tell, told) = watch::channel(false);
    let house = House::new(|builder| {
        builder.make(told, async |mut told, new| {
            told.wait_for(|go| *go).await?;
            verifier_of(&new)
        })
    });
    let waiting = {
        let issuers = house.issuers.clone();
        tokio::spawn(async move { ask_at(&issuers, &good("a"), now()).await })
    };
    while house.issuers.status().making == 0 {
        tokio::task::yield_now().await;
    }
    house.issuers.forget(&name_of("a"));
    tell.send_replace(true);
    assert!(waiting.await.unwrap().is_ok(), "who waits has it still");
    assert_eq!(house.issuers.status().known, 0);
}

#[tokio::test]
async fn the_rule_takes_effect_at_once() {
    let is_open = Arc::new(AtomicBool::new(true));
    let rule = Arc::clone(&is_open);
    let issuers = Issuers::builder(move |_| rule.load(Ordering::SeqCst))
        .make((), async |(), new| verifier_of(&new))
        .build()
        .unwrap();
    assert!(ask_at(&issuers, &good("a"), now()).await.is_ok());
    is_open.store(false, Ordering::SeqCst);
    let refused = ask_at(&issuers, &good("a"), now()).await;
    assert_refused(refused, Reason::Invalid, "iss is none that is trusted");
}

#[tokio::test]
async fn a_known_issuer_is_answered_at_once() {
    let house = House::new(|builder| builder);
    house.admit("a").await;
    for (token, is_good) in [(good("a"), true), (forged("a"), false)] {
        let presented = Presented::new(BearerToken::new(&token).unwrap(), now());
        match house.issuers.begin(&presented) {
            Some(Answer::Now(judged)) => assert_eq!(judged.is_ok(), is_good),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_contract_of_verifiers_is_kept() {
    let house = House::new(|builder| builder.capacity(2));
    house.admit("a").await;
    let good = good("a");
    let bad = [
        forged("a"),
        forged("b"),
        token_with(json!({"iss": "https://id.example.org/a"})),
        token_with(json!({"iss": name_of("a"), "exp": NOW - 100})),
        good[..good.len() - 1].to_owned(),
        good.to_uppercase(),
    ];
    let bad: Vec<_> = bad.iter().map(String::as_str).collect();
    conformance(Arc::new(house.issuers.clone()), now(), &good, &bad).await;

    let down = House::new(|builder| {
        builder.make((), async |(), _| -> Made {
            Err("the database is down".into())
        })
    });
    outage(Arc::new(down.issuers.clone()), now(), &good).await;
}

#[tokio::test]
async fn fixed_issuers_and_those_of_a_rule_go_together() {
    let house = House::new(|builder| builder);
    let own = JwtVerifier::builder(hs256_key())
        .issuer("https://own.example.com")
        .audience(AUDIENCE)
        .tenant("us")
        .build()
        .unwrap();
    let router = TokenRouter::builder()
        .jwt_issuer("https://own.example.com", own)
        .jwt(house.issuers.clone())
        .build()
        .unwrap();
    let router = Arc::new(router);
    let ours = token_with(json!({"iss": "https://own.example.com"}));
    assert_eq!(
        ask_at(&router, &ours, now()).await.unwrap().tenant(),
        Some("us")
    );
    assert!(ask_at(&router, &good("a"), now()).await.is_ok());
    assert_eq!(house.made(), 1);
}

#[test]
fn without_a_runtime_nothing_can_be_made_and_that_is_said() {
    let issuers = Issuers::builder(|_| true)
        .make((), async |(), new| verifier_of(&new))
        .build()
        .unwrap();
    let presented = Presented::new(BearerToken::new(&good("a")).unwrap(), now());
    let Some(Answer::Later(mut later)) = issuers.begin(&presented) else {
        panic!("it is not known yet");
    };
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(judged) = later.as_mut().poll(&mut context) else {
        panic!("there is nothing to wait for");
    };
    assert_refused(judged, Reason::Unavailable, "broke off");
}

#[test]
fn settings_that_cannot_be_right_are_found_when_built() {
    let new = || Issuers::builder(|_| true).make((), async |(), new| verifier_of(&new));
    let none = Duration::ZERO;
    let errors: [(Result<Issuers, ConfigError>, &str); 9] = [
        (Issuers::builder(|_| true).build(), "make"),
        (new().capacity(0).build(), "capacity"),
        (new().concurrency(0).build(), "concurrency"),
        (new().concurrency(usize::MAX).build(), "concurrency"),
        (new().idle(none).build(), "idle"),
        (new().refused_age(none).build(), "refused_age"),
        (new().cool_down(none).build(), "cool_down"),
        (new().deadline(none).build(), "deadline"),
        (
            new().http(HttpSettings::new().timeout(none)).build(),
            "timeout",
        ),
    ];
    for (built, setting) in errors {
        assert_eq!(built.unwrap_err().setting(), setting);
    }
}

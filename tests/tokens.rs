//! Tokens that a store knows: minted, verified, listed and ended.

#[path = "support/tokens.rs"]
mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use support::{Desk, present, secs, shape, verify};
use tower::{Layer, Service};
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::identity::{CredentialKind, RoleGrant};
use tower_bearer::issue::{IssueError, NewToken, TokenIssuer};
use tower_bearer::policy::Policy;
use tower_bearer::store::{
    MemoryStore, Page, StoreError, TokenFilter, TokenFormat, TokenKey, TokenState, TokenStore,
};
use tower_bearer::verifier::{
    Answer, ApiKeyVerifier, OpaqueTokenVerifier, Presented, TokenVerifierExt,
};
use tower_bearer::{BearerAuthLayer, Reason, Refusal, TokenVerifier};

#[tokio::test]
async fn a_minted_session_names_its_holder() {
    let desk = Desk::new();
    let new = NewToken::session("alice")
        .name("laptop")
        .client_id("web")
        .scopes("read write".parse().expect("scopes"))
        .role(RoleGrant::on("editor", "site-1"))
        .auth_time(secs(900))
        .acr("silver")
        .attribute("device", "Firefox")
        .lifetime(Duration::from_secs(100));
    let (token, record) = desk.mint(new).await;

    let alice = desk.verify(&token).await.expect("a session");
    assert_eq!(alice.subject(), "alice");
    assert_eq!(alice.credential_kind(), CredentialKind::Session);
    assert_eq!(alice.credential_id(), Some(&*record.id));
    assert_eq!(alice.credential_name(), Some("laptop"));
    assert_eq!(alice.client_id(), Some("web"));
    assert_eq!(alice.scopes().as_str(), "read write");
    assert!(alice.has_role_on("editor", "site-1") && !alice.has_role("editor"));
    assert_eq!(alice.issued_at(), Some(secs(1000)));
    assert_eq!(alice.expires_at(), Some(secs(1100)));
    assert_eq!(alice.auth_time(), Some(secs(900)));
    assert_eq!(alice.acr(), Some("silver"));
    assert_eq!(&*record.attributes["device"], "Firefox");
}

#[tokio::test]
async fn every_kind_is_verified_as_what_it_is() {
    let desk = Desk::new();
    for (new, kind) in [
        (NewToken::session("a"), CredentialKind::Session),
        (NewToken::access_token("a"), CredentialKind::AccessToken),
        (NewToken::bot_token("a"), CredentialKind::BotToken),
    ] {
        let (token, _) = desk.mint(new.without_expiry()).await;
        let identity = desk.verify(&token).await.expect("a good token");
        assert_eq!(
            (identity.credential_kind(), identity.expires_at()),
            (kind, None)
        );
    }
    let (key, _) = desk.mint_key("a").await;
    let identity = desk.verify_key(&key).await.expect("a good key");
    assert_eq!(identity.credential_kind(), CredentialKind::ApiKey);
    assert_eq!(identity.expires_at(), None);
}

#[tokio::test]
async fn a_token_ends_at_the_exact_moment() {
    let desk = Desk::new();
    let new = NewToken::access_token("alice").lifetime(Duration::from_millis(90_001));
    let (token, record) = desk.mint(new).await;
    desk.clock.set(Timestamp::from_unix_millis(1_090_000));
    assert!(desk.verify(&token).await.is_ok());
    desk.clock.set(Timestamp::from_unix_millis(1_090_001));
    let refusal = desk.verify(&token).await.expect_err("an expired token");
    assert_eq!(refusal.reason(), Reason::Expired);
    assert_eq!(refusal.credential_id(), Some(&*record.id));
    assert_eq!(record.state(secs(1_091)), TokenState::Expired);
}

#[tokio::test]
async fn a_session_slides_to_the_exact_millisecond_and_only_when_let_in() {
    let desk = Desk::new();
    let idle = Duration::from_secs(30);
    let (token, _) = desk.mint(NewToken::session("alice").idle(idle)).await;

    desk.clock.set(Timestamp::from_unix_millis(1_029_999));
    let alice = desk.verify(&token).await.expect("one millisecond is left");
    // As the request was let in, it goes on for another 30 seconds.
    assert_eq!(
        alice.expires_at(),
        Some(Timestamp::from_unix_millis(1_059_999))
    );
    alice.admitted(desk.now()).expect("still good");

    desk.clock.set(Timestamp::from_unix_millis(1_059_998));
    let unadmitted = desk.verify(&token).await.expect("it slid");
    drop(unadmitted);
    desk.clock.set(Timestamp::from_unix_millis(1_059_999));
    let refusal = desk.verify(&token).await.expect_err("an idle session");
    assert_eq!(refusal.reason(), Reason::Expired);
}

#[tokio::test]
async fn a_request_that_a_policy_refuses_is_no_use_of_its_session() {
    for (scopes, expected) in [("write", [200, 200]), ("read", [403, 401])] {
        let desk = Desk::new();
        let new = NewToken::session("alice")
            .scopes(scopes.parse().expect("scopes"))
            .idle(Duration::from_secs(30));
        let (token, record) = desk.mint(new).await;
        let mut service = BearerAuthLayer::builder(desk.verifier.clone())
            .clock(desk.clock.clone())
            .require(Policy::scope("write"))
            .build()
            .expect("a layer")
            .layer(tower::service_fn(async |_: http::Request<()>| {
                Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::new())))
            }));
        for (at, status) in [1020, 1031].into_iter().zip(expected) {
            desk.clock.set(secs(at));
            let request =
                http::Request::get("/").header("authorization", format!("Bearer {token}"));
            let response = service.call(request.body(()).expect("a request")).await;
            assert_eq!(
                response.expect("an answer").status(),
                status,
                "{scopes} at {at}"
            );
        }
        let stored = desk.issuer.get(record.key()).await.expect("reading");
        let last_used = stored.expect("the record").last_used;
        assert_eq!(last_used, (scopes == "write").then_some(secs(1031)));
    }
}

#[tokio::test]
async fn no_use_slides_past_the_absolute_limit() {
    let desk = Desk::new();
    let new = NewToken::session("alice")
        .idle(Duration::from_secs(30))
        .lifetime(Duration::from_secs(50));
    let (token, _) = desk.mint(new).await;
    for (at, end) in [(1020, 1050), (1049, 1050)] {
        desk.clock.set(secs(at));
        let alice = desk.verify(&token).await.expect("within both limits");
        assert_eq!(alice.expires_at(), Some(secs(end)));
        alice.admitted(desk.now()).expect("still good");
    }
    desk.clock.set(secs(1050));
    let refusal = desk.verify(&token).await.expect_err("past the limit");
    assert_eq!(refusal.detail(), "token has expired");
}

#[tokio::test]
async fn a_clock_that_steps_back_takes_no_use_back() {
    let desk = Desk::new();
    let new = NewToken::session("alice").idle(Duration::from_secs(30));
    let (token, _) = desk.mint(new).await;
    desk.clock.set(secs(1020));
    desk.verify(&token)
        .await
        .expect("good")
        .admitted(desk.now())
        .expect("still good");
    desk.clock.set(secs(990));
    let alice = desk.verify(&token).await.expect("good before it was made");
    assert_eq!(alice.expires_at(), Some(secs(1050)));
    alice.admitted(desk.now()).expect("still good");
    desk.clock.set(secs(1049));
    assert!(desk.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_revoked_token_is_refused_at_once_and_the_others_are_not() {
    let desk = Desk::new();
    let (here, record) = desk.session("alice").await;
    let (there, _) = desk.session("alice").await;
    let (bobs, _) = desk.session("bob").await;
    let (key, _) = desk.mint_key("alice").await;

    // An identity from before the end, whose use is still to be told.
    let alice = desk.verify(&here).await.expect("good");
    assert!(desk.issuer.revoke(record.key()).await.expect("revoking"));
    let late = alice.admitted(desk.now()).expect_err("ended meanwhile");
    assert_eq!(late.reason(), Reason::Revoked);
    let refusal = desk.verify(&here).await.expect_err("a revoked token");
    assert_eq!(refusal.reason(), Reason::Revoked);
    assert_eq!(refusal.credential_id(), Some(&*record.id));
    assert!(!desk.issuer.revoke(record.key()).await.expect("again"));
    assert!(desk.verify(&there).await.is_ok());

    let all = TokenFilter::all();
    let ended = desk.issuer.revoke_all("alice", &all).await;
    assert_eq!(ended.expect("revoking all"), 1);
    let refusal = desk.verify(&there).await.expect_err("revoked with all");
    assert_eq!(refusal.reason(), Reason::Revoked);
    assert!(desk.verify(&bobs).await.is_ok());
    // Sessions end without taking API keys along.
    assert!(desk.verify_key(&key).await.is_ok());
}

#[tokio::test]
async fn an_issuer_neither_lists_nor_ends_what_it_does_not_mint() {
    let desk = Desk::new();
    let (token, session) = desk.session("alice").await;
    let (_, key) = desk.mint_key("alice").await;
    let (all, page) = (TokenFilter::all(), Page::first(9));
    let listed = desk.keys.list("alice", &all, &page).await;
    assert_eq!(listed.expect("listing"), [key]);
    let asked = TokenFilter::all().kinds([CredentialKind::Session]);
    let ended = desk.keys.revoke_all("alice", &asked).await;
    assert_eq!(ended.expect("revoking all"), 0);
    let refused = desk.keys.revoke(session.key()).await;
    assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    assert_eq!(desk.keys.get(session.key()).await.expect("getting"), None);
    let refused = desk.keys.replace(&session.id, NewToken::api_key("alice"));
    let refused = refused.await.expect_err("replacing a session by a key");
    assert!(matches!(refused, IssueError::Store(StoreError::NotFound)));
    assert!(desk.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_listing_shows_the_latest_use_and_never_the_token() {
    let desk = Desk::new();
    let (token, first) = desk.session("alice").await;
    desk.clock.set(secs(1001));
    let (_, second) = desk.session("alice").await;
    desk.verify(&token)
        .await
        .expect("good")
        .admitted(desk.now())
        .expect("still good");

    let all = TokenFilter::all();
    let listed = desk.issuer.list("alice", &all, &Page::first(1)).await;
    let listed = listed.expect("listing");
    assert_eq!(listed[0].id, first.id, "the oldest first");
    assert_eq!(listed[0].last_used, Some(secs(1001)));
    assert_eq!(&*listed[0].display_start, &token[.."st_".len() + 4]);
    let next = Page::first(1).after(&*first.id);
    let listed = desk.issuer.list("alice", &all, &next).await;
    assert_eq!(listed.expect("listing"), [second]);
}

#[tokio::test]
async fn a_replaced_token_ends_as_the_new_one_begins() {
    let desk = Desk::new();
    let (old, record) = desk.mint(NewToken::bot_token("bot")).await;
    let minted = desk.issuer.replace(&record.id, NewToken::bot_token("bot"));
    let new = minted.await.expect("replacing").token.reveal();
    let refusal = desk.verify(&old).await.expect_err("the old token");
    assert_eq!(refusal.reason(), Reason::Revoked);
    assert!(desk.verify(&new).await.is_ok());
    let again = desk.issuer.replace(&record.id, NewToken::bot_token("bot"));
    let again = again.await.expect_err("replacing a token that has ended");
    assert!(matches!(again, IssueError::Store(StoreError::Ended)));
}

#[tokio::test]
async fn a_disabled_token_is_refused_as_such() {
    let desk = Desk::new();
    let (token, record) = desk.session("alice").await;
    let store = MemoryStore::new();
    let mut off = record.clone();
    off.disabled = true;
    store.insert(off).await.expect("inserting");
    let verifier = OpaqueTokenVerifier::new(Arc::new(store), desk.format.clone());
    let refusal = verify(&verifier, &token, desk.now()).await;
    let refusal = refusal.expect_err("a disabled token");
    assert_eq!(refusal.reason(), Reason::Disabled);
    assert_eq!(refusal.credential_id(), Some(&*record.id));
}

#[tokio::test]
async fn two_formats_over_one_store_keep_apart() {
    let desk = Desk::new();
    let (session, _) = desk.session("alice").await;
    let (key, _) = desk.mint_key("alice").await;
    for refusal in [
        desk.verify_key(&session)
            .await
            .expect_err("a session as a key"),
        desk.verify(&key).await.expect_err("a key as a session"),
    ] {
        assert_eq!(refusal.reason(), Reason::Invalid);
        assert_eq!(refusal.credential_id(), None);
    }
    // Where two kinds share a format by mistake, the kind still keeps them apart.
    let verifier = ApiKeyVerifier::new(desk.store.clone(), desk.format.clone());
    let verifier = verifier.expect("a verifier");
    let refusal = verify(&verifier, &session, desk.now()).await;
    assert_eq!(refusal.expect_err("a session").reason(), Reason::Invalid);
}

#[tokio::test]
async fn the_memory_store_is_answered_from_at_once() {
    let desk = Desk::new();
    let (token, _) = desk.session("alice").await;
    let verifier = Arc::new(desk.verifier.clone());
    let presented = Presented::new(present(&token), desk.now());
    assert!(matches!(
        verifier.begin(&presented),
        Some(Answer::Now(Ok(_)))
    ));
}

#[tokio::test]
async fn tokens_are_never_alike() {
    let desk = Desk::new();
    let mut seen = std::collections::HashSet::new();
    for _ in 0..1000 {
        let (token, record) = desk.session("alice").await;
        assert!(desk.format.matches_shape(token.as_bytes()));
        assert!(seen.insert(token) && seen.insert(record.id.into()));
    }
}

#[tokio::test]
async fn what_cannot_be_right_is_not_minted() {
    let desk = Desk::new();
    let zero = Duration::from_micros(999);
    let day = Duration::from_secs(86_400);
    let cases = [
        (NewToken::session("alice"), "lifetime"),
        (NewToken::access_token("alice"), "lifetime"),
        (NewToken::session("alice").lifetime(zero), "lifetime"),
        (NewToken::session("alice").lifetime(day).idle(zero), "idle"),
        (
            NewToken::session("alice").expires_at(secs(1000)),
            "expires_at",
        ),
        (NewToken::session("").lifetime(day), "subject"),
        (NewToken::api_key("alice"), "kind"),
    ];
    for (new, setting) in cases {
        let error = desk.issuer.mint(new).await.expect_err(setting);
        assert!(
            matches!(&error, IssueError::Config(config) if config.setting() == setting),
            "{setting}: {error}"
        );
    }
    let all = TokenFilter::all();
    let listed = desk.store.list("alice", &all, &Page::first(9)).await;
    assert_eq!(listed.expect("listing"), []);
}

#[test]
fn api_keys_need_a_prefix() {
    let store = Arc::new(MemoryStore::new());
    let bare = TokenFormat::new("").expect("a format for sessions");
    let verifier = ApiKeyVerifier::new(store.clone(), bare.clone());
    let error = verifier.expect_err("a verifier without a prefix");
    assert_eq!(error.setting(), "prefix");
    assert!(TokenIssuer::api_keys(store, bare).is_err());
}

#[tokio::test]
async fn nothing_prints_a_token() {
    let clock = ManualClock::new(secs(1000));
    let store = Arc::new(MemoryStore::new());
    let format = shape("st_");
    let issuer = TokenIssuer::opaque(store.clone(), format.clone()).with_clock(clock);
    let verifier = OpaqueTokenVerifier::new(store.clone(), format);
    let session = NewToken::session("alice").without_expiry();
    let mut printed = format!("{session:?}");
    let minted = issuer.mint(session).await.expect("minting");
    printed += &format!("{minted:?} {:?}", minted.token);
    let token = minted.token.reveal();
    let presented = Presented::new(present(&token), secs(1000));
    let found = store.find(&minted.record.digest).await.expect("finding");
    let alice = verifier.verify(&presented).await.expect("good");
    printed += &format!("{issuer:?} {verifier:?} {store:?} {presented:?} {found:?} {alice:?}");
    issuer.revoke(minted.record.key()).await.expect("revoking");
    let refusal = verifier.verify(&presented).await.expect_err("revoked");
    let nobody = TokenKey {
        subject: "bob",
        id: &minted.record.id,
    };
    let error = issuer.revoke(nobody).await.expect_err("somebody else's");
    printed += &format!("{refusal:?} {refusal} {error:?} {error}");

    // What may be shown is the prefix and four characters; what follows may not, and neither may a digest.
    assert!(printed.contains(&*minted.record.id));
    assert!(
        !printed.contains(&token["st_".len() + 4..][..6]),
        "{printed}"
    );
    let digest = minted.record.digest.as_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{digest:?}");
    assert!(!printed.contains(&hex) && !printed.contains(list.trim_matches(['[', ']'])));
}

#[tokio::test]
async fn a_session_that_is_ended_during_a_lookup_lets_nobody_in() {
    let desk = Desk::new();
    let (token, record) = desk.session("alice").await;
    let issuer = desk.issuer.clone();
    let verifier = desk.verifier.clone().enriched((), move |(), identity| {
        let (issuer, key_of) = (issuer.clone(), record.clone());
        async move {
            issuer.revoke(key_of.key()).await.expect("revoking");
            Ok(identity)
        }
    });
    let called = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&called);
    let mut service = BearerAuthLayer::builder(verifier)
        .clock(desk.clock.clone())
        .build()
        .expect("a layer")
        .layer(tower::service_fn(move |_: http::Request<()>| {
            seen.store(true, Ordering::SeqCst);
            async { Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::new()))) }
        }));
    let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    let response = service.call(request.body(()).expect("a request")).await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 401);
    let refusal = response.extensions().get::<Refusal>().expect("a reason");
    assert_eq!(refusal.reason(), Reason::Revoked);
    assert!(
        !called.load(Ordering::SeqCst),
        "the inner service was called"
    );
}

//! JWTs that are good only while a store has a good record of them: the tokens of bots.
#![allow(clippy::unwrap_used)]

#[path = "support/life/mod.rs"]
mod life;

use std::sync::Arc;
use std::time::Duration;

use life::{DAY, MINUTE, clock, shape, verify};
use tower_bearer::clock::{Clock, ManualClock};
use tower_bearer::identity::CredentialKind;
use tower_bearer::issue::{
    IssueError, JwtIssuer, Minted, NewJwt, NewToken, SigningKey, TokenIssuer,
};
use tower_bearer::keys::Algorithm;
use tower_bearer::store::{Digests, MemoryStore, Pepper};
use tower_bearer::verifier::{Backed, CacheSettings, OpaqueTokenVerifier, TokenVerifierExt};
use tower_bearer::{Reason, testing};

/// Bots with JWTs of any length of life, in one store.
struct Farm {
    clock: ManualClock,
    store: Arc<MemoryStore>,
    jwts: JwtIssuer,
    bots: TokenIssuer,
}

impl Farm {
    fn new() -> Self {
        let clock = clock();
        let store = Arc::new(MemoryStore::new());
        let jwts = JwtIssuer::builder(SigningKey::generate(Algorithm::EdDSA).unwrap())
            .issuer("https://id.example.com")
            .audience("https://api.example.com")
            .lifetime(MINUTE)
            .max_lifetime(365 * DAY)
            .clock(clock.clone())
            .build()
            .unwrap();
        let bots = TokenIssuer::opaque(store.clone(), shape("bot_")).with_clock(clock.clone());
        Self {
            clock,
            store,
            jwts,
            bots,
        }
    }

    fn verifier(&self) -> Backed {
        let jwts = self.jwts.verifier().allow_missing_exp().build().unwrap();
        jwts.backed(self.store.clone())
    }

    async fn regenerate(&self, new: NewToken) -> Minted {
        let minted = self.bots.regenerate_jwt(new, &self.jwts, |jwt| jwt);
        minted.await.unwrap()
    }
}

#[tokio::test]
async fn the_jwt_of_a_bot_is_good_until_the_next_one_is_made() {
    let farm = Farm::new();
    let verifier = farm.verifier();
    let new = || {
        let scopes = "frames:write".parse().unwrap();
        NewToken::bot_token("farm")
            .name("Render farm")
            .scopes(scopes)
    };
    let first = farm.regenerate(new()).await;
    let (old, record) = (first.token.reveal(), first.record);
    assert!(first.ended.is_empty());
    farm.clock.advance(1000 * DAY);
    let bot = verify(&verifier, &old, &farm.clock).await.unwrap();
    assert_eq!(bot.subject(), "farm");
    assert_eq!(bot.issuer(), Some("https://id.example.com"));
    assert_eq!(bot.credential_kind(), CredentialKind::BotToken);
    assert_eq!(bot.credential_name(), Some("Render farm"));
    assert_eq!(bot.credential_id(), Some(&*record.id));
    assert!(bot.has_scope("frames:write"));
    assert_eq!(bot.expires_at(), None);
    bot.admitted(farm.clock.now()).unwrap();
    let stored = farm.bots.get(record.key()).await.unwrap().unwrap();
    assert_eq!(stored.last_used, Some(farm.clock.now()));

    let second = farm.regenerate(new()).await;
    assert_eq!(second.ended, std::slice::from_ref(&record.id));
    let refusal = verify(&verifier, &old, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Revoked);
    // Nor does a request that was under way go on by it.
    let late = bot.admitted(farm.clock.now()).unwrap_err();
    assert_eq!(late.reason(), Reason::Revoked);
    let new = second.token.reveal();
    verify(&verifier, &new, &farm.clock).await.unwrap();

    farm.bots.disable(second.record.key()).await.unwrap();
    let refusal = verify(&verifier, &new, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Disabled);
}

#[tokio::test]
async fn an_end_that_is_set_is_in_the_record_and_in_the_token() {
    let farm = Farm::new();
    let verifier = farm.verifier();
    let start = farm.clock.now();
    let minted = farm
        .regenerate(NewToken::bot_token("farm").lifetime(DAY))
        .await;
    let end = start.saturating_add(DAY);
    assert_eq!(minted.record.expires, Some(end));
    let token = minted.token.reveal();
    let bot = verify(&verifier, &token, &farm.clock).await.unwrap();
    assert_eq!(bot.expires_at(), Some(end));
    farm.clock.set(end.saturating_sub(Duration::from_millis(1)));
    verify(&verifier, &token, &farm.clock).await.unwrap();
    farm.clock.set(end);
    let refusal = verify(&verifier, &token, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Expired);

    let too_long = NewToken::bot_token("farm").lifetime(366 * DAY);
    let refused = farm.bots.regenerate_jwt(too_long, &farm.jwts, |jwt| jwt);
    let refused = refused.await.unwrap_err();
    assert!(matches!(&refused, IssueError::Config(config) if config.setting() == "lifetime"));
    let key = NewToken::api_key("farm");
    let refused = farm.bots.regenerate_jwt(key, &farm.jwts, |jwt| jwt).await;
    assert!(matches!(refused, Err(IssueError::Config(_))));
}

#[tokio::test]
async fn neither_the_signature_nor_the_record_is_enough() {
    let farm = Farm::new();
    let verifier = farm.verifier();
    // Signed by the right key, and in no store.
    let stranger = farm.jwts.issue(NewJwt::new("farm")).unwrap().token.reveal();
    let refusal = verify(&verifier, &stranger, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    // In the store, and no JWT.
    let opaque = farm
        .bots
        .regenerate(NewToken::bot_token("farm"))
        .await
        .unwrap();
    let opaque = opaque.token.reveal();
    let refusal = verify(&verifier, &opaque, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    // And the JWT is no opaque token, though the store has a record of it.
    let jwt = farm
        .regenerate(NewToken::bot_token("farm"))
        .await
        .token
        .reveal();
    let plain = OpaqueTokenVerifier::new(farm.store.clone(), shape("bot_"));
    let refusal = verify(&plain, &jwt, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    // Somebody else's key signs nothing that counts, record or not.
    let other = Farm::new();
    let foreign = other
        .bots
        .regenerate_jwt(NewToken::bot_token("farm"), &other.jwts, |jwt| jwt);
    let foreign = foreign.await.unwrap();
    tower_bearer::store::TokenStore::insert(&*farm.store, foreign.record)
        .await
        .unwrap();
    let refusal = verify(&verifier, &foreign.token.reveal(), &farm.clock).await;
    assert_eq!(refusal.unwrap_err().reason(), Reason::Invalid);
}

#[tokio::test]
async fn what_a_cache_remembers_of_a_bot_ends_with_its_token() {
    let farm = Farm::new();
    let verifier = farm.verifier().cached(CacheSettings::new()).unwrap();
    let token = farm
        .regenerate(NewToken::bot_token("farm"))
        .await
        .token
        .reveal();
    verify(&verifier, &token, &farm.clock).await.unwrap();
    verify(&verifier, &token, &farm.clock).await.unwrap();
    let _next = farm.regenerate(NewToken::bot_token("farm")).await;
    let refusal = verify(&verifier, &token, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Revoked);
}

#[tokio::test]
async fn a_bots_jwt_may_be_kept_under_a_pepper() {
    let mut farm = Farm::new();
    let digests = Digests::peppered(Pepper::new("2026", vec![7; 32]).unwrap());
    farm.bots = farm.bots.clone().with_digests(digests.clone());
    let token = farm
        .regenerate(NewToken::bot_token("farm"))
        .await
        .token
        .reveal();
    let refusal = verify(&farm.verifier(), &token, &farm.clock)
        .await
        .unwrap_err();
    assert_eq!(refusal.reason(), Reason::Invalid);
    let verifier = farm.verifier().with_digests(digests);
    verify(&verifier, &token, &farm.clock).await.unwrap();
}

#[tokio::test]
async fn it_keeps_the_contract_of_verifiers() {
    let farm = Farm::new();
    let old = farm
        .regenerate(NewToken::bot_token("farm"))
        .await
        .token
        .reveal();
    let good = farm
        .regenerate(NewToken::bot_token("farm"))
        .await
        .token
        .reveal();
    let stranger = farm.jwts.issue(NewJwt::new("farm")).unwrap().token.reveal();
    let bad = [
        &*old,
        &*stranger,
        &good[1..],
        &good[..good.len() - 1],
        "bot_",
    ];
    let verifier = Arc::new(farm.verifier());
    testing::verifier::conformance(verifier, farm.clock.now(), &good, &bad).await;
}

#[tokio::test]
async fn a_token_that_is_made_within_a_second_lasts_to_its_end_all_the_same() {
    let farm = Farm::new();
    let verifier = farm.verifier();
    let midnight = farm.clock.now().saturating_add(DAY);
    farm.clock.advance(Duration::from_millis(700));
    let new = NewToken::bot_token("farm").expires_at(midnight);
    let token = farm.regenerate(new).await.token.reveal();
    farm.clock
        .set(midnight.saturating_sub(Duration::from_millis(1)));
    verify(&verifier, &token, &farm.clock).await.unwrap();
    farm.clock.set(midnight);
    let refusal = verify(&verifier, &token, &farm.clock).await.unwrap_err();
    assert_eq!(refusal.reason(), Reason::Expired);
    // The longest that there is stays within what the issuer gives.
    farm.clock.advance(Duration::from_millis(700));
    drop(
        farm.regenerate(NewToken::bot_token("farm").lifetime(365 * DAY))
            .await,
    );
}

//! What becomes of stored tokens after they were minted: limits, changes, rotation, bots, peppers.
#![allow(clippy::unwrap_used)]

#[path = "support/tokens.rs"]
mod support;

use std::num::NonZeroUsize;
use std::time::Duration;

use support::{Desk, shape, verify};
use tower_bearer::Reason;
use tower_bearer::issue::{IssueError, NewToken, TokenIssuer};
use tower_bearer::store::{
    Digests, Page, Pepper, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter,
    TokenStore, WhenFull,
};
use tower_bearer::verifier::ApiKeyVerifier;

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn at_most(max: usize, when_full: WhenFull) -> SubjectLimit {
    SubjectLimit {
        max: NonZeroUsize::new(max).unwrap(),
        when_full,
    }
}

#[tokio::test]
async fn one_login_too_many_ends_the_oldest_session() {
    let desk = Desk::new();
    let issuer = desk.issuer.clone();
    let issuer = issuer.with_limit(at_most(2, WhenFull::EndOldest));
    let login = async || {
        desk.clock.advance(Duration::from_secs(1));
        let new = NewToken::session("alice").lifetime(DAY);
        let minted = issuer.mint(new).await.unwrap();
        (minted.token.reveal(), minted.record, minted.ended)
    };
    let (first, first_record, ended) = login().await;
    assert!(ended.is_empty());
    let (second, ..) = login().await;
    let (third, _, ended) = login().await;
    assert_eq!(ended, [first_record.id]);
    let refused = desk.verify(&first).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Revoked);
    desk.verify(&second).await.unwrap();
    desk.verify(&third).await.unwrap();
    // Another subject, and another kind, have limits of their own.
    let new = NewToken::access_token("alice").lifetime(DAY);
    assert!(issuer.mint(new).await.unwrap().ended.is_empty());
    let new = NewToken::session("bob").lifetime(DAY);
    assert!(issuer.mint(new).await.unwrap().ended.is_empty());
    desk.verify(&second).await.unwrap();
}

#[tokio::test]
async fn one_login_too_many_is_refused_until_a_session_is_over() {
    let desk = Desk::new();
    let issuer = desk.issuer.clone();
    let issuer = issuer.with_limit(at_most(1, WhenFull::Refuse));
    let new = NewToken::session("alice").lifetime(HOUR);
    drop(issuer.mint(new.clone()).await.unwrap());
    desk.clock.advance(HOUR - Duration::from_millis(1));
    let refused = issuer.mint(new.clone()).await.unwrap_err();
    let reached = IssueError::Store(StoreError::LimitReached);
    assert_eq!(refused.to_string(), reached.to_string());
    desk.clock.advance(Duration::from_millis(1));
    drop(issuer.mint(new).await.unwrap());
}

#[tokio::test]
async fn an_api_key_is_renamed_switched_off_and_on_and_given_an_end() {
    let desk = Desk::new();
    let (token, record) = desk.mint_key("alice").await;
    let key = record.key();
    let renamed = TokenChange::new().name("nightly build");
    let renamed = desk.keys.update(key, &renamed).await.unwrap();
    assert_eq!(renamed.name.as_deref(), Some("nightly build"));
    let alice = desk.verify_key(&token).await.unwrap();
    assert_eq!(alice.credential_name(), Some("nightly build"));

    assert!(desk.keys.disable(key).await.unwrap().disabled);
    let refused = desk.verify_key(&token).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Disabled);
    assert!(!desk.keys.enable(key).await.unwrap().disabled);
    desk.verify_key(&token).await.unwrap();

    let end = TokenChange::new().expires_at(desk.now().saturating_add(HOUR));
    desk.keys.update(key, &end).await.unwrap();
    desk.clock.advance(HOUR);
    let refused = desk.verify_key(&token).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Expired);
    let no_end = TokenChange::new().without_expiry().without_name();
    let changed = desk.keys.update(key, &no_end).await.unwrap();
    assert_eq!((changed.expires, changed.name), (None, None));
    desk.verify_key(&token).await.unwrap();

    desk.keys.revoke(key).await.unwrap();
    let refused = desk.keys.enable(key).await.unwrap_err();
    assert!(matches!(refused, IssueError::Store(StoreError::Ended)));
}

#[tokio::test]
async fn only_what_an_issuer_mints_can_be_changed_by_it_and_no_digest() {
    let desk = Desk::new();
    let (_, session) = desk.session("alice").await;
    let refused = desk.keys.disable(session.key()).await.unwrap_err();
    assert!(matches!(refused, IssueError::Store(StoreError::NotFound)));
    let (_, record) = desk.mint_key("alice").await;
    let change = TokenChange::new().digest(TokenDigest::from_bytes([7; 32]), None);
    let refused = desk.keys.update(record.key(), &change).await.unwrap_err();
    assert!(matches!(refused, IssueError::Config(_)), "{refused:?}");
}

#[tokio::test]
async fn a_rotated_key_is_good_for_the_overlap_and_its_successor_takes_over() {
    let desk = Desk::new();
    let new = NewToken::api_key("alice")
        .name("ci")
        .scopes("deploy".parse().unwrap())
        .lifetime(10 * DAY);
    let minted = desk.keys.mint(new).await.unwrap();
    let (old_key, old) = (minted.token.reveal(), minted.record);
    desk.clock.advance(2 * DAY);
    let minted = desk.keys.rotate(old.key(), HOUR).await.unwrap();
    let (new_key, new) = (minted.token.reveal(), minted.record);
    assert_eq!((&new.name, &new.scopes), (&old.name, &old.scopes));
    assert_eq!(new.expires, Some(desk.now().saturating_add(10 * DAY)));
    let twice = desk.keys.rotate(old.key(), HOUR).await.unwrap_err();
    assert!(matches!(twice, IssueError::Store(StoreError::Ended)));

    desk.clock.advance(HOUR - Duration::from_millis(1));
    desk.verify_key(&old_key).await.unwrap();
    desk.verify_key(&new_key).await.unwrap();
    desk.clock.advance(Duration::from_millis(1));
    let refused = desk.verify_key(&old_key).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Expired);
    desk.verify_key(&new_key).await.unwrap();

    let minted = desk.keys.rotate(new.key(), Duration::ZERO).await.unwrap();
    let refused = desk.verify_key(&new_key).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Revoked, "no overlap");
    desk.verify_key(&minted.token.reveal()).await.unwrap();
}

#[tokio::test]
async fn a_bot_has_one_token_whatever_became_of_the_last() {
    let desk = Desk::new();
    let regenerate = async || {
        desk.clock.advance(Duration::from_secs(1));
        let new = NewToken::bot_token("render-farm");
        let minted = desk.issuer.regenerate(new).await.unwrap();
        (minted.token.reveal(), minted.record)
    };
    let (first, record) = regenerate().await;
    desk.issuer.revoke(record.key()).await.unwrap();
    let (second, record) = regenerate().await;
    desk.issuer.disable(record.key()).await.unwrap();
    let (third, _) = regenerate().await;
    let (fourth, _) = regenerate().await;
    for old in [&first, &second, &third] {
        let refused = desk.verify(old).await.unwrap_err();
        assert_eq!(refused.reason(), Reason::Revoked);
    }
    desk.verify(&fourth).await.unwrap();
    let page = Page::first(10);
    let all = TokenFilter::all();
    let listed = desk.issuer.list("render-farm", &all, &page).await.unwrap();
    let live = listed.iter().filter(|record| record.is_live(desk.now()));
    assert_eq!(live.count(), 1);
}

fn pepper(name: &str, byte: u8) -> Pepper {
    Pepper::new(name, vec![byte; 32]).unwrap()
}

/// Keys with these digests, in the desk's store.
fn peppered(desk: &Desk, digests: &Digests) -> (TokenIssuer, ApiKeyVerifier) {
    let format = shape("ak_").without_checksum();
    let issuer = TokenIssuer::api_keys(desk.store.clone(), format.clone()).unwrap();
    let verifier = ApiKeyVerifier::new(desk.store.clone(), format).unwrap();
    (
        issuer
            .with_clock(desk.clock.clone())
            .with_digests(digests.clone()),
        verifier.with_digests(digests.clone()),
    )
}

#[tokio::test]
async fn a_pepper_is_rotated_as_tokens_are_used() {
    let desk = Desk::new();
    let (plain_key, plain) = desk.mint_key("alice").await;
    let old = Digests::peppered(pepper("2025", 1));
    let (issuer, _) = peppered(&desk, &old);
    let minted = issuer.mint(NewToken::api_key("alice")).await.unwrap();
    assert_eq!(minted.record.pepper.as_deref(), Some("2025"));
    let (old_key, old_record) = (minted.token.reveal(), minted.record);

    let new = Digests::peppered(pepper("2026", 2));
    let all = new
        .clone()
        .also(pepper("2025", 1))
        .unwrap()
        .also_plain()
        .unwrap();
    let (_, verifier) = peppered(&desk, &all);
    for (key, record) in [(&plain_key, &plain), (&old_key, &old_record)] {
        verify(&verifier, key, desk.now()).await.unwrap();
        // It is given the new digest in the background.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let stored = desk.store.get(record.key()).await.unwrap().unwrap();
        assert_eq!(stored.pepper.as_deref(), Some("2026"));
        assert_ne!(stored.digest, record.digest);
        verify(&verifier, key, desk.now()).await.unwrap();
    }
    // Both were used, so the older ways are no longer needed.
    let (_, verifier) = peppered(&desk, &new);
    verify(&verifier, &plain_key, desk.now()).await.unwrap();
    verify(&verifier, &old_key, desk.now()).await.unwrap();
}

#[tokio::test]
async fn a_digest_made_without_the_pepper_opens_nothing() {
    let desk = Desk::new();
    let (key, _) = desk.mint_key("alice").await;
    let digests = Digests::peppered(pepper("2026", 2));
    let (_, verifier) = peppered(&desk, &digests);
    let refused = verify(&verifier, &key, desk.now()).await.unwrap_err();
    assert_eq!(refused.reason(), Reason::Invalid);
    let other = Digests::peppered(pepper("2026", 3));
    let (issuer, _) = peppered(&desk, &other);
    let minted = issuer.mint(NewToken::api_key("alice")).await.unwrap();
    let refused = verify(&verifier, &minted.token.reveal(), desk.now()).await;
    assert_eq!(refused.unwrap_err().reason(), Reason::Invalid);
}

#[test]
fn a_pepper_that_cannot_be_right_is_refused_and_none_prints() {
    Pepper::new("2026", vec![1; 31]).unwrap_err();
    Pepper::new("", vec![1; 32]).unwrap_err();
    let digests = Digests::peppered(pepper("2026", b'x'));
    digests.clone().also(pepper("2026", 2)).unwrap_err();
    digests
        .clone()
        .also_plain()
        .unwrap()
        .also_plain()
        .unwrap_err();
    Digests::plain().also_plain().unwrap_err();
    let printed = format!("{digests:?}");
    assert!(printed.contains("2026"), "{printed}");
    assert!(
        !printed.contains("xx") && !printed.contains("120"),
        "{printed}"
    );
}

//! What a store's troubles, and tokens that no store needs to see, lead to.

#[path = "support/remote.rs"]
mod remote;
#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use remote::Remote;
use support::{present, secs, shape, verify};
use tower_bearer::Reason;
use tower_bearer::clock::{ManualClock, Timestamp};
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::store::{Digests, MemoryStore, Pepper, TokenChange, TokenRecord, TokenStore};
use tower_bearer::testing;
use tower_bearer::verifier::{Answer, ApiKeyVerifier, OpaqueTokenVerifier, Presented};

#[tokio::test]
async fn what_is_not_in_the_format_never_reaches_the_store() {
    let store = Arc::new(Remote::default());
    let keys = shape("ak_");
    let issuer = TokenIssuer::api_keys(store.clone(), keys.clone()).expect("an issuer");
    let verifier = ApiKeyVerifier::new(store.clone(), keys).expect("a verifier");
    let minted = issuer.mint(NewToken::api_key("alice")).await;
    let key = minted.expect("minting").token.reveal();

    let flipped = |at: usize| {
        let mut text = key.clone().into_bytes();
        text[at] = if text[at] == b'x' { b'y' } else { b'x' };
        String::from_utf8(text).expect("ASCII")
    };
    let (body, checksum) = key.split_at(46);
    let junk = [
        key.replacen("ak_", "AK_", 1),
        key.replacen("ak_", "bk_", 1),
        key.replacen("ak_", "", 1),
        key.to_lowercase(),
        key.to_uppercase(),
        format!("{key}="),
        format!("{key}0"),
        format!("x{key}"),
        body.to_owned(),
        format!("{body}{}", checksum.chars().rev().collect::<String>() + "0"),
        key[..key.len() - 1].to_owned(),
        flipped(3),
        flipped(20),
        flipped(46),
        flipped(51),
        "ak_".to_owned(),
        "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl".to_owned(),
    ];
    for text in junk {
        let refusal = verify(&verifier, &text, secs(1000)).await;
        let refusal = refusal.expect_err("junk");
        assert_eq!(refusal.reason(), Reason::Invalid);
    }
    assert_eq!(store.lookups(), 0);
    let good = verify(&verifier, &key, secs(1000)).await;
    assert_eq!(good.expect("the key itself").subject(), "alice");
    assert_eq!(store.lookups(), 1);
}

#[tokio::test]
async fn a_store_that_is_down_refuses_no_token() {
    let store = Arc::new(Remote::default());
    let (issuer, verifier) = desk(&store);
    let new = NewToken::session("alice").without_expiry();
    let minted = issuer.mint(new.clone()).await.expect("minting");
    let token = minted.token.reveal();

    store.set_down(true);
    let refusal = verify(&verifier, &token, secs(1000)).await;
    let refusal = refusal.expect_err("no answer");
    assert_eq!(refusal.reason(), Reason::Unavailable);
    let cause = std::error::Error::source(&refusal).expect("the store's error");
    assert_eq!(cause.to_string(), "store remote is unavailable");
    let cause = cause.source().expect("what lies beneath");
    assert_eq!(cause.to_string(), "connection refused");
    assert!(issuer.mint(new).await.is_err());
    assert!(issuer.revoke(minted.record.key()).await.is_err());

    store.set_down(false);
    assert!(verify(&verifier, &token, secs(1000)).await.is_ok());
}

#[tokio::test]
async fn a_store_with_no_listener_is_told_of_uses_in_the_background() {
    let store = Arc::new(Remote::default());
    let (issuer, verifier) = desk(&store);
    let session = NewToken::session("alice").idle(Duration::from_secs(30));
    let minted = issuer.mint(session).await.expect("minting");
    let token = minted.token.reveal();

    let presented = Presented::new(present(&token), secs(1029));
    let answer = Answer::of(&Arc::new(verifier.clone()), &presented);
    assert!(matches!(answer, Answer::Later(_)), "{answer:?}");
    let alice = answer.wait().await.expect("a good session");
    assert_eq!(alice.expires_at(), Some(secs(1059)));
    assert!(store.touches().is_empty(), "before it is let in");

    alice.admitted(secs(1029)).expect("still good");
    // By another task, which waits for the store.
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.touches(), [1]);
    let last = Timestamp::from_unix_millis(1_058_999);
    assert!(verify(&verifier, &token, last).await.is_ok());
    let refusal = verify(&verifier, &token, secs(1059)).await;
    assert_eq!(refusal.expect_err("idle").reason(), Reason::Expired);
}

#[test]
fn a_use_outside_a_runtime_is_let_go() {
    let store = Arc::new(Remote::default());
    let (issuer, verifier) = desk(&store);
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let alice = runtime.expect("a runtime").block_on(async {
        let session = NewToken::session("alice").without_expiry();
        let minted = issuer.mint(session).await.expect("minting");
        verify(&verifier, &minted.token.reveal(), secs(1000)).await
    });
    alice
        .expect("a good session")
        .admitted(secs(1000))
        .expect("still good");
    assert!(store.touches().is_empty());
}

#[tokio::test]
async fn a_key_whose_digest_moves_while_it_is_looked_for_is_found() {
    let pepper = |name: &str| Pepper::new(name, name.repeat(32).into_bytes()).expect("a pepper");
    let old = Digests::peppered(pepper("a"));
    let both = Digests::peppered(pepper("b"));
    let both = both.also(pepper("a")).expect("two peppers");
    // Whichever turn of the look-up the move falls into.
    for turns in 0..8 {
        let store = Arc::new(Remote::default());
        let (issuer, verifier) = desk(&store);
        let session = NewToken::session("alice").without_expiry();
        let minted = issuer.with_digests(old.clone()).mint(session).await;
        let minted = minted.expect("minting");
        let (token, record) = (minted.token.reveal(), minted.record);
        let change = moved(&token, &record, both.clone()).await;

        let moving = async {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            store.rows.update(record.key(), &change).await
        };
        let verifier = verifier.with_digests(both.clone());
        let (updated, found) = tokio::join!(moving, verify(&verifier, &token, secs(1000)));
        updated.expect("moving");
        assert_eq!(found.expect("a good session").subject(), "alice", "{turns}");
    }
}

/// What gives a token the digest that it is found by first, as a verifier does by itself.
async fn moved(token: &str, record: &TokenRecord, digests: Digests) -> TokenChange {
    let scratch = Arc::new(MemoryStore::new());
    scratch.insert(record.clone()).await.expect("inserting");
    let verifier = OpaqueTokenVerifier::new(scratch.clone(), shape("st_")).with_digests(digests);
    verify(&verifier, token, secs(1000)).await.expect("good");
    tokio::task::yield_now().await;
    let moved = scratch.get(record.key()).await.expect("reading");
    let moved = moved.expect("the record");
    assert_ne!(moved.digest, record.digest);
    TokenChange::new().digest(moved.digest, moved.pepper)
}

#[tokio::test]
async fn a_store_that_is_waited_for_meets_the_contract() {
    testing::store::conformance(&Remote::default()).await;
}

fn desk(store: &Arc<Remote>) -> (TokenIssuer, OpaqueTokenVerifier) {
    let clock = ManualClock::new(secs(1000));
    let issuer = TokenIssuer::opaque(store.clone(), shape("st_")).with_clock(clock);
    let verifier = OpaqueTokenVerifier::new(store.clone(), shape("st_"));
    (issuer, verifier)
}

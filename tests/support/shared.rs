//! What the tests of stores share that several nodes have open.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tower_bearer::audit::{AuditAction, AuditEvent, AuditTarget, AuditTrail};
use tower_bearer::identity::{CredentialKind, Identity};
use tower_bearer::issue::{NewToken, TokenIssuer};
use tower_bearer::revocation::{Ending, Feed, FeedMessage, Subscription};
use tower_bearer::store::{
    Page, StoreError, SubjectLimit, TokenChange, TokenDigest, TokenFilter, TokenFormat, TokenKey,
    TokenRecord, TokenStore, TokenUse, WhenFull,
};

use super::support::secs;

/// A session of alice's, with a digest by its id.
pub(crate) fn session(id: &str) -> TokenRecord {
    session_of("alice", id)
}

pub(crate) fn session_of(subject: &str, id: &str) -> TokenRecord {
    let digest = TokenDigest::of(format!("{subject}/{id}").as_bytes());
    TokenRecord::new(id, digest, CredentialKind::Session, subject, secs(0))
}

pub(crate) async fn insert(store: &dyn TokenStore, record: &TokenRecord) {
    store.insert(record.clone()).await.expect("inserting");
}

pub(crate) async fn get(store: &dyn TokenStore, id: &str) -> Option<TokenRecord> {
    let key = TokenKey {
        subject: "alice",
        id,
    };
    store.get(key).await.expect("getting")
}

/// The next ending of which a subscription hears.
pub(crate) async fn next_ending(subscription: &mut dyn Subscription) -> Ending {
    loop {
        let next = tokio::time::timeout(Duration::from_secs(20), subscription.next());
        let message = next.await.expect("hearing in time").expect("hearing");
        if let FeedMessage::Ending(ending) = message {
            return ending;
        }
    }
}

pub(crate) fn ending_of(id: &str) -> Ending {
    Ending::Token {
        subject: "alice".into(),
        id: id.into(),
    }
}

/// What one node ends, another does not let in, and hears of.
pub(crate) async fn what_one_ends_the_other_sees_and_hears<S: TokenStore + Feed>(one: &S, two: &S) {
    insert(one, &session("1")).await;
    insert(two, &session("2")).await;
    let mut ear = two.subscribe().await.expect("subscribing");
    let ended = one.revoke(session("1").key(), secs(1)).await;
    assert!(ended.expect("revoking"));
    let found = two.find(&session("1").digest).await.expect("finding");
    assert_eq!(found.expect("a record").record().revoked, Some(secs(1)));
    assert_eq!(next_ending(&mut *ear).await, ending_of("1"));

    let change = TokenChange::new().name("phone");
    let changed = one.update(session("2").key(), &change).await;
    assert_eq!(changed.expect("changing").name.as_deref(), Some("phone"));
    let changed = Ending::Changed {
        subject: "alice".into(),
        id: "2".into(),
    };
    assert_eq!(next_ending(&mut *ear).await, changed);
    // One that was refused is told to nobody, and the next is.
    let refused = one.update(session("1").key(), &change).await;
    assert!(matches!(refused, Err(StoreError::Ended)), "{refused:?}");
    let all = TokenFilter::all().kinds([CredentialKind::Session]);
    let ended = one.revoke_all("alice", &all, secs(2)).await;
    assert_eq!(ended.expect("revoking all"), 1);
    let ending = Ending::Tokens {
        subject: "alice".into(),
        filter: all,
    };
    assert_eq!(next_ending(&mut *ear).await, ending);
}

/// A batch of a thousand uses and more, some of one token, is recorded within the time of one call.
pub(crate) async fn a_large_batch_of_uses_is_recorded(store: &dyn TokenStore) {
    let records: Vec<_> = (0..400).map(|id| session(&format!("{id}"))).collect();
    for record in &records {
        insert(store, record).await;
    }
    let used = |used_at: i64| {
        let at = secs(used_at);
        records.iter().map(move |record| TokenUse {
            key: record.key(),
            at,
        })
    };
    let uses: Vec<_> = used(20).chain(used(30)).chain(used(10)).collect();
    store.touch(&uses).await.expect("touching");
    for record in &records {
        let stored = get(store, &record.id).await.expect("a record");
        assert_eq!(stored.last_used, Some(secs(30)));
    }
}

/// Eight tasks on two nodes at once, again and again: the limit holds, and nothing good is left of what
/// races with an end of all.
pub(crate) async fn races_between_nodes_keep_every_promise<S: TokenStore + 'static>(
    nodes: [Arc<S>; 2],
) {
    for round in 0..15 {
        let subject = format!("racer {round}");
        let limit = SubjectLimit {
            max: NonZeroUsize::new(3).expect("three"),
            when_full: WhenFull::EndOldest,
        };
        let mut racers = tokio::task::JoinSet::new();
        for racer in 0..8 {
            let (store, record) = (
                Arc::clone(&nodes[racer % 2]),
                session_of(&subject, &racer.to_string()),
            );
            racers.spawn(async move {
                let ended = store.insert_within(record.clone(), limit, secs(1)).await;
                ended.expect("making room");
                let used = [TokenUse {
                    key: record.key(),
                    at: secs(1),
                }];
                store.touch(&used).await.expect("touching");
            });
        }
        racers.join_all().await;
        let page = Page::first(99);
        let listed = nodes[0].list(&subject, &TokenFilter::all(), &page).await;
        let live = listed.expect("listing").into_iter();
        let live: Vec<_> = live.filter(|record| record.is_live(secs(1))).collect();
        assert_eq!(live.len(), 3, "{live:?}");

        let mut racers = tokio::task::JoinSet::new();
        for (racer, old) in live.into_iter().enumerate() {
            let store = Arc::clone(&nodes[racer % 2]);
            let heir = session_of(&subject, &format!("heir {racer}"));
            racers.spawn(async move {
                let replaced = store.replace(&old.id, heir, Duration::ZERO, secs(1)).await;
                let is_fair = matches!(replaced, Ok(()) | Err(StoreError::Ended));
                assert!(is_fair, "{replaced:?}");
            });
        }
        let (store, whose) = (Arc::clone(&nodes[1]), subject.clone());
        racers.spawn(async move {
            let ended = store.revoke_all(&whose, &TokenFilter::all(), secs(2)).await;
            assert_eq!(ended.expect("revoking all"), 3);
        });
        racers.join_all().await;
        let listed = nodes[0].list(&subject, &TokenFilter::all(), &page).await;
        let listed = listed.expect("listing");
        let good: Vec<_> = listed.iter().filter(|it| it.revoked.is_none()).collect();
        assert!(good.is_empty(), "{good:?}");
    }
}

/// Of several nodes that replace one token by successors of one digest, as those do at which the same refresh
/// token is spent at once, one succeeds; and the others are told so when it has, and not before.
pub(crate) async fn who_is_told_that_a_digest_is_taken_finds_it_so<S: TokenStore + 'static>(
    nodes: Vec<Arc<S>>,
) {
    for round in 0..40 {
        let old = session_of("alice", &format!("spent {round}"));
        insert(&*nodes[0], &old).await;
        let mut racers = tokio::task::JoinSet::new();
        for (racer, store) in nodes.iter().map(Arc::clone).enumerate() {
            let (old, mut heir) = (old.clone(), session(&format!("heir {round} {racer}")));
            heir.digest = TokenDigest::of(format!("heir {round}").as_bytes());
            racers.spawn(async move {
                let id = heir.id.clone();
                let replaced = store.replace(&old.id, heir, Duration::ZERO, secs(1)).await;
                let is_lost =
                    matches!(replaced, Err(StoreError::Ended | StoreError::AlreadyExists));
                assert!(replaced.is_ok() || is_lost, "{replaced:?}");
                let stored = get(&*store, &old.id).await.expect("the old one");
                let heir = stored.replaced_by.expect("replaced by somebody");
                assert_eq!(heir == id, replaced.is_ok());
                usize::from(replaced.is_ok())
            });
        }
        let won: usize = racers.join_all().await.iter().sum();
        assert_eq!(won, 1, "of {}", nodes.len());
    }
}

/// A change that is given up at any of its waits is done, or it is not; and what is acknowledged after it is
/// there for everybody.
pub(crate) async fn a_call_that_is_given_up_leaves_nothing_half_done<S: TokenStore>(
    one: &S,
    two: &S,
) {
    let (mut done, mut undone) = (0, 0);
    for polls in 1..40 {
        let (old, new) = (
            session(&format!("old {polls}")),
            session(&format!("new {polls}")),
        );
        insert(one, &old).await;
        let mut replacing = one.replace(&old.id, new.clone(), Duration::ZERO, secs(1));
        let mut left = polls;
        poll_fn(|context| {
            left -= 1;
            match replacing.as_mut().poll(context) {
                Poll::Pending if left > 0 => Poll::Pending,
                _ => Poll::Ready(()),
            }
        })
        .await;
        drop(replacing);

        let next = session(&format!("next {polls}"));
        insert(one, &next).await;
        assert!(get(two, &next.id).await.is_some(), "acknowledged, and lost");
        let old = get(two, &old.id).await.expect("the old one");
        let new = get(two, &new.id).await;
        assert_eq!(old.revoked.is_some(), new.is_some(), "half done");
        done += usize::from(new.is_some());
        undone += usize::from(new.is_none());
    }
    assert!(undone > 0, "none was given up in time");
    assert!(done > 0, "none came to its end");
}

/// Tokens of every kind, and what is kept of them has nothing of their texts.
pub(crate) async fn mint_some(store: Arc<dyn TokenStore>) -> Vec<String> {
    let format = TokenFormat::new("st_").expect("a prefix");
    let issuer = TokenIssuer::opaque(store, format);
    let mut texts = Vec::new();
    for number in 0..20 {
        let new = NewToken::session(format!("user {number}")).lifetime(Duration::from_secs(60));
        let minted = issuer.mint(new).await.expect("minting");
        texts.push(minted.token.reveal());
    }
    texts
}

/// That no eight characters of a token's random part are among `bytes`.
pub(crate) fn assert_nothing_of(texts: &[String], bytes: &[u8]) {
    let windows: std::collections::HashSet<&[u8]> = bytes.windows(8).collect();
    for text in texts {
        let random = &text.as_bytes()[3..46];
        for part in random.windows(8) {
            assert!(!windows.contains(part), "a part of a token is kept");
        }
    }
}

/// Some lines of a trail.
pub(crate) fn some_lines() -> Vec<AuditEvent> {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&lines);
    let trail = AuditTrail::builder()
        .sink(move |event: &AuditEvent| sink.lock().expect("the lines").push(event.clone()))
        .build()
        .expect("a trail");
    let alice = Identity::new("alice", CredentialKind::Session).with_credential_id("s-1");
    let bot = Identity::new("bob", CredentialKind::BotToken).with_credential_name("nightly\0'");
    let mut target = AuditTarget::new(CredentialKind::ApiKey, "alice");
    target.id = Some("k-1".into());
    trail.record(secs(1), AuditAction::Issued, target.clone(), Some(&alice));
    target.replaces = Some("k-0".into());
    target.issuer = Some("https://id.example.com".into());
    target.session_id = Some("s\0".into());
    target.client_id = Some("web".into());
    target.key_id = Some("2026".into());
    target.issued_before = Some(secs(9));
    trail.record(secs(2), AuditAction::RevokedAll(7), target, Some(&bot));
    let mut lines = lines.lock().expect("the lines").clone();
    lines[1].lost_before = 5;
    lines
}

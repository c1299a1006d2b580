//! The memory stores, by the contract and under threads.

#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use support::secs;
use tower_bearer::identity::CredentialKind;
use tower_bearer::revocation::MemoryRevocations;
use tower_bearer::store::{
    MemoryStore, Page, TokenDigest, TokenFilter, TokenKey, TokenRecord, TokenStore, TokenUse,
};
use tower_bearer::testing;

const ROUNDS: u64 = 2_000;
const NO_OVERLAP: Duration = Duration::ZERO;

#[tokio::test]
async fn it_meets_the_contract() {
    let store = MemoryStore::new();
    testing::store::conformance(&store).await;
    testing::store::conformance(&store).await;
    testing::store::conformance(&Arc::new(store)).await;
}

#[tokio::test]
async fn revocations_in_memory_meet_the_contract() {
    let revocations = MemoryRevocations::new();
    testing::revocation::conformance(&revocations).await;
    testing::revocation::conformance(&Arc::new(revocations)).await;
}

#[test]
fn a_lookup_sees_one_good_token_at_every_moment_of_a_replacement() {
    let store = MemoryStore::new();
    let rounds = 20 * ROUNDS;
    // The token that is being replaced.
    let old = AtomicU64::new(0);
    wait(store.insert(record("alice", 0))).expect("inserting");
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            loop {
                let number = old.load(Ordering::SeqCst);
                if number == rounds {
                    break;
                }
                if is_good(&store, number + 1) {
                    assert!(!is_good(&store, number), "two good tokens");
                } else if !is_good(&store, number) {
                    assert!(is_there(&store, number + 1), "no good token");
                }
            }
        });
        for number in 0..rounds {
            let id = number.to_string();
            let replaced = store.replace(&id, record("alice", number + 1), NO_OVERLAP, secs(1));
            wait(replaced).expect("replacing");
            old.store(number + 1, Ordering::SeqCst);
        }
        watcher.join().expect("the watcher");
    });
    assert!(is_good(&store, rounds));
}

#[test]
fn nothing_good_is_left_of_inserts_that_race_with_an_end() {
    for round in 0..ROUNDS {
        let store = MemoryStore::new();
        let first = record("alice", round);
        wait(store.insert(first.clone())).expect("inserting");
        let uses = [TokenUse {
            key: first.key(),
            at: secs(2),
        }];
        std::thread::scope(|scope| {
            scope.spawn(|| wait(store.touch(&uses)).expect("touching"));
            scope.spawn(|| {
                let next = record("alice", ROUNDS);
                let replaced = wait(store.replace(&first.id, next, NO_OVERLAP, secs(1)));
                // It came before the end of all, or found the token ended.
                drop(replaced);
            });
            let all = TokenFilter::all();
            wait(store.revoke_all("alice", &all, secs(1))).expect("revoking all");
        });
        let page = Page::first(9);
        let left = wait(store.list("alice", &TokenFilter::all(), &page)).expect("listing");
        assert!(
            left.iter().all(|record| record.revoked.is_some()),
            "{left:?}"
        );
        let first = left.iter().find(|record| record.id == first.id);
        assert_eq!(first.expect("the first").last_used, Some(secs(2)));
    }
}

#[test]
fn many_threads_mint_and_end_without_losing_any() {
    let store = MemoryStore::new();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let store = &store;
            scope.spawn(move || {
                for number in (thread..ROUNDS).step_by(4) {
                    let subject = format!("user-{}", number % 7);
                    let record = record(&subject, number);
                    wait(store.insert(record.clone())).expect("inserting");
                    if number % 3 == 0 {
                        let ended = wait(store.revoke(record.key(), secs(1)));
                        assert!(ended.expect("revoking"));
                    }
                    if number % 64 == 0 {
                        wait(store.prune(secs(1), 10)).expect("pruning");
                    }
                }
            });
        }
    });
    while wait(store.prune(secs(1), 100)).expect("pruning") == 100 {}
    for number in 0..ROUNDS {
        assert_eq!(is_good(&store, number), number % 3 != 0, "{number}");
        let (subject, id) = (format!("user-{}", number % 7), number.to_string());
        let key = TokenKey {
            subject: &subject,
            id: &id,
        };
        let got = wait(store.get(key)).expect("getting");
        assert_eq!(got.is_some(), number % 3 != 0, "{number}");
    }
}

fn record(subject: &str, number: u64) -> TokenRecord {
    let digest = digest(number);
    TokenRecord::new(
        number.to_string(),
        digest,
        CredentialKind::Session,
        subject,
        secs(0),
    )
}

fn digest(number: u64) -> TokenDigest {
    TokenDigest::of(&number.to_be_bytes())
}

fn is_good(store: &MemoryStore, number: u64) -> bool {
    let found = wait(store.find(&digest(number))).expect("finding");
    found.is_some_and(|found| found.record().revoked.is_none())
}

fn is_there(store: &MemoryStore, number: u64) -> bool {
    wait(store.find(&digest(number)))
        .expect("finding")
        .is_some()
}

/// The output of a future that never waits.
fn wait<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(output) => output,
        std::task::Poll::Pending => panic!("the memory store waited"),
    }
}

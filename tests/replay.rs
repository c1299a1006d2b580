//! What may be presented once, remembered in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tower_bearer::clock::Timestamp;
use tower_bearer::error::StoreError;
use tower_bearer::replay::{MemoryReplayStore, ReplayId, ReplayStore};
use tower_bearer::testing;

#[tokio::test]
async fn the_store_in_memory_meets_the_contract() {
    let store = MemoryReplayStore::new();
    testing::replay::conformance(&store).await;
    testing::replay::conformance(&store).await;
    testing::replay::conformance(&Arc::new(store)).await;
}

#[test]
fn of_many_threads_that_present_the_same_ids_each_is_let_in_once() {
    const IDS: usize = 5_000;
    let store = MemoryReplayStore::new();
    let taken = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..IDS {
                    let first = remember(&store, number, secs(60), secs(0));
                    taken.fetch_add(usize::from(first.expect("room")), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(taken.into_inner(), IDS);
}

#[test]
fn a_store_without_room_is_unavailable_and_forgets_nothing() {
    let store = MemoryReplayStore::with_limit(3);
    for number in 0..3 {
        let end = secs(60 + i64::try_from(number).expect("small"));
        assert!(remember(&store, number, end, secs(0)).expect("room"));
    }
    for number in 3..9 {
        let refused = remember(&store, number, secs(99), secs(0));
        let refused = refused.expect_err("no room");
        assert!(matches!(refused, StoreError::Unavailable { .. }));
        assert_eq!(refused.to_string(), "store memory is unavailable");
    }
    for number in 0..3 {
        let again = remember(&store, number, secs(99), secs(59));
        assert!(!again.expect("it is known"), "{number} was forgotten");
    }
    // Each that is over makes room for one.
    assert!(remember(&store, 3, secs(99), secs(60)).expect("room"));
    remember(&store, 4, secs(99), secs(60)).expect_err("no room");
    // An id that is over itself needs none.
    assert!(remember(&store, 1, secs(99), secs(61)).expect("room"));
    remember(&store, 4, secs(99), secs(61)).expect_err("no room");
    assert!(remember(&store, 4, secs(99), secs(62)).expect("room"));
}

#[test]
fn a_limit_of_none_is_a_limit_of_one() {
    let store = MemoryReplayStore::with_limit(0);
    assert!(remember(&store, 0, secs(60), secs(0)).expect("room"));
    remember(&store, 1, secs(60), secs(0)).expect_err("no room");
}

#[test]
fn a_clock_that_goes_an_hour_ahead_and_back_lets_nothing_in_twice() {
    let store = MemoryReplayStore::new();
    assert!(remember(&store, 0, secs(60), secs(0)).expect("room"));
    for number in 1..100 {
        let first = remember(&store, number, secs(3_660), secs(3_600));
        assert!(first.expect("room"));
    }
    assert!(!remember(&store, 0, secs(60), secs(1)).expect("room"));
}

#[test]
fn what_is_long_over_goes_by_itself() {
    let store = MemoryReplayStore::new();
    let known = |count: usize| format!("known: {count},");
    for number in 0..1_000 {
        assert!(remember(&store, number, secs(60), secs(0)).expect("room"));
    }
    assert!(format!("{store:?}").contains(&known(1_000)), "{store:?}");
    for number in 0..400 {
        let first = remember(&store, 5_000 + number, secs(9_060), secs(9_000));
        assert!(first.expect("room"));
    }
    assert!(format!("{store:?}").contains(&known(400)), "{store:?}");
}

#[test]
fn an_id_tells_its_parts_apart_and_shows_none_of_them() {
    let id = |parts: &[&str]| ReplayId::of("dpop", parts);
    assert_eq!(
        id(&["a", "bc"]),
        ReplayId::of("dpop", [b"a".to_vec(), b"bc".to_vec()])
    );
    assert_ne!(id(&["a", "bc"]), id(&["ab", "c"]));
    assert_ne!(id(&["a", "bc"]), id(&["abc"]));
    assert_ne!(id(&["a"]), id(&["a", ""]));
    assert_ne!(id(&["x"]), ReplayId::of("dpo", ["p", "x"]));
    assert_ne!(id(&["x"]), ReplayId::of("nonce", ["x"]));
    assert_eq!(ReplayId::from_bytes(*id(&["a"]).as_bytes()), id(&["a"]));
    assert_eq!(format!("{:?}", id(&["a"])), "ReplayId([REDACTED])");
}

fn remember(
    store: &MemoryReplayStore,
    number: usize,
    until: Timestamp,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let id = ReplayId::of("test", [number.to_string()]);
    let told = store.remember_once_now(&id, until, now);
    told.expect("a store that never waits")
}

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_unix_secs(secs)
}

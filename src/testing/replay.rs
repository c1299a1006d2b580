//! The contract of a [`ReplayStore`], as tests.
//!
//! ```
//! use tower_bearer::replay::MemoryReplayStore;
//! use tower_bearer::testing;
//!
//! # #[tokio::main] async fn main() {
//! testing::replay::conformance(&MemoryReplayStore::new()).await;
//! # }
//! ```
//!
//! Every test takes ids of its own, by random names, and all are dated in 1970. What races here does so on
//! one task: a store whose calls never wait needs tests of its own, with threads; and one that several nodes
//! share, with several of them.

use super::support::{at, random, together};
use crate::clock::Timestamp;
use crate::replay::{ReplayId, ReplayStore};

const RACERS: usize = 8;
/// How many ids come while others are to be remembered.
const CROWD: i64 = 300;

/// Runs every test of this module on `store`.
///
/// # Panics
/// Where the contract is broken.
pub async fn conformance(store: &dyn ReplayStore) {
    an_id_is_taken_once(store).await;
    another_id_is_another(store).await;
    the_end_is_exact(store).await;
    what_was_taken_again_is_remembered_again(store).await;
    a_call_that_comes_too_late_changes_nothing(store).await;
    what_is_over_is_never_taken(store).await;
    any_moment_may_be_the_end(store).await;
    of_racers_one_comes_first(store).await;
    what_is_answered_at_once_is_the_answer(store).await;
    nothing_is_forgotten_in_a_crowd(store).await;
}

/// Whoever comes first takes the id, and nobody after them.
///
/// # Panics
/// Where the contract is broken.
pub async fn an_id_is_taken_once(store: &dyn ReplayStore) {
    let id = an_id();
    assert!(take(store, id, at(60), at(0)).await, "a new id");
    for secs in [0, 1, 59] {
        let taken = take(store, id, at(secs + 60), at(secs)).await;
        assert!(!taken, "taken twice, after {secs} seconds");
    }
    // By a clock that is behind, too.
    assert!(!take(store, id, at(50), at(-10)).await, "taken twice");
}

/// Ids are compared as a whole, byte by byte; and what is named by other texts is another id, whatever they
/// are.
///
/// # Panics
/// Where the contract is broken.
pub async fn another_id_is_another(store: &dyn ReplayStore) {
    let bytes = random();
    let mut ids = vec![ReplayId::from_bytes(bytes)];
    for place in 0..bytes.len() {
        for other in [bytes[place] ^ 1, bytes[place] ^ 0x80, bytes[place] ^ 0x20] {
            let mut bytes = bytes;
            bytes[place] = other;
            ids.push(ReplayId::from_bytes(bytes));
        }
    }
    // Bytes that end a text, or have a meaning in one.
    for rest in [random(), random()] {
        for filler in [0, b'\n', b'\'', b'\\', b'%', b' ', b'k', b'K', 0xff] {
            let mut bytes = rest;
            bytes[..16].fill(filler);
            ids.push(ReplayId::from_bytes(bytes));
        }
    }
    let name = String::from_utf8_lossy(&random()).into_owned();
    let long = "x".repeat(1_000_000);
    for parts in [
        vec![],
        vec![""],
        vec!["", ""],
        vec!["ab", "c"],
        vec!["a", "bc"],
        vec!["abc"],
        vec!["ABC"],
        vec!["c", "ab"],
        vec!["a\0bc"],
        vec!["á"],
        vec!["a\u{301}"],
        vec![&*long],
        vec![&long[1..], "x"],
        vec!["\u{1f511}' OR 1=1; --\r\n"],
    ] {
        ids.push(ReplayId::of("dpop", parts.iter().chain([&&*name])));
        ids.push(ReplayId::of(&name, &parts));
    }
    for (place, id) in ids.iter().enumerate() {
        assert!(take(store, *id, at(60), at(0)).await, "number {place}");
    }
    for (place, id) in ids.iter().enumerate() {
        assert!(!take(store, *id, at(60), at(0)).await, "number {place}");
    }
}

/// An id is remembered to the last millisecond before its end, and from then on may be taken again.
///
/// # Panics
/// Where the contract is broken.
pub async fn the_end_is_exact(store: &dyn ReplayStore) {
    for millis in [60_000, 60_001, 60_500, 60_999] {
        let id = an_id();
        let end = after(at(0), millis);
        assert!(take(store, id, end, at(0)).await, "a new id");
        for early in [30_000, 1_000, 999, 1] {
            let now = after(end, -early);
            let taken = take(store, id, after(now, 60_000), now).await;
            assert!(!taken, "taken {early} ms before its end");
        }
        let taken = take(store, id, after(end, 60_000), end).await;
        assert!(taken, "not free at its end, after {millis} ms");
    }
    let id = an_id();
    assert!(take(store, id, at(1), at(0)).await, "a new id");
    assert!(take(store, id, at(9_999), at(9_000)).await, "long over");
}

/// An id that was taken for a second time is remembered until its second end, be that far or near.
///
/// # Panics
/// Where the contract is broken.
pub async fn what_was_taken_again_is_remembered_again(store: &dyn ReplayStore) {
    let id = an_id();
    let mut end = at(0);
    for millis in [60_000, 1, 5, 3_600_000, 1] {
        let begin = end;
        end = after(begin, millis);
        assert!(take(store, id, end, begin).await, "over at its end");
        for now in [begin, after(end, -1)] {
            assert!(!take(store, id, after(now, 1), now).await, "taken twice");
        }
    }
}

/// A call that is told that an id was taken moves its end neither back nor forth.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_call_that_comes_too_late_changes_nothing(store: &dyn ReplayStore) {
    let id = an_id();
    assert!(take(store, id, at(60), at(0)).await, "a new id");
    for secs in [1, 59, 61, 9_000] {
        assert!(!take(store, id, at(secs), at(0)).await, "taken twice");
    }
    assert!(!take(store, id, at(99), at(59)).await, "its end moved back");
    assert!(take(store, id, at(99), at(60)).await, "its end moved forth");
}

/// What is over is not taken, and nothing is remembered of it.
///
/// # Panics
/// Where the contract is broken.
pub async fn what_is_over_is_never_taken(store: &dyn ReplayStore) {
    let id = an_id();
    for end in [at(10), after(at(10), -1), at(-9_000), FIRST] {
        assert!(!take(store, id, end, at(10)).await, "over, and taken");
    }
    assert!(take(store, id, at(11), at(10)).await, "it was not taken");
    assert!(!take(store, id, at(11), at(11)).await, "over, and taken");
    assert!(!take(store, id, at(10), at(11)).await, "over, and taken");
}

/// Before 1970 and until the end of time it is as at any other time.
///
/// # Panics
/// Where the contract is broken.
pub async fn any_moment_may_be_the_end(store: &dyn ReplayStore) {
    let ever = an_id();
    assert!(take(store, ever, Timestamp::MAX, FIRST).await, "a new id");
    for now in [FIRST, at(-9_000_000), at(9_000)] {
        assert!(!take(store, ever, Timestamp::MAX, now).await, "taken twice");
    }
    let long_ago = an_id();
    let [begin, end] = [-9_000_001, -8_999_999].map(Timestamp::from_unix_millis);
    assert!(take(store, long_ago, end, begin).await, "a new id");
    let last = after(end, -1);
    assert!(!take(store, long_ago, end, last).await, "taken twice");
    assert!(take(store, long_ago, at(0), end).await, "not free");
    assert!(!take(store, long_ago, at(0), at(-1)).await, "taken twice");
}

/// Of those who come at once, one takes the id, be it new or over.
///
/// # Panics
/// Where the contract is broken.
pub async fn of_racers_one_comes_first(store: &dyn ReplayStore) {
    for round in 0..5 {
        let id = an_id();
        for now in [at(0), at(60), at(5_000)] {
            let end = after(now, 60_000);
            let calls = (0..RACERS).map(|_| store.remember_once(&id, end, now));
            let told: Result<Vec<_>, _> = together(calls).await.into_iter().collect();
            let told = told.expect("remembering");
            let first = told.iter().filter(|first| **first).count();
            assert_eq!(first, 1, "who came first in round {round}, at {now:?}");
        }
    }
}

/// A store that answers at once has done it then; and one that does not has done nothing.
///
/// # Panics
/// Where the contract is broken.
pub async fn what_is_answered_at_once_is_the_answer(store: &dyn ReplayStore) {
    let id = an_id();
    let told = store.remember_once_now(&id, at(60), at(0));
    let told = told.map(|told| told.expect("remembering at once"));
    assert_ne!(told, Some(false), "a new id");
    let taken = take(store, id, at(60), at(0)).await;
    assert_eq!(taken, told.is_none(), "{told:?} was said at once");
    if told.is_some() {
        let again = async |end, now| {
            let told = store.remember_once_now(&id, end, now);
            told.map(|told| told.expect("remembering at once"))
        };
        assert_ne!(again(at(99), at(59)).await, Some(true), "taken twice");
        assert_ne!(again(at(99), at(60)).await, Some(false), "not free");
    }
}

/// However many come and are over, what is not is remembered.
///
/// # Panics
/// Where the contract is broken.
pub async fn nothing_is_forgotten_in_a_crowd(store: &dyn ReplayStore) {
    let (far, near) = (an_id(), an_id());
    let step = 60;
    let last = at(CROWD * step);
    assert!(take(store, far, after(last, 1), at(0)).await, "a new id");
    let mut crowd = Vec::new();
    for secs in (0..CROWD).map(|number| number * step) {
        let id = an_id();
        assert!(take(store, id, at(secs + 1), at(secs)).await, "a new id");
        crowd.push(id);
        if secs == 0 {
            assert!(take(store, near, last, at(0)).await, "a new id");
        }
    }
    let just_before = after(last, -1);
    for id in [far, near] {
        assert!(!take(store, id, last, just_before).await, "forgotten");
    }
    for id in &crowd {
        assert!(take(store, *id, last, just_before).await, "it was over");
    }
    for id in &crowd {
        assert!(!take(store, *id, last, just_before).await, "forgotten");
    }
    assert!(!take(store, far, at(99_999), last).await, "forgotten");
    assert!(take(store, near, at(99_999), last).await, "it is over");
}

const FIRST: Timestamp = Timestamp::from_unix_millis(i64::MIN);

fn an_id() -> ReplayId {
    ReplayId::from_bytes(random())
}

fn after(time: Timestamp, millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(time.as_unix_millis() + millis)
}

async fn take(store: &dyn ReplayStore, id: ReplayId, until: Timestamp, now: Timestamp) -> bool {
    let told = store.remember_once(&id, until, now).await;
    told.expect("remembering an id")
}

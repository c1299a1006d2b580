//! The contract of a [`RevocationStore`], as tests.
//!
//! ```
//! use tower_bearer::revocation::MemoryRevocations;
//! use tower_bearer::testing;
//!
//! # #[tokio::main] async fn main() {
//! testing::revocation::conformance(&MemoryRevocations::new()).await;
//! # }
//! ```
//!
//! Every test makes targets of its own, under random names. All are dated in 1970, and
//! [`pruning_forgets_what_is_over`] prunes up to there.

use super::store::a_subject;
use super::support::{at, together};
use crate::clock::Timestamp;
use crate::identity::{CredentialKind, Identity};
use crate::revocation::{Revocation, RevocationStore, Target};

/// Runs every test of this module on `store`.
///
/// # Panics
/// Where the contract is broken.
pub async fn conformance(store: &dyn RevocationStore) {
    the_latest_moment_counts(store).await;
    of_several_targets_the_latest_counts(store).await;
    targets_are_told_apart_byte_by_byte(store).await;
    of_racing_revocations_the_latest_counts(store).await;
    pruning_forgets_what_is_over(store).await;
}

/// For one target the latest moment counts, in whatever order they come.
///
/// # Panics
/// Where the contract is broken.
pub async fn the_latest_moment_counts(store: &dyn RevocationStore) {
    let target = Target::token(&a_subject(), "1");
    assert_eq!(before(store, &target).await, None);
    let moments = [
        at(-2_000_000),
        at(10),
        at(5),
        Timestamp::from_unix_millis(at(10).as_unix_millis() + 1),
        Timestamp::MAX,
        at(20),
    ];
    let mut latest = at(-2_000_000);
    for moment in moments {
        latest = latest.max(moment);
        put(store, &target, moment, at(100)).await;
        assert_eq!(before(store, &target).await, Some(latest));
    }
}

/// Of several targets the latest moment of any counts; and what is told at once is what is told later.
///
/// # Panics
/// Where the contract is broken.
pub async fn of_several_targets_the_latest_counts(store: &dyn RevocationStore) {
    let subject = a_subject();
    let identity = Identity::new(subject.clone(), CredentialKind::Jwt);
    let targets = Target::of_identity(&identity);
    let latest = async || {
        let latest = store.latest_before(&targets).await.expect("looking up");
        if let Some(now) = store.latest_before_now(&identity) {
            assert_eq!(now.expect("looking up at once"), latest);
        }
        latest
    };
    // All tokens without an issuer may have been revoked by somebody else.
    let at_first = latest().await;
    let mine = Target::subject("", &subject);
    put(store, &mine, at(10), at(100)).await;
    assert_eq!(latest().await, at_first.max(Some(at(10))));

    let (one, two, none) = (
        Target::session(&subject, "1"),
        Target::session(&subject, "2"),
        Target::session(&subject, "3"),
    );
    put(store, &one, at(30), at(100)).await;
    put(store, &two, at(20), at(100)).await;
    for (targets, expected) in [
        (vec![], None),
        (vec![none.clone()], None),
        (vec![two.clone(), none.clone()], Some(at(20))),
        (vec![two, one.clone(), none, one], Some(at(30))),
    ] {
        let latest = store.latest_before(&targets).await.expect("looking up");
        assert_eq!(latest, expected, "{targets:?}");
    }
}

/// Names may be any text.
///
/// # Panics
/// Where the contract is broken.
pub async fn targets_are_told_apart_byte_by_byte(store: &dyn RevocationStore) {
    let issuer = a_subject();
    let names = [
        "",
        " ",
        "a",
        "A",
        "á",
        "a\u{301}",
        "a:b",
        "{a}",
        "*",
        "%",
        "_",
        "'; --",
        "\\",
        "a\r\nb",
        "\u{1f511}",
    ];
    let made = [
        Target::token,
        Target::session,
        Target::subject,
        Target::client,
        Target::key,
    ];
    let targets = || {
        let each = made.iter().flat_map(|make| names.map(|name| (make, name)));
        each.map(|(make, name)| make(&issuer, name))
    };
    for (place, target) in (0..).zip(targets()) {
        assert_eq!(before(store, &target).await, None, "{target:?}");
        put(store, &target, at(place), at(500)).await;
    }
    for (place, target) in (0..).zip(targets()) {
        assert_eq!(before(store, &target).await, Some(at(place)), "{target:?}");
    }
    assert_eq!(before(store, &Target::all(&issuer)).await, None);
}

/// Of revocations that come at once the latest counts.
///
/// # Panics
/// Where the contract is broken.
pub async fn of_racing_revocations_the_latest_counts(store: &dyn RevocationStore) {
    let target = Target::client(&a_subject(), "1");
    let order = [3, 7, 1, 6, 0, 5, 2, 4];
    let revocations = order.map(|secs| Revocation::new(target.clone(), at(secs), at(500)));
    let puts = together(revocations.iter().map(|revocation| store.put(revocation))).await;
    assert!(puts.iter().all(Result::is_ok), "{puts:?}");
    assert_eq!(before(store, &target).await, Some(at(7)));
}

/// Pruning forgets what is over at the time that is told, so many at once and in the end all, and nothing
/// that is not: what was to be kept for longer by any of its revocations is kept for longer.
///
/// # Panics
/// Where the contract is broken.
pub async fn pruning_forgets_what_is_over(store: &dyn RevocationStore) {
    let issuer = a_subject();
    let [over, long_over, later, extended, shortened] =
        ["over", "long over", "later", "extended", "shortened"]
            .map(|name| Target::token(&issuer, name));
    let just_later = Timestamp::from_unix_millis(at(100).as_unix_millis() + 1);
    for (target, until) in [
        (&over, at(100)),
        (&long_over, at(-1)),
        (&later, just_later),
        (&extended, at(50)),
        (&extended, at(500)),
        (&shortened, at(500)),
        (&shortened, at(50)),
    ] {
        put(store, target, at(1), until).await;
    }
    assert_eq!(store.prune(at(100), 0).await.expect("pruning none"), 0);
    let mut removed = 0;
    loop {
        let batch = store.prune(at(100), 1).await.expect("pruning");
        assert!(batch <= 1, "{batch} removed, of 1 at most");
        removed += batch;
        if batch < 1 {
            break;
        }
    }
    assert!(removed >= 2, "{removed} removed, of 2 at least");
    for target in [&over, &long_over] {
        assert_eq!(before(store, target).await, None, "{target:?}");
    }
    for target in [&later, &extended, &shortened] {
        assert_eq!(before(store, target).await, Some(at(1)), "{target:?}");
    }
}

async fn put(store: &dyn RevocationStore, target: &Target, before: Timestamp, until: Timestamp) {
    let revocation = Revocation::new(target.clone(), before, until);
    store.put(&revocation).await.expect("revoking");
}

async fn before(store: &dyn RevocationStore, target: &Target) -> Option<Timestamp> {
    let latest = store.latest_before(std::slice::from_ref(target)).await;
    latest.expect("looking up")
}

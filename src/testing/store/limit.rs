use std::num::NonZeroUsize;
use std::time::Duration;

use super::{a_record, a_subject, at, insert, listing, read};
use crate::clock::Timestamp;
use crate::identity::CredentialKind;
use crate::store::{StoreError, SubjectLimit, TokenRecord, TokenStore, TokenUse, WhenFull};

/// So many at most, and one more is refused.
pub(super) fn refuse(max: usize) -> SubjectLimit {
    SubjectLimit {
        max: NonZeroUsize::new(max).expect("a limit of one or more"),
        when_full: WhenFull::Refuse,
    }
}

/// So many at most, and the oldest end for one more.
pub(in crate::testing) fn end_oldest(max: usize) -> SubjectLimit {
    SubjectLimit {
        when_full: WhenFull::EndOldest,
        ..refuse(max)
    }
}

/// Where a subject has as many as they may, one more is refused and nothing changes.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_full_limit_refuses(store: &dyn TokenStore) {
    let (alice, bob) = (a_subject(), a_subject());
    let [one, two, three] = ["1", "2", "3"].map(|id| a_record(&alice, id));
    for record in [&one, &two] {
        let ended = store
            .insert_within(record.clone(), refuse(2), at(1))
            .await
            .expect("there is room");
        assert!(ended.is_empty(), "{ended:?}");
    }
    for max in [2, 1] {
        assert_refused(store, &three, max, at(1)).await;
    }
    assert_eq!(listing(store, &alice).await, [one, two]);
    let bobs = a_record(&bob, "1");
    assert_admitted(store, &bobs, 1, at(1)).await;
    assert_admitted(store, &three, 3, at(1)).await;
}

/// Those count towards a limit that are live at the time that is told, be they switched off or not; and
/// neither do those of another kind. A token that ends at some moment does not count at that moment, and
/// counts a millisecond before.
///
/// # Panics
/// Where the contract is broken.
pub async fn only_live_tokens_of_the_kind_count(store: &dyn TokenStore) {
    let end = at(100);
    let just_before = Timestamp::from_unix_millis(end.as_unix_millis() - 1);

    let subject = a_subject();
    let mut expiring = a_record(&subject, "expiring");
    expiring.expires = Some(end);
    insert(store, &expiring).await;
    assert_refused(store, &a_record(&subject, "new"), 1, just_before).await;
    assert_admitted(store, &a_record(&subject, "new"), 1, end).await;

    let subject = a_subject();
    let mut idle = a_record(&subject, "idle");
    idle.idle = Some(Duration::from_secs(60));
    insert(store, &idle).await;
    let used = [TokenUse {
        key: idle.key(),
        at: at(40),
    }];
    store.touch(&used).await.expect("touching");
    assert_refused(store, &a_record(&subject, "new"), 1, just_before).await;
    assert_admitted(store, &a_record(&subject, "new"), 1, end).await;

    let subject = a_subject();
    let revoked = a_record(&subject, "revoked");
    insert(store, &revoked).await;
    assert!(store.revoke(revoked.key(), at(1)).await.expect("revoking"));
    let mut other = a_record(&subject, "of another kind");
    other.kind = CredentialKind::ApiKey;
    insert(store, &other).await;
    let mut disabled = a_record(&subject, "switched off");
    disabled.disabled = true;
    assert_admitted(store, &disabled, 1, at(2)).await;
    assert_refused(store, &a_record(&subject, "new"), 1, at(2)).await;
    assert_admitted(store, &a_record(&subject, "new"), 2, at(2)).await;
}

/// The oldest end to make room, by their time of minting and then by the bytes of their ids: as many as
/// must, live ones of the kind only. They are revoked, and named.
///
/// # Panics
/// Where the contract is broken.
pub async fn the_oldest_end_to_make_room(store: &dyn TokenStore) {
    let subject = a_subject();
    let made = |id: &str, secs: i64| {
        let mut record = a_record(&subject, id);
        record.created = at(secs);
        record
    };
    let mut second = made("a", 10);
    let mut third = made("b", 10);
    let mut first = made("z", 5);
    let mut fourth = made("0", 20);
    let mut expired = made("expired", 1);
    expired.expires = Some(at(50));
    let mut other = made("of another kind", 1);
    other.kind = CredentialKind::BotToken;
    // Neither the order of inserting nor of ids is that of age.
    for record in [&third, &fourth, &expired, &second, &other, &first] {
        insert(store, record).await;
    }

    let new = made("new", 1);
    let ended = make_room(store, &new, 4, at(50)).await;
    assert_eq!(ended, ["z"]);
    first.revoked = Some(at(50));
    let newer = made("newer", 60);
    // Three are too many now, and the one that came last is the oldest of all by its date.
    let ended = make_room(store, &newer, 2, at(60)).await;
    assert_eq!(ended, ["new", "a", "b"]);
    let mut new = new;
    for record in [&mut new, &mut second, &mut third] {
        record.revoked = Some(at(60));
    }
    for record in [
        &first, &second, &third, &fourth, &expired, &other, &new, &newer,
    ] {
        assert_eq!(read(store, record).await.as_ref(), Some(record));
    }
    let newest = made("newest", 0);
    assert_eq!(make_room(store, &newest, 1, at(70)).await, ["0", "newer"]);
    fourth.revoked = Some(at(70));
    assert_eq!(read(store, &fourth).await, Some(fourth));
    // It is not ended by its own coming, though it is the oldest.
    assert_eq!(read(store, &newest).await, Some(newest));
}

/// Where a new token's id or digest is taken, none is ended for it.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_clash_makes_no_room(store: &dyn TokenStore) {
    let (alice, bob) = (a_subject(), a_subject());
    let (old, bobs) = (a_record(&alice, "old"), a_record(&bob, "1"));
    insert(store, &old).await;
    insert(store, &bobs).await;
    let same_id = a_record(&alice, "old");
    let mut same_digest = a_record(&alice, "new");
    same_digest.digest = bobs.digest;
    for clash in [same_id, same_digest] {
        for limit in [end_oldest(1), refuse(9)] {
            let refused = store.insert_within(clash.clone(), limit, at(1)).await;
            assert!(
                matches!(refused, Err(StoreError::AlreadyExists)),
                "an id or digest that is taken: {refused:?}"
            );
        }
    }
    assert_eq!(listing(store, &alice).await, [old]);
    assert_eq!(listing(store, &bob).await, [bobs]);
}

async fn make_room(
    store: &dyn TokenStore,
    record: &TokenRecord,
    max: usize,
    now: Timestamp,
) -> Vec<String> {
    let ended = store
        .insert_within(record.clone(), end_oldest(max), now)
        .await
        .expect("room is made");
    ended.into_iter().map(String::from).collect()
}

async fn assert_refused(store: &dyn TokenStore, record: &TokenRecord, max: usize, now: Timestamp) {
    let refused = store.insert_within(record.clone(), refuse(max), now).await;
    assert!(
        matches!(refused, Err(StoreError::LimitReached)),
        "one more than {max}: {refused:?}"
    );
    assert_eq!(read(store, record).await, None, "was refused");
}

async fn assert_admitted(store: &dyn TokenStore, record: &TokenRecord, max: usize, now: Timestamp) {
    let ended = store.insert_within(record.clone(), refuse(max), now).await;
    let ended = ended.expect("there is room");
    assert!(ended.is_empty(), "at most {max}: {ended:?}");
    assert_eq!(read(store, record).await.as_ref(), Some(record));
}

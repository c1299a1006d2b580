use super::{a_full_record, a_record, a_subject, at, insert, random, read};
use crate::store::{
    StoreError, TokenChange, TokenDigest, TokenKey, TokenRecord, TokenStore, TokenUse,
};

/// What a change names is changed, and nothing else; the record is returned as it is then.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_change_changes_what_it_names(store: &dyn TokenStore) {
    let subject = a_subject();
    for mut record in [a_record(&subject, "1"), a_full_record(&subject, "2")] {
        insert(store, &record).await;
        let used = [TokenUse {
            key: record.key(),
            at: at(300),
        }];
        store.touch(&used).await.expect("touching");
        record.last_used = Some(at(300));
        let changes = [
            TokenChange::new(),
            TokenChange::new().name("née \u{1f511}"),
            TokenChange::new().disabled(true),
            TokenChange::new().expires_at(at(-5)),
            TokenChange::new().without_expiry(),
            TokenChange::new().without_name(),
            TokenChange::new().disabled(false),
            TokenChange::new().name("").disabled(true).expires_at(at(9)),
        ];
        for change in changes {
            change.apply(&mut record);
            let changed = store.update(record.key(), &change).await;
            assert_eq!(changed.expect("changing"), record, "{change:?}");
            assert_eq!(read(store, &record).await.as_ref(), Some(&record));
        }
    }
}

/// A record that moved to another digest is found by that one alone, and the old digest is free.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_digest_moves(store: &dyn TokenStore) {
    let subject = a_subject();
    let mut record = a_full_record(&subject, "1");
    insert(store, &record).await;
    let old = record.digest;
    for pepper in [Some("2027".into()), None] {
        let change = TokenChange::new().digest(TokenDigest::from_bytes(random()), pepper);
        change.apply(&mut record);
        let changed = store.update(record.key(), &change).await;
        assert_eq!(changed.expect("changing"), record);
        assert_eq!(read(store, &record).await.as_ref(), Some(&record));
        let found = store.find(&old).await.expect("finding");
        assert!(found.is_none(), "found by a digest that it no longer has");
    }
    // To the one that it has already.
    let change = TokenChange::new().digest(record.digest, Some("same".into()));
    change.apply(&mut record);
    let changed = store.update(record.key(), &change).await;
    assert_eq!(changed.expect("changing"), record);

    let mut heir = a_record(&subject, "2");
    heir.digest = old;
    insert(store, &heir).await;
    assert_eq!(read(store, &heir).await, Some(heir));
    assert_eq!(read(store, &record).await, Some(record));
}

/// Where a change is refused, all is as it was.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_refused_change_changes_nothing(store: &dyn TokenStore) {
    let (alice, bob) = (a_subject(), a_subject());
    let (good, taken) = (a_record(&alice, "good"), a_record(&bob, "taken"));
    let mut ended = a_record(&alice, "ended");
    for record in [&good, &taken, &ended] {
        insert(store, record).await;
    }
    assert!(store.revoke(ended.key(), at(1)).await.expect("revoking"));
    ended.revoked = Some(at(1));

    let change = TokenChange::new().name("new").disabled(true);
    let strange = TokenKey {
        subject: &bob,
        id: "good",
    };
    let refused = store.update(strange, &change).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound)),
        "of somebody else's token: {refused:?}"
    );
    let moved = TokenDigest::from_bytes(random());
    for change in [change.clone(), change.clone().digest(moved, None)] {
        let refused = store.update(ended.key(), &change).await;
        assert!(
            matches!(refused, Err(StoreError::Ended)),
            "of a revoked token: {refused:?}"
        );
    }
    let found = store.find(&moved).await.expect("finding");
    assert!(found.is_none(), "found by a digest that was refused");
    let clash = change.digest(taken.digest, Some("p".into()));
    let refused = store.update(good.key(), &clash).await;
    assert!(
        matches!(refused, Err(StoreError::AlreadyExists)),
        "to a digest that is taken: {refused:?}"
    );
    for record in [&good, &taken, &ended] {
        assert_eq!(
            read(store, record).await.as_ref(),
            Some::<&TokenRecord>(record)
        );
    }
}

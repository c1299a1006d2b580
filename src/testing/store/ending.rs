use std::time::Duration;

use super::{a_record, a_subject, at, insert, read};
use crate::identity::CredentialKind;
use crate::store::{Page, StoreError, TokenFilter, TokenKey, TokenStore, TokenUse};

/// The first revocation counts, and no use takes it back.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_revoked_token_stays_revoked(store: &dyn TokenStore) {
    let (alice, bob) = (a_subject(), a_subject());
    let mut record = a_record(&alice, "1");
    insert(store, &record).await;

    let strange = TokenKey {
        subject: &bob,
        id: "1",
    };
    let refused = store.revoke(strange, at(1)).await;
    assert!(
        matches!(refused, Err(StoreError::NotFound)),
        "somebody else's token: {refused:?}"
    );
    assert_eq!(read(store, &record).await.as_ref(), Some(&record));

    let revoked = store.revoke(record.key(), at(2)).await;
    assert!(revoked.expect("revoking"), "the first call ends it");
    let again = store.revoke(record.key(), at(1)).await;
    assert!(!again.expect("revoking again"), "the second does not");
    let use_after = [TokenUse {
        key: record.key(),
        at: at(3),
    }];
    store.touch(&use_after).await.expect("touching");

    let stored = read(store, &record).await.expect("the record");
    assert_eq!(stored.revoked, Some(at(2)));
    record.revoked = stored.revoked;
    // Whether a use after the end is recorded is the store's affair.
    record.last_used = stored.last_used;
    assert_eq!(stored, record);
}

/// All of a subject's tokens end that the filter means, and no others.
///
/// # Panics
/// Where the contract is broken.
pub async fn revoking_all_ends_what_the_filter_means(store: &dyn TokenStore) {
    let (alice, bob) = (a_subject(), a_subject());
    let mut records = ["1", "2", "3", "4"].map(|id| a_record(&alice, id));
    records[3].kind = CredentialKind::ApiKey;
    let bobs = a_record(&bob, "1");
    for record in records.iter().chain([&bobs]) {
        insert(store, record).await;
    }
    let mut end = async |filter: TokenFilter, secs, expected: u64, stand: [Option<i64>; 4]| {
        let ended = store.revoke_all(&alice, &filter, at(secs)).await;
        assert_eq!(ended.expect("revoking all"), expected, "{filter:?}");
        for (record, revoked) in records.iter_mut().zip(stand) {
            record.revoked = revoked.map(at);
            assert_eq!(read(store, record).await.as_ref(), Some(&*record));
        }
    };
    let sessions = TokenFilter::all().kinds([CredentialKind::Session]);
    end(TokenFilter::all().kinds([]), 1, 0, [None; 4]).await;
    end(
        sessions.clone().except("2"),
        2,
        2,
        [Some(2), None, Some(2), None],
    )
    .await;
    end(sessions, 3, 1, [Some(2), Some(3), Some(2), None]).await;
    end(
        TokenFilter::all(),
        4,
        1,
        [Some(2), Some(3), Some(2), Some(4)],
    )
    .await;
    end(
        TokenFilter::all(),
        5,
        0,
        [Some(2), Some(3), Some(2), Some(4)],
    )
    .await;
    assert_eq!(read(store, &bobs).await.as_ref(), Some(&bobs));
    let (nobody, all) = (a_subject(), TokenFilter::all());
    let ended = store.revoke_all(&nobody, &all, at(1)).await;
    assert_eq!(ended.expect("revoking nobody's"), 0);
}

/// The old token ends and the new one is there.
///
/// # Panics
/// Where the contract is broken.
pub async fn replacing_ends_one_and_adds_one(store: &dyn TokenStore) {
    let subject = a_subject();
    let (mut old, new) = (a_record(&subject, "1"), a_record(&subject, "2"));
    insert(store, &old).await;
    let replaced = store.replace("1", new.clone(), Duration::ZERO, at(1)).await;
    replaced.expect("replacing");
    old.revoked = Some(at(1));
    old.replaced_by = Some("2".into());
    assert_eq!(read(store, &old).await.as_ref(), Some(&old));
    assert_eq!(read(store, &new).await.as_ref(), Some(&new));
}

/// With an overlap the old token stays for as long, but no longer than it would have, and the new one is
/// there at once.
///
/// # Panics
/// Where the contract is broken.
pub async fn an_overlap_leaves_the_old_one_a_while(store: &dyn TokenStore) {
    let subject = a_subject();
    let cases = [(None, 31), (Some(500), 31), (Some(31), 31), (Some(30), 30)];
    for (case, (expires, end)) in cases.into_iter().enumerate() {
        let mut old = a_record(&subject, &format!("old {case}"));
        old.expires = expires.map(at);
        insert(store, &old).await;
        let new = a_record(&subject, &format!("new {case}"));
        let overlap = Duration::from_secs(30);
        let replaced = store.replace(&old.id, new.clone(), overlap, at(1)).await;
        replaced.expect("replacing");
        old.expires = Some(at(end));
        old.replaced_by = Some(new.id.clone());
        assert_eq!(read(store, &old).await.as_ref(), Some(&old));
        assert_eq!(read(store, &new).await.as_ref(), Some(&new));

        // It has a successor, and gets no second one.
        let next = a_record(&subject, &format!("next {case}"));
        let refused = store
            .replace(&old.id, next.clone(), Duration::ZERO, at(2))
            .await;
        assert!(
            matches!(refused, Err(StoreError::Ended)),
            "a second successor: {refused:?}"
        );
        assert_eq!(read(store, &old).await.as_ref(), Some(&old));
        assert_eq!(read(store, &next).await, None);

        let revoked = store.revoke(old.key(), at(3)).await;
        assert!(revoked.expect("revoking"), "it is ended before its time");
        old.revoked = Some(at(3));
        assert_eq!(read(store, &old).await.as_ref(), Some(&old));
    }
}

/// A session's tokens are listed and ended by its id, whatever their kind.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_session_is_ended_as_a_whole(store: &dyn TokenStore) {
    let (alice, bob) = (a_subject(), a_subject());
    let of_session = |subject: &str, id: &str, session: Option<&str>| {
        let mut record = a_record(subject, id);
        record.session_id = session.map(Into::into);
        record
    };
    let mut first = of_session(&alice, "1", Some("s%"));
    let mut second = of_session(&alice, "2", Some("s%"));
    second.kind = CredentialKind::RefreshToken;
    let others = [
        of_session(&alice, "3", Some("S%")),
        of_session(&alice, "4", Some("s1")),
        of_session(&alice, "5", Some("")),
        of_session(&alice, "6", None),
        of_session(&bob, "1", Some("s%")),
    ];
    for record in others.iter().chain([&first, &second]) {
        insert(store, record).await;
    }
    let session = TokenFilter::all().session("s%");
    let list = async |filter: &TokenFilter| {
        let listed = store.list(&alice, filter, &Page::first(9)).await;
        listed.expect("listing")
    };
    assert_eq!(list(&session).await, [first.clone(), second.clone()]);
    let narrow = session.clone().kinds([CredentialKind::Session]).except("1");
    assert_eq!(list(&narrow).await, []);
    assert_eq!(
        list(&TokenFilter::all().session("")).await,
        [others[2].clone()]
    );

    let ended = store.revoke_all(&alice, &narrow, at(1)).await;
    assert_eq!(ended.expect("revoking all"), 0);
    let ended = store.revoke_all(&alice, &session, at(2)).await;
    assert_eq!(ended.expect("revoking all"), 2);
    first.revoked = Some(at(2));
    second.revoked = Some(at(2));
    for record in others.iter().chain([&first, &second]) {
        assert_eq!(read(store, record).await.as_ref(), Some(record));
    }
}

/// Where a replacement is refused, the old token stays as it was and the new one is not there.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_failed_replacement_changes_nothing(store: &dyn TokenStore) {
    let subject = a_subject();
    let [mut ended, good, taken] = ["1", "2", "3"].map(|id| a_record(&subject, id));
    for record in [&ended, &good, &taken] {
        insert(store, record).await;
    }
    let revoked = store.revoke(ended.key(), at(1)).await;
    assert!(revoked.expect("revoking"));
    ended.revoked = Some(at(1));

    let new = a_record(&subject, "4");
    let refused = store.replace("1", new.clone(), Duration::ZERO, at(2)).await;
    assert!(
        matches!(refused, Err(StoreError::Ended)),
        "of a revoked token: {refused:?}"
    );
    let refused = store
        .replace("gone", new.clone(), Duration::ZERO, at(2))
        .await;
    assert!(
        matches!(refused, Err(StoreError::NotFound)),
        "of no token: {refused:?}"
    );
    let mut same_digest = new.clone();
    same_digest.digest = taken.digest;
    for clash in [
        a_record(&subject, "3"),
        a_record(&subject, "2"),
        same_digest,
    ] {
        let refused = store.replace("2", clash, Duration::ZERO, at(2)).await;
        assert!(
            matches!(refused, Err(StoreError::AlreadyExists)),
            "by an id or digest that is taken: {refused:?}"
        );
    }
    assert_eq!(read(store, &new).await, None);
    for record in [&ended, &good, &taken] {
        assert_eq!(read(store, record).await.as_ref(), Some(record));
    }
}

/// Pruning removes tokens that were revoked or over by the time that is named, so many at once and in the
/// end all of them, and no others.
///
/// # Panics
/// Where the contract is broken.
pub async fn pruning_is_bounded_and_takes_only_what_is_over(store: &dyn TokenStore) {
    let subject = a_subject();
    let make = |id: &str, expires: Option<i64>, idle: Option<u64>| {
        let mut record = a_record(&subject, id);
        record.expires = expires.map(at);
        record.idle = idle.map(Duration::from_secs);
        record
    };
    let mut just_later = make("expires just later", None, None);
    just_later.expires = Some(at(100).saturating_add(Duration::from_millis(1)));
    let over = [
        make("expired", Some(100), None),
        make("idle", None, Some(100)),
        make("revoked", Some(500), None),
    ];
    let kept = [
        make("for ever", None, None),
        make("expires later", Some(101), Some(500)),
        make("used", Some(500), Some(100)),
        make("revoked later", None, None),
        just_later,
    ];
    for record in over.iter().chain(&kept) {
        insert(store, record).await;
    }
    for (record, secs) in [(&over[2], 100), (&kept[3], 101)] {
        let revoked = store.revoke(record.key(), at(secs)).await;
        assert!(revoked.expect("revoking"));
    }
    let used = [TokenUse {
        key: kept[2].key(),
        at: at(1),
    }];
    store.touch(&used).await.expect("touching");

    assert_eq!(store.prune(at(100), 0).await.expect("pruning none"), 0);
    let mut removed = 0;
    loop {
        let batch = store.prune(at(100), 2).await.expect("pruning");
        assert!(batch <= 2, "{batch} removed, of 2 at most");
        removed += batch;
        if batch < 2 {
            break;
        }
    }
    assert!(removed >= 3, "{removed} removed, of 3 at least");
    for record in &over {
        assert_eq!(read(store, record).await, None, "{:?}", record.key());
    }
    for record in &kept {
        assert!(read(store, record).await.is_some(), "{:?}", record.key());
    }
    // What was removed leaves nothing behind that would be in the way.
    insert(store, &over[0]).await;
    assert_eq!(read(store, &over[0]).await.as_ref(), Some(&over[0]));
}

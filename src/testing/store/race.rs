use std::pin::Pin;
use std::time::Duration;

use super::limit::{end_oldest, refuse};
use super::{a_record, a_subject, at, insert, listing, read};
use crate::store::{StoreError, TokenFilter, TokenRecord, TokenStore, TokenUse};
use crate::testing::support::together;

const RACERS: usize = 8;

/// Of several inserts of one id, and of several of one digest, one succeeds.
///
/// # Panics
/// Where the contract is broken.
pub async fn of_racing_inserts_one_succeeds(store: &dyn TokenStore) {
    let subject = a_subject();
    let same_id = [(); RACERS].map(|()| a_record(&subject, "1"));
    let inserts = same_id.iter().map(|record| store.insert(record.clone()));
    assert_one_won(&together(inserts).await);

    let digest = a_record(&subject, "").digest;
    let same_digest = [(); RACERS].map(|()| {
        let mut record = a_record(&a_subject(), "1");
        record.digest = digest;
        record
    });
    let inserts = same_digest
        .iter()
        .map(|record| store.insert(record.clone()));
    assert_one_won(&together(inserts).await);
    let mut there = 0;
    for record in &same_digest {
        let got = store.get(record.key()).await.expect("getting");
        there += usize::from(got.is_some());
    }
    assert_eq!(there, 1, "records of one digest");
}

/// Of several replacements of one token one succeeds, and one good token is left.
///
/// # Panics
/// Where the contract is broken.
pub async fn of_racing_replacements_one_succeeds(store: &dyn TokenStore) {
    let subject = a_subject();
    insert(store, &a_record(&subject, "old")).await;
    let ids: [_; RACERS] = std::array::from_fn(|racer| racer.to_string());
    let replacements = ids
        .iter()
        .map(|id| store.replace("old", a_record(&subject, id), Duration::ZERO, at(1)));
    let results = together(replacements).await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(won, 1, "replacements that succeeded: {results:?}");
    let lost = |result: &Result<(), _>| matches!(result, Ok(()) | Err(StoreError::Ended));
    assert!(results.iter().all(lost), "{results:?}");

    let listed = listing(store, &subject).await;
    let good = listed.iter().filter(|record| record.revoked.is_none());
    assert_eq!((listed.len(), good.count()), (2, 1), "{listed:?}");
}

/// A token that is used while it is revoked is revoked, and so is one that is minted before all are.
///
/// # Panics
/// Where the contract is broken.
pub async fn revoking_wins_over_touching(store: &dyn TokenStore) {
    let subject = a_subject();
    let record = a_record(&subject, "1");
    insert(store, &record).await;
    let (key, all) = (record.key(), TokenFilter::all());
    let touch = async |secs| {
        let used = [TokenUse { key, at: at(secs) }];
        store.touch(&used).await.expect("touching");
        0
    };
    let revoke = async || {
        let ended = store.revoke_all(&subject, &all, at(2)).await;
        ended.expect("revoking all")
    };
    let calls: [Pin<Box<dyn Future<Output = u64> + '_>>; 5] = [
        Box::pin(touch(1)),
        Box::pin(revoke()),
        Box::pin(touch(3)),
        Box::pin(revoke()),
        Box::pin(touch(5)),
    ];
    let ended = together(calls).await;
    assert_eq!(ended.iter().sum::<u64>(), 1, "one call ends it");
    let stored = read(store, &record).await.expect("the record");
    assert_eq!(stored.revoked, Some(at(2)));
}

/// However many come at once, no more than the limit are admitted; or no more are left that are live.
///
/// # Panics
/// Where the contract is broken.
pub async fn racing_inserts_keep_to_the_limit(store: &dyn TokenStore) {
    let ids: [_; RACERS] = std::array::from_fn(|racer| racer.to_string());
    let race = async |subject: &str, limit| {
        let inserts = ids
            .iter()
            .map(|id| store.insert_within(a_record(subject, id), limit, at(1)));
        together(inserts).await
    };
    let live = async |subject: &str| {
        let listed = listing(store, subject).await;
        listed.iter().filter(|record| record.is_live(at(1))).count()
    };

    let refused = a_subject();
    let results = race(&refused, refuse(3)).await;
    let won = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(won, 3, "{results:?}");
    let lost = |result: &Result<_, _>| matches!(result, Ok(_) | Err(StoreError::LimitReached));
    assert!(results.iter().all(lost), "{results:?}");
    assert_eq!(listing(store, &refused).await.len(), 3);
    assert_eq!(live(&refused).await, 3);

    let ended = a_subject();
    let results = race(&ended, end_oldest(3)).await;
    let results: Result<Vec<_>, _> = results.into_iter().collect();
    let mut named = results.expect("room is made for each").concat();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named.len(), RACERS - 3, "{named:?}");
    assert_eq!(listing(store, &ended).await.len(), RACERS);
    assert_eq!(live(&ended).await, 3);
}

/// Whoever looks while a token is replaced sees one good token: once the new one is good the old one is
/// not, and once the old one is not the new one is there.
///
/// # Panics
/// Where the contract is broken.
pub async fn a_lookup_during_a_replacement_sees_one_good_token(store: &dyn TokenStore) {
    let subject = a_subject();
    let mut old = a_record(&subject, "0");
    insert(store, &old).await;
    for round in 1..=20 {
        let new = a_record(&subject, &round.to_string());
        let is_good = async |record: &TokenRecord| {
            let found = store.find(&record.digest).await.expect("finding");
            found.is_some_and(|found| found.record().revoked.is_none())
        };
        let watch = async || {
            for _ in 0..4 {
                if is_good(&new).await {
                    assert!(!is_good(&old).await, "two good tokens");
                }
                if !is_good(&old).await {
                    assert!(is_good(&new).await, "no good token");
                }
            }
        };
        let replace = async || {
            let replaced = store.replace(&old.id, new.clone(), Duration::ZERO, at(1));
            replaced.await.expect("replacing");
        };
        let calls: [Pin<Box<dyn Future<Output = ()> + '_>>; 3] =
            [Box::pin(watch()), Box::pin(replace()), Box::pin(watch())];
        together(calls).await;
        assert!(is_good(&new).await);
        old = new;
    }
}

fn assert_one_won(results: &[Result<(), StoreError>]) {
    let won = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(won, 1, "inserts that succeeded: {results:?}");
    let lost = |result: &Result<(), _>| matches!(result, Ok(()) | Err(StoreError::AlreadyExists));
    assert!(results.iter().all(lost), "{results:?}");
}

//! The store on a Redis cluster whose slots move and whose masters fail.

#[path = "support/servers/mod.rs"]
mod servers;
#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use servers::RedisCluster;
use support::secs;
use tower_bearer::identity::CredentialKind;
use tower_bearer::revocation::Feed;
use tower_bearer::store::{
    Page, RedisStore, RedisStoreBuilder, StoreError, SubjectLimit, TokenChange, TokenDigest,
    TokenFilter, TokenRecord, TokenStore, TokenUse, WhenFull,
};
use tower_bearer::testing;

const A_MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn it_speaks_tls_to_all_nodes_of_a_cluster() {
    let Some(cluster) = RedisCluster::start_tls().await else {
        return;
    };
    let trusting = of(&cluster).root_certificates(cluster.nodes[0].ca_pem().into_bytes());
    let trusting = trusting.timeout(Duration::from_secs(10));
    let store = trusting.connect().await.expect("connecting");
    testing::store::conformance(&store).await;
    let heard = tokio::time::timeout(A_MINUTE, testing::feed::conformance(&store)).await;
    heard.expect("all is heard in time");
    for node in &cluster.nodes {
        assert_ne!(
            node.cli(&["DBSIZE"]),
            "0",
            "all keys are on the other nodes"
        );
    }
    let refused = of(&cluster).connect().await.expect_err("an unknown CA");
    assert!(is_unavailable(&refused), "{refused:?}");
}

#[tokio::test]
async fn a_slot_of_which_half_has_moved_is_never_taken_for_the_whole() {
    let Some(cluster) = RedisCluster::start().await else {
        return;
    };
    let store = of(&cluster).connect().await.expect("connecting");
    let (one, two) = (a_record("alice", "1"), a_record("alice", "2"));
    for record in [&one, &two] {
        store.insert(record.clone()).await.expect("inserting");
    }
    let (index, slot) = index_of(&cluster);
    let (from, to) = cluster.owner_and_other(&slot);
    cluster.begin_move(&slot, from, to);
    // The index is on one node now, and the records are on the other.
    cluster.move_key(&index, from, to);

    for record in [&one, &two] {
        let found = store.find(&record.digest).await.expect("finding");
        assert!(found.is_some(), "a good token is unknown");
        let got = store.get(record.key()).await.expect("getting");
        assert_eq!(got.as_ref(), Some(record));
    }
    let all = TokenFilter::all();
    let limit = SubjectLimit {
        max: 2.try_into().expect("two"),
        when_full: WhenFull::Refuse,
    };
    let used = [TokenUse {
        key: one.key(),
        at: secs(3),
    }];
    let rename = TokenChange::new().name("n");
    let third = || a_record("alice", "3");
    let mut heir = a_record("bob", "1");
    heir.digest = one.digest;
    assert_unavailable(&store.revoke(one.key(), secs(1)).await);
    assert_unavailable(&store.revoke_all("alice", &all, secs(1)).await);
    assert_unavailable(&store.list("alice", &all, &Page::first(9)).await);
    assert_unavailable(&store.insert_within(third(), limit, secs(1)).await);
    assert_unavailable(&store.touch(&used).await);
    assert_unavailable(&store.update(one.key(), &rename).await);
    assert_unavailable(&store.replace("1", third(), Duration::ZERO, secs(1)).await);
    assert_unavailable(&store.insert(one.clone()).await);
    assert_unavailable(&store.insert(heir.clone()).await);
    assert_unavailable(&TokenStore::prune(&store, secs(1), 9).await);

    cluster.end_move(&slot, from, to);
    let begun = Instant::now();
    while store.revoke(one.key(), secs(1)).await.is_err() {
        assert!(begun.elapsed() < A_MINUTE, "it stays unavailable");
    }
    let refused = store.insert(heir).await;
    assert!(
        matches!(refused, Err(StoreError::AlreadyExists)),
        "{refused:?}"
    );
    let listed = store.list("alice", &all, &Page::first(9)).await;
    let listed = listed.expect("listing");
    assert!(listed.iter().any(|record| record == &two), "{listed:?}");
    let first = listed.iter().find(|record| record.id == one.id);
    assert_eq!(first.expect("the first").revoked, Some(secs(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_under_use_lose_no_token_and_revive_none() {
    let Some(cluster) = RedisCluster::start().await else {
        return;
    };
    let store = of(&cluster).connect().await.expect("connecting");
    let kept = a_record("alice", "kept");
    store.insert(kept.clone()).await.expect("inserting");
    let (_, slot) = index_of(&cluster);
    let is_over = Arc::new(AtomicBool::new(false));
    let mut using = tokio::task::JoinSet::new();
    for user in 0..4 {
        let (store, is_over, kept) = (store.clone(), Arc::clone(&is_over), kept.clone());
        using.spawn(async move {
            let (mut ended, mut number) = (Vec::new(), 0);
            while !is_over.load(Ordering::SeqCst) {
                number += 1;
                let record = a_record("alice", &format!("{user}-{number}"));
                let inserted = store.insert(record.clone()).await;
                let is_there = match &inserted {
                    Ok(()) => true,
                    Err(error) => {
                        assert!(is_unavailable(error), "{error:?}");
                        false
                    }
                };
                match store.revoke(record.key(), secs(1)).await {
                    Ok(true) => ended.push(record),
                    // It may have come after all, or not.
                    Err(StoreError::NotFound) => assert!(!is_there, "an insert was lost"),
                    other => assert_unavailable(&other),
                }
                match store.find(&kept.digest).await {
                    Ok(found) => assert!(found.is_some(), "a good token is unknown"),
                    other => assert_unavailable(&other),
                }
            }
            ended
        });
    }
    for _ in 0..6 {
        let (from, to) = cluster.owner_and_other(&slot);
        cluster.begin_move(&slot, from, to);
        cluster.end_move(&slot, from, to);
    }
    is_over.store(true, Ordering::SeqCst);
    let ended = using.join_all().await.concat();
    assert!(!ended.is_empty(), "nobody got anything done");
    for record in ended {
        let begun = Instant::now();
        let found = loop {
            match store.find(&record.digest).await {
                Ok(found) => break found,
                Err(_) => assert!(begun.elapsed() < A_MINUTE, "it stays unavailable"),
            }
        };
        let found = found.expect("a record that was inserted");
        assert_eq!(found.record().revoked, Some(secs(1)));
    }
}

#[tokio::test]
async fn a_replica_takes_over_with_all_that_had_reached_it() {
    let Some(mut cluster) = RedisCluster::start_with_replicas().await else {
        return;
    };
    let store = of(&cluster).connect().await.expect("connecting");
    let records: Vec<_> = (0..30)
        .map(|number| a_record(&format!("user-{number}"), "1"))
        .collect();
    for (number, record) in records.iter().enumerate() {
        store.insert(record.clone()).await.expect("inserting");
        if number % 2 == 0 {
            let ended = store.revoke(record.key(), secs(5)).await;
            assert!(ended.expect("revoking"));
        }
    }
    // Replicas are written later than the call returns.
    for master in &cluster.nodes[..3] {
        let reached = master.cli(&["WAIT", "1", "10000"]);
        assert_eq!(reached, "1", "replicas that have it");
    }
    let mut feed = store.subscribe().await.expect("subscribing");
    cluster.nodes[1].kill().await;
    let lost = tokio::time::timeout(A_MINUTE, feed.next()).await;
    assert!(lost.expect("the feed says so").is_err());
    let begun = Instant::now();
    for (number, record) in records.iter().enumerate() {
        let found = loop {
            match store.find(&record.digest).await {
                Ok(found) => break found.expect("a token that was acknowledged"),
                Err(error) => assert!(is_unavailable(&error), "{error:?}"),
            }
            assert!(begun.elapsed() < A_MINUTE, "no replica took over");
        };
        let revoked = found.record().revoked;
        assert_eq!(revoked.is_some(), number % 2 == 0, "{number}");
        while let Err(error) = store.revoke(record.key(), secs(6)).await {
            assert!(is_unavailable(&error), "{error:?}");
            assert!(begun.elapsed() < A_MINUTE, "it takes no writes");
        }
    }
    store.subscribe().await.expect("subscribing again");
}

fn of(cluster: &RedisCluster) -> RedisStoreBuilder {
    let mut urls = cluster.urls().into_iter();
    let builder = RedisStore::builder(urls.next().expect("a node")).cluster(urls);
    // Test machines stall at times.
    builder.timeout(Duration::from_secs(2))
}

fn a_record(subject: &str, id: &str) -> TokenRecord {
    let digest = TokenDigest::of(format!("{subject}/{id}").as_bytes());
    TokenRecord::new(id, digest, CredentialKind::Session, subject, secs(0))
}

/// The only index of the store, and its slot.
fn index_of(cluster: &RedisCluster) -> (String, String) {
    let mut keys = Vec::new();
    for node in &cluster.nodes {
        let told = node.cli(&["KEYS", "tower_bearer:{*}:i"]);
        keys.extend(told.lines().filter(|key| !key.is_empty()).map(String::from));
    }
    let [index] = keys.try_into().expect("one index");
    let slot = cluster.nodes[0].cli(&["CLUSTER", "KEYSLOT", &index]);
    (index, slot)
}

fn is_unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { .. })
}

fn assert_unavailable<T: std::fmt::Debug>(result: &Result<T, StoreError>) {
    assert!(result.as_ref().is_err_and(is_unavailable), "{result:?}");
}

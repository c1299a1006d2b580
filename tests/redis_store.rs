//! The store in Redis, by the contract, on real servers: one, a cluster, and one behind TLS.

#[path = "support/servers/mod.rs"]
mod servers;
#[path = "support/tokens.rs"]
mod support;

use std::time::{Duration, Instant};

use servers::{Fault, Proxy, Redis, RedisCluster};
use support::secs;
use tower_bearer::clock::Timestamp;
use tower_bearer::identity::CredentialKind;
use tower_bearer::revocation::{
    Beat, Ending, Feed, FeedMessage, Revocation, RevocationStore, Subscription, Target,
};
use tower_bearer::store::{
    Page, RedisStore, StoreError, TokenChange, TokenDigest, TokenFilter, TokenKey, TokenRecord,
    TokenStore, TokenUse,
};
use tower_bearer::testing;

const A_MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn it_meets_the_contract() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = patient(RedisStore::builder(server.url())).await;
    testing::store::conformance(&store).await;
    testing::revocation::conformance(&store).await;
    testing::store::conformance(&store.clone()).await;
    hear_everything(&store).await;
    assert!(is_empty_of_pointers_to_nothing(&server, &store).await);
}

#[tokio::test]
async fn it_meets_the_contract_on_a_cluster() {
    let Some(cluster) = RedisCluster::start().await else {
        return;
    };
    let store = patient(of_cluster(&cluster)).await;
    testing::store::conformance(&store).await;
    testing::revocation::conformance(&store).await;
    hear_everything(&store).await;
    for node in &cluster.nodes {
        let keys: u64 = node.cli(&["DBSIZE"]).parse().expect("a number of keys");
        assert!(keys > 0, "all keys are on the other nodes");
    }
}

#[tokio::test]
async fn it_speaks_tls_to_whom_it_trusts() {
    let Some(server) = Redis::start_tls().await else {
        return;
    };
    let builder = RedisStore::builder(server.url());
    let store = patient(
        builder
            .clone()
            .root_certificates(server.ca_pem().into_bytes()),
    )
    .await;
    testing::store::records_come_back_whole(&store).await;
    hear_everything(&store).await;

    let distrusting = builder.clone().connect().await.expect_err("an unknown CA");
    assert!(is_unavailable(&distrusting), "{distrusting:?}");
    let nonsense = builder.root_certificates(*b"-----BEGIN CERTIFICATE-----\nno");
    let told = tell(&nonsense.connect().await.expect_err("no certificate"));
    assert!(told.contains("root_certificates"), "{told}");
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_the_store_comes_back_by_itself() {
    let Some(mut server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let (kept, ended) = (a_record("alice", "kept"), a_record("alice", "ended"));
    for record in [&kept, &ended] {
        store.insert(record.clone()).await.expect("inserting");
    }
    assert!(store.revoke(ended.key(), secs(5)).await.expect("revoking"));
    let mut feed = store.subscribe().await.expect("subscribing");
    for _ in 0..3 {
        server.kill().await;
        let lost = tokio::time::timeout(A_MINUTE, feed.next()).await;
        let lost = lost.expect("the feed says so").expect_err("a lost server");
        assert!(is_unavailable(&lost), "{lost:?}");
        for _ in 0..5 {
            let begun = Instant::now();
            let refused = store.find(&kept.digest).await.expect_err("no server");
            assert!(is_unavailable(&refused), "{refused:?}");
            assert!(begun.elapsed() < Duration::from_millis(400), "{begun:?}");
        }
        server.restart().await;
        let begun = Instant::now();
        while store.find(&kept.digest).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(1), "not back");
        }
        assert_eq!(read(&store, &kept).await, Some(kept.clone()));
        let revoked = read(&store, &ended).await.expect("the record").revoked;
        assert_eq!(revoked, Some(secs(5)));
        feed = store.subscribe().await.expect("subscribing again");
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_unavailable_in_time_and_is_used_again_when_it_goes_on() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let record = a_record("alice", "1");
    store.insert(record.clone()).await.expect("inserting");
    server.freeze();
    for _ in 0..3 {
        let begun = Instant::now();
        let refused = store.find(&record.digest).await.expect_err("no answer");
        assert!(is_unavailable(&refused), "{refused:?}");
        let refused = store
            .revoke_all("alice", &TokenFilter::all(), secs(1))
            .await;
        assert!(refused.as_ref().is_err_and(is_unavailable), "{refused:?}");
        assert!(begun.elapsed() < Duration::from_millis(800), "{begun:?}");
    }
    server.thaw();
    let begun = Instant::now();
    while store.find(&record.digest).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(1), "not back");
    }
}

#[tokio::test]
async fn a_cluster_that_lost_a_master_comes_back_with_it() {
    let Some(mut cluster) = RedisCluster::start().await else {
        return;
    };
    let store = of_cluster(&cluster).connect().await.expect("connecting");
    let records: Vec<_> = (0..30)
        .map(|n| a_record(&format!("user-{n}"), "1"))
        .collect();
    for record in &records {
        store.insert(record.clone()).await.expect("inserting");
    }
    let mut feed = store.subscribe().await.expect("subscribing");
    cluster.nodes[1].kill().await;
    let lost = tokio::time::timeout(A_MINUTE, feed.next()).await;
    assert!(lost.expect("the feed says so").is_err());
    let mut refused = 0;
    for record in &records {
        let begun = Instant::now();
        match store.find(&record.digest).await {
            Ok(found) => assert!(found.is_some(), "a token of a living node is unknown"),
            Err(error) => {
                assert!(is_unavailable(&error), "{error:?}");
                refused += 1;
            }
        }
        assert!(begun.elapsed() < Duration::from_millis(400), "{begun:?}");
    }
    assert!(refused > 0, "nobody missed the node");
    cluster.nodes[1].restart().await;
    cluster.settle().await;
    let begun = Instant::now();
    for record in &records {
        while store.find(&record.digest).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(2), "not back");
        }
        assert_eq!(read(&store, record).await.as_ref(), Some(record));
    }
}

#[tokio::test]
async fn no_byte_of_a_token_is_on_disk() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let text = "st_0123456789abcdefghijklmnopqrstuvwxyzABCDEFA";
    let mut record = a_record("alice", "on-disk");
    record.digest = TokenDigest::of(text.as_bytes());
    store.insert(record.clone()).await.expect("inserting");
    assert!(store.revoke(record.key(), secs(1)).await.expect("revoking"));
    server.cli(&["SAVE"]);
    let dump = server.dump();
    let holds = |part: &str| {
        dump.windows(part.len())
            .any(|bytes| bytes == part.as_bytes())
    };
    assert!(holds("on-disk"), "the record is in no file");
    assert!(!holds(&text[3..19]), "a part of a token is in a file");
}

#[tokio::test]
async fn subjects_cannot_leave_their_slot_or_reach_the_keys_of_others() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let subjects = [
        "\0",
        "{",
        "}",
        "{}",
        "a}:t:1",
        "a",
        "tower_bearer:{a}",
        "*",
        "\u{1f511}\0",
    ];
    let ids = ["1", "", "\0", "}:i", ":i", "1\0", "{x}"];
    let mut records = Vec::new();
    for subject in subjects {
        records.extend(ids.map(|id| a_record(subject, id)));
    }
    for record in &records {
        store.insert(record.clone()).await.expect("inserting");
    }
    let ended = store.revoke_all("a", &TokenFilter::all(), secs(1)).await;
    assert_eq!(ended.expect("revoking all"), ids.len() as u64);
    for record in &records {
        let stored = read(&store, record).await.expect("the record");
        assert_eq!(stored.revoked.is_some(), &*record.subject == "a");
    }
    let removed = TokenStore::prune(&store, secs(1), 1000).await;
    assert_eq!(removed.expect("pruning"), ids.len() as u64);
    for subject in subjects.into_iter().filter(|subject| *subject != "a") {
        let page = Page::first(99);
        let listed = store.list(subject, &TokenFilter::all(), &page).await;
        assert_eq!(listed.expect("listing").len(), ids.len(), "{subject:?}");
    }
}

#[tokio::test]
async fn a_pointer_to_no_record_finds_nothing_and_is_in_nobodys_way() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let lost = a_record("alice", "1");
    store.insert(lost.clone()).await.expect("inserting");
    // Its insert had stopped halfway, or somebody removed it by hand.
    assert_eq!(server.cli(&["DEL", &key_of(&server, "t:1")]), "1");
    let found = store.find(&lost.digest).await.expect("finding");
    assert!(found.is_none());

    let mut heir = a_record("bob", "2");
    heir.digest = lost.digest;
    store
        .insert(heir.clone())
        .await
        .expect("taking the digest over");
    assert_eq!(read(&store, &heir).await, Some(heir.clone()));
    let refused = store.insert(lost).await;
    assert!(
        matches!(refused, Err(StoreError::AlreadyExists)),
        "{refused:?}"
    );
    assert_eq!(read(&store, &heir).await, Some(heir));
}

#[tokio::test]
async fn stores_of_two_prefixes_know_nothing_of_each_other() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let one = RedisStore::builder(server.url()).key_prefix("one");
    let two = RedisStore::builder(server.url()).key_prefix("two");
    let (one, two) = (one.connect().await, two.connect().await);
    let (one, two) = (one.expect("connecting"), two.expect("connecting"));
    let mut feed = two.subscribe().await.expect("subscribing");
    let record = a_record("alice", "1");
    one.insert(record.clone()).await.expect("inserting");
    assert_eq!(read(&two, &record).await, None);
    two.insert(record.clone())
        .await
        .expect("inserting the same");
    assert!(one.revoke(record.key(), secs(1)).await.expect("revoking"));
    let target = Target::subject("", "alice");
    let revocation = Revocation::new(target.clone(), secs(1), secs(9));
    one.put(&revocation).await.expect("revoking");
    assert_eq!(
        TokenStore::prune(&one, secs(1), 9).await.expect("pruning"),
        1
    );

    assert_eq!(read(&two, &record).await, Some(record));
    assert_eq!(two.latest_before(&[target]).await.expect("looking"), None);
    let beat = Beat { node: 1, number: 0 };
    two.beat(beat).await.expect("beating");
    assert_eq!(next(&mut feed).await, FeedMessage::Beat(beat));
}

#[tokio::test]
async fn a_prefix_that_goes_on_like_the_names_of_anothers_keys_is_apart_from_them() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let mut stores = Vec::new();
    for prefix in ["a", "a:r", "a:d", "a:r:r", "a:i", "a:t"] {
        let builder = RedisStore::builder(server.url()).key_prefix(prefix);
        stores.push(patient(builder).await);
    }
    let record = a_record("alice", "1");
    let target = Target::subject("", "alice");
    let revocation = Revocation::new(target.clone(), secs(1), secs(2));
    for store in &stores {
        store.insert(record.clone()).await.expect("inserting");
        store.put(&revocation).await.expect("revoking");
        assert!(store.revoke(record.key(), secs(1)).await.expect("revoking"));
    }
    while let Some(store) = stores.pop() {
        let removed = TokenStore::prune(&store, secs(2), 99).await;
        assert_eq!(removed.expect("pruning tokens"), 1);
        let removed = RevocationStore::prune(&store, secs(2), 99).await;
        assert_eq!(removed.expect("pruning revocations"), 1);
        for other in &stores {
            assert!(read(other, &record).await.is_some());
            let before = other.latest_before(std::slice::from_ref(&target)).await;
            assert_eq!(before.expect("looking"), Some(secs(1)));
        }
    }
}

#[tokio::test]
async fn a_prune_of_very_many_keys_ends_in_time_and_the_next_goes_on() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let near = RedisStore::builder(server.url()).timeout(Duration::from_secs(10));
    let record = a_record("alice", "1");
    let near = near.connect().await.expect("connecting");
    near.insert(record.clone()).await.expect("inserting");
    assert!(near.revoke(record.key(), secs(1)).await.expect("revoking"));
    let fill = "for i = 1, 50000 do redis.call('SET', 'other:' .. i, '') end";
    server.cli(&["EVAL", fill, "0"]);

    let proxy = Proxy::before(server.port()).await;
    let url = format!("redis://127.0.0.1:{}", proxy.port());
    let far = patient(RedisStore::builder(url)).await;
    proxy.set(Fault::Delay(Duration::from_millis(100))).await;
    let (mut removed, mut calls) = (0, 0);
    while removed == 0 {
        let begun = Instant::now();
        removed = TokenStore::prune(&far, secs(1), 9).await.expect("pruning");
        assert!(begun.elapsed() < Duration::from_secs(15), "{begun:?}");
        calls += 1;
        assert!(calls < 20, "the walk begins anew each time");
    }
    assert_eq!(removed, 1);
}

#[tokio::test]
async fn a_prune_that_goes_on_finds_what_ended_behind_it_meanwhile() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::builder(server.url()).timeout(Duration::from_secs(10));
    let store = store.connect().await.expect("connecting");
    let records: Vec<_> = (0..40)
        .map(|number| a_record(&format!("user {number}"), &number.to_string()))
        .collect();
    for record in &records {
        store.insert(record.clone()).await.expect("inserting");
    }
    for record in &records[20..] {
        assert!(store.revoke(record.key(), secs(1)).await.expect("revoking"));
    }
    let prune = async |limit| {
        TokenStore::prune(&store, secs(1), limit)
            .await
            .expect("pruning")
    };
    assert_eq!(prune(19).await, 19);
    for record in &records[..20] {
        assert!(store.revoke(record.key(), secs(1)).await.expect("revoking"));
    }
    assert_eq!(prune(99).await, 21);
    assert_eq!(prune(99).await, 0);
}

#[tokio::test]
async fn what_a_newer_version_wrote_stays() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let record = a_record("alice", "1");
    store.insert(record.clone()).await.expect("inserting");
    let key = key_of(&server, "t:1");
    server.cli(&["HSET", &key, "of_tomorrow", "kept", "kind", "hologram"]);
    let stored = read(&store, &record).await.expect("the record");
    assert_eq!(stored.kind, CredentialKind::Other);

    let used = [TokenUse {
        key: record.key(),
        at: secs(7),
    }];
    store.touch(&used).await.expect("touching");
    let digest = TokenDigest::of(b"another");
    let change = TokenChange::new()
        .name("n")
        .expires_at(secs(99))
        .digest(digest, None);
    store.update(record.key(), &change).await.expect("changing");
    let heir = a_record("alice", "2");
    let overlap = Duration::from_secs(1);
    let replaced = store.replace("1", heir, overlap, secs(1)).await;
    replaced.expect("replacing");
    let others = TokenFilter::all().kinds([CredentialKind::Other]);
    let ended = store.revoke_all("alice", &others, secs(2)).await;
    assert_eq!(
        ended.expect("revoking all"),
        1,
        "an unknown kind is another"
    );
    assert_eq!(server.cli(&["HGET", &key, "of_tomorrow"]), "kept");
    assert_eq!(server.cli(&["HGET", &key, "kind"]), "hologram");
}

#[tokio::test]
async fn after_a_flush_tokens_are_unknown_and_every_node_hears_of_it() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let record = a_record("alice", "1");
    for flush in ["FLUSHALL", "FLUSHDB"] {
        store.insert(record.clone()).await.expect("inserting");
        let mut feed = store.subscribe().await.expect("subscribing");
        server.cli(&[flush]);
        assert_eq!(next(&mut feed).await, FeedMessage::Ending(Ending::Anything));
        assert_eq!(read(&store, &record).await, None);
    }
}

#[tokio::test]
async fn redis_expires_a_record_later_than_it_would_be_pruned_or_never() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = RedisStore::connect(&server.url())
        .await
        .expect("connecting");
    let kept_for = |key: &str| -> i64 {
        let left = server.cli(&["PTTL", key]);
        left.parse().expect("a number")
    };
    let day = 24 * 3600 * 1000;
    let mut record = a_record("alice", "1");
    record.idle = Some(Duration::from_secs(1));
    store.insert(record.clone()).await.expect("inserting");
    let key = key_of(&server, "t:1");
    let pointer = key_of(&server, "d:");
    assert_eq!((kept_for(&key), kept_for(&pointer)), (-1, -1), "it slides");

    let hour = TokenChange::new().expires_at(secs(3600));
    store.update(record.key(), &hour).await.expect("changing");
    let left = kept_for(&key);
    assert!(left > day && left <= day + 3_600_000, "{left}");
    assert_eq!(kept_for(&pointer), -1, "a pointer is not shortened");
    let ever = TokenChange::new().without_expiry();
    store.update(record.key(), &ever).await.expect("changing");
    assert_eq!(kept_for(&key), -1);
    let last = TokenChange::new().expires_at(Timestamp::MAX);
    let changed = store.update(record.key(), &last).await.expect("changing");
    assert_eq!(
        (changed.expires, kept_for(&key)),
        (Some(Timestamp::MAX), -1)
    );

    let mut ending = a_record("bob", "2");
    ending.expires = Some(secs(60));
    store.insert(ending.clone()).await.expect("inserting");
    let key = key_of(&server, "t:2");
    let left = kept_for(&key);
    assert!(left > day && left <= day + 60_000, "{left}");
    let later = TokenChange::new().expires_at(secs(7200));
    store.update(ending.key(), &later).await.expect("changing");
    let pointers = server.cli(&["--scan", "--pattern", "tower_bearer:d:*"]);
    let mut lefts: Vec<_> = pointers.lines().map(kept_for).collect();
    lefts.sort_unstable();
    assert_eq!(lefts[0], -1);
    assert!(lefts[1] > kept_for(&key), "the pointer goes first");
}

#[tokio::test]
async fn a_server_that_may_throw_keys_away_is_refused() {
    let Some(server) = Redis::start().await else {
        return;
    };
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    RedisStore::connect(&server.url())
        .await
        .expect("no limit of memory");
    server.cli(&["CONFIG", "SET", "maxmemory", "100mb"]);
    let refused = RedisStore::connect(&server.url()).await;
    let told = tell(&refused.expect_err("it may throw keys away"));
    assert!(told.contains("noeviction"), "{told}");
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]);
    let store = RedisStore::connect(&server.url())
        .await
        .expect("it keeps all");

    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = store.insert(a_record("alice", "1")).await;
    assert!(refused.as_ref().is_err_and(is_unavailable), "{refused:?}");
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    store
        .insert(a_record("alice", "1"))
        .await
        .expect("there is room");
    server.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let refused = store
        .revoke_all("alice", &TokenFilter::all(), secs(1))
        .await;
    assert!(refused.as_ref().is_err_and(is_unavailable), "{refused:?}");
}

#[tokio::test]
async fn a_wrong_setting_is_named_and_no_password_is_shown() {
    for url in ["http://x:hunter2@h/", "redis://:hunter2@h/nodb", "hunter2"] {
        let builder = RedisStore::builder(url);
        assert!(!format!("{builder:?}").contains("hunter2"));
        let told = tell(&builder.connect().await.expect_err("a bad URL"));
        assert!(told.contains("url") && !told.contains("hunter2"), "{told}");
    }
    let builder = RedisStore::builder("redis://h/").key_prefix("{x}");
    let told = tell(&builder.connect().await.expect_err("a bad prefix"));
    assert!(told.contains("key_prefix"), "{told}");

    let Some(server) = Redis::start().await else {
        return;
    };
    server.cli(&["CONFIG", "SET", "requirepass", "hunter2"]);
    let refused = RedisStore::connect(&server.url()).await;
    let told = tell(&refused.expect_err("no password"));
    assert!(told.contains("does not take the password"), "{told}");
    let url = |password| format!("redis://:{password}@127.0.0.1:{}", server.port());
    let refused = RedisStore::connect(&url("hunter3")).await;
    let told = tell(&refused.expect_err("a wrong password"));
    assert!(!told.contains("hunter"), "{told}");
    let store = RedisStore::connect(&url("hunter2"))
        .await
        .expect("the password");
    assert!(!format!("{store:?}").contains("hunter2"));
}

#[tokio::test]
async fn the_database_is_that_of_the_url() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let (first, third) = (server.url(), format!("{}/3", server.url()));
    let first = RedisStore::connect(&first).await.expect("connecting");
    let third = RedisStore::connect(&third).await.expect("connecting");
    let record = a_record("alice", "1");
    third.insert(record.clone()).await.expect("inserting");
    assert_eq!(read(&first, &record).await, None);
    assert_eq!(read(&third, &record).await, Some(record));
}

/// Waits longer than a test machine may stall.
async fn patient(builder: tower_bearer::store::RedisStoreBuilder) -> RedisStore {
    let builder = builder.timeout(Duration::from_secs(10));
    builder.connect().await.expect("connecting")
}

fn of_cluster(cluster: &RedisCluster) -> tower_bearer::store::RedisStoreBuilder {
    let mut urls = cluster.urls().into_iter();
    RedisStore::builder(urls.next().expect("a node")).cluster(urls)
}

async fn hear_everything(store: &RedisStore) {
    let listening = testing::feed::conformance(store);
    let heard = tokio::time::timeout(A_MINUTE, listening).await;
    heard.expect("all is heard in time");
}

/// Prunes everything, and says whether nothing is left.
async fn is_empty_of_pointers_to_nothing(server: &Redis, store: &RedisStore) -> bool {
    while TokenStore::prune(store, Timestamp::MAX, 7)
        .await
        .expect("pruning")
        == 7
    {}
    // Those that never end are left, with a pointer and an index each at most.
    let count = |pattern: &str| {
        let keys = server.cli(&["--scan", "--pattern", pattern]);
        keys.lines().count()
    };
    count("tower_bearer:d:*") == count("tower_bearer:{*}:t:*")
}

fn a_record(subject: &str, id: &str) -> TokenRecord {
    let digest = TokenDigest::of(format!("{subject}/{id}").as_bytes());
    TokenRecord::new(id, digest, CredentialKind::Session, subject, secs(0))
}

async fn read(store: &RedisStore, record: &TokenRecord) -> Option<TokenRecord> {
    let TokenKey { subject, id } = record.key();
    let got = store.get(TokenKey { subject, id }).await.expect("getting");
    let digest = got.as_ref().map_or(record.digest, |got| got.digest);
    let found = store.find(&digest).await.expect("finding");
    assert_eq!(found.map(|found| found.record().clone()), got);
    got
}

async fn next(feed: &mut Box<dyn Subscription>) -> FeedMessage {
    let heard = tokio::time::timeout(A_MINUTE, feed.next()).await;
    heard.expect("something is heard").expect("listening")
}

/// The one key of the store that has this in its name.
fn key_of(server: &Redis, part: &str) -> String {
    let keys = server.cli(&["--scan", "--pattern", &format!("tower_bearer:*{part}*")]);
    let mut keys = keys.lines();
    let key = keys.next().expect("a key").to_owned();
    assert_eq!(keys.next(), None, "keys of {part}");
    key
}

fn is_unavailable(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable { store: "redis", .. })
}

/// The error and its sources.
fn tell(error: &StoreError) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    format!("{error}: {} {error:?}", source.unwrap_or_default())
}

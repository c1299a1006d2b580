//! What may be presented once, remembered for several nodes: in SQLite, in PostgreSQL, in Redis and in a
//! cluster of it.

#[path = "support/servers/mod.rs"]
mod servers;

use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use servers::{Fault, Folder, Postgres, Proxy, Redis, RedisCluster};
use tower_bearer::clock::Timestamp;
use tower_bearer::replay::{ReplayId, ReplayStore};
use tower_bearer::store::{PostgresStore, RedisStore, SqliteStore, StoreError, TokenStore};
use tower_bearer::testing;

/// Longer than a test machine may stall.
const PATIENCE: Duration = Duration::from_secs(10);
const A_WHILE: Duration = Duration::from_millis(3);
const HOUR: i64 = 3600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_meets_the_contract_for_two_that_have_one_file_open() {
    let folder = Folder::new("replay-sqlite");
    let path = folder.path().join("tokens.db");
    let nodes = [Arc::new(sqlite(&path).await), Arc::new(sqlite(&path).await)];
    testing::replay::conformance(&*nodes[0]).await;
    testing::replay::conformance(&nodes[1]).await;
    whatever_node_is_asked_each_id_is_taken_once(&nodes).await;
    a_call_that_is_given_up_is_done_or_is_not(&*nodes[0], &*nodes[1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_meets_the_contract_for_two_nodes() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let nodes = [
        Arc::new(postgres(&server).await),
        Arc::new(postgres(&server).await),
    ];
    testing::replay::conformance(&*nodes[0]).await;
    testing::replay::conformance(&nodes[1]).await;
    whatever_node_is_asked_each_id_is_taken_once(&nodes).await;

    // Over a way on which an answer takes a while.
    let proxy = Proxy::before(server.port()).await;
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", proxy.port());
    let far = PostgresStore::builder(url)
        .timeout(PATIENCE)
        .connect()
        .await;
    proxy.set(Fault::Delay(A_WHILE)).await;
    a_call_that_is_given_up_is_done_or_is_not(&far.expect("connecting"), &*nodes[1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_meets_the_contract_for_two_nodes() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let nodes = [
        Arc::new(redis(&server.url()).await),
        Arc::new(redis(&server.url()).await),
    ];
    testing::replay::conformance(&*nodes[0]).await;
    testing::replay::conformance(&nodes[1]).await;
    whatever_node_is_asked_each_id_is_taken_once(&nodes).await;

    let proxy = Proxy::before(server.port()).await;
    let far = redis(&format!("redis://127.0.0.1:{}", proxy.port())).await;
    proxy.set(Fault::Delay(A_WHILE)).await;
    a_call_that_is_given_up_is_done_or_is_not(&far, &*nodes[1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_of_redis_meets_the_contract_for_two_nodes() {
    let Some(cluster) = RedisCluster::start().await else {
        return;
    };
    let nodes = [
        Arc::new(redis_cluster(&cluster).await),
        Arc::new(redis_cluster(&cluster).await),
    ];
    testing::replay::conformance(&*nodes[0]).await;
    whatever_node_is_asked_each_id_is_taken_once(&nodes).await;
}

#[tokio::test]
async fn what_was_presented_once_is_known_after_a_reopening_and_a_kill() {
    let folder = Folder::new("replay-reopened");
    let path = folder.path().join("tokens.db");
    let store = sqlite(&path).await;
    assert!(take(&store, "1", 60, 0).await);
    // Dropped without a farewell.
    drop(store);
    let store = sqlite(&path).await;
    assert!(!take(&store, "1", 60, 59).await, "sqlite");

    if let Some(mut server) = Postgres::start().await {
        let store = postgres(&server).await;
        assert!(take(&store, "1", 60, 0).await);
        server.kill().await;
        server.restart().await;
        assert!(!take_again(&store, "1").await, "postgres");
    }
    if let Some(mut server) = Redis::start().await {
        let store = redis(&server.url()).await;
        assert!(take(&store, "1", 60, 0).await);
        server.kill().await;
        server.restart().await;
        assert!(!take_again(&store, "1").await, "redis");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unavailable_in_time_and_lets_nothing_in() {
    if let Some(server) = Postgres::start_fast().await {
        let store = PostgresStore::connect(&server.url()).await;
        let store = store.expect("connecting");
        server.freeze();
        assert_unavailable_in_time(&store).await;
        server.thaw();
        comes_back(&store).await;
    }
    if let Some(server) = Redis::start().await {
        let store = RedisStore::connect(&server.url()).await;
        let store = store.expect("connecting");
        server.freeze();
        assert_unavailable_in_time(&store).await;
        server.thaw();
        comes_back(&store).await;
    }
}

#[tokio::test]
async fn a_file_that_another_writes_to_is_unavailable_in_time() {
    let folder = Folder::new("replay-locked");
    let path = folder.path().join("tokens.db");
    let store = SqliteStore::open(&path).await.expect("opening");
    let mut other = sqlite_connection(&path).await;
    let execute = async |other: &mut sqlx::SqliteConnection, sql: &'static str| {
        let done = sqlx::raw_sql(sql).execute(other).await;
        done.expect("a statement of the test's own");
    };
    execute(&mut other, "BEGIN IMMEDIATE").await;
    assert_unavailable_in_time(&store).await;
    execute(&mut other, "ROLLBACK").await;
    comes_back(&store).await;
}

#[tokio::test]
async fn what_has_been_over_for_an_hour_goes_beside_what_comes() {
    let folder = Folder::new("replay-tidied");
    let path = folder.path().join("tokens.db");
    let store = sqlite(&path).await;
    let mut connection = sqlite_connection(&path).await;
    let mut rows = async || -> i64 {
        let count = sqlx::query_scalar("SELECT count(*) FROM tower_bearer_replays");
        count.fetch_one(&mut connection).await.expect("counting")
    };
    fill(&store, 0).await;
    assert_eq!(rows().await, 200);
    fill(&store, HOUR).await;
    assert_eq!(rows().await, 400, "none is over for an hour");
    fill(&store, 2 * HOUR).await;
    // Some are removed after the first of every 64.
    let begun = Instant::now();
    while rows().await > 400 {
        assert!(begun.elapsed() < PATIENCE, "{} are left", rows().await);
        tokio::task::yield_now().await;
    }
    assert_eq!(rows().await, 400);

    if let Some(server) = Postgres::start_fast().await {
        let store = postgres(&server).await;
        let rows = || server.psql("SELECT count(*) FROM tower_bearer_replays");
        fill(&store, 0).await;
        fill(&store, HOUR).await;
        assert_eq!(rows(), "400", "none is over for an hour");
        fill(&store, 2 * HOUR).await;
        let begun = Instant::now();
        while rows() != "400" {
            assert!(begun.elapsed() < PATIENCE, "{} are left", rows());
        }
    }
}

#[tokio::test]
async fn a_prune_of_tokens_removes_what_has_been_over_for_an_hour_and_keeps_to_its_limit() {
    let folder = Folder::new("replay-pruned");
    let store = sqlite(&folder.path().join("tokens.db")).await;
    pruned_in_batches(&store).await;
    if let Some(server) = Postgres::start_fast().await {
        pruned_in_batches(&postgres(&server).await).await;
    }
}

#[tokio::test]
async fn an_id_is_known_while_its_slot_moves() {
    let Some(cluster) = RedisCluster::start().await else {
        return;
    };
    let store = redis_cluster(&cluster).await;
    assert!(take(&store, "1", 60, 0).await);
    let keys = cluster.nodes.iter();
    let keys = keys.map(|node| node.cli(&["KEYS", "tower_bearer:o:*"]));
    let key: String = keys.collect();
    let slot = cluster.nodes[0].cli(&["CLUSTER", "KEYSLOT", &key]);
    let (from, to) = cluster.owner_and_other(&slot);
    cluster.begin_move(&slot, from, to);
    assert!(!take(&store, "1", 60, 0).await, "not moved yet");
    cluster.move_key(&key, from, to);
    assert!(!take(&store, "1", 60, 0).await, "moved before its slot");
    assert!(take(&store, "1", 120, 60).await, "it was over");
    cluster.end_move(&slot, from, to);
    assert!(!take_again(&store, "1").await, "moved with its slot");

    // One that comes while the slot moves is taken where the slot goes.
    let (from, to) = cluster.owner_and_other(&slot);
    from.cli(&["DEL", &key]);
    cluster.begin_move(&slot, from, to);
    assert!(take(&store, "1", 60, 0).await);
    assert!(!take(&store, "1", 60, 0).await, "taken on the way");
    cluster.end_move(&slot, from, to);
    assert!(!take_again(&store, "1").await, "taken on the way");
}

#[tokio::test]
async fn redis_removes_an_id_an_hour_after_its_end() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let store = redis(&server.url()).await;
    assert!(take(&store, "1", 60, 0).await);
    let key = server.cli(&["--scan", "--pattern", "tower_bearer:o:*"]);
    assert_eq!(key.len(), "tower_bearer:o:".len() + 43, "{key}");
    let left: i64 = server.cli(&["PTTL", &key]).parse().expect("a number");
    let longest = (HOUR + 60) * 1000;
    assert!(left > longest - 60_000 && left <= longest, "{left}");
    // What is remembered for another while is kept for another hour after it.
    server.cli(&["PEXPIRE", &key, "5000"]);
    assert!(!take(&store, "1", 600, 59).await);
    let left: i64 = server.cli(&["PTTL", &key]).parse().expect("a number");
    assert!(
        left <= 5_000,
        "a call that came too late changed it: {left}"
    );
    assert!(take(&store, "1", 660, 60).await);
    let left: i64 = server.cli(&["PTTL", &key]).parse().expect("a number");
    assert!(left > (HOUR + 540) * 1000, "{left}");

    let other = RedisStore::builder(server.url()).key_prefix("tower_bearer:o");
    let other = other.timeout(PATIENCE).connect().await;
    let other = other.expect("connecting");
    assert!(take(&other, "1", 660, 60).await, "another prefix");
    server.cli(&["SET", &key, "nonsense"]);
    let refused = store.remember_once(&id("1"), secs(660), secs(60)).await;
    refused.expect_err("what cannot be read lets nothing in");
}

/// Tasks on both nodes present the same ids at once; then all of them are over, and are presented again.
async fn whatever_node_is_asked_each_id_is_taken_once<S: ReplayStore + 'static>(
    nodes: &[Arc<S>; 2],
) {
    const IDS: i64 = 60;
    for now in [0, 60] {
        let mut racers = tokio::task::JoinSet::new();
        for racer in 0..8_i64 {
            let store = Arc::clone(&nodes[usize::from(racer % 2 == 1)]);
            racers.spawn(async move {
                let mut first = 0;
                for number in 0..IDS {
                    // From both ends, so that those who meet wait for one another.
                    let number = if racer < 4 { number } else { IDS - 1 - number };
                    let name = format!("raced {number}");
                    first += i64::from(take(&*store, &name, now + 60, now).await);
                }
                first
            });
        }
        let first: i64 = racers.join_all().await.iter().sum();
        assert_eq!(first, IDS, "at {now}");
    }
}

/// Whoever is not waited for has taken the id or has not; and after that it is taken once and no more.
async fn a_call_that_is_given_up_is_done_or_is_not<S: ReplayStore>(one: &S, two: &S) {
    let (mut done, mut undone) = (0, 0);
    for polls in 1..40 {
        let id = id(&format!("given up {polls}"));
        let mut taking = one.remember_once(&id, secs(60), secs(0));
        let mut left = polls;
        let told = poll_fn(|context| {
            left -= 1;
            match taking.as_mut().poll(context) {
                Poll::Pending if left > 0 => Poll::Pending,
                Poll::Pending => Poll::Ready(None),
                Poll::Ready(told) => Poll::Ready(Some(told.expect("remembering"))),
            }
        })
        .await;
        drop(taking);
        let again = two.remember_once(&id, secs(60), secs(0)).await;
        let again = again.expect("remembering");
        assert!(told != Some(true) || !again, "taken twice");
        assert_ne!(told, Some(false), "a new id");
        for store in [one, two] {
            let third = store.remember_once(&id, secs(60), secs(0)).await;
            assert!(!third.expect("remembering"), "taken by nobody");
        }
        done += usize::from(told.is_some());
        undone += usize::from(told.is_none());
    }
    assert!(undone > 0, "none was given up in time");
    assert!(done > 0, "none came to its end");
}

async fn pruned_in_batches<S: TokenStore + ReplayStore>(store: &S) {
    fill(store, 0).await;
    assert!(take(store, "needed", 60 + HOUR, 0).await);
    let over = secs(59 + HOUR);
    assert_eq!(store.prune(over, 500).await.expect("pruning"), 0);
    let over = secs(60 + HOUR);
    assert_eq!(store.prune(over, 0).await.expect("pruning"), 0);
    assert_eq!(store.prune(over, 150).await.expect("pruning"), 150);
    assert_eq!(store.prune(over, 150).await.expect("pruning"), 50);
    assert_eq!(store.prune(over, 150).await.expect("pruning"), 0);
    assert!(!take(store, "needed", 60 + HOUR, 59 + HOUR).await);
}

/// Two hundred ids that end a minute after `now`.
async fn fill<S: ReplayStore>(store: &S, now: i64) {
    for number in 0..200 {
        assert!(take(store, &format!("{number} of {now}"), now + 60, now).await);
    }
}

async fn assert_unavailable_in_time<S: ReplayStore>(store: &S) {
    for _ in 0..2 {
        let begun = Instant::now();
        let refused = store.remember_once(&id("1"), secs(60), secs(0)).await;
        let refused = refused.expect_err("no answer");
        assert!(
            matches!(refused, StoreError::Unavailable { .. }),
            "{refused:?}"
        );
        assert!(begun.elapsed() < Duration::from_millis(1500), "{begun:?}");
    }
}

async fn comes_back<S: ReplayStore>(store: &S) {
    let mut tries = 0;
    while store
        .remember_once(&id("2"), secs(60), secs(0))
        .await
        .is_err()
    {
        tries += 1;
        assert!(tries < 30, "it stays unavailable");
    }
    assert!(!take(store, "2", 60, 0).await);
}

/// What a store says that may have lost its connections.
async fn take_again<S: ReplayStore>(store: &S, name: &str) -> bool {
    let mut tries = 0;
    loop {
        match store.remember_once(&id(name), secs(60), secs(59)).await {
            Ok(first) => return first,
            Err(StoreError::Unavailable { .. }) if tries < 30 => tries += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn take<S: ReplayStore + ?Sized>(store: &S, name: &str, until: i64, now: i64) -> bool {
    let first = store.remember_once(&id(name), secs(until), secs(now)).await;
    first.expect("remembering")
}

async fn sqlite(path: &Path) -> SqliteStore {
    let builder = SqliteStore::builder(path).timeout(PATIENCE);
    builder.open().await.expect("opening")
}

async fn sqlite_connection(path: &Path) -> sqlx::SqliteConnection {
    let url = format!("sqlite://{}", path.display());
    let connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(&url).await;
    connection.expect("connecting")
}

async fn postgres(server: &Postgres) -> PostgresStore {
    let builder = PostgresStore::builder(server.url()).timeout(PATIENCE);
    builder.connect().await.expect("connecting")
}

async fn redis(url: &str) -> RedisStore {
    let builder = RedisStore::builder(url).timeout(PATIENCE);
    builder.connect().await.expect("connecting")
}

async fn redis_cluster(cluster: &RedisCluster) -> RedisStore {
    let mut urls = cluster.urls().into_iter();
    let builder = RedisStore::builder(urls.next().expect("a node")).cluster(urls);
    let store = builder.timeout(PATIENCE).connect().await;
    store.expect("connecting")
}

fn id(name: &str) -> ReplayId {
    ReplayId::of("test", [name])
}

fn secs(secs: i64) -> Timestamp {
    Timestamp::from_unix_secs(secs)
}

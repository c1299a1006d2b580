//! The store in Redis as several nodes have it at once, each over a connection of its own.

#[path = "support/servers/mod.rs"]
mod servers;
#[path = "support/shared.rs"]
mod shared;
#[path = "support/tokens.rs"]
mod support;

use std::sync::Arc;
use std::time::Duration;

use servers::{Redis, RedisCluster};
use shared::{
    a_call_that_is_given_up_leaves_nothing_half_done, a_large_batch_of_uses_is_recorded,
    races_between_nodes_keep_every_promise, what_one_ends_the_other_sees_and_hears,
    who_is_told_that_a_digest_is_taken_finds_it_so,
};
use tower_bearer::store::{RedisStore, RedisStoreBuilder};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_agree() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let builder = RedisStore::builder(server.url());
    let nodes = [node(&builder).await, node(&builder).await];
    what_one_ends_the_other_sees_and_hears(&*nodes[0], &*nodes[1]).await;
    a_call_that_is_given_up_leaves_nothing_half_done(&*nodes[0], &*nodes[1]).await;
    races_between_nodes_keep_every_promise(nodes).await;
}

#[tokio::test]
async fn a_large_batch_is_recorded() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let node = node(&RedisStore::builder(server.url())).await;
    a_large_batch_of_uses_is_recorded(&*node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nodes_that_spend_one_token_at_once_are_told_who_was_first() {
    let Some(server) = Redis::start().await else {
        return;
    };
    who_is_told_that_a_digest_is_taken_finds_it_so(six(&RedisStore::builder(server.url())).await)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn so_are_those_on_a_cluster() {
    let Some(cluster) = RedisCluster::start().await else {
        return;
    };
    let mut urls = cluster.urls().into_iter();
    let builder = RedisStore::builder(urls.next().expect("a node")).cluster(urls);
    who_is_told_that_a_digest_is_taken_finds_it_so(six(&builder).await).await;
}

async fn six(builder: &RedisStoreBuilder) -> Vec<Arc<RedisStore>> {
    let mut nodes = Vec::new();
    for _ in 0..6 {
        nodes.push(node(builder).await);
    }
    nodes
}

/// With more patience than a service would have: other tests keep the machine busy.
async fn node(builder: &RedisStoreBuilder) -> Arc<RedisStore> {
    let builder = builder.clone().timeout(Duration::from_secs(20));
    Arc::new(builder.connect().await.expect("connecting"))
}

//! The servers that other tests run against: that they start, die, come back and leave nothing behind.
#![allow(clippy::unwrap_used)]

#[path = "support/servers/mod.rs"]
mod servers;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use servers::{Fault, Postgres, Proxy, Redis, RedisCluster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn is_running(id: u32) -> bool {
    PathBuf::from(format!("/proc/{id}/cmdline"))
        .metadata()
        .is_ok()
}

#[tokio::test]
async fn postgres_keeps_what_it_wrote_when_it_is_killed() {
    let Some(mut postgres) = Postgres::start().await else {
        return;
    };
    postgres.psql("CREATE TABLE kept (it text)");
    postgres.psql("INSERT INTO kept VALUES ('still here')");
    let id = postgres.id().unwrap();
    postgres.kill().await;
    assert!(!is_running(id));
    postgres.restart().await;
    assert_eq!(postgres.psql("SELECT it FROM kept"), "still here");
    assert!(postgres.dump().contains("still here"));
    let id = postgres.id().unwrap();
    drop(postgres);
    assert!(!is_running(id), "left behind");
}

#[tokio::test]
async fn redis_keeps_what_it_wrote_when_it_is_killed() {
    let Some(mut redis) = Redis::start().await else {
        return;
    };
    assert_eq!(redis.cli(&["SET", "it", "still here"]), "OK");
    let id = redis.id().unwrap();
    redis.kill().await;
    assert!(!is_running(id));
    redis.restart().await;
    assert_eq!(redis.cli(&["GET", "it"]), "still here");
    let dump = redis.dump();
    let is_in = dump.windows(10).any(|bytes| bytes == b"still here");
    assert!(is_in, "not in any file");
    let id = redis.id().unwrap();
    drop(redis);
    assert!(!is_running(id), "left behind");
}

#[tokio::test]
async fn redis_speaks_tls_and_nothing_else() {
    let Some(redis) = Redis::start_tls().await else {
        return;
    };
    assert_eq!(redis.cli(&["PING"]), "PONG");
    assert!(redis.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    let mut plain = TcpStream::connect(("127.0.0.1", redis.port()))
        .await
        .unwrap();
    plain.write_all(b"PING\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"+PONG"));
}

#[tokio::test]
async fn a_cluster_of_three_holds_all_slots() {
    let Some(mut cluster) = RedisCluster::start().await else {
        return;
    };
    for number in 0..20 {
        let key = format!("key-{number}");
        assert_eq!(cluster.nodes[0].cli(&["SET", &key, "x"]), "OK");
    }
    let held = |node: &Redis| node.cli(&["DBSIZE"]).parse::<u32>().unwrap();
    let held: Vec<_> = cluster.nodes.iter().map(held).collect();
    assert_eq!(held.iter().sum::<u32>(), 20);
    assert!(held.iter().all(|keys| *keys > 0), "{held:?}");
    cluster.nodes[1].kill().await;
    cluster.nodes[1].restart().await;
    cluster.settle().await;
    assert_eq!(cluster.nodes[2].cli(&["GET", "key-7"]), "x");
}

#[tokio::test]
async fn a_frozen_server_and_a_proxy_fail_as_they_are_told() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let proxy = Proxy::before(redis.port()).await;
    let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap();
    let short = Duration::from_millis(200);
    assert_eq!(ping(&mut client, short).await, Some(true));

    proxy.set(Fault::Delay(Duration::from_millis(20)));
    let begun = Instant::now();
    assert_eq!(ping(&mut client, short).await, Some(true));
    assert!(
        begun.elapsed() >= Duration::from_millis(40),
        "there and back"
    );

    proxy.set(Fault::Hang);
    assert_eq!(ping(&mut client, short).await, None);
    proxy.set(Fault::None);
    redis.freeze();
    assert_eq!(ping(&mut client, short).await, None);
    redis.thaw();
    proxy.set(Fault::Cut);
    assert_eq!(ping(&mut client, Duration::from_secs(5)).await, Some(false));
}

/// Whether an answer came, or the connection's end, if anything did.
async fn ping(client: &mut TcpStream, limit: Duration) -> Option<bool> {
    let mut answer = [0; 7];
    if client.write_all(b"PING\r\n").await.is_err() {
        return Some(false);
    }
    match tokio::time::timeout(limit, client.read_exact(&mut answer)).await {
        Ok(Ok(_)) => Some(answer == *b"+PONG\r\n"),
        Ok(Err(_)) => Some(false),
        Err(_) => None,
    }
}

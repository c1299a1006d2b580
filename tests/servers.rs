//! The servers that other tests run against: that they start, die, come back and leave nothing behind.
#![allow(clippy::unwrap_used)]

#[path = "support/servers/mod.rs"]
mod servers;

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use servers::{Fault, OidcProvider, Postgres, Proxy, Redis, RedisCluster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Enough for an answer that comes, and spent where none is to come.
const SHORT: Duration = Duration::from_millis(200);

/// Long enough for anything that will come at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether it runs: what only waits to be collected does not.
fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap();
    !state.is_empty() && !state.starts_with('Z')
}

fn children_of(id: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let children = children.split_whitespace();
    children.map(|child| child.parse().unwrap()).collect()
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
async fn the_identity_provider_keeps_its_keys_when_it_is_killed() {
    let Some(mut provider) = OidcProvider::start().await else {
        return;
    };
    let first = provider.rotate();
    let id = provider.id().unwrap();
    provider.kill().await;
    assert!(!is_running(id));
    provider.restart().await;
    assert_ne!(provider.rotate(), first);
    let mut client = connect(provider.port()).await.unwrap();
    let request = b"GET /jwks HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains(&first), "{answer}");
    let id = provider.id().unwrap();
    drop(provider);
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
async fn postgres_speaks_tls_and_nothing_else() {
    let Some(postgres) = Postgres::start_tls().await else {
        return;
    };
    let own = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    assert_eq!(postgres.psql(own), "t");
    assert!(postgres.ca_pem().starts_with("-----BEGIN CERTIFICATE-----"));
    let mut plain = connect(postgres.port()).await.unwrap();
    // A start without TLS: length, version 3.0, user.
    let mut start = vec![0, 0, 0, 23, 0, 3, 0, 0];
    start.extend(b"user\0postgres\0\0");
    plain.write_all(&start).await.unwrap();
    let mut answer = Vec::new();
    plain.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"E"), "{answer:?}");
    // No pg_hba.conf entry: invalid authorization specification.
    let told = String::from_utf8_lossy(&answer);
    assert!(told.contains("C28000\0"), "{told}");
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
async fn a_dropped_redis_takes_its_folder_along() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let folder = redis.cli(&["CONFIG", "GET", "dir"]);
    let folder = PathBuf::from(folder.lines().last().unwrap());
    assert!(folder.exists());
    drop(redis);
    assert!(!folder.exists(), "{}", folder.display());
}

#[tokio::test]
async fn a_frozen_postgres_answers_once_thawed_and_dies_with_all_its_processes() {
    let Some(postgres) = Postgres::start_fast().await else {
        return;
    };
    postgres.freeze();
    let mut client = TcpStream::connect(("127.0.0.1", postgres.port()))
        .await
        .unwrap();
    // A request for TLS, which is declined with one letter.
    client
        .write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])
        .await
        .unwrap();
    let mut answer = [0];
    let early = tokio::time::timeout(SHORT, client.read_exact(&mut answer)).await;
    assert!(early.is_err(), "{early:?}");
    postgres.thaw();
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, *b"N");

    postgres.freeze();
    let id = postgres.id().unwrap();
    let children = children_of(id);
    assert!(!children.is_empty());
    let folder = std::fs::read_link(format!("/proc/{id}/cwd")).unwrap();
    assert!(folder.exists());
    drop(postgres);
    assert!(!children.into_iter().any(is_running), "left behind");
    assert!(!folder.exists(), "{}", folder.display());
}

#[test]
fn a_server_outlives_the_thread_that_started_it() {
    let start = || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(Redis::start())
    };
    let Some(redis) = std::thread::spawn(start).join().unwrap() else {
        return;
    };
    assert_eq!(redis.cli(&["PING"]), "PONG");
    assert!(is_running(redis.id().unwrap()));
}

#[tokio::test]
async fn servers_die_when_the_process_of_the_test_is_killed() {
    const TOLD: &str = "TOWER_BEARER_SERVERS_TO_ABANDON";
    if std::env::var_os(TOLD).is_some() {
        // The process that is to be killed.
        let (postgres, redis) = (Postgres::start_fast().await, Redis::start().await);
        let id = postgres.as_ref().and_then(Postgres::id);
        let mut ids: Vec<_> = id.map(children_of).unwrap_or_default();
        ids.extend(id);
        ids.extend(redis.as_ref().and_then(Redis::id));
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        println!("\nservers: {}", ids.join(" "));
        std::future::pending::<()>().await;
    }
    let folder =
        std::env::temp_dir().join(format!("tower-bearer-abandoned-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture"])
        .arg("servers_die_when_the_process_of_the_test_is_killed")
        .env(TOLD, "1")
        .env("TMPDIR", &folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(process.stdout.take().unwrap());
    let mut lines = output.lines().map(Result::unwrap);
    let told = lines.find_map(|line| line.strip_prefix("servers: ").map(str::to_owned));
    let told = told.expect("the line with the servers");
    let ids: Vec<u32> = told
        .split_whitespace()
        .map(|id| id.parse().unwrap())
        .collect();
    assert!(ids.iter().all(|id| is_running(*id)), "{ids:?}");
    process.kill().unwrap();
    process.wait().unwrap();
    let begun = Instant::now();
    while ids.iter().any(|id| is_running(*id)) {
        assert!(begun.elapsed() < PATIENCE, "left behind: {ids:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn a_server_that_is_down_keeps_its_port() {
    let Some(mut redis) = Redis::start().await else {
        return;
    };
    let port = redis.port();
    redis.kill().await;
    let other = Redis::start().await.unwrap();
    assert_ne!(other.port(), port, "another server's meanwhile");
    // One of these may be given to whoever asks the kernel for any port.
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let range: Vec<u16> = range
        .split_whitespace()
        .map(|end| end.parse().unwrap())
        .collect();
    assert!(!(range[0]..=range[1]).contains(&port), "{port}: {range:?}");
    redis.restart().await;
    assert_eq!(redis.port(), port);
    assert_eq!(redis.cli(&["PING"]), "PONG");
}

#[test]
fn a_server_that_is_not_installed_is_said_aloud_and_fails_in_ci() {
    let run = |ci| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "a_dropped_redis_takes_its_folder_along"])
            .env("PATH", "/nowhere")
            .env("CI", ci)
            .output()
            .unwrap()
    };
    let missing = "redis-server is not installed (run .ci/services)";
    let output = run("");
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains(&format!("SKIPPED: {missing}")), "{output:?}");

    let output = run("true");
    assert!(!output.status.success(), "{output:?}");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains(missing), "{output:?}");
}

#[tokio::test]
async fn a_frozen_redis_answers_once_it_is_thawed() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let mut client = connect(redis.port()).await.unwrap();
    redis.freeze();
    assert_eq!(ping(&mut client, SHORT).await, None);
    redis.thaw();
    assert!(answers(&mut client).await, "what was sent meanwhile");
}

#[tokio::test]
async fn a_proxy_delays_and_hangs_and_loses_nothing() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let proxy = Proxy::before(redis.port()).await;
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true));

    proxy.set(Fault::Delay(Duration::from_millis(20))).await;
    let begun = Instant::now();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true));
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(40),
        "there and back: {took:?}"
    );

    proxy.set(Fault::Hang).await;
    assert_eq!(ping(&mut client, SHORT).await, None);
    let mut other = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut other, SHORT).await, None);
    proxy.set(Fault::None).await;
    assert!(answers(&mut client).await, "what was sent meanwhile");
    assert!(answers(&mut other).await, "what was sent meanwhile");
}

#[tokio::test]
async fn a_proxy_cuts_and_refuses_connections() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let proxy = Proxy::before(redis.port()).await;
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true));

    proxy.cut_all();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(false));
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true), "a new one");

    proxy.set(Fault::Cut).await;
    assert_eq!(ping(&mut client, PATIENCE).await, Some(false));
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(false), "a new one");

    proxy.set(Fault::None).await;
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true));
    proxy.set(Fault::Refuse).await;
    assert_eq!(ping(&mut client, PATIENCE).await, Some(false));
    let refused = connect(proxy.port()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    proxy.set(Fault::None).await;
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true));
}

#[tokio::test]
async fn a_proxy_cuts_an_answer_in_the_middle() {
    let Some(redis) = Redis::start().await else {
        return;
    };
    let proxy = Proxy::before(redis.port()).await;
    proxy.set(Fault::CutAfter(10)).await;
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true));
    client.write_all(b"PING\r\n").await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(PATIENCE, client.read_to_end(&mut rest)).await;
    let _ = read.expect("an end"); // or a reset
    assert_eq!(rest, b"+PO");
    proxy.set(Fault::None).await;
    let mut client = connect(proxy.port()).await.unwrap();
    assert_eq!(ping(&mut client, PATIENCE).await, Some(true));
}

async fn connect(port: u16) -> std::io::Result<TcpStream> {
    TcpStream::connect(("127.0.0.1", port)).await
}

/// Whether the answer to an earlier ping comes after all.
async fn answers(client: &mut TcpStream) -> bool {
    let mut answer = [0; 7];
    let read = tokio::time::timeout(PATIENCE, client.read_exact(&mut answer)).await;
    matches!(read, Ok(Ok(_))) && answer == *b"+PONG\r\n"
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

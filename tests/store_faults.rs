//! Stores that are full, read-only, flushed or hang, seen through the layer: what is kept is let in, what
//! cannot be told is a 503 in time, and what was acknowledged is there afterwards.
#![allow(clippy::unwrap_used)]

#[path = "support/servers/mod.rs"]
mod servers;

use std::convert::Infallible;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use servers::{Folder, Postgres, Redis};
use tower::util::BoxCloneSyncService;
use tower::{Layer, ServiceExt, service_fn};
use tower_bearer::BearerAuthLayer;
use tower_bearer::clock::{Clock, SystemClock};
use tower_bearer::issue::{IssueError, JwtIssuer, NewJwt, NewToken, SigningKey, TokenIssuer};
use tower_bearer::keys::Algorithm;
use tower_bearer::node::Node;
use tower_bearer::revocation::{Feed, RevocationStore, Revocations, Target};
use tower_bearer::store::{
    PostgresStore, RedisStore, SqliteStore, StoreError, TokenFormat, TokenRecord, TokenStore,
};
use tower_bearer::verifier::{CacheSettings, OpaqueTokenVerifier, TokenRouter, TokenVerifierExt};

const ISSUER: &str = "https://id.example.com";
const SECRET: &[u8; 32] = b"a secret that is thirty-two long";
const HOUR: Duration = Duration::from_secs(3600);
const DEADLINE: Duration = Duration::from_millis(250);
/// By so much a test machine may stall.
const STALL: Duration = Duration::from_millis(750);
/// By which a test, started again as a process of its own, is told what to open.
const FILE: &str = "TOWER_BEARER_TEST_FILE";

/// A service behind the layer, in front of a store.
struct Site {
    node: Node,
    door: BoxCloneSyncService<Request<Full<Bytes>>, Response<Full<Bytes>>, Infallible>,
    sessions: TokenIssuer,
    jwts: JwtIssuer,
    revocations: Revocations,
}

impl Site {
    fn new<S: TokenStore + RevocationStore + Feed + 'static>(store: S) -> Self {
        let store = Arc::new(store);
        let revocations = Revocations::new(store.clone(), HOUR).unwrap();
        let node = Node::builder(store.clone()).feed(store);
        let node = node.revocations(revocations.clone()).start().unwrap();
        let format = TokenFormat::new("st_").unwrap();
        let key = SigningKey::from_secret(Algorithm::HS256, SECRET).unwrap();
        let jwts = JwtIssuer::builder(key)
            .issuer(ISSUER)
            .audience("https://api.example.com")
            .lifetime(HOUR)
            .build()
            .unwrap();
        let jwt = jwts.verifier().build().unwrap();
        let verifier = TokenRouter::builder()
            .prefix(
                "st_",
                OpaqueTokenVerifier::new(node.tokens(), format.clone()),
            )
            .jwt_issuer(ISSUER, jwt.revocable(revocations.clone()))
            .build()
            .unwrap();
        let verifier = verifier.cached(CacheSettings::new()).unwrap();
        let inner = service_fn(|_: Request<Full<Bytes>>| async {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::new())))
        });
        let layer = BearerAuthLayer::new(verifier.deadline(DEADLINE));
        Self {
            door: BoxCloneSyncService::new(layer.layer(inner)),
            sessions: TokenIssuer::opaque(node.tokens(), format),
            jwts,
            revocations,
            node,
        }
    }

    async fn try_session(&self) -> Result<(String, TokenRecord), IssueError> {
        let new = NewToken::session("alice").idle(HOUR).lifetime(24 * HOUR);
        let minted = self.sessions.mint(new).await?;
        Ok((minted.token.reveal(), minted.record))
    }

    async fn session(&self) -> (String, TokenRecord) {
        self.try_session().await.unwrap()
    }

    fn jwt(&self) -> (String, Target) {
        let issued = self.jwts.issue(NewJwt::new("alice")).unwrap();
        (issued.token.reveal(), Target::token(ISSUER, &issued.id))
    }

    /// The status that the token is answered with, which comes in time.
    async fn ask(&self, token: &str) -> u16 {
        let request = Request::builder()
            .header("authorization", format!("Bearer {token}"))
            .body(Full::default())
            .unwrap();
        let begun = Instant::now();
        let Ok(response) = self.door.clone().oneshot(request).await;
        assert!(begun.elapsed() < DEADLINE + STALL, "{:?}", begun.elapsed());
        response.status().as_u16()
    }

    async fn trusts_its_cache(&self) {
        until("the feed is heard", async || self.node.state().is_trusted).await;
    }

    /// That nothing can be issued or revoked, and that this is told as an outage.
    async fn takes_no_changes(&self, good: &TokenRecord, jwt: &Target) {
        match self.try_session().await.unwrap_err() {
            IssueError::Store(error) => assert_unavailable(&error),
            error => panic!("{error:?}"),
        }
        assert_unavailable(&self.sessions.revoke(good.key()).await.unwrap_err());
        assert_unavailable(&self.revocations.revoke(jwt.clone()).await.unwrap_err());
    }
}

#[tokio::test]
async fn postgres_that_is_read_only_lets_in_what_it_knows_and_takes_changes_later() {
    let Some(server) = Postgres::start_fast().await else {
        return;
    };
    let patient = |url: String| PostgresStore::builder(url).timeout(Duration::from_secs(10));
    let site = Site::new(patient(server.url()).connect().await.unwrap());
    let (token, record) = site.session().await;
    let (jwt, target) = site.jwt();
    let read_only = |is: &str| {
        server.psql(&format!(
            "ALTER SYSTEM SET default_transaction_read_only = {is}"
        ));
        server.psql("SELECT pg_reload_conf()");
    };
    read_only("on");
    until("it is read-only", async || {
        site.try_session().await.is_err()
    })
    .await;
    site.takes_no_changes(&record, &target).await;
    assert_eq!(site.ask(&token).await, 200);
    assert_eq!(site.ask(&jwt).await, 200);
    assert_eq!(site.node.flush().await, 1, "its use waits");
    // Tables that are there need no change.
    patient(server.url()).connect().await.unwrap();

    read_only("off");
    until("it takes changes", async || {
        site.try_session().await.is_ok()
    })
    .await;
    assert_eq!(site.node.flush().await, 0);
    let used = site.node.tokens().get(record.key()).await.unwrap().unwrap();
    assert!(used.last_used.is_some(), "the use was written");
    site.revocations.revoke(target).await.unwrap();
    site.sessions.revoke(record.key()).await.unwrap();
    assert_eq!((site.ask(&token).await, site.ask(&jwt).await), (401, 401));
}

#[tokio::test]
async fn postgres_that_is_read_only_and_has_no_tables_is_refused() {
    let read_only = ["default_transaction_read_only=on", "fsync=off"];
    let Some(server) = Postgres::start_with(&read_only).await else {
        return;
    };
    let refused = PostgresStore::connect(&server.url()).await.unwrap_err();
    assert_unavailable(&refused);
    let said = source_of(&refused);
    assert!(said.contains("read-only"), "{said}");
}

#[tokio::test]
async fn redis_that_takes_no_writes_lets_in_what_it_knows_and_takes_changes_later() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let builder = RedisStore::builder(server.url()).timeout(Duration::from_secs(10));
    let site = Site::new(builder.connect().await.unwrap());
    let (token, record) = site.session().await;
    let (jwt, target) = site.jwt();
    let mut acknowledged = vec![token.clone()];
    // Full, as a server that throws nothing away; and one that lost the replicas it needs.
    for (setting, off, on) in [("maxmemory", "1", "0"), ("min-replicas-to-write", "1", "0")] {
        server.cli(&["CONFIG", "SET", setting, off]);
        site.takes_no_changes(&record, &target).await;
        assert_eq!(site.ask(&token).await, 200, "{setting}");
        assert_eq!(site.ask(&jwt).await, 200, "{setting}");
        assert_eq!(site.node.flush().await, 1, "{setting}: its use waits");
        server.cli(&["CONFIG", "SET", setting, on]);
        acknowledged.push(site.session().await.0);
        assert_eq!(site.node.flush().await, 0, "{setting}");
    }
    for token in acknowledged {
        assert_eq!(site.ask(&token).await, 200);
    }
    site.revocations.revoke(target).await.unwrap();
    site.sessions.revoke(record.key()).await.unwrap();
    assert_eq!((site.ask(&token).await, site.ask(&jwt).await), (401, 401));
}

#[tokio::test]
async fn after_a_flush_of_redis_no_node_lets_in_what_it_remembers() {
    let Some(server) = Redis::start().await else {
        return;
    };
    let mut sites = Vec::new();
    for _ in 0..3 {
        let builder = RedisStore::builder(server.url()).timeout(Duration::from_secs(10));
        sites.push(Site::new(builder.connect().await.unwrap()));
    }
    let (token, _) = sites[0].session().await;
    let (jwt, target) = sites[0].jwt();
    sites[0].revocations.revoke(target).await.unwrap();
    for site in &sites {
        site.trusts_its_cache().await;
        assert_eq!((site.ask(&token).await, site.ask(&jwt).await), (200, 401));
    }
    server.cli(&["FLUSHALL"]);
    for site in &sites {
        until("the flush is heard of", async || {
            site.ask(&token).await == 401
        })
        .await;
    }
    // What was revoked of JWTs is gone as well. Whoever flushes ends all that were issued before.
    let all = Target::all(ISSUER);
    let now = SystemClock.now().saturating_add(Duration::from_secs(1));
    sites[0]
        .revocations
        .revoke_issued_before(all, now)
        .await
        .unwrap();
    for site in &sites {
        until("it is heard of", async || site.ask(&jwt).await == 401).await;
    }
    let (fresh, record) = sites[1].session().await;
    for site in &sites {
        assert_eq!(site.ask(&fresh).await, 200);
    }
    sites[2].sessions.revoke(record.key()).await.unwrap();
    assert_eq!(sites[2].ask(&fresh).await, 401);
}

#[tokio::test]
async fn a_server_that_hangs_is_a_503_in_time_for_sessions_and_jwts() {
    if let Some(server) = Redis::start().await {
        let site = Site::new(RedisStore::connect(&server.url()).await.unwrap());
        let tokens = [some_session(&site).await, site.jwt().0];
        server.freeze();
        for token in &tokens {
            assert_eq!(site.ask(token).await, 503);
        }
        server.thaw();
        for token in &tokens {
            until("it is back", async || site.ask(token).await == 200).await;
        }
    }
    if let Some(server) = Postgres::start_fast().await {
        let site = Site::new(PostgresStore::connect(&server.url()).await.unwrap());
        let tokens = [some_session(&site).await, site.jwt().0];
        server.freeze();
        for token in &tokens {
            assert_eq!(site.ask(token).await, 503);
        }
        server.thaw();
        for token in &tokens {
            until("it is back", async || site.ask(token).await == 200).await;
        }
    }
}

#[tokio::test]
async fn a_disk_that_is_full_loses_nothing_that_sqlite_acknowledged() {
    let folder = Folder::new("sqlite-full");
    let path = folder.path().join("tokens.db");
    let store = open(&path).await;
    let site = Site::new(store);
    let (token, _) = site.session().await;
    site.node.shutdown(HOUR).await.unwrap();
    // No file may grow beyond the size of this one and some pages, as on a full disk.
    let blocks = std::fs::metadata(&path).unwrap().len() / 512 + 200;
    let limits = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let said = the_other_process(
        "the_process_with_a_full_disk",
        &path,
        &["sh", "-c", &limits, "sh"],
    );

    let site = Site::new(open(&path).await);
    let acknowledged: Vec<_> = said
        .lines()
        .filter_map(|line| line.strip_prefix("ACKNOWLEDGED "))
        .collect();
    assert!(acknowledged.len() > 1, "{said}");
    for token in acknowledged.into_iter().chain([&*token]) {
        assert_eq!(site.ask(token).await, 200);
    }
    let (token, record) = site.session().await;
    assert_eq!(site.ask(&token).await, 200);
    assert!(site.sessions.revoke(record.key()).await.unwrap());
}

/// Not a test, but what another one starts.
#[tokio::test]
#[ignore = "started by a_disk_that_is_full_loses_nothing_that_sqlite_acknowledged"]
async fn the_process_with_a_full_disk() {
    let site = Site::new(open(std::env::var(FILE).unwrap()).await);
    let (first, record) = site.session().await;
    let (jwt, target) = site.jwt();
    let mut acknowledged = vec![first];
    let full = loop {
        assert!(acknowledged.len() < 10_000, "the disk is never full");
        match site.try_session().await {
            Ok((token, _)) => acknowledged.push(token),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(full, IssueError::Store(StoreError::Unavailable { .. })),
        "{full:?}"
    );
    site.takes_no_changes(&record, &target).await;
    for token in &acknowledged {
        assert_eq!(site.ask(token).await, 200);
    }
    assert_eq!(site.ask(&jwt).await, 200);
    for token in acknowledged {
        println!("\nACKNOWLEDGED {token}");
    }
}

#[tokio::test]
async fn a_file_of_sqlite_that_is_read_only_is_refused_when_it_is_opened() {
    let folder = Folder::new("sqlite-read-only");
    let path = folder.path().join("tokens.db");
    let store = open(&path).await;
    store.close().await;
    let allow = |mode: [u32; 2]| {
        for (path, mode) in [&*path, folder.path()].into_iter().zip(mode) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    allow([0o444, 0o555]);
    // Root is let do everything by a capability, which the process goes without.
    let lowered = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"];
    let is_root = std::fs::write(path.with_extension("probe"), b"").is_ok();
    let by: &[&str] = if is_root { &lowered } else { &[] };
    the_other_process("the_process_that_may_only_read", &path, by);
    allow([0o644, 0o755]);
    let site = Site::new(open(&path).await);
    site.session().await;
}

/// Not a test, but what another one starts.
#[tokio::test]
#[ignore = "started by a_file_of_sqlite_that_is_read_only_is_refused_when_it_is_opened"]
async fn the_process_that_may_only_read() {
    let refused = SqliteStore::open(std::env::var(FILE).unwrap()).await;
    let refused = refused.unwrap_err();
    assert_unavailable(&refused);
    let said = source_of(&refused);
    let says_why = ["readonly", "unable to open"]
        .iter()
        .any(|why| said.contains(why));
    assert!(says_why, "{said}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_when_a_store_connects() {
    // A port that nobody listens on: it was somebody's a moment ago.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let redis = RedisStore::connect(&format!("redis://127.0.0.1:{port}")).await;
    assert_unavailable(&redis.unwrap_err());
    let postgres = PostgresStore::connect(&format!("postgres://a@127.0.0.1:{port}/a")).await;
    assert_unavailable(&postgres.unwrap_err());
}

/// A session that is minted by a store whose calls have little time, on a machine that stalls.
async fn some_session(site: &Site) -> String {
    for _ in 0..50 {
        if let Ok((token, _)) = site.try_session().await {
            return token;
        }
    }
    panic!("no session");
}

async fn open(path: impl AsRef<Path>) -> SqliteStore {
    let builder = SqliteStore::builder(path).timeout(Duration::from_secs(10));
    builder.open().await.unwrap()
}

/// Starts a test as a process of its own, by a command that it is given to. Returns what it said.
fn the_other_process(test: &str, path: &Path, by: &[&str]) -> String {
    let program = std::env::current_exe().unwrap();
    let program = program.to_str().unwrap();
    let command = [by, &[program, "--exact", test, "--ignored", "--nocapture"]].concat();
    let ended = Command::new(command[0])
        .args(&command[1..])
        .env(FILE, path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert!(ended.status.success(), "{ended:?}");
    assert!(said.contains("1 passed"), "{said}");
    said
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "{what}: not in time"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn assert_unavailable(error: &StoreError) {
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
}

fn source_of(error: &StoreError) -> String {
    std::error::Error::source(error).unwrap().to_string()
}

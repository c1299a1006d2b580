//! Databases as the nodes of a site have them, one server for all stories of a test file.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

#[path = "servers/mod.rs"]
mod servers;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use servers::Folder;
use tower_bearer::node::Node;
use tower_bearer::revocation::{Feed, MemoryRevocations, RevocationStore};
use tower_bearer::store::{MemoryStore, TokenStore};

/// Long enough for a machine on which many tests run at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// What one node has of a database: its own connections, and an ear.
pub struct Backend {
    pub tokens: Arc<dyn TokenStore>,
    pub revocations: Arc<dyn RevocationStore>,
    pub feed: Option<Arc<dyn Feed>>,
    // Goes with the last node.
    folder: Option<Arc<Folder>>,
}

impl Backend {
    fn of<S: TokenStore + RevocationStore + Feed + 'static>(store: S) -> Self {
        let store = Arc::new(store);
        Self {
            tokens: store.clone(),
            revocations: store.clone(),
            feed: Some(store),
            folder: None,
        }
    }
}

/// The store of a node in front of the first of them, that lives as long as the tests.
pub fn in_front_of(backends: Vec<Backend>) -> Arc<dyn TokenStore> {
    let mut backends = backends.into_iter();
    let backend = backends.next().unwrap();
    let node = Node::builder(backend.tokens.clone()).feed(backend.feed.clone().unwrap());
    let node = node.start().unwrap();
    let tokens = node.tokens();
    std::mem::forget((node, backend));
    tokens
}

/// The memory of one process, which is the only node.
pub async fn in_memory() -> Option<Vec<Backend>> {
    Some(vec![Backend {
        tokens: Arc::new(MemoryStore::new()),
        revocations: Arc::new(MemoryRevocations::new()),
        feed: None,
        folder: None,
    }])
}

/// So many nodes that have the same new file open.
#[cfg(feature = "sqlite")]
pub async fn on_sqlite(nodes: usize) -> Option<Vec<Backend>> {
    use tower_bearer::store::SqliteStore;

    let folder = Arc::new(Folder::new("sqlite"));
    let mut backends = Vec::new();
    for _ in 0..nodes {
        let builder = SqliteStore::builder(folder.path().join("tokens.db"));
        let store = builder.timeout(PATIENCE).open().await.unwrap();
        backends.push(Backend {
            folder: Some(folder.clone()),
            ..Backend::of(store)
        });
    }
    Some(backends)
}

/// So many nodes on the one server, if there is PostgreSQL.
#[cfg(feature = "postgres")]
pub async fn on_postgres(nodes: usize) -> Option<Vec<Backend>> {
    use tower_bearer::store::PostgresStore;

    let server = server(servers::Postgres::start_fast).await?;
    let mut backends = Vec::new();
    for _ in 0..nodes {
        let builder = PostgresStore::builder(server.url()).timeout(PATIENCE);
        let store = builder.connections(5).connect().await.unwrap();
        backends.push(Backend::of(store));
    }
    Some(backends)
}

/// So many nodes on the one server, if there is Redis.
#[cfg(feature = "redis")]
pub async fn on_redis(nodes: usize) -> Option<Vec<Backend>> {
    use tower_bearer::store::RedisStore;

    let server = server(servers::Redis::start).await?;
    let mut backends = Vec::new();
    for _ in 0..nodes {
        let builder = RedisStore::builder(server.url()).timeout(PATIENCE);
        backends.push(Backend::of(builder.connect().await.unwrap()));
    }
    Some(backends)
}

/// The one server of this process, which ends with it.
async fn server<S, F>(start: impl Fn() -> F) -> Option<&'static S>
where
    S: Send + Sync + 'static,
    F: Future<Output = Option<S>>,
{
    static STARTED: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    static SERVER: OnceLock<Box<dyn std::any::Any + Send + Sync>> = OnceLock::new();
    let _one_at_a_time = STARTED.lock().await;
    if SERVER.get().is_none() {
        let started: Box<dyn std::any::Any + Send + Sync> = Box::new(start().await?);
        let _ = SERVER.set(started);
    }
    SERVER.get()?.downcast_ref()
}

//! Nodes in front of real databases, one database for all stories of a test file.
#![allow(dead_code, clippy::unwrap_used)]

#[path = "servers/mod.rs"]
mod servers;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tower_bearer::node::Node;
use tower_bearer::revocation::Feed;
use tower_bearer::store::TokenStore;

/// Long enough for a machine on which many tests run at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A node that lives as long as the tests.
fn node(tokens: Arc<dyn TokenStore>, feed: Arc<dyn Feed>) -> Arc<dyn TokenStore> {
    let node = Node::builder(tokens).feed(feed).start().unwrap();
    let tokens = node.tokens();
    std::mem::forget(node);
    tokens
}

#[cfg(feature = "sqlite")]
pub async fn on_sqlite() -> Arc<dyn TokenStore> {
    use std::sync::atomic::{AtomicU32, Ordering};
    use tower_bearer::store::SqliteStore;

    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("tower-bearer-life-{}-{number}.db", std::process::id());
    let path = std::env::temp_dir().join(name);
    let builder = SqliteStore::builder(path).timeout(PATIENCE);
    let store = Arc::new(builder.open().await.unwrap());
    node(store.clone(), store)
}

#[cfg(feature = "postgres")]
pub async fn on_postgres() -> Option<Arc<dyn TokenStore>> {
    use tower_bearer::store::PostgresStore;

    let server = server(servers::Postgres::start_fast).await?;
    let builder = PostgresStore::builder(server.url()).timeout(PATIENCE);
    let store = Arc::new(builder.connections(5).connect().await.unwrap());
    Some(node(store.clone(), store))
}

#[cfg(feature = "redis")]
pub async fn on_redis() -> Option<Arc<dyn TokenStore>> {
    use tower_bearer::store::RedisStore;

    let server = server(servers::Redis::start).await?;
    let builder = RedisStore::builder(server.url()).timeout(PATIENCE);
    let store = Arc::new(builder.connect().await.unwrap());
    Some(node(store.clone(), store))
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

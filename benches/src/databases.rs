//! The stores that are measured, on servers of their own, each with a way to it around this crate.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use redis::aio::ConnectionManager;
use sqlx::postgres::PgPoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{PgPool, SqlitePool};
use tower_bearer::revocation::Feed;
use tower_bearer::store::{MemoryStore, PostgresStore, RedisStore, SqliteStore, TokenStore};

#[allow(missing_debug_implementations)]
#[path = "../../tests/support/servers/mod.rs"]
mod servers;

/// A call may take so long on a machine that others use.
const PATIENCE: Duration = Duration::from_secs(20);
/// As many as are asked at a time.
pub const CONNECTIONS: u32 = 16;

/// A store.
pub struct Database {
    /// What it is called in the tables.
    pub name: &'static str,
    /// Its records.
    pub tokens: Arc<dyn TokenStore>,
    /// How nodes on it hear of one another.
    pub feed: Option<Arc<dyn Feed>>,
    /// The way around this crate.
    pub bare: Bare,
    server: Server,
}

/// The client library alone, with the settings of the store.
#[derive(Clone)]
pub enum Bare {
    /// There is none.
    Memory,
    /// By sqlx, with as many connections to read as the store has, and one to write.
    Sqlite([SqlitePool; 2]),
    /// By sqlx.
    Postgres(PgPool),
    /// By redis.
    Redis(ConnectionManager),
}

enum Server {
    None,
    File(File),
    Postgres(servers::Postgres),
    Redis(servers::Redis),
}

/// An SQLite file that goes with this value.
struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        for end in ["", "-wal", "-shm"] {
            let mut path = self.0.clone().into_os_string();
            path.push(end);
            // The last to close it may have removed it.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Database {
    /// One of each. Where a server is not installed, that is said, or is an error with `CI=true`.
    pub async fn all() -> Vec<Self> {
        let mut all = vec![Self::memory(), Self::sqlite().await];
        all.extend(Self::shared().await);
        all
    }

    /// One of each that nodes on several machines can share.
    pub async fn shared() -> Vec<Self> {
        let both = [Self::postgres().await, Self::redis().await];
        both.into_iter().flatten().collect()
    }

    /// The store in memory.
    #[must_use]
    pub fn memory() -> Self {
        Self {
            name: "memory",
            tokens: Arc::new(MemoryStore::new()),
            feed: None,
            bare: Bare::Memory,
            server: Server::None,
        }
    }

    /// A new file in the folder for temporary ones.
    pub async fn sqlite() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tower-bearer-bench-{}-{number}.db", std::process::id());
        let file = File(std::env::temp_dir().join(name));
        let store = sqlite(&file).await;
        let options = SqliteConnectOptions::new()
            .filename(&file.0)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(PATIENCE);
        let pool = |connections| {
            let pool = SqlitePoolOptions::new().test_before_acquire(false);
            let pool = pool.max_connections(connections);
            pool.connect_lazy_with(options.clone())
        };
        Self {
            name: "SQLite",
            tokens: store.clone(),
            feed: Some(store),
            bare: Bare::Sqlite([pool(4), pool(1)]),
            server: Server::File(file),
        }
    }

    /// A new server, with its default settings for durability: each change is on disk when it is acknowledged.
    pub async fn postgres() -> Option<Self> {
        let server = servers::Postgres::start().await?;
        let store = postgres(&server).await;
        let pool = PgPoolOptions::new()
            .test_before_acquire(false)
            .max_connections(CONNECTIONS)
            .connect(&server.url())
            .await
            .expect("a connection");
        Some(Self {
            name: "PostgreSQL",
            tokens: store.clone(),
            feed: Some(store),
            bare: Bare::Postgres(pool),
            server: Server::Postgres(server),
        })
    }

    /// A new server, with `appendfsync always`: each change is on disk when it is acknowledged.
    pub async fn redis() -> Option<Self> {
        let server = servers::Redis::start().await?;
        let store = redis(&server).await;
        let client = redis::Client::open(server.url()).expect("a URL");
        let manager = client.get_connection_manager().await;
        Some(Self {
            name: "Redis",
            tokens: store.clone(),
            feed: Some(store),
            bare: Bare::Redis(manager.expect("a connection")),
            server: Server::Redis(server),
        })
    }

    /// The same store with connections of its own, as another process has it; `None` for the one in memory.
    pub async fn again(&self) -> Option<(Arc<dyn TokenStore>, Arc<dyn Feed>)> {
        Some(match &self.server {
            Server::None => return None,
            Server::File(file) => both(sqlite(file).await),
            Server::Postgres(server) => both(postgres(server).await),
            Server::Redis(server) => both(redis(server).await),
        })
    }

    /// What PostgreSQL says to a statement.
    #[must_use]
    pub fn psql(&self, statement: &str) -> Option<String> {
        match &self.server {
            Server::Postgres(server) => Some(server.psql(statement)),
            _ => None,
        }
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Debug for Bare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bare(..)")
    }
}

fn both<S: TokenStore + Feed + 'static>(store: Arc<S>) -> (Arc<dyn TokenStore>, Arc<dyn Feed>) {
    (store.clone(), store)
}

async fn sqlite(file: &File) -> Arc<SqliteStore> {
    let builder = SqliteStore::builder(&file.0).timeout(PATIENCE);
    Arc::new(builder.open().await.expect("a file"))
}

async fn postgres(server: &servers::Postgres) -> Arc<PostgresStore> {
    let builder = PostgresStore::builder(server.url()).timeout(PATIENCE);
    let store = builder.connections(CONNECTIONS).connect().await;
    Arc::new(store.expect("a connection"))
}

async fn redis(server: &servers::Redis) -> Arc<RedisStore> {
    let builder = RedisStore::builder(server.url()).timeout(PATIENCE);
    Arc::new(builder.connect().await.expect("a connection"))
}

use std::sync::Arc;
use std::time::Duration;

use tower_bearer::clock::Clock;
use tower_bearer::node::Node;
use tower_bearer::revocation::{Feed, MemoryRevocations, RevocationStore, Revocations};
use tower_bearer::store::{MemoryStore, PostgresStore, RedisStore, SqliteStore, TokenStore};

use crate::kv::Kv;
use crate::{Settings, StartError};

/// An hour after a token is over, its record is removed.
const KEPT_FOR: Duration = Duration::from_secs(3600);
const PRUNED_EVERY: Duration = Duration::from_secs(60);

/// Where `STORE` says that everything is kept.
#[derive(Debug)]
pub struct Stores {
    /// The records of tokens.
    pub tokens: Arc<dyn TokenStore>,
    /// What was ended before its time.
    pub revocations: Revocations,
    /// Everything else.
    pub kv: Kv,
    pub(crate) node: Node,
}

impl Stores {
    /// Opens them. No token that is revoked here lives longer than `longest`.
    ///
    /// # Errors
    /// If `STORE` is none of the four, or what it names cannot be reached.
    pub async fn open(settings: &Settings, longest: Duration) -> Result<Self, StartError> {
        let store = &*settings.store;
        let kv = Kv::open(store).await?;
        let clock = settings.clock();
        let begin = |tokens, revocations, feed| {
            begin(
                tokens,
                revocations,
                feed,
                kv.clone(),
                clock.clone(),
                longest,
            )
        };
        match store.split_once(':') {
            None if store == "memory" => begin(
                Arc::new(MemoryStore::new()),
                Arc::new(MemoryRevocations::new()),
                None,
            ),
            Some(("sqlite", path)) => {
                let store = Arc::new(SqliteStore::open(path).await?);
                begin(store.clone(), store.clone(), Some(store))
            }
            Some(("postgres" | "postgresql", _)) => {
                let store = Arc::new(PostgresStore::connect(store).await?);
                begin(store.clone(), store.clone(), Some(store))
            }
            Some(("redis" | "rediss", _)) => {
                let store = Arc::new(RedisStore::connect(store).await?);
                begin(store.clone(), store.clone(), Some(store))
            }
            _ => Err("STORE is memory, sqlite:PATH, postgres://… or redis://…".into()),
        }
    }
}

fn begin(
    tokens: Arc<dyn TokenStore>,
    revocations: Arc<dyn RevocationStore>,
    feed: Option<Arc<dyn Feed>>,
    kv: Kv,
    clock: impl Clock + Clone + 'static,
    longest: Duration,
) -> Result<Stores, StartError> {
    let revocations = Revocations::new(revocations, longest)?.with_clock(clock.clone());
    let mut node = Node::builder(tokens)
        .revocations(revocations.clone())
        .clock(clock)
        .prune(PRUNED_EVERY, KEPT_FOR);
    if let Some(feed) = feed {
        node = node.feed(feed);
    }
    let node = node.start()?;
    Ok(Stores {
        tokens: node.tokens(),
        revocations,
        kv,
        node,
    })
}

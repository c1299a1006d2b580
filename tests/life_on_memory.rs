//! The stories of `support/life`, over the store in memory.

#[path = "support/life/mod.rs"]
mod life;

use std::sync::Arc;

use tower_bearer::store::MemoryStore;

life_on!(Arc::new(MemoryStore::new()));

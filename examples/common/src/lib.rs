//! What the example servers share: settings from the environment, the stores behind `STORE`, a small
//! key-value helper for accounts and settings, passwords, a lock against guessing, an audit log, a clock that tests can
//! move, the page for people, and serving it all.
//!
//! Nothing here is about tokens: those are the crate's business.

mod attempts;
mod audit;
mod clock;
mod drain;
mod kv;
mod page;
mod passwords;
mod serve;
mod settings;
mod stores;
pub mod testing;

pub use attempts::{Attempts, Verdict};
pub use audit::{AuditLine, AuditLog, Filing};
pub use clock::ServerClock;
pub use kv::{Change, Kv, KvError};
pub use page::page;
pub use passwords::Passwords;
pub use serve::serve;
pub use settings::Settings;
pub use stores::Stores;

/// What ends a server before it listens.
pub type StartError = Box<dyn std::error::Error + Send + Sync>;

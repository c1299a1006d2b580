//! Real servers, started by the test from the installed binaries, on private ports with data of their own.
//!
//! They end with the test, and with its process. Where a binary is missing, starting says so and gives
//! nothing; with `CI=true` it fails.
#![allow(
    dead_code,
    unused_imports,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used
)]

mod certificates;
mod oidc;
mod place;
mod port;
mod postgres;
mod process;
mod proxy;
mod redis;

pub use oidc::OidcProvider;
pub use postgres::Postgres;
pub use process::Folder;
pub use proxy::{Fault, Proxy};
pub use redis::{Redis, RedisCluster};

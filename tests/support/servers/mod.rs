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

pub use certificates::make_certificates;
pub use oidc::OidcProvider;
pub use port::Port;
pub use postgres::Postgres;
pub use process::{Folder, Process, program, until};
pub use proxy::{Fault, Proxy};
pub use redis::{Redis, RedisCluster};

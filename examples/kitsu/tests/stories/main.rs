//! The documentation's stories, told over HTTP to the server as it runs.
#![allow(clippy::unwrap_used)]

mod bots;
mod openapi;
mod second_factors;
mod security_keys;
#[path = "../../../../tests/support/servers/mod.rs"]
mod servers;
mod sessions;
mod stores;
mod support;

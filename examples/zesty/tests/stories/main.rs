//! What Zesty.io's documents promise, told to the running server line by line.
#![allow(clippy::unwrap_used)]

#[path = "../../../../tests/support/servers/mod.rs"]
#[allow(missing_debug_implementations)]
mod servers;

mod access_tokens;
mod audit_trail;
mod bad_input;
mod openapi;
mod roles;
mod sessions;
mod stores;
mod support;

//! A real identity provider, `oidc-provider` of npm, through whatever befalls it.
#![allow(clippy::unwrap_used)]

mod bound;
mod introspection;
mod keys;
mod outage;
#[path = "../support/servers/mod.rs"]
mod servers;
mod site;

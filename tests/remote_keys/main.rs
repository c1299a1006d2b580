//! Keys by URL: what is fetched when, what is gone by meanwhile, and what requests are told.
#![allow(clippy::unwrap_used)]

mod cold;
mod outages;
mod refresh;
mod service;
mod sets;
mod state;
mod unknown_keys;

#[path = "../support/mod.rs"]
mod support;

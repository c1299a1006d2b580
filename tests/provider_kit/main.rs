//! The identity provider that tests have in their own process, as a plain HTTP client meets it.
#![allow(clippy::unwrap_used)]

mod client;
mod documents;
mod faults;
mod introspection;
mod tokens;

//! What an authorization server says of itself: OpenID Connect Discovery 1.0 and RFC 8414.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. **The issuer** is an `https` URL without query, fragment or user information (RFC 8414 §2).
//! 2. **Where.** On the issuer's own host alone, at the place that its [form](WellKnown) has; with
//!    [`WellKnown::Either`], at each in turn until one answers otherwise than with 4xx:
//!
//!    | form | of `https://id.example.com/tenant` |
//!    |---|---|
//!    | OpenID Connect Discovery §4 | `https://id.example.com/tenant/.well-known/openid-configuration` |
//!    | RFC 8414 §3 | `https://id.example.com/.well-known/oauth-authorization-server/tenant` |
//! 3. **By the rules of [`remote`](crate::remote):** a deadline, a size limit, no redirect to elsewhere.
//! 4. **What.** One JSON object with unique members.
//! 5. **Who.** Its `issuer` is, letter by letter, the one that was asked for (RFC 8414 §3.3). Otherwise anybody
//!    could speak for anybody.
//!
//! The `jwks_uri`, and the endpoints, may be on other hosts, and are asked by whoever needs them by the same
//! rules of [`remote`](crate::remote). The algorithms that the metadata name allow nothing: which are taken is
//! said [here](super::remote::RemoteKeySetBuilder::algorithms).
//!
//! ```no_run
//! use tower_bearer::keys::discovery::AuthorizationServer;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = AuthorizationServer::discover("https://id.example.com").fetch().await?;
//! println!("{:?} {:?}", server.jwks_uri(), server.introspection_endpoint());
//! # Ok(()) }
//! ```

mod finder;
mod server;

pub use finder::{Discovery, WellKnown};
pub use server::AuthorizationServer;

pub(super) use finder::Finder;

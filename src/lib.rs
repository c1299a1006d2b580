//! Bearer authentication for axum, tower and tonic.
//!
//! One layer takes JWTs, opaque session tokens and API keys from the same `Authorization: Bearer` header,
//! tells them apart, hands the caller to your handlers, and answers everybody else in the way that HTTP
//! or gRPC clients expect.
//!
#![cfg_attr(all(feature = "axum", feature = "jwt"), doc = "```")]
#![cfg_attr(not(all(feature = "axum", feature = "jwt")), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use tower_bearer::keys::{Algorithm, VerificationKey};
//! use tower_bearer::verifier::jwt::JwtVerifier;
//! use tower_bearer::{AuthenticatedUser, BearerAuthLayer, ConfigError};
//!
//! async fn me(user: AuthenticatedUser) -> String {
//!     format!("hello, {}", user.subject())
//! }
//!
//! fn app(public_key_pem: &str) -> Result<Router, ConfigError> {
//!     let key = VerificationKey::from_pem(Algorithm::RS256, public_key_pem)?;
//!     let verifier = JwtVerifier::builder(key)
//!         .issuer("https://id.example.com")
//!         .audience("https://api.example.com")
//!         .build()?;
//!     Ok(Router::new().route("/me", get(me)).layer(BearerAuthLayer::new(verifier)))
//! }
//! # assert!(app("not a key").is_err());
//! ```
//!
//! A request without a good token is answered 401 with a challenge, and `me` is not called. What cannot be
//! right, such as a key that is too short, is a [`ConfigError`] when the application is built.
//!
//! # The way of a request
//!
//! ```text
//!  header ──> credential ──> verifier ──> identity ──> (binding) ──> policy ──> your service
//!                 │              │                         │            │
//!              malformed    refused / down             unproved     not allowed
//!                 └──────────────┴────────────┬────────────┴────────────┘
//!                                         challenge ──> HTTP 400/401/403/429/503 or gRPC 16/7/8/14
//! ```
//!
//! | to | use |
//! |---|---|
//! | guard a service | [`BearerAuthLayer`], set up by its [builder](middleware::BearerAuthLayerBuilder) |
//! | judge JWTs | [`JwtVerifier`](verifier::jwt::JwtVerifier), with [`keys`] from a secret, PEM, DER or JWK Set, or by URL in a [`RemoteKeySet`](keys::RemoteKeySet) |
//! | judge JWTs of many issuers | [`Issuers`](verifier::Issuers) |
//! | judge sessions, access tokens and API keys | [`OpaqueTokenVerifier`](verifier::OpaqueTokenVerifier) and [`ApiKeyVerifier`](verifier::ApiKeyVerifier), over a [`store`] |
//! | ask an authorization server about tokens | [`IntrospectionVerifier`](verifier::introspection::IntrospectionVerifier) |
//! | judge tokens of your own | [`TokenVerifier`], or a closure in [`verify_fn`](verifier::verify_fn) |
//! | take several kinds on one header | [`TokenRouter`](verifier::TokenRouter) |
//! | look the caller up, or refuse deleted ones | [`enriched`](verifier::TokenVerifierExt::enriched) |
//! | know the caller in a handler | [`AuthenticatedUser`], or `Option<AuthenticatedUser>` in [optional](middleware::BearerAuthLayerBuilder::optional) mode |
//! | say what a caller must have | a [`policy`]: for all, on a route by [`RequireLayer`], or in code by [`require`](AuthenticatedUser::require) |
//! | tell clients where tokens come from | [`metadata`], and [`resource_metadata`](middleware::BearerAuthLayerBuilder::resource_metadata) in challenges |
//! | answer refusals in other words | [`on_refusal`](middleware::BearerAuthLayerBuilder::on_refusal); the table is in [`challenge`] |
//! | count or log | [`observe`] |
//! | keep an audit trail | [`audit`] |
//! | give tokens out, list and end them | [`issue`] |
//! | keep them in SQLite, PostgreSQL or Redis | [`store`], with a [`node`] in front where several processes share one |
//! | end JWTs before their time | [`revocation`], and [`revocable`](verifier::TokenVerifierExt::revocable) |
//! | take tokens that are bound to a key (DPoP) or a certificate | [`binding`], with a [`replay`] store between nodes |
//! | renew | [`RefreshTokens`](issue::RefreshTokens), or [`Extension`](issue::Extension) |
//! | test | [`ManualClock`](clock::ManualClock); a [login as anybody](caller#in-a-test); an [identity provider](testing::provider) that fails as you say; [`testing`] for verifiers and stores of your own |
//!
//! # Where the layer goes
//!
//! - **A layer guards what is inside of it.** In axum add it last: routes that are added after `.layer()`
//!   are not guarded, and public ones are merged after it.
//! - **axum's last layer is outermost;** tonic's and `ServiceBuilder`'s first one is.
//! - **CORS, tracing, compression and limits go outside,** caches inside. A preflight carries no
//!   credential.
//! - **`.layer()` also guards unknown paths** (401 to a stranger); `.route_layer()` leaves them 404.
//! - **On tonic** use `Server::builder().layer(…)`. With axum and tonic on one port, one layer around the
//!   merged router answers each in its way.
//!
//! [`middleware`] says more.
//!
//! # Features
//!
//! | feature | default | unlocks |
//! |---|---|---|
//! | none | | [`BearerAuthLayer`], [`policy`], verifiers of your own, on any tower service |
//! | `axum` | yes | [`AuthenticatedUser`] as an extractor; [`Denied`](caller::Denied) as a response |
//! | `jwt` | yes | [`verifier::jwt`], [`keys`], [`JwtIssuer`](issue::JwtIssuer); needs one of the next two |
//! | `aws-lc-rs` | yes | [`CryptoBackend::AwsLcRs`](keys::CryptoBackend::AwsLcRs); needs a C compiler |
//! | `rust-crypto` | | [`CryptoBackend::RustCrypto`](keys::CryptoBackend::RustCrypto), in pure Rust |
//! | `tokens` | yes | [`store`], [`OpaqueTokenVerifier`](verifier::OpaqueTokenVerifier), [`ApiKeyVerifier`](verifier::ApiKeyVerifier), [`TokenIssuer`](issue::TokenIssuer) |
//! | `tokio` | yes | [`deadline`](verifier::TokenVerifierExt::deadline); uses that slide a session, where the store leaves writing them to the verifier |
//! | `tracing` | yes | spans and events, as [`observe`] says |
//! | `cache` | | [`cached`](verifier::TokenVerifierExt::cached): a token seen before is not judged again for a while |
//! | `introspection` | | [`verifier::introspection`]: tokens that an authorization server is asked about |
//! | `tonic` | | [`Denied`](caller::Denied) as a `tonic::Status`; the layer around one service |
//! | `sqlite` | | [`SqliteStore`](store::SqliteStore) |
//! | `postgres` | | [`PostgresStore`](store::PostgresStore), with a feed between nodes; `postgres-tls`: TLS to it |
//! | `redis` | | [`RedisStore`](store::RedisStore), one server or a cluster (7.0 or newer), with a feed between nodes; `redis-tls`: TLS to it |
//! | `jwks` | | [`RemoteKeySet`](keys::RemoteKeySet): keys by URL; [`discovery`](keys::discovery) |
//! | `metrics` | | gauges and counters of these, as [`keys::remote`] says |
//! | `testing` | | [`testing`]: conformance tests for verifiers and stores; [`log_in_as`](testing::log_in_as); with `jwt`, an identity provider in the test's process |
//!
//! Features only add API. With both crypto back ends on, which one is used is chosen in code.
//!
//! # Where to look next
//!
//! - The [examples](https://github.com/tower-bearer/tower-bearer/tree/main/examples), each with `curl`
//!   lines to paste; `quickstart` has all three kinds of token and gRPC on one port.
//! - [docs/design.md](https://github.com/tower-bearer/tower-bearer/blob/main/docs/design.md): why it is
//!   like this, with each default argued.
//! - [docs/security.md](https://github.com/tower-bearer/tower-bearer/blob/main/docs/security.md): what is
//!   checked in which order, and what is left to the service.
#![cfg_attr(docsrs, feature(doc_cfg))]
// With fewer features, some links above and in the modules lead to what is not there.
#![cfg_attr(
    not(all(
        feature = "cache",
        feature = "jwks",
        feature = "introspection",
        feature = "jwt",
        feature = "postgres",
        feature = "redis",
        feature = "sqlite",
        feature = "tokens",
        feature = "tokio",
        feature = "testing"
    )),
    allow(rustdoc::broken_intra_doc_links)
)]
// Beside the workspace's lints, those for a library alone: examples print, and keep modules of their own.
#![warn(unreachable_pub, clippy::print_stdout, clippy::print_stderr)]

#[cfg(feature = "tokens")]
pub mod audit;
#[cfg(feature = "jwt")]
pub mod binding;
#[cfg(not(feature = "jwt"))]
#[path = "binding/absent.rs"]
mod binding;
pub mod caller;
pub mod challenge;
pub mod clock;
pub mod credential;
mod document;
pub mod error;
#[cfg(feature = "axum")]
mod extract;
#[cfg(any(feature = "cache", feature = "tokens"))]
mod hasher;
mod head;
pub mod identity;
pub mod issue;
#[cfg(feature = "jwt")]
mod json;
#[cfg(feature = "jwt")]
pub mod keys;
pub mod metadata;
pub mod middleware;
#[cfg(all(feature = "tokens", feature = "tokio"))]
pub mod node;
pub mod observe;
pub mod policy;
pub mod refusal;
#[cfg(any(feature = "introspection", feature = "jwks"))]
pub mod remote;
#[cfg(any(feature = "jwt", feature = "tokens"))]
pub mod replay;
#[cfg(feature = "tokens")]
pub mod revocation;
pub mod scope;
#[cfg(feature = "tokens")]
pub mod store;
#[cfg(any(feature = "cache", feature = "tokens"))]
mod sync;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tonic")]
mod tonic;
mod url;
pub mod verifier;
mod write_json;

pub use async_trait::async_trait;
pub use caller::AuthenticatedUser;
pub use error::ConfigError;
pub use head::RequestHead;
pub use middleware::{BearerAuthLayer, RequireLayer};
pub use refusal::{Reason, Refusal};
pub use verifier::TokenVerifier;

/// Has the README's examples compiled.
#[cfg(all(doctest, feature = "axum", feature = "jwt", feature = "tokens"))]
#[doc = include_str!("../README.md")]
struct Readme;

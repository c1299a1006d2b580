//! An identity provider in the test's own process: it signs tokens, publishes its keys and metadata, says
//! what a token is good for, and fails as the test says.
//!
//! [`IdentityProvider::start`] listens on a free port of 127.0.0.1, by plain HTTP, from a thread of its own.
//! So it serves any test, on whatever runtime or on none. What asks it is to
//! [allow plain HTTP](crate::remote::HttpSettings::allow_plain_http).
//!
//! ```
//! use tower_bearer::testing::provider::IdentityProvider;
//! use tower_bearer::verifier::jwt::JwtVerifier;
//!
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
//! let provider = IdentityProvider::start();
//! let token = provider.token("alice").scope("orders:read").issue();
//!
//! // A test that is not about how keys come has them at once, and asks nobody:
//! let verifier = JwtVerifier::rfc9068(provider.keys(), provider.issuer(), provider.audience());
//! # verifier.build()?;
//! # }
//! # Ok::<(), tower_bearer::ConfigError>(())
//! ```
//!
//! # Tokens
//! [`token`](IdentityProvider::token) begins one that is good, and each call after it makes it good or bad
//! in one way more:
//!
//! ```
//! # use tower_bearer::testing::provider::IdentityProvider;
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
//! # let provider = IdentityProvider::start();
//! let over = provider.token("alice").expired().issue();
//! let for_others = provider.token("alice").audience("https://other.example.com").issue();
//! let by_nobody = provider.token("alice").kid("nobody-knows-it").issue();
//! let nameless = provider.token("alice").without("sub").issue();
//! let session = provider.token("alice").scope("orders:read").issue_opaque(); // for introspection
//! # }
//! ```
//!
//! # Keys
//! [`rotate`](IdentityProvider::rotate) signs by a new key, [`withdraw`](IdentityProvider::withdraw) takes
//! one out of the set, and [`add_jwk`](IdentityProvider::add_jwk) puts anything at all into it.
//!
//! # Faults
//! A [`Fault`] is switched on at every endpoint or at one, and off again. [`count`](IdentityProvider::count)
//! says how often an endpoint was asked meanwhile, and [`requests`](IdentityProvider::requests) what it was
//! asked. A service whose keys come [from elsewhere](crate::keys::remote), through an outage:
//!
#![cfg_attr(feature = "jwks", doc = "```")]
#![cfg_attr(not(feature = "jwks"), doc = "```ignore")]
//! use std::time::Duration;
//! use tower::{Layer, ServiceExt};
//! use tower_bearer::BearerAuthLayer;
//! use tower_bearer::clock::{ManualClock, Timestamp};
//! use tower_bearer::keys::RemoteKeySet;
//! use tower_bearer::remote::HttpSettings;
//! use tower_bearer::testing::provider::{Endpoint, Fault, IdentityProvider};
//! use tower_bearer::verifier::jwt::JwtVerifier;
//!
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let clock = ManualClock::new(Timestamp::from_unix_secs(1_700_000_000));
//! let provider = IdentityProvider::builder().clock(clock.clone()).start();
//! let keys = RemoteKeySet::discover(provider.issuer())
//!     .http(HttpSettings::new().allow_plain_http())
//!     .clock(clock.clone())
//!     .start()
//!     .await?;
//! let verifier = JwtVerifier::rfc9068(&keys, provider.issuer(), provider.audience()).build()?;
//! let layer = BearerAuthLayer::builder(verifier).clock(clock.clone()).build()?;
//! # let service = tower::service_fn(|_: http::Request<String>| async {
//! #     let body = http_body_util::Full::<bytes::Bytes>::default();
//! #     Ok::<_, std::convert::Infallible>(http::Response::new(body))
//! # });
//! let service = layer.layer(service); // the one that is tested
//!
//! provider.fail(Fault::Down);
//! clock.advance(Duration::from_secs(300)); // the keys would be fetched again
//! let token = provider.token("alice").issue();
//! let request = http::Request::get("/orders").header("authorization", format!("Bearer {token}"));
//! # let request = request.body(String::new())?;
//! assert_eq!(service.oneshot(request).await?.status(), 200);
//! assert_eq!(provider.count(Endpoint::Jwks), 1); // in the beginning
//! # Ok::<(), Box<dyn std::error::Error>>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Slow is a matter of the test and not of a timer: what is [`Held`](Fault::Held) at a [`Gate`] is answered
//! when the test opens it, however late that is by a clock that the test moves.
//!
//! What is no fault, and odd all the same, is said by [`set_header`](IdentityProvider::set_header) and
//! [`set_metadata`](IdentityProvider::set_metadata).
//!
//! # Time
//! Tokens and introspection go by [`clock`](IdentityProviderBuilder::clock): give clones of one
//! [`ManualClock`](crate::clock::ManualClock) to the provider and to the layer.

mod answer;
mod body;
mod builder;
mod endpoint;
mod fault;
mod gate;
mod identity_provider;
mod introspection;
mod server;
mod state;
mod token;

pub use builder::IdentityProviderBuilder;
pub use endpoint::Endpoint;
pub use fault::Fault;
pub use gate::Gate;
pub use identity_provider::IdentityProvider;
pub use token::ProviderToken;

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
//! asked:
//!
//! ```
//! use tower_bearer::testing::provider::{Endpoint, Fault, Gate, IdentityProvider};
//!
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
//! let provider = IdentityProvider::start();
//! provider.fail(Fault::Down);
//! // … what is known goes on …
//! provider.recover();
//! provider.fail_at(Endpoint::Jwks, Fault::Html);
//! // … one bad answer, and the service says 503 to what it cannot judge …
//! provider.recover();
//! assert_eq!(provider.count(Endpoint::Jwks), 0); // nobody asked in this example
//! # }
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
mod jws;
mod server;
mod state;
mod token;

pub use builder::IdentityProviderBuilder;
pub use endpoint::Endpoint;
pub use fault::Fault;
pub use gate::Gate;
pub use identity_provider::IdentityProvider;
pub use token::ProviderToken;

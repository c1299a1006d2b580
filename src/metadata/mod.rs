//! What a resource says of itself (RFC 9728): who gives out tokens for it, and which it takes.
//!
//! 1. [`ResourceMetadata::builder`] describes the resource, and refuses what cannot be right.
//! 2. [`ResourceMetadataService`] serves the document. It stands outside of the layer, since a client that
//!    reads it has no token yet, and serves all resources of a host, each at its own path.
//! 3. [`resource_metadata`](crate::middleware::BearerAuthLayerBuilder::resource_metadata) names the
//!    document in every challenge of the layer, so that a client finds it from a 401 on.
//!
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use tower_bearer::metadata::{ResourceMetadata, ResourceMetadataService};
//! use tower_bearer::{BearerAuthLayer, ConfigError, TokenVerifier, policy::Policy};
//!
//! # async fn list() {}
//! fn app(verifier: impl TokenVerifier + 'static) -> Result<Router, ConfigError> {
//!     let metadata = ResourceMetadata::builder("https://api.example.com/orders")
//!         .authorization_server("https://id.example.com")
//!         .scopes_supported(["orders:read", "orders:write"])
//!         .build()?;
//!     let layer = BearerAuthLayer::builder(verifier)
//!         .resource_metadata(metadata.url())
//!         .require(Policy::scope("orders:read"))
//!         .build()?;
//!     Ok(Router::new()
//!         .route("/orders", get(list))
//!         .layer(layer)
//!         .route_service(metadata.path(), ResourceMetadataService::new([metadata.clone()])?))
//! }
//! ```
//!
//! A stranger is then told
//! `Bearer resource_metadata="https://api.example.com/.well-known/oauth-protected-resource/orders",
//! scope="orders:read"`, and needs no other configuration than the URL of the orders. The verifier must ask
//! for the resource's identifier as the audience: a token for somebody else is refused by that alone.

mod builder;
mod resource;
mod service;

pub use builder::ResourceMetadataBuilder;
pub use resource::ResourceMetadata;
pub use service::ResourceMetadataService;

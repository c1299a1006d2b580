//! The layer, the service that it makes, and the way of a request through it.
//!
//! 1. The credential is read ([`credential`](crate::credential)), and the `Authorization` header marked
//!    sensitive.
//! 2. A CORS preflight or an open gRPC method is passed on as it is, where that was asked for.
//! 3. Where there is no credential, and the layer is optional for this request, the caller is anonymous.
//! 4. The verifier judges it ([`verifier`](crate::verifier)).
//! 5. Where the token is bound to its holder, possession is proved ([`binding`](crate::binding)).
//! 6. The policy is held against the identity, or against the anonymous caller
//!    ([`policy`](crate::policy)).
//! 7. Whoever has the last word on the credential is asked, which notices a token that was ended while a
//!    lookup was waited for ([`OnAdmitted`](crate::identity::OnAdmitted)).
//! 8. The caller is put into the request's extensions in place of whoever an outer layer left there, and the
//!    inner service is called.
//! 9. Once there is a response, or nobody waits for one any more, whoever had the last word is told that the
//!    credential was used. It was not where the response is a refusal of a policy further in.
//!
//! What fails in 3 to 7 is answered with a challenge ([`challenge`](crate::challenge)), and the inner
//! service is not called.
//!
//! # The order of layers
//! In axum and in [`ServiceBuilder`](https://docs.rs/tower/latest/tower/struct.ServiceBuilder.html) they
//! read differently: axum's last `.layer()` is outermost, tonic's and the builder's first is. CORS belongs
//! outside this layer, since a preflight carries no credential; so do tracing and compression. The header
//! is marked sensitive from here on inwards: a tracing layer outside that prints headers prints the token,
//! unless tower-http's `SetSensitiveRequestHeadersLayer` stands outside of both. An axum
//! `.layer()` guards the fallback too, so an unknown path is 401 to a stranger; `.route_layer()` guards
//! routes only, so it is 404.

mod builder;
mod door;
mod future;
mod layer;
mod require;
mod service;
mod step;

pub use builder::BearerAuthLayerBuilder;
pub use future::ResponseFuture;
pub use layer::BearerAuthLayer;
pub use require::{Require, RequireFuture, RequireLayer};
pub use service::BearerAuth;

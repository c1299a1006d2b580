//! What a refused client is told (RFC 6750 §3, RFC 9110 §11, RFC 9449 §7.1, RFC 9457, RFC 9470,
//! RFC 9728 §5).
//!
//! This is the one place that chooses a status. The table, from reason to answer:
//!
//! | reason | HTTP | `error` | gRPC |
//! |---|---|---|---|
//! | missing, other scheme, anonymous | 401 | none | 16 |
//! | malformed, too large | 400 | `invalid_request` | 16 |
//! | invalid, expired, not yet valid, revoked, disabled, unproved | 401 | `invalid_token` | 16 |
//! | invalid proof, replayed | 401 | `invalid_dpop_proof` | 16 |
//! | nonce required | 401 | `use_dpop_nonce`, and a `DPoP-Nonce` header | 16 |
//! | insufficient scope | 403 | `insufficient_scope` | 7 |
//! | forbidden | 403 | `insufficient_scope` | 7 |
//! | insufficient authentication | 401 | `insufficient_user_authentication`, with `acr_values`, `max_age` | 16 |
//! | rate limited | 429 | no challenge | 8 |
//! | unavailable | 503 | no challenge | 14 |
//! | misconfigured | 500 | no challenge | 13 |
//!
//! Every challenge has the layer's `realm`, its `resource_metadata` (RFC 9728 §5.1), and as `scope` what the
//! layer's policy, and the policy that refused, ask for (RFC 6750 §3).
//!
//! Then, in this order:
//!
//! 1. A request whose content type is gRPC is answered as gRPC: HTTP 200, trailers only, unless the layer
//!    was told [otherwise](crate::middleware::BearerAuthLayerBuilder::without_grpc). Any other gets the
//!    status, a `WWW-Authenticate` challenge where the table has one, and a problem document
//!    (`application/problem+json`).
//! 2. A layer that takes tokens by `DPoP` as well challenges in both schemes, in a header each; what is
//!    wrong with a proof is said in that of `DPoP` alone.
//! 3. `Cache-Control: no-store` always; `Retry-After` where it helps.
//! 4. The refusal hook, if any, may change the HTTP status and body, but neither into a success nor into
//!    a 401 without a challenge.
//! 5. The [`Refusal`](crate::Refusal) is left in the response's extensions, for outer layers.
//!
//! A client cannot tell an unknown token from an expired, revoked or foreign one.

mod answer;
mod body;
mod by_scope;
mod challenger;
mod grpc;
mod header;
mod table;
mod written;

pub use answer::RefusalAnswer;
pub use body::ResponseBody;
pub use header::{Challenge, ErrorCode};

pub(crate) use challenger::{Challenger, ChallengerBuilder};
pub(crate) use grpc::is_grpc;
#[cfg(feature = "tonic")]
pub(crate) use table::{GrpcCode, row};
pub(crate) use written::DPOP_NONCE;

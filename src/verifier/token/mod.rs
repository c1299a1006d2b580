//! Verifying tokens that a store knows. The rules, in the order in which they are applied:
//!
//! 1. A text that is not in the verifier's format is refused, and the store is not asked.
//! 2. The record is looked up by the text's digest. No record: refused. No answer: unavailable.
//! 3. A record of a kind that the verifier does not serve is refused.
//! 4. So is one that is revoked, disabled, past its absolute limit, or idle for too long, in this order.
//!    A token is good while `now < expires` and `now < last_used + idle`.
//! 5. The use is recorded once the request was let in, and not before.

mod api_key;
mod core;
mod opaque;
#[cfg(feature = "tokio")]
mod touch;

pub use api_key::ApiKeyVerifier;
pub(super) use core::Core;
pub use opaque::OpaqueTokenVerifier;

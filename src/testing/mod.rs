//! Tests that an implementation of this crate's traits can prove itself with.
//!
//! They are plain async functions that panic where the contract is broken, and run on whatever runtime
//! the implementation needs.

#[cfg(feature = "tokens")]
pub mod store;

use crate::clock::Timestamp;
use crate::identity::Identity;

/// Does to an identity what the layer does when it lets a request in at `now`.
pub fn admit(identity: &Identity, now: Timestamp) {
    if let Some(listener) = identity.on_admitted() {
        listener.admitted(now);
    }
}

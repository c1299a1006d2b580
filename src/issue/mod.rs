//! Minting what the door verifies.
//!
//! The request path knows nothing of this module: it uses the same keys and the same store.

mod secret;

pub use secret::SecretToken;

//! Tests that an implementation of this crate's traits can prove itself with.
//!
//! They are plain async functions that panic where the contract is broken, and run on whatever runtime
//! the implementation needs.

#[cfg(feature = "tokens")]
pub mod store;
pub mod verifier;

//! Keys that verify signatures: where they come from, which are refused, and which one a token means.
//!
//! A [`VerificationKey`] is imported once, from a secret, PEM, DER or a JWK, and carries the one
//! [`Algorithm`] that it is for: a token does not choose. A [`KeySet`] holds one or several of them, and a
//! [`SharedKeySet`] is one that changes while it is in use. Keys that somebody else publishes are a
//! [`RemoteKeySet`].
//!
//! What is refused on import, whatever the format:
//!
//! 1. HMAC secrets shorter than the hash (RFC 7518 §3.2), and PEM in the place of one.
//! 2. RSA moduli outside 2048 to 8192 bits or even; exponents that are even, below 3, or 2^33 and above;
//!    keys with the fingerprint of the ROCA generator.
//! 3. Points that are not on their curve, compressed, or of the wrong length.
//! 4. Ed25519 keys of low order or with a second spelling; every other Edwards or Montgomery curve.
//! 5. A key of another type or curve than its algorithm works with.
//! 6. A private key or a certificate where a public key belongs.
//! 7. In a JWK (RFC 7517): a member twice, `use` other than `sig`, `key_ops` without `verify`, repeated or
//!    at odds with signatures, base64url that is not canonical, numbers with leading zeros.
//! 8. In a set: no key, a `kid` twice, secrets beside public keys, and a key without `kid` that another
//!    of its algorithm leaves without a name.
//!
//! ```
//! use tower_bearer::keys::{Algorithm, KeySet, VerificationKey};
//!
//! # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
//! let secret = [7; 32]; // from your configuration, not from your code
//! let key = VerificationKey::from_secret(Algorithm::HS256, &secret)?.with_kid("2026-01");
//! let keys = KeySet::new([key])?;
//! # }
//! # Ok::<(), tower_bearer::ConfigError>(())
//! ```
#![cfg_attr(
    not(any(feature = "aws-lc-rs", feature = "rust-crypto")),
    allow(
        dead_code,
        unused_variables,
        reason = "without a back end keys are read and then refused, so some of this is never reached"
    )
)]

mod algorithm;
#[cfg(feature = "aws-lc-rs")]
mod aws_lc;
mod backend;
pub(crate) mod base64url;
pub(crate) mod der;
#[cfg(feature = "jwks")]
pub mod discovery;
mod ed25519;
mod engine;
mod jwk;
mod material;
pub(crate) mod pem;
mod public;
#[cfg(feature = "jwks")]
pub mod remote;
mod roca;
#[cfg(feature = "rust-crypto")]
mod rust_crypto;
mod set;
mod shared;
pub(crate) mod signer;
mod supply;
mod verification;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use backend::CryptoBackend;
#[cfg(feature = "jwks")]
pub use remote::RemoteKeySet;
pub use set::KeySet;
pub use shared::{SharedKeySet, VerifierKeys};
pub use verification::VerificationKey;

pub(crate) use algorithm::Family;
pub(crate) use set::NoKey;
pub(crate) use shared::Source;
pub(crate) use supply::{Lookup, Supply, Waiting};

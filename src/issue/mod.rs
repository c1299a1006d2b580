//! Minting what the door verifies.
//!
//! The request path knows nothing of this module: it uses the same keys and the same store.

#[cfg(feature = "jwt")]
mod jwt;
mod secret;
#[cfg(feature = "jwt")]
mod signing_key;

#[cfg(feature = "jwt")]
pub use jwt::{IssueError, IssuedJwt, JwtIssuer, JwtIssuerBuilder, NewJwt};
pub use secret::SecretToken;
#[cfg(feature = "jwt")]
pub use signing_key::SigningKey;

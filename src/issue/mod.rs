//! Minting what the door verifies.
//!
//! The request path knows nothing of this module: it uses the same keys and the same store.

#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "jwt")]
mod new_jwt;
mod secret;
#[cfg(feature = "jwt")]
mod signing_key;

#[cfg(feature = "jwt")]
pub use jwt::{IssuedJwt, JwtIssuer, JwtIssuerBuilder};
#[cfg(feature = "jwt")]
pub use new_jwt::{IssueError, NewJwt};
pub use secret::SecretToken;
#[cfg(feature = "jwt")]
pub use signing_key::SigningKey;

//! Minting what the door verifies.
//!
//! The request path knows nothing of this module: it uses the same keys and the same store.

#[cfg(feature = "tokens")]
mod new_token;
mod secret;
#[cfg(feature = "tokens")]
mod token;

#[cfg(feature = "tokens")]
pub use new_token::NewToken;
pub use secret::SecretToken;
#[cfg(feature = "tokens")]
pub use token::{IssueError, Minted, TokenIssuer};

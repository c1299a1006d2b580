//! Minting what the door verifies.
//!
//! | to | use |
//! |---|---|
//! | sign JWTs | [`JwtIssuer`], with a [`SigningKey`] |
//! | change the key that signs | [`SigningKeys`] |
//! | serve the public keys | [`JwksService`] |
//! | vouch for a resource's metadata | [`JwtIssuer::sign_metadata`] |
//! | mint, list and end sessions, access tokens and bot tokens | [`TokenIssuer::opaque`] |
//! | mint, list and end API keys | [`TokenIssuer::api_keys`] |
//! | give each bot one token | [`TokenIssuer::regenerate`], or [`TokenIssuer::regenerate_jwt`] |
//! | give out access tokens with refresh tokens | [`RefreshTokens`] |
//! | extend a JWT and leave the old one good | [`Extension`] |
//! | let callers issue for themselves | [`IssuePolicy`], with [`TokenIssuer::mint_as`] or [`JwtIssuer::issue_as`] |
//!
//! A text that was minted is a [`SecretToken`], which is read once.
//!
//! The request path knows nothing of this module: it uses the same keys and the same store.

#[cfg(all(feature = "jwt", feature = "tokens"))]
mod backed;
#[cfg(any(feature = "jwt", feature = "tokens"))]
mod error;
#[cfg(feature = "jwt")]
mod extension;
#[cfg(feature = "jwt")]
mod jwks;
#[cfg(feature = "jwt")]
mod jwt;
#[cfg(feature = "jwt")]
mod jwt_builder;
#[cfg(feature = "jwt")]
mod jwt_told;
#[cfg(all(feature = "jwt", feature = "tokens"))]
mod login;
#[cfg(feature = "tokens")]
mod manage;
#[cfg(feature = "jwt")]
mod metadata;
#[cfg(feature = "tokens")]
mod mint;
#[cfg(feature = "jwt")]
mod new_jwt;
#[cfg(feature = "tokens")]
mod new_token;
#[cfg(any(feature = "jwt", feature = "tokens"))]
mod policy;
#[cfg(all(feature = "jwt", feature = "tokens"))]
mod refresh;
#[cfg(all(feature = "jwt", feature = "tokens"))]
mod refresh_sessions;
#[cfg(all(feature = "jwt", feature = "tokens"))]
mod renew;
#[cfg(all(feature = "jwt", feature = "tokens"))]
mod renew_error;
#[cfg(feature = "jwt")]
mod rotation_error;
#[cfg(any(feature = "jwt", feature = "tokens"))]
mod secret;
#[cfg(feature = "jwt")]
mod signing_key;
#[cfg(feature = "jwt")]
mod signing_keys;
#[cfg(feature = "tokens")]
mod token;

#[cfg(any(feature = "jwt", feature = "tokens"))]
pub use error::IssueError;
#[cfg(feature = "jwt")]
pub use extension::Extension;
#[cfg(feature = "jwt")]
pub use jwks::JwksService;
#[cfg(feature = "introspection")]
pub(crate) use jwt::{Header, random_id};
#[cfg(feature = "jwt")]
pub use jwt::{IssuedJwt, JwtIssuer};
#[cfg(feature = "jwt")]
pub use jwt_builder::JwtIssuerBuilder;
#[cfg(all(feature = "jwt", feature = "tokens"))]
pub use login::Login;
#[cfg(feature = "tokens")]
pub use mint::Minted;
#[cfg(feature = "jwt")]
pub use new_jwt::NewJwt;
#[cfg(feature = "tokens")]
pub use new_token::NewToken;
#[cfg(any(feature = "jwt", feature = "tokens"))]
pub use policy::IssuePolicy;
#[cfg(all(feature = "jwt", feature = "tokens"))]
pub use refresh::{RefreshTokens, TokenPair};
#[cfg(all(feature = "jwt", feature = "tokens"))]
pub use renew_error::RenewError;
#[cfg(feature = "jwt")]
pub use rotation_error::KeyRotationError;
#[cfg(any(feature = "jwt", feature = "tokens"))]
pub use secret::SecretToken;
#[cfg(feature = "jwt")]
pub use signing_key::SigningKey;
#[cfg(feature = "jwt")]
pub use signing_keys::SigningKeys;
#[cfg(feature = "tokens")]
pub use token::TokenIssuer;

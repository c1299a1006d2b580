//! How this crate asks servers elsewhere: for keys, for metadata, about tokens.
//!
//! The rules, in the order in which they are applied:
//!
//! 1. **Where to.** An endpoint is an absolute `https` URL without user information or fragment. Plain
//!    `http` is taken where [`allow_plain_http`](HttpSettings::allow_plain_http) says so, and nowhere else.
//! 2. **No proxy** is used, whatever the environment says, and no cookie is kept.
//! 3. **TLS** is by rustls, with the roots of the system and those of
//!    [`add_root_certificates`](HttpSettings::add_root_certificates).
//! 4. **Redirects** are followed to the same scheme, host and port alone, three times at most.
//! 5. **Deadlines.** Connecting has one and the whole exchange has one, body included.
//! 6. **Size.** A body is read up to a limit and not a byte further, whatever its length is said to be.
//!
//! Nothing is sent again by itself. Who asks decides what a failure means; to a request it is
//! [`Reason::Unavailable`](crate::Reason::Unavailable), never a refusal of its token.

mod client;
mod endpoint;
mod error;
mod settings;

#[cfg(feature = "introspection")]
pub(crate) use client::Fetched;
pub(crate) use client::HttpClient;
pub(crate) use endpoint::Endpoint;
pub use error::RemoteError;
pub use settings::HttpSettings;

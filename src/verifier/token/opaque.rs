use std::sync::Arc;

use async_trait::async_trait;

use super::core::Core;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::store::{Digests, OPAQUE_KINDS, TokenFormat, TokenStore};
use crate::verifier::{Answer, Presented, TokenVerifier};

/// Verifies opaque tokens: those of sessions, access tokens and bot tokens.
///
/// A token is good until its absolute limit, and while it is used often enough where it has an idle limit
/// as well. Each request that is let in slides the latter.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use tower_bearer::credential::BearerToken;
/// use tower_bearer::issue::{NewToken, TokenIssuer};
/// use tower_bearer::store::{MemoryStore, TokenFormat};
/// use tower_bearer::verifier::{OpaqueTokenVerifier, Presented};
/// use tower_bearer::{TokenVerifier, clock::Clock, clock::SystemClock};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let format = TokenFormat::new("acme_")?;
/// let issuer = TokenIssuer::opaque(store.clone(), format.clone());
/// let verifier = OpaqueTokenVerifier::new(store, format);
///
/// let session = NewToken::session("alice").idle(Duration::from_secs(30 * 60));
/// let minted = issuer.mint(session).await?;
/// let token = BearerToken::new(&minted.token.reveal())?;
/// let alice = verifier.verify(&Presented::new(token, SystemClock.now())).await?;
/// assert_eq!(alice.subject(), "alice");
/// # Ok(()) }
/// ```
///
/// Where the store hands out no listener of its own (see
/// [`Found::with_on_admitted`](crate::store::Found::with_on_admitted)), each use is written by a task on
/// tokio's runtime. Without the `tokio` feature it is not written, and such tokens do not slide.
#[derive(Debug, Clone)]
pub struct OpaqueTokenVerifier {
    format: TokenFormat,
    core: Arc<Core>,
}

impl OpaqueTokenVerifier {
    /// A verifier of the tokens in `store` that are in `format`.
    #[must_use]
    pub fn new(store: Arc<dyn TokenStore>, format: TokenFormat) -> Self {
        Self {
            format,
            core: Core::new(store, OPAQUE_KINDS),
        }
    }

    /// With digests that are made, or were made, in other ways than by a plain SHA-256. The issuer is to have
    /// the same.
    #[must_use]
    pub fn with_digests(self, digests: Digests) -> Self {
        Self {
            core: self.core.with_digests(digests),
            ..self
        }
    }

    /// The format of the tokens that it verifies.
    #[must_use]
    pub fn format(&self) -> &TokenFormat {
        &self.format
    }
}

#[async_trait]
impl TokenVerifier for OpaqueTokenVerifier {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.core.answer(&self.format, presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.core.answer(&self.format, presented))
    }
}

use std::sync::Arc;

use async_trait::async_trait;

use super::core::Core;
use crate::error::ConfigError;
use crate::identity::Identity;
use crate::refusal::Refusal;
use crate::store::{API_KEY_KINDS, Digests, TokenFormat, TokenStore};
use crate::verifier::{Answer, Presented, TokenVerifier};

/// Verifies API keys.
///
/// A key is told from every other token by its prefix. It is good until it is revoked, unless it was
/// minted with a limit.
///
/// ```
/// use std::sync::Arc;
/// use tower_bearer::credential::BearerToken;
/// use tower_bearer::issue::{NewToken, TokenIssuer};
/// use tower_bearer::store::{MemoryStore, TokenFormat};
/// use tower_bearer::verifier::{ApiKeyVerifier, Presented};
/// use tower_bearer::{TokenVerifier, clock::Clock, clock::SystemClock};
///
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = Arc::new(MemoryStore::new());
/// let format = TokenFormat::new("ak_")?;
/// let issuer = TokenIssuer::api_keys(store.clone(), format.clone())?;
/// let verifier = ApiKeyVerifier::new(store, format)?;
///
/// let minted = issuer.mint(NewToken::api_key("alice").name("ci")).await?;
/// let token = BearerToken::new(&minted.token.reveal())?;
/// let alice = verifier.verify(&Presented::new(token, SystemClock.now())).await?;
/// assert_eq!(alice.credential_name(), Some("ci"));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ApiKeyVerifier {
    format: TokenFormat,
    core: Arc<Core>,
}

impl ApiKeyVerifier {
    /// A verifier of the keys in `store` that are in `format`.
    ///
    /// # Errors
    /// If the format has no prefix.
    pub fn new(store: Arc<dyn TokenStore>, format: TokenFormat) -> Result<Self, ConfigError> {
        format.require_prefix()?;
        Ok(Self {
            format,
            core: Core::new(store, API_KEY_KINDS),
        })
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

    /// The format of the keys that it verifies.
    #[must_use]
    pub fn format(&self) -> &TokenFormat {
        &self.format
    }
}

#[async_trait]
impl TokenVerifier for ApiKeyVerifier {
    async fn verify(&self, presented: &Presented) -> Result<Identity, Refusal> {
        self.core.answer(&self.format, presented).wait().await
    }

    fn begin(&self, presented: &Presented) -> Option<Answer> {
        Some(self.core.answer(&self.format, presented))
    }
}

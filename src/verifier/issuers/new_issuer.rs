use std::fmt;
use std::sync::Arc;

use super::Inner;
use crate::clock::Clock;
use crate::keys::RemoteKeySet;
use crate::keys::remote::{RemoteKeySetBuilder, SetupError};
use crate::remote::HttpClient;
use crate::verifier::jwt::{JwtVerifier, JwtVerifierBuilder};

pub(super) type KeySettings =
    Option<Arc<dyn Fn(RemoteKeySetBuilder) -> RemoteKeySetBuilder + Send + Sync>>;

/// An issuer that was met for the first time, and what its verifier may be made with.
///
/// Nobody has vouched for it yet: it is what a token says, and what the rule accepted.
#[derive(Clone)]
pub struct NewIssuer {
    name: Arc<str>,
    client: HttpClient,
    key_settings: KeySettings,
    clock: Arc<dyn Clock>,
}

impl NewIssuer {
    pub(super) fn new(name: Arc<str>, inner: &Inner) -> Self {
        Self {
            name,
            client: inner.client.clone(),
            key_settings: inner.key_settings.clone(),
            clock: Arc::clone(&inner.clock),
        }
    }

    /// Its name, as it stands in `iss`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Begins its keys, found by its metadata. They are asked for through the client that all issuers share.
    pub fn discover(&self) -> RemoteKeySetBuilder {
        self.begun(RemoteKeySet::discover(&*self.name))
    }

    /// Begins its keys, published at `url`. They are asked for through the client that all issuers share.
    pub fn keys_at(&self, url: impl Into<String>) -> RemoteKeySetBuilder {
        self.begun(RemoteKeySet::builder(url))
    }

    /// Begins a verifier of its tokens, with the keys that [`discover`](Self::discover) finds. The audience is
    /// yet to be stated.
    ///
    /// # Errors
    /// If the issuer cannot be asked by its name, or there were no keys to be had.
    pub async fn jwt(&self) -> Result<JwtVerifierBuilder, SetupError> {
        let keys = self.discover().start().await?;
        Ok(JwtVerifier::builder(keys).issuer(Arc::clone(&self.name)))
    }

    fn begun(&self, keys: RemoteKeySetBuilder) -> RemoteKeySetBuilder {
        let keys = match &self.key_settings {
            Some(settings) => settings(keys),
            None => keys,
        };
        keys.client(self.client.clone())
            .clock(Arc::clone(&self.clock))
    }
}

impl fmt::Debug for NewIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewIssuer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

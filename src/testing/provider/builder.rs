use std::sync::Arc;

use super::identity_provider::IdentityProvider;
use super::server;
use super::state::State;
use crate::clock::{Clock, SystemClock};
use crate::issue::{SigningKey, SigningKeys};
use crate::keys::{Algorithm, VerificationKey};

/// Sets up an [`IdentityProvider`].
#[derive(Debug)]
#[must_use = "nothing is served until it is started"]
pub struct IdentityProviderBuilder {
    clock: Arc<dyn Clock>,
    audience: String,
    path: String,
    origin: Option<String>,
    key: Option<SigningKey>,
    client_key: Option<VerificationKey>,
}

impl IdentityProviderBuilder {
    pub(super) fn new() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            audience: "https://api.example.com".to_owned(),
            path: String::new(),
            origin: None,
            key: None,
            client_key: None,
        }
    }

    /// The clock that tokens and introspection go by: the system's unless set.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// For whom tokens are meant (`aud`): `https://api.example.com` unless set.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = audience.into();
        self
    }

    /// The path of the issuer, such as `/realms/acme`, or `/` for one that ends so: none unless set.
    ///
    /// # Panics
    /// If it does not begin with `/`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        assert!(self.path.starts_with('/'), "a path begins with /");
        self
    }

    /// The scheme, host and port that the issuer and its documents name, such as `https://localhost:4443`,
    /// where something stands in front of the provider: what ends TLS, or a proxy. Its own unless set.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = Some(origin.into());
        self
    }

    /// The key that signs: a new one for EdDSA unless set.
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Lets the client of introspection say who it is by an assertion that this key verifies (RFC 7523), as
    /// well as by its secret.
    pub fn client_key(mut self, key: VerificationKey) -> Self {
        self.client_key = Some(key);
        self
    }

    /// Starts the provider. It takes connections when this returns.
    ///
    /// # Panics
    /// If there is no free port, no thread to serve from, or no crypto back end to make a key with.
    #[must_use]
    pub fn start(self) -> IdentityProvider {
        let (listener, port) = server::listen();
        let local = format!("http://127.0.0.1:{port}");
        let key = self.key.unwrap_or_else(new_key);
        let mut state = State::new(self.origin.unwrap_or(local), self.path, key.into());
        state.keys = SigningKeys::clone(&state.keys).with_clock(Arc::clone(&self.clock));
        state.clock = self.clock;
        state.audience = self.audience;
        state.client_key = self.client_key;
        IdentityProvider::new(listener, port, state)
    }
}

pub(super) fn new_key() -> SigningKey {
    SigningKey::generate(Algorithm::EdDSA).expect("a key of the provider's own")
}

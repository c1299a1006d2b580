use std::fmt;
use std::net::TcpListener;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use serde::Serialize;

use super::builder::{IdentityProviderBuilder, new_key};
use super::endpoint::Endpoint;
use super::fault::Fault;
use super::introspection::CLIENT_ID;
use super::server::Server;
use super::state::State;
use super::token::ProviderToken;
use crate::issue::{KeyRotationError, SigningKeys};

/// An identity provider in the test's own process. The [module](super) tells what it is for.
///
/// It ends with its last clone.
#[derive(Clone)]
pub struct IdentityProvider {
    state: Arc<State>,
    server: Arc<Server>,
    port: u16,
}

/// Where it is.
impl IdentityProvider {
    /// Starts a provider with nothing set.
    ///
    /// # Panics
    /// As [`IdentityProviderBuilder::start`] does.
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Begins a provider with a clock, a path or a key of its own.
    pub fn builder() -> IdentityProviderBuilder {
        IdentityProviderBuilder::new()
    }

    pub(super) fn new(listener: TcpListener, port: u16, state: State) -> Self {
        let state = Arc::new(state);
        let server = Server::start(listener, Arc::clone(&state));
        Self {
            state,
            server: Arc::new(server),
            port,
        }
    }

    /// Its name (`iss`), which is a URL of its own.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.state.issuer
    }

    /// For whom its tokens are meant (`aud`), unless they say otherwise.
    #[must_use]
    pub fn audience(&self) -> &str {
        &self.state.audience
    }

    /// Where an endpoint is; of [`Endpoint::Elsewhere`] some place.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> String {
        self.state.url(endpoint)
    }

    /// The port of 127.0.0.1 that it listens on, for what stands in front of it.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The client that may ask about tokens.
    #[must_use]
    pub fn client_id(&self) -> &str {
        CLIENT_ID
    }

    /// The secret of that client. It is taken as `client_secret_basic` and `client_secret_post`.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.state.client_secret
    }
}

/// Tokens and keys.
impl IdentityProvider {
    /// Begins a token for `subject`.
    pub fn token(&self, subject: &str) -> ProviderToken<'_> {
        ProviderToken::new(&self.state, subject)
    }

    /// Ends a token before its time: introspection says that it is not active. A JWT goes on to be good
    /// by its signature.
    pub fn revoke(&self, token: &str) {
        self.state.revoke(token);
    }

    /// The `kid` of the key that signs.
    ///
    /// # Panics
    /// If it has none, which a secret may lack.
    #[must_use]
    pub fn kid(&self) -> String {
        let key = self.keys().current();
        key.kid().expect("a key with a kid").to_owned()
    }

    /// The keys, for what [`rotate`](Self::rotate) and [`withdraw`](Self::withdraw) do not do, such as
    /// publishing the next one ahead.
    #[must_use]
    pub fn keys(&self) -> &SigningKeys {
        &self.state.keys
    }

    /// Signs by another key from now on: the one that was published, or else a new one for EdDSA. The one
    /// before stays in the set. Returns the `kid` of the new one.
    ///
    /// # Panics
    /// If a key cannot be made, or the keys are secrets.
    pub fn rotate(&self) -> String {
        match self.keys().publish(new_key()) {
            Ok(()) | Err(KeyRotationError::AlreadyPublished) => {}
            Err(error) => panic!("no key can be published: {error}"),
        }
        self.keys().rotate_at_once().expect("a published key");
        self.kid()
    }

    /// Takes the key of this `kid` out of the set. If it is the one that signs, the keys
    /// [rotate](Self::rotate) first.
    ///
    /// # Panics
    /// If there is no such key.
    pub fn withdraw(&self, kid: &str) {
        if self.kid() == kid {
            self.rotate();
        }
        self.keys().retire(kid).expect("a key of this kid");
    }

    /// Puts a JWK into the set beside the provider's own keys, as the text that it is: a key for
    /// encryption, a `kid` for the second time, or no key at all.
    pub fn add_jwk(&self, jwk: impl Into<String>) {
        self.state.add_jwk(jwk.into());
    }

    /// The JWK Set as it is served.
    #[must_use]
    pub fn jwks(&self) -> String {
        self.state.jwks()
    }
}

/// Faults.
impl IdentityProvider {
    /// Fails at every endpoint in this way from now on.
    pub fn fail(&self, fault: Fault) {
        let is_down = matches!(fault, Fault::Down);
        let faults = std::iter::repeat_n(fault, Endpoint::ALL.len());
        for (endpoint, fault) in Endpoint::ALL.into_iter().zip(faults) {
            self.state.set_fault(endpoint, Some(fault));
        }
        if is_down {
            self.server.cut_all();
        }
    }

    /// Fails at this endpoint in this way from now on.
    pub fn fail_at(&self, endpoint: Endpoint, fault: Fault) {
        self.state.set_fault(endpoint, Some(fault));
    }

    /// Ends every fault. What waits at a [`Gate`](super::Gate) is let go by the gate alone.
    pub fn recover(&self) {
        for endpoint in Endpoint::ALL {
            self.state.set_fault(endpoint, None);
        }
    }

    /// Has the right answers of this endpoint say so in their head, or not have that header at all: a
    /// `Cache-Control` for a year, no `ETag`.
    ///
    /// # Panics
    /// If there can be no such header.
    pub fn set_header<'v>(
        &self,
        endpoint: Endpoint,
        name: &str,
        value: impl Into<Option<&'v str>>,
    ) {
        let name = HeaderName::try_from(name).expect("the name of a header");
        let value = value.into();
        let value = value.map(|value| HeaderValue::from_str(value).expect("a header's value"));
        self.state.set_header(endpoint, name, value);
    }

    /// Has both metadata documents say this of a member: another `issuer`, a `jwks_uri` of somebody else.
    /// One that is null is left out. Tokens and introspection go on as before.
    ///
    /// # Panics
    /// If the value does not serialize.
    pub fn set_metadata(&self, name: &str, value: impl Serialize) {
        let value = serde_json::to_value(value).expect("a value that serializes");
        self.state.set_metadata(name, value);
    }
}

/// What it was asked.
impl IdentityProvider {
    /// How many requests an endpoint had.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> u64 {
        self.state.count(endpoint)
    }

    /// Waits until an endpoint had so many requests, from the beginning.
    pub async fn asked(&self, endpoint: Endpoint, requests: u64) {
        let mut counts = self.state.counts.subscribe();
        let is_so = |counts: &[u64; Endpoint::ALL.len()]| counts[endpoint as usize] >= requests;
        // It cannot fail: the sender is here.
        let _ = counts.wait_for(is_so).await;
    }

    /// The last requests of an endpoint, oldest first: a hundred at most.
    #[must_use]
    pub fn requests(&self, endpoint: Endpoint) -> Vec<Request<Bytes>> {
        self.state.last(endpoint)
    }
}

impl fmt::Debug for IdentityProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityProvider")
            .field("issuer", &self.state.issuer)
            .field("keys", &self.state.keys)
            .finish_non_exhaustive()
    }
}

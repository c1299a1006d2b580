use std::fmt;
use std::sync::{Arc, PoisonError};

use tokio::task::AbortHandle;

use super::super::discovery::AuthorizationServer;
use super::super::set::KeySet;
use super::super::shared::{Source, VerifierKeys};
use super::super::supply::Lookup;
use super::builder::RemoteKeySetBuilder;
use super::error::{FetchError, SetupError};
use super::place::Metadata;
use super::shared::Shared;
use super::status::RemoteKeyStatus;
use crate::clock::Timestamp;

/// Keys that somebody else publishes, fetched and kept up to date. Clones share them.
///
/// The rules are in the [module's](super) documentation. The task that fetches ends when the last handle is
/// dropped, of which each verifier has one, or by [`shutdown`](Self::shutdown).
///
/// ```no_run
/// use tower_bearer::keys::RemoteKeySet;
/// use tower_bearer::verifier::jwt::JwtVerifier;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let keys = RemoteKeySet::builder("https://id.example.com/jwks").start().await?;
/// let verifier = JwtVerifier::builder(&keys)
///     .issuer("https://id.example.com")
///     .audience("https://api.example.com")
///     .build()?;
/// println!("{} keys, {:?} old", keys.status().keys, keys.status().age);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RemoteKeySet {
    shared: Arc<Shared>,
    metadata: Arc<Metadata>,
    // None in what keeps no task going.
    life: Option<Arc<Life>>,
}

/// Ends the task.
pub(super) struct Life(pub(super) AbortHandle);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl RemoteKeySet {
    /// Begins a set that is published at `url`.
    pub fn builder(url: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::stated(url.into())
    }

    /// Begins a set that is published where the metadata of `issuer` say (`jwks_uri`): by OpenID Connect
    /// Discovery or RFC 8414, as [`discovery`](super::super::discovery) tells.
    ///
    /// The metadata are read again [now and then](RemoteKeySetBuilder::discovery_interval), and when nothing is
    /// to be had where they said.
    pub fn discover(issuer: impl Into<String>) -> RemoteKeySetBuilder {
        RemoteKeySetBuilder::discovered(issuer.into())
    }

    pub(super) fn new(shared: Arc<Shared>, metadata: Arc<Metadata>, life: Life) -> Self {
        Self {
            shared,
            metadata,
            life: Some(Arc::new(life)),
        }
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> RemoteKeyStatus {
        self.shared.status()
    }

    /// The keys that are held now, whether or not they are too old to be gone by.
    #[must_use]
    pub fn load(&self) -> Arc<KeySet> {
        self.shared.keys().load()
    }

    /// The issuer's metadata as they were last read, for a set that was begun with
    /// [`discover`](Self::discover).
    #[must_use]
    pub fn metadata(&self) -> Option<Arc<AuthorizationServer>> {
        let metadata = self.metadata.read();
        metadata.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fetches the keys now: begins after this is called, and waits. For whoever was told that a key is to be
    /// given up, or at a command; it knows no cool-down.
    ///
    /// # Errors
    /// If nothing usable was fetched, or the task has ended. The keys that are held go on.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        let over = self.shared.ask().over().await;
        let gate = self.shared.gate();
        match &gate.last_failure {
            Some((_, error)) if gate.is_failing() => Err(error.clone()),
            _ if over.is_none() => Err(FetchError::new(
                Arc::clone(self.shared.name()),
                crate::remote::RemoteError::content("keys are no longer fetched"),
            )),
            _ => Ok(()),
        }
    }

    /// Waits until nothing is being fetched or about to be, for a test that moves a clock.
    pub async fn settled(&self) {
        while let Some(waiting) = self.shared.under_way() {
            if waiting.over().await.is_none() {
                return;
            }
        }
    }

    /// Ends the task that fetches, and waits for that. What is held goes on until it is too old.
    pub async fn shutdown(&self) {
        if let Some(life) = &self.life {
            life.0.abort();
        }
        self.shared.ended().await;
    }

    /// Waits for the first fetch.
    pub(super) async fn first(&self) -> Result<(), SetupError> {
        self.settled().await;
        let gate = self.shared.gate();
        match &gate.last_failure {
            Some((_, error)) if gate.is_failing() => Err(error.clone().into()),
            _ => Ok(()),
        }
    }

    /// Whether tokens may be judged at `now` by what is held. Has a refresh begin that is due.
    pub(crate) fn attend(&self, now: Timestamp) -> bool {
        self.shared.attend(now)
    }

    pub(crate) fn look_up(&self, now: Timestamp) -> Lookup {
        self.shared.look_up(now)
    }

    /// The same keys, by what keeps no task going.
    pub(crate) fn unattended(&self) -> Self {
        Self {
            life: None,
            ..self.clone()
        }
    }
}

impl From<RemoteKeySet> for VerifierKeys {
    fn from(keys: RemoteKeySet) -> Self {
        Self(Source::Shared(keys.shared.keys().clone(), Some(keys)))
    }
}

impl From<&RemoteKeySet> for VerifierKeys {
    fn from(keys: &RemoteKeySet) -> Self {
        keys.clone().into()
    }
}

impl fmt::Debug for RemoteKeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeySet")
            .field("name", self.shared.name())
            .field("keys", &self.load())
            .finish_non_exhaustive()
    }
}

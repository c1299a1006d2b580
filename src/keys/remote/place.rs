use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use super::super::discovery::{AuthorizationServer, Finder};
use super::error::FetchError;
use crate::clock::Timestamp;
use crate::remote::{Endpoint, HttpClient, RemoteError};

/// The metadata that were read last, for the handles.
pub(super) type Metadata = RwLock<Option<Arc<AuthorizationServer>>>;

/// Where the keys are.
pub(super) enum Place {
    Stated(Endpoint),
    Discovered(Discovered),
}

/// Where an issuer's metadata say that they are.
pub(super) struct Discovered {
    pub(super) finder: Finder,
    /// After how long the metadata are read again.
    pub(super) interval: Duration,
    pub(super) metadata: Arc<Metadata>,
    known: Option<Known>,
}

struct Known {
    endpoint: Endpoint,
    read_at: Timestamp,
    /// Whether nothing was to be had there: the keys may have moved.
    is_doubted: bool,
}

impl Place {
    /// The URL to ask at `now`, and what went wrong if it is the one of before for want of another.
    pub(super) async fn find(
        &mut self,
        client: &HttpClient,
        now: Timestamp,
    ) -> Result<(Endpoint, Option<FetchError>), FetchError> {
        match self {
            Self::Stated(endpoint) => Ok((endpoint.clone(), None)),
            Self::Discovered(discovered) => discovered.find(client, now).await,
        }
    }

    /// Nothing was to be had at the URL.
    pub(super) fn doubt(&mut self) {
        if let Self::Discovered(Discovered {
            known: Some(known), ..
        }) = self
        {
            known.is_doubted = true;
        }
    }
}

impl Discovered {
    pub(super) fn new(finder: Finder, interval: Duration, metadata: Arc<Metadata>) -> Self {
        Self {
            finder,
            interval,
            metadata,
            known: None,
        }
    }

    async fn find(
        &mut self,
        client: &HttpClient,
        now: Timestamp,
    ) -> Result<(Endpoint, Option<FetchError>), FetchError> {
        if let Some(known) = &self.known
            && !known.is_doubted
            && now.since(known.read_at) < self.interval
        {
            return Ok((known.endpoint.clone(), None));
        }
        match (self.discover(client).await, &self.known) {
            (Ok(endpoint), _) => {
                self.known = Some(Known {
                    endpoint: endpoint.clone(),
                    read_at: now,
                    is_doubted: false,
                });
                Ok((endpoint, None))
            }
            (Err(error), Some(known)) => Ok((known.endpoint.clone(), Some(error))),
            (Err(error), None) => Err(error),
        }
    }

    async fn discover(&self, client: &HttpClient) -> Result<Endpoint, FetchError> {
        let (server, from) = self.finder.find(client).await?;
        let bad = |error| FetchError::new(from.shown(), error);
        let text = server
            .jwks_uri()
            .ok_or_else(|| bad(RemoteError::content("the metadata name no jwks_uri")))?;
        let endpoint = client.endpoint("jwks_uri", text).map_err(|error| {
            bad(RemoteError::content("the jwks_uri may not be asked").with_source(error))
        })?;
        *self
            .metadata
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(server));
        Ok(endpoint)
    }
}

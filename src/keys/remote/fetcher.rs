use std::sync::Arc;

use http::header::{ACCEPT, CACHE_CONTROL, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use tokio::sync::watch;

use super::error::FetchError;
use super::freshness;
use super::place::Place;
use super::published::{Published, Wanted};
use super::settle::{Failed, Fetched};
use super::shared::Shared;
use crate::clock::Timestamp;
use crate::remote::{Endpoint, HttpClient, RemoteError};

/// Fetches keys, one fetch at a time, for as long as it is run.
pub(super) struct Fetcher {
    pub(super) shared: Arc<Shared>,
    pub(super) settled: watch::Sender<u64>,
    pub(super) client: HttpClient,
    pub(super) place: Place,
    pub(super) wanted: Wanted,
    /// What named the set that is held, and where.
    pub(super) known: Option<(Endpoint, HeaderValue)>,
}

impl Fetcher {
    pub(super) async fn run(mut self) {
        loop {
            let (cause, since) = self.shared.begin();
            let outcome = self.fetch(since).await;
            let due = self.shared.settle(cause, since, outcome);
            self.settled.send_modify(|settled| *settled += 1);
            self.shared.idle(due).await;
        }
    }

    async fn fetch(&mut self, now: Timestamp) -> Result<Fetched, Failed> {
        let (endpoint, discovery_error) = self.place.find(&self.client, now).await?;
        let fetched = self.fetch_from(&endpoint, now, discovery_error).await;
        if fetched.is_err() {
            self.place.doubt();
        }
        fetched
    }

    async fn fetch_from(
        &mut self,
        endpoint: &Endpoint,
        now: Timestamp,
        discovery_error: Option<FetchError>,
    ) -> Result<Fetched, Failed> {
        let failed = |error| FetchError::new(endpoint.shown(), error);
        let (headers, has_etag) = self.headers(endpoint);
        let answer = self.client.get(endpoint, headers).await.map_err(failed)?;
        let set = match answer.status {
            StatusCode::NOT_MODIFIED if has_etag => None,
            StatusCode::OK => {
                let read = self.wanted.read(&answer.body);
                let Published { keys, skipped } = read.map_err(|unusable| Failed {
                    error: failed(unusable.error),
                    skipped: unusable.skipped,
                })?;
                let etag = answer.headers.get(ETAG);
                self.known = etag.map(|etag| (endpoint.clone(), etag.clone()));
                Some((keys, skipped))
            }
            status => return Err(failed(RemoteError::status(status)).into()),
        };
        Ok(Fetched {
            set,
            said: freshness::lifetime(&answer.headers, now),
            discovery_error,
        })
    }

    fn headers(&self, endpoint: &Endpoint) -> (HeaderMap, bool) {
        let mut headers = HeaderMap::new();
        headers.insert(
            ACCEPT,
            HeaderValue::from_static("application/jwk-set+json, application/json"),
        );
        // RFC 9111 §5.2.1.4: caches on the way are to ask the issuer.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let etag = match &self.known {
            Some((at, etag)) if at == endpoint => Some(etag.clone()),
            _ => None,
        };
        let has_etag = etag.is_some();
        headers.extend(etag.map(|etag| (IF_NONE_MATCH, etag)));
        (headers, has_etag)
    }
}

impl From<FetchError> for Failed {
    fn from(error: FetchError) -> Self {
        Self {
            error,
            skipped: Vec::new(),
        }
    }
}

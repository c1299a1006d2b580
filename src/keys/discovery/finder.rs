use std::sync::Arc;

use http::StatusCode;
use http::header::{ACCEPT, HeaderMap, HeaderValue};

use super::super::remote::{FetchError, SetupError};
use super::server::AuthorizationServer;
use crate::error::ConfigError;
use crate::remote::{Endpoint, HttpClient, HttpSettings, RemoteError};

/// Where the metadata of an issuer are, on its own host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum WellKnown {
    /// First as for OpenID Connect, then as for RFC 8414.
    #[default]
    Either,
    /// `/.well-known/openid-configuration` behind the issuer's path (OpenID Connect Discovery 1.0 §4).
    OpenIdConfiguration,
    /// `/.well-known/oauth-authorization-server` before the issuer's path (RFC 8414 §3).
    OAuthAuthorizationServer,
}

/// Reads the metadata of an issuer once; [`fetch`](Self::fetch) does it.
#[derive(Debug, Clone)]
#[must_use = "nothing is read until it is fetched"]
pub struct Discovery {
    issuer: String,
    well_known: WellKnown,
    http: HttpSettings,
}

impl AuthorizationServer {
    /// Begins to read the metadata of `issuer`.
    pub fn discover(issuer: impl Into<String>) -> Discovery {
        Discovery {
            issuer: issuer.into(),
            well_known: WellKnown::default(),
            http: HttpSettings::new(),
        }
    }
}

impl Discovery {
    /// Where they are: at either place unless set.
    pub fn well_known(mut self, form: WellKnown) -> Self {
        self.well_known = form;
        self
    }

    /// How the server is asked.
    pub fn http(mut self, settings: HttpSettings) -> Self {
        self.http = settings;
        self
    }

    /// Reads them. Has to be called on a tokio runtime with I/O and a timer.
    ///
    /// # Errors
    /// If a setting cannot be right; if there was no answer, or none that could be used; or if the issuer in it
    /// is another.
    pub async fn fetch(&self) -> Result<AuthorizationServer, SetupError> {
        let client = self.http.build()?;
        let finder = Finder::new(&client, &self.issuer, self.well_known)?;
        Ok(finder.find(&client).await?.0)
    }
}

/// Knows where the metadata of an issuer are.
pub(crate) struct Finder {
    issuer: Arc<str>,
    places: Vec<Endpoint>,
}

impl Finder {
    pub(crate) fn new(
        client: &HttpClient,
        issuer: &str,
        form: WellKnown,
    ) -> Result<Self, ConfigError> {
        let home = client.endpoint("issuer", issuer)?;
        if home.has_query() {
            return Err(ConfigError::new("issuer", "it has a query"));
        }
        let path = home.path().trim_end_matches('/');
        let openid = || home.with_path(&format!("{path}/.well-known/openid-configuration"));
        let oauth = || home.with_path(&format!("/.well-known/oauth-authorization-server{path}"));
        Ok(Self {
            issuer: issuer.into(),
            places: match form {
                WellKnown::Either => vec![openid(), oauth()],
                WellKnown::OpenIdConfiguration => vec![openid()],
                WellKnown::OAuthAuthorizationServer => vec![oauth()],
            },
        })
    }

    /// The metadata, and where they were.
    pub(crate) async fn find(
        &self,
        client: &HttpClient,
    ) -> Result<(AuthorizationServer, &Endpoint), FetchError> {
        let mut not_there = None;
        for place in &self.places {
            let failed = |error| FetchError::new(place.shown(), error);
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            let answer = client.get(place, headers).await.map_err(failed)?;
            match answer.status {
                StatusCode::OK => {
                    let server = AuthorizationServer::read(&answer.body, &self.issuer);
                    return Ok((server.map_err(failed)?, place));
                }
                status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    not_there.get_or_insert(failed(RemoteError::status(status)));
                }
                status => return Err(failed(RemoteError::status(status))),
            }
        }
        // There is at least one place.
        Err(not_there.unwrap_or_else(|| {
            FetchError::new(
                Arc::clone(&self.issuer),
                RemoteError::content("there is nowhere to look"),
            )
        }))
    }
}
